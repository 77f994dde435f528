# SPDX-License-Identifier: Apache-2.0
"""A world for a test: a ClearML server (drover-sandbox), droverd with all its actors, local machines
with genuine agents, all below one temporary directory. What a test asserts it reads from outside: the
server's API and the process table, not from what Drover says of itself."""
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BIN = os.environ.get("DROVER_BIN", "build/dev/bin")
PYTHON = os.environ.get("DROVER_TEST_PYTHON", sys.executable)

# A task that leaves one line per run, so that a second run is seen.
COUNTED = """
import os, time
with open({runs!r}, "a") as file:
    file.write({name!r} + " " + os.uname().nodename + "\\n")
time.sleep({seconds})
print("done", {name!r}, flush=True)
"""


class ApiError(Exception):
    def __init__(self, status, answer):
        super().__init__("%s: %s" % (status, answer))
        self.status, self.answer = status, answer


def eventually(condition, timeout_s, what, every_s=0.2):
    """Waits until condition() is true and gives its value; fails in words after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("not within %d s: %s" % (timeout_s, what))
        time.sleep(every_s)


def processes():
    """pid -> (parent, [argv...]) of every process."""
    table = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                argv = file.read().decode(errors="replace").split("\0")[:-1]
            with open("/proc/%s/stat" % pid) as file:
                stat = file.read()
        except OSError:
            continue
        fields = stat[stat.rindex(")") + 2:].split()
        if fields[0] != "Z":
            table[int(pid)] = (int(fields[1]), argv)
    return table


class World:
    """Use as a context manager. config: changes over the default drover.yaml (JSON is YAML)."""

    def __init__(self, config=None, queues=("cpu", "gpu"), env=None):
        self.dir = tempfile.mkdtemp(prefix="drover-test-")
        self.config_path = os.path.join(self.dir, "drover.yaml")
        self.state_dir = os.path.join(self.dir, "state")
        self.runs_path = os.path.join(self.dir, "runs")
        self.log_path = os.path.join(self.dir, "droverd.log")
        self.env = dict(os.environ, **(env or {}))
        self.server = self.droverd = None
        self.api_port = self.files_port = 0
        self.queues = {}
        self._token = None
        self.access_key = "TESTKEY"
        self.secret_key = "testsecret" * 4
        self.overrides = config or {}
        self.queue_names = queues
        open(self.runs_path, "w").close()

    # ---- life ----------------------------------------------------------------------------------
    def __enter__(self):
        try:
            self.start_server()
            for name in self.queue_names:
                found = self.api("queues.get_all", name="^%s$" % name)["queues"]
                self.queues[name] = found[0]["id"] if found else self.api(
                    "queues.create", name=name)["id"]
            self.write_config()
            self.start_droverd()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(Exception):
            self.stop_droverd()
        self.kill_machines()
        if self.server:
            self.server.kill()
            self.server.wait()
        if kind is not None and kind is not KeyboardInterrupt:
            self.show_logs()
        shutil.rmtree(self.dir, ignore_errors=True)

    def show_logs(self):
        logs = os.path.join(self.state_dir, "logs")
        boots = sorted(os.listdir(logs))[:4] if os.path.isdir(logs) else []
        for path in [self.log_path] + [os.path.join(logs, name) for name in boots]:
            with contextlib.suppress(OSError), open(path, errors="replace") as file:
                print("---- %s\n%s" % (path, file.read()[-6000:]))

    def start_server(self):
        secret = os.path.join(self.dir, "server.secret")
        with open(secret, "w") as file:
            os.chmod(secret, 0o600)
            file.write(self.secret_key + "\n")
        argv = [os.path.join(BIN, "drover-sandbox"), "--listen", "127.0.0.1:%d" % self.api_port,
                "--files-listen", "127.0.0.1:%d" % self.files_port,
                "--state", os.path.join(self.dir, "server.json"),
                "--files-dir", os.path.join(self.dir, "files"),
                "--access-key", self.access_key, "--secret-key-file", secret, "--print-ready"]
        os.makedirs(os.path.join(self.dir, "files"), exist_ok=True)
        self.server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        line = self.server.stdout.readline()
        assert line.startswith("READY "), "drover-sandbox said %r" % line
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.api_url, self.files_url = words["api"], words["files"]
        self.api_port = int(self.api_url.rsplit(":", 1)[1])
        self.files_port = int(self.files_url.rsplit(":", 1)[1])

    def default_config(self):
        return {
            "deployment": "test",
            "state_dir": self.state_dir,
            "clearml": {"api_server": self.api_url, "files_server": self.files_url,
                        "credentials_file": os.path.join(self.dir, "clearml.yaml"), "tick": "500ms"},
            "accounts": [{"name": "local", "driver": "local", "list_period": "1s",
                          "agent_python": PYTHON}],
            "machine_types": [
                {"name": "small", "account": "local", "max_machines": 4, "idle_timeout": "5s"},
                {"name": "big", "account": "local", "max_machines": 2, "idle_timeout": "5s"}],
            "queues": [{"name": "cpu", "types": ["small"]}, {"name": "gpu", "types": ["big"]}],
            "timing": {"workers_period": "2s", "queue_reread": "2s", "drain_poll": "1s",
                       "drain_grace": "20s"},
            "gateway": {"listen": "off"},
        }

    def write_config(self, config=None):
        merged = self.default_config()
        for key, value in (config or self.overrides).items():
            if isinstance(value, dict):
                merged.setdefault(key, {}).update(value)
            else:
                merged[key] = value
        keys = os.path.join(self.dir, "clearml.yaml")
        with open(keys, "w") as file:
            os.chmod(keys, 0o600)
            json.dump({"access_key": self.access_key, "secret_key": self.secret_key}, file)
        with open(self.config_path, "w") as file:
            json.dump(merged, file, indent=1)

    def start_droverd(self, env=None):
        log = open(self.log_path, "a")
        self.droverd = subprocess.Popen(
            [os.path.join(BIN, "droverd"), "--config", self.config_path],
            stdout=log, stderr=log, env=dict(self.env, **(env or {})), start_new_session=True)
        log.close()
        eventually(self.is_ready, 30, "all actors ready")

    def is_ready(self):
        if self.droverd.poll() is not None:
            raise AssertionError("droverd ended with %s" % self.droverd.returncode)
        done = self.drover("--json", "status")
        if not done.stdout:
            return False
        actors = json.loads(done.stdout)["actors"]["actors"]
        return all(actor["state"] == "ready" for actor in actors)

    def stop_droverd(self):
        if self.droverd and self.droverd.poll() is None:
            self.droverd.terminate()
            self.droverd.wait(30)

    def kill_machines(self):
        for pid in self.machine_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            eventually(lambda: not self.machine_processes(), 10, "machines ended")

    def drover(self, *arguments):
        return subprocess.run([os.path.join(BIN, "drover"), "--config", self.config_path, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    # ---- the process table -----------------------------------------------------------------------
    def machines_dirs(self):
        """Where the accounts keep their machines: state/machines and, where a test gives an account
        a folder of its own, state/machines-NAME."""
        names = os.listdir(self.state_dir) if os.path.isdir(self.state_dir) else []
        return [os.path.join(self.state_dir, name) for name in names
                if name == "machines" or name.startswith("machines-")]

    def machine_processes(self):
        """pid -> instance id of the machines of this world."""
        known = {id for folder in self.machines_dirs() for id in os.listdir(folder)}
        return {pid: argv[1] for pid, (_, argv) in processes().items()
                if len(argv) > 1 and argv[0].endswith("drover-local-machine") and argv[1] in known}

    def actor_pid(self, name):
        """The process of "watcher" or "provisioner"."""
        for pid, (parent, argv) in processes().items():
            if parent == self.droverd.pid and argv and argv[0].endswith("drover-" + name):
                return pid
        return None

    # ---- the server --------------------------------------------------------------------------------
    def api(self, endpoint, **body):
        if self._token is None:
            pair = base64.b64encode(("%s:%s" % (self.access_key, self.secret_key)).encode()).decode()
            self._token = self._call("auth.login", {}, "Basic " + pair)["token"]
        return self._call(endpoint, body, "Bearer " + self._token)

    def _call(self, endpoint, body, authorization):
        request = urllib.request.Request(
            "%s/%s" % (self.api_url, endpoint), json.dumps(body).encode(),
            {"Authorization": authorization, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from None

    def create_task(self, name, code=None, seconds=1, **fields):
        """A task whose code stands in the task itself; by default one that counts its runs."""
        code = code or COUNTED.format(runs=self.runs_path, name=name, seconds=seconds)
        return self.api("tasks.create", name=name, type="training", project=self.project(),
                        script={"repository": "", "branch": "", "version_num": "",
                                "entry_point": "main.py", "working_dir": ".", "diff": code,
                                "requirements": {"pip": ""}}, **fields)["id"]

    def project(self):
        if not hasattr(self, "_project"):
            self._project = self.api("projects.create", name="tests", description="")["id"]
        return self._project

    def enqueue(self, task, queue):
        self.api("tasks.enqueue", task=task, queue=self.queues[queue])

    def status(self, tasks):
        found = self.api("tasks.get_all", id=list(tasks), only_fields=["id", "status"])["tasks"]
        return {task["id"]: task["status"] for task in found}

    def all_completed(self, tasks):
        """Fails at once if one ended otherwise. What Drover puts back is stopped on its way, by its hand."""
        found = self.api("tasks.get_all", id=list(tasks),
                         only_fields=["id", "status", "status_reason"])["tasks"]
        bad = {task["id"]: task["status"] for task in found if task["status"] == "failed" or
               task["status"] == "stopped" and
               not (task.get("status_reason") or "").startswith("drover:recover:")}
        assert not bad, "tasks ended badly: %s" % bad
        return len(found) == len(tasks) and all(task["status"] == "completed" for task in found)

    def workers(self):
        return {w["id"]: w for w in self.api("workers.get_all")["workers"]}

    def runs(self):
        """[(task name, host name), ...]: every run of a counted task, in order."""
        with open(self.runs_path) as file:
            return [tuple(line.split()) for line in file]

    def credentials(self):
        return self.api("auth.get_credentials")["credentials"]


class MachineWatch:
    """Looks at the process table all the time: how many machines at once, how many ever."""

    def __init__(self, world):
        import threading
        self.world, self.most, self.ever, self._end = world, 0, set(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end:
            alive = set(self.world.machine_processes().values())
            self.most = max(self.most, len(alive))
            self.ever |= alive
            time.sleep(0.1)

    def stop(self):
        self._end = True
        self._thread.join()
