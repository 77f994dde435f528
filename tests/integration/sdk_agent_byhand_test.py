# SPDX-License-Identifier: Apache-2.0
"""An agent that somebody started by hand serves the queue too: it comes first, untouched."""
import os
import subprocess
import unittest

from sdk_agent_world import PYTHON, Samples, SdkWorld, machine_type, needed
from world import eventually

WORKER = "lab:host:cpu:0"


def setUpModule():
    needed()


def start_agent(world):
    home = os.path.join(world.dir, "lab")
    env = dict(world.sdk_env("lab"), CLEARML_WORKER_ID=WORKER,
               CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL="1",
               CLEARML_AGENT_SKIP_PIP_VENV_INSTALL=PYTHON, CLEARML_AGENT_QUEUE_POLL_FREQ_SEC="1")
    env.pop("CLEARML_CONFIG_FILE")
    with open(os.path.join(home, "agent.log"), "w") as log:
        return subprocess.Popen(
            [PYTHON, "-m", "clearml_agent", "daemon", "--foreground", "--cpu-only",
             "--queue", "cpu"], env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


class ByHand(unittest.TestCase):
    def test_an_agent_by_hand_comes_first_and_is_never_touched(self):
        config = {"machine_types": [machine_type("small", max_machines=4), machine_type("big")]}
        with SdkWorld(config) as world:
            agent = start_agent(world)
            try:
                self.story(world, agent)
            finally:
                agent.kill()
                agent.wait()

    def story(self, world, agent):
        keys_before = len(world.credentials())
        eventually(lambda: WORKER in world.workers(), 30, "the agent by hand registered")
        eventually(lambda: WORKER in world.drover("--json", "queues").stdout, 30, "seen by Drover")
        samples = Samples(world)
        for name in ("first", "second"):
            self.run_on_free_agent(world, name)
        self.assertEqual(samples.ever(), frozenset(), "no machine while the agent is free")
        gate = os.path.join(world.dir, "gate")
        held = world.create_task("held", "import os, time\nwhile not os.path.exists(%r):\n"
                                 "    time.sleep(0.2)\n" % gate)
        world.enqueue(held, "cpu")
        eventually(lambda: world.status([held])[held] == "in_progress", 30, "the agent is busy")
        surge = world.create_task("surge")
        world.enqueue(surge, "cpu")
        world.await_completed([surge], 90, "the surge served")
        self.assertEqual(world.types([surge])[surge], "small")
        eventually(lambda: not world.machine_processes(), 60, "the machine left")
        self.assertIsNone(agent.poll())
        open(gate, "w").close()
        world.await_completed([held], 30, "the held task completed")
        world.await_nothing_left(self, keys_before)
        self.assertEqual(len(samples.stop().ever()), 1, "one machine for the surge")
        self.assertIsNone(agent.poll(), "the agent by hand lives on")
        self.assertEqual(set(world.workers()), {WORKER})

    def run_on_free_agent(self, world, name):
        eventually(lambda: not world.workers()[WORKER].get("task"), 30, "the agent is free")
        task = world.create_task(name)
        world.enqueue(task, "cpu")
        world.await_completed([task], 60, "run by the agent by hand")
        self.assertEqual(world.task(task)["last_worker"], WORKER)


if __name__ == "__main__":
    unittest.main()
