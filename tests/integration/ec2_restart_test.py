# SPDX-License-Identifier: Apache-2.0
"""Whoever dies, and whatever EC2's answers get lost: a batch of three is three instances, each bound to
its row, each request of an attempt with the same token and the same bytes, no token in two zones. And
what a list of EC2 may not do: end what it hides, adopt what is bound, speak for another account."""
import base64
import contextlib
import json
import os
import signal
import unittest

from ec2_world import ACCESS_KEY, IMAGE, SECRET_KEY, Ec2World, eventually

ZONES = ["us-east-1a", "us-east-1b"]
NO_INSTANCES = ('<?xml version="1.0" encoding="UTF-8"?><DescribeInstancesResponse '
                'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
                "<reservationSet/></DescribeInstancesResponse>")


class Batch(Ec2World):
    """`size` tasks, one type of as many machines, and nothing on the instances. crash: points of
    DROVER_CRASH_AT that fire once each; timing: more of the rules' durations."""

    def __init__(self, crash=(), timing=None, size=3, **settings):
        super().__init__(queues=("cpu",), host=False, settings=dict({"pending_s": 0.5}, **settings))
        self.timing, self.size = timing or {}, size
        self.marks = [os.path.join(self.dir, point.replace(":", "-")) for point in crash]
        self.env["DROVER_CRASH_AT"] = ",".join("%s@%s" % pair for pair in zip(crash, self.marks))

    def default_config(self):
        config = super().default_config()
        config["machine_types"] = [{
            "name": "small", "account": "cloud", "ami_id": IMAGE, "instance_type": "t3.medium",
            "availability_zones": ZONES, "max_machines": self.size, "idle_timeout": "60s"}]
        config["queues"] = [{"name": "cpu", "types": ["small"]}]
        config["timing"].update({"orphan": "1h"}, **self.timing)
        config["supervisor"] = {"backoff_max": "200ms"}
        return config

    def enqueue_all(self):
        """In one call: whoever looks sees all of them or none."""
        tasks = [self.create_task("task%d" % i) for i in range(self.size)]
        self.api("tasks.enqueue_many", ids=tasks, queue=self.queues["cpu"])

    def rows(self, *states):
        done = self.drover("--json", "machines", "--all")
        if done.returncode != 0:  # the ledger is being started
            return []
        rows = json.loads(done.stdout)["machines"]
        return [row for row in rows if not states or row["state"] in states]

    def bound(self):
        return {row["instance_id"]: row for row in self.rows() if row["instance_id"]}

    def settled(self):
        """All rows are bound and carry their tags; nothing is left of other attempts."""
        bound = self.bound()
        return len(bound) == self.size and len(self.rows("wanted", "launching")) == 0 and all(
            self.cloud.instance(id)["tags"].get("drover-machine") == row["id"]
            for id, row in bound.items()) and bound

    def kill_provisioner(self):
        pid = eventually(lambda: self.actor_pid("provisioner"), 30, "the provisioner runs")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.actor_pid("provisioner") not in (None, pid), 30, "another one runs", 0.02)

    def lists_more(self, count=2):
        """Waits until `count` more lists were answered."""
        before = len(self.cloud.requests("DescribeInstances"))
        eventually(lambda: len(self.cloud.requests("DescribeInstances")) >= before + count, 60,
                   "%d more lists" % count)

    def launch_here(self, **tags):
        """An instance that somebody else started, with these tags."""
        answer = self.client().run_instances(
            ImageId=IMAGE, InstanceType="t3.medium", MinCount=1, MaxCount=1, TagSpecifications=[{
                "ResourceType": "instance",
                "Tags": [{"Key": "drover-" + key, "Value": value} for key, value in tags.items()]}])
        return answer["Instances"][0]["InstanceId"]


class Case(unittest.TestCase):
    def promise(self, world, timeout_s=60):
        """No instance too many ever, each bound; tokens and bytes as P9 to P11 have them."""
        bound = eventually(world.settled, timeout_s, "each row is bound to a tagged instance")
        world.lists_more()
        self.assertEqual(world.cloud.launched, world.size)
        self.assertEqual(len(world.live()), world.size)
        self.assertEqual({i["id"] for i in world.live()}, set(bound))
        self.assertFalse([row for row in world.rows() if row["adopted"]], "nothing is adopted")
        self.assertEqual(len(world.rows()), world.size, "no row too many")
        self.assertEqual(world.cloud.violations, [])
        self.same_bytes(world)
        missing = [mark for mark in world.marks if not os.path.exists(mark)]
        self.assertEqual(missing, [], "crash points that were never reached")
        return bound

    def same_bytes(self, world):
        bodies, zones = {}, {}
        for request in world.cloud.requests("RunInstances"):
            token = request["params"].get("ClientToken")
            self.assertTrue(token)
            bodies.setdefault(token, set()).add(base64.b64decode(request["body"]))
            zones.setdefault(token, set()).add(request["params"]["Placement"]["AvailabilityZone"])
        for token in bodies:
            self.assertEqual(len(bodies[token]), 1, "token %s went out with different bytes" % token)
            self.assertEqual(len(zones[token]), 1, "token %s went to %s" % (token, zones[token]))
        for instance in world.instances():
            self.assertEqual(instance["tags"]["drover-attempt"], instance["token"])
        return bodies


    def one_attempt_each(self, world):
        """No row had a second attempt. How many rows share one is a matter of how close together their
        events came, so it is not counted."""
        sizes = {request["params"]["ClientToken"]: int(request["params"]["MaxCount"])
                 for request in world.cloud.requests("RunInstances")}
        self.assertEqual(sum(sizes.values()), world.size, "rows of all attempts: %s" % sizes)

    def sent_again(self, world):
        requests = world.cloud.requests("RunInstances")
        return len(requests) > len({request["params"]["ClientToken"] for request in requests})


