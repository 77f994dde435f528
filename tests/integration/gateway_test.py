# SPDX-License-Identifier: Apache-2.0
"""The gateway from outside: who gets in, who may change things, what the live stream keeps, and what
becomes of a configuration that two people edit. A real droverd and a real sandbox stand behind it."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import unittest

from gateway_world import free_port
from world import BIN, World, eventually

ROUTES = pathlib.Path(__file__).resolve().parents[2] / "actors/gateway/routes.def"
QUIET = 30  # a tick comes each second
ROUTE = re.compile(r'^ROUTE\((\w+), "([^"]+)", (\w+), (\w+)\)', re.M)


def routes():
    """[(method, path with its parts filled, role)]"""
    rows = ROUTE.findall(ROUTES.read_text())
    assert len(rows) > 30, rows
    return [(method, re.sub(r"\{\w+\}", "x", path), role) for method, path, role, _ in rows]


def add_user(world, name, password, role="operator"):
    argv = [os.path.join(BIN, "drover"), "--config", world.config_path, "token", "user", "add", name,
            "--role", role]
    subprocess.run(argv, input=password + "\n", text=True, check=True, capture_output=True)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One who asks; remembers a cookie and the CSRF value that goes with it, or a token."""

    def __init__(self, world, port, token=None, context=None):
        self.world, self.port, self.token, self.context = world, port, token, context
        self.cookie = self.csrf = None

    def connect(self, timeout=20):
        if self.context:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                               context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def headers(self, more):
        found = {}
        if self.token:
            found["Authorization"] = "Bearer " + self.token
        if self.cookie:
            found["Cookie"] = self.cookie
        if self.csrf:
            found["X-Drover-Csrf"] = self.csrf
        found.update(more or {})
        return {name: value for name, value in found.items() if value is not None}

    def ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        more = dict(headers or {})
        if body is not None:
            more.setdefault("Content-Type", "application/json")
        text = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, text, self.headers(more))
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def enter_by_link(self):
        link = self.world.drover("token", "link").stdout.strip()
        answer = self.ask("GET", link[link.index("/login"):])
        self.take(answer)
        return link, answer

    def take(self, answer):
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.csrf = self.ask("GET", "/api/v1/me").json["csrf"]

    def events(self, after=None, last_id=None):
        """A generator of (id, name, data) of the live stream; fails after QUIET ticks."""
        connection = self.connect()
        connection.request("GET", "/api/v1/events" + ("?after=" + after if after else ""), None,
                           self.headers({"Last-Event-ID": last_id}))
        response = connection.getresponse()
        assert response.status == 200, response.read()
        try:
            found, ticks = {}, 0
            for line in response:
                line = line.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif "event" in found:
                    ticks += found["event"] == "tick"
                    assert ticks <= QUIET, "what was waited for does not come"
                    yield found.get("id"), found["event"], json.loads(found["data"])
                    found = {}
        finally:
            connection.close()


class GatewayWorld(unittest.TestCase):
    GATEWAY = {}

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.world = World(config={"gateway": dict({"listen": "127.0.0.1:%d" % cls.port},
                                                  **cls.GATEWAY)})
        cls.world.__enter__()
        cls.addClassCleanup(cls.world.__exit__, None, None, None)
        cls.wait_for_gateway()

    @classmethod
    def wait_for_gateway(cls):
        def serves():
            try:
                return Client(cls.world, cls.port).ask("GET", "/healthz").status == 200
            except OSError:
                return False
        eventually(serves, 30, "the gateway serves")

    def client(self, token=None):
        return Client(self.world, self.port, token)

    def operator(self):
        client = self.client()
        client.enter_by_link()
        return client

    def token(self, role):
        done = self.world.drover("token", "add", "test", "--role", role)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()


