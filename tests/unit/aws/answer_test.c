/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of EC2 and STS as AWS's documentation shows them, with what may vary: order, unknown
 * elements, pages, half an answer.
 */
#include "answer.h"

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XMLNS " xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

static const char ITEM[] =
    "<item><instanceId>i-0a</instanceId><imageId>ami-1</imageId><somethingNew><instanceId>i-no"
    "</instanceId></somethingNew><instanceState><code>272</code><name>odd</name></instanceState>"
    "<amiLaunchIndex>1</amiLaunchIndex><instanceType>g5.xlarge</instanceType>"
    "<launchTime>2026-07-01T12:00:00.500Z</launchTime>"
    "<placement><availabilityZone>eu-west-1a</availabilityZone></placement>"
    "<clientToken>att-1</clientToken><instanceLifecycle>spot</instanceLifecycle>"
    "<spotInstanceRequestId>sir-1</spotInstanceRequestId>"
    "<stateReason><code>Client.UserInitiatedShutdown</code><message>m</message></stateReason>"
    "<tagSet><item><key>Name</key><value>x</value></item>"
    "<item><value>att-1</value><key>drover-attempt</key></item>"
    "<item><key>drover-machine</key><value>m-1</value></item>"
    "<item><key>drover-ledger</key><value>led-1</value></item>"
    "<item><key>drover-deployment</key><value>lab</value></item></tagSet></item>";

static void check_item(const struct aws_instance *one)
{
    assert_string_equal(one->id, "i-0a");
    assert_string_equal(one->state, "running"); /* 272 is 256 + 16 */
    assert_string_equal(one->type, "g5.xlarge");
    assert_string_equal(one->zone, "eu-west-1a");
    assert_string_equal(one->client_token, "att-1");
    assert_string_equal(one->spot_request, "sir-1");
    assert_true(one->spot);
    assert_string_equal(one->reason_code, "Client.UserInitiatedShutdown");
    assert_string_equal(one->reason, "m");
    assert_int_equal(one->launched_us, 1782907200500000);
    assert_int_equal(one->launch_index, 1);
    assert_string_equal(one->attempt, "att-1");
    assert_string_equal(one->machine, "m-1");
    assert_string_equal(one->ledger, "led-1");
    assert_string_equal(one->deployment, "lab");
}

static bool read_into(struct aws_instances *out, const char *body)
{
    struct dr_error error = {0};
    bool read = aws_read_instances(body, strlen(body), out, &error);
    assert_int_equal(read, error.text[0] == '\0');
    return read;
}

static void test_a_list_in_pages(void **unused)
{
    (void)unused;
    char body[8192];
    struct aws_instances got = {0};
    snprintf(body, sizeof body,
             "<DescribeInstancesResponse" XMLNS
             "><requestId>r</requestId><nextToken>t/+=</nextToken>"
             "<reservationSet><item><groupSet><item><groupId>sg-1</groupId></item></groupSet>"
             "<instancesSet>%s</instancesSet></item>"
             "<item><instancesSet><item><instanceState><name>stopped</name></instanceState>"
             "<instanceId>i-0b</instanceId></item>%s</instancesSet></item></reservationSet>"
             "</DescribeInstancesResponse>",
             ITEM, ITEM);
    assert_true(read_into(&got, body));
    assert_int_equal(got.count, 3);
    assert_string_equal(got.next_token, "t/+=");
    check_item(&got.items[0]);
    assert_string_equal(got.items[1].id, "i-0b");
    assert_string_equal(got.items[1].state, "stopped");
    assert_string_equal(got.items[1].attempt, "");
    assert_false(got.items[1].spot);
    check_item(&got.items[2]);
    /* An empty page may still have a next one. */
    assert_true(read_into(&got,
                          "<DescribeInstancesResponse><reservationSet/><nextToken>u</nextToken>"
                          "</DescribeInstancesResponse>"));
    assert_int_equal(got.count, 3);
    assert_string_equal(got.next_token, "u");
    snprintf(
        body, sizeof body,
        "<DescribeInstancesResponse><reservationSet><item><instancesSet>%s</instancesSet></item>"
        "</reservationSet><nextToken></nextToken></DescribeInstancesResponse>",
        ITEM);
    assert_true(read_into(&got, body));
    assert_int_equal(got.count, 4);
    assert_string_equal(got.next_token, "");
    aws_instances_free(&got);
}

