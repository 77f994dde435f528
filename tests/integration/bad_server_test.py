# SPDX-License-Identifier: Apache-2.0
"""Everything a ClearML server, or what stands before it, can do wrong, to a droverd that runs and
has a busy and an idle machine: a person is told in one sentence, nothing is ended meanwhile, though
the idle machine's time runs out during each fault, and tasks are served again without a restart."""
import json
import os
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from faultproxy import FaultProxy  # noqa: E402
from world import BIN, World, eventually  # noqa: E402

IDLE_S = 4   # idle this long: the machine goes
FAULT_S = 9  # a fault lasts at least this, and longer than an idle machine lasts without one

# Each fault with the words that a person must be told, in the log and by `drover status`.
WORDS = {
    "down": "no connection .*check that the server runs and clearml.api_server is its API's",
    "500": r"the ClearML server failed in \S+ \(500/0: General data error .*its own log says more",
    "502": r"the ClearML server is not ready \(HTTP 502\): it is asked again",
    "503": r"the ClearML server is not ready \(HTTP 503\): it is asked again",
    "busy": r"wants to be asked less often \(HTTP 429\): Drover slows down, next in 1 s",
    "html": r"with a web page instead of JSON \(HTTP 200\): set clearml.api_server to the API's "
            "address, not the web app's",
    "half": "the answer broke off or is not HTTP .*a proxy on the way may cut it",
    "redirect": r"answered with a redirect \(302\) to https://login.example/sso, which is not "
                "followed.*set clearml.api_server to the API's own address",
    "certificate": "its certificate is not accepted .*goes into clearml.ca_file",
    "name": "its certificate is not accepted .*(no alternative|does not match)",
    "key": r"does not accept the ClearML key pair from \S+/clearml.yaml \(401/22\): create a new "
           "one in the web app under Settings > Workspace and put it there",
    "no_lists": "gave no list of (queues|workers|entries|tasks)",
}

# Faults that strike one after the other while the idle machine's time runs out. A server that is
# only busy is none of them: an end may be decided by its last picture, as long as that is fresh.
ROUNDS = [["down"], ["500", "502", "503"], ["html", "half", "redirect"],
          ["certificate", "name", "key"], ["no_lists"], ["empty_lists"]]


class ProxiedWorld(World):
    """A world whose droverd reaches the server through a proxy; its machines reach it directly."""

    proxy = None

    def default_config(self):
        config = super().default_config()
        if self.proxy is None:
            self.proxy = FaultProxy(self.api_url, self.dir)
        config["clearml"].update(api_server=self.proxy.url, ca_file=self.proxy.ca_file,
                                 machine_api_server=self.api_url, tick="100ms")
        return config

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.proxy:
            self.proxy.close()

    # ---- what a person is told -------------------------------------------------------------------
    def server_line(self):
        lines = [line for line in self.drover("status").stdout.splitlines()
                 if line.startswith("server ")]
        return lines[0][10:] if lines else ""

    def log_since(self, mark):
        with open(self.log_path, errors="replace") as file:
            file.seek(mark)
            return file.read()

    def log_size(self):
        return os.path.getsize(self.log_path)

    # ---- what must not happen --------------------------------------------------------------------
    def drain_flags(self):
        """{instance id: value} of the drain flags that stand at the server now."""
        queues = self.api("queues.get_all", id=list(self.queues.values()))["queues"]
        return {key.split(".", 2)[2]: entry.get("value") for queue in queues
                for key, entry in (queue.get("metadata") or {}).items()
                if key.startswith("drover.drain.")}

    def instances(self):
        return set(self.machine_processes().values())

    def idle_instances(self):
        return {worker.rsplit(":", 1)[1] for worker, seen in self.workers().items()
                if not seen.get("task")} & self.instances()

    def picture(self):
        return json.loads(self.drover("--json", "status").stdout)["picture"]


CONFIG = {
    "machine_types": [
        {"name": "small", "account": "local", "max_machines": 2, "idle_timeout": "%ds" % IDLE_S},
        {"name": "big", "account": "local", "max_machines": 1, "idle_timeout": "%ds" % IDLE_S}],
    "queues": [{"name": "cpu", "types": ["small"]}, {"name": "gpu", "types": ["big"]},
               {"name": "later", "types": ["small"]}],
}

