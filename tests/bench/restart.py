# SPDX-License-Identifier: Apache-2.0
"""How fast an actor that was killed is replaced. Two figures: SIGCHLD to the successor's execve over
the smallest parent's (respawn.c), and death to READY over starting the same binaries by hand."""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import byhand
from procevents import EXEC, EXIT, FORK, ProcEvents

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from world import BIN, World  # noqa: E402

ACTORS = ["planner", "reaper", "ledger"]


class Recorder(threading.Thread):
    """Keeps every fork, exec and exit while it runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.source, self.kept, self.ended = ProcEvents(), [], False
        self.start()

    def run(self):
        while not self.ended:
            self.kept.extend(self.source.events(0.2))

    def stop(self):
        self.ended = True
        self.join()
        self.source.close()
        return self.kept


def exit_to_exec(events, parent):
    """For each child of parent that ended: ns until the next child of it was exec'd."""
    children, died, gaps = set(), None, []
    for what, ns, pid, other in events:
        if what == FORK and pid == parent:
            children.add(other)
        elif what == EXIT and pid in children and died is None:
            died = ns
        elif what == EXEC and pid in children and died is not None:
            gaps.append(ns - died)
            died = None
    return gaps


def floor_ns(rounds):
    recorder = Recorder()
    process = subprocess.Popen([os.path.join(BIN, "..", "tests", "bench_respawn"), str(rounds)])
    process.wait()
    return statistics.median(exit_to_exec(recorder.stop(), process.pid))


def kill_each(samples_exec, samples_ready):
    """One life of droverd; each actor is killed once (its first restart is the one at once)."""
    with World() as world:
        offset_ns = time.time_ns() - time.monotonic_ns()
        for actor in ACTORS:
            recorder = Recorder()
            pid = world.actor_pid(actor)
            seen = len(re.findall('"ready, process', world.log()))
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while len(re.findall('"ready, process', world.log())) == seen:
                if time.monotonic() > deadline:
                    raise RuntimeError("%s did not come back" % actor)
                time.sleep(0.01)
            events = recorder.stop()
            # SIGCHLD comes when the last thread has ended.
            died = max(ns for what, ns, _, process in events if what == EXIT and process == pid)
            born = {other for what, _, who, other in events
                    if what == FORK and who == world.droverd.pid}
            begun = next(ns for what, ns, who, _ in events
                         if what == EXEC and who in born and ns > died)
            line = [json.loads(text) for text in world.log().splitlines()
                    if '"ready, process' in text and '"actor":"%s"' % actor in text][-1]
            samples_exec.append(begun - died)
            samples_ready.setdefault(actor, []).append(line["t_us"] * 1000 - offset_ns - died)


def by_hand_ns(rounds):
    """exec to READY of a ledger beside a bus, both started by hand."""
    config = json.dumps({
        "deployment": "bench", "clearml": {"api_server": "http://127.0.0.1:1"},
        "accounts": [{"name": "local", "driver": "local"}],
        "machine_types": [{"name": "t", "account": "local"}],
        "queues": [{"name": "q", "types": ["t"]}]})
    samples = []
    with tempfile.TemporaryDirectory() as state:
        run_dir, token = os.path.join(state, "run"), byhand.token()
        bus, bus_line = byhand.start(os.path.join(BIN, "drover-bus"), "bus", byhand.token(), state,
                                     run_dir, config, [("ledger", token)])
        byhand.wait_ready(bus_line)
        for _ in range(rounds):
            begun = time.monotonic_ns()
            ledger, line = byhand.start(os.path.join(BIN, "drover-ledger"), "ledger", token, state,
                                        run_dir, config)
            byhand.wait_ready(line)
            samples.append(time.monotonic_ns() - begun)
            ledger.kill()
            ledger.wait()
            line.close()
        bus.kill()
        bus.wait()
    return statistics.median(samples)


def main():
    lives = 2 if "--quick" in sys.argv else 5
    execs, ready = [], {}
    for _ in range(lives):
        kill_each(execs, ready)
    floor, hand = floor_ns(50), by_hand_ns(10)
    value = statistics.median(execs)
    print(json.dumps({"name": "restart.exec", "value": round(value / 1e6, 3), "unit": "ms",
                      "floor": round(floor / 1e6, 3), "ratio": round(value / floor, 2),
                      "goal": "<= 3"}))
    value = statistics.median(ready["ledger"])
    print(json.dumps({"name": "restart.ready", "value": round(value / 1e6, 2), "unit": "ms",
                      "floor": round(hand / 1e6, 2), "ratio": round(value / hand, 2),
                      "goal": "<= 1.5"}))


if __name__ == "__main__":
    main()
