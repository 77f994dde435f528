# SPDX-License-Identifier: Apache-2.0
"""The guard where tasks run in containers: real ones, by podman under the name of docker."""
import os
import shutil
import subprocess
import tempfile
import unittest

import machine
from machine import MachineCase, wait

IMAGE = "localhost/drover-guard-test:1"
TOOLS = tempfile.mkdtemp(prefix="drover-containers-")
CONF = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "host"
"""


def podman(*words):
    return subprocess.run(("podman",) + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          universal_newlines=True)


def make_image():
    """Debian with Python and nothing else; kept for the next run."""
    if podman("image", "exists", IMAGE).returncode == 0:
        return
    root = os.path.join(TOOLS, "root.tar")
    made = subprocess.run(["mmdebstrap", "-q", "--variant=minbase", "--include=python3",
                           "bookworm", root])
    if made.returncode != 0 or podman("import", root, IMAGE).returncode != 0:
        raise unittest.SkipTest("no image could be made (mmdebstrap, a Debian mirror)")
    os.unlink(root)


def setUpModule():
    machine.needed()
    if os.getuid() != 0:
        raise unittest.SkipTest("containers are tried as root only")
    for tool in ("podman", "runc", "mmdebstrap"):
        if not shutil.which(tool):
            raise unittest.SkipTest(tool + " is missing")
    with open(os.path.join(TOOLS, "containers.conf"), "w") as f:
        f.write(CONF)
    os.environ["CONTAINERS_CONF"] = os.path.join(TOOLS, "containers.conf")
    os.symlink(shutil.which("podman"), os.path.join(TOOLS, "docker"))
    os.environ["PATH"] = TOOLS + ":" + os.environ["PATH"]
    make_image()


def tearDownModule():
    shutil.rmtree(TOOLS, ignore_errors=True)


class Containers(MachineCase):
    def contained(self, name):
        """The container's Python is Debian's; the agent's packages are lent to it."""
        site = subprocess.check_output(
            [machine.PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            universal_newlines=True).strip()
        return self.machine(
            name, docker_image=IMAGE,
            docker_args="-v %s:/site:ro -v %s:/note -e PYTHONPATH=/site -e PIP_NO_INDEX=1 "
                        "-e LOCAL_PYTHON=/usr/bin/python3 -e 'A WORD=of two' "
                        "-e CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL=1" % (site, self.server.folder),
            agent_env={"CLEARML_AGENT_SKIP_PIP_VENV_INSTALL": "/usr/bin/python3"},
            extra_clearml_conf='agent.docker_init_bash_script: ["true"]')

    def containers(self, m):
        return podman("ps", "-aq", "--filter",
                      "label=clearml-parent-worker-id=" + m.worker).stdout.split()

    def note(self, name):
        return os.path.exists(os.path.join(self.server.folder, name))

    def test_busy_refuses_then_idle_ends(self):
        m = self.contained("box").up()
        task = self.server.enqueue(
            "cpu", "import time\nopen('/note/runs', 'w').write('x')\n"
                   "time.sleep(8)\n")
        wait("the task in its container", 90, lambda: self.note("runs"))
        self.assertEqual(len(self.containers(m)), 1)
        m.drain("idle")
        wait("the refusal", 30, lambda: m.ack() == "refused")
        wait("the task's end", 60, lambda: self.server.task(task)["status"] == "completed")
        self.server.undrain("cpu", m.name)
        wait("the guard to see that", 20, lambda: "drain flag is now None" in m.log())
        m.drain("idle")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(self.containers(m), [])

    def test_now_ends_the_container_without_a_word(self):
        m = self.contained("crate").up()
        task = self.server.enqueue(
            "cpu", "import signal, time\n"
                   "def tidy(*_):\n"
                   "    open('/note/tidied', 'w').write('x'); raise SystemExit(0)\n"
                   "signal.signal(signal.SIGTERM, tidy)\n"
                   "open('/note/runs', 'w').write('x')\n"
                   "time.sleep(600)\n")
        wait("the task in its container", 90, lambda: self.note("runs"))
        m.drain("now")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.ack(), "done")
        self.assertTrue(self.note("tidied"), "the task had its grace")
        self.assertEqual(self.containers(m), [])
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")


if __name__ == "__main__":
    unittest.main()