class Crash(Case):
    POINTS = ("attempt.open.uncommitted:1", "attempt.open:1", "attempt.commit.uncommitted:1",
              "attempt.commit:1", "after-commit:1", "in-launch:1", "after-launch:1",
              "attempt.close.uncommitted:1", "attempt.close:1")

    def test_each_point(self):
        for point in self.POINTS:
            with self.subTest(point), Batch(crash=[point]) as world:
                world.enqueue_all()
                self.promise(world)

    def test_all_points_in_one_life(self):
        """And the first zone has room for one only: the others take a second attempt elsewhere."""
        with Batch(crash=self.POINTS) as world:
            world.cloud.capacity(1, "t3.medium", ZONES[0])
            world.enqueue_all()
            self.promise(world)
            self.assertEqual(sorted(i["zone"] for i in world.instances()),
                             [ZONES[0], ZONES[1], ZONES[1]])

    def test_no_room_in_the_first_zone(self):
        """The attempt of the second zone has a token of its own, also after a kill."""
        with Batch(crash=["after-commit:2"]) as world:
            world.cloud.capacity(0, "t3.medium", ZONES[0])
            world.enqueue_all()
            self.promise(world)
            self.assertEqual({i["zone"] for i in world.instances()}, {ZONES[1]})
            self.assertGreaterEqual(len(self.same_bytes(world)), 2)


class Lost(Case):
    FAULTS = {
        "the connection closes after it acted": ("close_after", {}),
        "half the answer": ("truncate", {}),
        "no XML": ("garbage", {"effect": True}),
        "an error that acted": ("error", {"code": "InternalError", "effect": True}),
        "503 from something between": ("http", {"status": 503}),
        "never an answer": ("hang", {}),
        "an answer that is too slow": ("slow", {"seconds": 12}),
    }

    def test_lost_replies(self):
        for words, (fault, how) in self.FAULTS.items():
            with self.subTest(words), Batch() as world:
                rule = world.cloud.rule("RunInstances", fault, times=2, **how)
                world.enqueue_all()
                self.promise(world)
                self.assertEqual(world.cloud.met(rule), 2)
                self.one_attempt_each(world)

    def held(self, before):
        """A request hangs at EC2, the provisioner dies, its successor asks; then the first goes on."""
        with Batch() as world:
            rule = world.cloud.rule("RunInstances", "hang", before=before, late=True)
            world.enqueue_all()
            self.assertEqual(world.cloud.wait_met(rule), 1)
            world.kill_provisioner()
            eventually(lambda: self.sent_again(world), 30, "it is asked again")
            world.cloud.release(rule)
            self.promise(world)
            self.one_attempt_each(world)

    def test_killed_while_the_answer_is_on_its_way(self):
        self.held(before=False)

    def test_killed_while_the_request_is_on_its_way(self):
        self.held(before=True)

    def test_everything_at_once(self):
        with Batch(crash=["after-commit:1", "attempt.close.uncommitted:1"], lag_s=2) as world:
            world.cloud.capacity(2, "t3.medium", ZONES[0])
            world.cloud.rule("RunInstances", "close_after", times=2)
            world.cloud.rule("*", "close_before", times=5, after=7)
            world.enqueue_all()
            self.promise(world)


class Lag(Case):
    def test_lists_lag_and_everybody_is_restarted(self):
        """For five seconds EC2's lists, and the look by id, lack what it has started: so few that
        nobody could call the list a lie."""
        with Batch(crash=["after-launch:1"], size=2, lag_s=5, tag_lag_s=3) as world:
            world.enqueue_all()
            eventually(lambda: len(world.bound()) == 2, 30, "the rows are bound")
            world.kill_provisioner()
            world.lists_more()
            self.assertFalse(world.rows("gone", "absent", "terminating", "draining"))
            bound = self.promise(world, timeout_s=90)
            world.kill_provisioner()
            world.lists_more(3)
            self.assertEqual(self.promise(world).keys(), bound.keys())
            self.assertFalse(world.rows("gone", "absent", "terminating", "draining"))
            self.assertEqual(world.cloud.requests("TerminateInstances"), [])