class Access(GatewayWorld):
    def test_link_works_once(self):
        client = self.client()
        link, answer = client.enter_by_link()
        self.assertEqual(answer.status, 303)
        words = [word.strip() for word in answer.headers["Set-Cookie"].split(";")]
        self.assertTrue(words[0].startswith("drover_session="))
        self.assertIn("HttpOnly", words)
        self.assertIn("SameSite=Strict", words)
        self.assertIn("Path=/", words)
        self.assertNotIn("Secure", words)  # it is plain HTTP on this host
        self.assertEqual(client.ask("GET", "/api/v1/me").json["role"], "operator")
        again = self.client().ask("GET", link[link.index("/login"):])
        self.assertIsNone(again.headers["Set-Cookie"])
        fresh = self.world.drover("token", "link").stdout.strip()
        self.assertNotEqual(fresh, link)
        mode = os.stat(os.path.join(self.world.state_dir, "run", "login")).st_mode & 0o777
        self.assertEqual(mode, 0o600)
        self.assertNotIn(link.split("once=")[1], self.world.log())

    def test_nobody_may_do_anything_without_login(self):
        for method, path, role in routes():
            if role == "NONE":
                continue
            with self.subTest(method + " " + path):
                body = None if method == "GET" else {}
                self.assertEqual(self.client().ask(method, path, body).status, 401)
                self.assertEqual(self.client("drover_" + "0" * 64).ask(method, path, body).status, 401)

    def test_viewer_may_not_write(self):
        viewer = self.client(self.token("viewer"))
        self.assertEqual(viewer.ask("GET", "/api/v1/me").json["role"], "viewer")
        for method, path, role in routes():
            if role == "OPERATOR":
                with self.subTest(method + " " + path):
                    self.assertEqual(viewer.ask(method, path, None if method == "GET" else {}).status, 403)
        for request in ("machine.drain", "machine.keep", "launch.pause", "ledger.adopt", "attempt.settle",
                        "hand.note"):
            with self.subTest(request):
                self.assertEqual(viewer.ask("POST", "/api/v1/ask/" + request, {"to": "ledger"}).status, 403)

    def test_cookie_needs_csrf_and_our_origin(self):
        operator = self.operator()
        ours = "http://127.0.0.1:%d" % self.port
        for headers, status in (({"X-Drover-Csrf": None}, 403), ({"X-Drover-Csrf": "0" * 32}, 403),
                                ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                                ({"Origin": ours}, 200), ({}, 200)):
            with self.subTest(headers):
                answer = operator.ask("POST", "/api/v1/pause", {"queue": "gpu"}, headers)
                self.assertEqual(answer.status, status, answer.body)
        answer = operator.ask("POST", "/api/v1/resume", {"queue": "gpu"})
        self.assertEqual(answer.status, 200, answer.body)
        token = self.client(self.token("operator"))  # neither is asked of a token
        for what in ("pause", "resume"):
            answer = token.ask("POST", "/api/v1/" + what, {"queue": "gpu"})
            self.assertEqual(answer.status, 200, answer.body)

    def test_other_names_are_refused(self):
        client = self.client(self.token("viewer"))
        for host in ("evil.example", "evil.example:%d" % self.port, "127.0.0.1.evil.example", ""):
            with self.subTest(host):
                for path in ("/", "/api/v1/me", "/api/v1/state"):
                    answer = client.ask("GET", path, headers={"Host": host})
                    self.assertGreaterEqual(answer.status, 400)
                    self.assertLess(answer.status, 500)
        self.assertEqual(client.ask("GET", "/api/v1/me",
                                    headers={"Host": "localhost:%d" % self.port}).status, 200)

    def test_headers(self):
        operator = self.operator()
        for path in ("/", "/queues", "/assets/app.js", "/api/v1/me", "/api/v1/none", "/healthz"):
            with self.subTest(path):
                headers = operator.ask("GET", path).headers
                self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
                self.assertNotIn("unsafe", headers["Content-Security-Policy"])
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["Referrer-Policy"], "no-referrer")
                self.assertEqual(headers["X-Frame-Options"], "DENY")
                if path.startswith("/api"):
                    self.assertEqual(headers["Cache-Control"], "no-store")

    def test_wrong_requests(self):
        operator = self.operator()
        for method, path, body, headers, status in (
                ("GET", "/api/v1/none", None, None, 404),
                ("DELETE", "/api/v1/me", None, None, 405),
                ("POST", "/api/v1/pause", b"x" * (1 << 20) + b"y", None, 413),
                ("POST", "/api/v1/pause", "{}", {"Content-Type": "text/plain"}, 415),
                ("POST", "/api/v1/pause", "{", None, 400),
                ("POST", "/api/v1/pause", "[]", None, 400),
                ("POST", "/api/v1/pause", {"queue": 7}, None, 400),
                ("POST", "/api/v1/pause", '{"queue":' + "[" * 5000 + "]" * 5000 + "}", None, 400),
                ("POST", "/api/v1/machines/none/drain", {"mode": "idle"}, None, 404)):
            with self.subTest((method, path, status)):
                answer = operator.ask(method, path, body, headers)
                self.assertEqual(answer.status, status, answer.body[:200])
                if path.startswith("/api"):
                    self.assertLessEqual({"code", "sentence"}, set(answer.json["error"]))
        self.assertIn("GET", operator.ask("DELETE", "/api/v1/me").headers["Allow"])
        for path in ("/assets/../main.c", "/assets/%2e%2e/main.c", "/assets//etc/passwd"):
            got = self.client().ask("GET", path).body
            self.assertNotIn(b"#include", got)
            self.assertNotIn(b"root:", got)

    def test_by_is_the_login(self):
        operator = self.operator()
        me = operator.ask("GET", "/api/v1/me").json["user"]
        body = {"kind": "config", "id": "forged", "done": "applied", "sentence": "", "by": "somebody"}
        answer = operator.ask("POST", "/api/v1/ask/hand.note", {"to": "ledger", "body": body})
        self.assertEqual(answer.status, 200, answer.body)
        rows = operator.ask("POST", "/api/v1/ask/history.get",
                            {"to": "ledger", "body": {"id": "forged"}}).json["body"]["rows"]
        self.assertEqual([row["by"] for row in rows], [me])
        for wrong in ({"nobody": 1}, {"kind": 7}, []):
            answer = operator.ask("POST", "/api/v1/ask/hand.note", {"to": "ledger", "body": wrong})
            self.assertEqual(answer.status, 400)
        self.assertEqual(operator.ask("POST", "/api/v1/ask/machine.want", {"to": "ledger"}).status, 404)

    def test_session_outlives_kill_9(self):
        operator = self.operator()
        pid = self.world.actor_pid("gateway")
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.world.actor_pid("gateway") not in (None, pid), 30, "it is started again")
        self.wait_for_gateway()
        me = operator.ask("GET", "/api/v1/me")
        self.assertEqual(me.status, 200)
        self.assertEqual(me.json["csrf"], operator.csrf)
        self.assertEqual(operator.ask("POST", "/api/v1/logout", {}).status, 200)
        self.assertEqual(operator.ask("GET", "/api/v1/me").status, 401)

    def test_token_ends_when_revoked(self):
        operator = self.operator()
        made = operator.ask("POST", "/api/v1/tokens", {"name": "brief", "role": "viewer"})
        self.assertIn(made.status, (200, 201))
        client = self.client(made.json["token"])
        self.assertEqual(client.ask("GET", "/api/v1/me").status, 200)
        self.assertEqual(operator.ask("DELETE", "/api/v1/tokens/" + made.json["id"]).status, 200)
        self.assertEqual(client.ask("GET", "/api/v1/me").status, 401)

    def test_no_secret_in_any_answer(self):
        operator, token = self.operator(), self.token("operator")
        session = operator.cookie.split("=")[1]
        password = "a-password-of-ours"
        add_user(self.world, "ann", password)
        made = operator.ask("POST", "/api/v1/tokens", {"name": "other", "role": "viewer"}).json["token"]
        accounts = json.loads(pathlib.Path(self.world.state_dir, "gateway/accounts.json").read_text())
        secrets = [self.world.secret_key, token, made, password, session]
        secrets += [item["hash"] for part in ("users", "tokens") for item in accounts[part]]
        seen = []
        for method, path, _ in routes():
            if method == "GET" and path not in ("/api/v1/events", "/api/v1/tap"):
                seen.append((path, operator.ask(method, path).body.decode(errors="replace")))
        for request in ("ledger.snapshot", "picture.get", "plan.get", "actors.get", "history.get"):
            to = {"picture.get": "watcher", "plan.get": "planner", "actors.get": "bus"}.get(request, "ledger")
            answer = operator.ask("POST", "/api/v1/ask/" + request, {"to": to})
            self.assertEqual(answer.status, 200, answer.body)
            seen.append((request, answer.body.decode(errors="replace")))
        seen.append(("the log", self.world.log()))
        for where, text in seen:
            for secret in secrets:
                self.assertNotIn(secret, text, "a secret in " + where)


