# SPDX-License-Identifier: Apache-2.0
"""Memory of all of Drover's processes together (PSS: shared pages split fairly) with five machines
known. The peer figure is ClearML's own autoscaler: 97 MB."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from world import World, eventually, processes  # noqa: E402

PEER_MB = 97


def pss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def main():
    config = {"machine_types": [{"name": "small", "account": "local", "idle_timeout": "10m"},
                                {"name": "big", "account": "local", "idle_timeout": "10m"}]}
    with World(config) as world:
        tasks = [world.create_task("task%d" % i, seconds=600) for i in range(5)]
        for task in tasks:
            world.enqueue(task, "cpu")
        eventually(lambda: len([w for w in world.workers().values() if w.get("task")]) == 5, 120,
                   "five machines work")
        pids = [world.droverd.pid] + [pid for pid, (parent, _) in processes().items()
                                      if parent == world.droverd.pid]
        total = sum(pss_kb(pid) for pid in pids) / 1024
    print(json.dumps({"name": "footprint", "value": round(total, 1), "unit": "MB",
                      "processes": len(pids), "peer": PEER_MB, "ratio": round(total / PEER_MB, 3),
                      "goal": "<= 40 MB"}))


if __name__ == "__main__":
    main()
