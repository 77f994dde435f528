# SPDX-License-Identifier: Apache-2.0
"""A web proxy that stands between droverd and the ClearML server and strikes on demand.

It speaks HTTPS with a certificate of its own authority (proxy.ca_file) and hands everything on to
the server behind it, until strike(fault) is called: then each request, new connections included,
meets that fault, until heal(). Every change cuts the connections that are open.
"""
import contextlib
import http.client
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import urllib.parse


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_certificate(directory, name, host):
    """A self-signed certificate for `host`, which is its own authority. (certificate, key)."""
    cert, key = (os.path.join(directory, name + end) for end in (".pem", ".key"))
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=" + name, "-addext", "subjectAltName=" + host,
             "-keyout", key, "-out", cert)
    return cert, key


def _tls(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def api_error(code, subcode, message):
    """A body as the ClearML server writes its errors."""
    return json.dumps({"meta": {"result_code": code, "result_subcode": subcode,
                                "result_msg": message, "error_data": {}}, "data": {}}).encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        self.proxy = self.server.proxy
        self.request = self.proxy.handshake(self.request)
        super().setup()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        self.proxy.forget(self.request)

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", content_type="application/json", length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.proxy.count(self.path)
        fault = self.proxy.fault
        if fault is None:
            answer = self.forward(body)
            self.proxy.sizes.append(len(body) + len(answer[1]))
            self.send(*answer)
        else:
            self.proxy.met += 1
            getattr(self, "fault_" + fault)(body)

    do_GET = do_POST = serve

    def forward(self, body):
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        keep = {name: value for name, value in self.headers.items()
                if name.lower() in ("authorization", "content-type", "x-clearml-client")}
        try:
            upstream.request(self.command, self.path, body, keep)
            answer = upstream.getresponse()
            return (answer.status, answer.read(),
                    answer.headers.get("Content-Type", "application/json"))
        finally:
            upstream.close()

    # ---- the faults ------------------------------------------------------------------------------
    def fault_500(self, _):
        self.send(500, api_error(500, 0, "General data error (fault)"))

    def fault_502(self, _):
        self.send(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html")

    def fault_503(self, _):
        self.send(503, b"<html><h1>503 Service Unavailable</h1></html>", "text/html")

    def fault_busy(self, _):
        self.send(429, b"slow down", "text/plain", Retry_After="1")

    def fault_html(self, _):
        self.send(200, b"<!doctype html><title>ClearML</title>", "text/html")

    def fault_half(self, body):
        status, whole, content_type = self.forward(body)
        self.send(status, whole[:len(whole) // 2], content_type, length=len(whole))
        self.close_connection = True

    def fault_redirect(self, _):
        self.send(302, Location="https://login.example/sso?next=/")

    def fault_key(self, _):
        """As a server answers whose key was revoked, its tokens with it."""
        if self.path.endswith("/auth.login"):
            self.send(401, api_error(401, 22, "Unauthorized (invalid credentials) "
                                              "(failed to locate provided credentials)"))
        else:
            self.send(401, api_error(401, 30, "Invalid token (invalid jwt token)"))

    def fault_no_lists(self, body):
        """A list's page is missing: a good answer whose data has no list."""
        status, whole, content_type = self.forward(body)
        answer = json.loads(whole)
        for name in ("queues", "workers", "tasks"):
            answer["data"].pop(name, None)
        self.send(status, json.dumps(answer).encode(), content_type)

    def fault_empty_lists(self, body):
        """A lie in good form: nobody works here, nothing waits."""
        status, whole, content_type = self.forward(body)
        answer = json.loads(whole)
        for name in ("queues", "workers", "tasks"):
            if name in answer["data"]:
                answer["data"][name] = []
        self.send(status, json.dumps(answer).encode(), content_type)


class FaultProxy:
    """upstream: "http://127.0.0.1:8008". directory: where certificates may be written."""

    def __init__(self, upstream, directory):
        self.upstream = urllib.parse.urlsplit(upstream).netloc
        good = make_certificate(directory, "proxy", "IP:127.0.0.1")
        name = make_certificate(directory, "name", "DNS:elsewhere.example")
        other = make_certificate(directory, "other", "IP:127.0.0.1")
        self.ca_file = os.path.join(directory, "trusted.pem")
        with open(self.ca_file, "w") as file:
            file.write("".join(open(cert).read() for cert, _ in (good, name)))
        self._good = _tls(good)
        self._wrong = {"name": _tls(name), "certificate": _tls(other)}
        self.fault = None
        self.met = 0     # requests and handshakes that met the fault
        self.calls = []  # paths asked for since the last strike
        self.sizes = []  # bytes of each request and its answer, bodies only
        self._open = set()
        self._lock = threading.Lock()
        self._server = None
        self.port = 0
        self._listen()
        self.url = "https://127.0.0.1:%d" % self.port

    def _listen(self):
        http.server.ThreadingHTTPServer.request_queue_size = 128
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), _Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self._server.proxy = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def handshake(self, raw):
        wrong = self._wrong.get(self.fault)
        self.met += wrong is not None
        secure = (wrong or self._good).wrap_socket(raw, server_side=True)
        with self._lock:
            self._open.add(secure)
        return secure

    def forget(self, connection):
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def count(self, path):
        with self._lock:
            self.calls.append(path)

    def _cut(self):
        with self._lock:
            gone, self._open = self._open, set()
            self.calls = []
        for connection in gone:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def strike(self, fault):
        """One of the fault_ names above, or "certificate" (of an unknown authority), "name" (a
        trusted certificate of another host), "down" (connections are refused)."""
        self.fault, self.met = fault, 0
        if fault == "down":
            self._close()
        self._cut()

    def heal(self):
        was, self.fault = self.fault, None
        self._cut()
        if was == "down":
            self._listen()

    def _close(self):
        self._server.shutdown()
        self._server.server_close()

    def close(self):
        if self.fault != "down":
            self._close()
        self._cut()