WAITS = """
import os, time
with open({runs!r}, "a") as file:
    file.write("busy " + os.uname().nodename + "\\n")
while not os.path.exists({release!r}):
    time.sleep(0.5)
"""


class BadServer(unittest.TestCase):
    def test_faults_strike_a_running_droverd(self):
        with ProxiedWorld(CONFIG) as world:
            self.world, self.table, self.number = world, [], 0
            release = os.path.join(world.dir, "release")
            busy = world.create_task("busy", WAITS.format(runs=world.runs_path, release=release))
            world.enqueue(busy, "cpu")
            self.unknown_queue_is_named()
            eventually(lambda: world.status([busy])[busy] == "in_progress", 60, "a busy machine")
            self.busy_on = {host for name, host in world.runs() if name == "busy"}
            try:
                self.each_is_said()
                self.without_a_fault_the_idle_machine_goes()
                for faults in ROUNDS:
                    self.round(faults)
            finally:
                self.print_table()
            self.unknown_queue_is_picked_up()
            open(release, "w").close()
            eventually(lambda: world.all_completed([busy]), 30, "the busy task completed")
            names = [name for name, _ in world.runs()]
            self.assertEqual(sorted(names), sorted(set(names)), "no task ran twice")

    # ---- the faults ------------------------------------------------------------------------------
    def serve_one(self):
        """One task from queue to end; its machine then is idle. Gives that machine and when."""
        self.number += 1
        task = self.world.create_task("task%d" % self.number, seconds=0)
        self.world.enqueue(task, "gpu")
        eventually(lambda: self.world.all_completed([task]), 60, "a task was served")
        idle = eventually(lambda: self.world.idle_instances() - self.busy_on, 15, "idle machine")
        since = time.monotonic()
        # From here on only the fault is in the way of its end.
        eventually(lambda: all(self.rows()[name]["idle_since_us"] for name in idle), 10,
                   "Drover knows that it is idle", 0.05)
        return idle, since

    def rows(self):
        """instance id -> its row in the ledger."""
        shown = json.loads(self.world.drover("--json", "machines").stdout)
        return {row["instance_id"]: row for row in shown["machines"]}

    def without_a_fault_the_idle_machine_goes(self):
        idle, since = self.serve_one()
        eventually(lambda: not idle & self.world.instances(), 30, "the idle machine is gone")
        gone_s = time.monotonic() - since
        self.fault_s = max(FAULT_S, gone_s + 1)
        print("without a fault an idle machine is gone after %.1f s; faults last %.1f s" % (
            gone_s, self.fault_s), flush=True)

    def round(self, faults):
        world, began = self.world, time.monotonic()
        idle, since = self.serve_one()
        droverd = world.droverd.pid
        for fault in faults:
            world.proxy.strike(fault)
            if fault in WORDS:
                self.shown(WORDS[fault])
            else:
                eventually(lambda: world.proxy.met > 3, 10, "the fault was met")
            self.nothing_is_ended(faults, idle)
        while time.monotonic() - since < self.fault_s:
            self.nothing_is_ended(faults, idle)
            time.sleep(0.3)
        self.nothing_is_ended(faults, idle)
        if faults != ["empty_lists"]:
            self.picture_is_kept(idle)
        healed = time.monotonic()
        world.proxy.heal()
        self.is_well_again()
        well = time.monotonic()
        eventually(lambda: not idle & world.instances(), 20, "Drover acts again: the idle one goes")
        self.assertEqual(world.droverd.pid, droverd)
        self.assertIsNone(world.droverd.poll())
        print("%-36s %5.1f s, of these well again after %.1f s, idle machine gone after %.1f s" % (
            ", ".join(faults), time.monotonic() - began, well - healed,
            time.monotonic() - healed), flush=True)

    def each_is_said(self):
        """One after the other, each from a server that is well."""
        world = self.world
        for fault, words in WORDS.items():
            mark = world.log_size()
            world.proxy.strike(fault)
            said = lambda: [line for line in world.log_since(mark).splitlines()
                            if re.search(words, line)]
            eventually(said, 15, "%s is said in the log: /%s/" % (fault, words))
            self.table.append((fault, self.shown(words)))
            if fault != "down":  # nobody counts refused connections
                eventually(lambda: world.proxy.met > 2, 15, "the fault was met again")
            self.assertEqual(len(said()), 1, "%s is said once" % fault)
            self.assertLessEqual(self.busy_on, world.instances())
            world.proxy.heal()
            self.is_well_again()

    def shown(self, words):
        """The words on the server in `drover status`, once they match."""
        return eventually(lambda: re.search(words, self.world.server_line()) and
                          self.world.server_line(), 10, "drover status says /%s/" % words)

    def is_well_again(self):
        eventually(lambda: "the ClearML server answers" in self.world.server_line(), 20,
                   "the server is well again")

    def nothing_is_ended(self, faults, idle):
        world = self.world
        self.assertLessEqual(idle | self.busy_on, world.instances(),
                             "a machine was ended during %s" % faults)
        self.assertEqual(world.drain_flags(), {}, "a drain flag was written during %s" % faults)
        rows = self.rows()
        self.assertEqual({rows[name]["state"] for name in idle | self.busy_on}, {"up"},
                         "an end was decided during %s" % faults)

    def picture_is_kept(self, idle):
        picture = self.world.picture()
        known = {queue["name"]: queue["known"] for queue in picture["queues"]["queues"]}
        self.assertEqual(known, {"cpu": True, "gpu": True, "later": False})
        seen = {worker["instance_id"] for worker in picture["workers"]["workers"]}
        self.assertLessEqual(idle | self.busy_on, seen, "the last picture was lost")

    def print_table(self):
        print("\nwhat a person is told (drover status, and once in the log):")
        for fault, sentence in self.table:
            print("  %-12s %s" % (fault, sentence))

    # ---- an unknown queue ------------------------------------------------------------------------
    def unknown_queue_is_named(self):
        words = "the server has no queue named 'later'"
        eventually(lambda: words in self.world.log(), 10, "the unknown queue is named")
        self.assertRegex(self.world.drover("queues").stdout, "later .*the server has no queue")

    def unknown_queue_is_picked_up(self):
        world = self.world
        self.assertEqual(world.log().count("the server has no queue named 'later'"),
                         1 + world.log().count("queue 'later' is there now"), "said once")
        world.queues["later"] = world.api("queues.create", name="later")["id"]
        task = world.create_task("in the new queue".replace(" ", "-"), seconds=0)
        world.enqueue(task, "later")
        eventually(lambda: world.all_completed([task]), 60, "the new queue is served")


