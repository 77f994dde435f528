# SPDX-License-Identifier: Apache-2.0
"""A ClearML server and machines that really boot: what the guard's tests are made of."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

PYTHON = os.environ.get("DROVER_TEST_PYTHON", "")
SANDBOX = os.environ.get("DROVER_SANDBOX", "")
RENDER = os.environ.get("DROVER_BOOT_RENDER", "")
POLL_S = 0.5  # the agent's own pause between two looks into its queues


def needed():
    """Skips a whole module with the reason, where its parts are missing."""
    if not (PYTHON and os.access(PYTHON, os.X_OK)):
        raise unittest.SkipTest("DROVER_TEST_PYTHON names no interpreter with clearml-agent")
    if not (os.access(SANDBOX, os.X_OK) and os.access(RENDER, os.X_OK)):
        raise unittest.SkipTest("DROVER_SANDBOX or DROVER_BOOT_RENDER is missing")
    if subprocess.call(unshare() + ["true"], stderr=subprocess.DEVNULL) != 0:
        raise unittest.SkipTest("no namespace for a host name of its own")


def unshare():
    return ["unshare", "--uts", "--mount"] + ([] if os.getuid() == 0 else ["--user", "-r"])


def wait(what, seconds, test, pause=0.1):
    """test()'s first true answer; awaited, never slept for."""
    end = time.monotonic() + seconds
    while True:
        answer = test()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError("waited %s s for: %s" % (seconds, what))
        time.sleep(pause)


class Server:
    def __init__(self, *queues):
        self.folder = tempfile.mkdtemp(prefix="drover-guard-")
        self.secret = "secret-of-the-test-machine-0123456789"
        key_file = os.path.join(self.folder, "secret")
        with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(self.secret)
        words = [SANDBOX, "--listen", "127.0.0.1:0", "--files-listen", "127.0.0.1:0",
                 "--secret-key-file", key_file, "--print-ready"]
        for queue in queues:
            words += ["--queue", queue]
        self.proc = subprocess.Popen(words, stdout=subprocess.PIPE, universal_newlines=True)
        ready = dict(w.split("=", 1) for w in self.proc.stdout.readline().split()[1:])
        self.api, self.files, self.key = ready["api"], ready["files"], ready["access_key"]
        pair = base64.b64encode(("%s:%s" % (self.key, self.secret)).encode()).decode()
        self.auth = "Basic " + pair
        self.auth = "Bearer " + self.call("auth.login")["token"]
        self.queues = {q["name"]: q["id"] for q in self.call("queues.get_all")["queues"]}

    def call(self, method, **body):
        request = urllib.request.Request("%s/%s" % (self.api, method), json.dumps(body).encode(),
                                         {"Content-Type": "application/json",
                                          "Authorization": self.auth})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read().decode())["data"]

    def close(self):
        self.proc.terminate()
        self.proc.wait()
        self.proc.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pause(self):
        self.proc.send_signal(signal.SIGSTOP)

    def resume(self):
        self.proc.send_signal(signal.SIGCONT)

    # -- queues and tasks

    def metadata(self, queue):
        got = self.call("queues.get_all", id=[self.queues[queue]], only_fields=["id", "metadata"])
        return {k: v["value"] for k, v in (got["queues"][0].get("metadata") or {}).items()}

    def drain(self, queue, machine, value):
        self.call("queues.add_or_update_metadata", queue=self.queues[queue],
                  metadata=[{"key": "drover.drain." + machine, "type": "str", "value": value}])

    def undrain(self, queue, machine):
        self.call("queues.delete_metadata", queue=self.queues[queue],
                  keys=["drover.drain." + machine, "drover.ack." + machine])

    def enqueue(self, queue, script, **more):
        """A task whose code is `script`; no repository, no packages."""
        task = self.call("tasks.create", name="guard test", type="training", script={
            "diff": script, "entry_point": "job.py", "repository": "", "working_dir": ".",
            "binary": "python3", "requirements": {"pip": ""}}, **more)["id"]
        self.call("tasks.enqueue", task=task, queue=self.queues[queue])
        return task

    def task(self, task):
        got = self.call("tasks.get_all", id=[task], only_fields=[
            "id", "status", "status_reason", "status_message"])
        return got["tasks"][0]

    def waiting(self, queue):
        got = self.call("queues.get_all", id=[self.queues[queue]], only_fields=["id", "entries"])
        return [e["task"] for e in got["queues"][0].get("entries") or []]

    def workers(self):
        return sorted(w["id"] for w in self.call("workers.get_all")["workers"])


