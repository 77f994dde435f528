# SPDX-License-Identifier: Apache-2.0
"""Where Drover finds the keys of AWS: in every situation where botocore, handed the same environment and
the same files, finds them; and what it says where there are none. Renewal, with keys that live seconds.

It runs in a network namespace of its own, so that the fixed addresses of the metadata and the container
service are the fake's, and no real one of the host is ever asked."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PYTHON = os.environ.get("DROVER_TEST_PYTHON", sys.executable)
INSIDE = "DROVER_IN_NETNS"
SETUP = ("ip link set lo up && ip addr add 169.254.169.254/32 dev lo && "
         "ip addr add 169.254.170.2/32 dev lo && exec \"$@\"")
SECRETS = re.compile(r"SECRET[0-9a-f]{8}|TOKEN[0-9a-f]{8}|JWT-")


def enter():
    """Runs this file again, with the Python that has botocore, in its own namespace; 77: skipped."""
    if os.environ.get(INSIDE):
        return
    isolated = ["unshare", "-rn", "sh", "-c", SETUP, "sh"]
    has_botocore = subprocess.run([PYTHON, "-c", "import botocore, moto"], stderr=subprocess.DEVNULL)
    probe = subprocess.run(isolated + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if has_botocore.returncode or probe.returncode or not os.environ.get("DROVER_CREDS_TOOL"):
        print("skipped: needs DROVER_TEST_PYTHON with botocore, DROVER_CREDS_TOOL, and unshare -rn")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", isolated + [PYTHON, *sys.argv])


if __name__ == "__main__":
    enter()
if importlib.util.find_spec("botocore"):
    from aws_creds_situations import BASE, ROLE, SITUATIONS, TRAIN, environment
    from aws_creds_world import Cloud, Peer, Tool, secret_of, token_of


class Case(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.home)
        os.mkdir(self.home + "/.aws")
        self.cloud = Cloud()
        self.addCleanup(self.cloud.close)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def env(self, **more):
        """No metadata service unless a case turns it on."""
        env = {"HOME": self.home, "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true",
               "AWS_ENDPOINT_URL_STS": self.cloud.url, "AWS_DEFAULT_REGION": "eu-west-1",
               "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.cloud.url, "http_proxy": "http://127.0.0.1:9",
               "no_proxy": "127.0.0.1"}
        env.update(more)
        return {name: value for name, value in env.items() if value is not None}

    def tool(self, env=None, **fields):
        tool = Tool(env or self.env(), **fields)
        self.addCleanup(tool.__exit__)
        return tool

    def ours(self, env, **fields):
        with Tool(env, **fields) as tool:
            answer = tool.ask()
            self.assertNotRegex(" ".join(tool.argv), SECRETS)
            if "sentence" in answer:
                self.assertNotRegex(answer["sentence"], SECRETS)
            self.assertNotRegex(tool.ask("source")["source"], SECRETS)
        return answer


class Situations(Case):
    def test_as_botocore_finds_them(self):
        """One subtest a situation: the same environment for us and for botocore."""
        self.peer = Peer()
        for row in SITUATIONS:
            with self.subTest(row["name"]):
                self.doCleanups()
                self.setUp()
                self.check(row)
        self.peer.close()

    def check(self, row):
        words = {"home": self.home, "url": self.cloud.url}

        def fill(text):
            return text.format(**words) if text and "{" in text else text

        for name, value in (row["cloud"] or {}).items():
            setattr(self.cloud, name, value)
        if row["env"].get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            self.cloud.listen("169.254.170.2", 80)
        if row["env"].get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "") is None:
            self.cloud.listen("169.254.169.254", 80)
        for name in ("credentials", "config"):
            if row[name]:
                self.write(".aws/" + name, fill(row[name]))
        for name, text in (row["files"] or {}).items():
            self.write(name, text)
        env = self.env(**{name: fill(value) for name, value in row["env"].items()})
        ours = self.ours(env, **({"profile": row["profile"]} if row["profile"] else {}))
        if not row["peer_differs"] and row["says"] != "answered status 500":  # it would try for seconds
            # It would go through a proxy to the metadata service; that is its own affair.
            theirs = self.peer.ask(dict(env, no_proxy="*"), row["profile"])
            self.assertEqual("access_key" in ours, "access_key" in theirs, (ours, theirs))
            if "access_key" in ours:
                self.assertEqual(ours, theirs)
        if row["key"] is None:
            self.assertIn(row["says"], ours.get("sentence", ours))
        elif row["key"] != "role":
            self.assertEqual(ours.get("access_key"), row["key"], ours)
        else:
            self.assertIn("Action=AssumeRole", self.cloud.requests[-1][1])
            self.assertRegex(ours.get("access_key", ""), "ASIA[0-9A-F]{16}", ours)
        self.assertEqual(self.cloud.seen("elsewhere "), [], "a redirect is never followed")


class Sentence(Case):
    def test_every_source_is_named_in_order_with_its_reason(self):
        sentence = self.ours(self.env())["sentence"]
        names = ["credentials_file: not set", "environment: no AWS_ACCESS", "role of a profile: no role_arn",
                 "web identity: no AWS_WEB", "SSO: no sso_", "credentials file: there is no",
                 "other programs: no credential_process", "config file: there is no",
                 "container: no AWS_CONTAINER", "instance metadata: switched off"]
        places = [sentence.find(name) for name in names]
        self.assertEqual(places, sorted(places), sentence)
        self.assertGreater(places[0], 0, sentence)
        self.assertLess(len(sentence), 700)


class OwnFile(Case):
    """account.credentials_file: the first source, and the last where it is set."""

    def ask(self, text, mode=0o600, **env):
        path = self.write("keys.yaml", text, mode)
        return self.ours(self.env(**env), credentials_file=path)

    def test_it_comes_before_everything(self):
        text = "access_key_id: AKIAOWN\nsecret_access_key: %s\nsession_token: t\n" % secret_of("AKIAOWN")
        self.assertEqual(self.ask(text, **environment("AKIAENV")),
                         {"access_key": "AKIAOWN", "secret_key": secret_of("AKIAOWN"), "token": "t"})

    def test_others_may_not_read_it(self):
        self.assertIn("chmod 600", self.ask("access_key_id: A\n", 0o640)["sentence"])

    def test_half_of_it_is_not_made_whole_by_another_source(self):
        answer = self.ask("access_key_id: AKIAOWN\n", **environment("AKIAENV"))
        self.assertIn("secret key is missing", answer["sentence"])

    def test_a_line_feed_in_a_token_goes_into_no_header(self):
        answer = self.ask('access_key_id: A\nsecret_access_key: b\nsession_token: "x\\r\\nX-Evil: 1"\n')
        self.assertIn("control character", answer["sentence"])

    def test_a_missing_file_ends_the_search(self):
        answer = self.ours(self.env(**environment("AKIAENV")), credentials_file=self.home + "/gone")
        self.assertIn("cannot open", answer["sentence"])


class AccountRole(Case):
    """account.role_arn: assumed on top of whatever was found."""

    def test_on_top_of_the_environment_with_an_external_id(self):
        answer = self.ours(self.env(**environment("AKIAENV")), role_arn=ROLE + "top", external_id="e 1/2")
        self.assertRegex(answer["access_key"], "ASIA[0-9A-F]{16}")
        self.assertIn("ExternalId=e%201%2F2", self.cloud.requests[-1][1])

    def test_on_top_of_a_profiles_role(self):
        self.write(".aws/credentials", BASE)
        self.write(".aws/config", TRAIN + "source_profile = base\n")
        with self.tool(self.env(AWS_PROFILE="train"), role_arn=ROLE + "top") as tool:
            self.assertIn("access_key", tool.ask())
            self.assertEqual(tool.ask("source")["source"],
                             "role %stop, assumed with role %strain, assumed with profile base of "
                             "%s/.aws/credentials" % (ROLE, ROLE, self.home))
        roles = [request[1].split("role%2F")[1].split("&")[0] for request in self.cloud.requests]
        self.assertEqual(roles, ["train", "top"])

    def test_no_region_no_sts(self):
        env = self.env(AWS_DEFAULT_REGION=None, AWS_ENDPOINT_URL_STS=None, **environment("AKIAENV"))
        self.assertIn("none is set", self.ours(env, role_arn=ROLE + "top")["sentence"])

    def test_an_unsigned_question_after_signed_ones_is_unsigned(self):
        """Renewed twice: web identity, then the account's role, with one client for both."""
        self.cloud.life_s = 3
        self.write("jwt", "JWT-one")
        env = self.env(AWS_WEB_IDENTITY_TOKEN_FILE=self.home + "/jwt", AWS_ROLE_ARN=ROLE + "web")
        with self.tool(env, role_arn=ROLE + "top") as tool:
            self.assertIn("access_key", tool.ask())
            self.cloud.wait_for("Action=AssumeRole&", 2)
        for _, body, headers in self.cloud.seen("Action="):
            self.assertEqual("Authorization" in headers, "Action=AssumeRole&" in body)