class WrongKeyWorld(ProxiedWorld):
    """Its credentials file holds a key that the server does not know, until it is mended."""

    right = None

    def write_config(self, config=None):
        self.right, self.secret_key = self.secret_key, "wrong" * 8
        super().write_config(config)
        self.secret_key = self.right


class BadStart(unittest.TestCase):
    def test_a_wrong_key_is_said_once_and_mended_without_a_restart(self):
        with WrongKeyWorld(CONFIG) as world:
            words = r"does not accept the ClearML key pair from \S+/clearml.yaml \(401/\d+\)"
            eventually(lambda: re.search(words, world.server_line()), 10, "drover status says it")
            self.assertNotEqual(world.drover("status").returncode, 0)
            world.proxy.calls.clear()
            time.sleep(8)
            tries = len(world.proxy.calls)
            self.assertLessEqual(tries, 4, "tried slowly: %s" % world.proxy.calls)
            self.assertGreaterEqual(tries, 1, "tried again at all")
            self.assertEqual(len(re.findall(words, world.log())), 1, "said once")
            self.assertNotIn("wrongwrong", world.log(), "no secret in the log")
            task = world.create_task("after", seconds=0)
            world.enqueue(task, "cpu")
            with open(os.path.join(world.dir, "clearml.yaml"), "w") as file:
                json.dump({"access_key": world.access_key, "secret_key": world.right}, file)
            eventually(lambda: world.all_completed([task]), 60, "served once the key is right")
            print("\nwrong key at start: tried %d times in 8 s" % tries)

    def test_a_second_droverd_on_the_same_state_directory_is_refused(self):
        with World() as world:
            second = subprocess.run(
                [os.path.join(BIN, "droverd"), "--config", world.config_path],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
            print("\nsecond droverd, exit code %d: %s" % (second.returncode, second.stdout.strip()))
            self.assertNotEqual(second.returncode, 0)
            self.assertIn("runs on %s: stop it, or" % world.state_dir, second.stdout)
            self.assertIn(str(world.droverd.pid), second.stdout)
            self.assertTrue(world.is_ready(), "the first goes on")


if __name__ == "__main__":
    unittest.main()
