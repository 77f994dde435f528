/* SPDX-License-Identifier: Apache-2.0
 *
 * https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html; which codes mean "no
 * capacity" and "quota" is as other autoscalers found them (Karpenter, 2026).
 */
#include "errors_table.h"

#include <string.h>

#define BUSY "EC2 takes no more calls of this account at present", "it is tried again more slowly"
#define NO_ROOM "EC2 has none left of this at present"
#define QUOTA_OF(name) \
    "ask for more at Service Quotas > Amazon EC2 > \"" name "\", or lower max_machines"
#define KEYS "check the account's credentials (`drover check` says where they were found)"
#define IN_REGION "; ids hold in one region only"
#define NO_ANSWER "AWS failed, and whether it acted is unknown", "the same request is sent again"
#define EXPIRED                                    \
    "the request or its credentials have expired", \
        "if new credentials do not help, set this host's clock (NTP)"

static const struct aws_error_row ROWS[] = {
    /* ---- too many calls ---- */
    {"RequestLimitExceeded", AWS_THROTTLED, BUSY},
    {"EC2ThrottledException", AWS_THROTTLED, BUSY},
    {"Throttling*", AWS_THROTTLED, BUSY},
    {"ThrottledException", AWS_THROTTLED, BUSY},
    {"RequestThrottled*", AWS_THROTTLED, BUSY},
    {"TooManyRequestsException", AWS_THROTTLED, BUSY},
    {"SlowDown", AWS_THROTTLED, BUSY},
    {"PriorRequestNotComplete", AWS_THROTTLED, BUSY},
    {"BandwidthLimitExceeded", AWS_THROTTLED, BUSY},
    {"ConcurrentTagAccess", AWS_THROTTLED, BUSY},

    /* ---- no capacity ---- */
    {"InsufficientInstanceCapacity", AWS_CAPACITY, NO_ROOM, NULL},
    {"UnfulfillableCapacity", AWS_CAPACITY, NO_ROOM, NULL},
    {"InsufficientCapacity", AWS_CAPACITY, NO_ROOM, NULL},
    {"InsufficientHostCapacity", AWS_CAPACITY, NO_ROOM, NULL},
    {"InsufficientVolumeCapacity", AWS_CAPACITY, "EC2 has no room for such a disk at present",
     NULL},
    {"InsufficientAddressCapacity", AWS_CAPACITY, "EC2 has no public address left at present",
     NULL},
    {"InsufficientReservedInstanceCapacity", AWS_CAPACITY, "the reserved capacity is used up",
     NULL},
    {"ReservationCapacityExceeded", AWS_CAPACITY, "the capacity reservation is used up", NULL},
    {"InsufficientFreeAddressesInSubnet", AWS_CAPACITY, "the subnet{} has no free address",
     "name a second one in subnet_ids"},
    {"SpotMaxPriceTooLow", AWS_CAPACITY, "spot_max_price is below the present price",
     "raise it, or leave it empty: then the on-demand price is the limit"},
    {"Unsupported", AWS_UNSOLD, "this is not sold there", "name other availability_zones"},
    {"VolumeTypeNotAvailableInZone", AWS_UNSOLD, "that zone does not sell this type of disk",
     "choose another ebs_volume_type, or other availability_zones"},

    /* ---- quotas ---- */
    {"VcpuLimitExceeded", AWS_QUOTA, "the account's quota of vCPUs for this family is used up",
     QUOTA_OF("Running On-Demand ... instances")},
    {"InstanceLimitExceeded", AWS_QUOTA, "the account may run no more machines of this type",
     QUOTA_OF("Running On-Demand ... instances")},
    {"MaxSpotInstanceCountExceeded", AWS_QUOTA,
     "the account's quota of spot vCPUs for this family is used up",
     QUOTA_OF("All ... Spot Instance Requests")},
    {"MaxSpotFleetRequestCountExceeded", AWS_QUOTA, "the account may have no more spot fleets",
     NULL},
    {"MaxFleetCountExceeded", AWS_QUOTA, "the account may have no more fleets", NULL},
    {"VolumeLimitExceeded", AWS_QUOTA, "the account's quota of disk space is used up",
     "ask for more at Service Quotas > Amazon EBS > \"Storage for ... volumes, in TiB\", delete "
     "volumes that nobody uses, or lower ebs_volume_size"},
    {"MaxIOPSLimitExceeded", AWS_QUOTA, "the account's quota of disk operations is used up",
     "ask for more at Service Quotas > Amazon EBS > \"IOPS for Provisioned IOPS SSD volumes\", or "
     "lower ebs_iops"},
    {"NetworkInterfaceLimitExceeded", AWS_QUOTA, "the account may have no more network interfaces",
     "ask for more at Service Quotas > Amazon VPC > \"Network interfaces per Region\""},
    {"AddressLimitExceeded", AWS_QUOTA, "the account may have no more public addresses",
     QUOTA_OF("EC2-VPC Elastic IPs")},
    {"ResourceLimitExceeded", AWS_QUOTA, "a quota of the account is used up",
     "ask for more at Service Quotas > Amazon EC2"},
    {"ResourceCountExceeded", AWS_TOO_MANY, "that is more than one request may ask for",
     "fewer are asked for at once"},

    /* ---- refused ---- */
    {"AuthFailure.ServiceLinkedRoleCreationNotPermitted", AWS_REFUSED,
     "spot needs the role AWSServiceRoleForEC2Spot once per account, and these credentials may not "
     "create it",
     "grant iam:CreateServiceLinkedRole, or run `aws iam create-service-linked-role "
     "--aws-service-name spot.amazonaws.com` as an administrator"},
    {"AuthFailure", AWS_REFUSED, "AWS does not accept these credentials", KEYS},
    {"UnauthorizedOperation", AWS_REFUSED, "these credentials may not do that", "grant {right}"},
    {"AccessDenied", AWS_REFUSED, "these credentials may not do that", "grant {right}"},
    {"AccessDeniedException", AWS_REFUSED, "these credentials may not do that", "grant {right}"},
    {"InvalidClientTokenId", AWS_REFUSED, "AWS does not know this access key", KEYS},
    {"UnrecognizedClientException", AWS_REFUSED, "AWS does not know this access key", KEYS},
    {"InvalidAccessKeyId", AWS_REFUSED, "AWS does not know this access key", KEYS},
    {"SignatureDoesNotMatch", AWS_REFUSED, "the signature is wrong",
     "the secret key does not belong to the access key, or this host's clock is wrong"},
    {"InvalidSignatureException", AWS_REFUSED, "the signature is wrong",
     "the secret key does not belong to the access key, or this host's clock is wrong"},
    {"IncompleteSignature", AWS_REFUSED, "the signature is incomplete",
     "a proxy on the way may change headers"},
    {"MissingAuthenticationToken", AWS_REFUSED, "the request arrived without a signature",
     "a proxy on the way may drop headers"},
    {"OptInRequired", AWS_REFUSED, "the account has not subscribed to what it asks for",
     "accept the image's terms in AWS Marketplace, or opt in to the region"},
    {"Blocked", AWS_REFUSED, "AWS has blocked the account", "ask AWS support"},
    {"PendingVerification", AWS_REFUSED, "AWS still verifies the account",
     "this takes up to four hours; then ask AWS support"},
    {"InvalidIdentityToken", AWS_REFUSED, "AWS does not accept the web identity token",
     "check the role's identity provider"},
    {"IDPRejectedClaim", AWS_REFUSED, "the identity provider refused the web identity token", NULL},
    {"RegionDisabledException", AWS_REFUSED, "the account has not enabled this region",
     "enable it, or set accounts[].region"},
    {"RequestExpired", AWS_STALE, EXPIRED},
    {"InvalidSecurity.RequestHasExpired", AWS_STALE, EXPIRED},
    {"ExpiredToken*", AWS_STALE, EXPIRED},

    /* ---- a request that will be refused again ---- */
    {"InvalidAMIID.NotFound", AWS_BAD_REQUEST, "the image{} does not exist in this region",
     "set ami_id; an image has another id in every region"},
    {"InvalidAMIID.Unavailable", AWS_BAD_REQUEST, "the image{} cannot be used (any more)",
     "set ami_id"},
    {"InvalidAMIID.*", AWS_BAD_REQUEST, "the image{} cannot be used",
     "set ami_id, e.g. ami-0123456789abcdef0"},
    {"ParameterNotFound", AWS_BAD_REQUEST, "the parameter that ami_id names does not exist",
     "check the path after resolve:ssm:"},
    {"InvalidInstanceType", AWS_BAD_REQUEST, "the instance type{} does not exist",
     "set instance_type"},
    {"InvalidKeyPair.*", AWS_BAD_REQUEST, "the key pair{} does not exist",
     "set key_name, or leave it empty" IN_REGION},
    {"InvalidGroup.*", AWS_BAD_REQUEST, "the security group{} does not exist",
     "set security_group_ids" IN_REGION},
    {"InvalidSecurityGroupID.*", AWS_BAD_REQUEST, "the security group{} does not exist",
     "set security_group_ids" IN_REGION},
    {"InvalidSubnetID.*", AWS_BAD_REQUEST, "the subnet{} does not exist",
     "set subnet_ids" IN_REGION},
    {"InvalidSubnet", AWS_BAD_REQUEST, "the subnet{} cannot be used", "set subnet_ids"},
    {"InvalidZone.NotFound", AWS_BAD_REQUEST, "the zone{} does not exist in this region",
     "set availability_zones"},
    {"InvalidAvailabilityZone", AWS_BAD_REQUEST, "the zone{} does not exist in this region",
     "set availability_zones"},
    {"InvalidBlockDeviceMapping", AWS_BAD_REQUEST, "the disk cannot be made as asked for",
     "ebs_volume_size is at least the image's; ebs_device_name is its root device, or empty"},
    {"InvalidSnapshot.NotFound", AWS_BAD_REQUEST, "the snapshot{} does not exist",
     "set ebs_snapshot_id" IN_REGION},
    {"UnknownVolumeType", AWS_BAD_REQUEST, "there is no such type of disk", "set ebs_volume_type"},
    {"InvalidIamInstanceProfileArn.Malformed", AWS_BAD_REQUEST,
     "the ARN of the instance profile is malformed",
     "set iam_instance_profile: arn:aws:iam::ACCOUNT:instance-profile/NAME, or the name alone"},
    {"InvalidUserData.Malformed", AWS_BAD_REQUEST, "EC2 does not take the boot script",
     "shorten init_script or extra_clearml_conf"},
    {"InvalidTagKey.Malformed", AWS_BAD_REQUEST, "a tag's key is malformed", "set tags"},
    {"TagLimitExceeded", AWS_BAD_REQUEST, "that is more than the 50 tags that a machine may carry",
     "shorten tags"},
    {"InvalidPlacementGroup.Unknown", AWS_BAD_REQUEST, "the placement group{} does not exist",
     "set Placement in extra_configurations"},
    {"VPCIdNotSpecified", AWS_BAD_REQUEST, "the region has no default network", "set subnet_ids"},
    {"InvalidParameterCombination", AWS_BAD_REQUEST, "two fields of the type exclude each other",
     "change the type, or its extra_configurations"},
    {"InvalidParameterValue", AWS_BAD_REQUEST, "EC2 does not take a value of the type", NULL},
    {"InvalidParameter", AWS_BAD_REQUEST, "EC2 does not take a field of the type", NULL},
    {"MissingParameter", AWS_BAD_REQUEST, "a field is missing", NULL},
    {"UnknownParameter", AWS_BAD_REQUEST, "EC2 does not know a field",
     "check extra_configurations"},
    {"UnsupportedOperation", AWS_BAD_REQUEST, "EC2 cannot do that here", NULL},
    {"InvalidRequest", AWS_BAD_REQUEST, "EC2 cannot read the request", NULL},
    {"ValidationError", AWS_BAD_REQUEST, "AWS cannot read the request", NULL},
    {"InvalidInstanceID.Malformed", AWS_BAD_REQUEST, "that is no id of a machine", NULL},

    /* ---- no answer ---- */
    {"InternalError", AWS_UNKNOWN, NO_ANSWER},
    {"InternalFailure", AWS_UNKNOWN, NO_ANSWER},
    {"ServerInternal", AWS_UNKNOWN, NO_ANSWER},
    {"ServiceUnavailable*", AWS_UNKNOWN, NO_ANSWER},
    {"Unavailable", AWS_UNKNOWN, NO_ANSWER},
    {"RequestTimeout*", AWS_UNKNOWN, NO_ANSWER},
    {"IDPCommunicationError", AWS_UNKNOWN, "AWS cannot reach the identity provider",
     "it is tried again"},

    /* ---- of single machines ---- */
    {"InvalidInstanceID.NotFound", AWS_NOT_FOUND, "EC2 does not know the machine{}", NULL},
    {"InvalidSpotInstanceRequestID.NotFound", AWS_NOT_FOUND, "EC2 does not know the spot request{}",
     NULL},
    {"IdempotentParameterMismatch", AWS_TOKEN_MISMATCH,
     "this attempt's token was used with another request before", NULL},
    {"IdempotentInstanceTerminated", AWS_TOKEN_DEAD, "what this attempt had started has ended",
     NULL},
    {"OperationNotPermitted", AWS_PROTECTED, "the machine is protected from termination",
     "switch its termination protection off"},
    {"DryRunOperation", AWS_DRY_RUN_OK, "it would have been done", NULL},
};

static bool matches(const char *pattern, const char *code)
{
    size_t len = strlen(pattern);
    if (len > 0 && pattern[len - 1] == '*')
        return strncmp(pattern, code, len - 1) == 0;
    return strcmp(pattern, code) == 0;
}

const struct aws_error_row *aws_error_row(const char *code)
{
    if (strncmp(code, "Client.", 7) == 0 || strncmp(code, "Server.", 7) == 0)
        code += 7;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        if (matches(ROWS[i].code, code))
            return &ROWS[i];
    }
    return NULL;
}
