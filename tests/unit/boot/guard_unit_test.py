# SPDX-License-Identifier: Apache-2.0
"""The guard's parts by themselves: no agent, no ClearML server; clouds are a small HTTP server."""
import ast
import contextlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import threading
import unittest

SOURCE = os.environ["DROVER_BOOT_SOURCE"]
sys.path.insert(0, SOURCE)

import guard  # noqa: E402
import install  # noqa: E402
import net  # noqa: E402
import prepare  # noqa: E402
import slot  # noqa: E402

SETTINGS = {"api_server": "http://127.0.0.1:9", "web_server": "", "files_server": "",
            "access_key": "AK", "secret_key": "the-secret", "queues": ["q"],
            "drain_queue_id": "1", "worker_prefix": "p", "worker_name": "n", "type_name": "t",
            "id_source": "hostname", "slots": 1, "poll_s": 5, "unreported_grace_s": 86400,
            "kill_grace_s": 30}


def meaning(text):
    """The syntax tree without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
    return ast.dump(tree)


class Sources(unittest.TestCase):
    NAMES = ("net.py", "procs.py", "slot.py", "gpus.py", "guard.py", "access.py",
             "install.py", "prepare.py")

    def rendered(self, **settings):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(dict(SETTINGS, **settings), f)
            f.flush()
            return subprocess.run([os.environ["DROVER_BOOT_RENDER"], f.name],
                                  stdout=subprocess.PIPE, check=True).stdout

    def source(self, name):
        with open(os.path.join(SOURCE, name)) as f:
            return f.read()

    def test_python_3_6_reads_them(self):
        for name in self.NAMES:
            ast.parse(self.source(name), feature_version=(3, 6))

    def test_they_arrive_with_the_same_meaning(self):
        script = self.rendered(gpu_count=1, ssh_private_key="K")
        call = b"main </dev/null\n"
        self.assertTrue(script.endswith(call))
        with tempfile.TemporaryDirectory() as folder:
            script = script[:-len(call)] + b"DIR=%s\nunpack_guard\n" % folder.encode()
            subprocess.run(["bash"], input=script, check=True)
            for name in self.NAMES:
                with open(os.path.join(folder, name)) as f:
                    self.assertEqual(meaning(f.read()), meaning(self.source(name)), name)

    def test_the_script_arrives_with_the_same_meaning(self):
        """As bash understands it: its functions, and what stands outside of them."""
        def understood(text):
            text, call, rest = text.partition("\nmain </dev/null\n")
            self.assertEqual((bool(call), rest), (True, ""))
            told = subprocess.run(["bash", "-s"], input=text + "\ndeclare -f; set -o posix; set",
                                  env={"PATH": os.environ["PATH"], "HOME": "/root"},
                                  stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
            return [line for line in told.split("\n")
                    if not line.startswith(("BASH_EXECUTION", "PPID=", "SHELLOPTS="))]

        marks = dict(("@%s@" % name, "") for name in self.NAMES)
        template, sent = self.source("boot.sh"), self.rendered().decode()
        settings = sent[sent.index("\n{") + 1:sent.index("\nDROVER_END")]
        for mark, filled in dict(marks, **{"@POWER_OFF@": "exit", "@SETTINGS@": settings}).items():
            self.assertIn(mark, template)
            template = template.replace(mark + "\n" * (not filled), filled)
        for name in self.NAMES:
            start = sent.find('cat >"$DIR/%s" <<' % name)
            start = sent.index("\n", start) + 1
            sent = sent[:start] + sent[sent.index("DROVER_END\n", start):]
        self.assertEqual(understood(template), understood(sent))

    def test_a_part_that_is_not_needed_is_not_sent(self):
        for name, setting in (("def gate(", {"gpu_count": 1}),
                              ("def give_access(", {"ca_pem": "PEM"}),
                              ("def give_access(", {"git_hosts": [{"host": "h", "user": "u",
                                                                   "token": "t"}]}),
                              ("def give_access(", {"ssh_private_key": "K"})):
            self.assertNotIn(name, self.rendered().decode())
            self.assertIn(name, self.rendered(**setting).decode())

    def test_the_script_leaves_room_in_what_ec2_takes(self):
        """16 kB of user data, compressed: a machine's own settings get what is left."""
        for limit, settings in ((10600, {}), (12000, {"gpu_count": 8, "ssh_private_key": "K"})):
            packed = subprocess.run(["gzip", "-9"], input=self.rendered(**settings),
                                    stdout=subprocess.PIPE).stdout
            self.assertLess(len(packed), limit)


