# SPDX-License-Identifier: Apache-2.0
"""What EC2 refuses though the model allows it: rules between fields, lengths, ranges."""
import base64
import binascii
import re

from .errors import AwsError

TAGGABLE = {"instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"}
METADATA_KEY = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}\Z")
VOLUME_GIB = {"gp2": (1, 16384), "gp3": (1, 65536), "io1": (4, 16384), "io2": (4, 65536),
              "st1": (125, 16384), "sc1": (125, 16384), "standard": (1, 1024)}
PAGE = {"DescribeInstances": (5, 1000), "DescribeInstanceTypes": (5, 100), "DescribeVolumes": (5, 1000),
        "DescribeInstanceTypeOfferings": (5, 1000), "DescribeSpotInstanceRequests": (5, 1000),
        "DescribeSpotPriceHistory": (1, 1000), "DescribeTags": (5, 1000), "DescribeSubnets": (5, 1000),
        "DescribeInstanceStatus": (5, 1000), "DescribeImages": (1, 1000),
        "DescribeSecurityGroups": (5, 1000)}
# The lists of ids that exclude paging.
ONE_BY_ONE = {"DescribeInstances": "InstanceIds", "DescribeInstanceTypes": "InstanceTypes",
              "DescribeInstanceStatus": "InstanceIds", "DescribeVolumes": "VolumeIds",
              "DescribeSpotInstanceRequests": "SpotInstanceRequestIds"}


def _bad(message, code="InvalidParameterValue"):
    raise AwsError(code, message)


def tags(given, metadata=False):
    keys = [tag.get("Key") for tag in given]
    if None in keys or "" in keys:
        _bad("Tag key cannot be null or empty", "MissingParameter" if None in keys
             else "InvalidParameterValue")
    if len(set(keys)) != len(keys):
        _bad("Duplicate tag key specified.")
    if len(keys) > 50:
        _bad("More than 50 tags specified", "TagLimitExceeded")
    for tag in given:
        key, value = tag["Key"], tag.get("Value", "")
        if len(key) > 128:
            _bad("Tag key exceeds the maximum length of 128 characters", "InvalidTagKey.Malformed")
        if len(value) > 256:
            _bad("Tag value exceeds the maximum length of 256 characters")
        if key.lower().startswith("aws:"):
            _bad("Tag keys starting with 'aws:' are reserved for internal use")
        if metadata and (not METADATA_KEY.match(key) or key in (".", "..", "_index")):
            _bad("'%s' is not a valid tag key. Tag keys must match pattern "
                 "([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')"
                 % key)


def _tag_specifications(params, spot):
    metadata = params.get("MetadataOptions", {}).get("InstanceMetadataTags") == "enabled"
    kinds = [spec.get("ResourceType") for spec in params.get("TagSpecifications", [])]
    for kind in kinds:
        if kind is None:
            _bad("Tag specification resource type must have a value")
        if kind not in TAGGABLE or (kind == "spot-instances-request" and not spot):
            _bad("'%s' is not a valid taggable resource type for this operation." % kind)
    if len(set(kinds)) != len(kinds):
        _bad("a resource type has two tag specifications")
    for spec in params.get("TagSpecifications", []):
        if not spec.get("Tags"):
            _bad("Tag specification must have at least one tag")
        tags(spec["Tags"], metadata and spec["ResourceType"] == "instance")


def _ebs(name, ebs):
    kind = ebs.get("VolumeType", "gp2")
    if "Throughput" in ebs:
        if kind != "gp3":
            _bad("The parameter throughput is not supported for %s volumes." % kind,
                 "InvalidParameterCombination")
        if not 125 <= ebs["Throughput"] <= 2000:
            _bad("throughput of %s must be 125 to 2000" % name)
    if kind in ("io1", "io2") and "Iops" not in ebs:
        _bad("The request must contain the parameter iops for volume type " + kind, "MissingParameter")
    if kind not in ("io1", "io2", "gp3") and "Iops" in ebs:
        _bad("The parameter iops is not supported for %s volumes." % kind,
             "InvalidParameterCombination")
    if "VolumeSize" in ebs and not VOLUME_GIB[kind][0] <= ebs["VolumeSize"] <= VOLUME_GIB[kind][1]:
        _bad("Volume of %d GiB is outside of %s's range" % (ebs["VolumeSize"], kind))
    if "KmsKeyId" in ebs and not ebs.get("Encrypted"):
        _bad("KmsKeyId needs Encrypted=true", "InvalidParameterDependency")
    if not re.match(r"snap-([0-9a-f]{8}|[0-9a-f]{17})\Z", ebs.get("SnapshotId", "snap-00000000")):
        _bad("Invalid id: \"%s\"" % ebs["SnapshotId"], "InvalidSnapshotID.Malformed")


def _disks(params):
    names = []
    for disk in params.get("BlockDeviceMappings", []):
        if not disk.get("DeviceName"):
            _bad("The request must contain the parameter deviceName", "MissingParameter")
        if sum(part in disk for part in ("Ebs", "VirtualName", "NoDevice")) != 1:
            _bad("%s needs exactly one of Ebs, VirtualName, NoDevice" % disk["DeviceName"],
                 "InvalidBlockDeviceMapping")
        names.append(disk["DeviceName"])
        if "Ebs" in disk:
            _ebs(disk["DeviceName"], disk["Ebs"])
    if len(set(names)) != len(names):
        _bad("a device is mapped twice", "InvalidBlockDeviceMapping")


