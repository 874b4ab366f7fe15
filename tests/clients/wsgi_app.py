"""What gunicorn serves."""

import os


def app(environ, start_response):
    worker = os.environ["EVENKEEL_SLOT"]
    start_response("200 OK", [("X-Worker", worker), ("Content-Length", "9")])
    return [b"gunicorn\n"]
