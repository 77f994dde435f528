# SPDX-License-Identifier: Apache-2.0
"""A world whose machines are EC2 instances: ec2fault answers for EC2 and checks every request, and
cloudhost runs each running instance's user data, unchanged, as a machine of its own."""
import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import testpython  # noqa: E402
from world import PYTHON, World, eventually  # noqa: E402

try:
    import boto3
    import moto  # noqa: F401
except ImportError:  # the interpreter of the tests has them
    testpython.again()

import cloudhost  # noqa: E402
from ec2fault import Ec2Fault  # noqa: E402

ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI"
REGION = "us-east-1"
IMAGE = "ami-0123456789abcdef0"


class Ec2World(World):
    """config: as World's. host: False leaves the instances empty, they only exist. settings: of
    ec2fault. Use as a context manager; ec2fault is `cloud`, cloudhost is `host`."""

    def __init__(self, config=None, queues=("cpu", "gpu"), env=None, host=True, settings=None,
                 host_options=None):
        super().__init__(config, queues, dict(env or {}, AWS_EC2_METADATA_DISABLED="true"))
        self.with_host, self.settings, self.host_options = host, settings or {}, host_options or {}
        self.cloud = self.host = self._stack = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            if self.settings.get("tls"):
                self.settings["tls"] = self.dir
            self.cloud = stack.enter_context(Ec2Fault(**self.settings))
            self.cloud.add_image(IMAGE, root_device="/dev/sda1")
            if self.with_host:
                self.host = stack.enter_context(cloudhost.CloudHost(
                    cloudhost.Ec2Fault(self.client(), self.cloud), path_prefix=os.path.dirname(PYTHON),
                    share=[self.dir], **self.host_options))
            super().__enter__()
            stack.push(super().__exit__)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        if not self._stack:  # it did not get to its end of __enter__, which closes the rest
            super().__exit__(*error)
            return
        if error[0] is not None and self.host:
            for instance in [i["id"] for i in self.instances()][:3]:
                with contextlib.suppress(Exception):
                    print("---- %s\n%s" % (instance, self.host.log(instance)[-4000:]))
        self._stack.__exit__(*error)

    def client(self):
        return boto3.client("ec2", endpoint_url=self.cloud.url, **self.cloud.boto())

    def credentials_file(self, **keys):
        path = os.path.join(self.dir, "aws.yaml")
        with open(path, "w") as file:
            os.chmod(path, 0o600)
            json.dump(keys or {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}, file)
        return path

    def default_config(self):
        config = super().default_config()
        if self.host:
            self.host.expose(self.api_port)
            self.host.expose(self.files_port)
            config["clearml"].update(
                machine_api_server="http://%s:%d" % (self.host.address, self.api_port),
                machine_files_server="http://%s:%d" % (self.host.address, self.files_port))
        config["accounts"] = [{
            "name": "cloud", "driver": "aws", "region": REGION, "endpoint": self.cloud.url,
            "sts_endpoint": self.cloud.url, "credentials_file": self.credentials_file(),
            "list_period": "1s", "timeout": "5s"}]
        shared = {"account": "cloud", "ami_id": IMAGE, "idle_timeout": "5s", "max_machines": 2}
        config["machine_types"] = [
            dict(shared, name="small", instance_type="t3.medium",
                 availability_zones=["us-east-1a", "us-east-1b"]),
            dict(shared, name="big", instance_type="c5.xlarge",
                 availability_zones=["us-east-1b"])]
        return config

    def instances(self, *states):
        return self.cloud.instances(list(states) or None)

    def live(self):
        return self.instances("pending", "running", "shutting-down", "stopping", "stopped")

    def tags(self, instance):
        return instance["tags"]


__all__ = ["Ec2World", "World", "eventually", "IMAGE", "REGION", "ACCESS_KEY", "SECRET_KEY", "PYTHON"]