static void test_a_launch_is_in_order(void **unused)
{
    (void)unused;
    struct dr_error error = {0};
    struct aws_instances got = {0};
    char body[4096], *at = body;
    at += sprintf(at, "<RunInstancesResponse" XMLNS "><instancesSet>");
    for (int i = 0; i < 20; i++) {
        int index = (i * 7 + 3) % 20;
        at += sprintf(at,
                      "<item><amiLaunchIndex>%d</amiLaunchIndex><instanceId>i-%02d</instanceId>"
                      "<instanceState><code>0</code></instanceState></item>",
                      index, index);
    }
    sprintf(at, "</instancesSet><reservationId>r-1</reservationId></RunInstancesResponse>");
    assert_true(aws_read_instances(body, strlen(body), &got, &error));
    assert_int_equal(got.count, 20);
    for (size_t i = 0; i < got.count; i++) {
        char id[32];
        snprintf(id, sizeof id, "i-%02zu", i);
        assert_string_equal(got.items[i].id, id);
        assert_string_equal(got.items[i].state, "pending");
    }
    aws_instances_free(&got);
}

static void test_every_state(void **unused)
{
    (void)unused;
    static const struct {
        const char *state, *is;
    } cells[] = {
        {"<code>0</code><name>pending</name>", "pending"},
        {"<code>16</code><name>running</name>", "running"},
        {"<code>32</code><name>shutting-down</name>", "shutting-down"},
        {"<code>48</code><name>terminated</name>", "terminated"},
        {"<code>64</code><name>stopping</name>", "stopping"},
        {"<code>80</code><name>stopped</name>", "stopped"},
        {"<code>65328</code><name>terminated</name>", "terminated"},
        {"<code>7</code><name>quantum</name>", "quantum"},
        {"<name>running</name>", "running"},
        {"<code>x</code><name>running</name>", "running"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        char body[512];
        struct aws_instances got = {0};
        snprintf(body, sizeof body,
                 "<RunInstancesResponse><instancesSet><item><instanceId>i-1</instanceId>"
                 "<instanceState>%s</instanceState></item></instancesSet></RunInstancesResponse>",
                 cells[i].state);
        assert_true(read_into(&got, body));
        assert_string_equal(got.items[0].state, cells[i].is);
        aws_instances_free(&got);
    }
}

static void test_what_is_no_list_of_machines(void **unused)
{
    (void)unused;
    static const char *const bodies[] = {
        "<html/>", "<Response/>", "<DescribeImagesResponse/>",
        "<RunInstancesResponse><instancesSet><item/></instancesSet></RunInstancesResponse>",
        ("<RunInstancesResponse><instancesSet><item><instanceId>i-"
         "0123456789012345678901234567890123"
         "</instanceId></item></instancesSet></RunInstancesResponse>")};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct aws_instances got = {0};
        assert_false(read_into(&got, bodies[i]));
        aws_instances_free(&got);
    }
}

static void test_types(void **unused)
{
    (void)unused;
    const char *body =
        "<DescribeInstanceTypesResponse" XMLNS "><instanceTypeSet>"
        "<item><instanceType>p4d.24xlarge</instanceType><supportedUsageClasses><item>on-demand"
        "</item><item>spot</item></supportedUsageClasses><processorInfo><supportedArchitectures>"
        "<item>x86_64</item><item>i386</item></supportedArchitectures></processorInfo>"
        "<vCpuInfo><defaultVCpus>96</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>1179648"
        "</sizeInMiB></memoryInfo><gpuInfo><gpus><item><name>A100</name><manufacturer>NVIDIA"
        "</manufacturer><count>8</count></item></gpus></gpuInfo></item>"
        "<item><instanceType>g6f.large</instanceType><gpuInfo><gpus><item><name>L4</name>"
        "<manufacturer>NVIDIA</manufacturer><count>0</count><logicalGpuCount>1</logicalGpuCount>"
        "<gpuPartitionSize>0.125</gpuPartitionSize></item></gpus></gpuInfo></item>"
        "<item><instanceType>g4ad.xlarge</instanceType><gpuInfo><gpus><item><manufacturer>AMD"
        "</manufacturer><count>1</count></item></gpus></gpuInfo></item>"
        "<item><instanceType>m5.large</instanceType><supportedUsageClasses><item>on-demand</item>"
        "</supportedUsageClasses></item>"
        "</instanceTypeSet></DescribeInstanceTypesResponse>";
    struct aws_sizes got = {0};
    struct dr_error error = {0};
    assert_true(aws_read_types(body, strlen(body), &got, &error));
    assert_int_equal(got.count, 4);
    assert_string_equal(got.items[0].type, "p4d.24xlarge");
    assert_int_equal(got.items[0].gpus, 8);
    assert_int_equal(got.items[0].vcpus, 96);
    assert_int_equal(got.items[0].memory_mib, 1179648);
    assert_string_equal(got.items[0].gpu_name, "A100");
    assert_string_equal(got.items[0].architectures, "x86_64 i386");
    assert_true(got.items[0].spot && got.items[0].on_demand);
    assert_int_equal(got.items[1].gpus, 1);
    assert_int_equal(got.items[2].gpus, 0); /* nvidia-smi would show none */
    assert_int_equal(got.items[3].gpus, 0);
    assert_true(got.items[3].on_demand && !got.items[3].spot);
    aws_sizes_free(&got);
}

