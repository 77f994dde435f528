# SPDX-License-Identifier: Apache-2.0
"""The EC2 that the tests use, held against real boto3: what becomes of instances, what is told of them
and when, what there is room for, and everything that can break."""
import base64
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from ec2fault_case import HERE, KEY, ONE, SECRET, SPOT, TYPE, ZONE, Case, boto3, botocore, flat


class Describe(Case):
    def ids(self, **filters):
        named = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return [one["InstanceId"] for one in flat(self.ec2.describe_instances(Filters=named))]

    def test_filters(self):
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "pool", "Value": "a1"}]}]
        one = self.run_one(ClientToken="t1", TagSpecifications=tags)[0]["InstanceId"]
        two = self.run_one(ClientToken="t2", InstanceMarketOptions=SPOT, Placement=ZONE)[0]["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual([one], self.ids(client_token="t1"))
        self.assertEqual([two], self.ids(instance_lifecycle="spot"))
        self.assertEqual([two], self.ids(instance_state_name="running"))
        self.assertEqual([one], self.ids(**{"tag:pool": "a?"}))
        self.assertEqual([one], self.ids(tag_key="po*"))
        self.assertEqual([], self.ids(tag_key="po*", availability_zone="us-east-1b"))
        self.assertEqual([two], self.ids(availability_zone="us-east-1b"))

    def test_pages_of_instances(self):
        self.run_one(MinCount=12, MaxCount=12)
        self.cloud.settings(empty_first_page=True)
        pages = list(self.ec2.get_paginator("describe_instances").paginate(
            PaginationConfig={"PageSize": 5}))
        self.assertEqual([0, 5, 5, 2], [len(flat(page)) for page in pages])
        self.assertEqual(12, len({one["InstanceId"] for page in pages for one in flat(page)}))

    def test_life(self):
        self.cloud.settings(pending_s=5, shutting_down_s=5, terminated_visible_s=60)
        one = self.run_one()[0]["InstanceId"]
        seen, since = [self.state(one)], self.cloud.wait()["version"]
        self.cloud.skip(6)
        changed = self.cloud.wait(since)
        self.assertEqual([one], [row["id"] for row in changed["changed"]])
        seen.append(self.state(one))
        self.ec2.terminate_instances(InstanceIds=[one])
        seen.append(self.state(one))
        since = self.cloud.wait()["version"]
        self.cloud.skip(6)
        self.cloud.wait(since)
        seen.append(self.state(one))
        self.assertEqual(["pending", "running", "shutting-down", "terminated"], seen)
        self.assertEqual(seen, [step[1] for step in self.cloud.life(one)])
        self.cloud.skip(61)
        self.refused("InvalidInstanceID.NotFound", self.state, one)
        self.assertEqual([], flat(self.ec2.describe_instances()))

    def test_lists_lag(self):
        self.cloud.settings(lag_s=60, tag_lag_s=30)
        one = self.run_one()[0]["InstanceId"]
        self.refused("InvalidInstanceID.NotFound", self.state, one)
        self.refused("InvalidInstanceID.NotFound", self.ec2.terminate_instances, InstanceIds=[one])
        self.assertEqual([], flat(self.ec2.describe_instances()))
        self.cloud.skip(61)
        self.assertEqual("running", self.state(one))
        self.ec2.create_tags(Resources=[one], Tags=[{"Key": "k", "Value": "v"}])
        self.assertEqual([], self.ids(**{"tag:k": "v"}))
        self.cloud.skip(31)
        self.assertEqual([one], self.ids(**{"tag:k": "v"}))
        self.ec2.delete_tags(Resources=[one], Tags=[{"Key": "k"}])
        self.cloud.skip(31)
        self.assertEqual([], self.ids(**{"tag:k": "v"}))

    def test_terminate(self):
        ids = [one["InstanceId"] for one in self.run_one(MinCount=2, MaxCount=2)]
        unknown = "i-" + "0" * 17
        self.refused("InvalidInstanceID.NotFound", self.ec2.terminate_instances,
                     InstanceIds=ids + [unknown])
        self.refused("InvalidInstanceID.Malformed", self.ec2.terminate_instances,
                     InstanceIds=ids + ["i-1"])
        self.assertEqual(["running"] * 2, [self.state(one) for one in ids])
        answer = self.ec2.terminate_instances(InstanceIds=ids)["TerminatingInstances"]
        self.assertEqual({("running", "shutting-down")}, {
            (one["PreviousState"]["Name"], one["CurrentState"]["Name"]) for one in answer})
        self.ec2.terminate_instances(InstanceIds=ids)
        kept = self.run_one(DisableApiTermination=True)[0]["InstanceId"]
        other = self.run_one(Placement=ZONE)[0]["InstanceId"]
        self.refused("OperationNotPermitted", self.ec2.terminate_instances, InstanceIds=[kept, other])
        self.assertEqual(["running", "terminated"], [self.state(kept), self.state(other)])

    def test_disks(self):
        one = self.run_one(BlockDeviceMappings=[{"DeviceName": "/dev/xvdb", "Ebs": {
            "VolumeSize": 5, "DeleteOnTermination": False}}])[0]["InstanceId"]
        self.assertEqual(2, len(flat(self.ec2.describe_instances())[0]["BlockDeviceMappings"]))
        self.ec2.terminate_instances(InstanceIds=[one])
        left = self.ec2.describe_volumes()["Volumes"]
        self.assertEqual([(5, "available")], [(volume["Size"], volume["State"]) for volume in left])


class Spot(Case):
    def request(self, **arguments):
        return self.ec2.describe_spot_instance_requests(**arguments)["SpotInstanceRequests"][0]

    def test_notice_and_end(self):
        one = self.run_one(InstanceMarketOptions=SPOT, TagSpecifications=[
            {"ResourceType": "spot-instances-request", "Tags": [{"Key": "k", "Value": "v"}]}])[0]
        identity, sir = one["InstanceId"], one["SpotInstanceRequestId"]
        row = self.request(SpotInstanceRequestIds=[sir])
        self.assertEqual(("active", "fulfilled", identity, [{"Key": "k", "Value": "v"}]), (
            row["State"], row["Status"]["Code"], row["InstanceId"], row["Tags"]))
        self.cloud.notice(identity)
        self.assertEqual("instance-terminated-no-capacity", self.request()["Status"]["Code"])
        self.assertEqual("running", self.state(identity))
        self.cloud.interrupt(identity)
        seen = flat(self.ec2.describe_instances())[0]
        self.assertEqual(("terminated", "Server.SpotInstanceTermination", sir), (
            seen["State"]["Name"], seen["StateReason"]["Code"], seen["SpotInstanceRequestId"]))
        self.assertEqual("closed", self.request()["State"])
        self.refused("InvalidSpotInstanceRequestID.NotFound", self.request,
                     SpotInstanceRequestIds=["sir-00000000"])

    def test_prices(self):
        self.cloud.spot_price(TYPE, 0.07, "us-east-1b")
        rows = self.ec2.describe_spot_price_history(InstanceTypes=[TYPE], AvailabilityZone="us-east-1b")
        self.assertEqual(["0.070000"], [row["SpotPrice"] for row in rows["SpotPriceHistory"]])
        cheap = {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.05"}}
        self.refused("SpotMaxPriceTooLow", self.run_one, InstanceMarketOptions=cheap, Placement=ZONE)

    def test_ended_by_its_user(self):
        one = self.run_one(InstanceMarketOptions=SPOT)[0]["InstanceId"]
        self.ec2.terminate_instances(InstanceIds=[one])
        self.assertEqual("instance-terminated-by-user", self.request()["Status"]["Code"])


class Capacity(Case):
    def test_some_then_none(self):
        self.cloud.capacity(3, TYPE, "us-east-1b", "on-demand")
        self.assertEqual(3, len(self.run_one(MaxCount=5, Placement=ZONE)))
        self.refused("InsufficientInstanceCapacity", self.run_one, Placement=ZONE, status=500)
        self.run_one(Placement=ZONE, InstanceMarketOptions=SPOT)
        self.assertNotEqual("us-east-1b", self.run_one()[0]["Placement"]["AvailabilityZone"])
        self.cloud.capacity(0, market="spot")
        self.refused("InsufficientInstanceCapacity", self.run_one, InstanceMarketOptions=SPOT)
        self.cloud.capacity(5, TYPE, "us-east-1b", "on-demand")
        self.refused("InsufficientInstanceCapacity", self.run_one, MinCount=3, MaxCount=4,
                     Placement=ZONE)
        self.assertEqual(5, self.cloud.launched)

    def test_quotas(self):
        self.cloud.quota(5)
        self.assertEqual(2, len(self.run_one(MaxCount=4)))
        self.refused("VcpuLimitExceeded", self.run_one, status=400)
        self.run_one(InstanceType="g4dn.xlarge")
        self.cloud.quota(0, "spot")
        self.refused("MaxSpotInstanceCountExceeded", self.run_one, InstanceMarketOptions=SPOT)

    def test_who_sells_it(self):
        self.cloud.sold_in(TYPE, ["us-east-1c"])
        rows = self.ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [TYPE]}])
        self.assertEqual(["us-east-1c"], [row["Location"] for row in rows["InstanceTypeOfferings"]])
        self.refused("Unsupported", self.run_one, Placement=ZONE, status=400)
        self.assertEqual("us-east-1c", self.run_one()[0]["Placement"]["AvailabilityZone"])

    def test_a_launch_that_fails(self):
        self.cloud.fail_launches(1, "Client.InternalError", "Client error on launch")
        ids = [one["InstanceId"] for one in self.run_one(MinCount=2, MaxCount=2)]
        rows = flat(self.ec2.describe_instances(InstanceIds=ids))
        self.assertEqual([("terminated", "Client.InternalError"), ("running", None)], [
            (one["State"]["Name"], one.get("StateReason", {}).get("Code")) for one in rows])
        self.assertEqual(["pending", "terminated"], [step[1] for step in self.cloud.life(ids[0])])


