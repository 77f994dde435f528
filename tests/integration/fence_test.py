# SPDX-License-Identifier: Apache-2.0
"""A task that comes while its machine is being taken away (P14): between the drain flag and the end
of the agent. It must run, and run once, whatever the moment.

Some lanes run side by side; each is a queue with a machine type of its own. When a lane's machine has
been idle, its reaper flags it, and the lane enqueues a task within the window that this opens. The
machine that runs it is the next round's.

usage: fence_test.py [Fence | FenceForced | FenceOff]     DROVER_LONG=1: 200 rounds instead of 20
"""
import json
import os
import queue
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from holdproxy import HoldProxy  # noqa: E402
from world import World, eventually  # noqa: E402

POLL_S = 2         # how often guards look for their flag
INSIDE = 15 / 20   # of the rounds, those whose task came within the window
RECOVERED = 0.1    # of the rounds, those whose task may have needed to be put back: a goal
TASK_LIMIT_S = 120

# Moments at which a task comes.
AT_ONCE = "at once"   # as the flag is seen
EARLY = "early"       # at random, about as long as it takes the guard to look
LATE = "late"         # as the guard acts on the flag: often a moment too late for the window
RUNS = "runs"         # so early that it runs when the guard sees the flag
UNSTARTED = "unstarted"      # the agent took it, and its word that it starts hangs for long
UNSTARTED_LATE = "unstarted, late"  # and arrives when the agent is dead
UNANSWERED = "unanswered"    # the agent's look into the queue hangs, and the task is out of it
FORCED = (UNSTARTED, UNSTARTED_LATE, UNANSWERED)

# As if the boot data had been made without the fence: the guard does not look before it acts.
FENCE_OFF = """python3 - <<'END'
import json, os
path = os.path.expanduser("~/.drover/settings.json")
with open(path) as file:
    settings = json.load(file)
assert "fence_off" not in settings
settings["fence_off"] = True
with open(path, "w") as file:
    json.dump(settings, file)
END
"""


class Flags:
    """Watches the queues' metadata for drain flags: when each appeared."""

    def __init__(self, world):
        self.world, self.seen, self._end = world, {}, False
        self.appeared = {id: [] for id in world.queues.values()}  # queue -> [(time, instance), ...]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end:
            found = self.world.api("queues.get_all", id=list(self.appeared),
                                   only_fields=["id", "metadata"])["queues"]
            now = time.monotonic()
            there = {(row["id"], key[len("drover.drain."):]) for row in found
                     for key in row.get("metadata") or {} if key.startswith("drover.drain.")}
            for flag in there - set(self.seen):
                self.appeared[flag[0]].append((now, flag[1]))
            self.seen = {flag: self.seen.get(flag, now) for flag in there}
            time.sleep(0.04)

    def after(self, queue_id, moment):
        return next((flag for flag in self.appeared[queue_id] if flag[0] > moment), None)

    def stop(self):
        self._end = True
        self._thread.join()


