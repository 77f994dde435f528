#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ClearML API's login and token rules, and each way in which an answer can be bad, for tests of
the client. The key pair is good:secret. Tokens are JWTs; the login's number is the last part.
"""
import base64
import json
import time

import http_peer


def jwt(number, life_s):
    now = int(time.time())
    claims = json.dumps({"iat": now, "exp": now + life_s, "user": "u"}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{number}"


class Api(http_peer.Peer):
    life_s = 3600
    logins = 0
    oldest_valid = 1

    def answer(self, code, subcode, message, data, **headers):
        meta = {"result_code": code, "result_subcode": subcode, "result_msg": message}
        text = json.dumps({"meta": meta, "data": data}).encode()
        self.reply(code, text, Content_Type="application/json", **headers)

    def login_of_token(self):
        word, _, token = (self.headers["Authorization"] or "").partition(" ")
        return int(token.rpartition(".")[2]) if word == "Bearer" else 0

    def on_auth_login(self, _, __):
        wanted = "Basic " + base64.b64encode(b"good:secret").decode()
        if self.headers["Authorization"] != wanted:
            self.answer(401, 22, "Unauthorized (invalid credentials)", {})
            return
        Api.logins += 1
        self.answer(200, 0, "OK", {"token": jwt(Api.logins, Api.life_s)})

    def on_test_echo(self, _, body):
        login = self.login_of_token()
        if login < Api.oldest_valid:
            self.answer(401, 30, "Invalid token", {})
            return
        self.answer(200, 0, "OK", {"login": login, "logins": Api.logins, "body": json.loads(body)})

    def on_test_lines(self, _, body):
        if self.headers["Content-Type"] != "application/json-lines":
            self.answer(400, 0, "not the type of a batch", {})
            return
        assert body.endswith(b"\n" if isinstance(body, bytes) else "\n")
        self.answer(200, 0, "OK", {"lines": [json.loads(line) for line in body.splitlines()]})

    def on_test_late(self, _, body):
        time.sleep(0.2)
        self.on_test_echo(_, body)

    def on_test_life(self, _, body):
        Api.life_s = json.loads(body)["seconds"]
        self.on_test_revoke(_, body)

    def on_test_revoke(self, _, __):
        Api.oldest_valid = Api.logins + 1
        self.answer(200, 0, "OK", {})

    def on_test_never(self, _, __):
        self.answer(401, 30, "Invalid token", {})

    def on_test_refuse(self, _, __):
        self.answer(400, 110, "Invalid task status", {})

    def on_test_busy(self, _, __):
        self.answer(429, 0, "Too many requests", {}, Retry_After="9")

    def on_test_fail(self, _, __):
        self.answer(500, 0, "General server error", {})

    def on_test_html(self, _, __):
        self.reply(200, b"<html>a web page</html>", Content_Type="text/html")

    on_test_redirect = http_peer.Peer.on_redirect
    on_test_half = http_peer.Peer.on_half
    on_test_slow = http_peer.Peer.on_slow


http_peer.main(Api)
