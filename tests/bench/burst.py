# SPDX-License-Identifier: Apache-2.0
"""A hundred tasks at once, in a cloud that takes 0.3 s a call and 15 s from launch to running: when
the last launch is asked for, when the last machine runs, when its agent is registered, and by how
many calls; beside ClearML's own autoscaler in the same cloud, and beside the floor that starting as
many agents costs this host by itself.

    burst.py [--quick] [peer] [floor] [drover]       without a part: all of them

The peer launches one machine after the other, so it is measured on a few and scaled: the first
machine's times and as many times the smallest distance of two. Its clock starts when its loop has
seen the tasks, so its polling interval (5 min by default) does not count; Drover's starts before
the first task is enqueued, once it is at rest, and all its settings are the defaults. The floor's
agents and the machines' find their queue empty (it is emptied when the last machine runs): a
hundred tasks are no part of what is measured, and this host could not bear them."""
import contextlib
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from ec2_world import IMAGE, PYTHON, Ec2World, eventually  # noqa: E402
from ec2fault import Ec2Fault  # noqa: E402
from world import World  # noqa: E402

CLOUD = {"latency_s": 0.3, "pending_s": 15}
QUEUE = "burst"
AGENT_MB = 90  # what a machine of cloudhost takes; an agent alone takes about 60
ROOM_MB = 2000  # stays free
LIMIT_S = 1200


def free_mb():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) // 1024