class Words(unittest.TestCase):
    """What is believed of an agent's output."""

    def setUp(self):
        self.slot = slot.Slot(0, "p:n:t:i", [], {"DROVER_SLOT": "i/0"})

    def hear(self, *lines):
        return [self.slot.hear(line, 100.0) for line in lines]

    def test_sleep_between_two_looks(self):
        self.hear("No tasks in queue 0a1b", "No tasks in Queues, sleeping for 5.0 seconds")
        self.assertEqual(self.slot.sleeps_until, 105.0)
        self.hear("anything else")
        self.assertEqual(self.slot.sleeps_until, 0)

    def test_a_task_is_told_from_pull_to_report(self):
        self.hear("task 0a1b pulled from 77 by worker p:n:t:i")
        self.assertEqual(self.slot.task, "0a1b")
        self.hear("Running task '0a1b'", "DONE: Running task '0a1b', exit status 0")
        self.assertIsNone(self.slot.task)
        self.assertTrue(self.slot.working(), "its end is not known to be reported")
        self.hear("Warning: Could not access task queue [77], error: x",
                  "No tasks in Queues, sleeping for 5.0 seconds")
        self.assertTrue(self.slot.working(), "the server did not answer yet")
        self.hear("Process completed successfullyNo tasks in queue 77")
        self.assertFalse(self.slot.working())

    def test_a_task_cannot_play_the_agent(self):
        self.hear("Running task '0a1b'")
        kept = self.hear("No tasks in queue 77", "No tasks in Queues, sleeping for 500 seconds",
                         "DONE: Running task 'ffff', exit status 0", "password is x")
        self.assertEqual(self.slot.task, "0a1b")
        self.assertEqual(self.slot.sleeps_until, 0)
        self.assertEqual(kept, [False] * 4, "a task's output is not the machine's log")

    def test_a_task_that_never_ran_is_over(self):
        self.hear("Running task '0a1b'",
                  "Warning: Could not set status=in_progress task id '0a1b', skipping")
        self.assertIsNone(self.slot.task)
        self.hear("Running task '0a1b'", "FATAL ERROR:")
        self.assertIsNone(self.slot.task)

    def test_the_configuration_is_not_logged(self):
        kept = self.hear("Current configuration (clearml_agent v3)", "sdk.aws.s3.key = x", "",
                         "Worker x")
        self.assertEqual(kept, [False, False, True, True])

    def test_an_agent_that_repeats_itself_does_not_fill_the_disk(self):
        """As one whose key is refused does: forty minutes of it, thirty lines a second."""
        g = guard.Guard(dict(SETTINGS), sys.executable)
        said = []
        g.say = said.append
        for second in range(2400):
            g.hear(g.slots[0], b"Retrying: 401 Unauthorized\n" * 30, 100.0 + second)
            if second % 5 == 0:
                g.slots[0].look()
        self.assertLess(len(said), 1500)
        self.assertIn("more is left out", said[-1])
        g.slots[0].look()
        g.hear(g.slots[0], b"the last word\n", 2500.0)
        self.assertIn("the last word", said[-1])


