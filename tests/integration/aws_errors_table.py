# SPDX-License-Identifier: Apache-2.0
"""EC2's error codes by class, each with words that a person is shown: what happened, or what to do."""

BUSY = "EC2 takes no more calls of this account"
THROTTLED = {code: BUSY for code in (
    "RequestLimitExceeded", "EC2ThrottledException", "Throttling", "ThrottlingException",
    "ThrottledException", "RequestThrottled", "RequestThrottledException", "TooManyRequestsException",
    "SlowDown", "PriorRequestNotComplete", "BandwidthLimitExceeded", "ConcurrentTagAccess")}

NO_ROOM = "EC2 has none left of this at present"
CAPACITY = {
    "InsufficientInstanceCapacity": NO_ROOM,
    "UnfulfillableCapacity": NO_ROOM,
    "InsufficientCapacity": NO_ROOM,
    "InsufficientHostCapacity": NO_ROOM,
    "InsufficientAddressCapacity": "no public address left",
    "InsufficientVolumeCapacity": "no room for such a disk",
    "InsufficientReservedInstanceCapacity": "the reserved capacity is used up",
    "ReservationCapacityExceeded": "the capacity reservation is used up",
    "InsufficientFreeAddressesInSubnet": "has no free address",
    "SpotMaxPriceTooLow": "spot_max_price is below the present price",
}
UNSOLD = {
    "Unsupported": "name other availability_zones",
    "VolumeTypeNotAvailableInZone": "that zone does not sell this type of disk",
}

QUOTA = {
    "VcpuLimitExceeded": "Running On-Demand ... instances",
    "InstanceLimitExceeded": "Running On-Demand ... instances",
    "MaxSpotInstanceCountExceeded": "All ... Spot Instance Requests",
    "MaxSpotFleetRequestCountExceeded": "may have no more spot fleets",
    "MaxFleetCountExceeded": "may have no more fleets",
    "VolumeLimitExceeded": "Storage for ... volumes, in TiB",
    "MaxIOPSLimitExceeded": "IOPS for Provisioned IOPS SSD volumes",
    "NetworkInterfaceLimitExceeded": "Network interfaces per Region",
    "AddressLimitExceeded": "EC2-VPC Elastic IPs",
    "ResourceLimitExceeded": "Service Quotas",
}

REFUSED = {
    "AuthFailure": "AWS does not accept these credentials",
    "UnauthorizedOperation": "grant ec2:RunInstances",
    "AccessDenied": "grant ec2:RunInstances",
    "InvalidClientTokenId": "AWS does not know this access key",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key",
    "IncompleteSignature": "a proxy on the way may change headers",
    "MissingAuthenticationToken": "a proxy on the way may drop headers",
    "OptInRequired": "opt in to the region",
    "Blocked": "AWS has blocked the account",
    "PendingVerification": "AWS still verifies the account",
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": "grant iam:CreateServiceLinkedRole",
}
STALE = {code: "the request or its credentials have expired" for code in (
    "RequestExpired", "InvalidSecurity.RequestHasExpired", "ExpiredToken")}

# code: (what AWS says beside it, words that are shown)
NAMED = "The thing '[%s]' does not exist"
BAD_REQUEST = {
    "InvalidAMIID.NotFound": ("The image id '[ami-1]' does not exist", "the image ami-1 does not exist"),
    "InvalidAMIID.Malformed": ('Invalid id: "ami-2"', "the image ami-2 cannot be used"),
    "InvalidAMIID.Unavailable": ("The image id '[ami-3]' is not available", "the image ami-3 cannot"),
    "InvalidParameter": ("because of that", "EC2 does not take a field of the type"),
    "InvalidParameterValue": ("Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM "
                              "Instance Profile name", "set iam_instance_profile"),
    "InvalidParameterCombination": ("because of that", "two fields of the type exclude each other"),
    "MissingParameter": ("The request must contain the parameter subnetId", "subnetId"),
    "UnknownParameter": ("The parameter Foo is not recognized", "check extra_configurations"),
    "InvalidInstanceType": ("", "the instance type does not exist"),
    "InvalidKeyPair.NotFound": ("The key pair 'mine' does not exist", "the key pair mine does not exist"),
    "InvalidGroup.NotFound": ("The security group 'sg-1' does not exist", "the security group sg-1"),
    "InvalidSecurityGroupID.NotFound": ("The security group 'sg-2' does not exist", "sg-2 does not exist"),
    "InvalidSubnetID.NotFound": ("The subnet ID 'subnet-1' does not exist", "the subnet subnet-1"),
    "InvalidSubnet": ("", "set subnet_ids"),
    "InvalidZone.NotFound": ("The zone '[us-east-1x]' does not exist", "the zone us-east-1x"),
    "InvalidAvailabilityZone": ("", "set availability_zones"),
    "InvalidBlockDeviceMapping": ("", "ebs_volume_size is at least the image's"),
    "InvalidSnapshot.NotFound": ("The snapshot 'snap-1' does not exist.", "the snapshot snap-1"),
    "InvalidIamInstanceProfileArn.Malformed": ("", "the ARN of the instance profile is malformed"),
    "InvalidUserData.Malformed": ("User data is limited to 16384 bytes", "shorten init_script"),
    "InvalidTagKey.Malformed": ("", "a tag's key is malformed"),
    "TagLimitExceeded": ("", "shorten tags"),
    "UnsupportedOperation": ("", "EC2 cannot do that here"),
    "UnknownVolumeType": ("", "set ebs_volume_type"),
    "VPCIdNotSpecified": ("No default VPC for this user", "the region has no default network"),
    "InvalidRequest": ("", "EC2 cannot read the request"),
    "ValidationError": ("", "AWS cannot read the request"),
    "InvalidPlacementGroup.Unknown": ("The placement group 'pg' is unknown.", "the placement group pg"),
    "InvalidSomethingNew.NobodyKnows": ("a sentence of AWS's own", "a sentence of AWS's own"),
}

NO_ANSWER = "whether it acted is unknown"
CUT = "what AWS did is unknown"
# name: (fault, how, words)
UNKNOWN = dict(
    [(code, ("error", {"code": code}, NO_ANSWER)) for code in (
        "InternalError", "InternalFailure", "ServerInternal", "ServiceUnavailable", "Unavailable",
        "RequestTimeout")] +
    [(code + "-acted", ("error", {"code": code, "effect": True}, NO_ANSWER)) for code in (
        "InternalError", "Unavailable", "RequestTimeout")],
    **{
        "closed-before": ("close_before", {}, CUT),
        "closed-after": ("close_after", {}, CUT),
        "silence-before": ("hang", {"before": True}, CUT),
        "silence-after": ("hang", {}, CUT),
        "silence-then-late": ("hang", {"before": True, "late": True}, CUT),
        "garbage": ("garbage", {}, "the answer is cut short, or not AWS's (text/html)"),
        "garbage-acted": ("garbage", {"effect": True}, "the answer is cut short, or not AWS's"),
        "truncated": ("truncate", {}, CUT),
        "status-500": ("http", {"status": 500}, "status 500 without a word of AWS"),
        "status-502": ("http", {"status": 502, "body": "<html>Bad gateway</html>",
                                "content_type": "text/html"}, "status 502 without a word of AWS"),
        "status-400": ("http", {"status": 400, "body": "no"}, "status 400 without a word of AWS"),
    })