class Renewal(Case):
    """Keys that live for seconds; what is awaited is a request or a line, never a time."""

    def instance(self, life_s=3, **fields):
        self.cloud.life_s = life_s
        return self.tool(self.env(AWS_EC2_METADATA_DISABLED=None), **fields)

    def until(self, tool, key):
        """Asks until the answer is this key (None: a sentence)."""
        for _ in range(100000):
            answer = tool.ask()
            if answer.get("access_key") == key:
                return answer
        raise AssertionError(answer)

    def test_in_the_background_ahead_of_the_end(self):
        tool = self.instance()
        self.assertEqual(tool.ask()["access_key"], "ASIAIMDSMACHINE")
        self.cloud.imds_key = "ASIASECOND"
        self.cloud.wait_for("credentials/machine", 2)  # nobody asked us again
        self.assertEqual(self.until(tool, "ASIASECOND")["token"], token_of("ASIASECOND"))

    def test_callers_at_once_share_one_fetch(self):
        tool = self.instance(3600)
        tool.say("get 5")
        self.assertEqual({tool.hear()["access_key"] for _ in range(5)}, {"ASIAIMDSMACHINE"})
        self.assertEqual(len(self.cloud.seen("credentials/machine")), 1)
        tool.ask()
        self.assertEqual(len(self.cloud.seen("credentials/machine")), 1, "fresh ones are kept")

    def test_a_failed_renewal_keeps_the_old_keys_and_says_so_once(self):
        tool = self.instance(10)
        tool.ask()
        self.cloud.fail = {"/latest/": 500}
        self.cloud.wait_for("/security-credentials/ ", 3)  # failed twice
        self.assertEqual(tool.ask()["access_key"], "ASIAIMDSMACHINE")
        self.assertIn("could not be renewed", tool.hear_error())
        self.cloud.imds_key, self.cloud.fail = "ASIASECOND", {}
        self.assertIn("renewed again", tool.hear_error())
        self.assertEqual(tool.ask()["access_key"], "ASIASECOND")

    def test_keys_that_have_ended_are_handed_to_nobody(self):
        self.cloud.life_s = 3
        tool = self.tool(self.env(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.cloud.url + "/task"))
        tool.ask()
        self.cloud.fail = {"/task": 500}
        self.assertIn("status 500", self.until(tool, None)["sentence"])
        self.cloud.fail = {}
        self.assertEqual(tool.ask()["access_key"], "ASIACONTAINERTASK")

    def test_a_container_token_is_read_anew_each_time(self):
        self.cloud.life_s, self.cloud.container_token = 3, "one"
        path = self.write("token", "one")
        tool = self.tool(self.env(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.cloud.url + "/task",
                                  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=path))
        tool.ask()
        self.write("token", "two")
        self.cloud.container_token = "two"
        self.cloud.wait_for("/task", 2)
        self.assertEqual(self.cloud.seen("/task")[1][2]["Authorization"], "two")
        self.assertEqual(tool.ask()["access_key"], "ASIACONTAINERTASK")

    def test_a_metadata_token_that_has_ended_is_replaced(self):
        tool = self.instance()
        tool.ask()
        self.cloud.imds_tokens.clear()
        self.cloud.imds_key = "ASIASECOND"
        self.until(tool, "ASIASECOND")
        self.assertEqual(len(self.cloud.seen("/api/token")), 2)

    def test_what_is_left_is_measured_by_the_senders_clock(self):
        """Two hours behind ours: not expired. Two hours ahead: still renewed within its 3 seconds."""
        for clock_s, life_s, requests in ((-7200, 3600, 1), (7200, 3, 2)):
            self.cloud.clock_s, self.cloud.life_s = clock_s, life_s
            before = len(self.cloud.seen("/task"))
            tool = self.tool(self.env(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.cloud.url + "/task"))
            self.assertEqual(tool.ask().get("access_key"), "ASIACONTAINERTASK")
            self.cloud.wait_for("/task", before + requests)

    def test_a_renewal_makes_nobody_else_of_us(self):
        """The config file is away for a moment: the instance's own role is not taken instead."""
        self.cloud.life_s = 6
        path = self.write(".aws/config", "[default]\nrole_arn = %sr\n"
                          "credential_source = EcsContainer\n" % ROLE)
        tool = self.tool(self.env(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.cloud.url + "/task",
                                  AWS_EC2_METADATA_DISABLED=None))
        role_key = tool.ask()["access_key"]
        os.unlink(path)
        self.assertIn("could not be renewed", tool.hear_error())
        self.assertEqual(tool.ask()["access_key"], role_key)
        self.assertEqual(len(self.cloud.seen("/task")), 1)

    def test_refused_keys_are_not_fetched_anew_within_a_minute(self):
        tool = self.instance(3600)
        tool.ask()
        tool.say("refused")
        self.assertEqual(tool.ask()["access_key"], "ASIAIMDSMACHINE")
        self.assertEqual(len(self.cloud.seen("credentials/machine")), 1)