class Passwords(GatewayWorld):
    """In a world of its own: failures count per address too."""
    def test_password_and_its_limit(self):
        add_user(self.world, "bob", "the right one", "viewer")
        client = self.client()
        answer = client.ask("POST", "/api/v1/login", {"user": "bob", "password": "the right one"})
        self.assertEqual(answer.status, 200, answer.body)
        client.take(answer)
        self.assertEqual(client.ask("GET", "/api/v1/me").json["role"], "viewer")
        self.assertEqual(self.world.drover("token", "user", "remove", "bob").returncode, 0)
        self.assertEqual(client.ask("GET", "/api/v1/me").status, 401)  # a session of nobody
        add_user(self.world, "bob", "the right one", "viewer")
        # Who has the name now is another one, and so is who has another password.
        self.assertEqual(client.ask("GET", "/api/v1/me").status, 401)
        wrong = {"user": "bob", "password": "wrong"}
        def try_one(_):
            return self.client().ask("POST", "/api/v1/login", wrong).status
        with concurrent.futures.ThreadPoolExecutor(12) as many:  # at once is no way around it
            got = sorted(many.map(try_one, range(12)))
        self.assertEqual(got, [401] * 5 + [429] * 7)
        late = self.client().ask("POST", "/api/v1/login", {"user": "bob", "password": "the right one"})
        self.assertEqual(late.status, 429)
        self.assertGreater(int(late.headers["Retry-After"]), 0)
        self.assertLessEqual(int(late.headers["Retry-After"]), 60)