def _network(params):
    cards = params.get("NetworkInterfaces", [])
    for name, text in (("SubnetId", "subnet ID"), ("SecurityGroupIds", "security groups"),
                       ("SecurityGroups", "security groups")):
        if cards and params.get(name):
            _bad("Network interfaces and an instance-level %s may not be specified on the same request"
                 % text, "InvalidParameterCombination")
    if params.get("SecurityGroups") and params.get("SubnetId"):
        _bad("The parameter groupName cannot be used with the parameter subnet",
             "InvalidParameterCombination")
    for card in cards:
        if "DeviceIndex" not in card:
            _bad("Each network interface requires a device index.", "MissingParameter")
        if card.get("AssociatePublicIpAddress") and len(cards) > 1:
            _bad("The associatePublicIPAddress parameter cannot be specified when launching with "
                 "multiple network interfaces.", "InvalidParameterCombination")
        if "NetworkInterfaceId" in card and (
                {"SubnetId", "Groups", "AssociatePublicIpAddress"} & set(card)):
            _bad("an existing network interface has its subnet and groups already",
                 "InvalidParameterCombination")


def _market(params):
    """Whether it is for spot."""
    market = params.get("InstanceMarketOptions", {})
    options = market.get("SpotOptions", {})
    if market and market.get("MarketType") != "spot":
        if "SpotOptions" in market or "MarketType" not in market:
            _bad("SpotOptions need MarketType spot", "InvalidParameterCombination")
        return False
    once = options.get("SpotInstanceType", "one-time") == "one-time"
    if once and "ValidUntil" in options:
        _bad("ValidUntil is not allowed with a one-time request", "InvalidParameterCombination")
    if once and options.get("InstanceInterruptionBehavior", "terminate") != "terminate":
        _bad("a one-time request can only be terminated", "InvalidParameterCombination")
    price = options.get("MaxPrice")
    if price is not None and not (re.match(r"\d+(\.\d+)?\Z", price) and float(price) > 0.001):
        _bad("Invalid value '%s' for SpotOptions.MaxPrice" % price)
    return bool(market)


def _script(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _bad("Invalid BASE64 encoding of user data")
    if len(raw) > 16384:
        _bad("User data is limited to 16384 bytes", "InvalidUserData.Malformed")


def run_instances(params):
    if params["MinCount"] < 1 or params["MaxCount"] < params["MinCount"]:
        _bad("MinCount %(MinCount)d, MaxCount %(MaxCount)d" % params)
    token = params.get("ClientToken", "x")
    if not token or len(token) > 64 or not token.isascii():
        _bad("ClientToken is 1 to 64 ASCII characters")
    if not params.get("ImageId") and "LaunchTemplate" not in params:
        _bad("The request must contain the parameter ImageId", "MissingParameter")
    _script(params.get("UserData", ""))
    _network(params)
    _disks(params)
    profile = params.get("IamInstanceProfile", {})
    if "Arn" in profile and "Name" in profile:
        _bad("The parameter 'iamInstanceProfile.name' may not be used in combination with "
             "'iamInstanceProfile.arn'", "InvalidParameterCombination")
    if not re.match(r"arn:aws[a-z-]*:iam::\d{12}:instance-profile/.+",
                    profile.get("Arn", "arn:aws:iam::000000000000:instance-profile/x")):
        _bad("Invalid IAM Instance Profile ARN", "InvalidIamInstanceProfileArn.Malformed")
    if not 1 <= params.get("MetadataOptions", {}).get("HttpPutResponseHopLimit", 1) <= 64:
        _bad("HttpPutResponseHopLimit is 1 to 64")
    _tag_specifications(params, _market(params))


def _paging(action, params):
    ids = ONE_BY_ONE.get(action)
    if ids and params.get(ids) and ("MaxResults" in params or "NextToken" in params):
        _bad("The parameter %s cannot be used with the parameter maxResults" % ids,
             "InvalidParameterCombination")
    if action in PAGE and "MaxResults" in params:
        low, high = PAGE[action]
        if not low <= params["MaxResults"] <= high:
            _bad("Value ( %d ) for parameter maxResults is invalid. Expecting a value between %d and %d."
                 % (params["MaxResults"], low, high))
    if len(params.get("InstanceTypes", [])) > 100 and action == "DescribeInstanceTypes":
        _bad("at most 100 instance types")
    for one in params.get("Filters", []):
        if not one.get("Name") or not one.get("Values"):
            _bad("The filter '%s' is invalid" % one.get("Name", "null"))
        if len(one["Values"]) > 200:
            _bad("The maximum number of filter values specified on a single call is 200",
                 "FilterLimitExceeded")


def _assume_role(params):
    if not re.match(r"arn:aws[a-z-]*:iam::\d{12}:role/.+", params["RoleArn"]):
        _bad(params["RoleArn"] + " is invalid", "ValidationError")
    if not re.match(r"[\w+=,.@-]{2,64}\Z", params["RoleSessionName"], re.ASCII):
        _bad("RoleSessionName is [\\w+=,.@-]{2,64}", "ValidationError")
    if not 900 <= params.get("DurationSeconds", 3600) <= 43200:
        _bad("DurationSeconds is 900 to 43200", "ValidationError")


def check(action, params):
    if action == "RunInstances":
        run_instances(params)
    elif action.startswith("AssumeRole"):
        _assume_role(params)
    elif action in ("CreateTags", "DeleteTags"):
        tags(params.get("Tags", []))
        if len(params["Resources"]) > 1000:
            _bad("at most 1000 resources", "InvalidParameterValue")
    elif action == "TerminateInstances" and len(params["InstanceIds"]) > 1000:
        _bad("at most 1000 instances", "ResourceCountExceeded")
    _paging(action, params)
