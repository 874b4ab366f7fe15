//! Request lines and fields, as they come.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    fuzz::check(input, fuzz::usual());
    fuzz::check(input, fuzz::narrow());
});
