# SPDX-License-Identifier: Apache-2.0
"""Machines that cannot start: no Python, no agent in it, an agent that crashes, a disk that is full
or too small. Their logs are kept and shown, they are tried a few times and not for ever, the reason
stands where people look, other queues are served meanwhile, and mending the cause is all it takes.
"""
import json
import os
import signal
import subprocess
import time
import unittest

from world import PYTHON, World, eventually

TRIES = 3  # machines that are started for one task which none of them begins

# account: words that `drover logs MACHINE` must show of a machine that failed.
LOGGED = {
    "missing": "has no clearml_agent",
    "empty": "has no clearml_agent",
    "crash": "clearml_agent: the licence of the moon has expired",
    "small": "No space left on device|is the disk full\\?",
}
ACCOUNTS = ["missing", "empty", "crash", "full", "small", "good"]


class BadMachineWorld(World):
    """One account, machine type and queue for each way to fail, and a good one."""

    def __init__(self):
        super().__init__(queues=ACCOUNTS)
        self.mounts = []

    def python(self, name, script):
        path = os.path.join(self.dir, name)
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        return path

    def disk(self, name, free_kib):
        path = os.path.join(self.dir, "disk-" + name)
        os.mkdir(path, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path],
                       check=True)
        self.mounts.append(path)
        with open(os.path.join(path, ".ballast"), "wb") as file:
            file.write(b"\0" * (1024 - free_kib) * 1024)
        return path

    def default_config(self):
        config = super().default_config()
        changes = {
            "missing": {"agent_python": os.path.join(self.dir, "no", "python3")},
            "empty": {"agent_python": self.python("empty", "exec /usr/bin/python3 -S -E \"$@\"\n")},
            "crash": {"agent_python": self.python(
                "crash", "case \"$*\" in\n*daemon*) "
                "echo 'clearml_agent: the licence of the moon has expired' >&2; exit 1;;\n"
                "esac\nexec %s \"$@\"\n" % PYTHON)},
            "full": {"machines_dir": self.disk("full", 0)},
            "small": {"machines_dir": self.disk("small", 64)},
            "good": {},
        }
        config["accounts"] = [
            dict({"name": name, "driver": "local", "list_period": "500ms", "agent_python": PYTHON,
                  "machines_dir": os.path.join(self.dir, "machines-" + name)}, **changes[name])
            for name in ACCOUNTS]
        config["machine_types"] = [{"name": name, "account": name, "max_machines": 1,
                                    "idle_timeout": "60s"} for name in ACCOUNTS]
        config["queues"] = [{"name": name, "types": [name]} for name in ACCOUNTS]
        return config

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            for path in self.mounts:
                subprocess.run(["umount", "-l", path])

    def machines_of(self, account):
        rows = json.loads(self.drover("--json", "machines", "--all").stdout)["machines"]
        return [row for row in rows if row["account"] == account]


@unittest.skipUnless(os.geteuid() == 0, "a full disk is a tmpfs, which root may mount")
class BadMachine(unittest.TestCase):
    def test_is_told_and_not_tried_for_ever(self):
        with BadMachineWorld() as world:
            tasks = {name: world.create_task(name, seconds=0) for name in ACCOUNTS}
            began = time.monotonic()
            for name in ACCOUNTS:
                world.enqueue(tasks[name], name)
            eventually(lambda: world.all_completed([tasks["good"]]), 60, "the good one is served")
            for name in ACCOUNTS[:-1]:
                said = lambda: world.drover("why", tasks[name]).stdout
                eventually(lambda: "the launches for it are spent" in said() or
                           "No space left" in said(), 90, "the tries for %s end" % name)
            print("all tries spent after %.1f s" % (time.monotonic() - began))
            before = {name: len(world.machines_of(name)) for name in ACCOUNTS}
            time.sleep(6)
            for name in ACCOUNTS[:-1]:
                with self.subTest(name):
                    self.tell(world, name, tasks[name])
                    self.assertEqual(len(world.machines_of(name)), before[name], "still trying")
                    self.assertLessEqual(before[name], TRIES)
            self.mend(world, [tasks["missing"], tasks["full"]])

    def tell(self, world, name, task):
        why, queues = world.drover("why", task).stdout, world.drover("queues").stdout
        row = [line for line in queues.splitlines() if line.startswith(name)][0]
        print("\n%s: %d machines\n  why:    %s\n  queues: %s" % (
            name, len(world.machines_of(name)), why.strip(), " ".join(row.split())))
        for machine in world.machines_of(name):
            print("  cause:  %s: %s" % (machine["state"], machine["cause"]))
        for row in world.machines_of(name):  # paid for and of no use, in seconds
            spent = (row["ended_us"] - row["launched_us"]) // 10**6 if row["launched_us"] else 0
            if row["up_us"] == 0 and row["ended_us"]:
                self.assertEqual(row.get("wasted_s", 0), spent)
        if name in LOGGED:
            for machine in world.machines_of(name):
                log = world.drover("logs", machine["id"])
                self.assertEqual(log.returncode, 0, log.stderr)
                self.assertRegex(log.stdout, LOGGED[name])

    def mend(self, world, tasks):
        """A configuration that is mended and read again is a new chance, without a restart."""
        subprocess.run(["mount", "-o", "remount,size=500m", os.path.join(world.dir, "disk-full")],
                       check=True)
        with open(world.config_path) as file:
            config = json.load(file)
        for account in config["accounts"]:
            if account["name"] == "missing":
                account["agent_python"] = PYTHON
        with open(world.config_path, "w") as file:
            json.dump(config, file)
        world.droverd.send_signal(signal.SIGHUP)
        eventually(lambda: world.all_completed(tasks), 60, "served after mending and SIGHUP")


if __name__ == "__main__":
    unittest.main()
