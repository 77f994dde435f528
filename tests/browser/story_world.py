# SPDX-License-Identifier: Apache-2.0
"""The world of story.mjs: a ClearML server, a person who types `drover up` on a host that has no
configuration yet, genuine agents and the genuine SDK.
It is asked over its stdin, one JSON list [operation, arguments] a line, and answers one JSON line each.
What it says of the flock comes from the server's API and from the command line, never from the gateway."""
import json
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway_setup_test import TOKEN, SetupWorld, Up  # noqa: E402
from gateway_world import free_port  # noqa: E402
from sdk_agent_world import PRELUDE, needed  # noqa: E402
from world import PYTHON, eventually  # noqa: E402

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
# A colleague's notebook: it has imported the SDK once and goes on using it.
NOTEBOOK = """
for line in sys.stdin:
    ids = []
    for queue, tasks in json.loads(line).items():
        for name, code in tasks.items():
            task = create(name, code, project="vision")
            Task.enqueue(task, queue_name=queue)
            ids.append(task.id)
    done(ids)
"""
BOOT = 'for i in $(seq 1000); do [ -e %s ] && break; echo "unpacking part $i"; sleep 0.3; done'


def phase(row):
    if row["state"] == "up":
        return "idle" if row["idle_since_us"] else "running"
    return PHASES.get(row["state"], "ended")


class StoryWorld(SetupWorld):
    def __init__(self, types, serves):
        super().__init__()
        self.types, self.serves = types, serves
        self.up = self.notebook = None

    def __enter__(self):
        super().__enter__()
        try:
            self.api("queues.create", name="gpu")
            self.notebook = subprocess.Popen(
                [PYTHON, "-c", PRELUDE + NOTEBOOK, "{}"], cwd=self.dir, env=self.sdk_env(),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.up = Up(self, "--dir", self.dir, "--listen", "127.0.0.1:%d" % free_port())
            self.droverd = self.up.process  # it becomes droverd when the wizard has ended
            threading.Thread(target=self.watch_terminal, daemon=True).start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *error):
        if self.droverd:
            self.droverd.send_signal(signal.SIGCONT)
        if self.notebook:
            self.notebook.kill()
            self.notebook.communicate()
        super().__exit__(*error)

    def watch_terminal(self):
        """A terminal that nobody reads would hold up who writes to it."""
        while True:
            try:
                self.up.said += os.read(self.up.terminal, 65536).decode(errors="replace")
            except OSError:
                return

    def gate(self, name):
        return os.path.join(self.dir, "gate-" + name)

    # ---- what a person knows -----------------------------------------------------------------------
    def answers(self):
        """What is typed into the wizard. Machines wait at a gate of the test while they boot."""
        types = [dict(type, name=name, init_script=BOOT % self.gate(name))
                 for name, type in self.types.items()]
        return {"api": self.api_url, "files": self.files_url, "access": self.access_key,
                "secret": self.secret_key, "python": PYTHON, "types": types, "token": TOKEN,
                "environment": "CLEARML_AGENT_QUEUE_POLL_FREQ_SEC=1"}

    def first_link(self):
        return eventually(lambda: self.links()[:1], 30, "the link is printed")[0]

    def links(self):
        return [word for word in self.up.said.split() if "/login?once=" in word]

    def link(self):
        """Of the dashboard, as `drover up` or `drover token link` gives it."""
        path = os.path.join(self.state_dir, "run", "login")
        eventually(lambda: os.path.exists(path), 20, "a new link")
        with open(path) as file:
            return file.read().strip()

    def written(self):
        with open(self.config_path) as file:
            return file.read()

    def said(self):
        """The terminal's last lines, for when a story fails."""
        return self.up.said[-6000:]

    # ---- what is true ----------------------------------------------------------------------------
    def spoken(self, *words):
        done = self.drover("--json", *words)
        return json.loads(done.stdout) if done.stdout else {}

    def queue_truth(self, machines):
        """The server's own word on what waits and runs; what is available follows from the caps."""
        workers = self.api("workers.get_all")["workers"]
        queues = {q["name"]: q for q in self.api("queues.get_all")["queues"]}
        truth = {}
        for name, types in self.serves.items():
            id = queues[name]["id"]
            alive = [m for m in machines if m["type"] in types and phase(m) != "ended"]
            taken = sum(phase(m) != "idle" for m in alive)
            most = sum(self.types[t]["max_machines"] for t in types)
            truth[name] = {
                "waiting": len(queues[name]["entries"]),
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

    # ---- what happens ----------------------------------------------------------------------------
    def enqueue(self, queues):
        """{queue: [names]} → the tasks' ids, in this order, by the genuine SDK."""
        code = {queue: {name: TRAIN.format(gate=self.gate(name)) for name in names}
                for queue, names in queues.items()}
        self.notebook.stdin.write(json.dumps(code) + "\n")
        self.notebook.stdin.flush()
        for line in self.notebook.stdout:
            if line.startswith("RESULT "):
                return json.loads(line[len("RESULT "):])
        raise AssertionError("the SDK's process ended %s" % self.notebook.wait())

    def open_gate(self, name):
        open(self.gate(name), "w").close()
        return True

    def close_gate(self, name):
        os.unlink(self.gate(name))
        return True

    def silence_gateway(self):
        """droverd is held too: its watchdog ends a silent gateway, and this one is to stay silent for
        as long as a task takes to end on this host."""
        os.kill(self.droverd.pid, signal.SIGSTOP)
        os.kill(self.actor_pid("gateway"), signal.SIGSTOP)
        return True

    def kill_gateway(self):
        os.kill(self.actor_pid("gateway"), signal.SIGKILL)
        os.kill(self.droverd.pid, signal.SIGCONT)
        return True

    def cap(self, type, most):
        """The test knows of a change that it made by the page."""
        self.types[type]["max_machines"] = most
        return True


OPERATIONS = ("answers", "truth", "rows", "enqueue", "open_gate", "close_gate", "silence_gateway",
              "kill_gateway", "link", "cap", "written", "said", "status")


def main():
    needed()
    types = {"cpu-8": {"max_machines": 4, "price": 0.34}, "gpu-a10": {"max_machines": 2, "price": 1.006}}
    with StoryWorld(types, {"cpu": ["cpu-8"], "gpu": ["gpu-a10"]}) as world:
        print(json.dumps({"ok": {"link": world.first_link()}}), flush=True)
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