# Every code of EC2 that Drover tells apart, and its status where that is not 400.
CODES = """RequestLimitExceeded=503 EC2ThrottledException Throttling ThrottlingException ThrottledException
RequestThrottled TooManyRequestsException=429 SlowDown=503 PriorRequestNotComplete ConcurrentTagAccess
BandwidthLimitExceeded=509 InsufficientInstanceCapacity=500 UnfulfillableCapacity=500
InsufficientCapacity=500 InsufficientHostCapacity=500 InsufficientAddressCapacity=500
InsufficientVolumeCapacity=500 InsufficientReservedInstanceCapacity=500 ReservationCapacityExceeded
InsufficientFreeAddressesInSubnet SpotMaxPriceTooLow VolumeTypeNotAvailableInZone Unsupported
VcpuLimitExceeded InstanceLimitExceeded MaxSpotInstanceCountExceeded VolumeLimitExceeded
ResourceCountExceeded AuthFailure=401 UnauthorizedOperation=403 InvalidClientTokenId=403
SignatureDoesNotMatch=403 MissingAuthenticationToken=403 OptInRequired=401 Blocked=403
PendingVerification=403 RequestExpired ExpiredToken=403 InvalidAMIID.NotFound InvalidParameterValue
InternalError=500 InternalFailure=500 ServerInternal=500 ServiceUnavailable=503 Unavailable=503
RequestTimeout=408 InvalidInstanceID.NotFound IdempotentParameterMismatch OperationNotPermitted"""


