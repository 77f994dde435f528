# SPDX-License-Identifier: Apache-2.0
"""The HTTP of it: connections, TLS, and the faults that are of the wire."""
import contextlib
import http.server
import select
import socket
import ssl
import time
import uuid

from .errors import AwsError
from .front import Call, Reply


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def __init__(self, address, handler, owner, pair=None):
        self.owner, self.tls = owner, None
        if pair:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*pair)
        super().__init__(address, handler)

    def handle_error(self, *_):
        pass  # a caller that went away


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "AmazonEC2", ""
    disable_nagle_algorithm = True

    def setup(self):
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()
        self._close()

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(timestamp or self.server.owner.cloud.wall())

    def serve(self):
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(owner.front, self.command, self.path, self.headers, body)
        rule = owner.rules.take(call.action, call.params)
        call.entry.rule = rule and rule.number
        if owner.cloud.settings.latency_s:
            time.sleep(owner.cloud.settings.latency_s)
        reply = self._reply(owner.front, call, rule)
        if reply is None:
            owner.record.close(call.entry, 0, "closed")
            self._close()
            return
        owner.record.close(call.entry, reply.status, reply.code)
        self._send(reply, rule, call)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = serve

    def _reply(self, front, call, rule):
        """The Reply; None: the connection is closed without one."""
        fault, how = (rule.fault, rule.how) if rule else (None, {})
        reply = there = None
        if not rule or rule.acts_first():
            reply = front.act(call)
        if rule:
            self.server.owner.rules.meet(rule)
        if fault in ("close_before", "close_after"):
            return None
        if fault == "hang":
            there = self._hang(rule)
            if reply is None and (there or how.get("late")):
                reply = front.act(call)
            return reply if there else None
        if fault == "delay":
            time.sleep(how.get("seconds", 1))
        if fault == "error":
            return front.refuse(call, AwsError(how.get("code", "InternalError"),
                                               how.get("message", ""), how.get("status")))
        if fault == "garbage":
            return Reply(200, "text/html", b"<!doctype html><title>Sign in</title><p>&nbsp;", "garbage")
        if fault == "http":
            extra = [("Retry-After", str(how["retry_after"]))] if how.get("retry_after") else []
            return Reply(how.get("status", 503), how.get("content_type", "text/plain"),
                         how.get("body", "").encode(), "http", extra)
        return reply

    def _hang(self, rule):
        """Holds the call until it is let go (True) or nobody waits any more (False)."""
        while True:
            released = rule.let_go.wait(0.02)
            if select.select([self.connection], [], [], 0)[0]:
                # TLS says goodbye in bytes; a plain caller that left is at its end.
                if self.server.tls or self.connection.recv(1, socket.MSG_PEEK) == b"":
                    if rule.how.get("late"):
                        rule.let_go.wait()
                    return False
            if released:
                return True

    def _send(self, reply, rule, call):
        fault = rule.fault if rule else None
        body = reply.body
        try:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("x-amzn-RequestId", call.request_id or str(uuid.uuid4()))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if fault == "slow":
                self._trickle(body, rule.how.get("seconds", 1))
            else:
                self.wfile.write(body[:len(body) // 2] if fault == "truncate" else body)
        except OSError:
            self.close_connection = True
        if fault == "truncate":
            self._close()

    def _trickle(self, body, seconds):
        step = max(1, len(body) // 20)
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            self.wfile.flush()
            time.sleep(seconds / 20)

    def _close(self):
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.request.close()
