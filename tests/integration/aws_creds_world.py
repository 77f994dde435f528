# SPDX-License-Identifier: Apache-2.0
"""Where AWS keys come from, faked: a metadata service, a container service and an STS on one port, with
two that ask them: creds-tool (ours) and botocore (the peer), each in a process of its own.

STS's keys are made from who asks for what, so that whoever asks the same gets the same."""
import datetime
import email.utils
import hashlib
import http.server
import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from ec2fault import sigv4  # noqa: E402
from ec2fault.errors import AwsError  # noqa: E402

WAIT_S = 20
XML = ('<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>'
       "<AccessKeyId>{1}</AccessKeyId><SecretAccessKey>{2}</SecretAccessKey>"
       "<SessionToken>{3}</SessionToken><Expiration>{4}</Expiration></Credentials></{0}Result>"
       "</{0}Response>")
FAULT = ("<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
         "<RequestId>r</RequestId></ErrorResponse>")


def iso(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def secret_of(access_key):
    return "SECRET" + hashlib.sha256(access_key.encode()).hexdigest()[:34]


def token_of(access_key):
    return "TOKEN" + hashlib.sha256(b"t" + access_key.encode()).hexdigest() * 6


class Cloud:
    """life_s: how long keys live; role: the instance's, None: it has none; fail: path -> status."""

    def __init__(self):
        self.life_s, self.role, self.clock_s = 3600, "machine", 0
        self.fail, self.requests, self.serial = {}, [], 0
        self.container_token, self.denied = None, set()
        self.imds_tokens, self.imds_key, self.hang = set(), None, threading.Event()
        self.changed = threading.Condition()
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return email.utils.formatdate(cloud.now(), usegmt=True)

            def do_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, text = cloud.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", cloud.url + "/elsewhere")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = do_POST = do_any

        self.servers = []
        self.url = self.listen("127.0.0.1", 0, Handler)
        self.handler = Handler

    def listen(self, host, port, handler=None):
        server = http.server.ThreadingHTTPServer((host, port), handler or self.handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # who asked has gone
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.servers.append(server)
        return "http://%s:%d" % (host, server.server_port)

    def close(self):
        self.hang.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def now(self):
        return time.time() + self.clock_s

    # ---- what the tests look at ------------------------------------------------------------------
    def seen(self, part):
        with self.changed:
            return [request for request in self.requests if part in request[1]]

    def wait_for(self, part, count):
        """Until `count` requests whose path or body has `part` came."""
        with self.changed:
            if not self.changed.wait_for(lambda: len([1 for r in self.requests if part in r[1]]) >= count,
                                         WAIT_S):
                raise AssertionError("not %d requests of %s: %s" % (count, part, self.requests))

    # ---- answers ---------------------------------------------------------------------------------
    def answer(self, method, path, headers, body):
        with self.changed:
            self.requests.append((method, path + " " + body.decode("latin-1"), dict(headers)))
            self.changed.notify_all()
        failure = next((self.fail[part] for part in self.fail if part in path), None)
        if failure == "hang":
            self.hang.wait(WAIT_S)
            return 500, ""
        if isinstance(failure, tuple):
            return failure
        if failure:
            return failure, "no"
        if method == "POST":
            return self.sts(path, headers, body)
        if path == "/latest/api/token" or "/latest/meta-data/" in path:
            return self.imds(method, path, headers)
        return self.container(path, headers)

    def keys(self, access_key):
        return json.dumps({"Code": "Success", "AccessKeyId": access_key,
                           "SecretAccessKey": secret_of(access_key), "Token": token_of(access_key),
                           "Expiration": iso(self.now() + self.life_s)})

    def imds(self, method, path, headers):
        if path == "/latest/api/token":
            if method != "PUT" or not headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
                return 400, ""
            self.serial += 1
            self.imds_tokens.add("imds-%d" % self.serial)
            return 200, "imds-%d" % self.serial
        if headers.get("X-aws-ec2-metadata-token") not in self.imds_tokens:
            return 401, ""
        if not self.role:
            return 404, ""
        if path.endswith("/security-credentials/"):
            return 200, self.role
        return 200, self.keys(self.imds_key or "ASIAIMDS" + self.role.upper())

    def container(self, path, headers):
        if self.container_token and headers.get("Authorization") != self.container_token:
            return 401, "no"
        return 200, self.keys("ASIACONTAINER" + path.strip("/").upper())

    def sts(self, path, headers, body):
        fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        try:
            access_key = self.assume(fields, path, headers, body)
        except AwsError as error:
            return error.status, FAULT % (error.code, error.message)
        return 200, XML.format(fields["Action"], access_key, secret_of(access_key), token_of(access_key),
                               iso(self.now() + self.life_s))

    def assume(self, fields, path, headers, body):
        if fields["Action"] == "AssumeRoleWithWebIdentity":
            if headers.get("Authorization"):
                raise AwsError("InvalidRequest", "this action is not signed")
            who = fields["WebIdentityToken"]
        else:
            scope = sigv4.Scope(headers.get("Authorization", ""))
            right = sigv4.signature(secret_of(scope.access_key), scope, "POST", path, headers, body)
            temporary = scope.access_key.startswith("ASIA")
            token = token_of(scope.access_key) if temporary else None
            if right != scope.signature or headers.get("X-Amz-Security-Token") != token:
                raise AwsError("SignatureDoesNotMatch", "not signed by the book")
            who = scope.access_key + "/" + scope.region
        if fields["RoleArn"] in self.denied:
            raise AwsError("AccessDenied", "not authorized to assume " + fields["RoleArn"])
        name = fields["RoleSessionName"]
        asked = [who, fields["RoleArn"], fields.get("ExternalId"), fields.get("DurationSeconds"),
                 name if not name.startswith(("drover", "botocore")) else None]
        return "ASIA" + hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16].upper()


class Tool:
    """creds-tool with an environment; leaves no word of a secret where none belongs."""

    def __init__(self, env, **fields):
        binary = os.environ["DROVER_CREDS_TOOL"]
        self.argv = [binary] + ["%s=%s" % pair for pair in fields.items()]
        self.process = subprocess.Popen(self.argv, env=env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.lines, self.errors = queue.Queue(), queue.Queue()
        for stream, lines in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=self._pump, args=(stream, lines), daemon=True).start()

    @staticmethod
    def _pump(stream, lines):
        for line in stream:
            lines.put(line)
        lines.put(None)

    def say(self, command):
        self.process.stdin.write(command + "\n")

    def hear(self):
        line = self.lines.get(timeout=WAIT_S)
        if line is None:
            raise AssertionError("creds-tool ended: " + (self.errors.get(timeout=WAIT_S) or "silently"))
        return json.loads(line)

    def hear_error(self):
        return self.errors.get(timeout=WAIT_S)

    def ask(self, command="get"):
        self.say(command)
        return self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()


PEER = """
import json, os, sys
import botocore.session
def ask(profile):
    session = botocore.session.Session(profile=profile)
    found = session.get_credentials()
    if not found:
        return {"none": "none"}
    keys = found.get_frozen_credentials()
    return {"access_key": keys.access_key, "secret_key": keys.secret_key, "token": keys.token or ""}
for line in sys.stdin:
    question = json.loads(line)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    os.environ.clear()
    os.environ.update(question["env"])
    try:
        answer = ask(question["profile"] or None)
    except BaseException as error:
        answer = {"none": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer), flush=True)
    os._exit(0)
"""


class Peer:
    """botocore's own search, each in a fresh copy of one process."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", PEER], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, env, profile=""):
        self.process.stdin.write(json.dumps({"env": env, "profile": profile}) + "\n")
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        self.process.stdout.close()
