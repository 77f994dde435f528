# SPDX-License-Identifier: Apache-2.0
"""drover demo: enqueue twelve tasks through the genuine ClearML SDK and watch them to their end.

A burst as a hyper-parameter search makes it, a pipeline of three whose controller is a task too,
clones with edited parameters, and a task whose code came from a notebook. The last line counts what
the server and the process table say: `demo: 12 tasks completed, 5 machines started, 0 left`.
"""
import os
import sys
import time

print("demo: making the tasks with the ClearML SDK", flush=True)  # which takes seconds to load

from clearml import Task
from clearml.backend_api.session.client import APIClient

PROJECT = "drover demo"
DEADLINE_S = 900

TRAIN = '''
import argparse, time
from clearml import Task
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--steps", type=int, default=4)
args = parser.parse_args()
task = Task.init()
loss = 1.0
for step in range(args.steps):
    loss *= 1 - args.rate
    task.get_logger().report_scalar("loss", "train", value=loss, iteration=step)
    print("step", step, "loss", round(loss, 4), flush=True)
    time.sleep(0.5)
'''

STEP = '''
import time
from clearml import Task
task = Task.init()
number = task.connect({"number": 1})["number"]
print("this step got", number, flush=True)
time.sleep(1)
task.upload_artifact("number", int(number) + 1, wait_on_upload=True)
'''

CONTROLLER = '''
import sys
from clearml import Task
task = Task.init()
steps = task.connect({"template": "", "queue": "cpu"})
number = 1
for name in ("prepare", "train", "evaluate"):
    step = Task.clone(steps["template"], name="pipeline: " + name, parent=task.id)
    step.set_parameter("General/number", number)
    Task.enqueue(step, queue_name=steps["queue"])
    step.wait_for_status(check_interval_sec=1)
    number = Task.get_task(step.id).artifacts["number"].get()
    print(name, "is done, the number is", number, flush=True)
'''

NOTEBOOK = '''#!/usr/bin/env python
# coding: utf-8

# In[1]:


from clearml import Task
task = Task.init()
params = {'k': 2}
task.connect(params)


# In[2]:


k = int(params['k'])
print('k times three', k * 3)


# In[3]:


task.get_logger().report_scalar('notebook', 'k3', value=k * 3, iteration=0)

'''

MARKS = {"queued": "○", "in_progress": "●", "completed": "✓", "failed": "✕", "stopped": "✕"}
LEGEND = """demo: tasks     ○ waits  ● runs  ✓ is done
      machines  ◔ starts  ● its agent is there  ◗ its agent has left  · is gone
"""


def create(name, code, entry_point="train.py"):
    """A task whose code stands in the task itself, as the SDK stores a script outside of git."""
    task = Task.create(project_name=PROJECT, task_name=name, task_type="training")
    task.set_script(repository="", branch="", commit="", diff=code, working_dir=".",
                    entry_point=entry_point)
    task.set_packages(["clearml"])
    return task


def template(api, name, code):
    """One of an earlier demo, or a new one: two of a name would be a riddle to who clones it."""
    for project in api.projects.get_all(name="^%s$" % PROJECT, only_fields=["id"]):
        for task in api.tasks.get_all(project=[project.id], name="^%s$" % name, only_fields=["id"]):
            return Task.get_task(task_id=task.id)
    return create(name, code)


def enqueue_all(api):
    base = template(api, "base: train", TRAIN)
    step = template(api, "base: step", STEP)
    burst = []
    for rate in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        task = Task.clone(base, name="search: rate %.1f" % rate)
        task.set_parameters({"Args/rate": rate, "Args/steps": 4})
        burst.append((task, "cpu"))
    controller = create("pipeline: controller", CONTROLLER)
    controller.set_parameters({"General/template": step.id, "General/queue": "cpu"})
    edited = Task.clone(base, name="clone: more steps")
    edited.set_parameters({"Args/rate": 0.05, "Args/steps": 6})
    notebook = create("notebook", NOTEBOOK, entry_point="notebook.py")
    notebook.set_parameters({"General/k": 7})
    mine = burst + [(controller, "gpu"), (edited, "gpu"), (notebook, "cpu")]
    for task, queue in mine:
        Task.enqueue(task, queue_name=queue)
        say("○", "enqueued %-24s into %s" % (task.name, queue))
    return {task.id for task, _ in mine}, controller.id


def say(mark, text):
    print("%s  %s %s" % (time.strftime("%H:%M:%S"), mark, text), flush=True)


def local_machines(home):
    """Instance ids of the machines that the process table shows: (started ever, alive now)."""
    machines = os.path.join(home, "state", "machines")
    started = set(os.listdir(machines)) if os.path.isdir(machines) else set()
    alive = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "drover-local-machine" in words[0] and len(words) > 1 and words[1] in started:
            alive.add(words[1])
    return started, alive


class Watch:
    """Says each change of tasks, workers and machines once."""

    def __init__(self, home):
        self.home, self.api = home, APIClient()
        self.tasks, self.workers, self.machines, self.started = {}, {}, set(), set()
        self.ours, self.others = set(), set()  # machines, by whose tasks were seen on them

    def look(self, ids, controller):
        for task in self.api.tasks.get_all(id=sorted(ids), only_fields=["id", "name", "status"]):
            status = str(task.status)  # the SDK gives an enumeration that equals no text
            if self.tasks.get(task.id) != status:
                say(MARKS.get(status, " "), "%-24s %s" % (task.name, status))
            self.tasks[task.id] = status
        children = self.api.tasks.get_all(parent=controller, only_fields=["id"])
        ids.update(task.id for task in children)
        now = {w.id: (w.task.id if w.task else None) for w in self.api.workers.get_all()}
        for worker in sorted(set(now) - set(self.workers)):
            say("●", "agent %s is there" % worker)
        for worker in sorted(set(self.workers) - set(now)):
            say("◗", "agent %s has left" % worker)
        self.workers = now
        for worker, task in now.items():
            if task:
                (self.ours if task in ids else self.others).add(worker.split(":")[-1])
        _, alive = local_machines(self.home)
        for machine in sorted(alive - self.machines):
            say("◔", "machine %s has started" % machine)
        for machine in sorted(self.machines - alive):
            say("·", "machine %s is gone" % machine)
        self.started |= alive
        self.machines = alive

    def count(self):
        """Machines that started, without those that only other people's tasks ran on."""
        return len(self.started - (self.others - self.ours))


def main():
    home = sys.argv[1]
    watch = Watch(home)
    print(LEGEND, flush=True)
    ids, controller = enqueue_all(watch.api)
    expected = len(ids) + 3
    ended = ("completed", "failed", "stopped", "published")
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        watch.look(ids, controller)
        running = [task for task, status in watch.tasks.items() if status not in ended]
        if not running and not watch.machines and not watch.workers:
            break
        time.sleep(0.5)
    completed = sum(status == "completed" for status in watch.tasks.values())
    left = len(watch.machines) + len(watch.workers)
    print("demo: %d tasks completed, %d machines started, %d left"
          % (completed, watch.count(), left), flush=True)
    return 0 if completed == expected and left == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
