#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A web server that misbehaves on demand, for tests: what it does stands in the path.

Prints its port on the first line of stdout and serves until its stdin closes, so that it never
outlives the test that started it. With --tls CERT KEY it speaks HTTPS.
"""
import argparse
import gzip
import http.server
import json
import ssl
import sys
import threading
import time


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    connections = 0

    def setup(self):
        super().setup()
        Peer.connections += 1

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mode, _, rest = self.path.lstrip("/").partition("/")
        act = getattr(self, "on_" + mode.replace(".", "_"), None)
        if act is None:
            self.reply(404)
        else:
            act(rest, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve

    def do_CONNECT(self):
        self.reply(407, Proxy_Authenticate="Basic")
        self.close_connection = True

    def on_echo(self, _, body):
        said = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
            "connections": Peer.connections,
        }
        self.reply(200, json.dumps(said).encode(), Content_Type="application/json")

    def on_status(self, code, _):
        self.reply(int(code), b"{}", Retry_After="7", Content_Type="application/json")

    def on_redirect(self, _, __):
        self.reply(302, Location="https://elsewhere.example/login?token=hidden")

    def on_slow(self, _, __):
        time.sleep(30)

    def on_half(self, _, __):
        self.reply(200, b'{"data": [1, 2', length=1000)
        self.close_connection = True

    def on_nothing(self, _, __):
        self.close_connection = True

    def on_garbage(self, _, __):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def on_big(self, _, __):
        self.reply(200, b"x" * 100, length=10**9)
        self.close_connection = True

    def on_endless(self, _, __):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.chunk(b"x" * 65536)
        except OSError:
            self.close_connection = True

    def on_gzip(self, size, _):
        self.reply(200, gzip.compress(b"y" * int(size)), Content_Encoding="gzip")


def main(handler=Peer):
    options = argparse.ArgumentParser()
    options.add_argument("--tls", nargs=2)
    chosen = options.parse_args()
    http.server.ThreadingHTTPServer.request_queue_size = 128  # 5 would drop a burst's SYNs
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if chosen.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*chosen.tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
