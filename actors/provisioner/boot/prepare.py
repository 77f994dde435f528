# SPDX-License-Identifier: Apache-2.0
"""Writes what the agent and git of this machine read, before the agent starts. Every file is
0600 in HOME. usage: prepare.py SETTINGS.json OUT_DIR"""
import json
import os
import re
import shlex
import socket
import sys
import time

PER_BOOT = "/var/lib/cloud/scripts/per-boot"


def write(path, text, mode="w"):
    path = os.path.expanduser(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder, 0o700)
    with open(path, mode) as f:
        os.chmod(path, 0o600)
        f.write(text)


def find_id(settings):
    if settings["id_source"] == "hostname":
        return os.uname().nodename
    from net import Cloud  # takes as long to import as all else
    cloud = Cloud(settings)
    for _ in range(120):  # the network may still be coming up
        found = cloud.instance_id()
        if found:
            break
        time.sleep(1)
    else:
        sys.exit("the cloud's metadata service does not tell the instance id")
    # The agent notes the host name at each task, and a lost machine's tasks are found by it.
    socket.sethostname(found)
    with open("/etc/hosts", "a") as f:
        f.write("127.0.1.1 %s\n" % found)
    return found


def end_at_reboot():
    """First-boot data runs once: after a reboot nothing would run here, but the bill."""
    if os.path.isdir(PER_BOOT):
        path = os.path.join(PER_BOOT, "drover-end")
        write(path, "#!/bin/sh\nshutdown -h now\n")
        os.chmod(path, 0o700)


def web_server(s):
    """A task's SDK ends where it is told no web page and cannot guess one; then any address does."""
    guessed = re.search(r"://(demo)?api\.|:8008/*$", s["api_server"])
    return s.get("web_server") or ("" if guessed else s["api_server"])


def clearml_conf(s, agent):
    api = {"api_server": s["api_server"], "web_server": web_server(s),
           "files_server": s.get("files_server") or "",
           "credentials": {"access_key": s["access_key"], "secret_key": s["secret_key"]},
           # Three hours and not one: a task inherits its agent's token, and then the SDK renews at
           # each call whatever has less than an hour to go. The agent's own threshold is 12 hours.
           "auth": {"request_token_expiration_sec": 10800, "token_expiration_threshold_sec": 360}}
    if s.get("insecure_tls"):
        api["verify_certificate"] = False
    if s.get("docker_image"):
        # The image is told to the daemon, which then ignores its built-in match rules. Arguments
        # of the default image would be dropped for tasks that name one of their own, and be
        # written into those that do not.
        agent["extra_docker_arguments"] = shlex.split(s.get("docker_args") or "")
    # JSON is HOCON; later keys win, so the user's own words come last.
    parts = ["%s = %s" % (k, json.dumps(v, ensure_ascii=False, indent=2))
             for k, v in (("api", api), ("agent", agent))]
    parts += [s.get("storage_conf") or "", s.get("extra_clearml_conf") or ""]
    return "\n".join(parts) + "\n"


def main():
    with open(sys.argv[1]) as f:
        s = json.load(f)
    out = sys.argv[2]
    home = os.path.expanduser("~")
    env = {"DROVER_INSTANCE_ID": find_id(s), "CLEARML_CONFIG_FILE": home + "/clearml.conf"}
    if s.get("power_off") == "shutdown" and s["id_source"] != "hostname":
        end_at_reboot()
    agent = {}
    if s.get("git_hosts") or s.get("ssh_private_key") or s.get("ca_pem"):
        from access import give_access
        agent = give_access(s, out, env)
    write("~/clearml.conf", clearml_conf(s, agent))
    if s.get("cpu_only"):
        env["NVIDIA_VISIBLE_DEVICES"] = "none"
    env.update(e.split("=", 1) for e in s.get("env") or [] if "=" in e)
    write(out + "/env", "".join("%s=%s\0" % pair for pair in env.items()))
    write(out + "/init.sh", s.get("init_script") or "")
    write(out + "/agent", "%s\n%s\n" % (s.get("agent_python") or "", s.get("agent_version") or ""))


if __name__ == "__main__":
    main()