class Lies(Case):
    def nothing_ends(self, world, bound, said, lists=4):
        world.lists_more(lists)
        eventually(lambda: said in world.log(), 30, "a person is told: " + said)
        self.assertEqual(world.cloud.requests("TerminateInstances"), [])
        now = world.bound()
        self.assertEqual(now.keys(), bound.keys())
        self.assertFalse([r for r in now.values() if r["state"] in ("gone", "terminating", "draining")])
        self.assertEqual(world.cloud.launched, world.size, "and nothing is started in its place")

    def test_an_empty_list(self):
        """200, well-formed, complete, and a lie."""
        with Batch(timing={"launch_visible": "1s"}) as world:
            world.enqueue_all()
            bound = self.promise(world)
            rule = world.cloud.rule("DescribeInstances", "http", times=None, status=200,
                                    content_type="text/xml;charset=UTF-8", body=NO_INSTANCES)
            self.nothing_ends(world, bound, "the list is not believed", lists=12)
            world.cloud.clear_rule(rule)
            self.promise(world)

    def test_keys_of_another_account(self):
        with Batch(timing={"launch_visible": "1s"}) as world:
            world.enqueue_all()
            bound = self.promise(world)
            world.cloud.add_key("AKIDANOTHER", "another", account="999999999999")
            world.credentials_file(access_key_id="AKIDANOTHER", secret_access_key="another")
            world.kill_provisioner()
            eventually(lambda: "AWS account 999999999999" in world.log(), 30, "the other account answers")
            self.nothing_ends(world, bound, "aws:123456789012:us-east-1")
            self.assertIn("aws:999999999999:us-east-1", world.log())
            world.credentials_file(access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY)
            world.kill_provisioner()
            self.promise(world)


class Strangers(Case):
    def test_a_leak_is_adopted_and_ended(self):
        with Batch() as world:
            leak = world.launch_here(deployment="test", attempt="aforgotten")
            row = eventually(lambda: world.bound().get(leak), 30, "it has a row")
            self.assertTrue(row["adopted"])
            eventually(lambda: world.cloud.instance(leak)["state"] == "terminated", 90, "it is ended")
            eventually(lambda: world.rows("gone"), 30, "the row knows")
            self.assertEqual(len(world.rows()), 1)
            world.enqueue_all()  # and it is in nobody's way
            eventually(world.rows, 30, "machines are wanted")
            eventually(lambda: len(world.live()) == 3, 30, "they start")

    def test_another_deployments_is_left_alone(self):
        with Batch() as world:
            other = world.launch_here(deployment="test2", attempt="aforgotten")
            world.lists_more(3)
            self.assertEqual(world.rows(), [])
            self.assertEqual(world.cloud.instance(other)["state"], "running")

    def test_another_ledgers_stops_all_ending(self):
        with Batch() as world:
            world.enqueue_all()
            bound = self.promise(world)
            other = world.launch_here(deployment="test", attempt="aother", ledger="lother")
            eventually(lambda: "another ledger's id" in world.drover("status").stdout, 30, "it is told")
            self.assertIn(other, world.log())
            leak = world.launch_here(deployment="test", attempt="aforgotten")
            with open(world.config_path) as file:
                config = json.load(file)
            config["machine_types"][0]["boot_timeout"] = "1s"  # by now each of them is late
            world.write_config(config)
            world.droverd.send_signal(signal.SIGHUP)
            eventually(lambda: world.log().count("the ledger did not drain the machine") >= 3, 30,
                       "their end is asked for, and refused")
            world.lists_more(6)
            self.assertEqual(world.cloud.requests("TerminateInstances"), [])
            for instance in [other, leak, *bound]:
                self.assertEqual(world.cloud.instance(instance)["state"], "running")


class Key(Case):
    def test_the_key_file_is_replaced(self):
        """The committed body cannot be opened any more: what carries the attempt's id is ended, and the
        attempt stays open as long as EC2 would honour its token."""
        with Batch() as world:
            rule = world.cloud.rule("RunInstances", "hang", times=None)
            world.enqueue_all()
            eventually(lambda: len(world.live()) == 3, 30, "all are started, and nobody was answered")
            world.droverd.kill()
            world.droverd.wait()
            sent = len(world.cloud.requests("RunInstances"))
            os.unlink(os.path.join(world.state_dir, "provisioner-cloud.key"))
            world.cloud.clear_rule(rule)
            world.start_droverd()
            eventually(lambda: not world.live(), 60, "what carries its id is ended")
            world.lists_more(3)
            self.assertEqual(world.cloud.launched, 3, "nothing is sent again, nothing in its place")
            self.assertEqual(len(world.cloud.requests("RunInstances")), sent)
            self.assertEqual([row["state"] for row in world.rows()], ["launching"] * 3)
            attempts = json.loads(world.drover("--json", "machines", "--all").stdout)["attempts"]
            self.assertEqual({a["state"] for a in attempts}, {"committed"})
            self.assertIn("cannot be opened", world.log())


if __name__ == "__main__":
    unittest.main()
