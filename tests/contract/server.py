# SPDX-License-Identifier: Apache-2.0
"""A drover-sandbox of one's own on free ports, and plain HTTP calls to it."""

import base64
import http.client
import json
import os
import subprocess
import tempfile
import urllib.parse


class Sandbox:
    """Starts the program, keeps its addresses and the first user's key pair."""

    def __init__(self, program, *options, keep=False):
        self.folder = tempfile.TemporaryDirectory(prefix="drover-contract-")
        self.secret_file = os.path.join(self.folder.name, "secret")
        self.command = [program, "--listen", "127.0.0.1:0", "--files-listen", "127.0.0.1:0",
                        "--secret-key-file", self.secret_file, "--print-ready", *options]
        if keep:
            self.command += ["--state", os.path.join(self.folder.name, "state")]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("READY "):
            raise RuntimeError(f"{self.command[0]} did not start: {line!r}")
        ready = dict(item.split("=", 1) for item in line.split()[1:])
        self.api, self.files = ready["api"], ready["files"]
        with open(self.secret_file, encoding="utf-8") as f:
            self.keys = (ready["access_key"], f.read().strip())

    def kill_and_start(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()
        self.folder.cleanup()
        if self.process.returncode != 0:  # a sanitizer found something
            raise RuntimeError(f"drover-sandbox ended with {self.process.returncode}")


def basic(keys):
    return "Basic " + base64.b64encode(":".join(keys).encode()).decode()


class Connection:
    """One kept-alive connection. call() returns (status, headers, body bytes)."""

    def __init__(self, address):
        self.host = urllib.parse.urlsplit(address).netloc
        self.http = http.client.HTTPConnection(self.host, timeout=60)

    def call(self, method, path, body=None, headers=None):
        self.http.request(method, path, body=body, headers=headers or {})
        response = self.http.getresponse()
        return response.status, response.headers, response.read()

    def api(self, name, body, authorization, method="POST"):
        """An API call that must succeed: its data."""
        status, _, text = self.call(method, "/" + name, json.dumps(body).encode(),
                                    {"Content-Type": "application/json",
                                     "Authorization": authorization})
        answer = json.loads(text)
        if status != 200:
            raise RuntimeError(f"{name} {body}: {answer['meta']}")
        return answer["data"]

    def close(self):
        self.http.close()