class Lane(threading.Thread):
    def __init__(self, test, name, number):
        super().__init__(daemon=True)
        self.test, self.world, self.proxy = test, test.world, test.proxy
        self.name, self.number = name, number
        self.queue = self.world.queues[name]
        self.random = random.Random("%s %s" % (test.seed, name))
        self.error = None
        self.warmups = 0

    def run(self):
        try:
            self.warm_up()
            while True:
                self.round(self.test.rounds.get_nowait())
        except queue.Empty:
            pass
        except BaseException as error:  # told by the test's own thread
            self.error = error
            raise

    def warm_up(self):
        """A machine for the lane, by a task that is no round's."""
        self.warmups += 1
        name = "%s-warm-%d" % (self.name, self.warmups)
        task = self.world.create_task(name, seconds=0)
        self.world.enqueue(task, self.name)
        self.done(task)
        self.test.others.append(name)

    def done(self, task):
        eventually(lambda: self.world.status([task])[task] == "completed", TASK_LIMIT_S,
                   "task %s of lane %s completed" % (task, self.name))

    def flag(self, since):
        """The next drain flag on this lane's queue: (time, instance id)."""
        for _ in range(3):
            until = time.monotonic() + 60
            while time.monotonic() < until:
                flag = self.test.flags.after(self.queue, since)
                if flag:
                    return flag
                time.sleep(0.01)
            self.warm_up()  # its machine went meanwhile
            since = time.monotonic()
        raise AssertionError("no machine of lane %s is drained" % self.name)

    def is_look(self, call):
        """The guard's look for its flag; the agent asks for its queues too, but for other fields."""
        return (call.endpoint == "queues.get_all" and call.body.get("id") == [self.queue] and
                "metadata" in call.body.get("only_fields", []))

    def guard_saw(self, flag, since):
        return any(self.is_look(call) and call.came > since and
                   "drover.drain." + flag in json.dumps(call.data)
                   for call in list(self.proxy.calls)[-400:])

    def ack(self, instance, since):
        """When the guard said that nothing runs there any more; None if it refused."""
        key = "drover.ack." + instance
        for call in list(self.proxy.calls):
            if call.came > since and call.endpoint == "queues.add_or_update_metadata":
                for entry in call.body.get("metadata") or []:
                    if entry["key"] == key:
                        return call.came if entry["value"] == "done" else None
        return None

    def held(self, moment, task):
        """Holds up what the moment is about."""
        if moment == UNANSWERED:
            return self.proxy.hold(lambda call: call.endpoint == "queues.get_next_task" and
                                   (call.data.get("entry") or {}).get("task") == task, at="reply")
        return self.proxy.hold(lambda call: call.endpoint == "tasks.started" and
                               call.body.get("task") == task, late=moment == UNSTARTED_LATE)

    def round(self, moment):
        name = "%s-%d" % (self.name, self.test.number())
        task = self.world.create_task(name, seconds=1)
        since = time.monotonic()
        hold = None
        if moment in FORCED:
            hold = self.held(moment, task)
        look = None
        flagged, instance = self.flag(since)
        if moment in (EARLY, LATE) and self.test.behind():
            moment = AT_ONCE
        if moment in FORCED or moment == RUNS:
            look = self.proxy.hold(self.is_look, once=False)
        elif moment == AT_ONCE:
            pass
        elif moment == LATE:
            eventually(lambda: self.guard_saw(instance, flagged), 2 * POLL_S + 5,
                       "the guard sees its flag", 0.005)
            time.sleep(self.random.uniform(0, 0.1))
        else:
            time.sleep(self.random.uniform(0, 0.5 * POLL_S))
        began = time.monotonic()
        self.world.enqueue(task, self.name)
        enqueued = time.monotonic()
        if moment == RUNS:
            eventually(lambda: self.test.runs_of(name), 60, "%s runs" % name, 0.02)
        elif hold:
            eventually(hold.met.is_set, 30, "%s is taken by the agent" % name, 0.02)
        if look:
            self.proxy.end(look)
        if hold:
            # Longer than the guard waits for a quiet moment; then the agent is dead.
            hold.caller_gone.wait(25)
            self.proxy.end(hold)
        self.done(task)
        end = self.ack(instance, flagged)
        self.test.note(name, task, moment, flagged <= began and (end is None or enqueued < end),
                       end is None)