class Machine:
    """A rendered boot script running in a session with a host name and a HOME of its own."""

    def __init__(self, server, name, queues, programs=None, by_cloud_init=False, **settings):
        self.server, self.name, self.queue = server, name, queues[0]
        self.home = tempfile.mkdtemp(prefix="drover-machine-")
        agent = {"CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL": "1",
                 "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL": PYTHON,
                 "CLEARML_AGENT_QUEUE_POLL_FREQ_SEC": str(POLL_S)}
        agent.update(settings.pop("agent_env", {}))
        self.settings = dict({
            "api_server": server.api, "web_server": server.api, "files_server": server.files,
            "access_key": server.key, "secret_key": server.secret, "queues": queues,
            "drain_queue_id": server.queues[queues[0]], "worker_prefix": "drover",
            "worker_name": "pool", "type_name": "tiny", "cpu_only": True, "poll_s": 1,
            "agent_python": PYTHON, "kill_grace_s": 5,
            # what a killed test leaves behind goes by its own switch
            "own_idle_limit_s": 300, "max_life_s": 500, "max_task_s": 60,
            "env": ["%s=%s" % pair for pair in agent.items() if pair[1]]}, **settings)
        self.worker = "drover:pool:tiny:" + name
        path = os.path.join(self.home, "settings-in")
        with open(path, "w") as f:
            json.dump(self.settings, f)
        script = subprocess.run([RENDER, path], stdout=subprocess.PIPE, check=True).stdout
        os.unlink(path)
        self.script = os.path.join(self.home, "part-001")
        with open(os.open(self.script, os.O_WRONLY | os.O_CREAT, 0o700), "wb") as f:
            f.write(script)
        self.stdout = open(os.path.join(self.home, "stdout"), "wb")
        env = {k: os.environ[k] for k in ("PATH", "LANG", "LC_ALL", "CONTAINERS_CONF")
               if k in os.environ}
        # No test switches the host off, whatever goes wrong in it.
        stub = os.path.join(self.home, "bin")
        os.mkdir(stub)
        stubs = {word: 'echo "%s $*" >>"%s/powered-off"' % (word, self.home)
                 for word in ("shutdown", "poweroff")}
        for word, text in dict(stubs, **programs or {}).items():
            path = os.path.join(stub, word)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o700), "w") as f:
                f.write("#!/bin/sh\n%s\n" % text)
        env["PATH"] = stub + ":" + env["PATH"]
        prelude, first_name = 'hostname "$1" && ', name
        if "id_source" in settings:  # the cloud gives the name; /etc/hosts is the machine's own
            first_name = "ip-10-0-0-1"
            with open(os.path.join(self.home, "hosts"), "w") as f:
                f.write("127.0.0.1 localhost\n")
            prelude += 'mount --bind "$HOME/hosts" /etc/hosts && '
        if by_cloud_init:  # nobody names root's home, and hardly a PATH
            with open(os.path.join(self.home, "passwd"), "w") as f:
                f.write("root:x:0:0:root:%s:/bin/bash\n" % self.home)
            prelude += 'mount --bind "$HOME/passwd" /etc/passwd && unset HOME && '
            env["PATH"] = stub + ":/usr/bin:/bin"
        self.begun = time.monotonic()
        self.proc = subprocess.Popen(
            unshare() + ["sh", "-c", prelude + 'exec "$2"', "-", first_name, self.script],
            stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=subprocess.STDOUT,
            env=dict(env, HOME=self.home, DROVER_TEST_HOME=self.home), cwd=self.home,
            start_new_session=True)

    def log(self):
        with open(os.path.join(self.home, "stdout"), errors="replace") as f:
            return f.read()

    def up(self, seconds=60, pause=0.1):
        def registered():
            if self.proc.poll() is not None:
                raise AssertionError("%s ended before it was up" % self.name)
            return self.worker in self.server.workers()
        wait("%s among the workers" % self.worker, seconds, registered, pause)
        return self

    def ended(self, seconds=60):
        """The boot script's exit status, once it has ended."""
        wait("the end of " + self.name, seconds, lambda: self.proc.poll() is not None)
        return self.proc.returncode

    def processes(self, *marks):
        """(pid, command line) of whatever runs on this machine: it all inherited that."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/environ" % pid, "rb") as f:
                    environ = f.read().split(b"\0")
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if {m.encode() for m in ("DROVER_TEST_HOME=" + self.home,) + marks} <= set(environ):
                found.append((int(pid), b" ".join(words).decode("utf-8", "replace")))
        return found

    def find(self, pattern, *marks):
        return [pid for pid, words in self.processes(*marks) if re.search(pattern, words)]

    def agent(self):
        return self.find(r"clearml_agent daemon")[0]

    def guard(self):
        return self.find(r"guard\.py")[0]

    def powered_off(self):
        try:
            with open(os.path.join(self.home, "powered-off")) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def ack(self):
        return self.server.metadata(self.queue).get("drover.ack." + self.name)

    def drain(self, value):
        self.server.drain(self.queue, self.name, value)

    def close(self):
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.proc.wait()
        self.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)


class MachineCase(unittest.TestCase):
    """Each test gets a server and ends without a process or a folder of its machines."""
    queues = ("cpu", "other")

    def setUp(self):
        self.run_id = os.urandom(4).hex()
        self.server = Server(*self.queues)
        self.addCleanup(self.server.close)

    def named(self, word):
        """An instance id that nobody else on this host has: boot script and guard end whatever
        carries their machine's id, and all machines of all tests share one process table."""
        return "i-%s-%s" % (self.run_id, word)

    def machine(self, word, queues=("cpu",), **settings):
        machine = Machine(self.server, self.named(word), list(queues), **settings)
        self.addCleanup(self.show_and_close, machine)
        return machine

    def show_and_close(self, machine):
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or \
            bool(getattr(getattr(self._outcome, "result", None), "failures", []))
        if failed or os.environ.get("DROVER_TEST_VERBOSE"):
            sys.stderr.write("---- %s\n%s----\n" % (machine.name, machine.log()))
        machine.close()

    def assert_gone(self, machine):
        """No worker, no process, no word of a dying agent."""
        wait("no process of " + machine.name, 10, lambda: not machine.processes())
        self.assertNotIn(machine.worker, self.server.workers())
