# SPDX-License-Identifier: Apache-2.0
"""Private repositories: over HTTPS with user and token, from two hosts with a token each, over SSH
with a deploy key. The servers are real ones on loopback and let nobody in without."""
import os
import unittest

from fixtures.git_https import Authority, GitServer, make_repository
from fixtures.git_ssh import SshHost
from sdk_agent_world import SdkWorld, machine_type, needed

TOKENS = "token-of-the-first-host-19", "token-of-the-second-host-23"
MAIN = 'print("cloned", open("word").read(), flush=True)\n'
WITH_LIBRARY = 'from library import lib\nprint("library says", lib.WORD, flush=True)\n'

ENQUEUE = '''
made = {}
for name, (url, queue) in ARGS["tasks"].items():
    task = create(name, "", repository=url, branch="main", entry_point="train.py")
    Task.enqueue(task, queue_name=queue)
    made[name] = task.id
done(made)
'''


def setUpModule():
    needed()


class GitWorld(SdkWorld):
    """Two HTTPS hosts (localhost and 127.0.0.1, each with a port, user and token of its own) for
    one account, an SSH host with a deploy key for another."""

    def __init__(self):
        super().__init__(queues=("https", "ssh"))
        self.fixtures = []

    def start_server(self):
        super().start_server()
        authority = Authority(os.path.join(self.dir, "ca"))
        self.hosts = [
            self.kept(GitServer(authority, os.path.join(self.dir, name), user, token, host))
            for name, user, token, host in (("git1", "ann", TOKENS[0], "localhost"),
                                            ("git2", "bob", TOKENS[1], "127.0.0.1"))]
        self.ssh = self.kept(SshHost(os.path.join(self.dir, "sshd")))
        first, second = self.hosts
        lib = make_repository(second.path("library.git"), {"lib.py": "WORD = 'two hosts'\n"})
        make_repository(first.path("private.git"), {"train.py": MAIN, "word": "over https"})
        make_repository(second.path("other.git"), {"train.py": MAIN, "word": "from the second"})
        make_repository(first.path("both.git"), {"train.py": WITH_LIBRARY},
                        {"library": (second.url("library.git"), lib)})
        self.deployed = os.path.join(self.dir, "deployed.git")
        make_repository(self.deployed, {"train.py": MAIN, "word": "over ssh"})
        self.overrides = {
            "clearml": {"ca_file": authority.ca},
            "accounts": [self.account(secrets_file=self.secrets_file("git.yaml", git=[
                             {"host": h.address(), "user": h.user, "token": h.token}
                             for h in self.hosts])),
                         self.account("ssh", secrets_file=self.secrets_file(
                             "ssh.yaml", ssh_private_key=self.ssh.private_key,
                             ssh_known_hosts=self.ssh.known_hosts))],
            "machine_types": [machine_type("tokens"), machine_type("key", account="ssh")],
            "queues": [{"name": "https", "types": ["tokens"]}, {"name": "ssh", "types": ["key"]}]}

    def kept(self, fixture):
        self.fixtures.append(fixture)
        return fixture

    def __exit__(self, *error):
        super().__exit__(*error)
        for fixture in self.fixtures:
            fixture.close()


class Git(unittest.TestCase):
    def test_private_repositories(self):
        with GitWorld() as world:
            keys_before = len(world.credentials())
            first, second = world.hosts
            made = world.sdk(ENQUEUE, tasks={
                "https": (first.url("private.git"), "https"),
                "second": (second.url("other.git"), "https"),
                "both": (first.url("both.git"), "https"),
                "ssh": (world.ssh.url(world.deployed), "ssh")})
            world.await_completed(made.values(), 150, "all cloned and run")
            types = world.types(made.values())
            words = {name: world.read([task])[task]["console"] for name, task in made.items()}
            self.assertIn("over https", words["https"])
            self.assertIn("from the second", words["second"])
            self.assertIn("library says two hosts", words["both"])
            self.assertIn("over ssh", words["ssh"])
            self.assertEqual(types[made["ssh"]], "key")
            for host, repository in ((first, "private.git"), (first, "both.git"),
                                     (second, "other.git"), (second, "library.git")):
                self.assertTrue(host.served(repository), "%s %s" % (repository, host.seen))
            self.assertGreaterEqual(world.ssh.logins(), 1)
            for said in list(words.values()) + [world.log(), *self.boot_logs(world)]:
                for secret in TOKENS + (world.ssh.private_key.splitlines()[2],):
                    self.assertNotIn(secret, said)
            world.await_nothing_left(
                self, keys_before, TOKENS + (world.ssh.private_key.splitlines()[2],))

    def boot_logs(self, world):
        for path in world.readable_files():
            if path.endswith(".log"):
                with open(path, errors="replace") as file:
                    yield file.read()


if __name__ == "__main__":
    unittest.main()
