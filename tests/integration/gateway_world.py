# SPDX-License-Identifier: Apache-2.0
"""A browser for the tests: enters the dashboard of a world by its one-time link, reads the API, and keeps
a page's picture from the live stream."""
import json
import os
import socket
import threading
import urllib.error
import urllib.request

from world import eventually


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Browser:
    def __init__(self, world, port):
        self.world, self.url, self.cookie = world, "http://127.0.0.1:%d" % port, ""
        eventually(self._enter, 30, "the dashboard lets us in")

    def _enter(self):
        path = os.path.join(self.world.state_dir, "run", "login")
        if not os.path.exists(path):
            return False
        with open(path) as file:
            link = file.read().strip()
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(link, timeout=10) as answer:
                cookie = answer.headers["Set-Cookie"]
        except urllib.error.HTTPError as error:
            cookie = error.headers["Set-Cookie"]
        except OSError:
            return False
        self.cookie = cookie.split(";")[0] if cookie else ""
        return bool(cookie)

    def open(self, path, timeout=10):
        request = urllib.request.Request(self.url + path, headers={"Cookie": self.cookie})
        return urllib.request.urlopen(request, timeout=timeout)

    def get(self, path):
        with self.open("/api/v1/" + path) as answer:
            return json.load(answer)

    def status(self, path):
        try:
            with self.open("/api/v1/" + path) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Page:
    """What a page knows that fetched the state once and then only listens."""

    def __init__(self, browser):
        state = browser.get("state")
        self.machines = {m["id"]: m for m in state["machines"]}
        self.queues = {q["name"]: q for q in state["queues"]}
        self.actors = {a["actor"]: a for a in state["actors"]}
        self.parts = {name: state[name] for name in ("counts", "server", "pauses", "blocked", "money")}
        self.parts["missing"] = {name: state[name] for name in ("ready", "missing")}
        self.activity, self.samples, self.resets = [], [], 0
        self.lock = threading.Lock()
        self.stream = browser.open("/api/v1/events?after=%s-%d" % (state["boot"], state["seq"]), 120)
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        name = ""
        try:
            for line in self.stream:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    with self.lock:
                        self._take(name, json.loads(line[6:]))
        except (OSError, ValueError, AttributeError): # AttributeError: http.client on one that was closed
            pass

    def _take(self, name, data):
        if name == "machine":
            self.machines[data["id"]] = data
        elif name == "queue":
            self.queues[data["name"]] = data
        elif name == "actor":
            self.actors[data["actor"]] = data
        elif name == "activity":
            self.activity.append(data)
        elif name == "sample":
            self.samples.append(data)
        elif name == "reset":
            self.resets += 1
        elif name in self.parts:
            self.parts[name] = data

    def close(self):
        self.stream.close()
        self.listener.join(10)
