# SPDX-License-Identifier: Apache-2.0
"""What the two tests of ec2fault share: the interpreter that has boto3 and moto, and a cloud per test."""
import os
import sys
import unittest

import testpython

try:
    import boto3
    import moto.server  # noqa: F401
except ImportError:  # the interpreter of the tests has them
    testpython.again()

import botocore.auth  # noqa: E402
import botocore.awsrequest  # noqa: E402
import botocore.config  # noqa: E402
import botocore.credentials  # noqa: E402
import botocore.exceptions  # noqa: E402
import botocore.httpsession  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from ec2fault import Ec2Fault  # noqa: E402

AMI, TYPE = "ami-12c6146b", "m5.large"
ONE = {"ImageId": AMI, "InstanceType": TYPE, "MinCount": 1, "MaxCount": 1}
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI"
SPOT = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}
ZONE = {"AvailabilityZone": "us-east-1b"}


def flat(answer):
    return [one for row in answer["Reservations"] for one in row["Instances"]]


class Case(unittest.TestCase):
    settings = {}

    def setUp(self):
        self.cloud = Ec2Fault(**self.settings)
        self.addCleanup(self.cloud.close)
        self.ec2 = self.client("ec2")

    def client(self, service, key=KEY, secret=SECRET, token=None, **more):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=60,
                                        parameter_validation=False, max_pool_connections=32)
        made = boto3.client(service, endpoint_url=self.cloud.url, region_name="us-east-1",
                            aws_access_key_id=key, aws_secret_access_key=secret,
                            aws_session_token=token, config=config, **more)
        self.addCleanup(made.close)
        return made

    def run_one(self, client=None, **more):
        return (client or self.ec2).run_instances(**dict(ONE, **more))["Instances"]

    def refused(self, code, call, *arguments, status=None, **named):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(*arguments, **named)
        self.assertEqual(code, caught.exception.response["Error"]["Code"])
        if status:
            self.assertEqual(status, caught.exception.response["ResponseMetadata"]["HTTPStatusCode"])
        return caught.exception.response["Error"]["Message"]

    def state(self, identity):
        return flat(self.ec2.describe_instances(InstanceIds=[identity]))[0]["State"]["Name"]

    def post(self, body, now=None, change=None, **headers):
        """(status, code, body) of a form that is signed as it stands, boto3's own checks left out.
        change: {header: value} after it was signed."""
        request = botocore.awsrequest.AWSRequest("POST", self.cloud.url + "/", data=body, headers=dict({
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, **headers))
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), "ec2",
                                         "us-east-1")
        if now:
            real, botocore.auth.get_current_datetime = botocore.auth.get_current_datetime, lambda: now
        try:
            signer.add_auth(request)
        finally:
            if now:
                botocore.auth.get_current_datetime = real
        for name, value in (change or {}).items():
            del request.headers[name]
            if value is not None:
                request.headers[name] = value
        answer = botocore.httpsession.URLLib3Session().send(request.prepare())
        text = answer.content.decode()
        return answer.status_code, text.partition("<Code>")[2].partition("<")[0], text
