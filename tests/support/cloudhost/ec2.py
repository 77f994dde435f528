# SPDX-License-Identifier: Apache-2.0
"""EC2 for cloudhost: Ec2 over any endpoint that boto3 can speak to (moto), Ec2Fault over the control
API of the fake in ../ec2fault, which knows more (who switched a machine off, console output)."""
import base64
import functools
import json
import urllib.request

from .adapter import Adapter, Gpus, Instance
from .ec2_metadata import Ec2Metadata

RUNNING = ("running",)
GONE = ("terminated",)


class Ec2(Adapter):
    """client: a boto3 EC2 client. credentials: function(instance) for its role, or None."""

    def __init__(self, client, credentials=None):
        super().__init__()
        self.client, self.credentials = client, credentials

    def instances(self):
        found = []
        for page in self.client.get_paginator("describe_instances").paginate():
            for reservation in page["Reservations"]:
                found += [self.instance(i, reservation) for i in reservation["Instances"]]
        return found

    def instance(self, i, reservation):
        zone, state = i["Placement"]["AvailabilityZone"], i["State"]["Name"]
        return Instance(
            id=i["InstanceId"], running=state in RUNNING, gone=state in GONE,
            type=i["InstanceType"], zone=zone, region=zone.rstrip("abcdefghijklm"),
            host_name=i.get("PrivateDnsName") or i["InstanceId"],
            private_ip=i.get("PrivateIpAddress") or "10.0.0.1",
            facts={"image": i.get("ImageId"), "account": reservation.get("OwnerId"),
                   "architecture": i.get("Architecture"), "public_ip": i.get("PublicIpAddress"),
                   "launch_time": i["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                   "profile": (i.get("IamInstanceProfile") or {}).get("Arn"),
                   "market": i.get("InstanceLifecycle") or "on-demand",
                   "metadata_options": i.get("MetadataOptions") or {},
                   "tags": {t["Key"]: t["Value"] for t in i.get("Tags") or []}})

    def attribute(self, instance, name):
        return self.client.describe_instance_attribute(
            InstanceId=instance.id, Attribute=name)[name[0].upper() + name[1:]].get("Value")

    def user_data(self, instance):
        return base64.b64decode(self.attribute(instance, "userData") or "")

    def switched_off(self, instance):
        if self.attribute(instance, "instanceInitiatedShutdownBehavior") == "terminate":
            self.client.terminate_instances(InstanceIds=[instance.id])
        else:
            self.client.stop_instances(InstanceIds=[instance.id])

    def gpus(self, instance):
        return self.gpus_of(instance.type)

    @functools.lru_cache(maxsize=None)
    def gpus_of(self, name):
        try:
            found = self.client.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]
        except self.client.exceptions.ClientError:
            found = []
        gpus = found[0].get("GpuInfo", {}).get("Gpus", []) if found else []
        if not gpus:
            return Gpus()
        return Gpus(sum(g["Count"] for g in gpus), "%s %s" % (gpus[0]["Manufacturer"], gpus[0]["Name"]),
                    gpus[0]["MemoryInfo"]["SizeInMiB"])

    def metadata(self, instance, user_data):
        return Ec2Metadata(instance, user_data, self.credentials)


class Ec2Fault(Ec2):
    """control: the control API's URL, or the Ec2Fault object itself."""

    def __init__(self, client, control, credentials=None):
        super().__init__(client, credentials or self.role_key)
        self.control, self.version = control, 0

    def ask(self, method, **words):
        if not isinstance(self.control, str):
            return getattr(self.control, method)(**words)
        request = urllib.request.Request("%s/_fault/%s" % (self.control.rstrip("/"), method),
                                         json.dumps(words).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=40) as reply:
            return json.load(reply)["result"]

    def wait(self):
        if not self.stopping.is_set():
            self.version = self.ask("wait", since=self.version, timeout=1)["version"]

    def instances(self):
        return [self.from_control(i) for i in self.ask("instances")]

    @staticmethod
    def from_control(i):
        return Instance(
            id=i["id"], running=i["state"] in RUNNING, gone=i["state"] in GONE, type=i["type"],
            zone=i["zone"], region=i["region"], host_name=i["private_dns"],
            private_ip=i["private_ip"], facts=i)

    def user_data(self, instance):
        return base64.b64decode(instance.facts.get("user_data") or "")

    def switched_off(self, instance):
        self.ask("shutdown", id=instance.id)

    def console(self, instance, log):
        self.ask("console", id=instance.id, base64=base64.b64encode(log).decode())

    def notice(self, instance):
        if instance.facts["spot_request"]:
            self.ask("notice", id=instance.id)

    def role_key(self, instance):
        key = self.ask("temporary_key", role=instance.facts["profile"].rpartition("/")[2])
        return {"AccessKeyId": key["access_key"], "SecretAccessKey": key["secret"],
                "Token": key["token"], "Expiration": key["expiration"]}