static char seen[256];

static void on_offering(void *arg, const char *type, const char *zone)
{
    (void)arg;
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s@%s ", type, zone);
}

static void on_request(void *arg, const struct aws_spot_request *request)
{
    (void)arg;
    snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s/%s/%s/%s ", request->id,
             request->instance, request->state, request->status);
}

static void test_offerings_and_spot_requests(void **unused)
{
    (void)unused;
    char next[1024];
    struct dr_error error = {0};
    const char *body = "<DescribeInstanceTypeOfferingsResponse><instanceTypeOfferingSet>"
                       "<item><instanceType>a</instanceType><location>z1</location></item>"
                       "<item><location>z2</location><instanceType>a</instanceType></item>"
                       "</instanceTypeOfferingSet><nextToken>n</nextToken>"
                       "</DescribeInstanceTypeOfferingsResponse>";
    seen[0] = '\0';
    assert_true(aws_read_offerings(body, strlen(body), on_offering, NULL, next, &error));
    assert_string_equal(seen, "a@z1 a@z2 ");
    assert_string_equal(next, "n");
    body = "<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet><item>"
           "<spotInstanceRequestId>sir-1</spotInstanceRequestId><state>active</state>"
           "<status><code>marked-for-termination</code></status><instanceId>i-1</instanceId></item>"
           "</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>";
    seen[0] = '\0';
    assert_true(aws_read_spot_requests(body, strlen(body), on_request, NULL, next, &error));
    assert_string_equal(seen, "sir-1/i-1/active/marked-for-termination ");
    assert_string_equal(next, "");
    assert_non_null(aws_spot_notice("marked-for-termination"));
    assert_non_null(aws_spot_notice("instance-terminated-no-capacity"));
    assert_non_null(aws_spot_notice("instance-terminated-by-price"));
    assert_non_null(aws_spot_notice("instance-terminated-by-service"));
    assert_null(aws_spot_notice("fulfilled"));
    assert_null(aws_spot_notice("instance-terminated-by-user"));
    assert_null(aws_spot_notice(""));
}

static void check_console(const char *output, const char *bytes, size_t len)
{
    char body[512], *out = NULL;
    size_t out_len = 99;
    struct dr_error error = {0};
    snprintf(body, sizeof body,
             "<GetConsoleOutputResponse><instanceId>i-1</instanceId>%s</GetConsoleOutputResponse>",
             output);
    assert_true(aws_read_console(body, strlen(body), &out, &out_len, &error));
    assert_int_equal(out_len, len);
    if (bytes)
        assert_memory_equal(out, bytes, len);
    else
        assert_null(out);
    free(out);
}

static void test_console(void **unused)
{
    (void)unused;
    check_console("", NULL, 0);
    check_console("<output/>", NULL, 0);
    check_console("<output>  \n </output>", NULL, 0);
    check_console("<output>TGlu\r\nZSAx\nCg==</output>", "Line 1\n", 7);
    check_console("<output>TGluZSAxCg</output>", "Line 1\n", 7);
    check_console("<output>AP+A/w==</output>", "\0\xff\x80\xff", 4);
}

static void test_image_and_identity(void **unused)
{
    (void)unused;
    struct dr_error error = {0};
    struct aws_image image;
    const char *body = "<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId>"
                       "<imageState>available</imageState><architecture>arm64</architecture>"
                       "<rootDeviceName>/dev/sda1</rootDeviceName></item></imagesSet>"
                       "</DescribeImagesResponse>";
    assert_true(aws_read_image(body, strlen(body), &image, &error));
    assert_string_equal(image.root_device, "/dev/sda1");
    assert_string_equal(image.architecture, "arm64");
    assert_string_equal(image.state, "available");
    body = "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>";
    assert_false(aws_read_image(body, strlen(body), &image, &error));
    assert_non_null(strstr(error.text, "ami_id"));

    struct aws_identity who;
    body = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
           "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/x</Arn><UserId>A</UserId>"
           "<Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata/>"
           "</GetCallerIdentityResponse>";
    assert_true(aws_read_identity(body, strlen(body), &who, &error));
    assert_string_equal(who.account, "123456789012");
    assert_string_equal(who.arn, "arn:aws:iam::123456789012:user/x");
    body = "<GetCallerIdentityResponse/>";
    assert_false(aws_read_identity(body, strlen(body), &who, &error));
}

