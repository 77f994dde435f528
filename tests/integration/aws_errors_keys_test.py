# SPDX-License-Identifier: Apache-2.0
"""The keys of AWS in a running droverd: a machine started through each place where keys come from; keys
that end, that become another account's, and a clock that is off, while machines run."""
import http.server
import json
import os
import threading
import unittest

from aws_errors_world import Case, ErrorWorld
from ec2_world import REGION

ACCOUNT, OTHER = "123456789012", "210987654321"
HOME, ABROAD = "aws:%s:%s" % (ACCOUNT, REGION), "aws:%s:%s" % (OTHER, REGION)
ROLE = "arn:aws:iam::%s:role/" % ACCOUNT
NO_FILE = {"credentials_file": ""}


class KeyServer:
    """A metadata service and a container's, as a process on EC2 or ECS finds them. key: what both hand
    out, as temporary_key() gives it; or a function that makes one for each request."""

    def __init__(self):
        self.key, self.served, owner = None, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                self.answer(200, "imds-token")

            def do_GET(self):
                if self.path.startswith("/latest"):
                    if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
                        return self.answer(401, "")
                    if self.path.endswith("/security-credentials/"):
                        return self.answer(200, "machine-role")
                elif self.headers.get("Authorization") != "container-token":
                    return self.answer(401, "")
                owner.served += 1
                key = owner.key() if callable(owner.key) else owner.key
                return self.answer(200, json.dumps({
                    "Code": "Success", "AccessKeyId": key["access_key"], "SecretAccessKey": key["secret"],
                    "Token": key["token"], "Expiration": key["expiration"]}))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class KeyWorld(ErrorWorld):
    """No keys but those that a test lays out, and no droverd before it has; ~ is a directory of its own."""

    def __init__(self, cases, account=None, **how):
        super().__init__(cases, account=dict(NO_FILE, **(account or {})), **how)
        for name in [name for name in self.env if name.startswith("AWS_")]:
            del self.env[name]
        self.home = os.path.join(self.dir, "home")
        os.makedirs(os.path.join(self.home, ".aws"))
        self.env.update(HOME=self.home, AWS_EC2_METADATA_DISABLED="true")
        self.link, self.entered = KeyServer(), False
        open(self.log_path, "w").close()

    def __enter__(self):
        super().__enter__()
        self.entered = True
        return self

    def start_droverd(self, env=None):
        if self.entered:
            super().start_droverd(env)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.link.close()

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(path + ".new", "w") as file:
            os.chmod(path + ".new", 0o600)
            file.write(text)
        os.rename(path + ".new", path)
        return path

    def new_key(self, name, account=ACCOUNT):
        self.cloud.add_key(name, "secret-of-" + name, account=account)
        return name

    def lay_out(self, name, profile="default"):
        self.write(".aws/credentials", "[%s]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%s\n"
                   % (profile, name, name))

    def metadata(self):
        return {"AWS_EC2_METADATA_DISABLED": "false",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.link.url}

    def asked(self, action, account):
        return [call for call in self.calls(action=action) if call.account == account]

    def states(self):
        return sorted(row["state"] for row in self.rows())


