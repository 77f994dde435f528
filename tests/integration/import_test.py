# SPDX-License-Identifier: Apache-2.0
"""drover import: what ClearML's autoscaler is told, in every form that it is found in, becomes a
drover.yaml that means the same, with the secrets apart and a line for all that does not."""
import copy
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import testpython  # noqa: E402

try:
    import clearml  # noqa: F401
    import yaml
except ImportError:  # the interpreter of the tests has them
    testpython.again()

from world import BIN, PYTHON, World  # noqa: E402

SECRETS = ["sEcReTkEy", "ghp_GitToken", "clearmlSecretHalf"]
RESOURCE = {"instance_type": "g4dn.4xlarge", "is_spot": False, "availability_zone": "us-east-1b",
            "ami_id": "ami-04c0416d6bd8e4b1f", "ebs_device_name": "/dev/sda1", "ebs_volume_size": 100,
            "ebs_volume_type": "gp3", "key_name": "mykey", "security_group_ids": ["sg-1", "sg-2"]}
HYPER = {"git_user": "bot", "git_pass": "ghp_GitToken", "cloud_credentials_key": "AKIDEXAMPLE",
         "cloud_credentials_secret": "sEcReTkEy", "cloud_credentials_region": "us-east-1",
         "default_docker_image": "nvidia/cuda", "max_idle_time_min": 15,
         "polling_interval_time_min": 5, "max_spin_up_time_min": 30,
         "workers_prefix": "dynamic_worker", "cloud_provider": ""}


