# SPDX-License-Identifier: Apache-2.0
"""RunInstances: the token first, then whether all that is named exists, then whether there is room."""
import ipaddress
import itertools
import json

from . import room
from .errors import AwsError, Violation
from .instance import Instance, SpotRequest, new_id

_addresses = itertools.count()


class Place:
    """Where it is to run: subnet, zone and what follows from them."""

    def __init__(self, cloud, call):
        params = call.params
        card = (params.get("NetworkInterfaces") or [{}])[0]
        wanted = card.get("SubnetId") or params.get("SubnetId")
        zone = params.get("Placement", {}).get("AvailabilityZone")
        rows = cloud.moto.subnets(call.account, call.region, wanted)
        self.scope = ""  # a client token's: zonal once a zone is said
        if wanted:
            if not rows:
                raise AwsError("InvalidSubnetID.NotFound",
                               "The subnet ID '%s' does not exist" % wanted)
            if zone not in (None, rows[0][1]):
                raise Violation("InvalidParameterValue", "Value (%s) for parameter availabilityZone is "
                                "invalid. Subnet '%s' is in the availability zone %s"
                                % (zone, wanted, rows[0][1]))
        elif zone:
            rows = [row for row in rows if row[1] == zone]
            if not rows:
                raise AwsError("InvalidParameterValue", "Invalid availability zone: [%s]" % zone)
        elif not rows:
            raise AwsError("VPCIdNotSpecified", "No default VPC for this user")
        if wanted or zone:
            self.scope = rows[0][1]
        self.candidates = rows
        self.public = card.get("AssociatePublicIpAddress")

    def take(self, row):
        self.subnet, self.zone, cidr, public, self.vpc = row
        if self.public is None:
            self.public = public
        network = ipaddress.ip_network(cidr)
        self.first, self.size = int(network.network_address) + 4, max(1, network.num_addresses - 5)

    def address(self):
        return str(ipaddress.ip_address(self.first + next(_addresses) % self.size))


def _image(cloud, call):
    identity = call.params["ImageId"]
    if identity.startswith("resolve:ssm:"):
        if call.denied("ssm:GetParameters"):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform: ssm:GetParameters")
        name = identity[len("resolve:ssm:"):]
        identity = cloud.moto.parameter(call.account, call.region, name)
        if identity is None:
            raise AwsError("InvalidAMIID.NotFound", "The parameter %s does not exist" % name)
        if cloud.moto.image(call.account, call.region, identity) is None:
            cloud.moto.add_image(call.account, call.region, identity, "/dev/xvda", "x86_64", 8)
    if not identity.startswith("ami-"):
        raise AwsError("InvalidAMIID.Malformed", 'Invalid id: "%s" (expecting "ami-...")' % identity)
    facts = cloud.moto.image(call.account, call.region, identity)
    if facts is None:
        raise AwsError("InvalidAMIID.NotFound", "The image id '[%s]' does not exist" % identity)
    return (identity, *facts)


def _profile(cloud, call):
    asked = call.params.get("IamInstanceProfile")
    if not asked:
        return None
    if call.denied("iam:PassRole"):
        raise AwsError("UnauthorizedOperation", "You are not authorized to perform: iam:PassRole")
    arn = cloud.moto.profile(call.account, asked.get("Arn"), asked.get("Name"))
    if arn is None:
        field, value = next(iter(asked.items()))
        raise AwsError("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.%s is "
                       "invalid. Invalid IAM Instance Profile %s"
                       % (value, field.lower(), "ARN" if field == "Arn" else "name"))
    return arn


def _groups(cloud, call):
    params = call.params
    ids = (params.get("NetworkInterfaces") or [params])[0]
    found = []
    for field, identity in ([("identity", one) for one in
                             ids.get("Groups", ids.get("SecurityGroupIds", []))]
                            + [("name", one) for one in params.get("SecurityGroups", [])]):
        row = cloud.moto.group(call.account, call.region, **{field: identity})
        if row is None:
            raise AwsError("InvalidGroup.NotFound",
                           "The security group '%s' does not exist" % identity)
        found.append(row)
    return found


def _volumes(params, root_device, size):
    """One disk list of an instance: the image's root unless a mapping names it, then the others."""
    rows = {root_device: {"VolumeSize": size, "VolumeType": "gp2"}}
    for disk in params.get("BlockDeviceMappings", []):
        if "Ebs" in disk:
            rows[disk["DeviceName"]] = {**rows.get(disk["DeviceName"], {}), **disk["Ebs"]}
    if rows[root_device]["VolumeSize"] < size:
        raise AwsError("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than snapshot, "
                       "expect size >= %dGB" % (rows[root_device]["VolumeSize"], size))
    return [{"id": new_id("vol"), "device": device, "size": ebs.get("VolumeSize", size),
             "type": ebs.get("VolumeType", "gp2"), "iops": ebs.get("Iops"),
             "throughput": ebs.get("Throughput"), "encrypted": ebs.get("Encrypted", False),
             "snapshot": ebs.get("SnapshotId"), "state": "in-use",
             "delete": ebs.get("DeleteOnTermination", device == root_device)}
            for device, ebs in rows.items()]


def _tags(params, kind):
    return {tag["Key"]: tag.get("Value", "") for spec in params.get("TagSpecifications", [])
            if spec["ResourceType"] == kind for tag in spec["Tags"]}