class Regions(Case):
    def region(self, **env):
        fields = {"region": env.pop("account")} if "account" in env else {}
        with self.tool(self.env(AWS_DEFAULT_REGION=None, **env), **fields) as tool:
            return tool.ask("region")["region"]

    def test_account_then_environment_then_profile(self):
        self.write(".aws/config", "[default]\nregion = profile-1\n[profile p]\nregion = profile-2\n")
        every = {"AWS_REGION": "env-1", "AWS_DEFAULT_REGION": "env-2"}
        self.assertEqual(self.region(account="own-1", AWS_REGION="env-1"), "own-1")
        self.assertEqual(self.region(**{"AWS_REGION": every["AWS_REGION"]}), "env-1")
        self.assertEqual(self.region(), "profile-1")
        self.assertEqual(self.region(AWS_PROFILE="p"), "profile-2")
        self.assertEqual(self.region(AWS_PROFILE="gone"), "")
        with self.tool(self.env(**every)) as tool:
            self.assertEqual(tool.ask("region")["region"], "env-1")
        with self.tool(self.env(AWS_DEFAULT_REGION="env-2")) as tool:
            self.assertEqual(tool.ask("region")["region"], "env-2")

    def test_endpoints_as_botocore_makes_them(self):
        import botocore.session
        session = botocore.session.Session()  # it keeps the models that it has read
        regions = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "us-iso-east-1",
                   "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "ap-southeast-5"]
        for switch, option in ((None, None), ("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"),
                               ("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")):
            for region in regions:
                self.endpoints(session, region, switch, option)

    def endpoints(self, session, region, switch, option):
        import botocore.config
        import botocore.exceptions
        config = botocore.config.Config(**({option: True} if option else {}))
        env = self.env(AWS_ENDPOINT_URL_STS=None, **({switch: "true"} if switch else {}))
        with self.tool(env, region=region) as tool:
            for service in ("ec2", "sts", "ssm"):
                if option == "use_dualstack_endpoint" and "-iso" in region:
                    continue  # botocore takes the suffix of another partition for what it knows not
                try:
                    client = session.create_client(
                        service, region, config=config, aws_access_key_id="a", aws_secret_access_key="b")
                    theirs = client.meta.endpoint_url + "/"
                except botocore.exceptions.BotoCoreError:
                    continue  # that partition has none of the kind
                with self.subTest(region=region, service=service, switch=switch):
                    self.assertEqual(tool.ask("endpoint " + service)["endpoint"], theirs)

    def test_overrides(self):
        def endpoint(account="", **env):
            with self.tool(self.env(AWS_ENDPOINT_URL_STS=None, **env), endpoint=account) as tool:
                return tool.ask("endpoint ec2")["endpoint"]
        self.assertEqual(endpoint(AWS_ENDPOINT_URL="http://all:1"), "http://all:1/")
        self.assertEqual(endpoint(AWS_ENDPOINT_URL="http://all:1", AWS_ENDPOINT_URL_EC2="http://ec2:2/x"),
                         "http://ec2:2/x")
        self.assertEqual(endpoint("http://own:3", AWS_ENDPOINT_URL_EC2="http://ec2:2"), "http://own:3/")
        self.assertEqual(endpoint(AWS_ENDPOINT_URL="http://all:1",
                                  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true"),
                         "https://ec2.eu-west-1.amazonaws.com/")


if __name__ == "__main__":
    unittest.main()
