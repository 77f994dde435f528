# SPDX-License-Identifier: Apache-2.0
"""From no configuration to a running Drover: `drover up`, the wizard's API as a browser uses it, and a task
of the genuine SDK at the end. The wizard's drover.yaml is the one that a person would have written."""
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from gateway_audit_test import History
from gateway_world import NoRedirect, free_port
from sdk_agent_world import SdkWorld
from world import BIN, PYTHON, World, eventually

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
TOKEN = "ghp-nobody-may-see-this"


def faults(said):
    return [one["path"] for one in said["errors"] if not one["warning"]]


class Wizard:
    """A browser: its cookie, and what the page would post."""

    def __init__(self, link):
        self.base, self.cookie, self.csrf = link.split("/login")[0], "", ""
        try:
            urllib.request.build_opener(NoRedirect).open(link, timeout=10)
        except urllib.error.HTTPError as error:
            self.cookie = error.headers["Set-Cookie"].split(";")[0]
        self.csrf = self.call("me")[1]["csrf"]

    def call(self, path, body=None):
        headers = {"Cookie": self.cookie, "X-Drover-Csrf": self.csrf}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + "/api/v1/" + path,
                                         None if body is None else json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError as error:
            return 0, {"error": str(error)}


class Up:
    """`drover up` at a terminal."""

    def __init__(self, world, *options):
        self.said, self.world = "", world
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CLEARML_", "AWS_", "DROVER_CONFIG"))}
        self.terminal, tty = pty.openpty()
        self.process = subprocess.Popen(
            [os.path.join(BIN, "drover"), "up", *options], stdin=subprocess.DEVNULL, stdout=tty, stderr=tty,
            env=dict(env, HOME=world.dir), start_new_session=True)
        os.close(tty)

    def read(self):
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                self.said += os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:
                break
        return self.said

    def links(self):
        return re.findall(r"http://\S+/login\?once=[0-9a-f]+", self.read())

    def exe(self):
        return os.path.basename(os.readlink("/proc/%d/exe" % self.process.pid))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 40
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
            time.sleep(0.1)
        os.close(self.terminal)


class SetupWorld(SdkWorld):
    def __enter__(self):
        self.start_server()
        self.server.stdout.close()
        return self

    def config(self):
        """What a person answers."""
        return {"deployment": "first", "clearml": {"api_server": self.api_url, "files_server": self.files_url,
                                                   "tick": "500ms"},
                "accounts": [{"name": "here", "driver": "local", "list_period": "1s",
                              "agent_python": PYTHON}],
                "machine_types": [{"name": "small", "account": "here", "max_machines": 1,
                                   "idle_timeout": "5s"}],
                "queues": [{"name": "mine", "types": ["small"]}]}

    def secrets(self, **more):
        pair = dict({"access_key": self.access_key, "secret_key": self.secret_key}, **more)
        return {"clearml": pair,
                "accounts": {"here": {"git": [{"host": "git.example.org", "user": "bot", "token": TOKEN}]}}}

    def secret_files(self):
        return sorted(name for name in os.listdir(self.dir)
                      if name.endswith(".yaml") and name not in ("drover.yaml",) or ".before-" in name)