def _common(cloud, call, place):
    """What all instances of one call share; whatever does not exist is found here."""
    params = call.params
    image, architecture, root_device, size = _image(cloud, call)
    name = params.get("KeyName")
    if name and not cloud.moto.key_exists(call.account, call.region, name):
        raise AwsError("InvalidKeyPair.NotFound", "The key pair '%s' does not exist" % name)
    wanted = params.get("MetadataOptions", {})
    _volumes(params, root_device, size)
    return {
        "account": call.account, "region": call.region, "image": image, "key_name": name,
        "architecture": architecture, "root_device": root_device, "image_size": size,
        "type": params.get("InstanceType", "m1.small"), "profile": _profile(cloud, call),
        "groups": _groups(cloud, call), "user_data": params.get("UserData") or None,
        "token": params.get("ClientToken", ""), "monitoring": params.get("Monitoring", {}).get("Enabled"),
        "ebs_optimized": params.get("EbsOptimized", False),
        "shutdown_behavior": params.get("InstanceInitiatedShutdownBehavior", "stop"),
        "protected": params.get("DisableApiTermination", False),
        "market": "spot" if params.get("InstanceMarketOptions") else "on-demand",
        "metadata_options": {
            "HttpTokens": wanted.get("HttpTokens", "optional"),
            "HttpPutResponseHopLimit": wanted.get("HttpPutResponseHopLimit", 1),
            "HttpEndpoint": wanted.get("HttpEndpoint", "enabled"),
            "InstanceMetadataTags": wanted.get("InstanceMetadataTags", "disabled")}}


def _one(cloud, call, place, common, index, reservation):
    params, address = call.params, place.address()
    dashed = address.replace(".", "-")
    inner = "ec2.internal" if call.region == "us-east-1" else call.region + ".compute.internal"
    public = "54.%d.%d.%d" % tuple(int(part) for part in address.split(".")[1:])
    one = Instance(**common, index=index, reservation=reservation, subnet=place.subnet,
                   zone=place.zone, vpc=place.vpc, private_ip=address, launched=cloud.wall(),
                   private_dns="ip-%s.%s" % (dashed, inner), card=new_id("eni"),
                   public_ip=public if place.public else None,
                   public_dns="ec2-%s.compute-1.amazonaws.com" % public.replace(".", "-"),
                   listed_from=cloud.now() + cloud.settings.lag_s,
                   tag_history=[(float("-inf"), _tags(params, "instance"))])
    one.volumes = _volumes(params, one.root_device, one.image_size)
    for volume in one.volumes:
        volume.update(instance=one.id, tags=_tags(params, "volume"))
    one.card_tags = _tags(params, "network-interface")
    if one.market == "spot":
        options = params["InstanceMarketOptions"].get("SpotOptions", {})
        request = SpotRequest(one, one.launched, options.get("MaxPrice"),
                              _tags(params, "spot-instances-request"),
                              options.get("SpotInstanceType", "one-time"))
        cloud.spot[request.id], one.spot_request = request, request.id
    cloud.add(one)
    return one


def _reservation(cloud, instances):
    first = instances[0]
    return {"ReservationId": first.reservation, "OwnerId": first.account, "Groups": [],
            "Instances": [one.xml(cloud.now()) for one in instances]}


def _repeat(cloud, known, asked):
    """What a used token gets: (parameters, instances) of its first use are `known`."""
    said, instances = known
    if said != asked and not cloud.settings.mismatch_silent:
        raise Violation("IdempotentParameterMismatch",
                        "Arguments on this idempotent request are inconsistent with arguments used in "
                        "previous request(s).")
    if all(one.state in ("shutting-down", "terminated") for one in instances):
        raise AwsError("IdempotentInstanceTerminated", "The instance of this client token is terminated")
    return _reservation(cloud, instances)


def _may(cloud, call):
    params = call.params
    if "LaunchTemplate" in params:
        raise AwsError("UnsupportedOperation", "ec2fault knows no launch templates")
    if params.get("TagSpecifications") and call.denied("ec2:CreateTags", "CreateTags"):
        raise AwsError("UnauthorizedOperation", "You are not authorized to perform: ec2:CreateTags")
    spot = bool(params.get("InstanceMarketOptions"))
    if spot and call.denied("iam:CreateServiceLinkedRole"):
        raise AwsError("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "The provided credentials "
                       "do not have permission to create the service-linked role for EC2 Spot Instances.")


def look(cloud, call):
    """All that a dry run looks at: whether it may be, and could be if there were room."""
    _may(cloud, call)
    place = Place(cloud, call)
    room.check_type(cloud, call, _common(cloud, call, place), place.candidates)


def run_instances(cloud, call):
    params = call.params
    _may(cloud, call)
    place = Place(cloud, call)
    asked = json.dumps(params, sort_keys=True, default=str)
    token = (call.account, call.region, place.scope, params.get("ClientToken"))
    with cloud.lock:
        if token in cloud.tokens and token[3]:
            return _repeat(cloud, cloud.tokens[token], asked)
        common = _common(cloud, call, place)
        row, count = room.choose(cloud, call, place.candidates, common)
        place.take(row)
        common["vcpus"] = cloud.moto.type_facts(common["type"])[0]
        if not common["groups"]:
            common["groups"] = [cloud.moto.group(call.account, call.region, name="default")
                                or ("sg-00000000", "default")]
        reservation = new_id("r")
        instances = [_one(cloud, call, place, common, index, reservation) for index in range(count)]
        if token[3]:
            cloud.tokens[token] = (asked, instances)
        answer = _reservation(cloud, instances)  # all of them pending, whatever follows at once
        for one in instances:
            cloud.start(one)
    return answer


HANDLERS = {"RunInstances": run_instances}