class Faults(Case):
    def test_every_code(self):
        for entry in CODES.split():
            code, _, status = entry.partition("=")
            self.cloud.rule("RunInstances", "error", code=code, message="because")
            self.assertEqual("because", self.refused(code, self.run_one, status=int(status or 400)))
        self.assertEqual(0, self.cloud.launched)
        self.run_one()

    def test_which_calls_meet_it(self):
        rule = self.cloud.rule("DescribeInstances", "error", times=2, after=1, code="InternalError")
        self.ec2.describe_instances()
        self.run_one()
        for _ in range(2):
            self.refused("InternalError", self.ec2.describe_instances)
        self.ec2.describe_instances()
        self.assertEqual(2, self.cloud.met(rule))
        self.cloud.rule("*", "error", times=None, code="Unavailable")
        for _ in range(3):
            self.refused("Unavailable", self.ec2.describe_instances)
        self.cloud.clear_rules()
        self.ec2.describe_instances()

    def test_which_requests_meet_it(self):
        for where in ({"Placement.AvailabilityZone": "us-east-1b"}, {"tag:case": "b"},
                      {"SecurityGroups": "default", "MinCount": 1}):
            self.cloud.rule("RunInstances", "error", where=where, code="InternalError")
            self.run_one()
            self.run_one(Placement={"AvailabilityZone": "us-east-1a"}, SecurityGroups=[],
                         TagSpecifications=[{"ResourceType": "instance",
                                             "Tags": [{"Key": "case", "Value": "a"}]}])
            self.refused("InternalError", self.run_one, Placement=ZONE, SecurityGroups=["default"],
                         TagSpecifications=[{"ResourceType": "instance",
                                             "Tags": [{"Key": "case", "Value": "b"}]}])

    def breaks(self, launched, exception, fault, **how):
        before = self.cloud.launched
        self.cloud.rule("RunInstances", fault, **how)
        with self.assertRaises(exception):
            self.run_one()
        self.assertEqual(launched, self.cloud.launched - before)

    def test_broken_wires(self):
        gone = (botocore.exceptions.ConnectionClosedError, botocore.exceptions.EndpointConnectionError)
        self.breaks(0, gone, "close_before")
        self.breaks(1, gone, "close_after")
        unread = botocore.parsers.ResponseParserError
        self.breaks(1, (botocore.exceptions.HTTPClientError, unread), "truncate")
        self.breaks(0, unread, "garbage")
        self.breaks(1, unread, "garbage", effect=True)
        self.breaks(1, botocore.exceptions.ClientError, "error", code="InternalError", effect=True)

    def test_plain_http(self):
        for status in (429, 503):
            self.cloud.rule("DescribeInstances", "http", status=status, body="busy", retry_after=3)
            answer = self.post("Action=DescribeInstances&Version=2016-11-15")
            self.assertEqual((status, "busy"), (answer[0], answer[2]))

    def test_slow_ones(self):
        self.run_one()  # the first wakes moto
        for fault in ("delay", "slow"):
            self.cloud.rule("RunInstances", fault, seconds=0.3)
            before = time.monotonic()
            self.run_one()
            self.assertGreaterEqual(time.monotonic() - before, 0.3)

    def held(self, **how):
        """A RunInstances that hangs, its caller's connection, and the rule."""
        rule = self.cloud.rule("RunInstances", "hang", **how)
        caller = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(caller.shutdown)
        told = caller.submit(self.run_one)
        self.assertEqual(1, self.cloud.wait_met(rule))
        return rule, told

    def test_hangs_until_released(self):
        rule, told = self.held(before=True)
        self.assertEqual(0, self.cloud.launched)
        self.cloud.release(rule)
        self.assertEqual(1, len(told.result()))
        self.cloud.settings(latency_s=0.3)
        rule, told = self.held()  # only who has acted has met it
        self.assertEqual((2, False), (self.cloud.launched, told.done()))
        self.cloud.release(rule)
        told.result()

    def test_acts_though_its_caller_has_gone(self):
        for late, launched in ((False, 0), (True, 1)):
            rule = self.cloud.rule("RunInstances", "hang", before=True, late=late)
            with self.assertRaises(botocore.exceptions.ReadTimeoutError):
                self.impatient().run_instances(**ONE)
            if late:
                self.assertEqual(0, self.cloud.launched)
                self.cloud.release(rule)
            last = self.cloud.requests()[-1]["number"]
            self.assertEqual(0, self.cloud.wait_answered(last)["status"])
            self.assertEqual(launched, self.cloud.launched)

    def impatient(self):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=0.3)
        return boto3.client("ec2", endpoint_url=self.cloud.url, config=config, **self.cloud.boto())

    def test_token_buckets(self):
        self.cloud.settings(throttling=True)
        self.cloud.freeze()
        for _ in range(5):
            self.run_one(ClientToken="t")
        self.refused("RequestLimitExceeded", self.run_one, status=503)
        self.cloud.skip(1)
        self.run_one()
        self.cloud.skip(10)
        self.run_one(MinCount=999, MaxCount=999)
        self.refused("RequestLimitExceeded", self.run_one, MinCount=100, MaxCount=100)
        for _ in range(50):
            self.ec2.describe_regions()
        self.refused("RequestLimitExceeded", self.ec2.describe_regions)
        for _ in range(60):
            self.ec2.describe_instances(MaxResults=5)


