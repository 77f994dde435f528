# SPDX-License-Identifier: Apache-2.0
"""drover top on a real terminal (tmux, 80 × 24): the numbers of `drover --json status`, live; another size;
no answer; q. And what else the command line says of itself: plan, version, completion in real shells, the
manual page and the help."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from world import BIN, World, eventually

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DROVER = os.path.abspath(os.path.join(BIN, "drover"))
ORDER = ("init import check up stop status top queues machines tasks why logs tap cost pause resume drain "
         "kill keep adopt settle plan export token demo sandbox version").split()

# Runs until its gate is open.
GATED = """
import os, time
while not os.path.exists({gate!r}):
    time.sleep(0.1)
"""


class Terminal:
    """A terminal of this size in which a program runs; its screen as text."""

    def __init__(self, argv, columns=80, rows=24, env=None):
        self.dir = tempfile.mkdtemp(prefix="drover-tmux-")
        self.tmux = ["tmux", "-S", os.path.join(self.dir, "s"), "-f", "/dev/null"]
        env = dict({"LC_ALL": "C", "TERM": "xterm-256color", "PATH": os.environ["PATH"]}, **(env or {}))
        self.exit_path = os.path.join(self.dir, "exit")
        quoted = " ".join("'%s'" % word for word in argv)
        subprocess.run(["env", "-i", *("%s=%s" % pair for pair in env.items()), *self.tmux, "-u",
                        "new-session", "-d", "-x", str(columns), "-y", str(rows),
                        "%s; echo $? >%s; exec cat" % (quoted, self.exit_path)], check=True)

    def run(self, *words):
        return subprocess.run([*self.tmux, *words], stdout=subprocess.PIPE, check=True).stdout.decode()

    def keys(self, *keys):
        self.run("send-keys", *keys)

    def screen(self, colours=False):
        return self.run("capture-pane", "-p", *(["-e"] if colours else []))

    def resize(self, columns, rows):
        self.run("resize-window", "-x", str(columns), "-y", str(rows))

    def shows(self, pattern, seconds=30):
        return eventually(lambda: re.search(pattern, self.screen()), seconds,
                          "/%s/ on the screen:\n%s" % (pattern, self.screen()))

    def exit_code(self):
        eventually(lambda: os.path.exists(self.exit_path) and os.path.getsize(self.exit_path), 20, "it ends")
        with open(self.exit_path) as file:
            return int(file.read())

    def close(self):
        subprocess.run([*self.tmux, "kill-server"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)


def figures(status):
    """What the screen has to say, out of the JSON of `drover status`."""
    workers = status["picture"]["workers"]["workers"]
    rows = status["ledger"]["machines"]
    booting = sum(row["state"] in ("launching", "booting") for row in rows)
    up = [row for row in rows if row["state"] == "up"]
    idle = sum(row["idle_since_us"] != 0 for row in up)
    stay = {row["instance_id"] for row in rows if row["state"] in ("booting", "up")}
    queues = {}
    for queue in status["picture"]["queues"]["queues"]:
        mine = [w for w in workers if queue["id"] in w["queues"]]
        free = sum(w["task"] == "" and w["proven"] and w["instance_id"] in stay for w in mine)
        queues[queue["name"]] = (len(queue["waiting"]), sum(w["task"] != "" for w in mine), free)
    return {"waiting": sum(waiting for waiting, _, _ in queues.values()), "running": len(up) - idle,
            "idle": idle, "booting": booting,
            "draining": sum(row["state"] in ("draining", "terminating", "absent") for row in rows),
            "queues": queues}


def read(screen):
    """The same off the screen."""
    counts = {word: int(number) for number, word in
              re.findall(r"[○●–◔◗] (\d+) (waiting|running|idle|booting|draining)", screen)}
    queues = {}
    for name in ("cpu", "gpu"):
        row = re.search(r"^%s +(\d+) +(?:–|\d+\w(?: \d+\w)?) +(\d+) +(\d+)" % name, screen, re.M)
        queues[name] = tuple(map(int, row.groups())) if row else None
    return dict(counts, queues=queues)


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Two machines, so that the third task waits; they stay when they are idle.
        cls.world = World(config={"machine_types": [
            {"name": "small", "account": "local", "max_machines": 2, "idle_timeout": "10m"},
            {"name": "big", "account": "local", "max_machines": 1, "idle_timeout": "10m"}]})
        cls.world.__enter__()
        cls.failed = False
        cls.terminals = []

    @classmethod
    def tearDownClass(cls):
        for terminal in cls.terminals:
            terminal.close()
        cls.world.__exit__(AssertionError if cls.failed else None, None, None)

    def run(self, result=None):
        super().run(result)
        type(self).failed = result is not None and not result.wasSuccessful()

    def terminal(self, *arguments, env=None):
        found = Terminal([DROVER, "--config", self.world.config_path, *(arguments or ("top",))], env=env)
        self.terminals.append(found)
        return found

    def status(self):
        return json.loads(self.world.drover("--json", "status").stdout)

    def agree(self, terminal):
        """The screen and the command line say the same, at one moment of rest."""
        before, screen, after = figures(self.status()), read(terminal.screen()), figures(self.status())
        return before == screen == after and before

    def test_1_the_same_numbers_live(self):
        top = self.terminal()
        top.shows(r"● live \d\d:\d\d:\d\d")
        screen = top.screen()
        for words in ("0 waiting", "0 running", "no machines: one is started", "nothing: server ok"):
            self.assertIn(words, screen)
        gate = os.path.join(self.world.dir, "gate")
        tasks = [self.world.create_task("top-%d" % i, GATED.format(gate=gate)) for i in range(3)]
        for task in tasks:
            self.world.enqueue(task, "cpu")
        found = eventually(lambda: self.agree(top), 120, "the screen agrees while it moves")
        running = eventually(lambda: (lambda f: f and f["running"] == 2 and f["waiting"] == 1 and f)(
            self.agree(top)), 120, "two run and one waits, on the screen as in the JSON")
        self.assertEqual(running["queues"]["cpu"][:2], (1, 2), found)
        self.assertIn("\n●●\n", top.screen())
        self.assertRegex(top.screen(), r"(?m)^cpu +1 .* 0 of 2$")
        self.assertIn("\x1b[38;5;78m", top.screen(colours=True))  # running, of 256 colours
        self.assertIn("in 1 queue they will not start", top.screen())
        self.assertEqual(self.world.drover("status").returncode, 1)
        self.assertLessEqual(len(self.world.drover("status").stdout.splitlines()), 8)
        open(gate, "w").close()
        eventually(lambda: self.world.all_completed(tasks), 120, "they are done")
        eventually(lambda: (lambda f: f and f["idle"] == 2)(self.agree(top)), 120, "two idle, on both")
        self.assertEqual(self.world.drover("status").returncode, 0)
        top.keys("q")
        self.assertEqual(top.exit_code(), 0)

    def test_2_keys_and_sizes(self):
        top = self.terminal()
        top.shows("● live")
        top.keys("p")
        top.shows("◗ paused at ")
        top.keys("p")
        top.shows("● live")
        top.keys("?")
        top.shows("hold what is shown")
        top.keys("?")
        top.shows("ACTIVITY")
        top.resize(140, 40)
        eventually(lambda: "MACHINE " in top.screen() and any(
            len(line) > 100 for line in top.screen().splitlines()), 20, "more where there is more room")
        top.resize(40, 10)
        eventually(lambda: "q quit" in top.screen().splitlines()[-1], 20, "and it fits a small one")
        top.keys("q")
        self.assertEqual(top.exit_code(), 0)

    def test_3_no_colour(self):
        top = self.terminal(env={"NO_COLOR": "1"})
        top.shows("– 2 idle")
        self.assertNotIn("38;5", top.screen(colours=True))
        top.keys("q")
        self.assertEqual(top.exit_code(), 0)

    def test_4_not_a_terminal(self):
        done = self.world.drover("top")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\x1b", done.stdout)
        eventually(lambda: read(self.world.drover("top").stdout) == figures(self.status()), 30,
                   "the same numbers as text")
        eventually(lambda: figures(json.loads(self.world.drover("--json", "top").stdout)) ==
                   figures(self.status()), 30, "and as JSON")

    def test_5_what_is_planned(self):
        self.world.drover("pause", "gpu", "--why", "a move")
        task = self.world.create_task("held", seconds=1)
        self.world.enqueue(task, "gpu")
        held = r"gpu +1 +0 +0 +paused .*\(a move\)"
        eventually(lambda: re.search(held, self.world.drover("plan").stdout), 60,
                   "the plan says who paused it")
        self.assertEqual(self.world.drover("plan").returncode, 1)
        done = self.world.drover("status")
        self.assertEqual(done.returncode, 1)
        self.assertLessEqual(len(done.stdout.splitlines()), 8)
        self.world.drover("resume", "gpu")
        eventually(lambda: self.world.drover("status").returncode == 0, 30, "and now it will")

    def test_6_what_another_configuration_would_mean(self):
        with open(self.world.config_path) as file:
            config = json.load(file)
        other = os.path.join(self.world.dir, "other.yaml")

        def plan(change, code, *words):
            after = json.loads(json.dumps(config))
            change(after)
            with open(other, "w") as file:
                json.dump(after, file)
            done = self.world.drover("plan", "--config", other)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            for word in words:
                self.assertIn(word, done.stdout + done.stderr)
            return done

        plan(lambda c: None, 0, "none: both mean the same")
        plan(lambda c: c["machine_types"][0].update(max_machines=7, price_per_hour=1.5), 0,
             "At most $10.50 an hour", "machine_types[small].max_machines: 2 → 7")
        plan(lambda c: c["queues"].append({"name": "new", "types": ["big"]}), 0,
             "queues[new]: not there → new")
        plan(lambda c: c.update(deployment="elsewhere"), 1, "needs a stop and a start")
        plan(lambda c: c["queues"][0].update(types=["none"]), 78, "none")
        done = self.world.drover("--json", "plan", "--config", self.world.config_path)
        document = json.loads(done.stdout)
        self.assertEqual((document["changes"], document["may_replace"]), ([], True))

    def test_7_names_are_completed(self):
        script = subprocess.run([DROVER, "completion", "bash"], stdout=subprocess.PIPE,
                                check=True).stdout.decode()

        def bash(*words):
            asked = ("COMP_WORDS=(%s); COMP_CWORD=%d; _drover; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
                " ".join("'%s'" % word for word in words), len(words) - 1))
            return subprocess.run(["bash", "-c", script + asked], stdout=subprocess.PIPE,
                                  check=True).stdout.decode().split()

        self.assertEqual(bash(DROVER, "mach"), ["machines"])
        self.assertEqual(bash(DROVER, "drain", "x", "--mode", "i"), ["idle"])
        self.assertEqual(bash(DROVER, "--config", self.world.config_path, "pause", "g"), ["gpu"])
        ids = [row["id"] for row in self.status()["ledger"]["machines"]]
        self.assertTrue(ids)
        found = bash(DROVER, "--config", self.world.config_path, "kill", "")
        self.assertLessEqual(set(ids), set(found))
        self.assertIn("--yes", found)
        for shell in ("zsh", "fish"):
            if shutil.which(shell):
                self.other_shell(shell)

    def other_shell(self, shell):
        env = dict(os.environ, DROVER_CONFIG=self.world.config_path,
                   PATH=os.path.dirname(DROVER) + ":" + os.environ["PATH"])
        if shell == "fish":
            def ask(line):
                script = "drover completion fish | source; complete -C '%s'" % line
                return subprocess.run(["fish", "--no-config", "-c", script], env=env,
                                      stdout=subprocess.PIPE).stdout.decode().split()
            self.assertIn("gpu", ask("drover pause "))
            self.assertEqual(ask("drover drain x --mode i"), ["idle"])
            self.assertEqual(ask("drover machi")[0], "machines")
            return
        # zsh completes only where somebody types.
        zsh = Terminal(["zsh", "-f", "-i"], env=env)
        self.terminals.append(zsh)
        zsh.keys("autoload -U compinit; compinit -u -D; eval \"$(drover completion zsh)\"; echo rea''dy",
                 "Enter")
        zsh.shows("ready")
        zsh.keys("clear; drover pau", "Tab")
        zsh.shows(r"drover pause\b")
        zsh.keys("g", "Tab")
        zsh.shows(r"drover pause gpu\b")

    def test_8_no_answer_is_said(self):
        top = self.terminal()
        top.shows("● live")
        self.world.stop_droverd()
        top.shows(r"no answer since \d\d:\d\d:\d\d")
        screen = top.screen()
        self.assertNotIn("live", screen)
        self.assertIn("what follows is old", screen)
        self.assertIn("38;5;214", top.screen(colours=True))  # amber
        self.assertEqual(self.world.drover("status").returncode, 2)
        self.assertEqual(self.world.drover("plan").returncode, 2)
        self.assertEqual(self.world.drover("top").returncode, 2)
        self.world.start_droverd()
        top.shows("● live")
        top.keys("q")
        self.assertEqual(top.exit_code(), 0)


class Words(unittest.TestCase):
    """The help, the manual page and completion name the same commands and options."""

    @classmethod
    def setUpClass(cls):
        def run(*arguments):
            return subprocess.run([DROVER, *arguments], stdout=subprocess.PIPE, check=True).stdout.decode()
        cls.help, cls.bash = run("--help"), run("completion", "bash")
        cls.version, cls.document = run("version"), json.loads(run("--json", "version"))
        with open(os.path.join(ROOT, "docs", "man", "drover.1")) as file:
            cls.page = file.read()

    def commands(self):
        return re.findall(r"^  ([a-z]+) +\S", self.help, re.M)

    def arguments(self):
        """What each command takes, as its own help has it."""
        def usage(name):
            page = subprocess.run([DROVER, name, "--help"], stdout=subprocess.PIPE, check=True).stdout
            return re.search(r"^usage: drover %s *(.*)$" % name, page.decode(), re.M).group(1)
        return {name: usage(name) for name in self.commands()}

    def test_the_order(self):
        named = [name for name in self.commands() if name in ORDER]
        self.assertEqual(named, ORDER)

    def test_the_manual_page(self):
        section = self.page.split(".SH COMMANDS")[1].split(".SH")[0]
        entries = re.findall(r"^\.TP\n\.BR? (?:\")?([a-z]+)\b(.*)$", section, re.M)
        self.assertEqual([name for name, _ in entries], self.commands())
        helped = self.arguments()
        for code in ("64", "78"):
            self.assertIn(code, self.page.split(".SH EXIT STATUS")[1])
        for name, rest in entries:
            found = [sorted(set(re.findall(r"--[a-z-]+", text.replace("\\-", "-"))))
                     for text in (rest, helped[name])]
            self.assertEqual(*found, name)

    def test_completion(self):
        for name, arguments in self.arguments().items():
            line = re.search(r"^    %s,\*\) (.*)$" % name, self.bash, re.M)
            self.assertTrue(line, name)
            for option in re.findall(r"\[(--[a-z-]+)", arguments):
                self.assertIn("'%s'" % option, line.group(1), name)

    def test_the_version(self):
        self.assertTrue(self.version.startswith("drover %s\n" % self.document["version"]))
        for name, version in self.document["libraries"].items():
            self.assertIn("%s %s" % (name, version), self.version)


if __name__ == "__main__":
    if not shutil.which("tmux"):
        print("tmux is not there")
        sys.exit(77)
    unittest.main()
