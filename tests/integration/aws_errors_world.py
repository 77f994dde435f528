# SPDX-License-Identifier: Apache-2.0
"""A whole droverd over an EC2 that breaks as it is told: a machine type and a queue for each case, so that
one world tries many codes at once. The instances are never anybody's machine: they only exist."""
import base64
import json
import unittest

from ec2_world import IMAGE, Ec2World, eventually

WAIT_S = 120  # an end of patience, no expectation: the hosts of these tests are slow and shared
FIRST, SECOND = "us-east-1a", "us-east-1b"
# Long enough that nothing happens twice in a test by chance, where a test does not shorten it.
LONG = {"account_hold": "10m", "capacity_hold": "1h", "quota_hold": "1h", "keys_reread": "200ms"}


class ErrorWorld(Ec2World):
    """cases: names; changes: over each one's type; timing, account: over those sections."""

    def __init__(self, cases, timing=None, account=None, env=None, settings=None, changes=None):
        self.cases, self.changes = list(cases), changes or {}
        self.timing = dict(LONG, **(timing or {}))
        self.account, self.tasks = account or {}, []
        super().__init__(queues=tuple(self.cases), env=env, host=False, settings=settings)

    def default_config(self):
        config = super().default_config()
        config["accounts"][0].update(self.account)
        config["machine_types"] = [dict({
            "name": case, "account": "cloud", "instance_type": "t3.medium", "ami_id": IMAGE,
            "availability_zones": [FIRST, SECOND], "tags": ["case=" + case], "max_machines": 4},
            **self.changes) for case in self.cases]
        config["queues"] = [{"name": case, "types": [case]} for case in self.cases]
        config["timing"].update(self.timing)
        return config

    def fault(self, case, fault="error", action="RunInstances", **how):
        """That call of the case's type meets the fault; the next time, unless `times` says more."""
        return self.cloud.rule(action, fault, where={"tag:case": case}, **how)

    def want(self, *cases):
        for case in cases:
            self.tasks.append(self.create_task("%s-%d" % (case, len(self.tasks))))
            self.enqueue(self.tasks[-1], case)

    def calls(self, case=None, action="RunInstances"):
        return [Call(entry) for entry in self.cloud.requests(action)
                if case is None or case_of(entry["params"]) == case]

    def started(self, case):
        return [one for one in self.cloud.instances() if one["tags"].get("case") == case]

    def all_started(self, cases=None, count=1):
        return all(len(self.started(case)) >= count for case in cases or self.cases)

    def rows(self, case=None):
        """The ledger's machines, those that ended too."""
        answer = json.loads(self.drover("--json", "machines", "--all").stdout)
        return [row for row in answer["machines"] if case in (None, row["type"])]

    def shown(self):
        """What a person can read: the log, and what the commands say."""
        return "\n".join([self.log()] + [self.drover(*words).stdout for words in (
            ("status",), ("machines", "--all"), ("queues",))])


def case_of(params):
    for spec in params.get("TagSpecifications", []):
        for tag in spec["Tags"]:
            if tag["Key"] == "case":
                return tag["Value"]
    return None


class Call:
    """A request as EC2 saw it."""

    def __init__(self, entry):
        params = entry["params"]
        self.number, self.status, self.code = entry["number"], entry["status"], entry["code"]
        self.access_key, self.account = entry["access_key"], entry["account"]
        self.came, self.seconds = entry["mono"], entry["seconds"]
        self.case, self.token = case_of(params), params.get("ClientToken")
        self.body = base64.b64decode(entry["body"])
        self.zone = params.get("Placement", {}).get("AvailabilityZone")
        self.count = params.get("MaxCount")

    @property
    def answered(self):
        return self.came + (self.seconds or 0)

    def __repr__(self):
        return "%s %s %s in %s, token %s, at %.3f" % (
            self.case, self.status, self.code, self.zone, (self.token or "")[-8:], self.came)


class Case(unittest.TestCase):
    maxDiff = None

    def until(self, condition, what):
        return eventually(condition, WAIT_S, what)

    def same_request(self, calls):
        """One token, and the same bytes: whatever was done, it is done once (P9, P10)."""
        self.assertEqual(len({call.token for call in calls}), 1, calls)
        self.assertEqual(len({call.body for call in calls}), 1, calls)

    def no_violations(self, world):
        self.assertEqual(world.cloud.violations, [])

    def says(self, world, *words):
        shown = world.shown()
        for part in words:
            self.assertIn(part, shown)

    def said_once(self, world, *words):
        """One line of the log holds all the words."""
        lines = [line for line in world.log().splitlines() if all(word in line for word in words)]
        self.assertEqual(len(lines), 1, "%s in %s" % (words, lines))
        return lines[0]


__all__ = ["ErrorWorld", "Call", "Case", "FIRST", "SECOND", "WAIT_S", "case_of"]