class Rest(Case):
    def test_console(self):
        one = self.run_one()[0]["InstanceId"]
        self.assertNotIn("Output", self.ec2.get_console_output(InstanceId=one))
        with tempfile.NamedTemporaryFile() as file:
            self.cloud.console(one, file=file.name)
            file.write(b"x" * 70000 + b"boot \xff failed")
            file.flush()
            answer = self.post("Action=GetConsoleOutput&Version=2016-11-15&Latest=true&InstanceId=" + one)
            raw = base64.b64decode(answer[2].partition("<output>")[2].partition("<")[0])
            self.assertEqual((65536, b"boot \xff failed"), (len(raw), raw.lstrip(b"x")))
        self.cloud.console_unsupported([TYPE])
        self.refused("UnsupportedOperation", self.ec2.get_console_output, InstanceId=one, Latest=True)
        self.cloud.console(one, text="hello")
        self.assertEqual("hello", self.ec2.get_console_output(InstanceId=one)["Output"])

    def test_the_record(self):
        self.run_one(ClientToken="t", SecurityGroupIds=[])
        self.refused("InvalidInstanceID.NotFound", self.state, "i-" + "0" * 17)
        first, second = self.cloud.requests()
        self.assertEqual(("RunInstances", "t", KEY, 200, None), (
            first["action"], first["params"]["ClientToken"], first["access_key"], first["status"],
            first["code"]))
        self.assertIn(b"ClientToken=t", base64.b64decode(first["body"]))
        self.assertEqual("InvalidInstanceID.NotFound", second["code"])
        self.assertLess(first["mono"], second["mono"])
        self.assertEqual({"RunInstances": 1, "DescribeInstances": 1}, self.cloud.counts())
        self.run_one(MinCount=3, MaxCount=3)
        self.ec2.terminate_instances(InstanceIds=[one["id"] for one in self.cloud.instances()])
        self.run_one()
        self.assertEqual(4, self.cloud.peak)

    def test_shutdown_from_inside(self):
        for behavior, end in (("terminate", "terminated"), ("stop", "stopped")):
            one = self.run_one(InstanceInitiatedShutdownBehavior=behavior)[0]["InstanceId"]
            self.cloud.shutdown(one)
            self.assertEqual(end, self.state(one))
            self.assertEqual("Client.InstanceInitiatedShutdown",
                             self.cloud.instance(one)["state_reason"]["code"])
        self.ec2.start_instances(InstanceIds=[one])
        self.assertEqual("running", self.state(one))

    def test_subscribers(self):
        told = []
        self.cloud.subscribe(lambda row: told.append((row["id"], row["state"])))
        one = self.run_one(UserData="#!/bin/sh\n")[0]["InstanceId"]
        self.assertEqual([(one, "pending"), (one, "running")], told)
        self.assertEqual("#!/bin/sh\n", self.cloud.user_data(one))

    def test_latency(self):
        self.ec2.describe_instances()
        self.cloud.settings(latency_s=0.2)
        self.ec2.describe_instances()
        self.assertGreaterEqual(self.cloud.requests()[1]["seconds"], 0.2)