class Stream(GatewayWorld):
    def pause(self, operator, queue):
        self.assertEqual(operator.ask("POST", "/api/v1/pause", {"queue": queue}).status, 200)
        self.assertEqual(operator.ask("POST", "/api/v1/resume", {"queue": queue}).status, 200)

    def test_what_was_missed_follows(self):
        operator = self.operator()
        stream = operator.events()
        _, name, hello = next(stream)
        self.assertEqual(name, "hello")
        self.pause(operator, "cpu")
        last = next(id for id, name, _ in stream if name == "pauses" and id)
        stream.close()
        self.pause(operator, "gpu")
        operator.ask("GET", "/api/v1/state")
        again = operator.events(last_id=last)
        self.assertEqual(next(again)[1], "hello")
        missed = next((id, data) for id, name, data in again if name == "pauses" and
                      any(p["queue"] == "gpu" for p in data))
        again.close()
        boot, seq = last.rsplit("-", 1)
        self.assertEqual(boot, hello["boot"])
        self.assertGreater(int(missed[0].rsplit("-", 1)[1]), int(seq))
        same = operator.events(after=last)
        next(same)
        self.assertEqual(next((id, data) for id, name, data in same if name == "pauses" and
                              any(p["queue"] == "gpu" for p in data)), missed)
        same.close()

    def test_unknown_place_is_a_reset(self):
        operator = self.operator()
        for after in ("nonsense", "0" * 32 + "-5", "x-99999999999999999999"):
            stream = operator.events(after=after)
            self.assertEqual([next(stream)[1] for _ in range(2)], ["hello", "reset"])
            stream.close()

    def test_ticks_each_second(self):
        ticks = []
        for _, name, data in self.operator().events():
            if name == "tick":
                ticks.append(data["t_us"])
            if len(ticks) == 3:
                break
        self.assertEqual(ticks, sorted(ticks))


