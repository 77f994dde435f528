# SPDX-License-Identifier: Apache-2.0
"""What somebody who means harm tries on the gateway, and what goes wrong around it: those who have a right to
be there are served all the same, the others get nothing."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import resource
import select
import signal
import socket
import ssl
import stat
import subprocess
import unittest

from gateway_access_world import Answer, Gateway
from gateway_world import Browser, Page, free_port
from world import BIN, World, eventually, processes


def port_of(world):
    return int(world.url.rsplit(":", 1)[1])


def dial(world, timeout=20):
    return socket.create_connection(("127.0.0.1", port_of(world)), timeout)


def gateway_pid(world):
    return next(pid for pid, (parent, argv) in processes().items()
                if parent == world.droverd.pid and argv and argv[0].endswith("/drover-gateway"))


def memory(pid):
    return int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[1]) * resource.getpagesize()


class Stream:
    """Listens to the events, or to the tap, with these headers."""

    def __init__(self, world, headers, path="events"):
        self.line = http.client.HTTPConnection("127.0.0.1", port_of(world), timeout=60)
        self.line.request("GET", "/api/v1/" + path, headers=headers)
        self.answer = self.line.getresponse()
        assert self.answer.status == 200
        self.until("event: hello")

    def until(self, word):
        """Reads up to a line with this word; False: it ended before."""
        while line := self.answer.readline():
            if word in line.decode():
                return True
        return False

    def close(self):
        self.line.close()


class Hard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(Gateway())
        cls.pid = gateway_pid(cls.world)

    def tearDown(self):
        self.assertEqual(self.world.ask("GET", "/healthz").status, 200)
        self.assertEqual(gateway_pid(self.world), self.pid, "it is the same process still")

    def ask(self, *asked, **more):
        return self.world.ask(*asked, token=self.world.operator, **more)

    # ---- who is asked, who asks -----------------------------------------------------------------
    def test_another_port_of_this_host_is_another_origin(self):
        cookie, csrf = self.world.enter()
        rest = {"Cookie": cookie, "X-Drover-Csrf": csrf}
        for origin in ("http://127.0.0.1:3000", "http://localhost:3000", "http://127.0.0.1", "http://6.6.6.6",
                       "http://[::1]:1", "null", "http://localhost:%d" % port_of(self.world), ""):
            for path in ("logout", "pause", "login"):
                with self.subTest(origin=origin, path=path):
                    answer = self.world.ask("POST", "/api/v1/" + path, headers={**rest, "Origin": origin})
                    self.assertEqual(answer.status, 403, answer.text)
        self.assertEqual(self.world.ask("GET", "/api/v1/me", headers=rest).status, 200)
        own = {**rest, "Origin": "http://127.0.0.1:%d" % port_of(self.world)}
        self.assertEqual(self.world.ask("POST", "/api/v1/resume", {}, headers=own).status, 200)
        self.assertEqual(self.world.ask("POST", "/api/v1/logout", headers=own).status, 200)
        self.assertEqual(self.world.ask("GET", "/api/v1/me", headers=rest).status, 401)

    def test_hosts(self):
        port = port_of(self.world)
        ours = ("[2001:db8::7]:%d" % port, "192.0.2.7", "localhost:%d" % port)
        others = ("192.0.2.7.evil.example", "[evil.example]", "[::1]x.evil.example",
                  "192.0.2.7:80@evil.example", "localhost.evil.example:%d" % port, "evil.example")
        for host in ours + others:
            with self.subTest(host):
                answer = self.world.ask("GET", "/healthz", headers={"Host": host})
                self.assertEqual(answer.status, 200 if host in ours else 421)

    def test_the_link_lets_one_in(self):
        path = os.path.join(self.world.state_dir, "run", "login")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o077, 0)
        link = self.world.link()[len(self.world.url):]
        with concurrent.futures.ThreadPoolExecutor(24) as many:
            answers = list(many.map(lambda _: self.world.ask("GET", link), range(48)))
        self.assertEqual(sum(answer.headers["Set-Cookie"] is not None for answer in answers), 1)
        self.assertEqual({answer.status for answer in answers}, {303})

    # ---- a right that ended ---------------------------------------------------------------------
    def test_a_stream_ends_with_the_right_to_it(self):
        made = self.ask("POST", "/api/v1/tokens", {"name": "brief", "role": "viewer"}).json
        cookie, _ = self.world.enter()
        stays = Stream(self.world, {"Authorization": "Bearer " + self.world.viewer})
        by_token = Stream(self.world, {"Authorization": "Bearer " + made["token"]})
        tap = Stream(self.world, {"Cookie": cookie}, "tap?topic=none.")
        by_cookie = Stream(self.world, {"Cookie": cookie})
        self.ask("DELETE", "/api/v1/tokens/" + made["id"])
        self.world.ask("POST", "/api/v1/logout", headers={"Cookie": cookie})
        for stream in (by_token, by_cookie, tap):
            for _ in range(6):
                ticks = stream.until("event: tick")
            self.assertFalse(ticks, "it goes on")
            stream.close()
        self.assertTrue(stays.until("event: tick"))
        stays.close()

    def test_a_stream_ends_with_the_account(self):
        user = {"name": "gone", "role": "viewer", "password": "a good one"}
        self.assertEqual(self.ask("POST", "/api/v1/users", user).status, 201)
        came = self.world.ask("POST", "/api/v1/login", {"user": "gone", "password": "a good one"})
        stream = Stream(self.world, {"Cookie": came.headers["Set-Cookie"].split(";")[0]})
        self.world.drover("token", "user", "remove", "gone")
        for _ in range(6):
            ticks = stream.until("event: tick")
        self.assertFalse(ticks, "it goes on")
        stream.close()

    # ---- words ----------------------------------------------------------------------------------
    def test_an_error_gives_nothing_back_that_may_be_secret(self):
        for body in (b'{"user": "ann", "password": hunter2}', b'{"user": "ann", "password": "hunter2"',
                     b'{"hunter2"}', b'["hunter2"] x'):
            answer = self.world.ask("POST", "/api/v1/login", body)
            self.assertEqual(answer.status, 400)
            self.assertNotIn("hunter", answer.text)

    def test_a_sentence_is_cut_between_characters(self):
        answer = self.ask("POST", "/api/v1/pause", {"x" + "é" * 79: 1})
        self.assertIn("only: queue,sentence", answer.json["error"]["sentence"])
        for n in range(150, 300):
            text = json.dumps({"x" * (n % 2) + "é" * n: 1}, ensure_ascii=False)
            errors = self.ask("POST", "/api/v1/config/check", {"text": text}).json["errors"]
            self.assertTrue(any("ééé" in error["path"] + error["text"] for error in errors), errors)

    def test_a_path_begins_with_a_slash(self):
        for target in (b"?x", b"x", b"*", b"http://localhost/api/v1/me"):
            with self.subTest(target), dial(self.world) as line:
                line.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" %
                             (target, port_of(self.world)))
                self.assertRegex(line.recv(4096), b"^HTTP/1.1 400 ")

    def test_what_two_may_read_differently_ends_the_line(self):
        inner = b"GET /healthz HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port_of(self.world)
        for headers, body in ((b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
                              (b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(inner), b""),
                              (b"Content-Length: 0\r\nHost: evil.example\r\n", b"")):
            with self.subTest(headers), dial(self.world) as line:
                line.sendall(b"POST /api/v1/logout HTTP/1.1\r\nHost: localhost:%d\r\n%s\r\n%s%s" %
                             (port_of(self.world), headers, body, inner))
                said = b""
                while more := line.recv(4096):
                    said += more
                self.assertRegex(said, b"^HTTP/1.1 400 ")
                self.assertEqual(said.count(b"HTTP/1.1 "), 1, said)

    def test_a_head_of_the_stream_ends(self):
        answer = self.world.ask("HEAD", "/api/v1/events", token=self.world.viewer)
        self.assertEqual((answer.status, answer.body), (200, b""))

    # ---- much of it -----------------------------------------------------------------------------
    def test_what_nobody_sends_is_not_kept(self):
        head = (b"POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n"
                b"Content-Length: 1000000\r\n\r\n")
        before = memory(self.pid)
        lines = []
        for i in range(60):
            line = dial(self.world)
            line.sendall(head % ((b"/api/v1/pause", b"/api/v1/login")[i % 2], port_of(self.world)))
            line.sendall(b"x" * 990000)
            lines.append(line)
        self.assertEqual(self.world.ask("GET", "/healthz").status, 200)
        self.assertLess(memory(self.pid) - before, 20 << 20)
        for i, line in enumerate(lines):
            line.sendall(b"x" * 10000)
            self.assertRegex(line.recv(4096), b"^HTTP/1.1 413 " if i % 2 else b"^HTTP/1.1 401 ")
            line.close()

    def test_those_who_only_hold_a_line_make_room(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest("this test has descriptors for %d connections only" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
        page = Stream(self.world, {"Authorization": "Bearer " + self.world.viewer})
        lines = []
        try:
            for i in range(2500):
                line = dial(self.world)
                if i % 2:
                    line.sendall(b"GET /slow")
                lines.append(line)
            self.assertEqual(self.world.ask("GET", "/healthz").status, 200)
            self.assertTrue(self.world.enter()[1])
            self.assertTrue(page.until("event: tick") and page.until("event: tick"))
        finally:
            for line in lines:
                line.close()
            page.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_request_is_not_made_for_ever(self):
        """A byte now and then keeps no line: header, body, TLS or nothing, each has its time."""
        texts = [b"", b"GET /", b"GET / HTTP/1.1\r\nA: ",
                 b"POST /api/v1/login HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 9999\r\n\r\n" %
                 port_of(self.world)]
        lines = [dial(self.world) for _ in texts]
        page = Stream(self.world, {"Authorization": "Bearer " + self.world.viewer})
        for line, text in zip(lines, texts):
            line.sendall(text)

        def all_ended():
            for line in list(lines):
                try:
                    if line is not first:
                        line.sendall(b"x")
                    if select.select([line], [], [], 0)[0] and not line.recv(4096):
                        raise OSError("ended")
                except OSError:
                    lines.remove(line)
                    line.close()
            return not lines
        first = lines[0]
        eventually(all_ended, 55, "each was ended", every_s=1)
        self.assertTrue(page.until("event: tick"))
        page.close()

    def test_hashing_a_new_password_holds_nobody_up(self):
        lines = []
        for i in range(8):
            body = json.dumps({"name": "hash%d" % i, "role": "viewer", "password": "a good one"}).encode()
            line = dial(self.world)
            line.sendall(b"POST /api/v1/users HTTP/1.1\r\nHost: localhost:%d\r\nAuthorization: Bearer %s\r\n"
                         b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" %
                         (port_of(self.world), self.world.operator.encode(), len(body), body))
            lines.append(line)
        self.assertEqual(self.world.ask("GET", "/healthz").status, 200)
        answered = len(select.select(lines, [], [], 0)[0])
        for line in lines:
            self.assertRegex(line.recv(4096), b"^HTTP/1.1 201 ")
            line.close()
        self.assertLess(answered, 8, "they were hashed before anybody else was heard")


class Disk(unittest.TestCase):
    """What is on the disk is not always what Drover wrote."""

    def setUp(self):
        listen = {"gateway": {"listen": "127.0.0.1:%d" % free_port()}}
        self.world = self.enterContext(Gateway(listen))

    def ask(self, *asked):
        return self.world.ask(*asked, token=self.world.operator)

    def test_a_configuration_that_is_no_text(self):
        path, pid = pathlib.Path(self.world.config_path), gateway_pid(self.world)
        good, base = path.read_bytes(), self.ask("GET", "/api/v1/config").json["hash"]
        for strange in (b"\n\n# caf\xe9\n", b"\n\n# a\0b\n"):
            path.write_bytes(b"# one\n" + strange + good)
            for answer in (self.ask("GET", "/api/v1/config"),
                           self.ask("PUT", "/api/v1/config", {"text": "x", "base_hash": base})):
                self.assertEqual(answer.status, 503, answer.text)
                self.assertIn("line 4 is no UTF-8 text", answer.json["error"]["sentence"])
            self.assertEqual(self.ask("GET", "/api/v1/wizard/known").status, 200)
        self.assertEqual(path.read_bytes()[:6], b"# one\n")
        self.assertEqual(gateway_pid(self.world), pid, "it is the same process still")

    def test_a_configuration_keeps_its_rights_and_its_place(self):
        path, real = pathlib.Path(self.world.config_path), pathlib.Path(self.world.dir, "real.yaml")
        path.rename(real)
        path.symlink_to(real)
        for mode in (0o640, 0o600, 0o644):
            real.chmod(mode)
            now = self.ask("GET", "/api/v1/config").json
            text = now["text"] + "\n"
            put = self.ask("PUT", "/api/v1/config", {"text": text, "base_hash": now["hash"]})
            self.assertEqual(put.status, 200, put.text)
            self.assertTrue(path.is_symlink())
            self.assertEqual(real.read_text(), text)
            self.assertEqual(stat.S_IMODE(real.stat().st_mode), mode)

    def test_a_killed_gateway_has_every_sample(self):
        page = Page(Browser(self.world, port_of(self.world)))
        eventually(lambda: page.samples, 20, "a sample")
        os.kill(gateway_pid(self.world), signal.SIGKILL)

        def back():
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.ask("GET", "/api/v1/samples").json["t_us"]
            return None
        kept = eventually(back, 30, "the gateway is back")
        for sample in page.samples:
            self.assertIn(sample["t_us"], kept)
        page.close()

    def test_a_tap_that_is_open_is_no_trouble_at_the_end(self):
        tap = Stream(self.world, {"Authorization": "Bearer " + self.world.viewer}, "tap?topic=none.")
        self.assertTrue(tap.until("event: tick"))
        self.world.droverd.send_signal(signal.SIGTERM)
        self.assertEqual(self.world.droverd.wait(30), 0)
        tap.close()
        self.assertNotIn("dangling", pathlib.Path(self.world.log_path).read_text())


class FewFiles(Gateway):
    """With as few descriptors as a careless host gives."""
    FILES = 400

    def start_droverd(self, env=None):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.FILES, self.FILES))
        with open(self.log_path, "a") as log:
            self.droverd = subprocess.Popen([os.path.join(BIN, "droverd"), "--config", self.config_path],
                                            stdout=log, stderr=log, env=self.env, start_new_session=True,
                                            preexec_fn=few)
        eventually(self.is_ready, 30, "all actors ready")


class Descriptors(unittest.TestCase):
    def test_connections_leave_some_for_files_and_the_bus(self):
        with FewFiles() as world:
            pid = gateway_pid(world)
            lines = [dial(world) for _ in range(2 * FewFiles.FILES)]
            self.assertTrue(world.enter()[1])
            kept = json.loads(pathlib.Path(world.state_dir, "gateway", "sessions.json").read_text())
            self.assertGreaterEqual(len(kept), 2, "the session is in the file")
            self.assertEqual(world.ask("GET", "/api/v1/history", token=world.operator).status, 200)
            self.assertLess(len(os.listdir("/proc/%d/fd" % pid)), FewFiles.FILES - 50)
            self.assertEqual(gateway_pid(world), pid)
            for line in lines:
                line.close()


class Proxy(unittest.TestCase):
    """Behind one that speaks TLS for it."""

    def test_a_cookie_that_came_through_tls_stays_there(self):
        port, outside = free_port(), {"Host": "drover.example"}
        listen = {"listen": "127.0.0.1:%d" % port, "public_url": "https://drover.example/"}

        def ask(method, path, **headers):
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                line.request(method, path, headers={**outside, **headers})
                return Answer(line.getresponse())
            finally:
                line.close()
        with World(config={"gateway": listen}) as world:
            path = pathlib.Path(world.state_dir, "run", "login")
            eventually(path.exists, 30, "there is a link")
            link = path.read_text().strip()
            self.assertTrue(link.startswith("https://drover.example/login?once="), link)
            cookie = ask("GET", link[len("https://drover.example"):]).headers["Set-Cookie"]
            self.assertIn("; Secure", cookie)
            session = cookie.split(";")[0]
            csrf = ask("GET", "/api/v1/me", Cookie=session).json["csrf"]
            for origin, status in (("https://drover.example", 200), ("https://evil.example", 403),
                                   ("https://drover.example:8443", 403)):
                answer = ask("POST", "/api/v1/resume", Cookie=session, Origin=origin,
                             **{"X-Drover-Csrf": csrf})
                self.assertEqual(answer.status, status, answer.text)


class Secure(unittest.TestCase):
    """TLS as it is spoken today, and no other."""

    def handshake(self, port, most):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = most
        with socket.create_connection(("127.0.0.1", port), 20) as line:
            with context.wrap_socket(line) as secure:
                secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return secure.version(), secure.recv(4096)[:15]

    def test_versions(self):
        class Tls(Gateway):
            def write_config(self, config=None):
                paths = {"tls_cert_file": os.path.join(self.dir, "tls.pem"),
                         "tls_key_file": os.path.join(self.dir, "tls.key")}
                subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                                "-subj", "/CN=drover", "-keyout", paths["tls_key_file"],
                                "-out", paths["tls_cert_file"]], check=True, capture_output=True)
                os.chmod(paths["tls_key_file"], 0o600)
                super().write_config({"gateway": {"listen": "127.0.0.1:0", **paths}})

            def ask(self, method, path, body=None, token=None, headers=(), timeout=30):
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                headers = {**dict(headers), "Content-Type": "application/json"}
                if token:
                    headers["Authorization"] = "Bearer " + token
                line = http.client.HTTPSConnection(self.url.split("://")[1], timeout=timeout, context=context)
                line.request(method, path, None if body is None else json.dumps(body), headers)
                answer = Answer(line.getresponse())
                line.close()
                return answer
        with Tls() as world:
            for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                self.assertEqual(self.handshake(port_of(world), most)[1], b"HTTP/1.1 200 OK")
            for most in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                with self.assertRaises(OSError):
                    self.handshake(port_of(world), most)
            with dial(world) as plain:
                plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                with contextlib.suppress(ConnectionResetError):
                    self.assertNotIn(b"HTTP/1.1 200", plain.recv(4096))
            self.assertEqual(world.ask("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
