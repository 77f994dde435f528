# SPDX-License-Identifier: Apache-2.0
"""One instance and one spot request: what is known of them, as EC2 writes it and as the control API does."""
import base64
import random

from . import model

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def new_id(kind):
    return kind + "-" + "%017x" % random.getrandbits(68)


def state(name):
    return {"Code": CODES[name], "Name": name}


class Instance:
    def __init__(self, **known):
        self.id = new_id("i")
        self.state, self.state_reason, self.transition = None, None, ""
        self.life, self.version = [], 0
        self.ended_at, self.forgotten = None, False
        self.protected = False
        self.spot_request = None
        self.volumes = []
        self.rendered = (None, None)
        self.__dict__.update(known)

    @property
    def tags(self):
        """All that were set, seen or not."""
        return self.tag_history[-1][1]

    def seen_tags(self, now):
        """The newest tags that EC2 shows by now."""
        return next(tags for since, tags in reversed(self.tag_history) if since <= now)

    def volume_rows(self):
        """A pending instance's disks are not attached yet; a terminated one has none."""
        if self.state in ("pending", "terminated"):
            return []
        return [{"DeviceName": volume["device"], "Ebs": {
            "VolumeId": volume["id"], "DeleteOnTermination": volume["delete"], "Status": "attached",
            "AttachTime": self.launched}} for volume in self.volumes]

    def row(self, now):
        """The members of the model's Instance."""
        gone = self.state == "terminated"
        groups = [{"GroupId": group, "GroupName": name} for group, name in self.groups]
        row = {
            "InstanceId": self.id, "ImageId": self.image, "State": state(self.state),
            "PrivateDnsName": "" if gone else self.private_dns,
            "PublicDnsName": "" if gone or not self.public_ip else self.public_dns,
            "StateTransitionReason": self.transition, "KeyName": self.key_name,
            "AmiLaunchIndex": self.index, "InstanceType": self.type, "LaunchTime": self.launched,
            "Placement": {"AvailabilityZone": self.zone, "GroupName": "", "Tenancy": "default"},
            "Monitoring": {"State": "enabled" if self.monitoring else "disabled"},
            "SubnetId": None if gone else self.subnet, "VpcId": None if gone else self.vpc,
            "PrivateIpAddress": None if gone else self.private_ip,
            "PublicIpAddress": None if gone else self.public_ip,
            "Architecture": self.architecture, "BlockDeviceMappings": self.volume_rows(),
            "ClientToken": self.token, "EbsOptimized": self.ebs_optimized, "EnaSupport": True,
            "Hypervisor": "xen", "InstanceLifecycle": "spot" if self.market == "spot" else None,
            "NetworkInterfaces": [] if gone else [self._card(groups)],
            "RootDeviceName": self.root_device, "RootDeviceType": "ebs",
            "SecurityGroups": [] if gone else groups, "SpotInstanceRequestId": self.spot_request,
            "Tags": [{"Key": key, "Value": value} for key, value in self.seen_tags(now).items()],
            "VirtualizationType": "hvm", "PlatformDetails": "Linux/UNIX",
            "UsageOperation": "RunInstances",
            "MetadataOptions": dict(self.metadata_options,
                                    State="pending" if self.state == "pending" else "applied")}
        if self.profile:
            row["IamInstanceProfile"] = {"Arn": self.profile, "Id": "AIPAEXAMPLE000000000"}
        if self.state_reason:
            row["StateReason"] = {"Code": self.state_reason["code"],
                                  "Message": self.state_reason["message"]}
        return row

    def _card(self, groups):
        return {"NetworkInterfaceId": self.card, "SubnetId": self.subnet, "VpcId": self.vpc,
                "PrivateIpAddress": self.private_ip, "PrivateDnsName": self.private_dns,
                "Status": "in-use", "OwnerId": self.account, "SourceDestCheck": True,
                "InterfaceType": "interface", "Groups": groups,
                "Attachment": {"DeviceIndex": 0, "Status": "attached", "AttachTime": self.launched,
                               "DeleteOnTermination": True}}

    def xml(self, now):
        """As an item of instancesSet; rendered once for each change."""
        key = (self.version, id(self.seen_tags(now)))
        if self.rendered[0] != key:
            self.rendered = (key, model.Ready(model.render(model.shape("Instance"), self.row(now))))
        return self.rendered[1]

    def script(self):
        return base64.b64decode(self.user_data).decode("utf-8", "replace") if self.user_data else None

    def facts(self):
        """As the control API tells it."""
        plain = ("id", "state", "state_reason", "type", "zone", "region", "account", "subnet",
                 "private_ip", "private_dns", "public_ip", "image", "key_name", "profile", "market",
                 "spot_request", "tags", "user_data", "token", "reservation", "shutdown_behavior",
                 "metadata_options", "volumes", "vcpus", "version", "life")
        facts = {name: getattr(self, name) for name in plain}
        facts["life"] = [list(step) for step in self.life]
        facts["groups"] = [group for group, _ in self.groups]
        facts["launch_time"] = model.iso(self.launched)
        return facts


class SpotRequest:
    def __init__(self, instance, now, max_price, tags, kind):
        self.id, self.instance, self.kind = new_id("sir")[:12], instance, kind
        self.created, self.max_price, self.tags = now, max_price, tags
        self.state = "active"
        self.say("fulfilled", "Your Spot request is fulfilled.", now)

    def say(self, code, message, now):
        self.code, self.message, self.updated = code, message, now

    def row(self):
        return {"SpotInstanceRequestId": self.id, "InstanceId": self.instance.id, "State": self.state,
                "Status": {"Code": self.code, "Message": self.message, "UpdateTime": self.updated},
                "CreateTime": self.created, "SpotPrice": self.max_price, "Type": self.kind,
                "LaunchedAvailabilityZone": self.instance.zone, "ProductDescription": "Linux/UNIX",
                "InstanceInterruptionBehavior": "terminate",
                "LaunchSpecification": {"ImageId": self.instance.image,
                                        "InstanceType": self.instance.type},
                "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()]}


def spot_ended(cloud, one, code):
    """What its request says once a spot instance ends by this reason."""
    request = cloud.spot.get(one.spot_request)
    if request is None:
        return
    if code == "Server.SpotInstanceTermination":
        if request.code == "fulfilled":
            request.say("instance-terminated-no-capacity", "Your Spot instance was terminated.",
                        cloud.wall())
    else:
        request.say("instance-terminated-by-user", "Spot Instance terminated by user.", cloud.wall())
    if request.state == "active":
        request.state = "closed" if request.kind == "one-time" else "open"
