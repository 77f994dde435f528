# SPDX-License-Identifier: Apache-2.0
"""Every write of routes.def leaves exactly one row of history that says who did what and when, and none when
it was refused; a ledger that is away or does not answer loses none of them and makes none of them twice."""
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time
import unittest

from gateway_access_world import Gateway, ROOT, operations
from gateway_world import free_port
from world import PYTHON, eventually, processes

OPERATOR = "token:op"
# They ask by POST, because what they ask is large or secret.
READS = {"config_check", "wizard_render", "wizard_test"}
# What no test can do from outside: the attempt must have had no answer for an hour.
REFUSED = {"attempt.settle": {"attempt": "none"}}


def may_be_asked():
    """The requests behind POST /ask/{request} that change something."""
    rows = re.findall(r'^REQUEST\(\d+, \w+, \w+, "([\w.]+)", ([\w| ]+), (\w+), (\w+),',
                      (ROOT / "proto/messages.def").read_text(), re.M)
    return [name for name, of, _, reply in rows if "GATEWAY" in of and reply == "ACK"]


class History:
    def __init__(self, world):
        self.path = os.path.join(world.state_dir, "ledger.db")

    def rows(self, since=0):
        """What people did, oldest first."""
        with sqlite3.connect("file:%s?mode=ro" % self.path, uri=True, timeout=20) as ledger:
            ledger.row_factory = sqlite3.Row
            return [dict(row) for row in ledger.execute(
                'SELECT * FROM history WHERE "by" <> \'\' AND seq > ? ORDER BY seq', (since,))]

    def last(self):
        rows = self.rows()
        return rows[-1]["seq"] if rows else 0


