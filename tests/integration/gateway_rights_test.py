# SPDX-License-Identifier: Apache-2.0
"""Who may change something, and what no answer holds."""
import json
import os
import pathlib
import re
import sqlite3
import unittest

from gateway_access_world import Gateway, operations

# No login is asked for: they are how one comes in and goes out.
OPEN = {"login", "logout"}
CLEARML_SECRET = "clearml-secret-8d1f7c02a95e"
GIT_TOKEN = "ghp-git-token-5be0d3319f7a"
PASSWORD = "a password 91c27be4"

# Enough for each operation to do its work, were it let.
BODIES = {
    "login": {"user": "nobody", "password": "nothing like it"},
    "machine_keep": {"for_ms": 0}, "adopt": {"spent_usd_micros": 1},
    "config_put": {"text": "x", "base_hash": "x"}, "config_check": {"text": "x"},
    "token_add": {"name": "n", "role": "operator"},
    "user_add": {"name": "n", "role": "operator", "password": PASSWORD},
    "wizard_render": {"config": {}}, "wizard_test": {"what": "clearml", "config": {}},
    "wizard_launch": {"config": {}},
    "ask": {"to": "ledger", "body": {"queue": "", "paused": True, "sentence": ""}},
}


def writes():
    """Each row that is no GET as (method, path, role, name); of `ask`, a request that changes something."""
    rows = [(method, re.sub(r"{request}", "launch.pause", path), role, name)
            for method, path, role, name in operations() if method != "GET"]
    return [(method, re.sub(r"{\w+}", "x", path), role, name) for method, path, role, name in rows]


class Access(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(Secrets())

    def changes(self):
        """What the ledger has heard from people, and the accounts: grows with every write that was done."""
        ledger = os.path.join(self.world.state_dir, "ledger.db")
        with sqlite3.connect("file:%s?mode=ro" % ledger, uri=True) as rows:
            count = rows.execute("SELECT count(*) FROM history WHERE \"by\" <> ''").fetchone()[0]
        return count, self.accounts().read_bytes(), pathlib.Path(self.world.config_path).read_bytes()

    def accounts(self):
        return pathlib.Path(self.world.state_dir, "gateway", "accounts.json")

    def refused(self, status, **asked):
        before = self.changes()
        for method, path, _, name in writes():
            if name in OPEN:
                continue
            with self.subTest(name):
                answer = self.world.ask(method, path, BODIES.get(name, {}), **asked)
                self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(self.changes(), before)

    def test_no_write_without_login(self):
        self.refused(401)

    def test_no_write_with_a_wrong_token(self):
        self.refused(401, token="drover_" + "0" * 64)

    def test_no_write_by_a_viewer(self):
        self.refused(403, token=self.world.viewer)

    def test_no_write_by_a_page_of_another_origin(self):
        self.refused(403, headers={"Cookie": self.world.session, "X-Drover-Csrf": self.world.csrf,
                                   "Origin": "http://evil.example"})

    def test_no_write_by_a_cookie_alone(self):
        self.refused(403, headers={"Cookie": self.world.session})

    def test_what_changes_something_is_no_get(self):
        before = self.changes()
        for method, path, _, name in operations():
            if method == "GET" and name not in ("events", "tap", "login_link"):
                self.world.ask("GET", re.sub(r"{\w+}", "x", path), token=self.world.operator)
        self.assertEqual(self.changes(), before)

    def test_each_read_needs_a_login(self):
        for method, path, role, name in operations():
            if method == "GET" and role != "NONE":
                with self.subTest(name):
                    answer = self.world.ask("GET", re.sub(r"{\w+}", "x", path))
                    self.assertEqual(answer.status, 401, answer.text)

    def test_no_secret_is_in_an_answer(self):
        world = self.world
        task = world.create_task("secretive")
        world.enqueue(task, "cpu")
        machine = world.first_machine()
        secrets = {"clearml": world.secret_key, "git": GIT_TOKEN,
                   "password": PASSWORD, "viewer": world.viewer, "operator": world.operator,
                   "other": world.other, "session": world.session.split("=", 1)[1],
                   "link": world.link().split("once=")[1]}
        secrets.update(self.kept())
        self.assertGreater(len(secrets), 12)
        filled = {"{id}": machine, "{name}": "cpu", "{n}": "1", "{request}": "ledger.snapshot"}
        asked = 0
        for method, path, role, name in operations():
            if name in ("events", "tap", "login_link", "wizard_launch"):
                continue
            parts = dict(filled, **{"{id}": task} if name == "task" else {})
            if method == "DELETE":
                parts = {"{id}": "none", "{name}": "none"}
            path = re.sub(r"{\w+}", lambda part, parts=parts: parts[part[0]], path)
            body = None if method == "GET" else BODIES.get(name, {})
            answer = world.ask(method, path, body, token=world.operator)
            asked += 1
            for secret, value in secrets.items():
                with self.subTest(operation=name, secret=secret):
                    self.assertNotIn(value, answer.text)
                    self.assertNotIn(value, str(answer.headers))
            if name == "token_add": # shown once, and never after
                secrets["made"] = answer.json["token"]
        for request, to in world.questions():
            answer = world.ask("POST", "/api/v1/ask/" + request, {"to": to}, token=world.operator)
            for secret, value in secrets.items():
                with self.subTest(asked=request, secret=secret):
                    self.assertNotIn(value, answer.text)
        self.assertGreater(asked, 30)

    def kept(self):
        """The hashes that the gateway keeps, which are nobody's reading either."""
        for path in (self.accounts(), pathlib.Path(self.world.state_dir, "gateway", "sessions.json")):
            hashes = re.findall(r'"hash":\s*"([^"]+)"', path.read_text())
            yield from ((path.name + str(i), value) for i, value in enumerate(hashes))

    def test_the_stream_has_no_secret_and_needs_a_login(self):
        self.assertEqual(self.world.ask("GET", "/api/v1/events").status, 401)
        said = self.world.listen(b"event: tick")
        self.assertIn("event: hello", said)
        for value in (self.world.secret_key, GIT_TOKEN, self.world.viewer, PASSWORD):
            self.assertNotIn(value, said)

    def test_the_link_works_once_and_not_for_who_only_looks(self):
        path = self.world.link()[len(self.world.url):]
        self.assertEqual(self.world.ask("HEAD", path).headers["Set-Cookie"], None)
        self.assertIn("drover_session=", self.world.ask("GET", path).headers["Set-Cookie"])
        again = self.world.ask("GET", path)
        self.assertEqual((again.status, again.headers["Set-Cookie"]), (303, None))
        self.assertNotEqual(self.world.ask("GET", "/login?once=").headers["Location"], "/")


class Secrets(Gateway):
    """With a secret of each kind in it, in the files that Drover reads."""

    def __init__(self):
        super().__init__()
        self.secret_key = CLEARML_SECRET

    def default_config(self):
        path = os.path.join(self.dir, "secrets.yaml")
        with open(path, "w") as file:
            os.chmod(path, 0o600)
            json.dump({"git": [{"host": "git.example", "user": "bot", "token": GIT_TOKEN}]}, file)
        config = super().default_config()
        config["accounts"][0]["secrets_file"] = path
        return config

    def __enter__(self):
        super().__enter__()
        self.other = self.token("other", "operator")
        made = self.ask("POST", "/api/v1/users", {"name": "ann", "role": "viewer", "password": PASSWORD},
                        token=self.operator)
        assert made.status == 201, made.text
        return self


if __name__ == "__main__":
    unittest.main()
