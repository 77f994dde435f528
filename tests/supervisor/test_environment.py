# SPDX-License-Identifier: Apache-2.0
import os
import socket
import unittest

from herd import SOURCES, Herd


class Environment(Herd):
    def test_each_role_gets_its_own_variables_and_nothing_else(self):
        self.start_ready(env={"PATH": os.environ["PATH"], "HOME": "/h", "LANG": "C", "SHELL": "/x",
                              "AWS_SECRET_ACCESS_KEY": "a", "CLEARML_API_SECRET_KEY": "c",
                              "LD_LIBRARY_PATH": "", "NOTIFY_SOCKET": "/nowhere"})
        common = {"PATH", "HOME", "LANG", "DROVER_FD"}
        more = {"watcher": {"CLEARML_API_SECRET_KEY"}, "provisioner:one": {"AWS_SECRET_ACCESS_KEY"},
                "gateway": {"DROVER_CONFIG"}}
        for source in SOURCES:
            with open(f"{self.state}/env.{source}") as file:
                rows = file.read().splitlines()
            names = {row.split("=")[0] for row in rows if "=" in row}
            self.assertEqual(names, common | more.get(source, set()), source)
            # The file that lists them is 4 while it is written.
            open_fds = {int(row.split()[1]) for row in rows if row.startswith("fd ")}
            self.assertEqual(open_fds, {0, 1, 2, 3}, source)

    def test_no_core_dumps_and_no_secret_in_argv(self):
        self.start_ready()
        for source, pid, _ in self.events(word="start"):
            with open(f"/proc/{pid}/limits") as file:
                core = [line for line in file if line.startswith("Max core file size")][0]
            self.assertEqual(core.split()[4:6], ["0", "0"])
            with open(f"/proc/{pid}/cmdline") as file:
                self.assertEqual(file.read().split("\0")[1:], [source, ""])

    def test_systemd_is_told(self):
        path = os.path.join(self.dir, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(path)
            systemd.settimeout(60)
            self.start_ready(env=dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000"))
            heard = []
            while not any("READY=1" in h for h in heard) or heard.count("WATCHDOG=1") < 2:
                heard.append(systemd.recv(4096).decode())
            self.assertEqual(self.stop(), 0)
            while "STOPPING=1" not in heard:
                heard.append(systemd.recv(4096).decode())


if __name__ == "__main__":
    unittest.main()
