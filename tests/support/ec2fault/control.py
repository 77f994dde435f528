# SPDX-License-Identifier: Apache-2.0
"""The control API: Ec2Fault's methods over HTTP and JSON, for those that are no Python in this process."""
import http.server
import json
import threading
import urllib.parse

METHODS = {
    "instances", "instance", "wait", "shutdown", "set_state", "run", "fail_launches", "forget",
    "protect", "user_data", "console", "console_unsupported", "notice", "interrupt", "spot_price",
    "capacity", "quota", "sold_in", "rule", "clear_rule", "clear_rules", "release", "met", "wait_met",
    "add_key", "temporary_key", "expire_key", "remove_key", "deny", "allow", "web_identity", "settings",
    "skip", "freeze", "add_image", "requests", "wait_answered", "counts", "violations", "peak",
    "launched", "life", "clear_record",
}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _run(self, arguments):
        name = urllib.parse.urlsplit(self.path).path.removeprefix("/_fault/")
        if name not in METHODS:
            raise ValueError("no such method: " + self.path)
        found = getattr(self.server.owner, name)
        if not callable(found):
            return found
        if name in ("deny", "allow"):
            return found(*arguments["actions"])
        return found(**arguments)

    def serve(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            arguments = json.loads(raw) if raw else {}
            query = urllib.parse.urlsplit(self.path).query
            arguments.update(urllib.parse.parse_qsl(query))
            status, answer = 200, {"result": self._run(arguments)}
        except KeyError as error:
            status, answer = 400, {"error": "unknown: %s" % error}
        except (ValueError, TypeError, AttributeError) as error:
            status, answer = 400, {"error": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a caller that went away


class Control:
    def __init__(self, address, port, owner):
        self._server = _Server((address, port), _Handler)
        self._server.owner = owner
        self.url = "http://%s:%d" % (address, self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
