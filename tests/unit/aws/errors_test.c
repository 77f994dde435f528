/* SPDX-License-Identifier: Apache-2.0
 *
 * Every code of AWS that means something, written a second time, and what a person is told.
 */
#include "errors.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS (60 * 1000LL)

struct codes {
    enum aws_kind kind;
    enum driver_class class;
    const char *codes; /* separated by spaces */
};

static const struct codes CODES[] = {
    {AWS_THROTTLED, DRIVER_THROTTLE,
     "RequestLimitExceeded EC2ThrottledException Throttling ThrottlingException ThrottledException "
     "RequestThrottled RequestThrottledException TooManyRequestsException SlowDown "
     "PriorRequestNotComplete BandwidthLimitExceeded ConcurrentTagAccess"},
    {AWS_CAPACITY, DRIVER_CAPACITY,
     "InsufficientInstanceCapacity UnfulfillableCapacity InsufficientCapacity "
     "InsufficientHostCapacity InsufficientAddressCapacity InsufficientVolumeCapacity "
     "InsufficientReservedInstanceCapacity ReservationCapacityExceeded "
     "InsufficientFreeAddressesInSubnet SpotMaxPriceTooLow "
     "Server.InsufficientInstanceCapacity"},
    {AWS_UNSOLD, DRIVER_CAPACITY, "Unsupported VolumeTypeNotAvailableInZone"},
    {AWS_QUOTA, DRIVER_QUOTA,
     "VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded "
     "MaxSpotFleetRequestCountExceeded MaxFleetCountExceeded VolumeLimitExceeded "
     "MaxIOPSLimitExceeded NetworkInterfaceLimitExceeded AddressLimitExceeded "
     "ResourceLimitExceeded"},
    {AWS_TOO_MANY, DRIVER_TOO_MANY, "ResourceCountExceeded"},
    {AWS_REFUSED, DRIVER_AUTH,
     "AuthFailure UnauthorizedOperation AccessDenied AccessDeniedException InvalidClientTokenId "
     "SignatureDoesNotMatch IncompleteSignature MissingAuthenticationToken OptInRequired Blocked "
     "PendingVerification AuthFailure.ServiceLinkedRoleCreationNotPermitted "
     "UnrecognizedClientException InvalidSignatureException InvalidIdentityToken IDPRejectedClaim "
     "RegionDisabledException"},
    {AWS_STALE, DRIVER_AUTH,
     "RequestExpired InvalidSecurity.RequestHasExpired ExpiredToken ExpiredTokenException"},
    {AWS_BAD_REQUEST, DRIVER_REQUEST,
     "InvalidAMIID.NotFound InvalidAMIID.Malformed InvalidAMIID.Unavailable InvalidAMIID.Other "
     "InvalidParameter InvalidParameterValue InvalidParameterCombination MissingParameter "
     "UnknownParameter InvalidInstanceType InvalidKeyPair.NotFound InvalidGroup.NotFound "
     "InvalidSecurityGroupID.NotFound InvalidSubnetID.NotFound InvalidSubnet InvalidZone.NotFound "
     "InvalidAvailabilityZone InvalidBlockDeviceMapping InvalidSnapshot.NotFound "
     "InvalidIamInstanceProfileArn.Malformed InvalidUserData.Malformed InvalidTagKey.Malformed "
     "TagLimitExceeded UnsupportedOperation UnknownVolumeType VPCIdNotSpecified InvalidRequest "
     "ValidationError InvalidPlacementGroup.Unknown InvalidInstanceID.Malformed SomethingNew"},
    {AWS_UNKNOWN, DRIVER_UNKNOWN,
     "InternalError InternalFailure ServerInternal ServiceUnavailable Unavailable RequestTimeout "
     "IDPCommunicationError"},
    {AWS_NOT_FOUND, DRIVER_OTHER,
     "InvalidInstanceID.NotFound InvalidSpotInstanceRequestID.NotFound"},
    {AWS_TOKEN_MISMATCH, DRIVER_UNKNOWN, "IdempotentParameterMismatch"},
    {AWS_TOKEN_DEAD, DRIVER_OTHER, "IdempotentInstanceTerminated"},
    {AWS_PROTECTED, DRIVER_OTHER, "OperationNotPermitted"},
    {AWS_DRY_RUN_OK, DRIVER_OTHER, "DryRunOperation"},
};

