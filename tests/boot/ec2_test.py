# SPDX-License-Identifier: Apache-2.0
"""A machine as EC2 and cloud-init start it: the metadata service at its own address, in a network of
the test's own; no HOME, hardly a PATH, a proxy that leads nowhere."""
import ctypes
import http.server
import os
import subprocess
import threading
import unittest

import machine
from machine import MachineCase, wait

CLONE_NEWNET = 0x40000000


def setUpModule():
    machine.needed()
    if os.getuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise unittest.SkipTest("no network of its own for the metadata service's address")
    for words in ("link set lo up", "addr add 169.254.169.254/32 dev lo"):
        if subprocess.call(["ip"] + words.split()) != 0:
            raise unittest.SkipTest("ip " + words)


class Metadata:
    """IMDSv2, and nothing for who comes without a token."""

    def __init__(self, instance):
        self.instance, self.action, self.busy = instance, None, 0
        self.asked = []
        told = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                status, text = told.answer(self.command, self.path, self.headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PUT = answer

        self.server = http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, command, path, headers):
        self.asked.append((command, path))
        if (command, path) == ("PUT", "/latest/api/token"):
            if self.busy > 0:
                self.busy -= 1
                return 503, ""
            if "X-Forwarded-For" in headers:
                return 403, ""
            ttl = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            return (200, "a-token") if ttl.isdigit() and 1 <= int(ttl) <= 21600 else (400, "")
        if headers.get("X-aws-ec2-metadata-token") != "a-token":
            return 401, ""
        if path == "/latest/meta-data/instance-id":
            return 200, self.instance
        if path == "/latest/meta-data/spot/instance-action" and self.action:
            return 200, self.action
        return 404, ""

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Ec2(MachineCase):
    def test_a_spot_instance_from_first_boot_to_its_notice(self):
        cloud = Metadata(self.named("first"))
        cloud.busy = 2
        self.addCleanup(cloud.close)
        proxy = "http://127.0.0.1:9"
        m = self.machine("first", by_cloud_init=True, id_source="aws-imdsv2",
                         power_off="shutdown", agent_env={
                             "http_proxy": proxy, "https_proxy": proxy, "no_proxy": "127.0.0.1"})
        m.up()
        self.assertEqual(cloud.asked[:3], [("PUT", "/latest/api/token")] * 3)
        self.assertEqual(cloud.asked[3], ("GET", "/latest/meta-data/instance-id"))
        self.assertTrue(os.path.exists(os.path.join(m.home, "clearml.conf")), "root's home was found")
        task = self.server.enqueue("cpu", "import time\ntime.sleep(600)\n")
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        cloud.action = '{"action": "terminate", "time": "2026-01-01T00:02:00Z"}'
        self.assertEqual(m.ended(), 0)
        self.assertEqual(self.server.metadata("cpu").get("drover.notice." + m.name),
                         "terminate 2026-01-01T00:02:00Z")
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")
        self.assertEqual(m.powered_off(), "shutdown -h now\n")


if __name__ == "__main__":
    unittest.main()
