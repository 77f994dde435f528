#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/img/dashboard.png and dashboard-dark.png: a real Drover, its agents and a ClearML server live
through ten minutes in which every state comes up, and a browser looks at the overview. Only the prices are
made up: the machines are processes of this host (the local driver).

  DROVER_BIN=build/dev/bin DROVER_TEST_PYTHON=.cache/tests/bin/python \\
    tests/browser/picture.py [--out DIR] [--quick]
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from gateway_world import free_port  # noqa: E402
from sdk_agent_world import SdkWorld, machine_type  # noqa: E402
from world import eventually  # noqa: E402

TASK = """
import os, time
while not os.path.exists({gate!r}):
    time.sleep(1)
"""
BOOT = 'for i in $(seq 1000); do [ -e %s ] && break; echo "unpacking part $i"; sleep 1; done'
SERVES = {"training": "v100", "eval": "a10", "reports": "cpu-32"}
TYPES = {"v100": (3.06, 3), "a10": (1.006, 4), "cpu-32": (1.36, 2)}


class Scene(SdkWorld):
    def __init__(self, quick):
        super().__init__(queues=tuple(SERVES))
        self.port, self.pace, self.tasks = free_port(), 0.1 if quick else 1, {}

    def gate(self, name):
        return os.path.join(self.dir, "gate-" + name)

    def write_config(self, config=None):
        super().write_config({
            "deployment": "lab",
            "accounts": [self.account()],
            "budget": {"per_hour": 20, "per_day": 400, "per_month": 12000},
            "machine_types": [
                machine_type(name, max_machines=most, price_per_hour=price, idle_timeout="30m",
                             init_script=BOOT % self.gate("boot-" + name))
                for name, (price, most) in TYPES.items()],
            "queues": [{"name": name, "types": [type]} for name, type in SERVES.items()],
            "gateway": {"listen": "127.0.0.1:%d" % self.port},
        })

    # ---- what happens ----------------------------------------------------------------------------
    def add(self, queue, *names):
        for name in names:
            self.tasks[name] = self.create_task(name, TASK.format(gate=self.gate(name)))
            self.enqueue(self.tasks[name], queue)

    def open(self, *names):
        for name in names:
            open(self.gate(name), "w").close()

    def machines(self):
        done = self.drover("--json", "machines")
        return json.loads(done.stdout)["machines"] if done.stdout else []

    def until(self, what, type, **counts):
        """Until so many machines of this type are in these states; idle and running are parts of up."""
        def now():
            rows = [m for m in self.machines() if m["type"] == type]
            seen = [("idle" if m["idle_since_us"] else "running") if m["state"] == "up" else m["state"]
                    for m in rows]
            return all(seen.count(state) == n for state, n in counts.items())
        eventually(now, 240, what, every_s=1)

    def passes(self, seconds):
        """The picture shows time that went by: nothing is awaited here."""
        time.sleep(seconds * self.pace)

    def live(self):
        self.open("boot-a10")
        self.add("eval", "eval-resnet50", "eval-whisper")
        self.until("two evaluations run", "a10", running=2)
        self.add("training", "train-lungs", "train-brain")
        self.passes(60)
        self.open("boot-v100")
        self.until("two trainings run", "v100", running=2)
        self.passes(60)
        self.add("eval", "eval-bert", "eval-lora")
        self.until("four evaluations run", "a10", running=4)
        self.passes(90)
        self.add("training", "train-heart")
        self.until("three trainings run", "v100", running=3)
        self.passes(120)
        self.open("eval-resnet50")
        self.until("one is idle", "a10", running=3, idle=1)
        self.passes(60)
        self.open("eval-lora")
        self.until("two are idle", "a10", running=2, idle=2)
        self.passes(60)
        self.ends()

    def ends(self):
        """The last minute, which the lines of activity tell."""
        self.add("reports", "report-november")
        self.until("the report's machine boots", "cpu-32", booting=1)
        self.add("training", "train-liver", "train-spine")
        self.passes(20)
        runs = next(m for m in self.machines() if m["type"] == "a10" and not m["idle_since_us"])
        done = self.drover("drain", runs["instance_id"])
        assert done.returncode == 0, done.stderr
        self.until("one drains", "a10", running=1, idle=2, draining=1)
        eventually(lambda: "may have 3" in self.drover("queues").stdout, 60, "training says why it waits")
        self.passes(12)

    def enter(self, out):
        path = pathlib.Path(self.state_dir, "run", "login")
        eventually(path.exists, 30, "the way into the dashboard")
        words = ["node", str(HERE / "picture.mjs"), path.read_text().strip(), out]
        self.browser = subprocess.Popen(words, stdin=subprocess.PIPE)

    def look(self):
        self.browser.communicate(b"now\n", 60)
        assert self.browser.returncode == 0, "the browser"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=str(HERE.parents[1] / "docs/img"))
    parser.add_argument("--quick", action="store_true", help="a tenth of the time: to see that it works")
    options = parser.parse_args()
    with Scene(options.quick) as scene:
        scene.enter(options.out)
        scene.live()
        scene.look()
        for name in list(scene.tasks) + ["boot-cpu-32"]:
            scene.open(name)


if __name__ == "__main__":
    main()
