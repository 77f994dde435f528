# SPDX-License-Identifier: Apache-2.0
"""Every error code of EC2 against a running droverd: what is sent after it (when, with which token and
bytes, for which zone) is what its class demands, and its cause stands in words where a person looks."""
import unittest

from aws_errors_table import (BAD_REQUEST, CAPACITY, QUOTA, REFUSED, STALE, THROTTLED, UNKNOWN, UNSOLD)
from aws_errors_world import FIRST, SECOND, Case, ErrorWorld


class Throttled(Case):
    def test_each_code_is_the_same_request_later(self):
        statuses = {"status-429": 429, "status-509": 509}
        with ErrorWorld(list(THROTTLED) + list(statuses), {"throttle_hold": "200ms"}) as world:
            for code in THROTTLED:
                world.fault(code, code=code)
            for case, status in statuses.items():
                world.fault(case, "http", status=status)
            for case in world.cases:  # one refusal after the other would double the hold
                world.want(case)
                self.until(lambda: world.started(case), "it is started in the end")
                calls = world.calls(case)
                self.same_request(calls)
                self.assertEqual(len(calls), 2, calls)
                self.assertGreater(calls[1].came, calls[0].answered)
                self.assertEqual(len(world.started(case)), 1)
            self.says(world, *["%s (%s" % (BUSY_TODO, code) for code in THROTTLED],
                      "status 429 without a word of AWS", "status 509 without a word of AWS")
            self.no_violations(world)

    def test_the_whole_account_waits_as_long_as_it_is_told(self):
        with ErrorWorld(["first", "second", "third"]) as world:
            world.cloud.rule("RunInstances", "http", status=503, times=2, retry_after=6,
                             body=ERROR % "RequestLimitExceeded", content_type="text/xml")
            world.want("first")
            self.until(lambda: "no machine was started" in world.log(), "the first call's answer")
            world.want("second", "third")
            self.until(world.all_started, "each is started in the end")
            calls = world.calls()
            self.assertEqual([call.status for call in calls], [503, 503, 200, 200, 200], "one tries")
            for case in world.cases:
                self.same_request(world.calls(case))
            for before, after in zip(calls[:2], calls[1:3]):
                self.assertGreaterEqual(after.came - before.answered, 5.9)
            self.says(world, "EC2 takes no more calls of this account at present: it is tried again")


BUSY_TODO = "EC2 takes no more calls of this account at present: it is tried again more slowly"
ERROR = "<Response><Errors><Error><Code>%s</Code><Message>slower</Message></Error></Errors></Response>"


class Capacity(Case):
    def test_each_code_is_the_next_zone_and_a_new_token(self):
        codes = dict(CAPACITY, **UNSOLD)
        with ErrorWorld(codes) as world:
            for code in codes:
                world.fault(code, code=code)
            world.want(*codes)
            self.until(world.all_started, "each is started in the second zone")
            world.want(*codes)
            self.until(lambda: world.all_started(count=2), "a second one of each")
            for code, words in codes.items():
                calls = world.calls(code)
                self.assertEqual([call.zone for call in calls], [FIRST, SECOND, SECOND], code)
                self.assertEqual(len({call.token for call in calls}), 3, code)
                self.assertEqual([one["zone"] for one in world.started(code)], [SECOND, SECOND])
                self.says(world, words)
            self.no_violations(world)

    def test_a_zone_comes_back_after_its_hold_unless_it_does_not_sell(self):
        hold_s = 3
        cases = ["InsufficientInstanceCapacity", "Unsupported"]
        with ErrorWorld(cases, {"capacity_hold": "%ds" % hold_s}) as world:
            for case in cases:
                for zone in (FIRST, SECOND):
                    world.cloud.rule("RunInstances", "error", code=case if zone == FIRST else
                                     "InsufficientInstanceCapacity", message="no",
                                     where={"tag:case": case, "Placement.AvailabilityZone": zone})
            world.want(*cases)
            self.until(world.all_started, "each is started in the end")
            for case in cases:
                calls = world.calls(case)
                refused, last = calls[:2], calls[2]
                self.assertEqual([call.zone for call in refused], [FIRST, SECOND])
                before = refused[0 if last.zone == FIRST else 1]
                self.assertGreaterEqual(last.came - before.answered, hold_s - 0.1)
                self.assertEqual(len({call.token for call in calls}), 3)
            self.assertEqual(world.calls("InsufficientInstanceCapacity")[2].zone, FIRST)
            self.assertEqual(world.calls("Unsupported")[2].zone, SECOND, "the first sells none")
            self.said_once(world, "no room for machines of type Unsupported in any place")


