# SPDX-License-Identifier: Apache-2.0
"""`drover init` in a genuine terminal: what it asks, what it refuses, and the files it leaves."""
import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ["DROVER_BIN"]
KEY, SECRET = "WIZARDKEY", "a-secret-that-nobody-may-see"
TOKEN = "a-token-that-nobody-may-see"
BY_HAND = """
deployment: lab
state_dir: %(dir)s/state
max_machines: 5
budget: {per_hour: 2, per_month: 100}
clearml:
  api_server: %(url)s
  credentials_file: %(dir)s/clearml.yaml
accounts:
  - {name: here, driver: local, secrets_file: %(dir)s/secrets-here.yaml}
machine_types:
  - {name: small, account: here, max_machines: 3, price_per_hour: 0.05}
  - {name: big, account: here, max_machines: 2, price_per_hour: 1.5, idle_timeout: 5m, max_life: 2d}
queues:
  - {name: gpu, types: [big, small]}
  - {name: nightly, types: [small]}
gateway: {listen: "off"}
"""

if not shutil.which("tmux"):
    print("skipped: there is no tmux")
    sys.exit(77)


class Terminal:
    """drover init in a tmux of 80 columns. Output wakes the reader: tmux copies it into a pipe."""

    def __init__(self, folder, *argv, columns=80, **env):
        folder = tempfile.mkdtemp(dir=folder)
        self.argv = ["tmux", "-S", os.path.join(folder, "tmux"), "-f", os.path.join(folder, "tmux.conf")]
        with open(os.path.join(folder, "tmux.conf"), "w") as file:
            file.write("set -g history-limit 20000\nset -g remain-on-exit on\n")
        self.fifo = os.path.join(folder, "fifo")
        os.mkfifo(self.fifo)
        self.out = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        self.seen = 0
        words = " ".join("%s=%s" % (name, shlex.quote(value)) for name, value in env.items())
        # It begins once the pipe is there.
        self.tmux("new-session", "-d", "-x", str(columns), "-y", "24", "-s", "w",
                  "read begin; trap : INT; env %s %s; echo ended $?" % (words, shlex.join(argv)))
        self.tmux("pipe-pane", "-t", "w", "cat >%s" % shlex.quote(self.fifo))
        self.type("")

    def tmux(self, *argv):
        return subprocess.run(self.argv + list(argv), check=True, stdout=subprocess.PIPE, text=True,
                              timeout=20).stdout

    def text(self):
        return self.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "w")

    def type(self, line):
        if line:
            self.tmux("send-keys", "-t", "w", "-l", "--", line)
        self.tmux("send-keys", "-t", "w", "Enter")

    def expect(self, words, seconds=60):
        """Waits until it stands behind what was expected before; the text in between."""
        deadline = time.monotonic() + seconds
        # Words may be wrapped; what ends with a space is a prompt.
        pattern = re.compile(re.sub(r"\\ (?!$)", r"\\s+", re.escape(words)))
        while True:
            text = self.text()
            hit = pattern.search(text, self.seen)
            if hit:
                between, self.seen = text[self.seen:hit.start()], hit.end()
                return between
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.out], [], [], left)[0]:
                raise AssertionError("no %r behind:\n%s" % (words, text[self.seen:]))
            os.read(self.out, 65536)

    def ask(self, label, answer, offered=None):
        """Answers the question of this label."""
        self.expect("\n%s\n" % label)
        brackets = self.expect("] > ").rpartition("[")[2]
        if offered is not None:
            assert brackets == offered, (label, brackets)
        self.type(answer)

    def again(self, message, answer):
        """The last answer was refused with this."""
        self.expect(message)
        self.expect("] > ")
        self.type(answer)

    def enter_until(self, words):
        """Takes what is offered until this is asked."""
        while True:
            self.expect("> ")
            if words in re.sub(r"\s+", " ", self.text()):
                return
            self.type("")

    def interrupt(self):
        self.tmux("send-keys", "-t", "w", "C-c")
        self.expect("ended 130")

    def close(self):
        subprocess.run(self.argv + ["kill-server"], stderr=subprocess.DEVNULL, timeout=20)
        os.close(self.out)
        os.unlink(self.fifo)


