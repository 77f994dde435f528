# SPDX-License-Identifier: Apache-2.0
"""What the sdk_agent tests share: a world whose tasks are made and read back by the genuine ClearML
SDK, and questions about what a machine leaves behind. The SDK runs in processes of its own under
DROVER_TEST_PYTHON; the tests themselves need nothing but Python."""
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest

from world import PYTHON, World, eventually, processes

# Stands before each snippet for World.sdk(): what it says with done() is the snippet's answer.
PRELUDE = '''
import json, sys
from clearml import Task
ARGS = json.loads(sys.argv[1])
def done(value):
    print("RESULT " + json.dumps(value), flush=True)
def create(name, code, project="sdk", repository="", branch="", entry_point="main.py", **more):
    task = Task.create(project_name=project, task_name=name, task_type="training", **more)
    task.set_script(repository=repository, branch=branch, commit="", diff=code, working_dir=".",
                    entry_point=entry_point)
    task.set_packages([])
    return task
def read(task_id):
    task = Task.get_task(task_id)
    return {"status": task.get_status(), "parameters": task.get_parameters(),
            "console": "".join(task.get_reported_console_output(100)),
            "scalars": {m: {v: list(zip(p["x"], p["y"])) for v, p in s.items()}
                        for m, s in task.get_reported_scalars().items()}}
'''


def needed():
    """Skips a module with the reason where the genuine SDK and agent are missing."""
    found = subprocess.run([PYTHON, "-c", "import clearml, clearml_agent"],
                           stderr=subprocess.DEVNULL)
    if found.returncode != 0:
        raise unittest.SkipTest("DROVER_TEST_PYTHON names no Python with tests/requirements.txt")


def machine_type(name, **more):
    """Agents look into their queues each second here, not each fifth: a test waits for them."""
    more["environment"] = ["CLEARML_AGENT_QUEUE_POLL_FREQ_SEC=1"] + more.get("environment", [])
    return dict({"name": name, "account": "local", "max_machines": 2, "idle_timeout": "5s"}, **more)


