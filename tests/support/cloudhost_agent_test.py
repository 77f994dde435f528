# SPDX-License-Identifier: Apache-2.0
"""Drover's boot script as EC2 would run it: a genuine agent in a machine of cloudhost, from its first
word to the end that the cloud sees."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest

import testpython

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = testpython.PYTHON
try:
    import boto3
    import moto  # noqa: F401
except ImportError:  # the interpreter of the tests has them
    testpython.again()

sys.path[:0] = [HERE, os.path.join(HERE, "..", "boot")]
import machine  # noqa: E402
from cloudhost import CloudHost, Ec2Fault as Adapter  # noqa: E402
from ec2fault import Ec2Fault  # noqa: E402

JOB = "import os\nprint('on', os.uname().nodename, flush=True)\n"


class Agent(unittest.TestCase):
    def setUp(self):
        self.server = machine.Server("cpu")
        self.addCleanup(self.server.close)
        self.cloud = Ec2Fault()
        self.addCleanup(self.cloud.close)
        self.client = boto3.client("ec2", endpoint_url=self.cloud.url, **self.cloud.boto())
        self.host = CloudHost(Adapter(self.client, self.cloud), path_prefix=os.path.dirname(PYTHON))
        self.host.__enter__()
        self.addCleanup(self.host.close)

    def seen(self, url):
        """The server's address for machines."""
        port = int(url.rsplit(":", 1)[1])
        self.host.expose(port)
        return "http://%s:%d" % (self.host.address, port)

    def launch(self, **settings):
        api = self.seen(self.server.api)
        agent = {"CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL": "1",
                 "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL": PYTHON}
        settings = dict({
            "api_server": api, "web_server": api, "files_server": self.seen(self.server.files),
            "access_key": self.server.key, "secret_key": self.server.secret, "queues": ["cpu"],
            "drain_queue_id": self.server.queues["cpu"], "worker_prefix": "drover",
            "worker_name": "pool", "type_name": "tiny", "cpu_only": True, "poll_s": 1,
            "id_source": "aws-imdsv2", "power_off": "shutdown",
            "env": ["%s=%s" % pair for pair in agent.items()]}, **settings)
        with tempfile.NamedTemporaryFile("w") as file:
            json.dump(settings, file)
            file.flush()
            script = subprocess.run([machine.RENDER, file.name], stdout=subprocess.PIPE,
                                    check=True).stdout
        return self.client.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, InstanceType="t3.small",
            MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
            InstanceInitiatedShutdownBehavior="terminate",
            UserData=gzip.compress(script))["Instances"][0]["InstanceId"]

    def test_a_task_runs_and_an_idle_machine_ends_itself(self):
        task = self.server.enqueue("cpu", JOB)
        id = self.launch()
        try:
            self.host.wait(lambda: "drover:pool:tiny:" + id in self.server.workers(), 90, "the worker")
            self.host.wait(lambda: self.server.task(task)["status"] == "completed", 90, "the task")
            self.server.drain("cpu", id, "idle")
            self.assertEqual(self.host.wait_ended(id, 90), "off")
        except BaseException:
            print(self.host.log(id), file=sys.stderr)
            raise
        self.assertEqual(self.server.metadata("cpu").get("drover.ack." + id), "done")
        self.host.wait(lambda: self.cloud.instance(id)["state"] == "terminated", 10, "its end")
        self.assertEqual(self.cloud.instance(id)["state_reason"]["code"],
                         "Client.InstanceInitiatedShutdown")
        told = self.client.get_console_output(InstanceId=id)["Output"]
        self.assertIn("boot: machine ends: the guard is done", told)

    def test_a_spot_notice_reaches_the_server(self):
        id = self.launch()
        self.host.wait(lambda: "drover:pool:tiny:" + id in self.server.workers(), 90, "the worker")
        self.host.notice(id, 120)
        self.assertEqual(self.host.wait_ended(id, 90), "off")
        self.assertIn("terminate", self.server.metadata("cpu")["drover.notice." + id])


if __name__ == "__main__":
    if os.geteuid() != 0 or not (os.access(machine.SANDBOX, os.X_OK)
                                 and os.access(machine.RENDER, os.X_OK)):
        print("skipped: root, DROVER_SANDBOX and DROVER_BOOT_RENDER are needed")
        sys.exit(77)
    unittest.main()
