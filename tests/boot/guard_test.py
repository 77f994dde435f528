# SPDX-License-Identifier: Apache-2.0
"""The guard on machines that really boot, with the genuine clearml-agent (P14 to P16, P19)."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import machine
from machine import MachineCase, wait

LONG = "import time\nprint('job runs', flush=True)\ntime.sleep(600)\n"
SHORT = "import time\nprint('job runs', flush=True)\ntime.sleep(%s)\nprint('job done')\n"


def setUpModule():
    machine.needed()


class Drain(MachineCase):
    def note(self):
        return os.path.join(self.server.folder, "note")

    def running(self, m, task):
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_idle_machine_acknowledges_and_is_gone(self):
        m = self.machine("idle").up()
        m.drain("idle")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.ack(), "done")
        self.assert_gone(m)

    def test_busy_machine_refuses_and_its_task_completes(self):
        m = self.machine("busy").up()
        task = self.server.enqueue("cpu", SHORT % 8)
        self.running(m, task)
        m.drain("idle")
        wait("the refusal", 20, m.ack)
        self.assertEqual(m.ack(), "refused")
        wait("the task's end", 60, lambda: self.server.task(task)["status"] == "completed")
        self.assertIsNone(m.proc.poll())
        # the same flag is not answered twice; a new one is
        self.server.undrain("cpu", m.name)
        m_agent = m.agent()
        wait("the guard to see that", 20, lambda: "drain flag is now None" in m.log())
        self.assertEqual(m.agent(), m_agent, "the agent was left alone")
        m.drain("idle")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.ack(), "done")

    def test_now_ends_a_running_task_without_a_word(self):
        m = self.machine("now").up()
        task = self.server.enqueue("cpu", LONG)
        self.running(m, task)
        m.drain("now")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.ack(), "done")
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_now_waits_for_a_task_that_tidies_up(self):
        script = ("import signal, time\n"
                  "def tidy(*_):\n"
                  "    time.sleep(1); open(%r, 'w').write('tidied'); raise SystemExit(0)\n"
                  "signal.signal(signal.SIGTERM, tidy)\n"
                  "time.sleep(600)\n" % self.note())
        m = self.machine("tidy").up()
        task = self.server.enqueue("cpu", script)
        self.running(m, task)
        m.drain("now")
        m.ended()
        self.assertTrue(os.path.exists(self.note()))
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_now_ends_a_task_of_the_sdk_without_a_word(self):
        m = self.machine("sdk").up()
        task = self.server.enqueue(
            "cpu", "from clearml import Task\nimport time\n"
                   "task = Task.init(project_name='p', task_name='t')\n"
                   "open(%r, 'w').write('x')\ntime.sleep(600)\n" % self.note())
        wait("the task's own words", 90, lambda: os.path.exists(self.note()))
        m.drain("now")
        self.assertEqual(m.ended(), 0)
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_a_task_that_comes_between_flag_and_end_is_not_lost(self):
        """Whatever the moment: refused and run, or acknowledged and not begun."""
        answers = []
        for i, moment in enumerate((0.0, 0.2, 0.4, 0.6, 0.8)):
            m = self.machine("race-%d" % i).up()
            if os.path.exists(self.note()):
                os.unlink(self.note())
            m.drain("idle")
            time.sleep(moment)  # the moment itself is what is tried
            task = self.server.enqueue("cpu", "open(%r, 'w').write('x')\n" % self.note())
            answer = wait("an answer", 60, m.ack)
            answers.append(answer)
            if answer == "refused":
                wait("the task's end", 60,
                     lambda: self.server.task(task)["status"] == "completed")
                m.close()
            else:
                self.assertEqual(m.ended(), 0)
                self.assertFalse(os.path.exists(self.note()), "a task begun was ended")
                self.assertEqual(self.server.task(task)["status"], "queued")
                self.assertIn(task, self.server.waiting("cpu"), "a task was popped and dropped")
                self.server.call("queues.remove_task", queue=self.server.queues["cpu"], task=task)
        sys.stderr.write(" ".join(answers) + " ")

    def test_without_the_fence_a_task_is_lost(self):
        """The switch that shows what the fence is for."""
        m = self.machine("open", fence_off=True).up()
        task = self.server.enqueue("cpu", LONG)
        self.running(m, task)
        m.drain("idle")
        m.ended()
        self.assertEqual(m.ack(), "done")
        self.assertNotEqual(self.server.task(task)["status"], "completed")

    def test_after_task_lets_the_task_end_and_takes_no_other(self):
        m = self.machine("after").up()
        first = self.server.enqueue("cpu", SHORT % 5)
        self.running(m, first)
        m.drain("after-task")
        self.assertEqual(m.ended(90), 0)
        self.assertEqual(self.server.task(first)["status"], "completed")
        self.assertEqual(m.ack(), "done")
        self.assert_gone(m)

    def test_names_that_begin_alike_are_told_apart(self):
        one, ten = self.machine("1").up(), self.machine("10").up()
        one.drain("idle")
        self.assertEqual(one.ended(), 0)
        self.assertIsNone(ten.proc.poll())
        self.assertIn(ten.worker, self.server.workers())
        self.assertIsNone(ten.ack())


class EndOfLife(MachineCase):
    def test_agent_killed_ends_task_and_machine(self):
        m = self.machine("crash").up()
        task = self.server.enqueue("cpu", LONG)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        os.kill(m.agent(), signal.SIGKILL)
        self.assertEqual(m.ended(), 3)
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")
        self.assertIn("the agent ended by itself (exit -9)", m.log())

    def test_guard_killed_ends_agent_and_machine(self):
        m = self.machine("guard").up()
        task = self.server.enqueue("cpu", LONG)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        os.kill(m.guard(), signal.SIGKILL)
        self.assertEqual(m.ended(), 137)
        wait("no process of it", 10, lambda: not m.processes())
        self.assertEqual(self.server.task(task)["status"], "in_progress")
        self.assertIn("the guard was lost", m.log())

    def test_sigterm_is_a_planned_end(self):
        m = self.machine("term").up()
        task = self.server.enqueue("cpu", LONG)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        os.kill(m.guard(), signal.SIGTERM)
        self.assertEqual(m.ended(), 0)
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_sigterm_to_the_script_is_one_too(self):
        m = self.machine("script").up()
        task = self.server.enqueue("cpu", LONG)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        m.proc.terminate()
        self.assertEqual(m.ended(), 0)
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")

    def test_a_cloud_machine_is_switched_off(self):
        m = self.machine("cloud", power_off="shutdown").up()
        m.drain("idle")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.powered_off(), "shutdown -h now\n")

    def test_a_machine_whose_script_is_killed_is_switched_off_too(self):
        m = self.machine("headless", power_off="shutdown").up()
        m.proc.kill()
        wait("the guard's own hand", 30, m.powered_off)
        self.assert_gone(m)

    def test_own_switch_takes_an_idle_machine_away(self):
        m = self.machine("forgotten", own_idle_limit_s=3)
        self.assertEqual(m.ended(90), 0)
        self.assertIn("nobody took the machine away", m.log())
        self.assert_gone(m)

    def test_own_switch_runs_on_while_the_server_is_down(self):
        m = self.machine("alone", own_idle_limit_s=8).up()
        self.server.pause()
        try:
            m.ended(120)
        finally:
            self.server.resume()
        wait("no process of it", 10, lambda: not m.processes())

    def test_hard_age_ends_amid_a_task(self):
        # The task is there before the agent: one that found none would go at its maximum life.
        task = self.server.enqueue("cpu", LONG)
        m = self.machine("old", max_life_s=3, max_task_s=10)
        self.assertEqual(m.ended(90), 0)
        self.assertIn("older than its maximum life and a task's", m.log())
        self.assertIn(self.server.task(task)["status"], ("in_progress", "queued"))

    def test_a_failing_start_says_why_and_ends(self):
        m = self.machine("noagent", agent_python="/nowhere/python")
        self.assertEqual(m.ended(), 1)
        self.assertIn("agent_python /nowhere/python has no clearml_agent", m.log())
        m = self.machine("badinit", init_script="echo before\nexit 7\n")
        self.assertEqual(m.ended(), 1)
        self.assertIn("the init script ended with status 7", m.log())


class Notice(MachineCase):
    def test_a_spot_machine_goes_before_it_is_taken(self):
        """P21, and the instance id of a cloud's metadata service."""
        told, instance = {}, self.named("spot")

        class Metadata(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                text = {"/latest/api/token": "tok", "/latest/meta-data/instance-id": instance,
                        "/latest/meta-data/spot/instance-action": told.get("action")}[self.path]
                self.send_response(200 if text else 404)
                self.end_headers()
                self.wfile.write((text or "").encode())

            do_GET = do_PUT = answer

        cloud = http.server.HTTPServer(("127.0.0.1", 0), Metadata)
        threading.Thread(target=cloud.serve_forever, daemon=True).start()
        self.addCleanup(cloud.server_close)
        self.addCleanup(cloud.shutdown)
        m = self.machine("spot", id_source="aws-imdsv2",
                         metadata_url="http://127.0.0.1:%d" % cloud.server_port).up()
        task = self.server.enqueue("cpu", LONG)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        host = self.server.call("tasks.get_all", id=[task], only_fields=["runtime"])
        self.assertEqual(host["tasks"][0]["runtime"]["_exec_agent_hostname"], m.name)
        told["action"] = '{"action": "terminate", "time": "2026-01-01T00:02:00Z"}'
        self.assertEqual(m.ended(), 0)
        self.assertEqual(self.server.metadata("cpu").get("drover.notice." + m.name),
                         "terminate 2026-01-01T00:02:00Z")
        self.assert_gone(m)
        self.assertEqual(self.server.task(task)["status"], "in_progress")


class Slots(MachineCase):
    def test_all_or_nothing(self):
        m = self.machine("many", slots=2)
        wait("both agents", 90, lambda: self.server.workers() ==
             [m.worker + ":gpu0", m.worker + ":gpu1"])
        task = self.server.enqueue("cpu", SHORT % 8)
        wait("the task's process", 60, lambda: m.find(r"job\.py"))
        agents = sorted(m.find("clearml_agent daemon"))
        m.drain("idle")
        wait("the refusal", 20, lambda: m.ack() == "refused")
        self.assertEqual(sorted(m.find("clearml_agent daemon")), agents)
        wait("the task's end", 60, lambda: self.server.task(task)["status"] == "completed")
        self.server.undrain("cpu", m.name)
        wait("the guard to see that", 20, lambda: "drain flag is now None" in m.log())
        m.drain("idle")
        self.assertEqual(m.ended(), 0)
        self.assertEqual(m.ack(), "done")
        self.assertEqual(self.server.workers(), [])


    def test_a_dead_agent_gets_one_more_start(self):
        m = self.machine("frail", slots=2)
        both = [m.worker + ":gpu0", m.worker + ":gpu1"]
        wait("both agents", 90, lambda: self.server.workers() == both)
        killed = set()  # one that was just killed may still be seen for a moment
        for _ in range(2):
            first = wait("the first agent", 30, lambda: set(m.find(
                "clearml_agent daemon", "DROVER_SLOT=%s/0" % m.name)) - killed).pop()
            os.kill(first, signal.SIGKILL)
            killed.add(first)
        self.assertEqual(m.ended(), 0)
        self.assertIn("the agent ended by itself (exit -9) twice", m.log())
        self.assert_gone(m)
        self.assertEqual(self.server.workers(), [])


class Files(MachineCase):
    def test_secrets_stay_in_private_files(self):
        token = "git-token-f00d$`\"'\\x"
        m = self.machine("secret", git_hosts=[
            {"host": "git.example", "user": "me", "token": token},
            {"host": "http://other.example:3000", "user": "you", "token": "second-t0ken"}],
            ssh_private_key="not really a key", storage_conf=
            'sdk.aws.s3.credentials: [{host: "h:9", bucket: b, key: "AK", secret: "s3-secret"}]',
            extra_clearml_conf='agent.git_user = "overridden"',
            init_script="export FROM_INIT=seen-by-agent\nfalse\n").up()
        with open("/proc/%d/environ" % m.agent(), "rb") as f:
            self.assertIn(b"FROM_INIT=seen-by-agent", f.read().split(b"\0"))
        secrets = (token, "second-t0ken", "s3-secret", self.server.secret)
        for pid, words in m.processes():
            for secret in secrets:
                self.assertNotIn(secret, words)
        for secret in secrets:
            self.assertNotIn(secret, m.log())
        for name in ("clearml.conf", ".git-credentials", ".gitconfig", ".ssh/id_drover",
                     ".ssh/config", ".drover/settings.json", ".drover/env",
                     ".drover/machine.log"):
            mode = os.stat(os.path.join(m.home, name)).st_mode & 0o777
            self.assertEqual(mode, 0o600, name)
        conf = self.as_the_agent_reads(m)
        self.assertEqual(conf["agent"]["git_pass"], token)
        self.assertEqual(conf["agent"]["git_user"], "overridden")
        self.assertEqual(conf["agent"]["git"]["extra_credentials"][0]["host"], "other.example")
        self.assertEqual(conf["api"]["credentials"]["secret_key"], self.server.secret)
        self.assertEqual(conf["sdk"]["aws"]["s3"]["credentials"][0]["secret"], "s3-secret")
        m.drain("idle")
        self.assertEqual(m.ended(), 0)

    def as_the_agent_reads(self, m):
        return json.loads(subprocess.check_output([
            machine.PYTHON, "-c", "import json, sys\n"
            "from clearml_agent.external.pyhocon import ConfigFactory as c\n"
            "print(json.dumps(c.parse_file(sys.argv[1]).as_plain_ordered_dict()))",
            os.path.join(m.home, "clearml.conf")], universal_newlines=True))


if __name__ == "__main__":
    unittest.main()
