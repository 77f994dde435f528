# SPDX-License-Identifier: Apache-2.0
"""A plain HTTP proxy before the ClearML server that notes every call and can hold single ones: the
request before the server sees it, or the reply after the server acted. What a slow network or a
server that hangs does by chance happens here on purpose."""
import contextlib
import http.client
import http.server
import json
import select
import socket
import threading
import time
import urllib.parse


class Call:
    """One call that came through. Times are time.monotonic()."""

    def __init__(self, endpoint, body):
        self.endpoint, self.body = endpoint, body
        self.came = time.monotonic()
        self.answered, self.data = None, {}


class Hold:
    """Holds calls that match. at: "request" (the server has not seen it) or "reply" (the server has
    acted, its caller does not know). A held request whose caller dies is dropped; if it is `late` it
    reaches the server all the same, once it is released, as from a server's backlog."""

    def __init__(self, matches, at, late, once):
        self.matches, self.at, self.late, self.once = matches, at, late, once
        self.met, self.let_go, self.caller_gone = (threading.Event() for _ in range(3))

    def release(self):
        self.let_go.set()

    def wait(self, connection):
        """True: go on. False: nobody waits for the answer any more."""
        self.met.set()
        while not self.let_go.wait(0.02):
            readable = select.select([connection], [], [], 0)[0]
            if readable and connection.recv(1, socket.MSG_PEEK) == b"":
                self.caller_gone.set()
                return False
        return True


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def serve(self):
        proxy = self.server.proxy
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            body = {}
        call = Call(self.path.rsplit("/", 1)[-1], body if isinstance(body, dict) else {})
        there = True
        hold = proxy.hold_for(call, "request")
        if hold:
            there = hold.wait(self.connection)
            if not there:
                self.close_connection = True
                if not hold.late:
                    return
                hold.let_go.wait()
        status, headers, answer = proxy.forward(self.command, self.path, raw, self.headers)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            call.data = json.loads(answer)["data"]
        hold = there and proxy.hold_for(call, "reply")
        if hold:
            there = hold.wait(self.connection)
        call.answered = time.monotonic()
        proxy.calls.append(call)
        if not there:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = serve


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a caller that was killed


class HoldProxy:
    """upstream: "http://127.0.0.1:8008", or a function that tells it once it is known."""

    def __init__(self, upstream):
        self._upstream = upstream
        self._holds, self._lock = [], threading.Lock()
        self.calls = []  # those that were answered, in that order
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        with self._lock:
            for hold in self._holds:
                hold.release()
            self._holds = []
        self._server.shutdown()
        self._server.server_close()

    def hold(self, matches, at="request", late=False, once=True):
        """matches(call) -> whether to hold it; once: only the first that does."""
        hold = Hold(matches, at, late, once)
        with self._lock:
            self._holds.append(hold)
        return hold

    def end(self, hold):
        """Lets go what is held, and holds no more."""
        with self._lock:
            if hold in self._holds:
                self._holds.remove(hold)
        hold.release()

    def hold_for(self, call, at):
        with self._lock:
            for hold in self._holds:
                if hold.at == at and hold.matches(call):
                    if hold.once:
                        self._holds.remove(hold)
                    return hold
        return None

    def forward(self, method, path, body, headers):
        url = self._upstream() if callable(self._upstream) else self._upstream
        passed = {name: value for name, value in headers.items()
                  if name.lower() not in ("host", "connection", "content-length")}
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
        try:
            connection.request(method, path, body, passed)
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in
                    ("connection", "content-length", "transfer-encoding", "date", "server")]
            return answer.status, kept, answer.read()
        except OSError as error:
            return 502, [("Content-Type", "text/plain")], str(error).encode()
        finally:
            connection.close()
