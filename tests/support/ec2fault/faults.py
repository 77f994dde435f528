# SPDX-License-Identifier: Apache-2.0
"""The rules by which calls break, and EC2's own token buckets."""
import threading
import time

BEFORE = {"close_before", "http"}
KINDS = BEFORE | {"error", "garbage", "truncate", "close_after", "delay", "hang", "slow"}
HOW = {"error": {"code", "message", "status", "effect"}, "garbage": {"effect"},
       "http": {"status", "body", "content_type", "retry_after"}, "delay": {"seconds"},
       "slow": {"seconds"}, "hang": {"before", "late"}}


def _values(params, path):
    """What stands there: "tag:KEY" is a tag that the call puts on what it makes, else names with dots."""
    if path.startswith("tag:"):
        return {tag.get("Value", "") for spec in params.get("TagSpecifications", [])
                for tag in spec["Tags"] if tag["Key"] == path[4:]}
    for name in path.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return set(params) if isinstance(params, list) else {params}


class Rule:
    def __init__(self, number, action, fault, times, after, where, how):
        if fault not in KINDS:
            raise ValueError("no fault " + fault)
        if set(how) - HOW.get(fault, set()):
            raise ValueError("%s does not take %s" % (fault, sorted(set(how) - HOW.get(fault, set()))))
        self.number, self.action, self.fault = number, action, fault
        self.left, self.after, self.where, self.how = times, after, where or {}, how
        self.met = 0
        self.let_go = threading.Event()

    def fits(self, action, params):
        return self.action in ("*", action) and all(
            value in _values(params, path) for path, value in self.where.items())

    def acts_first(self):
        """Whether the call has its effect before the fault shows."""
        if self.fault in ("error", "garbage"):
            return bool(self.how.get("effect"))
        if self.fault == "hang":
            return not self.how.get("before")
        return self.fault not in BEFORE


class Rules:
    def __init__(self):
        self._rules, self._number = {}, 0
        self._changed = threading.Condition()

    def add(self, action, fault, times, after, where, how):
        with self._changed:
            self._number += 1
            self._rules[self._number] = Rule(self._number, action, fault, times, after, where, how)
            return self._number

    def take(self, action, params):
        """The rule that this call meets, or None."""
        with self._changed:
            for rule in self._rules.values():
                if rule.left == 0 or not rule.fits(action, params):
                    continue
                if rule.after > 0:
                    rule.after -= 1
                    continue
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None

    def meet(self, rule):
        """Counts a call that took it: the call has had its effect, if it has one before the fault."""
        with self._changed:
            rule.met += 1
            self._changed.notify_all()

    def met(self, number):
        return self._rules[number].met

    def wait_met(self, number, count, timeout):
        with self._changed:
            self._changed.wait_for(lambda: self._rules[number].met >= count, timeout)
            return self._rules[number].met

    def release(self, number):
        self._rules[number].let_go.set()

    def clear(self, number=None):
        """No more calls meet it; those it holds go on."""
        with self._changed:
            for rule in [self._rules[number]] if number else self._rules.values():
                rule.left = 0
                rule.let_go.set()


# Request buckets (size, refill per second) and resource buckets, as EC2's developer guide has them.
_REQUESTS = {"RunInstances": (5, 2), "StartInstances": (5, 2), "TerminateInstances": (100, 5),
             "CreateTags": (100, 10), "DeleteTags": (100, 10)}
_RESOURCES = {"RunInstances": (1000, 2), "StartInstances": (1000, 2), "TerminateInstances": (1000, 20),
              "StopInstances": (1000, 20)}


def _rates(action, params):
    """[(bucket, size, refill, price of this call)]"""
    if action in _REQUESTS:
        size, refill = _REQUESTS[action]
    elif action.startswith(("Describe", "Get")):
        narrow = any(params.get(name) for name in ("Filters", "MaxResults", "NextToken")) or any(
            name.endswith("Ids") for name in params)
        size, refill = (100, 20) if narrow else (50, 10)
        action += "" if narrow else " of all"
    else:
        size, refill = 50, 5
    rows = [(action, size, refill, 1)]
    if action in _RESOURCES:
        many = params.get("MaxCount") or len(params.get("InstanceIds", []))
        rows.append((action + " resources", *_RESOURCES[action], many))
    return rows


class Buckets:
    def __init__(self, clock=time.monotonic):
        self._clock, self._lock, self._tokens = clock, threading.Lock(), {}

    def take(self, account, region, action, params):
        """False: this call is one too many."""
        now, rows = self._clock(), _rates(action, params)
        with self._lock:
            full = []
            for name, size, refill, price in rows:
                key = (account, region, name)
                had, since = self._tokens.get(key, (size, now))
                have = min(size, had + (now - since) * refill)
                full.append((key, have, price))
            if any(have < price for _, have, price in full):
                return False
            for key, have, price in full:
                self._tokens[key] = (have - price, now)
        return True
