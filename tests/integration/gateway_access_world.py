# SPDX-License-Identifier: Apache-2.0
"""A world with a gateway, and tokens of both roles."""
import http.client
import json
import os
import pathlib
import re
import sys

from world import World, eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]


def operations():
    """[(method, path, role, operationId)] of routes.def."""
    rows = re.findall(r'^ROUTE\((\w+), "([^"]+)", (\w+), (\w+)\)$',
                      (ROOT / "actors/gateway/routes.def").read_text(), re.M)
    assert len(rows) > 30, rows
    return rows


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()
        self.text = self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Gateway(World):
    def __init__(self, config=None):
        super().__init__(dict({"gateway": {"listen": "127.0.0.1:0"}}, **(config or {})))

    def __enter__(self):
        super().__enter__()
        try:
            path = os.path.join(self.state_dir, "run", "gateway.json")
            eventually(lambda: os.path.exists(path), 30, "the gateway says where it is")
            self.url = json.loads(pathlib.Path(path).read_text())["url"].rstrip("/")
            self.session, self.csrf = self.enter()
            self.operator = self.token("op", "operator")
            self.viewer = self.token("look", "viewer")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def ask(self, method, path, body=None, token=None, headers=(), timeout=30):
        """body: what becomes JSON, or bytes as they are."""
        headers = dict(headers)
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        line = http.client.HTTPConnection(self.url.split("://")[1], timeout=timeout)
        try:
            line.request(method, path, body, headers)
            return Answer(line.getresponse())
        finally:
            line.close()

    def settled(self):
        """All that was done so far is in the history: the gateway has nothing left to tell."""
        waits = os.path.join(self.state_dir, "gateway", "notes.json")
        eventually(lambda: not os.path.exists(waits), 20, "the ledger has taken every note")

    def link(self):
        with open(os.path.join(self.state_dir, "run", "login")) as file:
            return file.read().strip()

    def enter(self):
        """A session by the one-time link: the cookie, and what goes into X-Drover-Csrf."""
        answer = self.ask("GET", self.link()[len(self.url):])
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        return cookie, self.ask("GET", "/api/v1/me", headers={"Cookie": cookie}).json["csrf"]

    def token(self, name, role):
        answer = self.ask("POST", "/api/v1/tokens", {"name": name, "role": role},
                          headers={"Cookie": self.session, "X-Drover-Csrf": self.csrf})
        assert answer.status == 201, answer.text
        return answer.json["token"]

    def first_machine(self):
        """The row of a machine that an agent runs on, so that there is something to tell."""
        def up():
            state = self.ask("GET", "/api/v1/state", token=self.operator).json
            return [m["id"] for m in state["machines"] if m["phase"] in ("running", "idle", "ended")]
        return eventually(up, 60, "a machine is up")[0]

    def questions(self):
        """[(request, actor)]: what may be asked and changes nothing."""
        return [("ledger.snapshot", "ledger"), ("picture.get", "watcher"), ("plan.get", "planner"),
                ("actors.get", "bus"), ("cloud.get", "provisioner.local"), ("money.get", "ledger"),
                ("costs.get", "ledger"), ("history.get", "ledger"), ("work.get", "ledger"),
                ("tasks.get", "ledger")]

    def listen(self, until):
        """What the live stream says up to a line."""
        line = http.client.HTTPConnection(self.url.split("://")[1], timeout=30)
        line.request("GET", "/api/v1/events", headers={"Authorization": "Bearer " + self.operator})
        stream, said = line.getresponse(), b""
        while until not in said:
            said += stream.readline()
        line.close()
        return said.decode()