@contextlib.contextmanager
def serving(answers):
    """An HTTP server; answers: (method, path) -> function(headers) -> (status, text)."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self):
            found = answers.get((self.command, self.path), lambda _: (404, "not here"))
            status, text = found(self.headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = answer

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d" % server.server_port
    finally:
        server.shutdown()
        server.server_close()


class Clouds(unittest.TestCase):
    def cloud(self, source, url):
        return net.Cloud({"id_source": source, "metadata_url": url})

    def test_aws(self):
        tokens, now = ["t1"], {}

        def token(headers):
            assert headers["X-aws-ec2-metadata-token-ttl-seconds"] == "21600"
            return 200, tokens[-1]

        def guarded(path):
            def answer(headers):
                if headers["X-aws-ec2-metadata-token"] != tokens[-1]:
                    return 401, ""
                return now.get(path, (404, ""))
            return "GET", path, answer

        paths = [guarded(p) for p in net.Cloud.IDS.values()] + \
            [guarded(p) for p in net.Cloud.NOTICES.values()]
        answers = {(m, p): a for m, p, a in paths}
        answers["PUT", "/latest/api/token"] = token
        now["/latest/meta-data/instance-id"] = 200, "i-0abc"
        with serving(answers) as url:
            cloud = self.cloud("aws-imdsv2", url)
            self.assertEqual(cloud.instance_id(), "i-0abc")
            self.assertIsNone(cloud.notice("i-0abc"))
            now["/latest/meta-data/spot/instance-action"] = \
                200, '{"action": "terminate", "time": "2026-01-01T00:00:00Z"}'
            tokens.append("t2")  # the first token has run out
            self.assertEqual(cloud.notice("i-0abc"), "terminate 2026-01-01T00:00:00Z")
        self.assertIsNone(cloud.notice("i-0abc"), "nobody answers: no notice")
        self.assertIsNone(self.cloud("aws-imdsv2", url).instance_id())

    def test_a_cloud_that_never_tells_ends_the_start(self):
        waits = []
        self.addCleanup(setattr, prepare.time, "sleep", prepare.time.sleep)
        prepare.time.sleep = waits.append
        with self.assertRaisesRegex(SystemExit, "does not tell the instance id"):
            prepare.find_id({"id_source": "aws-imdsv2", "metadata_url": "http://127.0.0.1:9"})
        self.assertGreaterEqual(sum(waits), 60, "the network may still be coming up")

    def test_gce_and_azure(self):
        state = {"preempted": "FALSE", "events": '{"Events": []}'}
        answers = {
            ("GET", net.Cloud.IDS["gce"]): lambda h: (200, "vm-" + h["Metadata-Flavor"]),
            ("GET", net.Cloud.NOTICES["gce"]): lambda h: (200, state["preempted"]),
            ("GET", net.Cloud.IDS["azure"]): lambda h: (200, "az-" + h["Metadata"]),
            ("GET", net.Cloud.NOTICES["azure"]): lambda h: (200, state["events"])}
        with serving(answers) as url:
            gce, azure = self.cloud("gce", url), self.cloud("azure", url)
            self.assertEqual(gce.instance_id(), "vm-Google")
            self.assertEqual(azure.instance_id(), "az-true")
            self.assertIsNone(gce.notice("vm"))
            self.assertIsNone(azure.notice("az"))
            state["preempted"] = "TRUE"
            state["events"] = json.dumps({"Events": [
                {"EventType": "Preempt", "Resources": ["other"]},
                {"EventType": "Freeze", "Resources": ["az"]}]})
            self.assertEqual(gce.notice("vm"), "preempted")
            self.assertIsNone(azure.notice("az"))
            state["events"] = state["events"].replace("other", "az")
            self.assertEqual(azure.notice("az"), "Preempt ")


class Wishes(unittest.TestCase):
    """Which end is wanted, and whose wish is the stronger (P19)."""

    def setUp(self):
        os.environ["DROVER_INSTANCE_ID"] = "i-1"
        self.now = 1000.0
        self.addCleanup(setattr, guard, "clock", guard.clock)
        guard.clock = lambda: self.now

    def guard(self, **settings):
        g = guard.Guard(dict(SETTINGS, **settings), sys.executable)
        for s in g.slots:
            s.idle_since = s.childless_since = self.now
        return g

    def test_worker_ids_and_command_lines(self):
        g = self.guard(cpu_only=True, docker_image="img", order_fairness=True)
        self.assertEqual(g.slots[0].worker, "p:n:t:i-1")
        self.assertEqual(g.slots[0].argv[1:], [
            "-u", "-m", "clearml_agent", "daemon", "--foreground", "--queue", "q",
            "--order-fairness", "--cpu-only", "--docker", "img"])
        g = self.guard(slots=2, gpus="0,1,2,3")
        self.assertEqual([s.worker for s in g.slots], ["p:n:t:i-1:gpu0", "p:n:t:i-1:gpu1"])
        self.assertEqual([s.argv[-2:] for s in g.slots], [["--gpus", "0,2"], ["--gpus", "1,3"]])

    def test_flags(self):
        g = self.guard()
        self.assertIsNone(g.wish()[0])
        for flag in ("idle", "after-task", "now"):
            g.flag = flag
            self.assertEqual(g.wish()[0], flag)
        g.flag = "something newer"
        self.assertIsNone(g.wish()[0])
        g.flag = g.refused = "idle"
        self.assertIsNone(g.wish()[0], "answered already")

    def test_own_limits(self):
        g = self.guard(own_idle_limit_s=100, max_life_s=1000, max_task_s=500)
        self.assertIsNone(g.wish()[0])
        self.now += 101
        self.assertEqual(g.wish()[0], "idle")
        g.slots[0].idle_since = g.slots[0].childless_since = None  # a task runs
        self.assertIsNone(g.wish()[0])
        self.now = 2001.0
        self.assertEqual(g.wish()[0], "after-task")
        g.flag = "idle"
        self.assertEqual(g.wish()[0], "after-task", "the stronger wish wins")
        self.now = 2501.0
        self.assertEqual(g.wish()[0], "now")

    def test_a_kept_machine_neither_idles_nor_ages(self):
        g = self.guard(own_idle_limit_s=100, max_life_s=1000, max_task_s=500)
        for age, then in ((101, "idle"), (1001, "after-task"), (1501, "now")):
            self.now = g.started + age
            g.kept = time.time() + 3600
            self.assertIsNone(g.wish()[0])
            g.kept = time.time() - 1
            self.assertEqual(g.wish()[0], then)
        g.kept, g.flag = time.time() + 3600, "idle"
        self.assertEqual(g.wish()[0], "idle", "Drover's word counts")
        g.sick = "the agent ended twice"
        self.assertEqual(g.wish()[0], "after-task")

    def test_it_hears_that_it_is_kept(self):
        g, answer = self.guard(), {}
        g.gate = None

        class Api:
            def call(self, name, body):
                return {"queues": [{"id": "q", "metadata": answer}]}
        g.api = Api()
        for entries, kept in (({"drover.keep.i-1": {"value": "1800003600"}}, 1800003600),
                              ({"drover.keep.i-10": {"value": "1800003600"}}, 0),
                              ({"drover.keep.i-1": {"value": "1800000000"}}, 1800000000),
                              ({}, 0)):
            answer.clear()
            answer.update(entries)
            g.look()
            self.assertEqual(g.kept, kept)

    def test_an_unreported_end_waits(self):
        g = self.guard(own_idle_limit_s=100, unreported_grace_s=1000)
        g.slots[0].idle_since = None  # the task is over, its end not reported
        self.now += 999
        self.assertIsNone(g.wish()[0])
        self.now += 2
        self.assertEqual(g.wish()[0], "now")

    def test_secrets_are_masked(self):
        g = self.guard(git_hosts=[{"host": "h", "user": "u", "token": "tok-en1"}],
                       storage_conf='s3 { key: "AKIA", secret: "s3-secret" }',
                       env=["MY_TOKEN=from-env", "PLAIN=visible"])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            g.say("the-secret tok-en1 s3-secret from-env visible")
        self.assertTrue(out.getvalue().endswith(" **** **** **** **** visible\n"))


class Files(unittest.TestCase):
    def prepared(self, **settings):
        home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, home)
        path = os.path.join(home, "settings.json")
        with open(path, "w") as f:
            json.dump(dict(SETTINGS, **settings), f)
        subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "prepare.py"), path, home],
                       env={"HOME": home, "PATH": os.environ["PATH"]}, check=True)

        def read(name):
            with open(os.path.join(home, name)) as f:
                return f.read()
        return home, read

    def test_a_web_page_is_named_where_the_sdk_would_end_without(self):
        for api, told, written in (("http://h:9", "", "http://h:9"), ("http://h:8008", "", ""),
                                   ("https://api.h", "", ""), ("https://h", "https://w", "https://w")):
            _, read = self.prepared(api_server=api, web_server=told)
            conf = read("clearml.conf").partition("\nagent = ")[0].partition("api = ")[2]
            self.assertEqual(json.loads(conf)["web_server"], written)

    def test_tokens_are_kept_shortly_before_their_end(self):
        _, read = self.prepared()
        auth = json.loads(read("clearml.conf").partition("\nagent = ")[0].partition("api = ")[2])["auth"]
        self.assertLess(auth["token_expiration_threshold_sec"],
                        auth["request_token_expiration_sec"] / 2)

    def test_container_arguments_reach_tasks_with_an_image_of_their_own(self):
        _, read = self.prepared(docker_image="i", docker_args="-v a:b -e 'A WORD=of two'")
        agent = json.loads(read("clearml.conf").split("\nagent = ")[1])
        self.assertEqual(agent["extra_docker_arguments"], ["-v", "a:b", "-e", "A WORD=of two"])
        self.assertNotIn("default_docker", agent)

    def test_git_hosts(self):
        _, read = self.prepared(git_hosts=[
            {"host": "git.a:8443", "user": "u:1", "token": "t@/1"},
            {"host": "http://git.b", "user": "u2", "token": "t2"}])
        conf = read("clearml.conf")
        agent = json.loads(conf.split("\nagent = ")[1])
        self.assertEqual((agent["git_host"], agent["git_user"], agent["git_pass"]),
                         ("git.a", "u:1", "t@/1"))
        self.assertEqual(agent["git"]["extra_credentials"],
                         [{"host": "git.b", "user": "u2", "pass": "t2"}])
        self.assertEqual(read(".git-credentials"),
                         "https://u%3A1:t%40%2F1@git.a:8443\nhttp://u2:t2@git.b\n")

    def test_git_itself_finds_them(self):
        home, _ = self.prepared(git_hosts=[
            {"host": "git.a:8443", "user": "u", "token": "a$`\"' b"}])
        got = subprocess.run(["git", "credential", "fill"], input=b"protocol=https\n"
                             b"host=git.a:8443\n\n", stdout=subprocess.PIPE,
                             env={"HOME": home, "PATH": os.environ["PATH"]}).stdout.decode()
        self.assertIn("password=a$`\"' b\n", got)

    def test_deploy_key(self):
        _, read = self.prepared(ssh_private_key="KEY", ssh_known_hosts="h ssh-ed25519 A")
        self.assertTrue(json.loads(read("clearml.conf").split("\nagent = ")[1])
                        ["force_git_ssh_protocol"])
        self.assertEqual(read(".ssh/id_drover"), "KEY\n")
        self.assertIn("StrictHostKeyChecking yes", read(".ssh/config"))
        self.assertIn("GIT_SSH_COMMAND=ssh -oBatchMode=yes -F none -i ", read("env"))

    def test_the_users_words_come_last(self):
        _, read = self.prepared(storage_conf="sdk.a: 1", extra_clearml_conf="api.x: 2")
        conf = read("clearml.conf")
        self.assertLess(conf.index("\nagent = "), conf.index("sdk.a: 1"))
        self.assertTrue(conf.endswith("sdk.a: 1\napi.x: 2\n"))
        self.assertIn('"request_token_expiration_sec": 10800', conf)

    def test_a_ca_of_ones_own(self):
        home, read = self.prepared(ca_pem="-----BEGIN CERTIFICATE-----")
        self.assertTrue(read("ca.pem").endswith("-----BEGIN CERTIFICATE-----\n"))
        self.assertIn("REQUESTS_CA_BUNDLE=%s/ca.pem\0" % home, read("env"))


@contextlib.contextmanager
def surroundings(**values):
    kept = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


class Install(unittest.TestCase):
    """pip's own wheel, found as pip would find it."""
    PAGE = """<a href="/f/pip-9.0.3-py2.py3-none-any.whl#sha256=0">old</a>
<a href="/f/pip-26.0-py3-none-any.whl#sha256=0" data-requires-python="&gt;=3.99">too new</a>
<a href="../f/pip-20.10-py3-none-any.whl#sha256=0" data-requires-python="&gt;=3.6">this</a>
<a href="/f/pip-20.9-py3-none-any.whl">not the newest</a>
<a href="/f/pip-21.0b1-py3-none-any.whl">not a release</a><a href="/f/pip-22.0.tar.gz">source</a>
"""

    def test_the_newest_release_that_this_python_runs(self):
        with serving({("GET", "/simple/pip/"): lambda _: (200, self.PAGE)}) as url:
            self.assertEqual(install.newest_pip(url + "/simple/pip/"),
                             url + "/simple/f/pip-20.10-py3-none-any.whl")

    def test_the_index_is_pips(self):
        with tempfile.TemporaryDirectory() as home, surroundings(HOME=home):
            os.environ.pop("PIP_INDEX_URL", None)
            os.environ["PIP_CONFIG_FILE"] = os.path.join(home, "conf")
            with open(os.environ["PIP_CONFIG_FILE"], "w") as f:
                f.write("[global]\ntimeout = 9\nindex-url = https://mirror/simple/\n")
            self.assertEqual(install.index(), "https://mirror/simple/pip/")
            os.environ["PIP_INDEX_URL"] = "https://other/simple"
            self.assertEqual(install.index(), "https://other/simple/pip/")


class Reboot(unittest.TestCase):
    def test_a_machine_that_starts_again_ends(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(setattr, prepare, "PER_BOOT", prepare.PER_BOOT)
        prepare.PER_BOOT = folder
        prepare.end_at_reboot()
        path = os.path.join(folder, "drover-end")
        self.assertTrue(os.access(path, os.X_OK))
        with open(path) as f:
            self.assertEqual(f.read(), "#!/bin/sh\nshutdown -h now\n")


if __name__ == "__main__":
    unittest.main()