class World(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="drover-init-")
        self.addCleanup(folder.cleanup)
        self.home = os.path.join(folder.name, "home")
        self.dir = os.path.join(folder.name, "etc")
        os.mkdir(self.home)
        secret = self.write("secret", SECRET + "\n")
        self.server = subprocess.Popen(
            [os.path.join(BIN, "drover-sandbox"), "--listen", "127.0.0.1:0", "--files-listen", "127.0.0.1:0",
             "--access-key", KEY, "--secret-key-file", secret, "--queue", "gpu", "--print-ready"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        ready = self.server.stdout.readline().split()
        self.url = next(word[word.index("http"):] for word in ready if "http" in word)

    def write(self, name, text):
        path = os.path.join(self.home, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(text)
        return path

    def drover(self, *argv):
        return subprocess.run([os.path.join(BIN, "drover"), *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=100,
                              env=dict(os.environ, HOME=self.home))

    def written(self, name):
        path = os.path.join(self.dir, name)
        self.assertEqual(0o600, os.stat(path).st_mode & 0o777, path)
        with open(path) as file:
            return file.read()

    def same(self, config, other):
        """What two files mean."""
        return [json.loads(self.drover("--json", "--config", path, "export").stdout)
                for path in (config, other)]


    def answers(self, **changes):
        answers = {
            "deployment": "lab", "state_dir": self.dir + "/state", "clearml": {"api_server": self.url},
            "accounts": [{"name": "here", "driver": "local"}],
            "machine_types": [{"name": "small", "account": "here", "max_machines": 2,
                               "price_per_hour": 0.05}],
            "queues": [{"name": "fresh", "types": ["small"]}], "gateway": {"listen": "off"}}
        return self.write("answers.json", json.dumps(dict(answers, **changes)))

    def secrets(self, secret=SECRET):
        return self.write("secrets.json", json.dumps({
            "clearml": {"access_key": KEY, "secret_key": secret},
            "accounts": {"here": {"git": [{"host": "github.com", "user": "bot", "token": TOKEN}]}}}))


class Asked(World):
    def advanced(self, pane, answer=""):
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type(answer)

    def begin(self, **options):
        pane = Terminal(self.home, os.path.join(BIN, "drover"), "init", "--dir", self.dir, HOME=self.home,
                        **options)
        self.addCleanup(pane.close)
        return pane

    def server_part(self, pane):
        pane.ask("Name of this Drover", "my lab", offered="drover")
        pane.again("must be a name", "lab")
        pane.ask("API server", "nonsense", offered="https://api.clear.ml")
        pane.again("must be an address such as https://api.clear.ml", self.url)
        pane.ask("Web page", "-")
        pane.ask("Files server", "<")
        pane.ask("Web page", "<")
        pane.ask("API server", "<", offered=self.url)
        pane.ask("Name of this Drover", "", offered="lab")
        pane.ask("API server", "?", offered=self.url)
        pane.again("in the file:  clearml.api_server", "")
        pane.ask("Web page", "-")
        pane.ask("Files server", "-")
        pane.ask("Access key", KEY)
        pane.ask("Secret key", "a-wrong-secret")
        pane.expect("Advanced settings? [y/N] > ")
        pane.type("")
        pane.expect("fault key pair")
        pane.expect("Enter tries again, < goes back")
        pane.type("<")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("<")
        pane.ask("Secret key", SECRET, offered="kept as it is")
        pane.expect("Advanced settings? [y/N] > ")
        pane.type("")
        pane.expect("the server has 2 queues")

    def more(self, pane, noun, answer):
        pane.expect("Another %s?" % noun)
        pane.expect("] > ")
        pane.type(answer)

    def machines_part(self, pane):
        pane.ask("Cloud", "moon")
        pane.again("`moon` is none of: local, aws", "1")
        pane.ask("Name", "here", offered="local")
        between = pane.expect("Machines in this account at most")
        self.assertNotIn("Region", between, "of another driver")
        pane.expect("] > ")
        pane.type("many")
        pane.again("must be a whole number", "")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("n")
        pane.expect("Another cloud account?")
        pane.expect("] > ")
        pane.type("")
        pane.ask("Git host", "git.example.org")
        pane.ask("Git user", "bot")
        pane.ask("Git token", TOKEN)
        self.more(pane, "git host", "y")
        pane.ask("Git host", "")
        pane.ask("SSH key", "<")
        pane.ask("Git host", "git.example.com")
        pane.ask("Git user", "")
        pane.ask("Git token", "-")
        pane.again("a git host needs a token", "other" + TOKEN)
        self.more(pane, "git host", "")
        pane.ask("SSH key", "")
        pane.ask("Storage", "")
        pane.ask("Name", "", offered="small")
        pane.ask("Account", "", offered="here")
        pane.ask("Machines at most", "3", offered="2")
        pane.ask("Dollars per hour", "cheap")
        pane.again("must be dollars such as 3 or 0.526", "0.05")
        pane.ask("CPU mode", "", offered="yes")
        pane.ask("Docker image", "")
        pane.ask("Goes when idle for", "", offered="15m")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.expect("Another machine type?")
        pane.expect("] > ")
        pane.type("y")
        pane.ask("Name", "small")
        pane.again("is the name of machine_types[0] too", "big")
        pane.ask("Account", "")
        pane.ask("Machines at most", "")
        pane.ask("Dollars per hour", "1.5")
        pane.ask("CPU mode", "")
        pane.ask("Docker image", "")
        pane.ask("Goes when idle for", "5")
        pane.again("must be a number and a unit", "5m")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("y")
        for label, answer in (("Dollars per hour", ""), ("Dollars per day", ""), ("Dollars per month", ""),
                              ("Agents on one machine", ""), ("GPUs for the agent", ""),
                              ("GPUs that must be there", ""), ("Docker arguments", ""),
                              ("Script before the agent", ""), ("Read .bashrc", ""),
                              ("More clearml.conf", ""),
                              ("Environment of the agent", ""), ("Longest boot", ""), ("Longest life", "2d")):
            pane.ask(label, answer)
        pane.expect("Another machine type?")
        pane.expect("] > ")
        pane.type("")

    def queues_part(self, pane):
        pane.expect("\nQueue\n")
        between = pane.expect("] > ")
        number = "1" if "1) gpu" in between else "2"
        self.assertIn("gpu", between)
        pane.type(number)
        pane.ask("Machine types", "2, 1", offered="small")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.expect("Another queue?")
        pane.expect("] > ")
        pane.type("y")
        pane.ask("Queue", "nightly")
        pane.expect("it is made when all is written")
        pane.ask("Machine types", "huge")
        pane.again("there is no machine type `huge`", "")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.expect("Another queue?")
        pane.expect("] > ")
        pane.type("")

    def limits_part(self, pane):
        for label, answer in (("Machines in all at most", "5"), ("Dollars per hour", "2"),
                              ("Dollars per day", ""), ("Dollars per month", "100"), ("Time zone", "UTC")):
            pane.ask(label, answer)
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.ask("Address", "off", offered="127.0.0.1:8400")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.expect("Rules and processes")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("y")
        pane.ask("State directory", self.dir + "/state")
        pane.ask("Directory of the sockets", "")
        pane.ask("Prefix of workers", "", offered="drover")
        pane.ask("Notes in the tasks' consoles", "", offered="yes")
        pane.ask("Pause of a place without capacity", "", offered="3m")
        pane.ask("Log level", "", offered="info")
        pane.ask("Log file", "")

    def test_what_it_writes_is_what_a_person_would_have_written(self):
        os.mkdir(self.dir)
        with open(os.path.join(self.dir, "drover.yaml"), "w") as file:
            file.write("of old\n")
        pane = self.begin()
        self.server_part(pane)
        self.machines_part(pane)
        self.queues_part(pane)
        self.limits_part(pane)
        pane.expect("2 queues served by 2 machine types in 1 account.")
        pane.expect("an hour")
        pane.expect("Overwrite %s/drover.yaml? [y/N] > " % self.dir)
        self.assertEqual(["drover.yaml"], os.listdir(self.dir), "nothing is written before")
        with open(os.path.join(self.dir, "drover.yaml")) as file:
            self.assertEqual("of old\n", file.read())
        pane.type("y")
        pane.expect("queue nightly: created at the server")
        pane.expect("Written: ")
        pane.expect("drover check:")
        pane.expect("Start it:")
        config = os.path.join(self.dir, "drover.yaml")
        mine = self.write("by_hand.yaml", BY_HAND % {"dir": self.dir, "url": self.url})
        self.assertEqual(*self.same(config, mine))
        self.assertIn(SECRET, self.written("clearml.yaml"))
        self.assertIn(TOKEN, self.written("secrets-here.yaml"))
        self.assertEqual(["git.example.org", "git.example.com"],
                         re.findall(r'host: "(\S+)"', self.written("secrets-here.yaml")))
        with open(config) as file:
            seen = file.read() + pane.text()
        for secret in (SECRET, TOKEN, "a-wrong-secret"):
            self.assertNotIn(secret, seen)
        self.assertNotIn("\033[", pane.text())
        names = sorted(os.listdir(self.dir))
        old = [name for name in names if name.startswith("drover.yaml.before-")]
        self.assertEqual(["clearml.yaml", "drover.yaml", *old, "secrets-here.yaml"], names)
        with open(os.path.join(self.dir, old[0])) as file:
            self.assertEqual("of old\n", file.read())

    def test_what_the_sdk_has_is_offered(self):
        self.write("clearml.conf", "api {\napi_server: %s\ncredentials {access_key: %s, secret_key: %s}\n}\n"
                   % (self.url, KEY, SECRET))
        pane = self.begin()
        pane.expect("clearml.conf: its servers and its key pair")
        pane.ask("Name of this Drover", "")
        pane.ask("API server", "", offered=self.url)
        pane.ask("Web page", "-")
        pane.ask("Files server", "-")
        pane.ask("Access key", "", offered=KEY)
        pane.ask("Secret key", "", offered="kept as it is")
        pane.expect("Advanced settings?")
        pane.expect("] > ")
        pane.type("")
        pane.expect("the server has 2 queues")
        pane.expect("Cloud")
        pane.interrupt()
        self.assertFalse(os.path.exists(self.dir))
        self.assertNotIn(SECRET, pane.text())

    def state(self):
        """{name: content} of all that is in the directory."""
        found = {}
        for name in os.listdir(self.dir) if os.path.isdir(self.dir) else []:
            with open(os.path.join(self.dir, name)) as file:
                found[name] = file.read()
        return found

    def test_a_configuration_that_is_there_is_where_one_begins(self):
        types = [{"name": name, "account": "here", "max_machines": 2, "price_per_hour": 0.05,
                  "max_life": "2d"} for name in ("small", "big")]
        done = self.drover("init", "--dir", self.dir, "--answers",
                           self.answers(machine_types=types, timing={"settle": "300s"}),
                           "--secrets", self.secrets())
        self.assertIn("Written", done.stdout)
        self.write("clearml.conf", "api {api_server: other\ncredentials {access_key: X, secret_key: Y}}")
        before = self.state()
        pane = self.begin(columns=40)
        pane.expect("its settings stand in the brackets")
        pane.ask("Name of this Drover", "", offered="lab")
        pane.ask("API server", "", offered=self.url)
        pane.ask("Web page", "")
        pane.ask("Files server", "")
        pane.expect("so far in %s/clearml.yaml" % self.dir)
        pane.enter_until("Overwrite")
        self.assertEqual([], [line for line in pane.text().splitlines() if len(line) > 40 and "/" not in line
                              and "[" not in line])
        os.kill(self.server.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.server.pid, signal.SIGCONT)
        pane.type("y")
        pane.expect("Your ClearML server:")
        pane.interrupt()
        self.assertEqual(before, self.state(), "all or nothing")
        os.kill(self.server.pid, signal.SIGCONT)
        pane = self.begin()
        pane.enter_until("Overwrite")
        pane.type("y")
        pane.expect("drover.yaml.before-")
        pane.expect("Start it:")
        after = self.state()
        self.assertEqual(before, {name: text for name, text in after.items() if ".before-" not in name})
        self.assertEqual(len(before) + 1, len(after))

    def test_what_was_typed_is_gone_when_it_is_left_in_the_midst(self):
        """The server takes the pair, and then hears no more: what the account's probe wrote goes too."""
        answers = {"accounts": [{"name": "here", "driver": "local"}]}
        self.write("clearml.conf", "api {api_server: \"%s\", credentials {access_key: %s, secret_key: %s}}"
                   % (self.url, KEY, SECRET))
        pane = self.begin()
        for label, answer in (("Name of this Drover", ""), ("API server", ""), ("Web page", "-"),
                              ("Files server", "-"), ("Access key", ""), ("Secret key", "")):
            pane.ask(label, answer)
        self.advanced(pane)
        pane.ask("Cloud", answers["accounts"][0]["driver"])
        pane.ask("Name", "here")
        pane.ask("Machines in this account at most", "")
        self.advanced(pane)
        self.more(pane, "cloud account", "")
        pane.ask("Git host", "git.example.org")
        pane.ask("Git user", "bot")
        pane.ask("Git token", TOKEN)
        pane.enter_until("its name at the server")
        pane.type("gpu")
        pane.enter_until("Write %s/drover.yaml" % self.dir)
        os.kill(self.server.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.server.pid, signal.SIGCONT)
        pane.type("y")
        pane.expect("written to the files")
        self.assertEqual(["secrets-here.yaml"], os.listdir(self.dir))
        pane.expect("Your ClearML server:")
        pane.interrupt()
        self.assertFalse(os.path.exists(self.dir), "all or nothing")


class Unasked(World):
    def test_without_a_terminal_a_file_of_answers_is_named(self):
        done = self.drover("init", "--dir", self.dir)
        self.assertEqual(64, done.returncode)
        self.assertIn("--answers FILE.json", done.stderr)

    def test_answers_are_written_as_they_are(self):
        answers = self.answers()
        done = self.drover("init", "--dir", self.dir, "--answers", answers, "--secrets", self.secrets())
        self.assertIn("queue fresh: created at the server", done.stdout, done.stderr)
        config = os.path.join(self.dir, "drover.yaml")
        with open(answers) as file:
            document = json.load(file)
        document["clearml"]["credentials_file"] = self.dir + "/clearml.yaml"
        document["accounts"][0]["secrets_file"] = self.dir + "/secrets-here.yaml"
        self.assertEqual(*self.same(config, self.write("mine.yaml", json.dumps(document))))
        self.assertIn(SECRET, self.written("clearml.yaml"))
        self.assertIn(TOKEN, self.written("secrets-here.yaml"))
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        self.assertNotIn(TOKEN, done.stdout + done.stderr)

    def test_check_tries_the_pair_at_the_server(self):
        self.drover("init", "--dir", self.dir, "--answers", self.answers(), "--secrets", self.secrets())
        config = os.path.join(self.dir, "drover.yaml")
        done = self.drover("--config", config, "check")
        self.assertIn("takes the pair found in %s/clearml.yaml" % self.dir, done.stdout)
        self.server.kill()
        self.server.wait()
        done = self.drover("--config", config, "check")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stdout, r"(?m)^fault +ClearML: server: 127\.0\.0\.1")

    def test_faults_are_told_with_their_paths(self):
        answers = self.answers(max_machines="many", queues=[{"name": "fresh", "types": ["huge"]}])
        done = self.drover("init", "--dir", self.dir, "--answers", answers)
        self.assertEqual(78, done.returncode)
        self.assertIn("max_machines: must be a whole number", done.stderr)
        self.assertIn("queues[0].types[0]: there is no machine type `huge`", done.stderr)
        done = self.drover("init", "--dir", self.dir, "--answers", self.write("none.json", "[1"))
        self.assertEqual(78, done.returncode)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "drover.yaml")))

    def test_a_pair_that_is_not_taken_is_not_written(self):
        done = self.drover("init", "--dir", self.dir, "--answers", self.answers(), "--secrets",
                           self.secrets("a-wrong-secret"))
        self.assertEqual(78, done.returncode)
        self.assertIn("fault key pair", done.stdout)
        self.assertFalse(os.path.exists(self.dir))


if __name__ == "__main__":
    unittest.main()