def has_sdk():
    return subprocess.run([PYTHON, "-c", "import clearml, clearml_agent"],
                          stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(has_sdk(), "no clearml and clearml_agent in DROVER_TEST_PYTHON")
class EveryWrite(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world = cls.enterClassContext(Gateway())
        cls.history = History(world)
        for name in ("cpu", "cpu", "gpu"):
            task = world.create_task("busy", seconds=120)
            world.enqueue(task, name)
        cls.machines = eventually(cls.up, 90, "three machines are up")
        made = cls.ask("POST", "/api/v1/users",
                       {"name": "ann", "role": "operator", "password": "the first one"})
        assert made.status == 201, made.text

    @classmethod
    def up(cls):
        state = cls.ask("GET", "/api/v1/state").json
        ids = [m["id"] for m in state["machines"] if m["phase"] == "running"]
        return ids if len(ids) == 3 else None

    @classmethod
    def ask(cls, method, path, body=None, **more):
        return cls.world.ask(method, path, body, token=cls.world.operator, **more)

    def kill(self, path):
        told = self.ask("POST", path, {"tasks": []})
        self.assertEqual(told.status, 409, told.text)
        return self.ask("POST", path, {"tasks": [task["id"] for task in told.json["tasks"]]})

    def config_put(self, path):
        now = self.ask("GET", path).json
        return self.ask("PUT", path, {"text": now["text"] + "\n", "base_hash": now["hash"],
                                      "note": "one line\nand another"})

    def token_revoke(self, _):
        made = [t for t in self.ask("GET", "/api/v1/tokens").json["tokens"] if t["name"] == "look"]
        return self.ask("DELETE", "/api/v1/tokens/" + made[0]["id"])

    def login_link(self, _):
        return self.world.ask("GET", self.world.link()[len(self.world.url):])

    def wizard_launch(self, path):
        known = self.ask("GET", "/api/v1/wizard/known").json["config"]
        return self.ask("POST", path, {"config": known}, timeout=60)

    def logout(self, path):
        cookie, _ = self.world.enter()
        self.world.settled()
        self.before = self.history.last()
        return self.world.ask("POST", path, headers={"Cookie": cookie})

    def asked(self, request):
        bodies = {
            "machine.drain": {"machine": self.machines[1], "mode": "after-task", "reason": "hand",
                              "sentence": "asked"},
            "machine.keep": {"machine": self.machines[0], "until_us": int((time.time() + 900) * 1e6)},
            "launch.pause": {"queue": "gpu", "paused": True, "sentence": "asked"},
            "ledger.adopt": {"spent_usd_micros": 2},
            "hand.note": {"kind": "config", "id": "drover.yaml", "done": "applied", "sentence": ""}}
        return self.ask("POST", "/api/v1/ask/" + request, {"to": "ledger", "body": bodies[request]})

    def does(self):
        """operationId -> (what does it, who did it, the row's kind and what it became)."""
        m = self.machines

        def post(body):
            return lambda path: self.ask("POST", path.replace("{id}", m[0]), body)
        ann = {"user": "ann", "password": "the second one"}
        return {
            "login_link": (self.login_link, "link", "login", "entered"),
            "user_add": (post({"name": "ann", "role": "operator", "password": ann["password"]}), OPERATOR,
                         "login", "changed"),
            "login": (lambda path: self.world.ask("POST", path, ann), "ann", "login", "entered"),
            "logout": (self.logout, "link", "login", "left"),
            "machine_keep": (post({"for_ms": 600000}), OPERATOR, "machine", "kept"),
            "machine_drain": (lambda path: self.ask("POST", path.replace("{id}", m[2]),
                                                    {"mode": "after-task"}), OPERATOR, "machine", ""),
            "machine_kill": (lambda path: self.kill(path.replace("{id}", m[2])), OPERATOR, "machine", ""),
            "pause": (post({"queue": "cpu", "sentence": "a test"}), OPERATOR, "pause", "paused"),
            "resume": (post({"queue": "cpu"}), OPERATOR, "pause", ""),
            "adopt": (post({"spent_usd_micros": 1}), OPERATOR, "ledger", "adopted"),
            "config_put": (self.config_put, OPERATOR, "config", "applied"),
            "token_add": (post({"name": "t", "role": "viewer"}), OPERATOR, "token", "created"),
            "token_revoke": (self.token_revoke, OPERATOR, "token", "revoked"),
            "user_remove": (lambda _: self.ask("DELETE", "/api/v1/users/ann"), OPERATOR, "login", "removed"),
            "wizard_launch": (self.wizard_launch, OPERATOR, "config", "applied"),
        }

    def one_row(self, name, act, by, kind, became):
        self.world.settled()
        self.before, began = self.history.last(), time.time() * 1e6
        answer = act()
        self.assertIn(answer.status, (200, 201, 303), answer.text)
        self.world.settled()
        rows = self.history.rows(self.before)
        self.assertEqual([(row["by"], row["kind"]) for row in rows], [(by, kind)], (name, rows))
        self.assertTrue(not became or became in rows[0].values(), rows)
        self.assertTrue(began - 1e6 <= rows[0]["t_us"] <= time.time() * 1e6, rows)

    def test_each_write_leaves_one_row(self):
        does = self.does()
        writes = [(method, path, name) for method, path, _, name in operations()
                  if (method != "GET" or name == "login_link") and name not in READS | {"ask"}]
        self.assertEqual({name for _, _, name in writes}, set(does), "this test knows every write")
        paths = {name: path for _, path, name in writes}
        for name, (act, by, kind, became) in does.items():
            with self.subTest(name):
                self.one_row(name, lambda act=act, name=name: act(paths[name]), by, kind, became)
        kinds = {"machine.drain": "machine", "machine.keep": "machine", "launch.pause": "pause",
                 "ledger.adopt": "ledger", "hand.note": "config"}
        self.assertEqual(set(may_be_asked()) - set(REFUSED), set(kinds), "this test knows every request")
        for request, kind in kinds.items():
            with self.subTest(asked=request):
                self.one_row(request, lambda request=request: self.asked(request), OPERATOR, kind, "")

    def test_what_asks_or_is_refused_leaves_none(self):
        self.world.settled()
        before = self.history.last()
        for path, body in (("config/check", {"text": "x"}), ("wizard/render", {"config": {}}),
                           ("wizard/test", {"what": "clearml", "config": {}}),
                           ("machines/x/keep", {"for_ms": 1}),
                           ("machines/x/drain", {}), ("machines/x/kill", {}), ("pause", {"queue": "none"}),
                           ("resume", {"queue": "none"}), ("adopt", {"spent_usd_micros": -1}),
                           ("tokens", {"name": "a b", "role": "viewer"}), ("users", {"name": "x"}),
                           ("users", {"name": "x", "role": "viewer", "password": "short"}),
                           ("wizard/launch", {"config": {}}), ("ask/hand.note", {"to": "ledger"})):
            with self.subTest(path):
                answer = self.ask("POST", "/api/v1/" + path, body)
                self.assertIn(answer.status, (200, 400, 404, 422), answer.text)
        for request in set(may_be_asked()) & set(REFUSED):
            answer = self.ask("POST", "/api/v1/ask/" + request, {"to": "ledger", "body": REFUSED[request]})
            self.assertFalse(answer.json["body"]["ok"], answer.text)
        for path in ("tokens/none", "users/none"):
            self.assertEqual(self.ask("DELETE", "/api/v1/" + path).status, 404)
        self.assertEqual(self.ask("PUT", "/api/v1/config", {"text": "x", "base_hash": "x"}).status, 409)
        long = {"text": "x", "base_hash": "x", "note": "n" * 1001}
        self.assertEqual(self.ask("PUT", "/api/v1/config", long).status, 400)
        self.assertEqual(self.world.ask("POST", "/api/v1/logout").status, 200)
        self.world.settled()
        self.assertEqual(self.history.rows(before), [])

    def test_a_wrong_password_leaves_one_row_with_the_address(self):
        self.world.settled()
        before = self.history.last()
        for name in ("nobody at all", "é" * 60):
            answer = self.world.ask("POST", "/api/v1/login", {"user": name, "password": "wrong"})
            self.assertEqual(answer.status, 401)
        self.world.settled()
        rows = self.history.rows(before)
        self.assertEqual([(row["by"], row["id"]) for row in rows],
                         [("127.0.0.1", "nobody at all"), ("127.0.0.1", "é" * 35)], rows)


class Ledgerless(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(Gateway({"gateway": {"listen": "127.0.0.1:%d" % free_port()}}))
        cls.history = History(cls.world)

    def setUp(self):
        self.world.settled()

    def pid_of(self, actor):
        for pid, (parent, argv) in processes().items():
            if parent == self.world.droverd.pid and argv and argv[0].endswith("/drover-" + actor):
                return pid
        return None

    def ask(self, *asked):
        return self.world.ask(*asked, token=self.world.operator)

    def test_a_write_that_was_not_answered_is_told_so_and_is_done_once(self):
        ledger = self.pid_of("ledger")
        before = self.history.last()
        os.kill(ledger, signal.SIGSTOP)
        try:
            asked = {"queue": "cpu", "sentence": "twice"}
            answers = [self.ask("POST", "/api/v1/pause", asked) for _ in range(2)]
            read = self.ask("GET", "/api/v1/history")
            made = self.ask("POST", "/api/v1/tokens", {"name": "late", "role": "viewer"})
        finally:
            os.kill(ledger, signal.SIGCONT)
        for answer in answers:
            self.assertEqual((answer.status, answer.json["error"]["code"]), (503, "unknown"), answer.text)
            self.assertIn("not known whether it was done", answer.json["error"]["sentence"])
        self.assertEqual((read.status, read.json["error"]["code"]), (503, "unavailable"), read.text)
        self.assertNotIn("done", read.json["error"]["sentence"])
        self.assertEqual(made.status, 201)

        def both():
            rows = self.history.rows(before)
            return rows if len(rows) >= 2 else None
        rows = eventually(both, 30, "the ledger tells of both")
        self.assertEqual(sorted((row["kind"], row["id"]) for row in rows),
                         sorted([("pause", "cpu"), ("token", made.json["id"])]))

    def test_a_gateway_that_is_killed_before_the_ledger_took_it_tells_it_after(self):
        ledger, gateway = self.pid_of("ledger"), self.pid_of("gateway")
        before = self.history.last()
        os.kill(ledger, signal.SIGSTOP)
        try:
            made = self.ask("POST", "/api/v1/tokens", {"name": "kept", "role": "viewer"})
            os.kill(gateway, signal.SIGKILL)
            kept = json.loads(pathlib.Path(self.world.state_dir, "gateway", "notes.json").read_text())
            self.assertEqual([note["id"] for note in kept], [made.json["id"]])
        finally:
            os.kill(ledger, signal.SIGCONT)
        eventually(lambda: self.history.rows(before), 30, "the ledger tells of it")
        self.world.settled()
        rows = self.history.rows(before)
        self.assertEqual([(row["by"], row["kind"], row["id"]) for row in rows],
                         [(OPERATOR, "token", made.json["id"])])

    def test_notes_that_cannot_be_read_are_kept_for_a_person(self):
        notes = pathlib.Path(self.world.state_dir, "gateway", "notes.json")
        notes.write_text('[{"request": "half a fi')
        notes.chmod(0o600)
        before = self.history.last()
        os.kill(self.pid_of("gateway"), signal.SIGKILL)
        aside = notes.with_name("notes.json.unread")
        eventually(aside.exists, 30, "the next gateway puts them aside")
        self.assertEqual(aside.read_text(), '[{"request": "half a fi')
        self.world.settled()
        made = self.ask("POST", "/api/v1/tokens", {"name": "after", "role": "viewer"})
        rows = eventually(lambda: self.history.rows(before), 30, "what is done after it is told")
        self.assertEqual([row["id"] for row in rows], [made.json["id"]])

    def test_a_dead_ledger_has_done_nothing(self):
        ledger, droverd = self.pid_of("ledger"), self.world.droverd.pid
        os.kill(droverd, signal.SIGSTOP) # else there is another ledger at once
        os.kill(ledger, signal.SIGKILL)
        try:
            def away():
                answer = self.ask("POST", "/api/v1/pause", {"queue": "gpu"})
                self.assertEqual(answer.status, 503, answer.text)
                return answer.json["error"] if answer.json["error"]["code"] == "unavailable" else None
            error = eventually(away, 20, "the bus says that there is none")
            self.assertRegex(error["sentence"], "^nothing was done: ledger is not there now")
        finally:
            os.kill(droverd, signal.SIGCONT)
        eventually(lambda: self.ask("POST", "/api/v1/resume", {"queue": "gpu"}).status == 200, 30,
                   "the ledger is back")


if __name__ == "__main__":
    unittest.main()