static struct aws_error read_body(const char *action, long status, const char *body,
                                  int64_t skew_ms)
{
    struct dr_http_answer answer = {.cls = DR_HTTP_OK,
                                    .status = status,
                                    .date = "",
                                    .retry_after = "",
                                    .location = "",
                                    .content_type = "text/xml;charset=UTF-8",
                                    .body = body,
                                    .body_len = strlen(body),
                                    .error = ""};
    struct aws_error error;
    aws_error_read(action, &answer, skew_ms, &error);
    assert_int_equal(error.sentence[0] == '\0', error.kind == AWS_OK);
    return error;
}

static struct aws_error read_code(const char *code, const char *message, int64_t skew_ms)
{
    char body[2048];
    snprintf(body, sizeof body,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>%s</Code>"
             "<Message>%s</Message></Error></Errors><RequestID>r-1</RequestID></Response>",
             code, message);
    return read_body("RunInstances", 400, body, skew_ms);
}

static void check_says(const struct aws_error *error, const char *words)
{
    if (!strstr(error->sentence, words))
        fail_msg("\"%s\" does not say \"%s\"", error->sentence, words);
}

/* The code decides whatever the status is, in each of the three forms. */
static void test_every_code(void **unused)
{
    static const long statuses[] = {400, 403, 500, 503};
    static const char *const forms[] = {
        "<Response><Errors><Error><Code>%s</Code><Message>m</Message></Error></Errors></Response>",
        ("<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>%s</Code><Message>m</Message>"
         "</Error><RequestId>r</RequestId></ErrorResponse>"),
        "{\"__type\": \"com.amazonaws.ssm#%s\", \"message\": \"m\"}"};
    (void)unused;
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++) {
        char list[1024], *rest = list;
        snprintf(list, sizeof list, "%s", CODES[i].codes);
        assert_int_equal(aws_class_of(CODES[i].kind), CODES[i].class);
        for (char *code; (code = strsep(&rest, " "));) {
            bool known = strcmp(code, "SomethingNew") != 0;
            if (aws_kind_of(code, 400) != CODES[i].kind)
                fail_msg("%s is %d, expected %d", code, (int)aws_kind_of(code, 400),
                         (int)CODES[i].kind);
            for (size_t n = 0; n < 12; n++) {
                char body[512];
                snprintf(body, sizeof body, forms[n % 3], code);
                struct aws_error error = read_body("RunInstances", statuses[n / 3], body, 0);
                if (known)
                    assert_int_equal(error.kind, CODES[i].kind);
                assert_string_equal(error.code, code);
                assert_string_equal(error.message, "m");
                check_says(&error, code);
            }
        }
    }
}

static void test_the_status_where_there_is_no_code(void **unused)
{
    (void)unused;
    static const struct {
        long status;
        enum aws_kind kind;
    } cells[] = {{429, AWS_THROTTLED}, {509, AWS_THROTTLED}, {500, AWS_UNKNOWN}, {502, AWS_UNKNOWN},
                 {503, AWS_UNKNOWN},   {401, AWS_REFUSED},   {403, AWS_REFUSED}, {204, AWS_UNKNOWN},
                 {200, AWS_UNKNOWN},   {404, AWS_UNKNOWN},   {408, AWS_UNKNOWN}};
    static const char *const bodies[] = {"",
                                         "<html><body>no</body></html>",
                                         "{}",
                                         "<Response><Err",
                                         "<Response/>",
                                         "upstream connect error"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        for (size_t n = 0; n < sizeof bodies / sizeof *bodies; n++) {
            if (cells[i].status == 200 && strcmp(bodies[n], "{}") == 0)
                continue; /* SSM answers with JSON */
            struct aws_error error = read_body("RunInstances", cells[i].status, bodies[n], 0);
            assert_int_equal(error.kind, cells[i].kind);
            assert_string_equal(error.code, "");
        }
    }
    assert_int_equal(aws_kind_of("NeverSeen", 500), AWS_UNKNOWN);
    assert_int_equal(aws_kind_of("NeverSeen", 503), AWS_UNKNOWN);
    assert_int_equal(aws_kind_of("NeverSeen", 404), AWS_BAD_REQUEST);
}

