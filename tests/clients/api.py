"""What uvicorn serves."""

import os


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"x-worker", os.environ["EVENKEEL_SLOT"].encode()), (b"content-length", b"8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"uvicorn\n"})