def told(queues=None, hyper=None, more=None, **resources):
    """A configuration as the wizard makes it. hyper None in a value: the key is missing."""
    params = dict(HYPER, **(hyper or {}))
    return {"hyper_params": {k: v for k, v in params.items() if v is not None},
            "configurations": dict({
                "resource_configurations": resources or {"gpu": dict(RESOURCE)},
                "queues": queues or {"default": [["gpu", 3]]}, "extra_trains_conf": "",
                "extra_clearml_conf": "", "extra_vm_bash_script": ""}, **(more or {}))}


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="drover-import-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.out = os.path.join(self.dir, "drover.yaml")
        conf = os.path.join(self.dir, "clearml.conf")
        self.write("clearml.conf", 'api { api_server: "http://api.example:8008"\n credentials '
                   '{ access_key: "KEY", secret_key: "clearmlSecretHalf" } }\n')
        os.chmod(conf, 0o600)
        self.env = dict(os.environ, CLEARML_CONFIG_FILE=conf)
        self.env.pop("CLEARML_API_HOST", None)

    def write(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, path):
        with open(path) as file:
            return file.read()

    def drover(self, *arguments):
        return subprocess.run([os.path.join(BIN, "drover"), *arguments], env=self.env, cwd=self.dir,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def bring(self, source, code=0, *arguments):
        """Imports, and gives (configuration, [remarks]) after what holds for every import."""
        if isinstance(source, dict):
            source = self.write("told.yaml", yaml.safe_dump(source))
        elif not os.path.exists(source) and not re.fullmatch("[0-9a-f]{32}", source):
            source = self.write("told", source)
        done = self.drover("--json", "import", source, "--out", self.out, *arguments)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for secret in SECRETS:
            self.assertNotIn(secret, done.stdout + done.stderr)
        if not os.path.exists(self.out):
            return None, done
        text = self.read(self.out)
        for secret in SECRETS:
            self.assertNotIn(secret, text)
        secrets = os.path.join(self.dir, "drover-secrets")
        for name in os.listdir(secrets) if os.path.isdir(secrets) else []:
            mode = os.stat(os.path.join(secrets, name)).st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(lines[-1]["warnings"] > 0, code == 1)
        self.identity(text)
        return yaml.safe_load(text), lines[:-1]

    def identity(self, text):
        """Exported and imported again: the same, byte for byte."""
        exported = self.drover("--config", self.out, "export").stdout
        again = self.write("exported.yaml", exported)
        out = os.path.join(self.dir, "again.yaml")
        if os.path.exists(out):
            os.unlink(out)
        done = self.drover("import", again, "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(out), exported)
        self.assertEqual(exported, text)

    def secret(self, name):
        return yaml.safe_load(self.read(os.path.join(self.dir, "drover-secrets", name)))

    def said(self, remarks, level, field):
        found = [r["sentence"] for r in remarks if r["level"] == level and r["field"] == field]
        self.assertTrue(found, "no %s of %s in %s" % (level, field, remarks))
        return " ".join(found)


class Fields(Case):
    def test_all_that_the_wizard_asks(self):
        config, remarks = self.bring(told())
        self.assertEqual(config["worker_prefix"], "dynamic_worker")
        self.assertEqual(config["clearml"]["api_server"], "http://api.example:8008")
        account, = config["accounts"]
        self.assertEqual((account["driver"], account["region"]), ("aws", "us-east-1"))
        kind, = config["machine_types"]
        self.assertEqual(
            {k: kind[k] for k in ("name", "instance_type", "availability_zones", "ami_id", "key_name",
                                  "ebs_volume_size", "security_group_ids", "cpu_only",
                                  "docker_image", "max_machines")},
            {"name": "gpu", "instance_type": "g4dn.4xlarge", "availability_zones": ["us-east-1b"],
             "ami_id": "ami-04c0416d6bd8e4b1f", "key_name": "mykey", "ebs_volume_size": 100,
             "security_group_ids": ["sg-1", "sg-2"], "cpu_only": False,
             "docker_image": "nvidia/cuda", "max_machines": 3})
        self.assertEqual(config["queues"], [{"name": "default", "types": ["gpu"]}])
        self.assertEqual(self.secret("aws.yaml"), {"access_key_id": "AKIDEXAMPLE",
                                                   "secret_access_key": "sEcReTkEy"})
        self.assertEqual(self.secret("clearml.yaml")["secret_key"], "clearmlSecretHalf")
        self.assertIn('agent.git_pass = "ghp_GitToken"', self.secret("machines.yaml")["storage_conf"])
        self.assertIn("each second", self.said(remarks, "note",
                                               "hyper_params.polling_interval_time_min"))

    def test_minutes_and_numbers_as_texts(self):
        config, _ = self.bring(told({"q": [["gpu", "4"]]},
                                    {"max_idle_time_min": "7", "max_spin_up_time_min": "1.5"}))
        kind, = config["machine_types"]
        self.assertEqual((kind["idle_timeout"], kind["boot_timeout"], kind["max_machines"]),
                         ("7m", "90s", 4))

    def test_a_number_that_is_none(self):
        config, remarks = self.bring(told(hyper={"max_idle_time_min": "soon"}), 1)
        self.assertNotIn("idle_timeout", config["machine_types"][0])
        self.said(remarks, "warning", "hyper_params.max_idle_time_min")

    def test_missing_hyper_params(self):
        source = told()
        del source["hyper_params"]
        config, _ = self.bring(source)
        self.assertNotIn("credentials_file", config["accounts"][0])
        self.assertEqual(config["accounts"][0]["region"], "us-east-1", "its zone tells")

    def test_names_of_trains_and_a_secret_in_the_conf(self):
        conf = 'sdk.aws.s3.key: "x"\nsdk.aws.s3.secret: "sEcReTkEy"\n'
        config, remarks = self.bring(told(more={"extra_trains_conf": conf}))
        self.assertNotIn("extra_clearml_conf", config["machine_types"][0])
        self.assertIn(conf, self.secret("machines.yaml")["storage_conf"])
        self.said(remarks, "note", "configurations.extra_clearml_conf")

    def test_a_secret_in_the_script(self):
        script = "echo hello\nexport HF_TOKEN=sEcReTkEy\n"
        config, remarks = self.bring(told(more={"extra_vm_bash_script": script}), 1)
        self.assertNotIn("init_script", config["machine_types"][0])
        self.assertIn("line 2", self.said(remarks, "warning", "configurations.extra_vm_bash_script"))
        self.assertEqual(self.read(os.path.join(self.dir, "drover-secrets", "init_script.sh")), script)

    def test_unknown_fields_are_named_and_secrets_not_shown(self):
        _, remarks = self.bring(told(hyper={
            "my_token": "sEcReTkEy", "note": "ghp_GitToken", "colour": "blue"}), 1)
        values = {r["field"]: r["value"] for r in remarks if r["level"] == "warning"}
        self.assertEqual(values, {"hyper_params.my_token": "", "hyper_params.note": "",
                                  "hyper_params.colour": "blue"})

    def test_several_resources_and_queues(self):
        config, _ = self.bring(told({"a": [["one", 2], ["two", 5]], "b": [["three", 1]]},
                                    one=dict(RESOURCE), two=dict(RESOURCE), three=dict(RESOURCE)))
        self.assertEqual(config["queues"], [{"name": "a", "types": ["one", "two"]},
                                            {"name": "b", "types": ["three"]}])
        self.assertEqual({t["name"]: t["max_machines"] for t in config["machine_types"]},
                         {"one": 2, "two": 5, "three": 1})

    def test_one_resource_in_two_queues(self):
        config, remarks = self.bring(told({"a": [["gpu", 2]], "b": [["gpu", 3]]}), 1)
        self.assertEqual(config["machine_types"][0]["max_machines"], 5)
        self.assertEqual([q["max_machines"] for q in config["queues"]], [2, 3])
        self.assertIn("several queues", self.said(remarks, "warning", "queues.b[0]"))

    def test_none_of_a_resource_is_not_without_limit(self):
        config, remarks = self.bring(told({"a": [["one", 0], ["two", 1]]}, one=dict(RESOURCE),
                                          two=dict(RESOURCE)))
        self.assertEqual(config["queues"], [{"name": "a", "types": ["two"]}])
        self.said(remarks, "note", "queues.a[0]")

    def test_a_resource_that_is_not_there(self):
        config, remarks = self.bring(told({"a": [["gpu", 1], ["ghost", 2]]}), 1)
        self.assertIn("ghost", self.said(remarks, "warning", "queues.a[1]"))
        self.assertEqual(config["queues"][0]["types"], ["gpu"])

    def test_spot_subnet_profile_extra(self):
        extra = {"Placement": {"Tenancy": "dedicated"}, "EbsOptimized": True}
        config, _ = self.bring(told(
            hyper={"iam_name": "worker", "iam_arn": "arn:aws:iam::123456789012:instance-profile/w"},
            gpu=dict(RESOURCE, is_spot=True, spot_max_price="0.75", availability_zone=None,
                     subnet_id="subnet-1", tags="team=ml, site = a", extra_configurations=extra,
                     enable_monitoring=True, cpu_only=True)))
        kind, = config["machine_types"]
        self.assertEqual((kind["spot"], kind["spot_max_price"], kind["subnet_ids"]),
                         (True, "0.75", ["subnet-1"]))
        self.assertEqual(kind["iam_instance_profile"], "arn:aws:iam::123456789012:instance-profile/w")
        self.assertEqual(json.loads(kind["extra_configurations"]), extra)
        self.assertTrue(kind["enable_monitoring"])
        self.assertEqual(len(kind["tags"]), 2)

    def test_two_regions(self):
        config, _ = self.bring(told(
            {"q": [["here", 1], ["there", 1]]}, here=dict(RESOURCE),
            there=dict(RESOURCE, availability_zone="eu-west-1a")))
        self.assertEqual([a["region"] for a in config["accounts"]], ["us-east-1", "eu-west-1"])
        self.assertEqual([t["account"] for t in config["machine_types"]], ["aws", "aws-eu-west-1"])

    def test_credentials_chain(self):
        config, remarks = self.bring(told(hyper={"use_credentials_chain": "True"}))
        self.assertNotIn("credentials_file", config["accounts"][0])
        self.said(remarks, "note", "hyper_params.cloud_credentials_key")


class Odd(Case):
    """What people have written by hand, or had written for them."""

    def test_a_conf_with_a_key_pair_of_its_own(self):
        """As in clearml/clearml#1098: block text with a whole api section."""
        conf = ('\n  api {\n    api_server: "http://x.x:8008"\n    # made in the web page\n    credentials '
                '{"access_key": "AAAA", "secret_key": "sEcReTkEy"}\n    verify_certificate: "False"\n  }\n')
        _, remarks = self.bring(told(more={"extra_clearml_conf": conf}), 1)
        self.assertIn("Take it out", self.said(remarks, "warning", "configurations.extra_clearml_conf"))
        _, remarks = self.again(told(more={"extra_clearml_conf": "api.api_server: \"http://x:8008\""}))
        self.assertIn("machine_api_server", self.said(remarks, "note", "configurations.extra_clearml_conf"))

    def again(self, source, code=0):
        shutil.rmtree(os.path.join(self.dir, "drover-secrets"))
        os.unlink(self.out)
        return self.bring(source, code)

    def test_nothing_where_something_is_expected(self):
        empty = dict(RESOURCE, key_name=None, tags=None, ebs_volume_type=None, security_group_ids=None,
                     extra_configurations=None, is_spot=None, cpu_only=None)
        hyper = {"git_user": "", "git_pass": "", "max_idle_time_min": "", "default_docker_image": "",
                 "iam_arn": "", "cloud_credentials_token": "", "tags": ""}
        text = yaml.safe_dump(told(hyper=hyper, gpu=empty)).replace("git_user: ''", "git_user: null")
        config, _ = self.bring(text)
        kind, = config["machine_types"]
        self.assertFalse({"key_name", "tags", "security_group_ids", "docker_image", "idle_timeout",
                          "extra_configurations"} & set(kind), kind)
        self.assertNotIn("secrets_file", config["accounts"][0])

    def test_words_of_other_alphabets(self):
        config, remarks = self.bring(told(
            {"größe ü 日本": [["große Maschine", 1]]}, {"workers_prefix": "wörker"},
            **{"große Maschine": dict(RESOURCE, tags="team=größe")}), 1)
        self.assertEqual([("größe ü 日本", ["gro-e-Maschine"])],
                         [(q["name"], q["types"]) for q in config["queues"]])
        self.assertEqual(["team=größe"], config["machine_types"][0]["tags"])
        self.said(remarks, "note", "resource_configurations.große Maschine")
        self.said(remarks, "warning", "hyper_params.workers_prefix")

    def test_every_value_a_text(self):
        texts = {key: value if isinstance(value, list) else str(value) for key, value in RESOURCE.items()}
        plain, _ = self.bring(told())
        source = told({"default": [["gpu", "3"]]}, gpu=dict(texts, is_spot="False", cpu_only="false"))
        source["hyper_params"] = {key: str(value) for key, value in HYPER.items()}
        self.assertEqual(plain, self.again(source)[0])

    def test_older_names(self):
        plain, _ = self.bring(told())
        source = told(hyper={"cloud_credentials_key": None, "cloud_credentials_secret": None,
                             "cloud_credentials_region": None, "git_pass": None})
        source["hyper_params"].update(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="sEcReTkEy",
                                      aws_region="us-east-1", git_password="ghp_GitToken")
        self.assertEqual(plain, self.again(source)[0])

    def test_bashrc_is_read_unless_a_form_says_otherwise(self):
        self.assertTrue(self.bring(told())[0]["machine_types"][0]["read_bashrc"])
        for word in ("exclude_bashrc", "Exclude .bashrc script"):
            form = dict(Apps.FORM, **{word: True})
            self.assertNotIn("read_bashrc", self.again(json.dumps(form))[0]["machine_types"][0])

    def test_keys_that_nobody_knows_are_named_where_they_are(self):
        source = told(gpu=dict(RESOURCE, colour="blue"), more={"mood": "good"}, hyper={"size": 3})
        _, remarks = self.bring(source, 1)
        for field in ("resource_configurations.gpu.colour", "configurations.mood", "hyper_params.size"):
            self.assertIn("no such field", self.said(remarks, "warning", field))


class Forms(Case):
    def test_json_hocon_windows_and_half(self):
        source = told()
        config, _ = self.bring(source)
        for text in (json.dumps(source, indent="\t"), "\ufeff" + json.dumps(source),
                     yaml.safe_dump(source).replace("\n", "\r\n"),
                     "hyper_params = %s\nconfigurations = %s\n" % (
                         json.dumps(source["hyper_params"]), json.dumps(source["configurations"]))):
            shutil.rmtree(os.path.join(self.dir, "drover-secrets"))
            os.unlink(self.out)
            self.assertEqual(self.bring(text)[0], config, text[:60])

    def test_lists_that_two_resources_share(self):
        """The wizard copies a resource, and then PyYAML writes an anchor and an alias."""
        copied = dict(RESOURCE)
        source = told({"a": [["one", 1]], "b": [["two", 1]]}, one=RESOURCE, two=copied)
        self.assertIn("&id001", yaml.safe_dump(source))
        config, _ = self.bring(source)
        self.assertEqual([t["security_group_ids"] for t in config["machine_types"]],
                         [["sg-1", "sg-2"]] * 2)

    def test_tuples(self):
        source = yaml.dump(told({"q": [("gpu", 2)]}))
        self.assertIn("python/tuple", source)
        self.assertEqual(self.bring(source)[0]["machine_types"][0]["max_machines"], 2)

    def test_two_megabytes(self):
        config, _ = self.bring(told(more={"extra_vm_bash_script": "echo padding\n" * 160000}))
        self.assertGreater(os.path.getsize(os.path.join(self.dir, "told.yaml")), 2 << 20)
        self.assertEqual(len(config["machine_types"][0]["init_script"]), 13 * 160000)

    def refused(self, text, sentence):
        _, done = self.bring(self.write("bad.yaml", text), 78)
        self.assertIn(sentence, done.stderr)
        self.assertFalse(os.path.exists(self.out))

    def test_what_cannot_be_read(self):
        self.refused("", "bad.yaml is empty")
        self.refused("hyper_params:\n  a: 1\n\tb: 2\n", "bad.yaml:3:1: ")
        self.refused('{"hyper_params": {\n "a": [1, }}', "bad.yaml:2:")
        self.refused("just a sentence\n", "bad.yaml")
        self.refused("fruit: apple\n", "nothing in it is an autoscaler's")
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            "%s: &%s [%s]\n" % (b, b, ",".join(["*" + a] * 9)) for a, b in zip("abcdefgh", "bcdefghi"))
        self.refused(bomb, "aliases multiply")
        self.refused("x" * (5 << 20), "larger than 4 MiB")

    def test_what_is_in_the_way_stays(self):
        self.bring(told())
        other = self.write("other.yaml", yaml.safe_dump(told({"q": [["gpu", 9]]})))
        before = self.read(self.out)
        done = self.drover("import", other, "--out", self.out)
        self.assertEqual(done.returncode, 64)
        self.assertIn("exists and says something else", done.stderr)
        self.assertEqual(self.read(self.out), before)

    def test_own_file_byte_for_byte(self):
        own = "# mine\ndeployment: d\nclearml: {api_server: http://a:1}\n"
        path = self.write("own.yaml", own)
        done = self.drover("import", path, "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(self.out), own)


class Apps(Case):
    FORM = {"AWS Region": "us-east-1", "AWS Access Key ID": "AKIDEXAMPLE",
            "AWS Secret Access Key": "sEcReTkEy", "Git User": "bot", "Git Password": "ghp_GitToken",
            "Max Idle Time": 20, "Workers Prefix": "pro", "Polling Interval": 1,
            "Base Docker Image": "python:3.11", "Init Script": "echo hi",
            "resource_configurations": [
                {"resource_name": "spotty", "instance_type": "g5.xlarge", "queue_name": "gpu",
                 "num_instances": "3", "is_spot": True, "regular_instance_rollback": True,
                 "regular_instance_rollback_timeout": 10, "spot_instance_blackout_period": 5,
                 "subnet_id": "subnet-1,subnet-2", "security_group_ids": "sg-1, sg-2",
                 "ami_id": "ami-1", "ebs_device_name": "/dev/sda1", "ebs_volume_size": 100}]}

    def judge(self, config):
        self.assertEqual([t["name"] for t in config["machine_types"]], ["spotty", "spotty-regular"])
        self.assertEqual([t.get("spot", False) for t in config["machine_types"]], [True, False])
        self.assertEqual(config["queues"], [{"name": "gpu", "types": ["spotty", "spotty-regular"],
                                             "max_machines": 3}])
        self.assertEqual(config["machine_types"][0]["subnet_ids"], ["subnet-1", "subnet-2"])
        self.assertEqual(config["timing"]["capacity_hold"], "5m")
        self.assertEqual(config["worker_prefix"], "pro")

    def test_form_however_nested(self):
        self.judge(self.bring(copy.deepcopy(self.FORM))[0])
        fields = [{"name": name, "value": value} for name, value in self.FORM.items()]
        for source in ({"configuration": {"wizard": self.FORM}}, {"fields": fields}):
            shutil.rmtree(os.path.join(self.dir, "drover-secrets"))
            os.unlink(self.out)
            self.judge(self.bring(json.dumps(source))[0])

    def test_google(self):
        form = {"cloud_provider": "GCP", "gcp_project_id": "p", "gcp_zone": "z", "resources": [
            {"resource_name": "r", "machine_type": "n1-standard-4", "queue_name": "q",
             "num_instances": 1}]}
        _, done = self.bring(json.dumps(form), 1)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertIn("hyper_params.gcp_zone", {line.get("field") for line in lines})
        self.assertEqual(lines[-1]["written"], "")


class Task(Case):
    """A task that the genuine SDK made, as the example script does, in the sandbox."""
    CODE = """
import json, sys
from clearml import Task
told = json.load(open(sys.argv[1]))
task = Task.init(project_name="DevOps", task_name="AWS Auto-Scaler", task_type=Task.TaskTypes.service)
task.connect(told["hyper_params"])
task.set_configuration_object(name="General", config_%s)
print("TASK", task.id)
task.close()
"""

    def setUp(self):
        super().setUp()
        self.world = World()
        self.addCleanup(shutil.rmtree, self.world.dir)
        self.world.start_server()
        self.addCleanup(self.world.server.wait)
        self.addCleanup(self.world.server.kill)
        self.write("clearml.conf", json.dumps({"api": {
            "api_server": self.world.api_url, "web_server": self.world.api_url,
            "files_server": self.world.files_url, "credentials": {
                "access_key": self.world.access_key, "secret_key": self.world.secret_key}}}))

    def make(self, form):
        source = self.write("told.json", json.dumps(told(hyper={"workers_prefix": "other"})))
        made = subprocess.run([PYTHON, "-c", self.CODE % form, source], env=self.env, cwd=self.dir,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return re.search("^TASK (.*)$", made.stdout, re.M).group(1)

    def test_as_the_script_stores_it(self):
        """As JSON text, and as a dictionary, of which the SDK makes HOCON."""
        wanted, _ = self.bring(told(hyper={"workers_prefix": "other"}))
        for form in ("text=json.dumps(told['configurations'])", "dict=told['configurations']"):
            shutil.rmtree(os.path.join(self.dir, "drover-secrets"))
            os.unlink(self.out)
            self.assertEqual(self.bring(self.make(form))[0], wanted)

    def test_one_that_runs_is_not_taken_over(self):
        task = self.make("text=json.dumps(told['configurations'])")
        self.world.api("tasks.reset", task=task, force=True)
        self.world.api("tasks.started", task=task, force=True)
        done = self.drover("import", task, "--out", self.out, "--take-over")
        self.assertEqual(done.returncode, 1)
        self.assertIn("runs", done.stderr)
        self.assertFalse(os.path.exists(self.out))

    def test_unknown_task(self):
        done = self.drover("import", "0" * 32, "--out", self.out)
        self.assertEqual(done.returncode, 1)
        self.assertIn("has no task", done.stderr)


if __name__ == "__main__":
    unittest.main()