#define KEYS                                                                                 \
    "<Credentials><SessionToken>TOKEN</SessionToken><AccessKeyId>AKIA</AccessKeyId>"         \
    "<SecretAccessKey>SECRET</SecretAccessKey><Expiration>2026-07-01T12:00:00Z</Expiration>" \
    "</Credentials>"

static void test_temporary_credentials(void **unused)
{
    (void)unused;
    static const char *const bodies[] = {
        "<AssumeRoleResponse><AssumeRoleResult>" KEYS "</AssumeRoleResult></AssumeRoleResponse>",
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>" KEYS
        "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"};
    struct aws_temporary keys;
    struct dr_error error = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_true(aws_read_temporary(bodies[i], strlen(bodies[i]), &keys, &error));
        assert_string_equal(keys.access_key, "AKIA");
        assert_string_equal(keys.secret_key, "SECRET");
        assert_string_equal(keys.session_token, "TOKEN");
        assert_int_equal(keys.expires_us, 1782907200000000);
        aws_temporary_wipe(&keys);
        assert_null(keys.session_token);
    }
    const char *half = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIA"
                       "</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey></Credentials>"
                       "</AssumeRoleResult></AssumeRoleResponse>";
    assert_false(aws_read_temporary(half, strlen(half), &keys, &error));
    assert_null(strstr(error.text, "SECRET"));
    assert_string_equal(keys.secret_key, "");
}

static void test_times(void **unused)
{
    (void)unused;
    assert_int_equal(aws_time_us("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(aws_time_us("2024-02-29T23:59:59.000Z"), 1709251199000000);
    assert_int_equal(aws_time_us("2100-03-01T00:00:00.123456789Z"), 4107542400123456);
    static const char *const bad[] = {"",
                                      "2026-07-01",
                                      "2026-07-01T12:00:00",
                                      "2026-07-01 12:00:00Z",
                                      "2026-13-01T12:00:00Z",
                                      "2026-07-01T25:00:00Z",
                                      "2026-07-01T12:00:00+02:00",
                                      "2026-7-01T12:00:000Z",
                                      "1969-12-31T23:59:59Z",
                                      "2026-07-01T12:00:00.5",
                                      "+026-07-01T12:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (aws_time_us(bad[i]) != -1)
            fail_msg("%s was read", bad[i]);
    }
}

static void read_all(const char *body, size_t len)
{
    struct dr_error error;
    struct aws_instances instances = {0};
    struct aws_sizes sizes = {0};
    struct aws_image image;
    struct aws_identity identity;
    struct aws_temporary temporary;
    char next[1024], *out;
    size_t out_len;
    aws_read_instances(body, len, &instances, &error);
    aws_read_types(body, len, &sizes, &error);
    aws_read_offerings(body, len, on_offering, NULL, next, &error);
    aws_read_spot_requests(body, len, on_request, NULL, next, &error);
    aws_read_console(body, len, &out, &out_len, &error);
    aws_read_image(body, len, &image, &error);
    aws_read_identity(body, len, &identity, &error);
    if (aws_read_temporary(body, len, &temporary, &error))
        aws_temporary_wipe(&temporary);
    aws_instances_free(&instances);
    aws_sizes_free(&sizes);
    free(out);
}

/* Cut anywhere, it is an error; with any byte another one, it is at least no crash. */
static void test_broken_answers(void **unused)
{
    (void)unused;
    char whole[4096];
    snprintf(whole, sizeof whole,
             "<DescribeInstancesResponse" XMLNS "><reservationSet><item><instancesSet>%s"
             "</instancesSet></item></reservationSet></DescribeInstancesResponse>",
             ITEM);
    size_t full = strlen(whole);
    for (size_t len = 0; len < full; len++) {
        struct aws_instances got = {0};
        char *cut = strndup(whole, len); /* a sanitizer sees a read beyond it */
        assert_false(read_into(&got, cut));
        aws_instances_free(&got);
        read_all(cut, len);
        free(cut);
    }
    static const char others[] = {'<', '>', '&', '/', '0', '\0', '\xff', ' '};
    for (size_t i = 0; i < full; i++) {
        for (size_t n = 0; n < sizeof others; n++) {
            char was = whole[i];
            whole[i] = others[n];
            read_all(whole, full);
            whole[i] = was;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_in_pages),
        cmocka_unit_test(test_a_launch_is_in_order),
        cmocka_unit_test(test_every_state),
        cmocka_unit_test(test_what_is_no_list_of_machines),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_offerings_and_spot_requests),
        cmocka_unit_test(test_console),
        cmocka_unit_test(test_image_and_identity),
        cmocka_unit_test(test_temporary_credentials),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_broken_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