static void test_a_success_is_this_actions_answer(void **unused)
{
    (void)unused;
    const char *whole = "<RunInstancesResponse xmlns=\"u\"><a/></RunInstancesResponse>";
    assert_int_equal(read_body("RunInstances", 200, whole, 0).kind, AWS_OK);
    assert_int_equal(read_body("CreateTags", 200, whole, 0).kind, AWS_UNKNOWN);
    for (size_t len = 0; len < strlen(whole); len++) {
        char cut[128];
        snprintf(cut, sizeof cut, "%.*s", (int)len, whole);
        assert_int_equal(read_body("RunInstances", 200, cut, 0).kind, AWS_UNKNOWN);
    }
    assert_int_equal(read_body("GetParameter", 200, "{\"Parameter\": {}}", 0).kind, AWS_OK);
    struct aws_error error = read_body(
        "RunInstances", 200,
        "<Response><Errors><Error><Code>VcpuLimitExceeded</Code></Error></Errors></Response>", 0);
    assert_int_equal(error.kind, AWS_QUOTA);
}

static void test_the_way_there(void **unused)
{
    (void)unused;
    for (int cls = DR_HTTP_DNS; cls < DR_HTTP_CLASSES; cls++) {
        struct dr_http_answer answer = {.cls = (enum dr_http_class)cls,
                                        .status = 200,
                                        .date = "",
                                        .retry_after = "",
                                        .location = "",
                                        .content_type = "",
                                        .body = "<RunInstancesResponse/>",
                                        .body_len = 23,
                                        .error = "ec2.eu-west-1.amazonaws.com:443: it broke"};
        struct aws_error error;
        bool unsent = cls == DR_HTTP_DNS || cls == DR_HTTP_CONNECT || cls == DR_HTTP_TLS_VERIFY ||
                      cls == DR_HTTP_TLS || cls == DR_HTTP_PROXY;
        aws_error_read("RunInstances", &answer, 0, &error);
        assert_int_equal(error.kind, AWS_UNKNOWN);
        check_says(&error, "ec2.eu-west-1.amazonaws.com:443: it broke");
        check_says(&error, unsent ? "nothing was sent" : "what AWS did is unknown");
    }
}

static void test_retry_after(void **unused)
{
    (void)unused;
    const char *body = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors>"
                       "</Response>";
    struct dr_http_answer answer = {.cls = DR_HTTP_OK,
                                    .status = 503,
                                    .date = "",
                                    .retry_after = "7",
                                    .location = "",
                                    .content_type = "",
                                    .body = body,
                                    .body_len = strlen(body),
                                    .error = ""};
    struct aws_error error;
    aws_error_read("RunInstances", &answer, 0, &error);
    assert_int_equal(error.retry_after_ms, 7000);
}

static void test_sentences(void **unused)
{
    (void)unused;
    static const struct {
        const char *code, *message, *says[3];
    } cells[] = {
        {"InvalidAMIID.NotFound",
         "The image id '[ami-0abc]' does not exist",
         {"RunInstances: the image ami-0abc does not exist in this region", "set ami_id"}},
        {"InvalidSubnetID.NotFound",
         "The subnet ID 'subnet-9' does not exist",
         {"the subnet subnet-9 does not exist: set subnet_ids"}},
        {"InvalidKeyPair.NotFound", "none", {"the key pair does not exist: set key_name"}},
        {"VcpuLimitExceeded",
         "You have requested more vCPU capacity than your current vCPU limit of 0 allows",
         {"Service Quotas > Amazon EC2 > \"Running On-Demand ... instances\"", "limit of 0",
          "max_machines"}},
        {"MaxSpotInstanceCountExceeded", "m", {"\"All ... Spot Instance Requests\""}},
        {"UnauthorizedOperation",
         "You are not authorized to perform this operation. Encoded authorization failure message: "
         "SECRETBLOB",
         {"grant ec2:RunInstances", "You are not authorized"}},
        {"UnauthorizedOperation",
         "User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: y",
         {"grant iam:PassRole"}},
        {"InvalidParameterValue",
         "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile "
         "name",
         {"set iam_instance_profile"}},
        {"Unsupported", "m", {"not sold there: name other availability_zones"}},
        {"AuthFailure.ServiceLinkedRoleCreationNotPermitted",
         "m",
         {"grant iam:CreateServiceLinkedRole"}},
        {"SomethingNew", "m", {"AWS refused it (SomethingNew: m)"}},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct aws_error error = read_code(cells[i].code, cells[i].message, 0);
        for (size_t n = 0; n < 3 && cells[i].says[n]; n++)
            check_says(&error, cells[i].says[n]);
        assert_null(strstr(error.sentence, "SECRETBLOB"));
        assert_null(strstr(error.message, "SECRETBLOB"));
        assert_null(strchr(error.sentence, '{'));
    }
    struct aws_error sts = read_body("GetCallerIdentity", 403,
                                     "<ErrorResponse><Error><Code>AccessDenied</Code></Error>"
                                     "</ErrorResponse>",
                                     0);
    check_says(&sts, "grant sts:GetCallerIdentity");
}

