//! What is sent.

/// One kind of request.
pub(super) struct Case {
    pub(super) name: &'static str,
    head: &'static str,
    body: &'static str,
    /// Requests in one input.
    pub(super) requests: u64,
}

impl Case {
    pub(super) fn input(&self) -> Vec<u8> {
        let times = usize::try_from(self.requests).unwrap_or(1);
        [self.head, self.body].concat().repeat(times).into_bytes()
    }
}

const WRK: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// As Chromium sends it.
const BROWSER: &str = "GET /search?q=even+keel&page=2 HTTP/1.1\r\nHost: www.example.com\r\n\
    Connection: keep-alive\r\nsec-ch-ua: \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/131.0.0.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,\
    image/avif,image/webp,*/*;q=0.8\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Dest: document\r\nReferer: http://www.example.com/\r\nAccept-Encoding: gzip, deflate\r\n\
    Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

pub(super) const CASES: &[Case] = &[
    Case { name: "get", head: WRK, body: "", requests: 1 },
    Case { name: "get, 16 pipelined", head: WRK, body: "", requests: 16 },
    Case { name: "get of a browser", head: BROWSER, body: "", requests: 1 },
    Case {
        name: "post with a length",
        head: "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
            Content-Length: 16\r\n\r\n",
        body: "{\"even\":\"keel\"}\n",
        requests: 1,
    },
    Case {
        name: "post in chunks",
        head: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        body: "9\r\n{\"even\":\"\r\n7\r\nkeel\"}\n\r\n0\r\n\r\n",
        requests: 1,
    },
    Case { name: "refusal", head: "GET / HTTP/1.1\r\n\r\n", body: "", requests: 1 },
];