class SdkWorld(World):
    def secrets_file(self, name, **secrets):
        """Writes an account's secrets; gives the path for its configuration."""
        path = os.path.join(self.dir, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(secrets, file)
        return path

    def account(self, name="local", **more):
        account = {"name": name, "driver": "local", "list_period": "1s", "agent_python": PYTHON}
        if name != "local":
            account["machines_dir"] = os.path.join(self.state_dir, "machines-" + name)
        return dict(account, **more)

    # ---- the SDK ---------------------------------------------------------------------------------
    def sdk_env(self, home="client"):
        """The environment of a person who uses the SDK with CLEARML_* and a HOME of their own."""
        path = os.path.join(self.dir, home)
        os.makedirs(path, exist_ok=True)
        env = {k: v for k, v in self.env.items() if not k.startswith(("CLEARML_", "TRAINS_"))}
        return dict(env, HOME=path, CLEARML_CONFIG_FILE=os.path.join(path, "none.conf"),
                    CLEARML_API_HOST=self.api_url, CLEARML_FILES_HOST=self.files_url,
                    CLEARML_WEB_HOST=self.api_url, CLEARML_API_ACCESS_KEY=self.access_key,
                    CLEARML_API_SECRET_KEY=self.secret_key, PYTHONUNBUFFERED="1")

    def sdk_start(self, snippet, **arguments):
        """Runs a snippet in the genuine SDK; sdk_end gives what it said with done()."""
        home = os.path.join(self.dir, "client")
        os.makedirs(home, exist_ok=True)
        script = tempfile.NamedTemporaryFile("w", dir=home, suffix=".py", delete=False)
        with script:
            script.write(PRELUDE + snippet)
        return subprocess.Popen([PYTHON, script.name, json.dumps(arguments)], cwd=home,
                                env=self.sdk_env(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def sdk_end(self, snippet, timeout=180):
        try:
            said, _ = snippet.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            snippet.kill()
            raise AssertionError("the SDK did not come back: " + snippet.communicate()[0]) from None
        answers = [line for line in said.splitlines() if line.startswith("RESULT ")]
        if snippet.returncode != 0 or not answers:
            raise AssertionError("the SDK's process ended %s: %s" % (snippet.returncode, said))
        return json.loads(answers[-1][len("RESULT "):])

    def sdk(self, snippet, timeout=180, **arguments):
        return self.sdk_end(self.sdk_start(snippet, **arguments), timeout)

    def read(self, tasks):
        """task id -> status, parameters, console, scalars as the SDK reads them back."""
        return self.sdk("done({t: read(t) for t in ARGS['tasks']})", tasks=list(tasks))

    # ---- what happened ---------------------------------------------------------------------------
    def types(self, tasks):
        """task id -> type of the machine that ran it, from the worker id at the server."""
        found = self.api("tasks.get_all", id=list(tasks), only_fields=["id", "last_worker"])
        return {t["id"]: t["last_worker"].split(":")[2] for t in found["tasks"]}

    def task(self, task):
        return self.api("tasks.get_by_id", task=task)["task"]

    def ended(self, tasks):
        """True once all have ended, well or badly."""
        return all(s in ("completed", "failed", "stopped") for s in self.status(tasks).values())

    def console(self, task):
        events = self.api("events.get_task_log", task=task, batch_size=5000)["events"]
        return "".join(e["msg"] + "\n" for e in sorted(events, key=lambda e: e["timestamp"]))

    def await_completed(self, tasks, timeout_s, what):
        try:
            eventually(lambda: self.all_completed(tasks), timeout_s, what)
        except AssertionError:
            for task, status in self.status(tasks).items():
                if status != "completed":
                    print("---- task %s (%s)\n%s" % (task, status, self.console(task)[-6000:]))
            print("---- queues\n" + self.drover("queues").stdout)
            raise

    # ---- what is left ----------------------------------------------------------------------------
    def processes_of_machines(self):
        """pid -> argv of every process whose HOME or mark says that it belongs to a machine."""
        found = {}
        for pid, (_, argv) in processes().items():
            try:
                with open("/proc/%d/environ" % pid, "rb") as file:
                    environ = file.read()
            except OSError:
                continue
            if any(("HOME=%s/" % d).encode() in environ for d in self.machines_dirs()):
                found[pid] = argv
        return found

    def files_of_machines(self, *secrets):
        """Paths that should not be there once all machines are gone: homes, boot data, and any file
        of the state directory or /tmp that holds one of the secrets."""
        found = []
        for folder in self.machines_dirs():
            for id in os.listdir(folder):
                found += [os.path.join(folder, id, leaf) for leaf in ("home", "tmp", "user-data")
                          if os.path.exists(os.path.join(folder, id, leaf))]
        for path in self.readable_files():
            with open(path, "rb") as file:
                text = file.read()
            if any(secret.encode() in text for secret in secrets):
                found.append(path)
        return found

    def readable_files(self):
        for folder, _, names in os.walk(self.state_dir):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path
        for name in os.listdir("/tmp"):
            if name.startswith(".clearml_agent") and os.path.isfile("/tmp/" + name):
                yield "/tmp/" + name

    def await_nothing_left(self, test, keys_before, secrets=(), timeout_s=90):
        """Machines, processes, workers, keys and files are as before the first task."""
        eventually(lambda: not self.machine_processes(), timeout_s, "machines gone when idle")
        eventually(lambda: not self.processes_of_machines(), 10, "their processes gone")
        eventually(lambda: len(self.credentials()) == keys_before, 60, "their keys revoked")
        eventually(lambda: not self.files_of_machines(*secrets), 20, "their files removed")
        test.assertEqual(self.files_of_machines(*secrets), [])


class Samples:
    """Looks at the process table all the time and at the server's workers now and then: which
    machines lived at once, and which types they were."""

    def __init__(self, world):
        self.world, self.alive, self.type_of, self._end = world, [], {}, False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        next_workers = 0
        while not self._end:
            self.alive.append(frozenset(self.world.machine_processes().values()))
            if time.monotonic() >= next_workers:
                for worker in self.world.workers():
                    parts = worker.split(":")
                    if len(parts) == 4:
                        self.type_of[parts[3]] = parts[2]
                next_workers = time.monotonic() + 1
            time.sleep(0.1)

    def stop(self):
        self._end = True
        self._thread.join()
        return self

    def ever(self):
        return frozenset().union(*self.alive)

    def most(self, type_name=None):
        """How many machines (of this type) lived at one moment."""
        return max(sum(1 for id in ids if type_name in (None, self.type_of.get(id)))
                   for ids in self.alive)
