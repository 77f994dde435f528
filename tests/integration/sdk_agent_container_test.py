# SPDX-License-Identifier: Apache-2.0
"""Container mode with real containers: a task whose container was edited runs in that one, and a
task whose container the guard ended is put back."""
import os
import subprocess
import unittest

from fixtures import containers
from sdk_agent_world import PYTHON, SdkWorld, machine_type, needed
from world import eventually

CODE = '''
import os
flavour = open("/etc/flavour").read().strip() if os.path.exists("/etc/flavour") else "plain"
print("flavour", flavour, "word", os.environ.get("A_WORD"), os.environ.get("OWN"), flush=True)
'''

# The first run leaves a mark and waits to be ended, the second finds the mark.
TWICE = '''
import os, time
with open("/note/" + os.environ["CLEARML_TASK_ID"], "a") as file:
    file.write("run\\n")
if len(open("/note/" + os.environ["CLEARML_TASK_ID"]).readlines()) == 1:
    time.sleep(600)
print("second run", flush=True)
'''

ENQUEUE = '''
task = create(ARGS["name"], ARGS["code"])
if ARGS.get("image"):
    task.set_base_docker(docker_image=ARGS["image"], docker_arguments=["-e", "OWN=argument"])
Task.enqueue(task, queue_name="boxes")
done(task.id)
'''


def setUpModule():
    needed()
    missing = containers.missing()
    if missing:
        raise unittest.SkipTest(missing)


def boxes(folder, note):
    """A machine type in container mode. The containers' Python is Debian's, the agent's packages are
    lent to it: nothing is downloaded."""
    site = subprocess.check_output(
        [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip()
    return machine_type(
        "box", docker_image=containers.PLAIN,
        docker_args="-v %s:/site:ro -v %s:/note -e PYTHONPATH=/site -e PIP_NO_INDEX=1 "
                    "-e LOCAL_PYTHON=/usr/bin/python3 -e 'A_WORD=of two' "
                    "-e CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL=1" % (site, note),
        environment=["CONTAINERS_CONF=" + folder.env["CONTAINERS_CONF"],
                     "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL=/usr/bin/python3"],
        extra_clearml_conf='agent.docker_init_bash_script: ["true"]')


class BoxWorld(SdkWorld):
    def __init__(self):
        super().__init__(queues=("boxes",))
        self.boxes = containers.Containers(os.path.join(self.dir, "containers"))
        self.env.update(self.boxes.env)
        self.note = os.path.join(self.dir, "note")
        os.mkdir(self.note)
        self.overrides = {
            "worker_prefix": "drover%d" % os.getpid(),
            "machine_types": [boxes(self.boxes, self.note)],
            "queues": [{"name": "boxes", "types": ["box"]}],
            "timing": {"kill_grace": "2s"}}

    def containers(self):
        return self.boxes.of_workers("drover%d:" % os.getpid())

    def runs_of(self, task):
        path = os.path.join(self.note, task)
        if not os.path.exists(path):
            return 0
        with open(path) as file:
            return len(file.readlines())


class Container(unittest.TestCase):
    def test_a_task_runs_in_its_own_container(self):
        with BoxWorld() as world:
            keys_before = len(world.credentials())
            plain = world.sdk(ENQUEUE, name="default image", code=CODE)
            edited = world.sdk(ENQUEUE, name="edited", code=CODE, image=containers.EDITED)
            world.await_completed([plain, edited], 150, "both completed")
            self.assertIn("flavour plain word of two None", world.console(plain))
            self.assertIn("flavour edited word of two argument", world.console(edited))
            self.assertEqual(world.task(edited)["container"]["image"], containers.EDITED)
            world.await_nothing_left(self, keys_before)
            self.assertEqual(world.containers(), {})

    def test_a_task_ended_in_its_container_is_put_back(self):
        with BoxWorld() as world:
            task = world.sdk(ENQUEUE, name="twice", code=TWICE)
            eventually(lambda: world.runs_of(task) == 1, 90, "the task in its container")
            (container, worker), = world.containers().items()
            machine = worker.split(":")[3]
            statuses = []
            world.api("queues.add_or_update_metadata", queue=world.queues["boxes"], metadata=[
                {"key": "drover.drain." + machine, "type": "str", "value": "now"}])

            def gone():
                statuses.append(world.status([task])[task])
                return container not in world.containers()
            eventually(gone, 60, "the container gone")
            self.assertEqual(set(statuses), {"in_progress"}, "the dying agent said nothing")
            # stopped for a moment on its way back into the queue
            eventually(lambda: world.status([task])[task] == "completed", 150, "put back, completed")
            self.assertEqual(world.runs_of(task), 2)
            self.assertNotEqual(world.task(task)["last_worker"], worker)
            eventually(lambda: not world.machine_processes(), 60, "machines gone when idle")
            self.assertEqual(world.containers(), {})


if __name__ == "__main__":
    unittest.main()
