/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact bytes of some requests: what is kept and sent again must never come out otherwise.
 * Whether they are right is judged by request_model_test.py.
 */
#include "request.h"

#include <cmocka.h>
#include <string.h>

#include "userdata.h"

static void expect(struct dr_strbuf *body, const char *bytes)
{
    assert_string_equal(body->data, bytes);
    dr_strbuf_free(body);
}

static void test_escapes(void **unused)
{
    (void)unused;
    struct dr_strbuf body = {0};
    aws_begin(&body, "A", "B");
    aws_field(&body, "N.1", "aZ0-_.~ +&=%/:\xc3\xa4\n\x7f");
    aws_field(&body, "Empty", "");
    aws_field_int(&body, "I", -5);
    aws_field_bool(&body, "T", true);
    aws_field_bool(&body, "F", false);
    expect(&body, "Action=A&Version=B&N.1=aZ0-_.~%20%2B%26%3D%25%2F%3A%C3%A4%0A%7F&Empty=&I=-5"
                  "&T=true&F=false");
}

static void test_calls(void **unused)
{
    (void)unused;
    const char *const ids[] = {"i-1", "i-2"};
    struct dr_strbuf body = {0};
    aws_list("lab", "", &body);
    expect(&body,
           "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Adrover-deployment"
           "&Filter.1.Value.1=lab&MaxResults=1000");
    aws_terminate(ids, 2, &body);
    expect(&body, "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2"
                  "&SkipOsShutdown=true");
    aws_tag("i-1", "drover-machine", "m-1", &body);
    expect(&body, "Action=CreateTags&Version=2016-11-15&ResourceId.1=i-1&Tag.1.Key=drover-machine"
                  "&Tag.1.Value=m-1");
}

static const struct dr_cfg_type TYPE = {
    .name = "gpu",
    .account = "a",
    .instance_type = "g5.xlarge",
    .spot = true,
    .spot_max_price = "",
    .availability_zones = {(const char *const[]){"eu-west-1a", "eu-west-1b"}, 2},
    .public_ip = "subnet",
    .ami_id = "ami-1",
    .key_name = "",
    .iam_instance_profile = "",
    .ebs_device_name = "",
    .ebs_volume_size = 80,
    .ebs_volume_type = "gp3",
    .ebs_snapshot_id = "",
    .ebs_kms_key_id = "",
    .tags = {(const char *const[]){"team=vision"}, 1},
    .tag_resources = {(const char *const[]){"instance"}, 1},
    .extra_configurations = "{\"Placement\": {\"Tenancy\": \"dedicated\"}, \"EbsOptimized\": true}",
    .init_script = "",
    .extra_clearml_conf = "",
    .docker_args = "",
};

static const struct driver_request REQUEST = {
    .attempt = "att-1",
    .count = 2,
    .type = &TYPE,
    .offering = "g5.xlarge/eu-west-1b/spot",
    .deployment = "lab",
    .ledger_id = "led-1",
    .user_data = "#!/bin/sh\n",
    .user_data_len = 10,
};

