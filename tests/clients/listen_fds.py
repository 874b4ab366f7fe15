"""A server that takes its listener as sd_listen_fds(3) has it, and finishes at SIGTERM."""

import http.server
import os
import signal
import socket
import threading

assert int(os.environ["LISTEN_PID"]) == os.getpid()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = ["EVENKEEL_SLOT", "LISTEN_FDS", "LISTEN_FDNAMES", "GREETING", "EVENKEEL_NAME"]
        body = " ".join(os.environ.get(name, "-") for name in names)
        body = f"{body} descriptors {sorted(map(int, os.listdir('/proc/self/fd')))[:6]}\n".encode()
        self.send_response(200)
        self.send_header("X-Worker", os.environ["EVENKEEL_SLOT"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=3)
stop = threading.Thread(target=server.shutdown)
signal.signal(signal.SIGTERM, lambda *_: stop.start())
print("python serves", flush=True)
server.serve_forever(poll_interval=0.01)
