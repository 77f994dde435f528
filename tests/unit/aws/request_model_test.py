# SPDX-License-Identifier: Apache-2.0
"""Every body that Drover builds for AWS, held against botocore: its model takes it, EC2's rules between
fields hold, and botocore's own serializer makes the same fields of the same request."""
import base64
import gzip
import json
import os
import re
import subprocess
import sys
import unittest
import urllib.parse

PYTHON = os.environ.get("DROVER_TEST_PYTHON", sys.executable)
if PYTHON != sys.executable:  # its botocore is the one that tests/requirements.txt names
    os.execv(PYTHON, [PYTHON, "-B"] + sys.argv)
try:
    import botocore
    import moto  # noqa: F401
except ImportError:
    print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
    sys.exit(77)

import botocore.exceptions  # noqa: E402
import botocore.serialize  # noqa: E402

SOURCE = os.environ["DROVER_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from ec2fault import checks, model  # noqa: E402
from ec2fault.errors import AwsError  # noqa: E402

EC2 = model.service("ec2")
RUN = EC2.operation_model("RunInstances")
with open(os.path.join(SOURCE, "actors/provisioner/aws/extra_fields.def")) as table:
    TABLE = table.read()
ROWS = set(re.findall(r'^(?:FIELD|LIST)\((\w+), (\w+),(?: "(\w+)",)? (\w+)\)', TABLE, re.M))
KNOWN = {row[:2] for row in ROWS}
SAME_AS_TABLE = botocore.__version__ == re.search(r"botocore ([\d.]+)", TABLE).group(1)
SCRIPT = "#!/bin/bash\necho \u00fcber\n"
TYPE = {"name": "gpu", "account": "a", "instance_type": "g5.xlarge", "ami_id": "ami-12345678"}
HEAD = ["deployment: lab", "clearml: {api_server: 'http://127.0.0.1:8008'}",
        "accounts: [{name: a, driver: aws, region: eu-west-1}]",
        "queues: [{name: q, types: [gpu]}]"]


class Tool:
    def __init__(self):
        self.process = subprocess.Popen([os.environ["DROVER_BODY_TOOL"]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __call__(self, do, **order):
        self.process.stdin.write(json.dumps(dict(order, do=do)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def pairs(body):
    """Strictly: no plus for a space, nothing raw that RFC 3986 reserves."""
    assert re.fullmatch(r"[A-Za-z0-9\-_.~%&=]+", body), body[:200]
    return [tuple(map(urllib.parse.unquote, piece.split("=", 1))) for piece in body.split("&")]


def peer(request, operation=RUN):
    """What botocore sends for it."""
    made = botocore.serialize.create_serializer("ec2", include_validation=True).serialize_to_request(
        request, operation)
    return [(name, str(value)) for name, value in made["body"].items()]


def plain(params):
    """Datetimes as boto3's callers may write them, so that a request can be compared and sent again."""
    return json.loads(json.dumps(params, default=lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ")))


def members(shape):
    """Those of the table: botocore may be newer."""
    return [item for item in shape.members.items() if (shape.name, item[0]) in KNOWN]


def sample(shape, n):
    kind = shape.type_name
    if kind == "structure":
        return {name: sample(inner, n) for name, inner in members(shape)}
    if kind == "list":
        return [sample(shape.member, n + i) for i in range(2)]
    if kind == "string":
        if shape.enum:
            return shape.enum[n % len(shape.enum)]
        return ["a b+c&d=e", "\u00e4\u20ac\U0001f600/%", ""][n % 3]
    return {"integer": n + 1, "boolean": n % 2 == 0, "timestamp": "2026-07-0%dT12:00:00Z" % (n + 1)}[kind]


def leaves(shape, path=()):
    """Every scalar of the request, as a path of names."""
    if shape.type_name == "structure":
        for name, inner in members(shape):
            yield from leaves(inner, path + (name,))
    elif shape.type_name == "list":
        yield from leaves(shape.member, path + (0,))
    else:
        yield path, shape


def at_path(path, value):
    for part in reversed(path):
        value = [value] if part == 0 else {part: value}
    return value


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tool = Tool()

    @classmethod
    def tearDownClass(cls):
        cls.tool.close()

    def run_body(self, extra=None, user_data=SCRIPT, **fields):
        """(parameters in boto3's names, checked against the model and EC2's rules; the whole answer)"""
        known = dict(TYPE, **fields)
        if extra is not None:
            known["extra_configurations"] = extra if isinstance(extra, str) else json.dumps(extra)
        order = {"offering": known.pop("offering", 0), "count": known.pop("count", 3),
                 "root_device": known.pop("root_device", "/dev/xvda"), "check": known.pop("check", False)}
        yaml = "\n".join(HEAD + ["machine_types: [%s]" % json.dumps(known, ensure_ascii=True)])
        answer = self.tool("run", yaml=yaml, attempt="att-0123", user_data=user_data, **order)
        if "body" not in answer:
            return None, answer["error"]
        if order["check"]:
            return {}, answer
        fields = dict(pairs(answer["body"]))
        self.assertEqual(len(fields), len(pairs(answer["body"])), "a field twice")
        params = model.parse("ec2", fields)
        checks.check("RunInstances", params)
        return params, answer

    def refused(self, *words, **fields):
        params, error = self.run_body(**fields)
        self.assertIsNone(params, params)
        for word in words:
            self.assertIn(word, error)
        checked, why = self.run_body(check=True, **fields)
        self.assertIsNone(checked, "aws_check_type says nothing of it")
        self.assertEqual(why, error)


class Flatten(Case):
    """The peer is botocore's serializer."""

    def same(self, request):
        answer = self.tool("flatten", request=request)
        self.assertIn("body", answer, answer)
        mine = pairs("Action=RunInstances&Version=2016-11-15" + answer["body"])
        self.assertEqual(mine, peer(request))

    def test_every_field_alone(self):
        count = 0
        for path, shape in leaves(RUN.input_shape):
            for n in range(3):
                request = at_path(path, sample(shape, n))
                request.setdefault("MinCount", 1)
                request.setdefault("MaxCount", 1)
                try:
                    peer(request)
                except botocore.exceptions.ParamValidationError:  # a sibling is required: see below
                    continue
                self.same(request)
                count += 1
        self.assertGreater(count, 300)

    def test_all_fields_at_once(self):
        for n in range(6):
            self.same(sample(RUN.input_shape, n))

    def test_the_table_is_the_model(self):
        expected, todo = set(), [RUN.input_shape]
        kinds = {"string": "TEXT", "integer": "INT", "boolean": "BOOL", "timestamp": "TIME"}
        while todo:
            shape = todo.pop()
            for wire, (name, inner) in model._members(shape, "ec2").items():
                listed = inner.type_name == "list"
                inner = inner.member if listed else inner
                if inner.type_name == "structure":
                    todo.append(inner)
                expected.add((shape.name, name, wire if listed else "",
                              kinds.get(inner.type_name, inner.name)))
                self.assertTrue(listed or wire == name, name)
        if not SAME_AS_TABLE and expected != ROWS:
            self.skipTest("botocore %s knows other fields: %s" % (botocore.__version__, expected ^ ROWS))
        self.assertEqual(ROWS, expected)

    def test_what_cannot_be_sent(self):
        for request, words in (
                ({"Placement": None}, "Placement is null"),
                ({"Placement": {}}, "Placement is empty"),
                ({"SecurityGroupIds": []}, "SecurityGroupIds is empty"),
                ({"Placement": {"GroupNam": "x"}}, "Placement.GroupNam is no field"),
                ({"SecurityGroupIds": "sg-1"}, "SecurityGroupIds must be a list"),
                ({"ImageId": ["ami-1"]}, "ImageId must not be a list"),
                ({"ImageId": 5}, "ImageId must be a text"),
                ({"ImageId": "ami\0"}, "ImageId holds a zero byte"),
                ({"Ipv6AddressCount": 1.5}, "Ipv6AddressCount must be a whole number"),
                ({"Ipv6AddressCount": "1"}, "Ipv6AddressCount must be a whole number"),
                ({"EbsOptimized": "true"}, "EbsOptimized must be true or false"),
                ({"BlockDeviceMappings": [{"Ebs": {}}]}, "BlockDeviceMappings[0].Ebs is empty"),
                ({"BlockDeviceMappings": [{"Ebs": 7}]}, "BlockDeviceMappings[0].Ebs must be an object"),
                ({"BlockDeviceMappings": [None]}, "BlockDeviceMappings[0] is null"),
                ({"InstanceMarketOptions": {"SpotOptions": {"ValidUntil": "soon"}}}, "must be a time"),
                ({}, "it is empty"), ([], "it must be an object")):
            self.assertIn(words, self.tool("flatten", request=request).get("error", "sent"))


class Launches(Case):
    def test_the_smallest(self):
        params, answer = self.run_body()
        tags = [{"Key": "Name", "Value": "drover-lab-gpu"}, {"Key": "drover-deployment", "Value": "lab"},
                {"Key": "drover-attempt", "Value": "att-0123"},
                {"Key": "drover-ledger", "Value": "ledger-1"}]
        script = params.pop("UserData")
        self.assertEqual(gzip.decompress(base64.b64decode(script, validate=True)).decode(), SCRIPT)
        self.assertEqual(base64.b64decode(script)[4:8], b"\0\0\0\0")  # no time inside
        self.assertEqual(params, {
            "ImageId": "ami-12345678", "InstanceType": "g5.xlarge", "MinCount": 1, "MaxCount": 3,
            "ClientToken": "att-0123",
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {
                "VolumeSize": 80, "VolumeType": "gp3", "DeleteOnTermination": True}}],
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2,
                                "HttpEndpoint": "enabled"},
            "InstanceInitiatedShutdownBehavior": "terminate",
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags},
                                  {"ResourceType": "volume", "Tags": tags}]})
        self.assertEqual(answer["offering"], "g5.xlarge/any/on-demand")
        self.assertEqual(self.run_body()[1]["body"], answer["body"])  # the same bytes (P10)

    def test_places(self):
        zones = {"availability_zones": ["eu-west-1a", "eu-west-1b"]}
        params, answer = self.run_body(offering=1, spot=True, **zones)
        self.assertEqual(params["Placement"], {"AvailabilityZone": "eu-west-1b"})
        self.assertEqual(answer["offering"], "g5.xlarge/eu-west-1b/spot")
        net = {"subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1", "sg-2"]}
        params, answer = self.run_body(offering=1, **net)
        self.assertEqual((params["SubnetId"], params["SecurityGroupIds"]), ("subnet-2", ["sg-1", "sg-2"]))
        self.assertNotIn("Placement", params)
        self.assertEqual(answer["offering"], "g5.xlarge/subnet-2/on-demand")
        for word, public in (("yes", True), ("no", False)):
            params, _ = self.run_body(public_ip=word, **net)
            self.assertEqual(params["NetworkInterfaces"], [{
                "DeviceIndex": 0, "SubnetId": "subnet-1", "Groups": ["sg-1", "sg-2"],
                "AssociatePublicIpAddress": public, "DeleteOnTermination": True}])
            self.assertFalse({"SubnetId", "SecurityGroupIds"} & set(params))
        params, _ = self.run_body(public_ip="yes", **zones)
        self.assertEqual(params["NetworkInterfaces"], [{"DeviceIndex": 0, "DeleteOnTermination": True,
                                                        "AssociatePublicIpAddress": True}])
        self.assertIsNone(self.run_body(offering=2, **zones)[0])

    def test_disks(self):
        def disk(**fields):
            mapping = self.run_body(**fields)[0]["BlockDeviceMappings"]
            self.assertEqual(len(mapping), 1)
            self.assertTrue(mapping[0]["Ebs"].pop("DeleteOnTermination"))
            return mapping[0]["DeviceName"], mapping[0]["Ebs"]
        self.assertEqual(disk(ebs_device_name="/dev/sda1", ebs_volume_size=500, ebs_iops=4000,
                              ebs_throughput=250),
                         ("/dev/sda1", {"VolumeSize": 500, "VolumeType": "gp3", "Iops": 4000,
                                        "Throughput": 250}))
        self.assertEqual(disk(ebs_volume_type="io2", ebs_iops=1000, ebs_encrypted=True)[1],
                         {"VolumeSize": 80, "VolumeType": "io2", "Iops": 1000, "Encrypted": True})
        self.assertEqual(disk(ebs_kms_key_id="alias/x")[1],
                         {"VolumeSize": 80, "VolumeType": "gp3", "Encrypted": True,
                          "KmsKeyId": "alias/x"})
        self.assertEqual(disk(ebs_snapshot_id="snap-12345678", ebs_volume_size=500)[1],
                         {"SnapshotId": "snap-12345678"})
        params, error = self.run_body(root_device="")
        self.assertIsNone(params)
        self.assertIn("machine_types[gpu].ebs_device_name", error)
        self.assertIn("ec2:DescribeImages", error)
        self.assertNotIn("DescribeImages", self.run_body(root_device="", ami_id="resolve:ssm:/x")[1])
        mapping = [{"DeviceName": "/dev/sdb", "NoDevice": ""}]
        self.assertEqual(self.run_body({"BlockDeviceMappings": mapping}, root_device="")[0]
                         ["BlockDeviceMappings"], mapping)

    def test_role_key_monitoring_and_market(self):
        params, _ = self.run_body(iam_instance_profile="worker", key_name="me", enable_monitoring=True)
        self.assertEqual((params["IamInstanceProfile"], params["KeyName"], params["Monitoring"]),
                         ({"Name": "worker"}, "me", {"Enabled": True}))
        arn = "arn:aws:iam::123456789012:instance-profile/worker"
        self.assertEqual(self.run_body(iam_instance_profile=arn)[0]["IamInstanceProfile"], {"Arn": arn})
        once = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        self.assertEqual(self.run_body(spot=True)[0]["InstanceMarketOptions"],
                         {"MarketType": "spot", "SpotOptions": once})
        self.assertEqual(self.run_body(spot=True, spot_max_price="0.35")[0]["InstanceMarketOptions"],
                         {"MarketType": "spot", "SpotOptions": dict(once, MaxPrice="0.35")})
        self.assertEqual(self.run_body(ami_id="resolve:ssm:/aws/x:1")[0]["ImageId"], "resolve:ssm:/aws/x:1")

    def kinds(self, **fields):
        return {spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec["Tags"]}
                for spec in self.run_body(**fields)[0]["TagSpecifications"]}

    def test_tags(self):
        mine = {"team", "Name", "drover-deployment", "drover-attempt", "drover-ledger"}
        kinds = self.kinds(tags=["team=a=b", "Name=mine"])
        self.assertEqual({kind: set(tags) for kind, tags in kinds.items()},
                         {"instance": mine, "volume": mine})
        self.assertEqual((kinds["volume"]["team"], kinds["instance"]["Name"]), ("a=b", "mine"))
        every = ["instance", "volume", "network-interface", "spot-instances-request"]
        self.assertEqual(set(self.kinds(tag_resources=every, spot=True)), set(every))
        kinds = self.kinds(tag_resources=every[2:], tags=["team=x"])
        self.assertEqual(set(kinds), set(every[:3]))  # no spot request without spot
        self.assertNotIn("team", kinds["instance"])
        self.assertEqual(kinds["network-interface"]["team"], "x")
        extra = {"TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "n"}, {"Key": "b", "Value": "c"}]},
            {"ResourceType": "network-interface", "Tags": [{"Key": "b", "Value": "c"}]}]}
        kinds = self.kinds(extra=extra)
        self.assertEqual((kinds["instance"]["Name"], kinds["instance"]["b"], kinds["volume"]["Name"]),
                         ("n", "c", "drover-lab-gpu"))
        self.assertEqual(kinds["network-interface"], {"b": "c"})

    def test_a_trial_holds_no_secret(self):
        body = self.run_body()[1]["body"]
        trial = self.tool("dry_run", body=body)["body"]
        self.assertEqual(trial, re.sub("&UserData=[^&]*", "", body) + "&DryRun=true")
        self.assertTrue(model.parse("ec2", dict(pairs(trial)))["DryRun"])
        self.assertIn("error", self.tool("dry_run", body=trial))

    def test_user_data_has_a_limit(self):
        noise, other = (base64.b64encode(os.urandom(13000)).decode() for _ in range(2))
        params, error = self.run_body(user_data="#!" + noise + other, init_script="x" * 5000,
                                      extra_clearml_conf="y" * 70)
        self.assertIsNone(params)
        self.assertRegex(error, r"is \d{5} bytes even compressed, \d+ over the 16384 that EC2 takes")
        self.assertIn("init_script (5000 bytes) or extra_clearml_conf (70 bytes)", error)
        self.assertIsNotNone(self.run_body(user_data="#!" + noise)[0])


