//! Where messages end: pipelines of pieces that are plausible each.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let input = fuzz::spell(text);
    fuzz::check(&input, fuzz::usual());
    fuzz::check(&input, fuzz::narrow());
});
