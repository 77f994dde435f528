# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody who means well sends: each has its status and a sentence, and the gateway goes on."""
import re
import socket
import unittest

from gateway_access_world import Gateway

PAUSE, ADOPT = "/api/v1/pause", "/api/v1/adopt"
DEEP = b"[" * 100000

# (status, method, path, body, Content-Type)
JSON = "application/json"
BODIES = [
    (415, PAUSE, b"{}", "text/plain"), (415, PAUSE, b"{}", "application/jsonx"),
    (415, PAUSE, b"queue=a", "application/x-www-form-urlencoded"),
    (200, PAUSE, b"{}", "application/json; charset=utf-8"), (200, PAUSE, b"{}", "Application/JSON"),
    (400, PAUSE, b"\xff", JSON), (400, PAUSE, b'{"queue":"\xff"}', JSON), (400, PAUSE, b"[]", JSON),
    (400, PAUSE, b"{", JSON), (400, PAUSE, DEEP, JSON), (400, PAUSE, b"{} x", JSON),
    (400, PAUSE, b'{"queue":"a\\u0000b"}', JSON), (400, PAUSE, b'{"queue":"a\\ud800"}', JSON),
    (400, PAUSE, b'{"queue":"cpu","queue":"gpu"}', JSON), (400, PAUSE, b'{"queues":"cpu"}', JSON),
    (400, PAUSE, b'{"queue":7}', JSON), (400, PAUSE, b'{"queue":null}', JSON),
    (413, PAUSE, b'{"queue":"' + b"a" * (1 << 20) + b'"}', JSON),
    (400, ADOPT, b'{"spent_usd_micros":1e400}', JSON), (400, ADOPT, b'{"spent_usd_micros":1.5}', JSON),
    (400, ADOPT, b'{"spent_usd_micros":-1}', JSON), (400, ADOPT, b"", JSON),
    (400, ADOPT, b'{"spent_usd_micros":99999999999999999999}', JSON),
    (400, ADOPT, b'{"spent_usd_micros":9223372036854775807}', JSON),
]
PATHS = [
    (404, "/api/v1/queues/a%2Fb"), (400, "/api/v1/queues/%ff"), (404, "/api/v1/queues/a%00b"),
    (404, "/api/v1/queues/a%2"), (404, "/api/v1/queues/" + "a" * 256), (404, "/api/v1/queues/"),
    (404, "/api//v1/state"), (404, "/api/v1/state/"), (404, "/api/v2/state"), (404, "/missing.js"),
    (400, "/api/v1/history?id=%ff"), (400, "/api/v1/history?id=a%00b"), (400, "/api/v1/costs?only=%c3"),
    (400, "/api/v1/costs?by="), (400, "/api/v1/history?by_hand=yes"),
    (400, "/api/v1/tasks?state=waiting,runing"), (400, "/api/v1/tasks?state="),
    (400, "/api/v1/machines?all=2"), (400, "/api/v1/activity?format=xml"),
    (414, "/api/v1/history?id=" + "a" * 40000),
] + [(400, "/api/v1/samples?since_us=" + number) for number in
     ("", "-1", "%205", "+5", "5%20", "0x10", "1e3", "1.0", "9" * 40, "9223372036854775808", "--5", "-")]
RAW = [
    (b"421", b"GET /api/v1/me HTTP/1.1\r\n\r\n"),
    (b"421", b"GET /api/v1/me HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    (b"421", b"GET http://evil.example/api/v1/me HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    (b"400", b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n"),
    (b"413", b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n"),
]


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(Gateway())

    def tearDown(self):
        self.assertEqual(self.world.ask("GET", "/healthz").status, 200)
        self.assertNotIn("gateway ended", self.world.log())

    def look(self, status, answer):
        self.assertEqual(answer.status, status, answer.text)
        if status >= 400 and status != 414:
            self.assertTrue(answer.json["error"]["sentence"])
            self.assertEqual(answer.headers["Content-Type"], JSON)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")

    def test_bodies(self):
        for status, path, body, kind in BODIES:
            with self.subTest(body=body[:40], kind=kind):
                self.look(status, self.world.ask("POST", path, body, self.world.operator,
                                                 {"Content-Type": kind}))

    def test_a_body_without_a_type_is_refused(self):
        line = socket.create_connection(("127.0.0.1", int(self.world.url.rsplit(":", 1)[1])), 20)
        with line:
            line.sendall(b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 2\r\n"
                         b"Authorization: Bearer %s\r\n\r\n{}" %
                         (line.getpeername()[1], self.world.operator.encode()))
            self.assertRegex(line.recv(4096), b"^HTTP/1.1 415 ")

    def test_paths_and_parameters(self):
        for status, path in PATHS:
            with self.subTest(path[:60]):
                self.look(status, self.world.ask("GET", path, token=self.world.operator))

    def test_a_path_is_decoded_once(self):
        answer = self.world.ask("GET", "/api/v1/queues/a%2541", token=self.world.operator)
        self.assertIn("no queue a%41", answer.json["error"]["sentence"])

    def test_methods_that_a_path_has_not(self):
        for method in ("TRACE", "OPTIONS", "PATCH", "DELETE", "GET", "HEAD", "FOO"):
            with self.subTest(method):
                answer = self.world.ask(method, PAUSE, token=self.world.operator)
                self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
                self.assertNotIn(self.world.operator, answer.text)  # TRACE gives nothing back
        self.assertEqual(self.world.ask("POST", "/").status, 405)
        answer = self.world.ask("PATCH", "/api/v1/config", token=self.world.operator)
        self.assertEqual(set(re.findall(r"\w+", answer.headers["Allow"])), {"GET", "PUT"})

    def test_head_is_a_get_without_a_body(self):
        get = self.world.ask("GET", "/api/v1/users", token=self.world.operator)
        head = self.world.ask("HEAD", "/api/v1/users", token=self.world.operator)
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["Content-Length"], get.headers["Content-Length"])
        self.assertEqual(self.world.ask("HEAD", "/api/v1/users").status, 401)

    def test_what_is_hardly_http(self):
        for status, text in RAW:
            with self.subTest(text[:60]):
                port = int(self.world.url.rsplit(":", 1)[1])
                with socket.create_connection(("127.0.0.1", port), 20) as line:
                    line.sendall(text)
                    self.assertEqual(line.recv(4096)[9:12], status)


if __name__ == "__main__":
    unittest.main()