class FirstStart(unittest.TestCase):
    def setUp(self):
        self.world = SetupWorld()
        self.world.__enter__()
        self.addCleanup(self.world.__exit__, None)
        self.port = free_port()

    def up(self):
        up = Up(self.world, "--dir", self.world.dir, "--listen", "127.0.0.1:%d" % self.port)
        self.addCleanup(up.end)
        link = eventually(up.links, 20, "the link is printed")[0]
        return up, Wizard(link)

    def test_from_nothing_to_a_task_that_ran(self):
        world = self.world
        up, wizard = self.up()
        self.assertIn("The wizard: http", up.read())
        self.assertTrue(wizard.call("me")[1]["setup"])
        code, known = wizard.call("wizard/known")
        self.assertEqual((200, world.state_dir), (code, known["config"]["state_dir"]))
        self.assertIn('"aws:ResourceTag/drover-deployment": "my-drover"', known["rights"]["aws"])
        code, said = wizard.call("state")
        self.assertEqual((503, "Drover is not set up yet"), (code, said["error"]["sentence"]))
        self.assertEqual(200, wizard.call("schema")[0])
        self.assertEqual(200, wizard.call("prices?cloud=aws&region=eu-west-1")[0])
        self.nobody_else(wizard)

        config = world.config()
        broken = dict(config, queues=[{"name": "mine", "types": ["smal"]}])
        code, said = wizard.call("wizard/render", {"config": broken})
        self.assertEqual((200, ["queues[0].types[0]"]), (code, faults(said)))
        code, said = wizard.call("wizard/launch", {"config": broken, "secrets": world.secrets()})
        self.assertEqual((422, ["queues[0].types[0]"]), (code, faults(said)))

        self.tries_keys(wizard, config)
        wrong = world.secrets(secret_key="wrong")
        code, said = wizard.call("wizard/launch", {"config": config, "secrets": wrong})
        self.assertEqual(422, code, said)
        self.assertIn("key", said["error"]["sentence"])
        self.assertEqual([], world.secret_files(), "what failed leaves nothing behind")
        self.assertFalse(os.path.exists(world.config_path))

        code, said = wizard.call("wizard/launch", {"config": config, "secrets": world.secrets(),
                                                   "create_queues": ["mine"]})
        self.assertEqual(200, code, said)
        self.is_written(said)
        eventually(lambda: up.exe() == "droverd", 20, "it has become droverd")
        eventually(lambda: wizard.call("me")[1].get("setup") is False, 30,
                   "the same session, another gateway")
        eventually(lambda: len(up.links()) > 1, 30, "the dashboard's link is printed")
        self.assertIn("The dashboard: " + up.links()[1], up.read())
        self.is_in_the_history()
        self.a_task_runs()
        self.nothing_told(up)

    def nobody_else(self, wizard):
        """Who did not come by the link, or holds no more than its cookie, sets nothing up."""
        world = self.world
        launch = {"config": world.config(), "secrets": world.secrets()}
        asked = (("wizard/known", None), ("wizard/render", {"config": {}}), ("wizard/launch", launch),
                 ("wizard/test", {"what": "clearml", "config": {}}))
        cookie, csrf = wizard.cookie, wizard.csrf
        try:
            for wizard.cookie, wizard.csrf, code in (("", "", 401), ("drover_session=" + "0" * 32, csrf, 401),
                                                     (cookie, "", 403)):
                for path, body in asked[code == 403:]:  # a read needs no header
                    self.assertEqual(code, wizard.call(path, body)[0], path)
        finally:
            wizard.cookie, wizard.csrf = cookie, csrf
        self.assertFalse(os.path.exists(world.config_path))
        for listen in ("0.0.0.0:0", "[::]:0", "*:0", "192.0.2.1:0", "127.0.0.1.example.com:0"):
            done = subprocess.run([os.path.join(BIN, "drover-gateway"), "--setup", "--config",
                                   os.path.join(world.dir, "other", "drover.yaml"), "--listen", listen],
                                  capture_output=True, text=True, timeout=30)
            self.assertNotEqual(0, done.returncode)
            self.assertIn("listens on this host only", done.stderr)

    def is_in_the_history(self):
        """Who set it up and when is told to the ledger that came to be only then."""
        history = History(self.world)

        def rows():
            found = [(row["by"], row["kind"], row["to"]) for row in history.rows()]
            return found if len(found) >= 2 else None
        self.assertEqual([("link", "login", "entered"), ("link", "config", "applied")],
                         eventually(rows, 30, "the ledger has both"))

    def tries_keys(self, wizard, config):
        for secret, good in (("wrong", False), (self.world.secret_key, True)):
            code, said = wizard.call("wizard/test", {"what": "clearml", "config": config,
                                                     "secrets": self.world.secrets(secret_key=secret)})
            self.assertEqual(200, code, said)
            pair = [one for one in said["findings"] if one["what"] == "key pair"][0]
            self.assertEqual((good, True), (pair["ok"], len(pair["sentence"]) > 20), pair)
            self.assertEqual(good, "default" in said["queues"])
        code, said = wizard.call("wizard/test", {"what": "cloud", "account": "here", "config": config,
                                                 "secrets": self.world.secrets()})
        self.assertEqual((200, {True}), (code, {one["ok"] for one in said["findings"]}), said)
        self.assertEqual([], self.world.secret_files(), "a test keeps nothing")

    def is_written(self, said):
        world = self.world
        places = {name: os.path.join(world.dir, name) for name in ("clearml.yaml", "secrets-here.yaml")}
        self.assertEqual([world.config_path, *places.values()], said["files"])
        self.assertEqual(list(places), world.secret_files())
        for path in places.values():
            self.assertEqual(0o600, stat.S_IMODE(os.stat(path).st_mode), path)
        with open(world.config_path) as file:
            text = file.read()
        self.assertEqual(world.drover("export").stdout, text)
        self.assertIn("credentials_file: " + places["clearml.yaml"], text)
        with open(places["secrets-here.yaml"]) as file:
            self.assertIn(TOKEN, file.read())

    def a_task_runs(self):
        if subprocess.run([PYTHON, "-c", "import clearml, clearml_agent"],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        task = self.world.sdk('''
task = create("first", "print('this ran', flush=True)")
Task.enqueue(task, queue_name="mine")
done(task.id)
''')
        eventually(lambda: self.world.all_completed([task]), 120, "the task has run")
        self.assertIn("small", self.world.types([task])[task])

    def nothing_told(self, up):
        """No secret in what was printed or kept, but in the two files that are for it."""
        for secret in (self.world.secret_key, TOKEN):
            self.assertNotIn(secret, up.read())
            found = subprocess.run(["grep", "-rlF", "--exclude=server.*", "--exclude-dir=client",
                                    "--exclude-dir=machines", secret, self.world.dir],
                                   stdout=subprocess.PIPE, text=True).stdout.split()
            self.assertEqual(1, len(found), found)

    def test_what_was_there_is_kept(self):
        """A file of somebody's with the name that the configuration wants is not lost."""
        world = self.world
        path = os.path.join(world.dir, "mine.yaml")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("somebody: needs this\n")
        config = world.config()
        config["clearml"]["credentials_file"] = path
        _, wizard = self.up()
        body = {"config": config, "secrets": world.secrets(secret_key="wrong"), "create_queues": ["mine"]}
        self.assertEqual(422, wizard.call("wizard/launch", body)[0])
        self.assertEqual(["mine.yaml"], world.secret_files())
        body["secrets"] = world.secrets()
        code, said = wizard.call("wizard/launch", body)
        self.assertEqual(200, code, said)
        kept = [name for name in world.secret_files() if name.startswith("mine.yaml.before-")]
        self.assertEqual(1, len(kept), world.secret_files())
        self.assertIn(kept[0], said["sentence"])
        with open(os.path.join(world.dir, kept[0])) as file:
            self.assertEqual("somebody: needs this\n", file.read())

    def test_the_sdks_own_file_is_taken(self):
        """As clearml-init leaves it: others may read it. Its pair is copied, and told to nobody."""
        world = self.world
        with open(os.path.join(world.dir, "clearml.conf"), "w") as file:
            file.write('api {\n api_server: "%s"\n credentials {"access_key": "%s", "secret_key": "%s"}\n}\n'
                       % (world.api_url, world.access_key, world.secret_key))
        os.chmod(file.name, 0o644)
        up, wizard = self.up()
        known = wizard.call("wizard/known")[1]
        self.assertEqual((file.name, {"api_server": world.api_url}),
                         (known.get("keys"), known["config"].get("clearml")))
        self.assertNotIn(world.secret_key, json.dumps(known))
        code, said = wizard.call("wizard/test", {"what": "clearml", "config": world.config()})
        self.assertEqual((200, True), (code, "default" in said["queues"]), said)
        code, said = wizard.call("wizard/launch", {"config": world.config(), "create_queues": ["mine"]})
        self.assertEqual(200, code, said)
        self.assertEqual(["clearml.yaml"], world.secret_files())
        self.assertEqual(0o600, stat.S_IMODE(os.stat(os.path.join(world.dir, "clearml.yaml")).st_mode))
        eventually(lambda: wizard.call("me")[1].get("setup") is False, 30, "Drover runs with it")
        self.assertNotIn(world.secret_key, up.read())

    def test_another_state_dir_is_refused(self):
        _, wizard = self.up()
        config = dict(self.world.config(), state_dir="/somewhere/else")
        code, said = wizard.call("wizard/launch", {"config": config, "secrets": self.world.secrets()})
        self.assertEqual((422, ["state_dir"]), (code, faults(said)))
        self.assertEqual([], self.world.secret_files())


class Again(unittest.TestCase):
    """The wizard over a Drover that runs: it is filled in from the configuration, and changes it."""

    def test_a_changed_answer_is_applied(self):
        port = free_port()
        with World({"gateway": {"listen": "127.0.0.1:%d" % port}}) as world:
            link = os.path.join(world.state_dir, "run", "login")
            eventually(lambda: os.path.exists(link), 20, "the link is there")
            with open(link) as file:
                wizard = Wizard(file.read().strip())
            config = wizard.call("wizard/known")[1]["config"]
            self.assertEqual(["cpu", "gpu"], [queue["name"] for queue in config["queues"]])
            config["machine_types"][0]["max_machines"] = 7
            config["queues"].append({"name": "fresh", "types": ["small"]})
            pair = {"access_key": world.access_key, "secret_key": world.secret_key}
            code, said = wizard.call("wizard/launch", {"config": config, "secrets": {"clearml": pair},
                                                       "create_queues": ["fresh"]})
            self.assertEqual(200, code, said)
            self.assertIn(".before-", said["sentence"], "the key file that was there is kept")
            self.assertEqual(["fresh"], [queue["name"] for queue in world.api(
                "queues.get_all", name="^fresh$")["queues"]])
            eventually(lambda: "fresh" in [queue["name"] for queue in wizard.call("state")[1]["queues"]], 30,
                       "droverd has taken it over")
            versions = wizard.call("config/history")[1]["versions"]
            self.assertEqual(["by the wizard", "as it was found"], [one["note"] for one in versions])
            code, said = wizard.call("wizard/launch", {"config": dict(config, deployment="other")})
            self.assertEqual(422, code, "what needs a stop and a start is refused: %s" % said)


class Same(unittest.TestCase):
    """The browser's wizard and a file written by hand give equal configurations."""

    def test_examples(self):
        world = SetupWorld()
        state, hand = os.path.join(world.dir, "state"), os.path.join(world.dir, "hand.yaml")
        listen = "127.0.0.1:%d" % free_port()
        gateway = subprocess.Popen(
            [os.path.join(BIN, "drover-gateway"), "--setup", "--config", world.config_path, "--state-dir",
             state, "--listen", listen], env=dict(os.environ, HOME=world.dir))
        self.addCleanup(world.__exit__, None)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.kill)
        link = os.path.join(state, "run", "login")
        eventually(lambda: os.path.exists(link), 20, "the link is there")
        with open(link) as file:
            wizard = Wizard(file.read().strip())
        compared = 0
        for name in sorted(os.listdir(EXAMPLES)):
            if not name.endswith(".yaml") or name == "secrets.yaml":
                continue
            with open(os.path.join(EXAMPLES, name)) as file:
                text = file.read()
            # The first start's own places, as a person would write them too.
            text = re.sub(r"(?m)^state_dir:.*\n", "", text) + "\nstate_dir: %s\n" % state
            self.assertNotIn("\ngateway:", text)
            text += "gateway:\n  listen: '%s'\n" % listen
            with open(hand, "w") as file:
                file.write(text)
            drover = [os.path.join(BIN, "drover"), "--config", hand]
            by_hand = subprocess.run([*drover, "export"], stdout=subprocess.PIPE, text=True).stdout
            answers = json.loads(subprocess.run([*drover, "--json", "export"], stdout=subprocess.PIPE,
                                                text=True).stdout)
            code, said = wizard.call("wizard/render", {"config": answers})
            self.assertEqual((200, []), (code, faults(said)), said)
            self.assertEqual(by_hand, said["yaml"], name)
            self.assertIn("deployment:", by_hand)
            compared += 1
        self.assertGreaterEqual(compared, 3)


if __name__ == "__main__":
    unittest.main()
