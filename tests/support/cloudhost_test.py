# SPDX-License-Identifier: Apache-2.0
"""cloudhost: instances that really run. What a machine sees is asked from within it, through its user
data or a command; what remains of it is asked of the host."""
import gzip
import http.server
import json
import logging
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import testpython

HERE = os.path.dirname(os.path.abspath(__file__))
try:
    import boto3
    import moto.backends
    from moto.server import ThreadedMotoServer
except ImportError:  # the interpreter of the tests has them
    testpython.again()

sys.path.insert(0, HERE)
import cloudhost  # noqa: E402
import ec2fault  # noqa: E402

LOCKS, FORWARD = "/run/drover-cloudhost", pathlib.Path("/proc/sys/net/ipv4/ip_forward")
IMAGE = "ami-12c6146b"
PROFILE = "arn:aws:iam::123456789012:instance-profile/worker"
SAY_ID = """#!/bin/bash
imds() { curl -sS -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/$1; }
TOKEN=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \\
  http://169.254.169.254/latest/api/token)
imds meta-data/instance-id >/tmp/id
"""
STAY = "#!/bin/sh\necho here\n"


def remains(number):
    """Everything of the host that the cloudhost of that place may leave behind. Others may be alive."""
    def out(*argv):
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout
    marker = "drover-cloudhost-%d" % number
    rules = out("iptables", "-S") + out("iptables", "-t", "nat", "-S")
    with open("/proc/mounts") as mounts:
        found = {"links": re.findall(r"dch%d[-@:]\S*|dch%d\b" % (number, number), out("ip", "-br", "link")),
                 "mounts": [line for line in mounts if marker in line],
                 "rules": [line for line in rules.split("\n") if marker in line.split()],
                 "folders": [n for n in os.listdir("/var/tmp") if n == marker],
                 "locks": [n for n in (LOCKS + "/%d" % number,) if os.path.exists(n)],
                 "processes": host_processes(marker + "\0"),
                 "forward": [] if os.path.isdir(LOCKS) else [FORWARD.read_text()]}
    return {what: names for what, names in found.items() if names}


