# SPDX-License-Identifier: Apache-2.0
"""Every command of `drover` as somebody meets it: its help, what it says to a wrong line, without a
configuration, without a Drover, and beside a living one; with --json, in a pipe, on a narrow terminal. The
exit codes are those that its help names, and the JSON has the keys that docs/operating.md names."""
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

from world import BIN, World, eventually

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DROVER = os.path.abspath(os.path.join(BIN, "drover"))
FINE, WAITS, BROKEN, USAGE, CONFIG = 0, 1, 2, 64, 78


def run(*words, cwd="/", env=None, **more):
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return subprocess.run([DROVER, *words], cwd=cwd, env=dict(base, **(env or {})), capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL, **more)


def proc(process, name):
    with open("/proc/%d/%s" % (process.pid, name)) as file:
        return file.read()


def commands():
    return re.findall(r"^  ([a-z]+) +\S", run("--help").stdout, re.M)


def documented_keys():
    """command -> the keys of its JSON, of the table in docs/operating.md."""
    with open(os.path.join(ROOT, "docs", "operating.md")) as file:
        rows = re.findall(r"^\| `([^|`]+)` \| `([^|]+)` \|", file.read(), re.M)
    return {name: set(keys.replace("`", "").split()) for name, keys in rows}


# A line that is as it should be, for each command that asks a running Drover.
ASKS = [["status"], ["top"], ["queues"], ["machines"], ["machines", "--all"], ["tasks"], ["why", "x"],
        ["history"], ["history", "x"], ["cost"], ["cost", "--by", "user", "--since", "7d"], ["pause", "cpu"],
        ["resume"], ["drain", "x", "--mode=idle"], ["kill", "x", "--yes"], ["keep", "x", "2h"],
        ["adopt", "--spent", "1", "--yes"], ["settle", "a1", "--yes"], ["plan"], ["logs", "x"]]
# Words that are wrong, and what the sentence says of them.
WRONG = [
    (["stauts"], "did you mean status?"),
    (["tasp"], "did you mean tap?"),  # tasks is farther
    (["--no-such"], "no option --no-such"),
    (["machines", "--al"], "did you mean --all?"),
    (["status", "now"], 'does not take "now"'),
    (["why"], "why needs TASK"),
    (["drain"], "drain needs MACHINE"),
    (["drain", "x", "--mode"], "--mode needs a value"),
    (["drain", "x", "--mode", "idel"], "did you mean idle?"),
    (["keep", "x"], "keep needs 2h|off"),
    (["keep", "x", "3y"], "no time span"),
    (["history", "--since", "yesterday"], "no time span"),
    (["cost", "--by", "usr"], "did you mean user?"),
    (["adopt"], "adopt needs --spent DOLLARS"),
    (["adopt", "--spent", "much"], "no amount of dollars"),
    (["pause", "--why"], "--why needs a value"),
    (["pause", "a", "b"], 'does not take "b"'),
    (["kill", "x", "--yes", "--yes"], "given twice"),
    (["completion", "tcsh"], "usage: drover completion"),
    (["token", "lst"], "did you mean list?"),
    (["export", "--shema"], "did you mean --schema?"),
    (["sandbox", "--dir"], "--dir needs a value"),
    (["status", "--config"], "--config needs a value"),
    (["status", "--gateway"], "--gateway needs a value"),
]


