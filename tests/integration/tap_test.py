# SPDX-License-Identifier: Apache-2.0
"""A tap in a stranger's hands: examples/tap.py as it stands, and examples/tap.c compiled against an
installed tree with nothing but its public headers, hear every event of a run without a gap and hear
the same; one that never reads harms nobody."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from world import BIN, PYTHON, World, eventually

try:
    import zmq
except ImportError:  # the interpreter of the tests has it
    if PYTHON == sys.executable:
        print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        sys.exit(77)
    os.execv(PYTHON, [PYTHON] + sys.argv)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from busparent import BusParent  # noqa: E402

NEVER_READS = """
import sys, time, zmq
sub = zmq.Context().socket(zmq.SUB)
sub.setsockopt(zmq.RCVHWM, 1)
sub.subscribe("")
sub.connect(sys.argv[1])
time.sleep(600)
"""


class Tap:
    """A program that prints one line per event, until it is killed."""

    def __init__(self, argv, log, env=None):
        self.path = log
        with open(log, "w") as file:
            self.process = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT,
                                            env=dict(os.environ, **(env or {})))

    def lines(self):
        with open(self.path) as file:
            return [line.rstrip("\n") for line in file if line.endswith("\n")]

    def end(self):
        self.process.kill()
        self.process.wait()


def of_python(line):
    seq, kind, source, _ = line.split(" ", 3)
    return kind, source, int(seq)


def of_c(line):
    event = json.loads(line)
    return event["type"], event["source"], event["seq"]


def sequences(events):
    """{(type, source): [seq, ...]} in the order of arrival."""
    found = {}
    for kind, source, seq in events:
        found.setdefault((kind, source), []).append(seq)
    return found


def receive(tap):
    """The next message, or None when none comes."""
    try:
        return tap.recv_multipart()
    except zmq.Again:
        return None


class TapExamples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="drover-tap-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)

    def install(self):
        """tap.c, compiled as docs/bus.md says, with the installed headers and library only."""
        prefix = os.path.join(self.dir, "prefix")
        build = os.path.dirname(os.path.abspath(BIN))
        subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        pc = subprocess.run(["find", prefix, "-name", "drover.pc"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()[0]
        flags = subprocess.run(
            ["pkg-config", "--define-variable=prefix=" + prefix, "--cflags", "--libs", "drover"],
            check=True, text=True, stdout=subprocess.PIPE,
            env=dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc))).stdout.split()
        self.assertNotIn(os.path.abspath(ROOT), " ".join(flags))
        source = shutil.copy(os.path.join(ROOT, "examples", "tap.c"), self.dir)
        program = os.path.join(self.dir, "tap")
        subprocess.run(["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", source, *flags,
                        "-o", program], check=True, cwd=self.dir)
        lib = next(flag[2:] for flag in flags if flag.startswith("-L"))
        return program, {"LD_LIBRARY_PATH": lib}

    def test_the_python_one_has_at_most_15_lines(self):
        with open(os.path.join(ROOT, "examples", "tap.py")) as file:
            code = [line for line in file if line.strip() and not line.lstrip().startswith("#")]
        self.assertLessEqual(len(code), 15)
        print("\nexamples/tap.py: %d lines of code" % len(code))

    def test_both_hear_everything_and_the_same(self):
        program, env = self.install()
        with World() as world:
            endpoint = "ipc://%s/run/tap" % world.state_dir
            # server.changed comes once, soon after the start: it must not fall between the moments
            # at which the two subscribe.
            eventually(lambda: "the ClearML server answers" in world.log(), 20, "a server that answers")
            taps = [(Tap([PYTHON, os.path.join(ROOT, "examples", "tap.py"), endpoint],
                         os.path.join(self.dir, "python.out")), of_python),
                    (Tap([program, endpoint], os.path.join(self.dir, "c.out"), env), of_c)]
            lazy = subprocess.Popen([PYTHON, "-c", NEVER_READS, endpoint])
            try:
                for tap, _ in taps:
                    eventually(tap.lines, 20, "%s hears something" % tap.path)
                tasks = [world.create_task("task%d" % i) for i in range(4)]
                for i, task in enumerate(tasks):
                    world.enqueue(task, "gpu" if i == 3 else "cpu")
                eventually(lambda: world.all_completed(tasks), 120, "tasks completed")
                eventually(lambda: not world.machine_processes(), 60, "machines gone when idle")
                eventually(lambda: all('"gone"' in " ".join(tap.lines()).replace("'", '"')
                                       for tap, _ in taps), 20, "the taps hear that")
                time.sleep(1)
                self.assertIsNone(lazy.poll())
                self.compare([[read(line) for line in tap.lines()] for tap, read in taps])
            finally:
                for process in [tap for tap, _ in taps]:
                    process.end()
                lazy.kill()
                lazy.wait()

    def compare(self, heard):
        for events in heard:
            for topic, numbers in sequences(events).items():
                self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))),
                                 "a gap in %s of %s" % topic)
        python, c = map(sequences, heard)
        both = 0
        for topic in set(python) | set(c):
            p, q = python.get(topic, []), c.get(topic, [])
            # They subscribed and were read at different moments: between those, the same.
            first = max(p[0], q[0]) if p and q else 0
            last = min(p[-1], q[-1]) if p and q else 10**9
            common = [seq for seq in p if first <= seq <= last]
            self.assertEqual(common, [seq for seq in q if first <= seq <= last], topic)
            if topic[0].startswith(("machine", "attempt", "key")):  # begin with the run
                self.assertEqual((p[0], p), (1, q), topic)
            both += len(common)
        print("\n%d events heard by both, %s topics, no gap" % (both, len(python)))
        for kind in ("machine.changed", "attempt.changed", "key.changed", "boot.logged",
                     "plan.decided", "queues.observed", "workers.observed", "cloud.observed",
                     "log.line"):
            self.assertTrue(any(topic[0] == kind for topic in python), kind)
        self.assertGreater(both, 100)


class NeverReads(unittest.TestCase):
    EVENTS, BYTES, KEPT = 60000, 2000, 1000

    def test_its_backlog_is_bounded_and_others_hear_all(self):
        with BusParent(tap_hwm=self.KEPT) as parent:
            lazy = subprocess.Popen([PYTHON, "-c", NEVER_READS, "ipc://%s/tap" % parent.run_dir])
            try:
                self.flood(parent)
            finally:
                lazy.kill()
                lazy.wait()

    def flood(self, parent):
        taps = [parent.socket(zmq.SUB, "tap", None),
                parent.socket(zmq.SUB, "events.out", "planner")]
        watcher = parent.socket(zmq.PUB, "events.in", "watcher")
        self.await_subscriptions(taps, watcher)
        before = parent.bus.rss_kib()
        for number in range(self.EVENTS):
            watcher.send_multipart([b"queues.observed/watcher",
                                    b"%010d" % number + b"x" * self.BYTES])
            if number % 400 == 399:  # they read as fast as this one speaks
                for tap in taps:
                    for expected in range(number - 399, number + 1):
                        self.assertEqual(int(tap.recv_multipart()[1][:10]), expected, "a gap")
        grown = parent.bus.rss_kib() - before
        sent = self.EVENTS * self.BYTES // 1024
        print("\n%d KiB of events, %d events kept for a tap that never reads: the bus grew by "
              "%d KiB" % (sent, self.KEPT, grown))
        self.assertLess(grown, sent / 5)
        self.assertIn(("watcher", "queues.observed"), parent.counters(), "the bus answers")

    def await_subscriptions(self, taps, watcher):
        for tap in taps:
            tap.setsockopt(zmq.RCVTIMEO, 100)

        def hears(tap):
            watcher.send_multipart([b"queues.observed/watcher", b"hello"])
            return receive(tap)

        for tap in taps:
            eventually(lambda: hears(tap), 10, "subscribed", 0.05)
        time.sleep(2)  # the lazy one has been let in, too
        for tap in taps:
            while receive(tap):
                pass
            tap.setsockopt(zmq.RCVTIMEO, 10000)


if __name__ == "__main__":
    unittest.main()