def fitting(machines):
    """As many as this host has memory for."""
    return max(1, min(machines, (free_mb() - ROOM_MB) // AGENT_MB))


def launches(cloud):
    """When each launch was asked for, in order (unix time)."""
    return sorted(entry["wall"] for entry in cloud.requests("RunInstances"))


def runnings(cloud):
    """When each machine began to run, in order."""
    return sorted(when for one in cloud.instances() for when, state, _ in one["life"]
                  if state == "running")


class Workers(threading.Thread):
    """Notes when each worker was first listed."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.first, self.ended = world, {}, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.2):
            for name in self.world.workers():
                self.first.setdefault(name, time.time())

    def await_count(self, count):
        """When that many were registered."""
        try:
            eventually(lambda: len(self.first) >= count, LIMIT_S, "%d workers registered" % count)
        finally:
            self.ended.set()
            self.join()
        return sorted(self.first.values())[count - 1]


class Server(World):
    """The ClearML server alone."""

    def __init__(self):
        super().__init__(queues=(QUEUE,))

    def __enter__(self):
        self.start_server()
        self.queues[QUEUE] = self.api("queues.create", name=QUEUE)["id"]
        return self

    def sdk_env(self, **more):
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(("CLEARML_", "TRAINS_", "AWS_"))}
        return dict(env, HOME=self.dir, CLEARML_CONFIG_FILE=os.path.join(self.dir, "none.conf"),
                    CLEARML_API_HOST=self.api_url, CLEARML_WEB_HOST=self.api_url,
                    CLEARML_FILES_HOST=self.files_url, CLEARML_API_ACCESS_KEY=self.access_key,
                    CLEARML_API_SECRET_KEY=self.secret_key, **more)


@contextlib.contextmanager
def processes(commands):
    """commands: [(argv, env, stdout), ...], started at once and killed in the end."""
    started = []
    try:
        for argv, env, stdout in commands:
            started.append(subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=stdout,
                                            start_new_session=True, text=True))
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def scaled(asked, run, start, machines):
    """When a few machines that came one after the other were asked for and ran -> the same of the
    last of `machines`, in seconds. Of every distance the smallest counts."""
    each = min(later - before for before, later in zip(asked, asked[1:]))
    launch = asked[0] - start + each * (machines - 1)
    return launch, launch + min(there - then for then, there in zip(asked, run))


def peer(measured, machines):
    with Ec2Fault(**CLOUD) as cloud, Server() as server:
        cloud.add_image(IMAGE, root_device="/dev/sda1")
        for i in range(measured):
            server.enqueue(server.create_task("task%d" % i), QUEUE)
        env = server.sdk_env(AWS_ENDPOINT_URL_EC2=cloud.url, AWS_EC2_METADATA_DISABLED="true")
        argv = [PYTHON, os.path.join(HERE, "burst_peer.py"), QUEUE, IMAGE, str(machines)]
        with processes([(argv, env, subprocess.PIPE)]) as (process,):
            seen = float(process.stdout.readline())
            eventually(lambda: len(runnings(cloud)) >= measured, LIMIT_S, "the peer's machines run")
        asked, run = launches(cloud), runnings(cloud)
        assert len(asked) == measured and not cloud.violations, (asked, cloud.violations)
        calls = sum(1 for entry in cloud.requests() if entry["wall"] <= run[-1])
        launch, running = scaled(asked, run, seen, machines)
        return {"launch": launch, "running": running, "calls": round(calls / measured * machines)}


def floor(machines):
    """Seconds until as many agents, started at once without any machine, are registered."""
    with Server() as server:
        agents = []
        for i in range(machines):
            home = os.path.join(server.dir, "home%d" % i)
            os.mkdir(home)
            agents.append(([PYTHON, "-u", "-m", "clearml_agent", "daemon", "--foreground",
                            "--cpu-only", "--queue", QUEUE],
                           dict(server.sdk_env(), HOME=home, TMPDIR=home,
                                CLEARML_WORKER_ID="floor:agent%d" % i), subprocess.DEVNULL))
        workers, begun = Workers(server), time.time()
        with processes(agents):
            return workers.await_count(machines) - begun


class Burst(Ec2World):
    """One type of machine for one queue; what is not said is as Drover has it by default."""

    def __init__(self, machines):
        super().__init__(queues=(QUEUE,), settings=CLOUD)
        self.machines = machines

    def default_config(self):
        config = super().default_config()
        del config["timing"], config["clearml"]["tick"]
        for account in config["accounts"]:
            del account["list_period"], account["timeout"]
        config["machine_types"] = [{
            "name": "burst", "account": "cloud", "ami_id": IMAGE, "instance_type": "t3.medium",
            "availability_zones": ["us-east-1a", "us-east-1b"], "idle_timeout": "1h",
            "max_machines": self.machines}]
        config["queues"] = [{"name": QUEUE, "types": ["burst"]}]
        return config


def drover(machines):
    with Burst(machines) as world:
        eventually(lambda: world.cloud.counts().get("DescribeInstances", 0) >= 2, 60,
                   "Drover has begun: it lists its machines again")
        before = sum(world.cloud.counts().values())
        keys = len(world.credentials())
        tasks = [world.create_task("task%d" % i) for i in range(machines)]
        workers, begun = Workers(world), time.time()
        for task in tasks:
            world.enqueue(task, QUEUE)
        eventually(lambda: len(runnings(world.cloud)) >= machines, LIMIT_S, "all machines run")
        counts = world.cloud.counts()
        world.api("queues.clear_queue", queue=world.queues[QUEUE])
        registered = workers.await_count(machines)
        assert world.cloud.launched == machines and not world.cloud.violations
        return {"launch": launches(world.cloud)[-1] - begun,
                "running": runnings(world.cloud)[-1] - begun, "registered": registered - begun,
                "calls": sum(counts.values()) - before, "launches": counts["RunInstances"],
                "keys": len(world.credentials()) - keys}


def say(name, value, unit, goal, **more):
    print(json.dumps(dict({"name": "burst." + name, "value": value, "unit": unit}, **more,
                          goal=goal)), flush=True)


def say_all(machines, peers, ground, own):
    for part, goal in (("launch", ">= 100 sooner"), ("running", ">= 50 sooner")):
        other = {"peer": round(peers[part], 1)} if peers else {}
        if peers and own:
            other["ratio"] = round(peers[part] / own[part], 1)
        say("last_" + part, own and round(own[part], 2), "s", goal, machines=machines, **other)
    other = {"floor": round(ground, 1)} if ground else {}
    if ground and own:
        other["ratio"] = round(own["registered"] / ground, 2)
    say("registered", own and round(own["registered"], 1), "s", "beside its floor",
        machines=machines, **other)
    say("calls", own and own["calls"], "calls to the cloud", "far fewer", machines=machines,
        **({"peer": peers["calls"]} if peers else {}))
    if own:
        say("launches", own["launches"], "RunInstances", "<= 5", machines=machines)
        say("keys", own["keys"], "keys made", "<= 5", machines=machines)


def main():
    quick = "--quick" in sys.argv
    parts = [word for word in sys.argv[1:] if not word.startswith("-")] or ["peer", "floor", "drover"]
    machines = fitting(20 if quick else 100)
    peers = peer(2 if quick else 4, machines) if "peer" in parts else None
    ground = floor(machines) if "floor" in parts else None
    say_all(machines, peers, ground, drover(machines) if "drover" in parts else None)


if __name__ == "__main__":
    main()
