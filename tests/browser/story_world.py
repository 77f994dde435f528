# SPDX-License-Identifier: Apache-2.0
"""The world of story.mjs: a ClearML server, Drover with its gateway, genuine agents and the genuine SDK.
It is asked over its stdin, one JSON list [operation, arguments] a line, and answers one JSON line each.
What it says of the flock comes from the server's API and from the command line, never from the gateway."""
import json
import os
import signal
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway_world import free_port  # noqa: E402
from sdk_agent_world import SdkWorld, machine_type, needed  # noqa: E402
from world import eventually  # noqa: E402

PHASES = {"wanted": "waiting", "launching": "booting", "booting": "booting", "draining": "draining",
          "terminating": "draining", "absent": "draining", "failed": "failed"}
# A task that goes on until the test lets it end, and tells its progress as people's tasks do.
TRAIN = """
import os, time
from clearml import Task
task = Task.init()
step = 0
while not os.path.exists({gate!r}):
    task.get_logger().report_scalar("loss", "train", value=1 / (1 + step), iteration=step)
    print("step", step, flush=True)
    step += 1
    time.sleep(0.5)
"""
ENQUEUE = """
ids = []
for name in ARGS["names"]:
    task = create(name, ARGS["code"][name], project=ARGS["project"])
    Task.enqueue(task, queue_name=ARGS["queue"])
    ids.append(task.id)
done(ids)
"""


def phase(row):
    if row["state"] == "up":
        return "idle" if row["idle_since_us"] else "running"
    return PHASES.get(row["state"], "ended")


class StoryWorld(SdkWorld):
    def __init__(self, types, queues):
        super().__init__(queues=tuple(queues))
        self.port, self.types, self.serves = free_port(), types, queues

    def gate(self, name):
        return os.path.join(self.dir, "gate-" + name)

    def write_config(self, config=None):
        """As a person would write it; machines wait at a gate of the test while they boot."""
        boot = "for i in $(seq 1000); do [ -e %s ] && break; echo \"unpacking part $i\"; sleep 0.3; done\n"
        super().write_config()
        text = {
            "deployment": "lab", "state_dir": self.state_dir,
            "clearml": {"api_server": self.api_url, "files_server": self.files_url,
                        "credentials_file": os.path.join(self.dir, "clearml.yaml"), "tick": "500ms"},
            "budget": {"per_hour": 12, "per_day": 200, "per_month": 4000},
            "accounts": [self.account()],
            "machine_types": [machine_type(name, init_script=boot % self.gate(name), **more)
                              for name, more in self.types.items()],
            "queues": [{"name": name, "types": types} for name, types in self.serves.items()],
            "timing": {"workers_period": "1s", "queue_reread": "2s", "drain_poll": "1s",
                       "drain_grace": "20s"},
            "gateway": {"listen": "127.0.0.1:%d" % self.port},
        }
        with open(self.config_path, "w") as file:
            yaml.safe_dump(text, file, sort_keys=False, width=90)

    # ---- what is true ----------------------------------------------------------------------------
    def spoken(self, *words):
        done = self.drover("--json", *words)
        return json.loads(done.stdout) if done.stdout else {}

    def queue_truth(self, machines):
        """The server's own word on what waits and runs; what is available follows from the caps."""
        workers = self.api("workers.get_all")["workers"]
        entries = {q["id"]: q["entries"] for q in self.api("queues.get_all")["queues"]}
        truth = {}
        for name, types in self.serves.items():
            id = self.queues[name]
            alive = [m for m in machines if m["type"] in types and phase(m) != "ended"]
            taken = sum(phase(m) != "idle" for m in alive)
            most = sum(self.types[t]["max_machines"] for t in types)
            truth[name] = {
                "waiting": len(entries[id]),
                "running": sum(bool(w.get("task")) and any(q["id"] == id for q in w["queues"])
                               for w in workers),
                "available": "%d of %d" % (most - taken, most)}
        return truth

    def truth(self):
        rows = self.spoken("machines").get("machines", [])
        counts = dict.fromkeys(("booting", "running", "idle", "draining"), 0)
        for row in rows:
            if phase(row) in counts:
                counts[phase(row)] += 1
        queues = self.queue_truth(rows)
        counts["waiting"] = sum(q["waiting"] for q in queues.values())
        return {"counts": counts, "queues": queues, "changes": self.changes()}

    def changes(self):
        """The newest changes of machines, as the ledger wrote them: "ID: STATE", newest first."""
        found = self.spoken("history").get("rows", [])
        return ["%s: %s" % (row["id"], row["to"]) for row in found
                if row["kind"] == "machine" and row["from"] != row["to"]][:4]

    def rows(self):
        return [{"id": m["id"], "instance": m["instance_id"], "type": m["type"], "phase": phase(m)}
                for m in self.spoken("machines", "--all").get("machines", [])]

    def waiting(self, queue):
        entries = self.api("queues.get_by_id", queue=self.queues[queue])["queue"]["entries"]
        return [entry["task"] for entry in entries]

    # ---- what happens ----------------------------------------------------------------------------
    def start(self):
        with open(os.path.join(self.state_dir, "run", "login")) as file:
            return {"url": "http://127.0.0.1:%d" % self.port, "link": file.read().strip()}

    def sdk_enqueue(self, queue, names, project="vision"):
        code = {name: TRAIN.format(gate=self.gate(name)) for name in names}
        return self.sdk(ENQUEUE, queue=queue, names=names, code=code, project=project)

    def open_gate(self, name):
        open(self.gate(name), "w").close()
        return True

    def close_gate(self, name):
        os.unlink(self.gate(name))
        return True

    def gateway(self, name):
        """SIGSTOP, SIGKILL …: to the gateway alone."""
        os.kill(self.actor_pid("gateway"), getattr(signal, name))
        return True

    def link(self):
        path = os.path.join(self.state_dir, "run", "login")
        eventually(lambda: os.path.exists(path), 20, "a new link")
        with open(path) as file:
            return file.read().strip()

    def cap(self, type, most):
        """The test knows of a change that it made by the page."""
        self.types[type]["max_machines"] = most
        return True

    def written(self):
        with open(self.config_path) as file:
            return file.read()


OPERATIONS = ("start", "truth", "rows", "waiting", "sdk_enqueue", "open_gate", "close_gate", "gateway",
              "link", "cap", "written", "status")


def main():
    needed()
    types = {"cpu-8": {"max_machines": 4, "idle_timeout": "6s", "price_per_hour": 0.34},
             "gpu-a10": {"max_machines": 2, "idle_timeout": "6s", "price_per_hour": 1.006}}
    with StoryWorld(types, {"cpu": ["cpu-8"], "gpu": ["gpu-a10"]}) as world:
        link = os.path.join(world.state_dir, "run", "login")
        eventually(lambda: os.path.exists(link), 30, "the way into the dashboard")
        print(json.dumps({"ok": world.start()}), flush=True)
        for line in sys.stdin:
            name, arguments = json.loads(line)
            assert name in OPERATIONS, name
            try:
                said = {"ok": getattr(world, name)(*arguments)}
            except Exception as error:  # the test says it in its words
                said = {"error": repr(error)}
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
