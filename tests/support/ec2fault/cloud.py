# SPDX-License-Identifier: Apache-2.0
"""The instances and what becomes of them. One lock guards all; one thread does what is due."""
import datetime
import heapq
import itertools
import threading
import time

from . import instance as rows
from .settings import Settings

LIVE = ("pending", "running", "stopping", "stopped")


class Cloud:
    """sold: which zones sell a type (instance_type, region) -> zones; moto: a world.Moto."""

    def __init__(self, moto, settings=None):
        self.moto, self.settings = moto, settings or Settings()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.instances, self.spot, self.tokens = {}, {}, {}
        self.version, self.peak, self.ended = 0, 0, False
        self.capacity, self.quotas, self.zones, self.prices = {}, {}, {}, {}
        self.failures = []  # [how many are left, type or None, code, message, after_s]
        self.console, self.console_types = {}, set()
        self.subscribers = []
        self._live = 0
        self._frozen = None
        self._skipped, self._due, self._number = 0.0, [], itertools.count()
        threading.Thread(target=self._work, daemon=True).start()

    # ---- time ------------------------------------------------------------------------------------
    def now(self):
        """What the cloud's own waiting is measured by."""
        return (time.monotonic() if self._frozen is None else self._frozen) + self._skipped

    def wall(self):
        """The server's clock, in UNIX seconds."""
        return time.time() + self.settings.clock_offset_s

    def freeze(self, on):
        """now() moves by skip() alone, until it is let go again."""
        with self.lock:
            now = self.now()
            self._frozen = time.monotonic() if on else None
            self._skipped += now - self.now()
            self.changed.notify_all()

    def skip(self, seconds):
        with self.lock:
            self._skipped += seconds
            self.changed.notify_all()

    def at(self, delay, action):
        """Runs it after `delay` seconds of now(); at once if that is 0, never if it is None."""
        with self.lock:
            if delay == 0:
                action()
            elif delay is not None:
                heapq.heappush(self._due, (self.now() + delay, next(self._number), action))
                self.changed.notify_all()

    def _work(self):
        with self.lock:
            while not self.ended:
                while self._due and self._due[0][0] <= self.now():
                    heapq.heappop(self._due)[2]()
                moves = self._due and self._frozen is None
                self.changed.wait(self._due[0][0] - self.now() if moves else None)

    def end(self):
        with self.lock:
            self.ended = True
            self.changed.notify_all()

    # ---- states ----------------------------------------------------------------------------------
    def touch(self, one):
        self.version += 1
        one.version = self.version
        self.changed.notify_all()
        for function in self.subscribers:
            function(one)

    def move(self, one, state, code=None, message=""):
        with self.lock:
            counted = ("pending", "running")
            self._live += (state in counted) - (one.state in counted)
            self.peak = max(self.peak, self._live)
            one.state = state
            if code:
                one.state_reason = {"code": code, "message": message or code}
            elif state in counted:
                one.state_reason = None
            if code or state in ("shutting-down", "terminated", "stopping"):
                when = datetime.datetime.fromtimestamp(self.wall(), datetime.timezone.utc)
                one.transition = "%s (%s GMT)" % (
                    "User initiated" if (code or "").startswith("Client.User") else code or "Ended",
                    when.strftime("%Y-%m-%d %H:%M:%S"))
            one.life.append([time.time(), state, code])
            if state == "terminated":
                one.ended_at = self.now()
                for volume in one.volumes:
                    volume["state"] = "deleted" if volume["delete"] else "available"
            self.touch(one)

    def add(self, one):
        with self.lock:
            one.order = "%09d" % len(self.instances)
            self.instances[one.id] = one
            self.move(one, "pending")

    def start(self, one):
        """What follows a launch: it runs after pending_s, unless it is one that shall fail."""
        for failure in self.failures:
            if failure[0] > 0 and failure[1] in (None, one.type):
                failure[0] -= 1
                self.at(failure[4], lambda: self._from(one, ("pending",), lambda: self.move(
                    one, "terminated", failure[2], failure[3])))
                return
        self.at(self.settings.pending_s,
                lambda: self._from(one, ("pending",), lambda: self.move(one, "running")))

    @staticmethod
    def _from(one, states, action):
        if one.state in states:
            action()

    def begin_end(self, one, code, message):
        """Any live one is shutting down; finish_end() is to follow. A terminated one stays as it is."""
        with self.lock:
            if one.state in LIVE:
                self.move(one, "shutting-down", code, message)
                rows.spot_ended(self, one, code)

    def finish_end(self, one):
        self.at(self.settings.shutting_down_s, lambda: self._from(
            one, ("shutting-down",), lambda: self.move(one, "terminated")))

    def terminate(self, one, code, message):
        with self.lock:
            self.begin_end(one, code, message)
            self.finish_end(one)

    def stop(self, one, code, message):
        with self.lock:
            if one.state in ("pending", "running"):
                self.move(one, "stopping", code, message)
                self.at(self.settings.shutting_down_s, lambda: self._from(
                    one, ("stopping",), lambda: self.move(one, "stopped")))

    # ---- who sees what ---------------------------------------------------------------------------
    def visible(self, one):
        """Whether EC2 lists it by now, or still."""
        now = self.now()
        if one.forgotten or now < one.listed_from:
            return False
        return one.ended_at is None or now < one.ended_at + self.settings.terminated_visible_s

    def listed(self, account, region):
        """In the order of their launch."""
        return [one for one in self.instances.values()
                if one.account == account and one.region == region and self.visible(one)]

    def find(self, account, region, identity):
        """That instance, or None as long as EC2 does not know it."""
        one = self.instances.get(identity)
        if one is None or (one.account, one.region) != (account, region) or not self.visible(one):
            return None
        return one

    def tag(self, one, changes):
        """changes: {key: value, or None to remove it}; seen after tag_lag_s."""
        with self.lock:
            tags = dict(one.tags)
            for key, value in changes.items():
                tags.pop(key, None)
                if value is not None:
                    tags[key] = value
            one.tag_history.append((self.now() + self.settings.tag_lag_s, tags))
            self.touch(one)

    def wait(self, since, timeout):
        end = time.monotonic() + timeout
        with self.lock:
            while self.version <= since and not self.ended and time.monotonic() < end:
                self.changed.wait(end - time.monotonic())
            return self.version, [one for one in self.instances.values() if one.version > since]
