# SPDX-License-Identifier: Apache-2.0
"""Machines that lack what they are paid for: no agent starts there, and the server is told why.
nvidia-smi and the container engine are stand-ins."""
import os
import signal
import unittest

import machine
from machine import MachineCase, wait

NO_DRIVER = ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
             "Make sure that the latest NVIDIA driver is installed and running.")


def shows(count):
    """nvidia-smi on a machine with so many cards."""
    return "\n".join('echo "GPU-%08d-0000-0000-0000-000000000000"' % i for i in range(count)) or ":"


def setUpModule():
    machine.needed()


class Gpus(MachineCase):
    def typed(self, name, smi, docker=None, **settings):
        """A machine whose type promises two GPUs; a look that fails is not repeated for long."""
        programs = {"nvidia-smi": smi}
        if docker is not None:
            settings["docker_image"] = "registry.example/team/image:1"
            programs["docker"] = docker
        return self.machine(name, programs=programs, **dict(
            {"gpu_count": 2, "gpu_patience_s": 1, "cpu_only": False}, **settings))

    def retired(self, m, sentence):
        seen = []

        def over():
            seen.extend(self.server.workers())
            return m.proc.poll() is not None

        wait("the end of " + m.name, 60, over)
        self.assertEqual(m.proc.returncode, 0)
        self.assertEqual(self.server.metadata("cpu").get("drover.notice." + m.name),
                         "unfit: " + sentence)
        self.assertIn("unfit: " + sentence, m.log())
        self.assertEqual(seen, [])
        self.assertNotIn("guard: watching", m.log())
        self.assert_gone(m)

    def test_all_there(self):
        m = self.typed("two", shows(2)).up()
        self.assertNotIn("drover.notice." + m.name, self.server.metadata("cpu"))
        m.drain("idle")
        self.assertEqual(m.ended(), 0)

    def test_one_is_missing(self):
        m = self.typed("one", shows(1), power_off="shutdown")
        self.retired(m, "the machine shows 1 of 2 GPUs")
        self.assertEqual(m.powered_off(), "shutdown -h now\n")

    def test_a_broken_driver(self):
        m = self.typed("broken", 'echo "%s"; exit 9' % NO_DRIVER)
        self.retired(m, "the machine shows no GPU: nvidia-smi ended with 9: " + NO_DRIVER)

    def test_it_ends_when_drover_has_heard(self):
        """Who sees the end before the reason would start the next one in the same place."""
        m = self.typed("heard", shows(1))
        wait("the notice", 30, lambda: self.server.metadata("cpu").get("drover.notice." + m.name))
        self.assertIsNone(m.proc.poll())
        m.drain("now")
        self.assertEqual(m.ended(), 0)
        self.assertIn("the drain flag is now now", m.log())
        self.assertEqual(self.server.metadata("cpu").get("drover.ack." + m.name), "done")

    def test_a_driver_that_hangs_is_not_in_the_way_of_an_end(self):
        m = self.typed("hangs", "echo x >$HOME/asked; exec sleep 1000", gpu_patience_s=500)
        wait("the look", 30, lambda: os.path.exists(os.path.join(m.home, "asked")))
        os.kill(m.guard(), signal.SIGTERM)
        self.assertEqual(m.ended(), 0)
        self.assert_gone(m)

    def test_a_driver_that_is_still_loading_is_waited_for(self):
        late = '[ -e $HOME/asked ] || { : >$HOME/asked; echo "%s"; exit 9; }\n' % NO_DRIVER
        self.typed("late", late + shows(2), gpu_patience_s=60).up()

    def test_a_server_that_does_not_answer_keeps_nobody(self):
        m = self.typed("lonely", ": >$HOME/asked\n" + shows(1), power_off="shutdown",
                       api_server="http://127.0.0.1:9")
        self.assertEqual(m.ended(120), 0)
        self.assertEqual(m.powered_off(), "shutdown -h now\n")

    def test_a_container_without_them(self):
        told = ("could not select device driver \\\"\\\" with capabilities: [[gpu]]")
        m = self.typed("bare", shows(2),
                       'echo "$*" >>$HOME/docker\n[ "$1" = run ] || exit 0\n'
                       'echo "Unable to find image locally"\n'
                       'echo "docker: Error response from daemon: %s."\n'
                       'echo; echo "Run docker run --help for more information"; exit 125' % told,
                       docker_args="--ipc=host -e 'A WORD=of two'")
        self.retired(m, "a container shows no GPU: docker ended with 125: docker: Error response "
                     "from daemon: could not select device driver \"\" with capabilities: [[gpu]].")
        with open(os.path.join(m.home, "docker")) as f:
            asked = f.read().split("\n")[0]
        self.assertEqual(asked, "run --rm --gpus all --ipc=host -e A WORD=of two "
                         "-e NVIDIA_DRIVER_CAPABILITIES=utility --entrypoint nvidia-smi "
                         "registry.example/team/image:1 --query-gpu=uuid --format=csv,noheader")

    def test_a_container_with_fewer(self):
        m = self.typed("mask", shows(2), '[ "$1" = run ] || exit 0\n' + shows(1))
        self.retired(m, "a container shows 1 of 2 GPUs")

    def test_a_container_with_all(self):
        m = self.typed("box", shows(2), '[ "$1" = run ] || exit 0\n' + shows(2)).up()
        m.drain("idle")
        self.assertEqual(m.ended(), 0)


if __name__ == "__main__":
    unittest.main()