def environment(name):
    return {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": "secret-of-" + name}


class Sources(Case):
    """Each way: (changes of the account, environment, the key that is expected or None for one that STS
    made, words of the log)."""

    def file(self, world):
        name = world.new_key("AKIAFILE")
        path = world.write("keys.yaml", "access_key_id: %s\nsecret_access_key: secret-of-%s\n" % (name, name))
        return {"credentials_file": path}, {}, name, path

    def environment(self, world):
        return {}, environment(world.new_key("AKIAENV")), "AKIAENV", "the environment (AWS_ACCESS_KEY_ID)"

    def environment_temporary(self, world):
        key = world.cloud.temporary_key()
        return ({}, {"AWS_ACCESS_KEY_ID": key["access_key"], "AWS_SECRET_ACCESS_KEY": key["secret"],
                     "AWS_SESSION_TOKEN": key["token"]}, key["access_key"], "the environment")

    def profile(self, world):
        world.lay_out(world.new_key("AKIAPROFILE"), "train")
        return {"profile": "train"}, {}, "AKIAPROFILE", "profile train of"

    def profile_with_role(self, world):
        world.lay_out(world.new_key("AKIABASE"), "base")
        world.write(".aws/config", "[profile train]\nrole_arn = %strain\nsource_profile = base\n" % ROLE)
        return {"profile": "train"}, {}, None, "train"

    def web_identity(self, world):
        world.cloud.web_identity("a-token-of-the-cluster")
        token = world.write("jwt", "a-token-of-the-cluster")
        return ({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": ROLE + "web"}, None, "web")

    def container(self, world):
        world.link.key = world.cloud.temporary_key(role="arn:aws:sts::%s:assumed-role/task" % ACCOUNT)
        return ({}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": world.link.url + "/task",
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token"},
                world.link.key["access_key"], "container")

    def metadata(self, world):
        world.link.key = world.cloud.temporary_key(role="arn:aws:sts::%s:assumed-role/imds" % ACCOUNT)
        return {}, world.metadata(), world.link.key["access_key"], "metadata service"

    def role_on_top(self, world):
        return {"role_arn": ROLE + "top"}, environment("AKIAENV"), None, "top"

    WAYS = ("file", "environment", "environment_temporary", "profile", "profile_with_role",
            "web_identity", "container", "metadata", "role_on_top")
    ASSUMED = {"profile_with_role": ("AssumeRole", "AKIABASE", "assumed-role/train/"),
               "web_identity": ("AssumeRoleWithWebIdentity", None, "assumed-role/web/"),
               "role_on_top": ("AssumeRole", "AKIAENV", "assumed-role/top/")}

    def test_a_machine_through_each(self):
        with KeyWorld(self.WAYS) as world:
            for way in self.WAYS:
                with self.subTest(way):
                    self.through(world, way)
            self.assertEqual(world.states(), ["booting"] * len(self.WAYS), "no restart has lost one")
            self.assertNotIn("secret-of-", world.log())
            self.no_violations(world)

    def through(self, world, way):
        world.stop_droverd()
        world.account, env, key, words = getattr(self, way)(world)
        world.account = dict(NO_FILE, **world.account)
        world.write_config()
        before = len(world.log())
        world.want(way)
        world.start_droverd(env)
        self.until(lambda: world.started(way), "a machine through " + way)
        call, = world.calls(way)
        if key:
            self.assertEqual(call.access_key, key)
        else:
            action, signer, role = self.ASSUMED[way]
            self.assertIn(role, world.cloud.keys.table[call.access_key].role)
            self.assertEqual({call.access_key for call in world.calls(action=action)} & {signer}, {signer})
        told = [line for line in world.log()[before:].splitlines() if "is AWS account " + ACCOUNT in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn(words, told[0])


class Expiry(Case):
    def test_keys_are_renewed_while_machines_run(self):
        with KeyWorld(["one", "two"]) as world:
            world.link.key = lambda: world.cloud.temporary_key(life_s=8)
            world.want("one")
            world.start_droverd(world.metadata())
            self.until(lambda: world.started("one"), "the first machine")
            first = world.calls("one")[-1].access_key
            served = world.link.served
            self.until(lambda: world.link.served >= served + 2, "keys are asked for again")
            world.want("two")
            self.until(lambda: world.started("two"), "the second machine")
            self.assertNotEqual(world.calls("two")[-1].access_key, first)
            self.until(lambda: world.states() == ["booting"] * 2, "both have their rows")
            self.assertEqual(world.cloud.launched, 2)

    def test_a_launch_meets_the_end_of_its_keys(self):
        with KeyWorld(["one", "two"], account={"list_period": "10m"}) as world:
            world.link.key = world.cloud.temporary_key()
            world.want("one")
            world.start_droverd(world.metadata())
            self.until(lambda: world.states() == ["booting"], "the first machine")
            old, world.link.key = world.link.key["access_key"], world.cloud.temporary_key()
            world.cloud.expire_key(old)
            world.want("two")
            self.until(lambda: world.states() == ["booting"] * 2, "the second machine")
            calls = world.calls("two")
            self.same_request(calls)
            self.assertEqual([call.access_key for call in calls], [old, world.link.key["access_key"]])
            self.assertEqual(calls[0].code, "ExpiredToken")
            self.assertEqual([len(world.started(case)) for case in ("one", "two")], [1, 1])
            self.assertNotIn("absent", world.log())

    def test_keys_in_a_file_are_changed_by_a_person(self):
        with KeyWorld(["one", "two"], timing={"account_hold": "500ms"}) as world:
            world.lay_out(world.new_key("AKIAOLD"))
            world.want("one")
            world.start_droverd()
            self.until(lambda: world.states() == ["booting"], "the first machine")
            world.cloud.remove_key("AKIAOLD")
            self.until(lambda: "account cloud is refused by the cloud" in world.log(), "it is told")
            world.lay_out(world.new_key("AKIANEW"))
            world.want("two")
            self.until(lambda: world.states() == ["booting"] * 2, "the second machine")
            self.assertEqual(world.calls("two")[-1].access_key, "AKIANEW")
            self.said_once(world, "account cloud is refused by the cloud",
                           "AWS does not accept these credentials")
            self.said_once(world, "account cloud is accepted by the cloud again")


class Clock(Case):
    def off(self, offset_s, words):
        with ErrorWorld(["one", "two"], {"account_hold": "500ms"}) as world:
            world.want("one")
            self.until(lambda: world.rows("one")[:1] and world.rows("one")[0]["state"] == "booting",
                       "the first machine")
            world.cloud.settings(clock_offset_s=offset_s)
            self.until(lambda: words in world.log(), "the clock is named")
            self.said_once(world, "account cloud is refused by the cloud", words, "set it (NTP)")
            world.want("two")
            self.assertEqual(world.calls("two"), [])
            world.cloud.settings(clock_offset_s=0)
            self.until(lambda: world.started("two"), "it goes on once the clock is right")
            self.assertEqual([row["state"] for row in world.rows("one")], ["booting"])
            self.assertEqual(world.cloud.launched, 2)

    def test_twenty_minutes_behind(self):
        self.off(1200, "this host's clock is 20 minutes behind AWS's")

    def test_twenty_minutes_ahead(self):
        self.off(-1200, "this host's clock is 20 minutes ahead of AWS's")

    def test_from_the_start(self):
        with ErrorWorld(["one"], settings={"clock_offset_s": 1200}) as world:
            world.want("one")
            self.until(lambda: "no machine of account cloud can be started yet" in world.log() and
                       "this host's clock is 20 minutes behind AWS's" in world.log(), "the clock is named")
            self.assertEqual(world.calls(), [])


class Switch(Case):
    """The shared file has keys of another account all at once."""

    def start(self, world):
        world.lay_out(world.new_key("AKIAHOME"))
        world.new_key("AKIAABROAD", OTHER)
        world.want("one")

    def go_abroad(self, world):
        world.lay_out("AKIAABROAD")
        world.cloud.remove_key("AKIAHOME")

    def come_home(self, world):
        world.lay_out(world.new_key("AKIAHOME2"))
        world.cloud.remove_key("AKIAABROAD")

    def test_nothing_is_concluded_of_the_machines(self):
        with KeyWorld(["one"], timing={"account_hold": "500ms", "launch_visible": "100ms"}) as world:
            self.start(world)
            world.start_droverd()
            self.until(lambda: world.states() == ["booting"], "the machine")
            self.go_abroad(world)
            self.until(lambda: len(world.asked("DescribeInstances", OTHER)) >= 4, "the other's lists")
            self.said_once(world, "1 machines of account cloud were started in " + HOME,
                           ABROAD + " answers", "nothing is concluded of them")
            self.assertEqual(world.states(), ["booting"])
            self.come_home(world)
            answered = len(world.asked("DescribeInstances", ACCOUNT))
            self.until(lambda: len(world.asked("DescribeInstances", ACCOUNT)) >= answered + 3,
                       "its own lists")
            self.assertEqual(world.states(), ["booting"])
            self.assertEqual(world.calls(action="TerminateInstances"), [])
            self.assertEqual(world.cloud.launched, 1)

    def test_an_open_launch_is_not_sent_to_the_other(self):
        """Its reply was lost: there the same bytes would start a second machine."""
        with KeyWorld(["one"], account={"timeout": "4s"}, timing={"account_hold": "500ms"}) as world:
            self.start(world)
            held = world.fault("one", "hang")
            world.start_droverd()
            self.until(lambda: world.cloud.met(held), "the launch")
            self.go_abroad(world)
            self.until(lambda: "was made for %s, and account cloud is %s now" % (HOME, ABROAD)
                       in world.log(), "it is told with both names")
            self.assertEqual(world.asked("RunInstances", OTHER), [])
            self.assertRegex(world.log(), r"attempt (\w+) was made for .*: drover settle \1\b")
            self.come_home(world)
            self.until(lambda: world.states() == ["booting"], "the machine, once the keys are back")
            self.assertEqual(world.asked("RunInstances", OTHER), [])
            self.same_request(world.calls("one"))
            self.assertEqual(world.cloud.launched, 1)
            self.assertEqual(world.rows()[0]["instance_id"], world.started("one")[0]["id"])

    def test_a_launch_that_meets_the_end_of_its_keys_is_not_sent_to_the_other(self):
        with KeyWorld(["one", "two"], account={"list_period": "10m"}) as world:
            self.start(world)
            world.start_droverd()
            self.until(lambda: world.states() == ["booting"], "the first machine")
            world.lay_out("AKIAABROAD")
            world.cloud.expire_key("AKIAHOME")
            world.want("two")
            self.until(lambda: "was made for %s, and account cloud is %s now" % (HOME, ABROAD)
                       in world.log(), "it is told with both names")
            self.assertEqual(world.asked("RunInstances", OTHER), [])
            self.assertEqual(world.cloud.launched, 1)


if __name__ == "__main__":
    unittest.main()