class Extra(Case):
    NET = {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}

    def test_every_name_through_it(self):
        """Whatever the model knows goes through, as botocore would send it; what Drover keeps is told."""
        whole = sample(RUN.input_shape, 1)
        refused = set()
        for name, value in whole.items():
            params, answer = self.run_raw({name: value})
            if params is None:
                refused.add(name)
                self.assertIn("extra_configurations: " + name, answer)
                continue
            got = plain(params)[name]
            if name == "TagSpecifications":
                got = [spec for spec in got if spec["ResourceType"] not in ("instance", "volume")]
            if name == "NetworkInterfaces":
                self.assertEqual(got, value)
            elif isinstance(value, dict):
                self.assertEqual({k: got[k] for k in value}, value)
            else:
                self.assertEqual(got, value)
        self.assertEqual(refused, {"MinCount", "MaxCount", "ClientToken", "UserData", "DryRun", "ImageId",
                                   "InstanceType", "InstanceMarketOptions"})  # the last: persistent

    def run_raw(self, extra):
        yaml = "\n".join(HEAD + ["machine_types: [%s]" % json.dumps(
            dict(TYPE, extra_configurations=json.dumps(extra)))])
        answer = self.tool("run", yaml=yaml, attempt="a", count=1, offering=0, root_device="/dev/xvda",
                           user_data="")
        if "body" not in answer:
            return None, answer["error"]
        params = model.parse("ec2", dict(pairs(answer["body"])))
        self.assertEqual(dict(pairs(answer["body"])), dict(peer(plain(params))))
        return params, answer

    def test_objects_deeply_lists_whole(self):
        params, _ = self.run_body({"MetadataOptions": {"HttpTokens": "optional"},
                                   "Placement": {"GroupName": "g"},
                                   "BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "VirtualName": "e0"}]},
                                  availability_zones=["eu-west-1a"])
        self.assertEqual(params["MetadataOptions"], {"HttpTokens": "optional", "HttpEndpoint": "enabled",
                                                     "HttpPutResponseHopLimit": 2})
        self.assertEqual(params["Placement"], {"GroupName": "g", "AvailabilityZone": "eu-west-1a"})
        self.assertEqual(params["BlockDeviceMappings"], [{"DeviceName": "/dev/sdb", "VirtualName": "e0"}])

    def test_interfaces_take_what_the_type_says(self):
        efa = [{"DeviceIndex": 0, "InterfaceType": "efa"}]
        whole = dict(efa[0], SubnetId="subnet-1", Groups=["sg-1"], DeleteOnTermination=True)
        self.assertEqual(self.run_body({"NetworkInterfaces": efa}, **self.NET)[0]["NetworkInterfaces"],
                         [whole])
        self.assertEqual(self.run_body({"NetworkInterfaces": efa}, public_ip="no", **self.NET)[0]
                         ["NetworkInterfaces"], [dict(whole, AssociatePublicIpAddress=False)])
        two = efa + [{"DeviceIndex": 1, "SubnetId": "subnet-9", "Groups": ["sg-9"]}]
        self.assertEqual(self.run_body({"NetworkInterfaces": two}, public_ip="yes", **self.NET)[0]
                         ["NetworkInterfaces"], [whole, dict(two[1], DeleteOnTermination=True)])
        there = [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-1"}]
        self.assertEqual(self.run_body({"NetworkInterfaces": there}, **self.NET)[0]["NetworkInterfaces"],
                         there)
        params, _ = self.run_body({"SubnetId": "subnet-2"}, public_ip="no", **self.NET)
        self.assertEqual(params["NetworkInterfaces"][0]["SubnetId"], "subnet-2")
        self.assertEqual(params["NetworkInterfaces"][0]["Groups"], ["sg-1"])

    def test_what_drover_needs_is_kept(self):
        for extra in ({"MinCount": 2}, {"MaxCount": 2}, {"ClientToken": "x"}, {"UserData": "x"},
                      {"DryRun": True}, {"ImageId": "ami-2"}, {"InstanceType": "x"},
                      {"InstanceInitiatedShutdownBehavior": "stop"}, {"DisableApiTermination": True},
                      {"MetadataOptions": {"HttpEndpoint": "disabled"}},
                      {"InstanceMarketOptions": {"SpotOptions": {"SpotInstanceType": "persistent"}}},
                      {"InstanceMarketOptions": {"SpotOptions": {"InstanceInterruptionBehavior": "stop"}}},
                      {"ClientToken": None}, {"TagSpecifications": {}},
                      {"TagSpecifications": [{"ResourceType": "instance",
                                              "Tags": [{"Key": "drover-attempt", "Value": "x"}]}]}):
            self.refused("machine_types[gpu].extra_configurations: ", next(iter(extra)), extra=extra)
        self.run_body({"InstanceInitiatedShutdownBehavior": "terminate", "DisableApiTermination": False})

    def test_json_that_is_none(self):
        self.refused("extra_configurations: not JSON", "line 1", extra="{'a': 1}")
        self.refused("extra_configurations: it must be an object", extra="[1]")
        self.refused("extra_configurations: Tpyo is no field", extra={"Tpyo": 1})
        self.assertIsNotNone(self.run_body(" ")[0])


class Check(Case):
    def test_what_is_wrong_with_a_type(self):
        for field, fields in (
                ("instance_type", {"instance_type": ""}), ("ami_id", {"ami_id": ""}),
                ("ami_id", {"ami_id": "ubuntu"}),
                ("availability_zones", {"availability_zones": ["a"], "subnet_ids": ["subnet-1"]}),
                ("subnet_ids", {"subnet_ids": ["vpc-1"]}),
                ("security_group_ids", {"security_group_ids": ["default"]}),
                ("iam_instance_profile", {"iam_instance_profile": "arn:aws:iam::1:role/x"}),
                ("spot_max_price", {"spot_max_price": "cheap"}), ("spot_max_price", {"spot_max_price": "."}),
                ("spot_max_price", {"spot_max_price": "0.001"}),
                ("spot_max_price", {"spot_max_price": "1e3"}),
                ("ebs_iops", {"ebs_volume_type": "io1"}),
                ("ebs_iops", {"ebs_volume_type": "gp2", "ebs_iops": 100}),
                ("ebs_throughput", {"ebs_volume_type": "gp2", "ebs_throughput": 200}),
                ("ebs_throughput", {"ebs_snapshot_id": "snap-1", "ebs_throughput": 200}),
                ("ebs_snapshot_id", {"ebs_snapshot_id": "vol-1"}),
                ("tags", {"tags": ["team"]}), ("tags", {"tags": ["=x"]}), ("tags", {"tags": ["aws:a=b"]}),
                ("tags", {"tags": ["drover-x=y"]}), ("tags", {"tags": ["a=1", "a=2"]}),
                ("tags", {"tags": ["\u00e4" * 129 + "=x"]}), ("tags", {"tags": ["a=" + "\u00e4" * 257]}),
                ("tags", {"tags": ["k%d=v" % i for i in range(46)]}),
                ("tag_resources", {"tag_resources": ["snapshot"]})):
            with self.subTest(**fields):
                self.refused("machine_types[gpu].%s: " % field, **fields)

    def test_the_edges_that_are_right(self):
        self.assertIsNotNone(self.run_body(
            tags=["\u00e4" * 128 + "=" + "\u20ac" * 256] + ["k%d=" % i for i in range(44)], spot=True,
            spot_max_price="0.0011", tag_resources=["instance"])[0])
        self.assertIsNotNone(self.run_body(check=True, ami_id="resolve:ssm:/x")[0])


class Calls(Case):
    def params(self, call, *texts, **more):
        body = self.tool("call", call=call, texts=texts, **more)["body"]
        fields = dict(pairs(body))
        params = model.parse("ec2", fields)
        checks.check(fields["Action"], params)
        self.assertEqual(dict(peer(params, EC2.operation_model(fields["Action"]))), fields)
        return fields["Action"], params

    def test_each(self):
        page = {"MaxResults": 1000}
        ours = {"Filters": [{"Name": "tag:drover-deployment", "Values": ["lab"]}], **page}
        self.assertEqual(self.params("list", "lab", ""), ("DescribeInstances", ours))
        self.assertEqual(self.params("list", "lab", "a+/="),
                         ("DescribeInstances", dict(ours, NextToken="a+/=")))
        self.assertEqual(self.params("list_attempt", "a1", ""), ("DescribeInstances", {
            "Filters": [{"Name": "tag:drover-attempt", "Values": ["a1"]}], **page}))
        self.assertEqual(self.params("describe", "i-1"), ("DescribeInstances", {"InstanceIds": ["i-1"]}))
        self.assertEqual(self.params("terminate", "i-1", "i-2"), ("TerminateInstances", {
            "InstanceIds": ["i-1", "i-2"], "SkipOsShutdown": True}))
        self.assertEqual(self.params("tag", "i-1", "k", "\u00e4 b"), ("CreateTags", {
            "Resources": ["i-1"], "Tags": [{"Key": "k", "Value": "\u00e4 b"}]}))
        self.assertEqual(self.params("console", "i-1", flag=True),
                         ("GetConsoleOutput", {"InstanceId": "i-1", "Latest": True}))
        self.assertEqual(self.params("console", "i-1"), ("GetConsoleOutput", {"InstanceId": "i-1"}))
        self.assertEqual(self.params("types", "a", "b"), ("DescribeInstanceTypes", {
            "InstanceTypes": ["a", "b"]}))
        self.assertEqual(self.params("offerings", "a", "b"), ("DescribeInstanceTypeOfferings", {
            "LocationType": "availability-zone",
            "Filters": [{"Name": "instance-type", "Values": ["a", "b"]}], **page}))
        self.assertEqual(self.params("spot_requests", "sir-1"), ("DescribeSpotInstanceRequests", {
            "Filters": [{"Name": "spot-instance-request-id", "Values": ["sir-1"]}]}))
        self.assertEqual(self.params("spot_requests"), ("DescribeSpotInstanceRequests", {}))
        self.assertEqual(self.params("image", "ami-1"), ("DescribeImages", {"ImageIds": ["ami-1"]}))


class Validator(unittest.TestCase):
    def test_it_sees_a_wrong_name(self):
        with self.assertRaises(AwsError):
            model.parse("ec2", {"Action": "RunInstances", "Version": "2016-11-15", "MinCount": "1",
                                "MaxCount": "1", "SecurityGroupIds.1": "sg-1"})


if __name__ == "__main__":
    unittest.main()
