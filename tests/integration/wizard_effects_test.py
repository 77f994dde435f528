# SPDX-License-Identifier: Apache-2.0
"""What settings of the wizard decide that no other test sees: how a cloud is called, where the dashboard is
and for how long a login holds, what is logged."""
import json
import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import testpython  # noqa: E402

try:
    import moto  # noqa: F401
except ImportError:  # the interpreter of the tests has it
    testpython.again()

from ec2fault import Ec2Fault  # noqa: E402
from faultproxy import FaultProxy  # noqa: E402
from gateway_access_world import Gateway  # noqa: E402
from gateway_world import free_port  # noqa: E402
from world import BIN, World  # noqa: E402


class Cloud(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="drover-effects-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def probe(self, cloud, **account):
        """{what: finding} of a draft with this account."""
        path = os.path.join(self.dir, "draft.yaml")
        with open(path, "w") as file:
            json.dump({"accounts": [dict({"name": "aws", "driver": "aws", "region": cloud.region, "endpoint":
                                          cloud.url, "sts_endpoint": cloud.url}, **account)]}, file)
        env = {"PATH": os.environ["PATH"], "HOME": self.dir, "AWS_EC2_METADATA_DISABLED": "true",
               "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI"}
        done = subprocess.run([os.path.join(BIN, "drover-provisioner"), "--probe", "aws", "--config", path,
                               "--draft"], capture_output=True, text=True, timeout=60, env=env)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_certificates_of_a_cloud(self):
        with Ec2Fault(tls=self.dir) as cloud:
            self.assertFalse(all(one["ok"] for one in self.probe(cloud)))
            found = self.probe(cloud, ca_file=cloud.ca_file)
            self.assertTrue(all(one["ok"] or one["unsure"] for one in found), found)

    def test_longest_call(self):
        with Ec2Fault() as cloud:
            cloud.rule("DescribeInstances", "hang", times=9)
            said = " ".join(one["sentence"] for one in self.probe(cloud, timeout="300ms"))
            self.assertIn("within 0.3 s", said)


class Server(unittest.TestCase):
    """The ClearML server, asked by the watcher's probe."""

    def setUp(self):
        self.world = World()
        self.addCleanup(shutil.rmtree, self.world.dir)
        self.world.start_server()
        self.addCleanup(self.world.server.wait)
        self.addCleanup(self.world.server.kill)
        self.addCleanup(self.world.server.stdout.close)

    def probe(self, url, **clearml):
        self.world.write_config({"clearml": dict(clearml, api_server=url)})
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        done = subprocess.run([os.path.join(BIN, "drover-watcher"), "--probe", "--config",
                               self.world.config_path], capture_output=True, text=True, timeout=60, env=env)
        return done.returncode, " ".join(json.loads(line)["sentence"] for line in done.stdout.splitlines())

    def test_certificates(self):
        front = FaultProxy(self.world.api_url, self.world.dir)
        self.addCleanup(front.close)
        self.assertEqual(1, self.probe(front.url)[0])
        for good in ({"ca_file": front.ca_file}, {"verify_tls": False}):
            code, said = self.probe(front.url, **good)
            self.assertEqual(0, code, said)

    def test_proxy(self):
        asked = []

        class Proxy(socketserver.StreamRequestHandler):
            def handle(self):
                asked.append(self.rfile.readline().decode())
                self.wfile.write(b"HTTP/1.1 502 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as proxy:
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            self.probe("http://clearml.example.org:8008",
                       proxy="http://127.0.0.1:%d" % proxy.server_address[1])
            proxy.shutdown()
        self.assertIn("http://clearml.example.org:8008/", asked[0])

    def test_longest_request(self):
        with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as deaf:
            code, said = self.probe("http://127.0.0.1:%d" % deaf.server_address[1], timeout="300ms")
        self.assertEqual(1, code)
        self.assertIn("within 0.3 s", said)


class Here(unittest.TestCase):
    def test_gateway(self):
        port, name = free_port(), "https://drover.example.org"
        with Gateway({"gateway": {"listen": "127.0.0.1:%d" % port, "session": "90m"}}) as world:
            self.assertEqual("http://127.0.0.1:%d" % port, world.url)
            answer = world.ask("GET", world.link()[len(world.url):])
            self.assertIn("Max-Age=5400;", answer.headers["Set-Cookie"] + ";")
            stranger = world.ask("GET", "/api/v1/me", headers={"Host": "drover.example.org"})
            self.assertEqual(421, stranger.status)
        with World({"gateway": {"listen": "127.0.0.1:%d" % port, "public_url": name}}) as world:
            with open(os.path.join(world.state_dir, "run", "login")) as file:
                self.assertTrue(file.read().startswith(name + "/login?once="))

    def test_log_level(self):
        seen = {}
        for level in ("error", "warning", "info", "debug"):
            with World({"supervisor": {"log_level": level}}) as world:
                seen[level] = {json.loads(line)["level"] for line in world.log().splitlines()}
        self.assertIn("info", seen["info"])
        self.assertNotIn("debug", seen["info"])
        self.assertFalse({"info", "debug"} & (seen["error"] | seen["warning"]), seen)
        self.assertIn("info", seen["debug"])


if __name__ == "__main__":
    unittest.main()
