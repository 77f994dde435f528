# SPDX-License-Identifier: Apache-2.0
"""`drover init` with an EC2 account: what this computer knows is offered, the cloud is asked at once, a
right that lacks is named, and a size tells what it is and costs."""
import os
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PYTHON = os.environ.get("DROVER_TEST_PYTHON", os.path.join(ROOT, ".cache", "tests", "bin", "python"))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
try:
    import moto  # noqa: F401
except ImportError:
    if os.path.realpath(PYTHON) == os.path.realpath(sys.executable) or not os.path.exists(PYTHON):
        print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        sys.exit(77)
    os.execv(PYTHON, [PYTHON] + sys.argv)

from ec2fault import Ec2Fault  # noqa: E402
import wizard_terminal_test as wizard  # noqa: E402

IMAGE = "ami-0123456789abcdef0"
CLOUD_SECRET = "wJalrXUtnFEMI"


class Cloud(wizard.World):
    def setUp(self):
        super().setUp()
        self.cloud = Ec2Fault().__enter__()
        self.addCleanup(self.cloud.__exit__, None, None, None)
        self.cloud.add_image(IMAGE, root_device="/dev/sda1")
        os.mkdir(os.path.join(self.home, ".aws"))
        self.write(".aws/config", "[default]\nregion = us-east-1\n[profile research]\nregion = eu-west-1\n")
        self.pane = wizard.Terminal(
            self.home, os.path.join(wizard.BIN, "drover"), "init", "--config", self.dir + "/drover.yaml",
            HOME=self.home, AWS_EC2_METADATA_DISABLED="true", CLEARML_API_HOST=self.url,
            CLEARML_API_ACCESS_KEY=wizard.KEY, CLEARML_API_SECRET_KEY=wizard.SECRET)
        self.addCleanup(self.pane.close)

    def advanced(self, answer):
        self.pane.expect("Advanced settings?")
        self.pane.expect("] > ")
        self.pane.type(answer)

    def test_an_account_of_ec2(self):
        pane = self.pane
        pane.ask("Name of this Drover", "")
        pane.ask("API server", "", offered=self.url)
        for label in ("Web page", "Files server", "Access key", "Secret key"):
            pane.ask(label, "-")
        self.advanced("")
        pane.expect("takes the pair found in the environment")
        pane.ask("Cloud", "aws")
        pane.expect("! as an answer shows the rights")
        pane.ask("Name", "!", offered="aws")
        pane.again('{"aws:ResourceTag/drover-deployment": "drover"}', "")
        pane.ask("Region", "", offered="us-east-1")
        pane.expect("1) default 2) research")
        pane.expect("] > ")
        pane.type("")
        pane.ask("Machines in this account at most", "")
        pane.ask("Access key id", "AKIDEXAMPLE")
        pane.ask("Secret access key", CLOUD_SECRET)
        pane.ask("Session token", "")
        self.advanced("y")
        pane.ask("Role to assume", "")
        pane.ask("External id", "")
        pane.ask("Address of the EC2 API", self.cloud.url)
        pane.ask("Address of the STS API", self.cloud.url)
        for label in ("Certificates to trust", "Longest call", "List the instances every",
                      "Starts per hour at most"):
            self.cloud.deny("DescribeInstances")
            pane.ask(label, "")
        pane.expect("Asking the cloud of account aws")
        pane.expect("(the right it needs: ec2:DescribeInstances)")
        pane.expect("docs/clouds/aws-policy.json")
        pane.expect("Enter tries again")
        self.cloud.allow("DescribeInstances")
        pane.type("")
        pane.expect("Asking the cloud of account aws")
        pane.expect("ok credentials")
        pane.expect("Another cloud account?")
        pane.expect("] > ")
        pane.type("")
        for label in ("Git host", "SSH key", "Storage"):
            pane.ask(label, "")
        pane.ask("Name", "", offered="gpu")
        pane.ask("Account", "", offered="aws")
        pane.ask("Size", "g5.xlarge")
        pane.expect("4 cores, 16 GiB, 1 GPU")
        pane.expect("$1.006 an hour")
        pane.ask("Spot", "")
        pane.ask("Availability zones", "us-east-1a")
        pane.ask("Subnets", "")
        pane.ask("Security groups", "")
        pane.ask("Image", IMAGE)
        pane.ask("Disk in GiB", "", offered="80")
        pane.ask("Machines at most", "", offered="2")
        pane.ask("Dollars per hour", "")
        pane.ask("CPU mode", "", offered="no")
        pane.tmux("send-keys", "-t", "w", "C-c")
        pane.expect("ended 130")
        self.assertNotIn(CLOUD_SECRET, pane.text())
        self.assertFalse(os.path.exists(self.dir), "nothing is written before the end")
        self.assertEqual((0, []), (self.cloud.launched, self.cloud.violations))


if __name__ == "__main__":
    unittest.main()