class Quota(Case):
    def test_each_code_stops_its_type(self):
        with ErrorWorld(list(QUOTA) + ["free"]) as world:
            for code in QUOTA:
                world.fault(code, code=code)
            world.want(*QUOTA)
            self.until(lambda: all(world.calls(code) for code in QUOTA), "each was asked for")
            world.want(*QUOTA)
            world.want("free")
            self.until(lambda: world.all_started(["free"]), "another type goes on")
            log = self.until(lambda: all(words in world.log() for words in QUOTA.values()) and world.log(),
                             "each is told")
            for code, words in QUOTA.items():
                self.assertEqual(len(world.calls(code)), 1, code)
                self.assertEqual(world.started(code), [])
                told = self.said_once(world, "may have no more machines of type %s;" % code)
                self.assertIn(words, told)
            self.assertNotIn("of type free", log)

    def test_it_is_tried_again_after_the_hold(self):
        hold_s = 3
        with ErrorWorld(["VcpuLimitExceeded"], {"quota_hold": "%ds" % hold_s}) as world:
            world.fault("VcpuLimitExceeded", code="VcpuLimitExceeded")
            world.want("VcpuLimitExceeded")
            self.until(world.all_started, "it is started once the quota is raised")
            calls = world.calls()
            self.assertEqual(len(calls), 2)
            self.assertGreaterEqual(calls[1].came - calls[0].answered, hold_s - 0.1)
            self.assertNotEqual(calls[0].token, calls[1].token)

    def test_too_many_in_one_request_are_split(self):
        with ErrorWorld(["many"]) as world:
            world.stop_droverd()
            world.fault("many", code="ResourceCountExceeded")
            world.want(*["many"] * 4)
            world.start_droverd()
            self.until(lambda: sum(call.count for call in world.calls() if call.status == 200) == 4,
                       "all four are started")
            refused, others = world.calls()[0], world.calls()[1:]
            self.assertGreater(refused.count, 1)
            self.assertTrue(all(call.count <= refused.count // 2 for call in others), world.calls())
            self.assertNotIn(refused.token, [call.token for call in others])
            self.assertEqual(len(world.started("many")), 4)
            self.says(world, "more than one request may ask for: fewer are asked for at once")


class Refused(Case):
    def test_each_code_stops_the_account_until_it_is_gone(self):
        """The next code's machine is wanted while the account is stopped: it is the other one that
        must wait."""
        hold_s = 1
        codes = dict(REFUSED, **STALE)
        with ErrorWorld(codes, {"account_hold": "%ds" % hold_s}) as world:
            rules = {code: world.fault(code, code=code, times=2 if code in STALE else 1)
                     for code in codes}
            for code in codes:
                world.want(code)
                self.until(lambda: world.cloud.met(rules[code]), "%s was said" % code)
            self.until(world.all_started, "each is started in the end")
            self.check_calls(world, codes, hold_s)
            self.check_words(world, codes)
            self.no_violations(world)

    def check_calls(self, world, codes, hold_s):
        for code in codes:
            calls = world.calls(code)
            self.same_request(calls)
            self.assertEqual(len(calls), 3 if code in STALE else 2, "once more with keys fetched anew")
            self.assertEqual(len(world.started(code)), 1)
        calls = world.calls()
        for call in calls:
            if call.status == 200 or (call.code in STALE and call is world_first(calls, call)):
                continue
            later = [other.came for other in calls if other.came > call.answered]
            self.assertGreaterEqual(min(later) - call.answered, hold_s - 0.1, call)

    def check_words(self, world, codes):
        for code, words in codes.items():
            told = self.said_once(world, "account cloud is refused by the cloud", "(%s:" % code)
            self.assertIn(words, told)
        self.assertIn("account cloud is accepted by the cloud again", world.log())

    def test_it_is_told_once(self):
        hold_s = 1
        with ErrorWorld(["one", "two", "three"], {"account_hold": "%ds" % hold_s}) as world:
            world.cloud.rule("RunInstances", "error", code="AuthFailure", times=3)
            world.want("one")
            self.until(lambda: "account cloud is refused by the cloud" in world.log(), "it is told")
            world.want("two", "three")
            self.until(world.all_started, "each is started in the end")
            calls = world.calls()
            self.assertEqual([call.code for call in calls][:3], ["AuthFailure"] * 3)
            for again, (before, after) in enumerate(zip(calls[:3], calls[1:4])):
                self.assertGreaterEqual(after.came - before.answered, hold_s * 2 ** again - 0.1)
            self.said_once(world, "account cloud is refused by the cloud", "AuthFailure")

    def test_stale_ones_are_signed_anew_once(self):
        with ErrorWorld(STALE) as world:  # with an account_hold that no test sees the end of
            for code in STALE:
                world.fault(code, code=code)
            world.want(*STALE)
            self.until(world.all_started, "each is started at once")
            for code in STALE:
                self.assertEqual(len(world.calls(code)), 2)
                self.same_request(world.calls(code))
            self.assertNotIn("is refused by the cloud", world.log())


def world_first(calls, call):
    return next(other for other in calls if other.token == call.token)


class BadRequest(Case):
    def test_each_code_fails_the_machines_and_is_not_repeated(self):
        with ErrorWorld(list(BAD_REQUEST) + ["good"]) as world:
            for code, (message, _) in BAD_REQUEST.items():
                world.fault(code, code=code, message=message or code, times=None)
            world.want(*BAD_REQUEST)
            self.until(lambda: all(any(row["state"] == "failed" for row in world.rows(code))
                                   for code in BAD_REQUEST), "each machine fails")
            world.want("good")
            self.until(lambda: world.all_started(["good"]), "others are started")
            for code, (_, words) in BAD_REQUEST.items():
                self.assertEqual(len(world.calls(code)), 1, code)
                row, = world.rows(code)
                self.assertIn(words, row["cause"])
                told = self.said_once(world, "machines of type %s cannot be started as configured" % code)
                self.assertIn(words, told)
            self.no_violations(world)


class UnknownOutcome(Case):
    def test_each_is_the_same_request_until_there_is_an_answer(self):
        with ErrorWorld(UNKNOWN, account={"timeout": "4s"}) as world:
            for case, (fault, how, _) in UNKNOWN.items():
                world.fault(case, fault, **how)
            world.want(*UNKNOWN)
            self.until(lambda: all(world.calls(case)[-1:] and world.calls(case)[-1].status == 200 and
                                   len(world.calls(case)) > 1 for case in UNKNOWN), "each is answered")
            world.cloud.clear_rules()  # lets those act that were held
            self.until(lambda: all([row["state"] for row in world.rows(case)] == ["booting"]
                                   for case in UNKNOWN), "each has its machine")
            for case, (_, _, words) in UNKNOWN.items():
                self.same_request(world.calls(case))
                self.assertEqual(len(world.started(case)), 1, case)
                self.assertEqual(world.rows(case)[0]["instance_id"], world.started(case)[0]["id"])
                self.says(world, words)
            self.no_violations(world)


if __name__ == "__main__":
    unittest.main()