class Rounds(unittest.TestCase):
    lanes = 5
    slotted = None  # the lane whose machines have two agents
    types = {}
    moments = ()

    def setUp(self):
        self.seed = os.environ.get("DROVER_TEST_SEED") or str(random.randrange(1 << 32))
        self.lock, self.count = threading.Lock(), 0
        self.others, self.results = [], []
        self.rounds = queue.Queue()
        for moment in self.moments:
            self.rounds.put(moment)
        names = ["lane%d" % i for i in range(self.lanes)]
        self.proxy = HoldProxy(lambda: self.world.api_url)
        self.addCleanup(self.proxy.close)
        # Half the lanes have agents that look often, so that more tasks are taken by a machine that
        # is on its way out.
        often = ["CLEARML_AGENT_QUEUE_POLL_FREQ_SEC=1"]
        self.world = World(queues=names, config={
            "clearml": {"machine_api_server": self.proxy.url, "tick": "250ms"},
            "machine_types": [dict({"name": "type-" + name, "account": "local", "max_machines": 2,
                                    "idle_timeout": "1s", "environment": often if i % 2 else [],
                                    "slots": 2 if i == self.slotted else 1}, **self.types)
                              for i, name in enumerate(names)],
            "queues": [{"name": name, "types": ["type-" + name]} for name in names],
            "timing": {"drain_poll": "%ds" % POLL_S, "drain_grace": "30s", "workers_period": "1s",
                       "queue_reread": "1s", "popped_still": "5s", "orphan": "25s",
                       "kill_grace": "1s"}})
        print("seed %s" % self.seed, flush=True)

    def number(self):
        with self.lock:
            self.count += 1
            return self.count

    def behind(self):
        """Too few were inside the window so far."""
        with self.lock:
            return sum(result[3] for result in self.results) < (INSIDE + 0.1) * len(self.results)

    def note(self, name, task, moment, inside, refused):
        with self.lock:
            self.results.append((name, task, moment, inside, refused))
            print("  %-10s %-16s %-8s %s" % (name, moment, "inside" if inside else "outside",
                                             "refused" if refused else "ended"), flush=True)

    def runs_of(self, name):
        return [host for task, host in self.world.runs() if task == name]

    def play(self):
        """All rounds; what is left is a world without machines. (recovered, lost, twice)."""
        self.world.project()  # before the lanes would all make it
        self.flags = Flags(self.world)
        lanes = [Lane(self, "lane%d" % i, i) for i in range(self.lanes)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        self.flags.stop()
        errors = [lane.error for lane in lanes if lane.error]
        if errors:
            raise errors[0]
        eventually(lambda: not self.world.machine_processes(), 90, "the machines are gone", 0.5)
        rows = json.loads(self.world.drover("--json", "machines", "--all").stdout)["recoveries"]
        put_back = {row["task"] for row in rows if row["step"] == "done" and row["mode"] != "never"}
        status = self.world.status([task for _, task, *_ in self.results])
        recovered = [name for name, task, *_ in self.results if task in put_back]
        lost = [name for name, task, *_ in self.results
                if status[task] != "completed" or not self.runs_of(name)]
        twice = [name for name, *_ in self.results if len(self.runs_of(name)) > 1]
        self.assertEqual([name for name in self.others if len(self.runs_of(name)) != 1], [])
        return recovered, lost, twice

    def tell(self, title, recovered, lost, twice):
        inside = sum(result[3] for result in self.results)
        print("%s: %d rounds, %d inside the window, %d recovered, %d lost, %d run twice" % (
            title, len(self.results), inside, len(recovered), len(lost), len(twice)), flush=True)
        return inside


class Fence(Rounds):
    total = 200 if os.environ.get("DROVER_LONG") == "1" else 20
    slotted = 3
    # The forced one takes long and comes first.
    moments = [UNSTARTED, RUNS] + [LATE if i % 4 == 3 else EARLY for i in range(total - 2)]

    def test_a_task_that_comes_amid_a_drain_runs_once(self):
        with self.world:
            recovered, lost, twice = self.play()
            inside = self.tell("fence", recovered, lost, twice)
            self.assertEqual((lost, twice), ([], []))
            self.assertEqual(len(self.results), self.total)
            self.assertGreaterEqual(inside, INSIDE * self.total)
            self.assertLessEqual(len(recovered), RECOVERED * self.total)


class FenceForced(Rounds):
    """The agent dies with a task in its hands that nobody else knows of."""
    lanes = 3
    moments = FORCED

    def test_a_task_taken_by_an_agent_that_is_ended_runs_once(self):
        with self.world:
            recovered, lost, twice = self.play()
            self.tell("fence_forced", recovered, lost, twice)
            self.assertEqual((lost, twice), ([], []))
            self.assertEqual(len(recovered), len(FORCED))


class FenceOff(Rounds):
    """The same without the fence, to see that the test would see it."""
    lanes = 3
    types = {"init_script": FENCE_OFF}
    moments = [RUNS] * 3

    def test_without_the_fence_a_task_is_killed(self):
        with self.world:
            recovered, lost, twice = self.play()
            self.tell("fence_off", recovered, lost, twice)
            self.assertTrue(lost or twice, "the fence is off and nothing was lost or run twice")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"] + [word for word in sys.argv[1:] if word != "-v"])