static void test_a_launch(void **unused)
{
    (void)unused;
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    assert_true(aws_run_instances(&REQUEST, "/dev/xvda", &body, &error));
    char *user_data = strstr(body.data, "&UserData=");
    assert_non_null(user_data);
    /* How zlib packs is zlib's to say; the header is ours: no time, no name, no system. */
    assert_memory_equal(user_data, "&UserData=H4sIAAAAAAAA%2F", 25);
    *user_data = '\0';
    assert_string_equal(
        body.data,
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-1&InstanceType=g5.xlarge&MinCount=1"
        "&MaxCount=2&ClientToken=att-1&Placement.AvailabilityZone=eu-west-1b"
        "&Placement.Tenancy=dedicated"
        "&BlockDeviceMapping.1.DeviceName=%2Fdev%2Fxvda&BlockDeviceMapping.1.Ebs.VolumeSize=80"
        "&BlockDeviceMapping.1.Ebs.VolumeType=gp3&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true"
        "&InstanceMarketOptions.MarketType=spot"
        "&InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time"
        "&InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate"
        "&MetadataOptions.HttpTokens=required&MetadataOptions.HttpPutResponseHopLimit=2"
        "&MetadataOptions.HttpEndpoint=enabled&InstanceInitiatedShutdownBehavior=terminate"
        "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=team"
        "&TagSpecification.1.Tag.1.Value=vision"
        "&TagSpecification.1.Tag.2.Key=Name&TagSpecification.1.Tag.2.Value=drover-lab-gpu"
        "&TagSpecification.1.Tag.3.Key=drover-deployment&TagSpecification.1.Tag.3.Value=lab"
        "&TagSpecification.1.Tag.4.Key=drover-attempt&TagSpecification.1.Tag.4.Value=att-1"
        "&TagSpecification.1.Tag.5.Key=drover-ledger&TagSpecification.1.Tag.5.Value=led-1"
        "&TagSpecification.2.ResourceType=volume"
        "&TagSpecification.2.Tag.1.Key=Name&TagSpecification.2.Tag.1.Value=drover-lab-gpu"
        "&TagSpecification.2.Tag.2.Key=drover-deployment&TagSpecification.2.Tag.2.Value=lab"
        "&TagSpecification.2.Tag.3.Key=drover-attempt&TagSpecification.2.Tag.3.Value=att-1"
        "&TagSpecification.2.Tag.4.Key=drover-ledger&TagSpecification.2.Tag.4.Value=led-1"
        "&EbsOptimized=true");
    dr_strbuf_free(&body);
}

static void test_an_offering_that_is_gone(void **unused)
{
    (void)unused;
    struct driver_request request = REQUEST;
    struct dr_strbuf body = {0};
    struct dr_error error = {0};
    request.offering = "g5.xlarge/eu-west-1c/spot";
    assert_false(aws_run_instances(&request, "/dev/xvda", &body, &error));
    assert_non_null(strstr(error.text, "eu-west-1c"));
    assert_null(body.data);
}

static void test_offerings(void **unused)
{
    (void)unused;
    char out[160];
    struct dr_cfg_type type = TYPE;
    assert_true(aws_offering(&type, 0, out, sizeof out));
    assert_string_equal(out, "g5.xlarge/eu-west-1a/spot");
    assert_true(aws_offering(&type, 1, out, sizeof out));
    assert_false(aws_offering(&type, 2, out, sizeof out));
    type.availability_zones.count = 0;
    type.spot = false;
    assert_true(aws_offering(&type, 0, out, sizeof out));
    assert_string_equal(out, "g5.xlarge/any/on-demand");
    assert_false(aws_offering(&type, 1, out, sizeof out));
}

/* Exactly at the limit of EC2, and one byte over it; noise does not compress. */
static void test_user_data_at_its_limit(void **unused)
{
    (void)unused;
    static char noise[AWS_USER_DATA_MAX + 64];
    struct driver_request request = REQUEST;
    unsigned state = 1;
    size_t fits = 0, longest = 0;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((state = state * 1664525u + 1013904223u) >> 24);
    request.user_data = noise;
    for (size_t len = AWS_USER_DATA_MAX - 64; len <= sizeof noise; len++) {
        struct dr_strbuf out = {0};
        struct dr_error error = {0};
        request.user_data_len = len;
        bool fine = aws_user_data(&request, &out, &error);
        assert_int_equal(fine, error.text[0] == '\0');
        assert_true(!fine || out.len <= (AWS_USER_DATA_MAX + 2) / 3 * 4);
        fits += fine;
        longest = fine && out.len > longest ? out.len : longest;
        dr_strbuf_free(&out);
    }
    assert_true(fits > 0 && fits < 128);
    assert_int_equal(longest, (AWS_USER_DATA_MAX + 2) / 3 * 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),   cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_launch),  cmocka_unit_test(test_an_offering_that_is_gone),
        cmocka_unit_test(test_offerings), cmocka_unit_test(test_user_data_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
