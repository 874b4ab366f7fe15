//! The chunked coding, behind a head that announces it.

#![no_main]

use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|body: &[u8]| {
    let input = [HEAD, body].concat();
    fuzz::check(&input, fuzz::usual());
    fuzz::check(&input, fuzz::narrow());
});