class Config(GatewayWorld):
    def test_two_people(self):
        first, second = self.operator(), self.operator()
        before = first.ask("GET", "/api/v1/config").json
        text = before["text"].replace('"max_machines": 4', '"max_machines": 3')
        self.assertNotEqual(text, before["text"])
        put = {"text": text, "base_hash": before["hash"], "note": "less room"}
        answer = first.ask("PUT", "/api/v1/config", put)
        self.assertEqual(answer.status, 200, answer.body)
        eventually(lambda: "read again" in self.world.log(), 20, "droverd reads it")
        yours = before["text"].replace('"max_machines": 4', '"max_machines": 2')
        late = second.ask("PUT", "/api/v1/config", {"text": yours, "base_hash": before["hash"], "note": ""})
        self.assertEqual(late.status, 409)
        self.assertEqual(late.json["current"]["text"], text)
        self.assertEqual(late.json["yours"]["text"], yours)
        with open(self.world.config_path) as file:
            self.assertEqual(file.read(), text)
        versions = first.ask("GET", "/api/v1/config/history").json["versions"]
        self.assertIn("less room", [version["note"] for version in versions])
        newest = max(versions, key=lambda version: version["n"])
        self.assertEqual(first.ask("GET", "/api/v1/config/history/%d" % newest["n"]).json["text"], text)

    def test_ten_mistakes_are_ten_errors(self):
        operator = self.operator()
        now = operator.ask("GET", "/api/v1/config").json
        wrong = json.loads(now["text"])
        wrong["deployment"] = "not a name"
        wrong["nonsense"] = 1
        wrong["clearml"]["tick"] = "soon"
        wrong["accounts"][0]["list_period"] = "1 fortnight"
        wrong["accounts"][0]["driver"] = "steam"
        wrong["machine_types"][0]["account"] = "nobody"
        wrong["machine_types"][0]["max_machines"] = -4
        wrong["machine_types"][1]["slots"] = "many"
        wrong["queues"][0]["types"] = ["none such"]
        wrong["timing"]["drain_poll"] = True
        text = json.dumps(wrong, indent=1)
        checked = operator.ask("POST", "/api/v1/config/check", {"text": text}).json
        faults = [fault for fault in checked["errors"] if not fault["warning"]]
        self.assertGreaterEqual(len(faults), 10, faults)
        for fault in faults:
            self.assertGreater(fault["line"], 0, fault)
            self.assertTrue(fault["text"], fault)
        put = operator.ask("PUT", "/api/v1/config", {"text": text, "base_hash": now["hash"], "note": ""})
        self.assertEqual(put.status, 422)
        self.assertEqual(len([f for f in put.json["errors"] if not f["warning"]]), len(faults))
        self.assertEqual(operator.ask("GET", "/api/v1/config").json["text"], now["text"])


class Taken(unittest.TestCase):
    def test_another_has_the_address(self):
        """It says which setting names the address, once, and serves when the other is gone."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with World(config={"gateway": {"listen": "127.0.0.1:%d" % port}}) as world:
                said = "cannot listen on 127.0.0.1:%d" % port
                line = eventually(lambda: [each for each in world.log().splitlines() if said in each], 20,
                                  "it says that it cannot listen")[0]
                self.assertIn("gateway.listen", line)
                other.close()
                eventually(lambda: "the dashboard is at" in world.log(), 20, "it listens")
                self.assertEqual(1, world.log().count(said))


class Tls(unittest.TestCase):
    def test_outside_needs_tls_and_an_account(self):
        port = free_port()
        with World(config={"gateway": {"listen": "0.0.0.0:%d" % port}}) as world:
            eventually(lambda: "tls_cert_file" in world.log(), 20, "it says what is missing")
            with self.assertRaises(OSError):
                Client(world, port).ask("GET", "/healthz")
            cert, key = os.path.join(world.dir, "tls.pem"), os.path.join(world.dir, "tls.key")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                            "-subj", "/CN=drover", "-addext", "subjectAltName=IP:127.0.0.1",
                            "-keyout", key, "-out", cert], check=True, capture_output=True)
            os.chmod(key, 0o600)
            world.write_config({"gateway": {"listen": "0.0.0.0:%d" % port, "tls_cert_file": cert,
                                            "tls_key_file": key}})
            world.droverd.send_signal(signal.SIGHUP)
            eventually(lambda: "account" in world.log().split("read again")[-1], 20,
                       "an account is asked for")
            add_user(world, "ann", "the right one")
            context = ssl.create_default_context(cafile=cert)
            client = Client(world, port, context=context)

            def enters():
                try:
                    return client.ask("POST", "/api/v1/login", {"user": "ann", "password": "the right one"})
                except OSError:
                    return None
            answer = eventually(enters, 30, "it serves with TLS")
            self.assertEqual(answer.status, 200, answer.body)
            self.assertIn("Secure", answer.headers["Set-Cookie"])
            client.take(answer)
            self.assertEqual(client.ask("GET", "/api/v1/me").json["user"], "ann")
            self.from_afar(world, port, cert)

    def from_afar(self, world, port, cert):
        """The command line trusts this host's authorities, or the one that it is given."""
        env = {"PATH": os.environ["PATH"], "DROVER_GATEWAY": "https://127.0.0.1:%d" % port,
               "DROVER_TOKEN": world.drover("token", "add", "afar", "--role", "viewer").stdout.strip()}
        for more, code, words in (({}, 2, "DROVER_CA_FILE"), ({"DROVER_CA_FILE": "/none"}, 2, "/none"),
                                  ({"DROVER_CA_FILE": cert}, 0, "")):
            done = subprocess.run([os.path.join(BIN, "drover"), "machines"], env={**env, **more},
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