/* AWS repeats the canonical request, and in it the session token. */
static void test_a_token_is_not_repeated(void **unused)
{
    (void)unused;
    struct aws_error error = read_code("SignatureDoesNotMatch",
                                       "The request signature does not match. The Canonical String "
                                       "for this request should have been 'POST x-amz-security-"
                                       "token:TOKEN'",
                                       0);
    assert_null(strstr(error.message, "TOKEN"));
    assert_null(strstr(error.sentence, "TOKEN"));
    check_says(&error, "does not match");
}

static void test_a_clock_that_is_off(void **unused)
{
    (void)unused;
    static const char *const codes[] = {"RequestExpired", "SignatureDoesNotMatch", "AuthFailure",
                                        "InvalidSecurity.RequestHasExpired"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct aws_error error = read_code(codes[i], "m", -20 * MINUTE_MS);
        check_says(&error, "this host's clock is 20 minutes behind AWS's: set it (NTP)");
        error = read_code(codes[i], "m", 6 * MINUTE_MS);
        check_says(&error, "this host's clock is 6 minutes ahead of AWS's");
        error = read_code(codes[i], "m", 5 * MINUTE_MS);
        assert_null(strstr(error.sentence, "minutes"));
    }
    struct aws_error error = read_code("UnauthorizedOperation", "m", 20 * MINUTE_MS);
    assert_null(strstr(error.sentence, "minutes"));
}

static void test_texts_are_bounded_and_printable(void **unused)
{
    (void)unused;
    char message[900];
    memset(message, 'x', sizeof message);
    memcpy(message, "a\nb\tc \xc2\x85 d\x7f", 11);
    for (size_t i = 300; i + 3 < 890; i += 3)
        memcpy(message + i, "\xe2\x82\xac", 3);
    message[891] = '\0';
    struct aws_error error = read_code("NewOne", message, 0);
    assert_memory_equal(error.message, "a b c d", 7);
    assert_true(strlen(error.message) < sizeof error.message);
    size_t len = strlen(error.message);
    assert_memory_equal(error.message + len - 3, "\xe2\x82\xac", 3);
}

static void test_what_is_set_aside(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < AWS_KINDS; kind++)
        assert_int_equal(aws_aside_ms((enum aws_kind)kind),
                         kind == AWS_UNSOLD ? 24 * 60 * MINUTE_MS : 0);
}

static void test_reasons_of_an_end(void **unused)
{
    (void)unused;
    static const struct {
        const char *code, *message;
        enum driver_class class;
    } cells[] = {
        {"Server.SpotInstanceTermination", "", DRIVER_OK},
        {"Server.SpotInstanceShutdown", "", DRIVER_OK},
        {"Server.ScheduledStop", "", DRIVER_OK},
        {"Server.InsufficientInstanceCapacity", "", DRIVER_CAPACITY},
        {"Server.InternalError", "Internal error on launch", DRIVER_OTHER},
        {"Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded", DRIVER_QUOTA},
        {"Client.InstanceInitiatedShutdown", "", DRIVER_OK},
        {"Client.UserInitiatedShutdown", "", DRIVER_OK},
        {"Client.UserInitiatedHibernate", "", DRIVER_OK},
        {"Client.InstanceTerminated", "", DRIVER_OK},
        {"Client.InternalError", "Client error on launch", DRIVER_REQUEST},
        {"Client.InvalidSnapshot.NotFound", "", DRIVER_REQUEST},
        {"Client.VolumeLimitExceeded", "", DRIVER_QUOTA},
        {"Client.InvalidParameterValue", "", DRIVER_REQUEST},
        {"Server.NeverSeen", "", DRIVER_OK},
        {"", "", DRIVER_OK},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        assert_int_equal(aws_state_reason_class(cells[i].code, cells[i].message), cells[i].class);
    assert_string_equal(aws_state_reason_words("Server.SpotInstanceTermination"),
                        "EC2 took it back (spot)");
    assert_string_equal(aws_state_reason_words("Server.NeverSeen"), "Server.NeverSeen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_the_status_where_there_is_no_code),
        cmocka_unit_test(test_a_success_is_this_actions_answer),
        cmocka_unit_test(test_the_way_there),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_a_token_is_not_repeated),
        cmocka_unit_test(test_a_clock_that_is_off),
        cmocka_unit_test(test_texts_are_bounded_and_printable),
        cmocka_unit_test(test_what_is_set_aside),
        cmocka_unit_test(test_reasons_of_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