class Alone(unittest.TestCase):
    """Without a Drover."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="drover-console-")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.dir]))
        self.config = os.path.join(self.dir, "drover.yaml")
        with open(self.config, "w") as file:
            json.dump({"deployment": "none", "state_dir": os.path.join(self.dir, "state"),
                       "clearml": {"api_server": "http://127.0.0.1:1"},
                       "accounts": [{"name": "a", "driver": "local"}],
                       "machine_types": [{"name": "t", "account": "a"}],
                       "queues": [{"name": "cpu", "types": ["t"]}]}, file)

    def error(self, done, code, word):
        """What --json says of it: one object on stderr, nothing on stdout."""
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        error = json.loads(done.stderr)["error"]
        self.assertEqual(error["code"], word)
        self.assertTrue(error["sentence"])
        return error

    def test_each_help(self):
        pages = [run("--help"), run("help")] + [run(name, "--help") for name in commands()]
        self.assertGreater(len(pages), 28)
        self.assertEqual(pages[0].stdout, pages[1].stdout)
        for done in pages:
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for line in done.stdout.splitlines():
                if "usage:" not in line and not line.startswith("  drover "):
                    self.assertLessEqual(len(line), 80, line)
        for name, done in zip(commands(), pages[2:]):
            with self.subTest(name):
                self.assertEqual(done.stdout, run("help", name).stdout)
                self.assertRegex(done.stdout, r"^drover %s: \S" % name)
                for part in ("usage: drover " + name, "\nexamples:\n  drover ", "\nexit codes: ",
                             "\n--gateway:  ", "\n--json: "):
                    self.assertIn(part, done.stdout)

    def test_each_document_is_documented(self):
        """Prose, or a document of another table, is what is left."""
        told = {"tap", "export", "up", "init", "import", "demo"}
        named = {name.split()[0] for name in documented_keys()}
        self.assertEqual(set(commands()) - named, told)

    def test_the_examples_are_lines_that_it_takes(self):
        """None is refused as wrong usage, and none does anything without a Drover."""
        for name in commands():
            if name in ("up", "sandbox", "demo", "init", "import", "check", "token", "tap", "logs", "adopt",
                        "settle"):
                continue
            for line in re.findall(r"^  drover (.{36})", run(name, "--help").stdout, re.M):
                words = [word.strip('"') for word in line.split("|")[0].strip().split() if word != '"a']
                with self.subTest(line):
                    done = run("--config", self.config, *words)
                    self.assertNotEqual(done.returncode, USAGE, done.stderr)

    def test_wrong_lines(self):
        for words, sentence in WRONG:
            with self.subTest(words):
                done = run(*words, env={"DROVER_CONFIG": self.config})
                self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
                self.assertIn(sentence, done.stderr)
                error = self.error(run("--json", *words, env={"DROVER_CONFIG": self.config}), USAGE, "usage")
                self.assertIn(sentence, error["sentence"])
        self.assertEqual(run().returncode, USAGE)

    def test_without_a_configuration(self):
        for words in ASKS + [["stop"], ["export"], ["token", "list"], ["tap"], ["logs"]]:
            with self.subTest(words):
                done = run(*words, cwd=self.dir, env={"DROVER_CONFIG": "/nonexistent/drover.yaml"})
                self.assertEqual((done.returncode, done.stdout), (CONFIG, ""))
                self.assertIn("there is no configuration /nonexistent/drover.yaml", done.stderr)
                self.assertIn("drover init", done.stderr)
                self.error(run(*words, "--json", "--config", "/nonexistent/drover.yaml"), CONFIG, "config")

    def test_with_a_faulty_one(self):
        with open(self.config, "a") as file:
            file.write("\nnonsense: 1\n")
        done = run("status", "--config", self.config)
        self.assertEqual((done.returncode, done.stdout), (CONFIG, ""))
        self.assertIn(self.config + ":", done.stderr)
        said = run("status", "--json", "--config", self.config)
        self.assertTrue(self.error(said, CONFIG, "config")["faults"])
        planned = run("plan", "--json", "--config", self.config)
        self.assertTrue(self.error(planned, CONFIG, "config")["faults"])

    def test_an_option_with_its_value_in_one_word(self):
        for words in (["--config=" + self.config, "status"], ["status", "--config=" + self.config]):
            done = run(*words)
            self.assertEqual(done.returncode, BROKEN, done.stderr)
            self.assertIn("no Drover runs here", done.stderr)
            self.assertIn(self.dir, done.stderr)
        self.assertEqual(run("status", "--config=").returncode, USAGE)

    def test_without_a_drover(self):
        for words in ASKS:
            with self.subTest(words):
                done = run(*words, env={"DROVER_CONFIG": self.config})
                self.assertEqual((done.returncode, done.stdout), (BROKEN, ""), done.stderr)
                self.assertIn("no Drover runs here", done.stderr)
                self.error(run(*words, "--json", env={"DROVER_CONFIG": self.config}), BROKEN, "unavailable")
        stopped = run("stop", env={"DROVER_CONFIG": self.config})
        self.assertEqual(stopped.returncode, BROKEN)
        self.assertIn("no droverd runs on " + self.dir, stopped.stderr)

    def test_the_pages_of_the_manual(self):
        """They are what the help is made of, and man has nothing to say against them."""
        for group in ("setup", "look", "hand", "try"):
            with open(os.path.join(ROOT, "docs", "man", "drover-%s.1" % group)) as file:
                self.assertEqual(run("completion", "--page", group).stdout, file.read(),
                                 "cmake --build DIR --target man")
        for name in sorted(os.listdir(os.path.join(ROOT, "docs", "man"))):
            with self.subTest(name), contextlib.suppress(FileNotFoundError):
                path = os.path.join(ROOT, "docs", "man", name)
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", path],
                                      capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class Installed(unittest.TestCase):
    """What `cmake --install` puts where, as README.md has it."""

    def test_pages_and_completions(self):
        prefix = tempfile.mkdtemp(prefix="drover-installed-")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", prefix]))
        subprocess.run(["cmake", "--install", os.path.dirname(os.path.dirname(DROVER)), "--prefix", prefix],
                       stdout=subprocess.DEVNULL, check=True)
        pages = os.listdir(os.path.join(ROOT, "docs", "man"))
        self.assertGreater(len(pages), 6)
        for page in pages:
            path = os.path.join(prefix, "share", "man", "man" + page[-1], page)
            self.assertTrue(os.path.isfile(path), path)
        installed = os.path.join(prefix, "bin", "drover")
        for shell, path in (("bash", "bash-completion/completions/drover"),
                            ("zsh", "zsh/site-functions/_drover"),
                            ("fish", "fish/vendor_completions.d/drover.fish")):
            with open(os.path.join(prefix, "share", path)) as file:
                self.assertEqual(file.read(), subprocess.run(
                    [installed, "completion", shell], capture_output=True, text=True).stdout)
        for part in ("bin/droverd", "libexec/drover/drover-ledger", "lib/pkgconfig/drover.pc",
                     "include/drover/message.h"):
            self.assertTrue(os.path.isfile(os.path.join(prefix, part)), part)
        for name in ("drover", "droverd"):
            done = subprocess.run([os.path.join(prefix, "bin", name), "--version"], capture_output=True)
            self.assertEqual((done.returncode, done.stderr), (0, b""), name)


class Beside(unittest.TestCase):
    """Beside a living one."""

    @classmethod
    def setUpClass(cls):
        cls.world = World(config={"machine_types": [
            {"name": "small", "account": "local", "max_machines": 1, "idle_timeout": "30m"},
            {"name": "big", "account": "local", "max_machines": 1, "idle_timeout": "30m"}]})
        cls.addClassCleanup(lambda: cls.world.__exit__(None, None, None))
        cls.world.__enter__()
        cls.tasks = [cls.world.create_task("sleeper-%d" % i, seconds=900) for i in range(2)]
        for task in cls.tasks:
            cls.world.enqueue(task, "cpu")
        eventually(lambda: cls.states() == ["runs", "waits"], 60, "one runs, and one waits")

    @classmethod
    def states(cls):
        rows = json.loads(cls.world.drover("--json", "tasks").stdout)["tasks"]
        found = sorted("runs" if row["verdict"] == "runs" else "waits" for row in rows if row["name"])
        cls.runs = next((row for row in rows if row["verdict"] == "runs"), None)
        cls.waits = next((row for row in rows if row["verdict"] == "capped"), None)
        return found if cls.runs and cls.waits else []

    def drover(self, *words, **more):
        return run(*words, env={"DROVER_CONFIG": self.world.config_path, "DROVER_TOKEN": ""}, **more)

    # ---- the table ---------------------------------------------------------------------------------
    def table(self):
        machine = self.runs["machine"]
        return [
            (["status"], WAITS), (["top"], FINE), (["queues"], FINE), (["machines"], FINE),
            (["machines", "--all"], FINE), (["tasks"], FINE), (["why", self.runs["task"]], FINE),
            (["why", self.waits["task"][:12]], WAITS), (["why", "no-such"], WAITS),
            (["history"], FINE), (["history", machine], FINE), (["history", "--by-hand"], FINE),
            (["cost"], FINE),
            (["cost", "--by", "task"], FINE), (["plan"], WAITS),
            (["plan", "--config", self.world.config_path], FINE),
            (["plan", "--config", "/nonexistent"], CONFIG),
            (["export"], FINE), (["export", "--schema"], FINE), (["version"], FINE),
            (["completion", "bash"], FINE),
            (["pause", "gup"], WAITS), (["pause", "gpu", "--why", "a test"], FINE), (["resume", "gpu"], FINE),
            (["keep", machine, "1h"], FINE), (["keep", machine[:9], "off"], FINE),
            (["kill", machine], USAGE), (["kill", "no-such"], WAITS), (["drain", "no-such"], WAITS),
            (["logs", machine], FINE), (["logs", "no-such"], WAITS), (["tap", "no-such"], WAITS),
            (["token", "list"], FINE), (["token", "user", "list"], FINE),
            (["token", "revoke", "none"], WAITS),
            (["token", "link"], BROKEN),  # this world has no gateway
            (["adopt", "--spent", "1", "--yes"], FINE), (["adopt", "--spent", "1"], USAGE),
            (["settle", "a1", "--yes"], WAITS), (["settle", "a1"], USAGE),
        ]

    def test_codes_and_json(self):
        keys = documented_keys()
        for words, code in self.table():
            with self.subTest(words):
                done = self.drover(*words)
                self.assertEqual(done.returncode, code, done.stdout + done.stderr)
                self.assertTrue(done.stdout or done.stderr)
                self.assertNotIn("\x1b", done.stdout + done.stderr)
                page = self.drover(words[0], "--help").stdout
                codes = re.search(r"exit codes: (.*?)\n--", page, re.S).group(1)
                if code not in (USAGE, CONFIG):
                    self.assertRegex(codes, r"(^|; )%d\b" % code)
                said = self.drover("--json", *words)
                self.assertEqual(said.returncode, code, said.stdout + said.stderr)
                if not said.stdout:
                    self.assertEqual(set(json.loads(said.stderr)), {"error"})
                    continue
                self.assertEqual(said.stderr, "")
                for line in said.stdout.splitlines():
                    document = json.loads(line)
                    if words[:2] not in (["export"], ["export", "--schema"]):
                        name = " ".join(words[:2]) if " ".join(words[:2]) in keys else words[0]
                        many = isinstance(document, list)
                        found = set(document[0] if many and document else document)
                        self.assertLessEqual(found, keys[name])
                        self.assertTrue(isinstance(document, list) or found, name)

    def test_what_was_meant(self):
        machine, task = self.runs["machine"], self.waits["task"]
        for words, meant in ((["drain", machine[:-1] + "-"], machine), (["why", task[:-1] + "-"], task),
                             (["pause", "gup"], "gpu"), (["resume", "cpuu"], "cpu"),
                             (["logs", machine[1:]], machine), (["tap", "machien."], "machine.")):
            with self.subTest(words):
                done = self.drover(*words)
                self.assertEqual((done.returncode, done.stdout), (WAITS, ""))
                self.assertIn("did you mean %s?" % meant, done.stderr)

    def test_kill_names_what_goes_back(self):
        done = self.drover("kill", self.runs["machine"])
        self.assertIn("%s sleeper-" % self.runs["task"], done.stderr)
        self.assertIn("goes back to queue cpu", done.stderr)
        self.assertIn("say --yes", done.stderr)

    def test_why_is_true(self):
        runs, waits = (self.drover("why", row["task"]).stdout for row in (self.runs, self.waits))
        self.assertIn("it runs on machine %s" % self.runs["machine"], runs)
        shortened = self.drover("why", self.waits["task"][:12])  # one that is not known ends with 1 too
        self.assertEqual((shortened.stdout, shortened.stderr), (waits, ""))
        self.assertIn("number 1 of 1 in queue cpu: machine type small may have 1 machine and has 1", waits)
        self.assertIn("to do: wait until something ends, or raise", waits)
        self.drover("pause", "gpu", "--why", "a move")
        task = self.world.create_task("held", seconds=1)
        self.world.enqueue(task, "gpu")
        held = lambda: self.drover("why", task)  # noqa: E731
        eventually(lambda: "(a move)" in held().stdout, 30, "why says who paused it")
        self.assertEqual(held().returncode, WAITS)
        self.assertIn("to do: lift the pause", held().stdout)
        self.drover("resume", "gpu")
        eventually(lambda: "it ran on machine" in held().stdout, 90, "it ran")
        self.assertEqual(held().returncode, FINE)
        self.assertIn("waits in none of the queues", held().stdout)
        nobody = self.drover("why", "f" * 32)
        self.assertIn("the queues that it serves (cpu, gpu)", nobody.stderr)

    # ---- pipes, terminals, signals ------------------------------------------------------------------
    def test_a_reader_that_leaves(self):
        for words in ("machines", "history --json", "tap", "logs %s" % self.runs["machine"], "--json export"):
            with self.subTest(words):
                env = dict(os.environ, DROVER_CONFIG=self.world.config_path)
                done = subprocess.run(["sh", "-c", "'%s' %s | head -n 1" % (DROVER, words)],
                                      capture_output=True, env=env, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertTrue(done.stdout)
        reader, writer = os.pipe()
        os.close(reader)
        gone = subprocess.run([DROVER, "--config", self.world.config_path, "machines"], stdout=writer,
                              stderr=subprocess.PIPE, restore_signals=False)  # SIGPIPE is ignored
        os.close(writer)
        self.assertEqual((gone.returncode, gone.stderr), (FINE, b""))
        with open("/dev/full", "w") as full:
            lost = subprocess.run([DROVER, "--config", self.world.config_path, "machines"], stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual(lost.returncode, BROKEN)
        self.assertIn("cannot be written: No space left", lost.stderr)

    def on_terminal(self, columns, *words, **env):
        """What a terminal of that width gets."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        base = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
                "DROVER_CONFIG": self.world.config_path}
        process = subprocess.Popen([DROVER, *words], env=dict(base, **env), stdin=subprocess.DEVNULL,
                                   stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                text += piece
        os.close(ours)
        process.wait(30)
        return text.decode().replace("\r\n", "\n")

    def test_colour_is_for_terminals(self):
        self.assertIn("\x1b[38;5;", self.on_terminal(80, "status"))
        self.assertNotIn("\x1b", self.on_terminal(80, "status", NO_COLOR="1"))
        self.assertIn("\x1b", self.on_terminal(80, "status", NO_COLOR=""))
        self.assertNotIn("\x1b", self.drover("status").stdout)

    def test_a_narrow_terminal(self):
        wide, narrow = (self.on_terminal(columns, "queues", NO_COLOR="1") for columns in (200, 60))
        self.assertRegex(wide, r"(?m)^cpu .* 1 task waits: ")
        self.assertRegex(narrow, r"(?m)^    1 task waits: ")
        for line in narrow.splitlines():
            self.assertLessEqual(len(line), 60)

    def test_ctrl_c(self):
        env = dict(os.environ, DROVER_CONFIG=self.world.config_path)
        for words in (["tap", "workers."], ["logs"]):
            with self.subTest(words):
                process = subprocess.Popen([DROVER, *words], env=env, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, text=True)
                if words[0] == "tap":
                    self.assertTrue(process.stdout.readline())
                else:
                    eventually(lambda: int(re.search(r"SigCgt:\s*(\w+)", proc(process, "status"))[1], 16) & 2,
                               20, "it listens")
                process.send_signal(signal.SIGINT)
                self.assertEqual((process.communicate(timeout=20)[1], process.returncode), ("", 0))

    def test_what_a_machine_is_up_for(self):
        """"Its worker was seen" says no more than "up": the task does, in eight letters that why takes."""
        line = next(each for each in self.drover("machines").stdout.splitlines()
                    if each.startswith(self.runs["machine"]))
        self.assertTrue(line.endswith(" runs %s" % self.runs["task"][:8]), line)

    def test_z_a_ledger_that_hangs(self):
        pid = self.world.actor_pid("ledger")
        os.kill(pid, signal.SIGSTOP)
        try:
            done = self.drover("machines")
            self.assertEqual((done.returncode, done.stdout), (BROKEN, ""))
            self.assertIn("Drover's ledger did not answer within 5 s", done.stderr)
            waiting = subprocess.Popen([DROVER, "--config", self.world.config_path, "machines"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            eventually(lambda: len(os.listdir("/proc/%d/task" % waiting.pid)) > 1, 20, "it asks")
            waiting.send_signal(signal.SIGINT)
            self.assertEqual((waiting.communicate(timeout=20)[1], waiting.returncode), ("", -signal.SIGINT))
        finally:
            os.kill(pid, signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
