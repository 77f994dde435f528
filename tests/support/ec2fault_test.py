# SPDX-License-Identifier: Apache-2.0
"""The EC2 that the tests use, held against real boto3: what it refuses, whom it believes, and that a
client token launches once."""
import base64
import concurrent.futures
import datetime
import shutil
import subprocess
import unittest
import urllib.error
import urllib.request

from ec2fault_case import KEY, SECRET, SPOT, ZONE, Case, flat


class Validation(Case):
    FORM = "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&InstanceType=m5.large"
    COUNT = "&MinCount=1&MaxCount=1"

    def wrong(self, code, body):
        self.cloud.clear_record()
        status, found, text = self.post(body)
        self.assertEqual((400, code), (status, found), text)
        self.assertEqual([code], [one["code"] for one in self.cloud.violations])
        self.assertEqual(0, self.cloud.launched)

    def test_wire_names(self):
        good = self.FORM + self.COUNT
        self.wrong("UnknownParameter", good + "&SecurityGroupIds.1=sg-1")
        self.wrong("UnknownParameter", good + "&BlockDeviceMapping.1.Ebs.Size=3")
        self.wrong("UnknownParameter", good + "&TagSpecification.member.1.ResourceType=instance")
        self.wrong("InvalidParameterValue", good + "&SecurityGroupId.0=sg-1")
        self.wrong("InvalidParameterValue", good + "&SecurityGroupId.1=sg-1&SecurityGroupId.3=sg-2")
        self.wrong("InvalidParameterValue", good + "&SecurityGroupId=sg-1")
        self.wrong("InvalidParameterCombination", good + "&ImageId=ami-12c6146b")
        self.wrong("InvalidParameterValue", self.FORM + "&MinCount=one&MaxCount=1")
        self.wrong("InvalidParameterValue", good + "&EbsOptimized=True")
        self.wrong("InvalidParameterValue", good + "&InstanceInitiatedShutdownBehavior=die")
        self.wrong("MissingParameter", self.FORM + "&MinCount=1")
        self.wrong("InvalidAction", good.replace("2016-11-15", "2015-10-01"))
        self.wrong("InvalidAction", good.replace("RunInstances", "RunInstance"))
        self.wrong("InvalidParameterValue", good + "&KeyName=100%")
        self.assertEqual(200, self.post(good)[0])

    def test_between_fields(self):
        def no(code, **more):
            self.cloud.clear_record()
            self.refused(code, self.run_one, **more)
            self.assertEqual([code], [one["code"] for one in self.cloud.violations])

        def disk(**ebs):
            return {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": dict(
                {"VolumeSize": 40}, **ebs)}]}

        def tag(key="k", value="v", kind="instance", **more):
            return dict({"TagSpecifications": [
                {"ResourceType": kind, "Tags": [{"Key": key, "Value": value}]}]}, **more)

        value, together = "InvalidParameterValue", "InvalidParameterCombination"
        no(value, MinCount=0)
        no(value, MinCount=3, MaxCount=2)
        no(value, ClientToken="t" * 65)
        no(value, ClientToken="tök")
        no("InvalidUserData.Malformed", UserData="x" * 16385)
        card = [{"DeviceIndex": 0, "SubnetId": "subnet-1"}]
        no(together, NetworkInterfaces=card, SubnetId="subnet-1")
        no(together, NetworkInterfaces=card, SecurityGroupIds=["sg-1"])
        no("MissingParameter", NetworkInterfaces=[{"SubnetId": "subnet-1"}])
        no(together, **disk(VolumeType="gp2", Throughput=200))
        no("MissingParameter", **disk(VolumeType="io2"))
        no(together, **disk(VolumeType="gp2", Iops=3000))
        no(value, **disk(VolumeType="floppy"))
        no(value, **tag("aws:x"))
        no(value, **tag(value="v" * 257))
        no("InvalidTagKey.Malformed", **tag("k" * 129))
        no(value, **tag(kind="spot-instances-request"))
        no(value, **tag(kind="vpc"))
        no(value, **tag("a b", MetadataOptions={"InstanceMetadataTags": "enabled"}))
        no("TagLimitExceeded", TagSpecifications=[{"ResourceType": "instance", "Tags": [
            {"Key": str(number), "Value": ""} for number in range(51)]}])
        no(together, InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {
            "ValidUntil": datetime.datetime(2030, 1, 1)}})
        no(value, InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.0001"}})
        no(together, IamInstanceProfile={
            "Name": "x", "Arn": "arn:aws:iam::123456789012:instance-profile/x"})
        self.run_one(**disk(VolumeType="gp3", Throughput=200))
        self.assertEqual(16384, len(base64.b64decode(self.cloud.instance(
            self.run_one(UserData="x" * 16384)[0]["InstanceId"])["user_data"])))

    def test_describe_arguments(self):
        describe = self.ec2.describe_instances
        self.refused("InvalidParameterCombination", describe, InstanceIds=["i-1"], MaxResults=5)
        self.refused("InvalidParameterValue", describe, MaxResults=4)
        self.refused("InvalidParameterValue", describe, MaxResults=1001)
        self.refused("InvalidParameterValue", describe, Filters=[{"Name": "colour", "Values": ["x"]}])
        self.refused("InvalidParameterValue", describe, NextToken="page2")
        self.refused("InvalidInstanceID.Malformed", describe, InstanceIds=["i-xyz"])
        self.assertEqual(6, len(self.cloud.violations))

    def test_what_is_named_must_exist(self):
        no = self.refused
        no("InvalidAMIID.NotFound", self.run_one, ImageId="ami-00000000")
        no("InvalidAMIID.Malformed", self.run_one, ImageId="debian")
        no("InvalidKeyPair.NotFound", self.run_one, KeyName="mine")
        no("InvalidSubnetID.NotFound", self.run_one, SubnetId="subnet-12345678")
        no("InvalidGroup.NotFound", self.run_one, SecurityGroupIds=["sg-12345678"])
        no("InvalidParameterValue", self.run_one, InstanceType="m5.huge")
        no("InvalidParameterValue", self.run_one, Placement={"AvailabilityZone": "us-east-1x"})
        self.assertIn("Invalid IAM Instance Profile name", no(
            "InvalidParameterValue", self.run_one, IamInstanceProfile={"Name": "worker"}))
        iam = self.client("iam")
        iam.create_instance_profile(InstanceProfileName="worker")
        self.ec2.create_key_pair(KeyName="mine")
        self.cloud.add_image("ami-00000000", root_device="/dev/xvda", size=20)
        one = self.run_one(ImageId="ami-00000000", KeyName="mine",
                           IamInstanceProfile={"Name": "worker"})[0]
        self.assertEqual("arn:aws:iam::123456789012:instance-profile/worker",
                         self.cloud.instance(one["InstanceId"])["profile"])
        self.assertEqual([("/dev/xvda", 20)], [
            (volume["device"], volume["size"])
            for volume in self.cloud.instance(one["InstanceId"])["volumes"]])
        name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
        wanted = self.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        self.assertEqual(wanted, self.run_one(ImageId="resolve:ssm:" + name)[0]["ImageId"])
        self.assertEqual([], self.cloud.violations)


class Signature(Case):
    BODY = "Action=DescribeInstances&Version=2016-11-15"

    def test_the_key(self):
        self.refused("AuthFailure", self.client("ec2", key="AKIDOTHER").describe_instances, status=401)
        self.refused("SignatureDoesNotMatch", self.client("ec2", secret="x").describe_instances,
                     status=403)
        self.refused("InvalidClientTokenId",
                     self.client("sts", key="AKIDOTHER").get_caller_identity, status=403)
        self.refused("AuthFailure", self.client("ec2", token="stray").describe_instances)
        self.cloud.add_key("AKIDOTHER", "s", account="999999999999")
        other = self.client("sts", key="AKIDOTHER", secret="s").get_caller_identity()
        self.assertEqual("999999999999", other["Account"])
        self.run_one()
        self.assertEqual([], flat(self.client("ec2", "AKIDOTHER", "s").describe_instances()))

    def test_what_was_changed_on_the_way(self):
        self.assertEqual(200, self.post(self.BODY)[0])
        self.assertEqual((403, "MissingAuthenticationToken"),
                         self.post(self.BODY, change={"Authorization": None})[:2])
        self.assertEqual("SignatureDoesNotMatch",
                         self.post(self.BODY, change={"Content-Type": "text/plain"})[1])
        self.assertEqual("SignatureDoesNotMatch", self.post(self.BODY, change={"X-Amz-Extra": "1"})[1])
        self.assertEqual("IncompleteSignature", self.post(self.BODY, change={"Authorization": "Bearer"})[1])

    def test_the_clock(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(200, self.post(self.BODY, now - datetime.timedelta(minutes=14))[0])
        for minutes in (-16, 16):
            self.assertEqual("RequestExpired", self.post(
                self.BODY, now + datetime.timedelta(minutes=minutes))[1])
        self.cloud.settings(clock_offset_s=3600)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(self.cloud.url)
        said = datetime.datetime.strptime(caught.exception.headers["Date"], "%a, %d %b %Y %H:%M:%S %Z")
        ahead = (said.replace(tzinfo=datetime.timezone.utc) - now).total_seconds()
        self.assertTrue(3590 < ahead < 3660, ahead)
        self.assertEqual("RequestExpired", self.post(self.BODY)[1])

    @unittest.skipUnless(shutil.which("curl"), "no curl")
    def test_another_signer(self):
        out = subprocess.run(["curl", "-s", "--aws-sigv4", "aws:amz:us-east-1:ec2", "--user",
                              KEY + ":" + SECRET, "-d", self.BODY, self.cloud.url + "/"],
                             capture_output=True, text=True).stdout
        self.assertIn("DescribeInstancesResponse", out)

    def test_temporary_keys(self):
        role = {"RoleArn": "arn:aws:iam::222222222222:role/r", "RoleSessionName": "drover"}
        web = dict(role, WebIdentityToken="jwt.of.cluster")
        for given in (self.client("sts").assume_role(**role),
                      self.client("sts").assume_role_with_web_identity(**web)):
            made = given["Credentials"]
            key = made["AccessKeyId"], made["SecretAccessKey"]
            client = self.client("ec2", *key, made["SessionToken"])
            client.describe_instances()
            self.refused("AuthFailure", self.client("ec2", *key).describe_instances)
            self.assertEqual("222222222222", self.client(
                "sts", *key, made["SessionToken"]).get_caller_identity()["Account"])
            self.cloud.expire_key(key[0])
            self.refused("ExpiredToken", client.describe_instances, status=403)
        self.cloud.settings(token_life_s=7)
        made = self.client("sts").assume_role(**role)["Credentials"]["Expiration"]
        left = (made - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        self.assertTrue(0 < left <= 7, left)
        self.cloud.web_identity("other")
        self.refused("InvalidIdentityToken", self.client("sts").assume_role_with_web_identity, **web)

    def test_rights_and_dry_runs(self):
        self.refused("DryRunOperation", self.run_one, DryRun=True, status=412)
        self.refused("InvalidAMIID.NotFound", self.run_one, DryRun=True, ImageId="ami-00000000000000000")
        self.cloud.capacity(0)
        self.refused("DryRunOperation", self.run_one, DryRun=True, status=412)
        self.cloud.capacity(None)
        self.cloud.deny("RunInstances")
        for dry in (True, False):
            self.refused("UnauthorizedOperation", self.run_one, DryRun=dry, status=403)
        self.cloud.allow("RunInstances")
        self.cloud.deny("iam:CreateServiceLinkedRole", "sts:AssumeRole")
        self.refused("AuthFailure.ServiceLinkedRoleCreationNotPermitted", self.run_one,
                     InstanceMarketOptions=SPOT)
        self.refused("AccessDenied", self.client("sts").assume_role, RoleSessionName="drover",
                     RoleArn="arn:aws:iam::222222222222:role/r")
        self.assertEqual(0, self.cloud.launched)
        self.run_one()


class Token(Case):
    def test_it_launches_once(self):
        first = self.run_one(ClientToken="t", Placement=ZONE, MinCount=2, MaxCount=2)
        again = self.run_one(ClientToken="t", Placement=ZONE, MinCount=2, MaxCount=2)
        self.assertEqual([one["InstanceId"] for one in first], [one["InstanceId"] for one in again])
        self.assertEqual(("pending", "running"), (first[0]["State"]["Name"], again[0]["State"]["Name"]))
        self.assertEqual([], self.cloud.violations)
        self.refused("IdempotentParameterMismatch", self.run_one, ClientToken="t", Placement=ZONE)
        self.assertEqual(1, len(self.cloud.violations))
        self.cloud.settings(mismatch_silent=True)
        self.assertEqual(first[0]["InstanceId"],
                         self.run_one(ClientToken="t", Placement=ZONE)[0]["InstanceId"])
        self.assertEqual(2, self.cloud.launched)

    def test_it_is_zonal(self):
        subnets = {row["AvailabilityZone"]: row["SubnetId"]
                   for row in self.ec2.describe_subnets()["Subnets"]}
        self.run_one(ClientToken="t", Placement=ZONE)
        self.run_one(ClientToken="t", SubnetId=subnets["us-east-1c"])
        self.run_one(ClientToken="t", SubnetId=subnets["us-east-1a"])
        self.assertEqual({"us-east-1a", "us-east-1b", "us-east-1c"},
                         {one["zone"] for one in self.cloud.instances()})
        self.refused("IdempotentParameterMismatch", self.run_one, ClientToken="t",
                     NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": subnets["us-east-1a"]}])

    def test_the_original_has_ended(self):
        one = self.run_one(ClientToken="t")[0]["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[one])
        self.refused("IdempotentInstanceTerminated", self.run_one, ClientToken="t")
        self.cloud.skip(3601)
        self.refused("IdempotentInstanceTerminated", self.run_one, ClientToken="t")

    def test_two_at_once(self):
        self.cloud.settings(latency_s=0.05)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            told = list(pool.map(lambda _: self.run_one(ClientToken="t")[0]["InstanceId"], range(8)))
        self.assertEqual((1, 1), (len(set(told)), self.cloud.launched))

    def test_a_refused_one_is_free_again(self):
        self.cloud.capacity(0)
        self.refused("InsufficientInstanceCapacity", self.run_one, ClientToken="t")
        self.cloud.capacity(None)
        self.run_one(ClientToken="t")


if __name__ == "__main__":
    unittest.main(verbosity=2)