def host_processes(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                if mark.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class MotoCloud:
    def __init__(self):
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.url = "http://%s:%d" % self.server.get_host_and_port()
        self.client = self.connect("ec2")

    def connect(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1",
                            aws_access_key_id="a", aws_secret_access_key="b")

    def adapter(self, credentials=None):
        return cloudhost.Ec2(self.client, credentials)

    def close(self):
        self.server.stop()


class FaultCloud(MotoCloud):
    """The one with a control API: it also tells who switched a machine off, and its console."""

    def __init__(self):
        self.server = ec2fault.Ec2Fault()
        self.url = self.server.url
        self.client = self.connect("ec2")

    def connect(self, service):
        return boto3.client(service, endpoint_url=self.url, **self.server.boto())

    def adapter(self, credentials=None):
        return cloudhost.Ec2Fault(self.client, self.server, credentials)

    def close(self):
        self.server.close()


class CloudCase(unittest.TestCase):
    cloud_class = FaultCloud
    options = {}

    def setUp(self):
        self.cloud = self.cloud_class()
        self.addCleanup(self.cloud.close)
        self.client = self.cloud.client
        self.host = cloudhost.CloudHost(self.cloud.adapter(self.credentials), **self.options)
        self.host.__enter__()
        self.addCleanup(self.host.close)

    @staticmethod
    def credentials(_):
        return {"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t",
                "Expiration": "2099-01-01T00:00:00Z"}

    def launch(self, script, **more):
        words = dict({"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.small",
                      "InstanceInitiatedShutdownBehavior": "terminate"}, **more)
        return self.client.run_instances(UserData=script, **words)["Instances"][0]["InstanceId"]

    def up(self, script=STAY, **more):
        id = self.launch(script, **more)
        self.host.wait_up(id)
        return id

    def described(self, id):
        found = self.client.describe_instances(InstanceIds=[id])
        return found["Reservations"][0]["Instances"][0]

    def becomes(self, id, state):
        self.host.wait(lambda: self.described(id)["State"]["Name"] == state, 30, id + " " + state)

    def sh(self, id, text):
        return self.host.run(id, "bash", "-c", text).stdout.strip()

    def imds(self, id, path, *words):
        """(status, text) of a request from within the machine."""
        out = self.host.run(id, "curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *words,
                            "http://169.254.169.254/latest/" + path).stdout
        text, _, status = out.rpartition("\n")
        return int(status), text

    def token(self, id, ttl=60):
        return "X-aws-ec2-metadata-token: " + self.imds(
            id, "api/token", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: %d" % ttl)[1]

    def known(self, id, path):
        status, text = self.imds(id, "meta-data/" + path, "-H", self.token(id))
        return text if status == 200 else status


class Life(CloudCase):
    def test_user_data_runs_and_its_shutdown_terminates(self):
        for data in (SAY_ID, gzip.compress(SAY_ID.encode())):
            id = self.launch(data + (b"" if isinstance(data, bytes) else "\nshutdown -h now\n"))
            if isinstance(data, bytes):
                self.host.wait_up(id)
                self.host.wait(lambda: self.host.read(id, "/tmp/id") == id, 30, "the id")
                self.assertEqual(self.described(id)["State"]["Name"], "running")
                self.sh(id, "poweroff")
            self.assertEqual(self.host.wait_ended(id), "off")
            self.assertEqual(self.host.read(id, "/tmp/id"), id)
            self.becomes(id, "terminated")

    def test_what_is_no_script_is_not_run(self):
        id = self.up("echo no >/tmp/no\n")
        self.host.wait_log(id, "Unhandled non-multipart")
        self.assertEqual(self.host.processes(id), {})
        self.assertIsNone(self.host.read(id, "/tmp/no"))

    def test_stopped_by_its_shutdown_where_that_was_asked_and_started_again(self):
        id = self.launch("#!/bin/sh\necho first >>/root/runs\nmkdir -p /var/lib/cloud/scripts/per-boot\n"
                         "printf '#!/bin/sh\\necho boot >>/root/runs\\n' >/tmp/b; chmod +x /tmp/b\n"
                         "cp /tmp/b /var/lib/cloud/scripts/per-boot/b\nshutdown now\n",
                         InstanceInitiatedShutdownBehavior="stop")
        self.assertEqual(self.host.wait_ended(id), "off")
        self.becomes(id, "stopped")
        self.host.wait(lambda: self.host.session(id).unplugged, 10, "the stop is noticed")
        self.client.start_instances(InstanceIds=[id])
        self.host.wait(lambda: self.host.read(id, "/root/runs") == "first\nboot\n", 10, "two boots")
        self.host.reboot(id)
        self.host.wait(lambda: self.host.read(id, "/root/runs") == "first\nboot\nboot\n", 10, "three")

    def test_a_terminated_machine_takes_its_whole_tree_along(self):
        id = self.up("#!/bin/bash\nsetsid sleep 86411 &\n(setsid nohup bash -c 'trap \"\" TERM HUP\n"
                     "sleep 86412 & sleep 86413' >/dev/null 2>&1 &)\nsleep 86414\n")
        def sleepers():
            return [p for p, words in self.host.processes(id).items() if words.startswith("sleep 8641")]
        pids = self.host.wait(lambda: len(sleepers()) == 4 and sleepers(), 10, "four sleepers")
        self.client.terminate_instances(InstanceIds=[id])
        self.assertEqual(self.host.wait_ended(id), "killed")
        self.assertEqual([p for p in pids if os.path.exists("/proc/%d" % p)], [])

    def test_forced_and_raw_ways_to_switch_off(self):
        for way in ("poweroff -f", "halt", "systemctl poweroff", "/sbin/shutdown -P now",
                    "python3 -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321fedc)'"):
            with self.subTest(way):
                id = self.launch("#!/bin/sh\n%s\n" % way)
                self.assertEqual(self.host.wait_ended(id), "off")
                self.becomes(id, "terminated")

    def test_a_script_that_ends_leaves_the_machine_on(self):
        id = self.up("#!/bin/sh\nexit 3\n")
        self.host.wait_log(id, "ended with status 3")
        self.assertEqual(self.sh(id, "echo on"), "on")
        self.host.switch_off(id)
        self.assertEqual(self.host.wait_ended(id), "off")


class LifeOnMoto(Life):
    """No more than boto3 tells."""
    cloud_class = MotoCloud


class Surroundings(CloudCase):
    def test_as_cloud_init_runs_it(self):
        id = self.up("#!/bin/bash\necho \"host=$(hostname) user=$(id -u) home=${HOME-unset} cwd=$PWD\"\n"
                     "echo \"path=$PATH\"\n(: </dev/tty) 2>&1\nps -o pid=,sid=,pgid= $$\n"
                     "cd ~ && pwd && ls -A\n")
        self.host.wait_log(id, "ended with status 0")
        log, dns = self.host.log(id), self.described(id)["PrivateDnsName"]
        self.assertRegex(dns, r"^ip-\d+-")
        self.assertIn("host=%s user=0 home=unset cwd=/\n" % dns.split(".")[0], log)
        self.assertIn("path=/usr/local/sbin:/usr/local/bin:/usr/sbin", log)
        self.assertIn("No such device or address", log)
        self.assertRegex(log, r"\n *(\d+) +\1 +\1\n/root\ncloud-init")

    def test_two_machines_know_nothing_of_each_other(self):
        a, b = self.up(SAY_ID), self.up(SAY_ID)
        for id, other in ((a, b), (b, a)):
            self.host.wait(lambda: self.host.read(id, "/tmp/id") == id, 10, "the id of " + id)
            their = self.sh(other, "ip -4 -o addr show eth0 | grep -o '10.213[.0-9]*' | head -1")
            self.assertIn("Failed to connect", self.sh(id, "curl -sS -m 5 http://%s/latest/" % their))
            self.sh(id, "echo %s >/etc/mine; sleep 86421 </dev/null >/dev/null 2>&1 &" % id)
        self.assertEqual(self.sh(a, "cat /etc/mine"), a)
        self.assertEqual(self.sh(a, "pgrep -fc 'sleep 8642[1]'"), "1")
        self.assertFalse(os.path.exists("/etc/mine"))

    def test_gpus(self):
        id = self.up(InstanceType="g4dn.12xlarge")
        ask = "nvidia-smi --query-gpu=index,name,memory.total --format=csv,noheader"
        self.assertEqual(self.sh(id, ask).split("\n"),
                         ["%d, NVIDIA T4, 16384 MiB" % n for n in range(4)])
        self.assertEqual(len(re.findall(r"^GPU \d: NVIDIA T4 \(UUID: GPU-", self.sh(
            id, "nvidia-smi -L"), re.MULTILINE)), 4)
        self.assertEqual(self.sh(id, "nvidia-smi | grep -c 'NVIDIA T4'"), "4")
        self.host.gpu_fault(id, lacking=1)
        self.assertEqual(self.sh(id, "nvidia-smi -L | wc -l"), "3")
        self.host.gpu_fault("g4dn.12xlarge", broken=True)
        other = self.up(InstanceType="g4dn.12xlarge")
        said = self.sh(other, "nvidia-smi -L; echo $?")
        self.assertIn("couldn't communicate with the NVIDIA driver", said)
        self.assertEqual(said[-2:], "\n9")
        self.assertIn("not found", self.sh(self.up(), "nvidia-smi"))

    def test_servers_of_the_host(self):
        class Hello(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *_):
                pass
        id = self.up()
        for address in (self.host.address, "127.0.0.1"):
            with http.server.ThreadingHTTPServer((address, 0), Hello) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                port = server.server_address[1]
                if address == "127.0.0.1":
                    self.host.expose(port)
                self.assertEqual(self.sh(id, "curl -sS http://%s:%d/" % (self.host.address, port)),
                                 "hello")
                server.shutdown()


class Metadata(CloudCase):
    def setUp(self):
        super().setUp()
        moto.backends.get_backend("iam")["123456789012"]["aws"].create_instance_profile(
            "worker", "/", [])
        self.id = self.up(
            MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
            IamInstanceProfile={"Arn": PROFILE},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "k", "Value": "v"}]}])

    def test_what_it_tells(self):
        id, is_ = self.id, self.described(self.id)
        for path, value in (("instance-id", id), ("instance-type", "t3.small"),
                            ("local-hostname", is_["PrivateDnsName"]), ("tags/instance/k", "v"),
                            ("local-ipv4", is_["PrivateIpAddress"]),
                            ("placement/availability-zone", is_["Placement"]["AvailabilityZone"]),
                            ("placement/region", "us-east-1"), ("nonsense", 404),
                            ("iam/security-credentials/", "worker")):
            self.assertEqual(self.known(id, path), value, path)
        key = json.loads(self.known(id, "iam/security-credentials/worker"))
        self.assertEqual((key["Code"], key["AccessKeyId"]), ("Success", "ASIA1"))
        token = self.token(id)
        self.assertEqual(self.imds(id, "user-data", "-H", token), (200, STAY))
        document = json.loads(self.imds(id, "dynamic/instance-identity/document", "-H", token)[1])
        self.assertEqual((document["instanceId"], document["imageId"]), (id, IMAGE))

    def test_whom_it_tells(self):
        id = self.id
        put = ["-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"]
        self.assertEqual(self.imds(id, "api/token", *put)[0], 200)
        self.assertEqual(self.imds(id, "api/token", *put, "-H", "X-Forwarded-For: 1.2.3.4")[0], 403)
        self.assertEqual(self.imds(id, "api/token", "-X", "PUT")[0], 400)
        self.assertEqual(self.imds(id, "meta-data/instance-id")[0], 401)
        self.assertEqual(self.imds(id, "meta-data/", "-H", "X-aws-ec2-metadata-token: x")[0], 401)
        short = self.token(id, 1)
        self.host.wait(lambda: self.imds(id, "meta-data/", "-H", short)[0] == 401, 10, "expiry")
        old = self.up(MetadataOptions={"HttpTokens": "optional"})
        self.assertEqual(self.imds(old, "meta-data/instance-id"), (200, old))

    def test_notices(self):
        notice, hint = "spot/instance-action", "events/recommendations/rebalance"
        self.assertEqual((self.known(self.id, notice), self.known(self.id, hint)), (404, 404))
        self.host.notice(self.id, 120)
        told = json.loads(self.known(self.id, notice))
        self.assertEqual(told["action"], "terminate")
        self.assertRegex(told["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.host.rebalance(self.id)
        self.assertIn("noticeTime", self.known(self.id, hint))
        self.host.notice(self.id, None)
        self.assertEqual(self.known(self.id, notice), 404)


class Remains(unittest.TestCase):
    def test_nothing_is_left_after_close_nor_after_a_kill(self):
        place = 61  # not the first, which other tests at the same time take
        before = {} if os.path.isdir(LOCKS) else {"forward": [FORWARD.read_text()]}
        cloud = MotoCloud()
        self.addCleanup(cloud.close)
        ids = [i["InstanceId"] for i in cloud.client.run_instances(
            ImageId=IMAGE, MinCount=3, MaxCount=3, InstanceType="t3.small",
            UserData="#!/bin/sh\nsetsid sleep 86431 &\nsleep 86431\n")["Instances"]]
        killed = subprocess.Popen(
            [sys.executable, "-B", "-m", "cloudhost", "--endpoint", cloud.url,
             "--place", str(place)], cwd=HERE,
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(killed.stdout.close)
        self.assertRegex(killed.stdout.readline(), "^READY")

        def sleepers():
            return len(host_processes("\0" + "86431"))
        end = time.monotonic() + 30
        while sleepers() < 6 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(sleepers(), 6)
        killed.kill()
        killed.wait()
        with cloudhost.CloudHost(cloud.adapter(), place=place) as host:
            for id in ids:
                host.wait_up(id)
            host.wait(lambda: sleepers() == 6, 10, "the sleepers of the second")
            self.assertEqual(set(remains(place)) - {"forward"},
                             {"links", "rules", "folders", "locks", "processes"})
        self.assertEqual(sleepers(), 0)
        left = remains(place)
        if "forward" not in before or "forward" not in left:  # others were or are there
            before.pop("forward", None)
            left.pop("forward", None)
        self.assertEqual(left, before)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: machines need root for their namespaces")
        sys.exit(77)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    unittest.main()
