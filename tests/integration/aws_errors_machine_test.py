# SPDX-License-Identifier: Apache-2.0
"""What EC2 says of a token or of a single machine, and what is not concluded from it."""
import unittest

from aws_errors_world import Case, ErrorWorld


class Token(Case):
    def test_used_with_another_request(self):
        """It is looked up by its attempt's tag: what it had started is taken, and else it is sent again."""
        with ErrorWorld(["there", "not-there"]) as world:
            for case in world.cases:
                world.fault(case, code="IdempotentParameterMismatch", effect=case == "there")
            world.want(*world.cases)
            self.until(lambda: [row["state"] for row in world.rows()] == ["booting"] * 2, "both run")
            self.assertEqual(len(world.calls("there")), 1)
            self.assertEqual(len(world.calls("not-there")), 2)
            self.same_request(world.calls("not-there"))
            self.says(world, "this attempt's token was used with another request, and lists no machine")
            for case in world.cases:
                self.assertEqual(len(world.started(case)), 1)
                self.assertEqual(world.rows(case)[0]["instance_id"], world.started(case)[0]["id"])

    def test_what_it_started_has_ended(self):
        with ErrorWorld(["one"]) as world:
            world.fault("one", code="IdempotentInstanceTerminated")
            world.want("one")
            self.until(world.all_started, "it is started with a new token")
            first, second = world.calls()
            self.assertNotEqual(first.token, second.token)
            self.assertEqual(world.started("one")[0]["token"], second.token)
            self.says(world, "what this attempt had started has ended")


class NotFound(Case):
    def test_young_machines_may_lack_in_lists(self):
        with ErrorWorld(["one"], settings={"lag_s": 3600}) as world:
            world.want("one")
            self.until(lambda: [row["state"] for row in world.rows()] == ["booting"], "it runs")
            seen = len(world.calls(action="DescribeInstances"))
            self.until(lambda: len(world.calls(action="DescribeInstances")) >= seen + 6,
                       "lists, and questions by id, that do not know it")
            by_id = [call for call in world.calls(action="DescribeInstances")
                     if call.code == "InvalidInstanceID.NotFound"]
            self.assertGreater(len(by_id), 1)
            self.assertEqual([row["state"] for row in world.rows()], ["booting"])
            world.cloud.skip(3600)
            seen = len(world.calls(action="DescribeInstances"))
            self.until(lambda: len(world.calls(action="DescribeInstances")) >= seen + 2, "it is listed")
            self.assertEqual([row["state"] for row in world.rows()], ["booting"])
            self.assertEqual(world.cloud.launched, 1)
            self.assertNotIn("absent", world.log())

    def test_a_spot_request_may_lack_as_well(self):
        with ErrorWorld(["one", "two"], changes={"spot": True}) as world:
            rule = world.cloud.rule("DescribeSpotInstanceRequests", "error", times=None, message="not yet",
                                    code="InvalidSpotInstanceRequestID.NotFound")
            world.want("one")
            self.until(lambda: world.cloud.met(rule), "it is asked for")
            world.want("two")
            self.until(lambda: [row["state"] for row in world.rows()] == ["booting"] * 2, "lists go on")
            self.assertEqual(world.cloud.launched, 2)

    def test_an_older_one_has_ended_when_two_questions_say_so(self):
        visible_s = 3
        with ErrorWorld(["one"], {"launch_visible": "%ds" % visible_s}) as world:
            world.want("one")
            self.until(lambda: [row["state"] for row in world.rows()] == ["booting"], "it runs")
            call, one = world.calls()[0], world.started("one")[0]
            world.cloud.forget(one["id"])
            self.until(lambda: world.rows()[0]["state"] == "gone", "it is over")
            asked = [other for other in world.calls(action="DescribeInstances")
                     if other.code == "InvalidInstanceID.NotFound" and
                     other.came - call.answered >= visible_s - 0.1]
            self.assertGreaterEqual(len(asked), 2)
            self.assertIn("does not know it", world.rows()[0]["cause"])


class Ending(Case):
    """Machines that never register are ended after boot_timeout."""

    def world(self, **how):
        return ErrorWorld(["one"], changes={"boot_timeout": "1s", "max_machines": 1}, **how)

    def let_it_end(self, world):
        world.want("one")
        one = self.until(lambda: world.started("one"), "it runs")[0]
        world.api("tasks.dequeue", task=world.tasks[0])
        return one["id"]

    def ended(self, world, one):
        return [row["state"] for row in world.rows() if row["instance_id"] == one] == ["gone"]

    def test_not_found_is_no_end(self):
        """TerminateInstances does not know it, and the list does: it is ended until it has ended."""
        with self.world() as world:
            rule = world.cloud.rule("TerminateInstances", "error", times=2, message="no such id",
                                    code="InvalidInstanceID.NotFound")
            one = self.let_it_end(world)
            self.until(lambda: self.ended(world, one), "it has ended")
            self.assertEqual(world.cloud.met(rule), 2)
            self.assertEqual(world.cloud.instance(one)["state"], "terminated")
            self.assertNotIn("was not terminated", world.log())

    def test_an_id_that_ec2_has_forgotten_is_gone(self):
        with self.world(timing={"launch_visible": "100ms"}) as world:
            held = world.cloud.rule("TerminateInstances", "error", times=None, code="InternalError")
            one = self.let_it_end(world)
            self.until(lambda: world.cloud.met(held), "it is to end")
            world.cloud.forget(one)
            world.cloud.clear_rules()
            self.until(lambda: self.ended(world, one), "its row is over")
            self.says(world, "TerminateInstances: AWS failed, and whether it acted is unknown")

    def test_a_protected_one_is_told(self):
        with self.world() as world:
            rule = world.cloud.rule("TerminateInstances", "error", times=3, code="OperationNotPermitted",
                                    message="The instance may not be terminated.")
            one = self.let_it_end(world)
            self.until(lambda: world.cloud.met(rule) >= 2, "it is refused, and asked for again")
            self.assertIn(world.cloud.instance(one)["state"], ("pending", "running"))
            self.assertFalse(self.ended(world, one))
            self.says(world, "instance %s was not terminated" % one, "the machine is protected from "
                      "termination: switch its termination protection off")
            self.until(lambda: self.ended(world, one), "it ends once it may")
            self.assertEqual(world.cloud.instance(one)["state"], "terminated")


if __name__ == "__main__":
    unittest.main()
