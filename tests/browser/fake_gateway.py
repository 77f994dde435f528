#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway that is made up: serves actors/gateway/web from disk and answers docs/gateway.md.

  tests/browser/fake_gateway.py --port 8401 [--machines 1000 --queues 200 --tasks 20000]
  --empty: no machine, no task · --setup: the wizard's gateway · --login: password "drover"
Tests turn it with POST /_fake/{silence,speak,reset,server-down,server-up,faster,failed,markup,step,
away,back,line,drained,stuck}.
"""

import argparse
import gzip
import json
import mimetypes
import pathlib
import queue
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fake_answers
from fake_flock import Flock, now_us

WEB = pathlib.Path(__file__).resolve().parents[2] / "actors/gateway/web"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    app = None

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        if len(data) > 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            data = self.app.zipped(data)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Frame-Options", "DENY")
        if self.path.startswith("/api"):
            self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status, sentence, **more):
        self.reply(status, {"error": {"code": "refused", "sentence": sentence, "path": self.path}} | more)

    def body(self):
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        return json.loads(data) if data else {}

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        body = self.body()
        if url.path.startswith("/_fake/"):
            return self.reply(200, self.app.turn(url.path[7:]))
        if not url.path.startswith("/api/"):
            return self.page(url.path)
        path = [urllib.parse.unquote(p) for p in url.path.split("/")[3:]]
        if (
            self.app.options.login
            and path != ["login"]
            and "drover_session=1" not in (self.headers.get("Cookie") or "")
        ):
            return self.refuse(401, "Log in first.")
        if path == ["login"]:
            if body.get("password") != "drover":
                return self.refuse(401, "No account has this name and password.")
            return self.reply(200, {}, Set_Cookie="drover_session=1; HttpOnly; SameSite=Strict; Path=/")
        if path == ["events"]:
            return self.events(query.get("after", ""))
        if self.command != "GET" and self.headers.get("X-Drover-Csrf") != "c5rf":
            return self.refuse(403, "X-Drover-Csrf is missing.")
        with self.app.lock:
            status, answer = fake_answers.answer(self.app, self.command, path, query, body)
        if isinstance(answer, bytes):
            return self.reply(status, answer, "application/x-ndjson")
        return self.reply(status, answer)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def page(self, path):
        file = WEB / path[1:]
        if path == "/" or "." not in path.rsplit("/", 1)[1]:
            file = WEB / "index.html"
        if not file.resolve().is_relative_to(WEB) or not file.is_file():
            return self.refuse(404, f"there is no {path}")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return self.reply(200, file.read_bytes(), kind + ("; charset=utf-8" if "text" in kind else ""))

    def events(self, after):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        app, mine = self.app, queue.Queue()
        app.flock.listeners.append(mine)
        self.close_connection = True
        try:
            boot = app.flock.boot
            self.send(0, "hello", {"boot": boot, "seq": app.flock.seq, "t_us": now_us()})
            if after and not after.startswith(boot):
                self.send(0, "reset", {})
            while True:
                seq, event, data = mine.get()
                if app.silent:
                    continue
                self.send(seq, event, data)
        except OSError:
            pass
        finally:
            app.flock.listeners.remove(mine)

    def send(self, seq, event, data):
        text = f"id: {self.app.flock.boot}-{seq}\nevent: {event}\ndata: {json.dumps(data)}\n\n"
        self.wfile.write(text.encode())
        self.wfile.flush()


class App:
    def __init__(self, options):
        self.options = options
        self.lock, self.silent, self.cache = threading.RLock(), False, {}
        few = options.empty or options.setup
        self.flock = Flock(
            0 if few else options.machines, options.queues, 0 if few else options.tasks, options.seed
        )
        self.config = fake_answers.Config()

    def zipped(self, data):
        key = hash(data)
        if key not in self.cache:
            if len(self.cache) > 200:
                self.cache.clear()
            self.cache[key] = gzip.compress(data, 6)
        return self.cache[key]

    def turn(self, what):
        flock = self.flock
        with self.lock:
            if what in ("silence", "speak"):
                self.silent = what == "silence"
            elif what == "reset":
                flock.say("reset", {})
            elif what in ("server-down", "server-up"):
                down = what == "server-down"
                flock.server = flock.server | {
                    "state": "down" if down else "ok",
                    "since_us": now_us(),
                    "sentence": "https://api.clear.ml does not answer; asked again each 5 s."
                    if down
                    else "",
                }
                flock.say("server", flock.server)
            elif what == "faster":
                self.config.write(
                    self.config.text.replace("max_machines: 12", "max_machines: 14"), "grace", "more room"
                )
            elif what == "failed":
                flock.actors["provisioner:aws"].update(
                    state="backoff", restarts=3, sentence="ended by signal 9; again in 8 s"
                )
                flock.say("actor", flock.actors["provisioner:aws"])
            elif what == "markup":
                flock.markup()
            elif what in ("away", "back"):
                flock.away(["The ledger is away since 14:02:11."] if what == "away" else [])
            elif what == "stuck":
                flock.stick()
            elif what == "line":
                flock.note("a line that was written behind the page's back")
            elif what == "drained":
                flock.drained_by_hand("ada")
            elif what == "step":
                flock.step()
        return {}

    def live(self):
        count = 0
        while True:
            time.sleep(1)
            count += 1
            with self.lock:
                if not self.options.still:
                    self.flock.step()
                if count % 10 == 0:
                    self.flock.sample()
                self.flock.say("tick", {"t_us": now_us()})


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A browser that left in the middle of an answer is no fault."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(*_)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--machines", type=int, default=13)
    parser.add_argument("--queues", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--role", default="operator", help="of whom asks")
    for name in ("empty", "setup", "login", "still"):
        parser.add_argument(f"--{name}", action="store_true")
    Handler.app = app = App(parser.parse_args())
    server = Server(("127.0.0.1", app.options.port), Handler)
    threading.Thread(target=app.live, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
