# SPDX-License-Identifier: Apache-2.0
"""A notebook, executed and tracked in a Jupyter server, is cloned with another parameter and run
remotely."""
import os
import subprocess
import unittest

from sdk_agent_world import PYTHON, SdkWorld, machine_type, needed

CLONE = '''
task = Task.clone(ARGS["task"], name="notebook, again")
task.set_parameter("General/k", 7)
Task.enqueue(task, queue_name="cpu")
done(task.id)
'''


def setUpModule():
    needed()


class Notebook(unittest.TestCase):
    def test_a_tracked_notebook_is_cloned_and_run(self):
        with SdkWorld({"machine_types": [machine_type("small"), machine_type("big")]}) as world:
            keys_before = len(world.credentials())
            original = self.execute(world)
            task = world.task(original)
            self.assertEqual(task["status"], "completed")
            self.assertIn("print('k times three is', k * 3)", task["script"]["diff"])
            self.assertIn("notebook", {a["key"] for a in task["execution"]["artifacts"]})
            clone = world.sdk(CLONE, task=original)
            world.await_completed([clone], 120, "the clone completed")
            seen = world.read([clone])[clone]
            self.assertIn("k times three is 21", seen["console"])
            self.assertEqual(seen["scalars"]["notebook"]["k3"], [[0, 21]])
            world.await_nothing_left(self, keys_before)

    def execute(self, world):
        env = world.sdk_env("jupyter")
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures", "notebook.py")
        done = subprocess.run([PYTHON, script, env["HOME"]], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
        return done.stdout.split()[-1]


if __name__ == "__main__":
    unittest.main()
