# SPDX-License-Identifier: Apache-2.0
"""docs/import.md's table of the launch forms: every setting in it is one that the wizards ask for, every name
is understood by the import, and every test that is named is there."""
import json
import os
import re
import subprocess
import unittest

import import_test as told

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SECTIONS = {"": "root", "machine_types": "type", "accounts": "account", "queues": "queue"}
GCP = {"gcp_project_id": "p", "gcp_zone": "z", "gcp_credentials": "{}", "gcp_subnet": "default"}
GCP_RESOURCE = {"machine_type": "n1-standard-4", "gpu_type": "nvidia-tesla-t4", "preemptible": True,
                "provisioning_model": "SPOT", "machine_image": "image", "disk_size_gb": 100,
                "service_account": "a@b", "scopes": "cloud-platform", "metadata": "k=v"}


def rows():
    with open(os.path.join(ROOT, "docs", "import.md")) as page:
        table = page.read().split("## Every field of the launch forms", 1)[1].split("\n## ", 1)[0]
    lines = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines()
             if line.startswith("| ")]
    return lines[1:]


class Table(told.Case):
    def test_the_wizards_ask_for_each_setting(self):
        schema = json.loads(subprocess.check_output([os.path.join(told.BIN, "drover"), "export", "--schema"]))
        fields = {(section["name"], field["key"]): set(field["flags"]) for section in schema["sections"]
                  for field in section["fields"]}
        secrets = {secret["key"] for secret in schema["secrets"]}
        self.assertGreater(len(rows()), 35)
        for field, _, setting, _ in rows():
            if setting.startswith(("always", "drover ")):
                continue
            if setting.startswith("secret "):
                self.assertIn(setting.split()[1], secrets, field)
                continue
            section, _, key = setting.rpartition(".")
            flags = fields[SECTIONS.get(section, section), key]
            self.assertFalse(flags & {"expert", "secret_file"}, "%s: no wizard asks for it" % setting)

    def test_each_effect_is_seen_by_a_test(self):
        for field, _, _, test in rows():
            path, case = test.split(": ")
            with open(os.path.join(ROOT, "tests", path)) as file:
                self.assertIn(case + "(", file.read(), field)

    def test_the_import_understands_each_name(self):
        names = {name for _, name, _, _ in rows() if name}
        self.assertLess({"is_spot", "git_user", "queue_name"}, names)
        resource = dict(told.RESOURCE, resource_name="r", queue_name="q", num_instances=1, cpu_only=True,
                        is_spot=True, regular_instance_rollback=True, spot_instance_blackout_period=5,
                        subnet_id="subnet-1", tags="a=b", ebs_snapshot_id="snap-1", enable_monitoring=True,
                        iam_arn="arn:aws:iam::123456789012:instance-profile/w", extra_configurations={})
        form = dict(told.HYPER, instance_name="n", exclude_bashrc=True, cloud_credentials_token="sEcReTkEy",
                    warn_more_than_one_executor=True, use_credentials_chain=False, tags="",
                    extra_vm_bash_script="echo", extra_clearml_conf="a: 1",
                    resource_configurations=[resource])
        self.assertLessEqual(names, set(form) | set(resource), "the form here has all of the table")
        _, remarks = self.bring(json.dumps(form), 1)
        self.assertFalse([r for r in remarks if "no such field" in r["sentence"]], remarks)

    def test_each_field_of_google_is_said(self):
        resource = dict(GCP_RESOURCE, resource_name="r", queue_name="q", num_instances=1)
        form = dict(GCP, git_user="bot", max_idle_time_min=15, resource_configurations=[resource])
        _, done = self.bring(json.dumps(form), 1)
        said = {re.sub(r".*[.]", "", line["field"]) for line in map(json.loads, done.stdout.splitlines())
                if "field" in line}
        self.assertLessEqual(set(GCP) | set(GCP_RESOURCE) | {"git_user", "max_idle_time_min"}, said)


if __name__ == "__main__":
    unittest.main()