class Tls(Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.settings = {"tls": directory.name}
        super().setUp()

    def test_its_own_authority(self):
        with self.assertRaises(botocore.exceptions.SSLError):
            self.run_one()
        self.run_one(self.client("ec2", verify=self.cloud.ca_file))


class Command(unittest.TestCase):
    def control(self, method, **arguments):
        request = urllib.request.Request(self.said["control"] + "/_fault/" + method,
                                         json.dumps(arguments).encode())
        try:
            with urllib.request.urlopen(request, timeout=150) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None

    def test_from_outside(self):
        child = subprocess.Popen([sys.executable, "-m", "ec2fault", "--set", "pending_s=null"],
                                 stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=HERE))
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait)
        self.addCleanup(child.terminate)
        self.said = json.loads(child.stdout.readline())
        ec2 = boto3.client("ec2", endpoint_url=self.said["url"], region_name="us-east-1",
                           aws_access_key_id=KEY, aws_secret_access_key=SECRET)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.control, "wait", since=0, timeout=120)
            one = ec2.run_instances(**ONE)["Instances"][0]["InstanceId"]
            self.assertEqual([one], [row["id"] for row in waiting.result()["changed"]])
        self.control("run", id=one)
        self.assertEqual(["pending", "running"], [step[1] for step in self.control("life", id=one)])
        self.control("deny", actions=["RunInstances"])
        with self.assertRaises(botocore.exceptions.ClientError):
            ec2.run_instances(**ONE)
        self.assertEqual(1, self.control("launched"))
        self.assertEqual([], self.control("violations"))
        for method, arguments in (("nonsense", {}), ("shutdown", {"id": "i-1"}), ("run", {"x": 1}),
                                  ("rule", {"action": "*", "fault": "fire"})):
            with self.assertRaises(ValueError):
                self.control(method, **arguments)


if __name__ == "__main__":
    unittest.main(verbosity=2)
