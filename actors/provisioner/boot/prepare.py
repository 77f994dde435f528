# SPDX-License-Identifier: Apache-2.0
"""Writes what the agent and git of this machine read, before the agent starts. Every file is
0600 in HOME. usage: prepare.py SETTINGS.json OUT_DIR"""
import json
import os
import pwd
import re
import shlex
import socket
import ssl
import sys
import time

from net import Cloud

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
    cloud = Cloud(settings)
    for _ in range(60):
        found = cloud.instance_id()
        if found:
            break
        time.sleep(2)
    else:
        sys.exit("the cloud's metadata service does not tell the instance id")
    if settings["id_source"] != "hostname":
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


def git_conf(settings):
    """The agent's part; the credential store of git itself serves submodules and pip."""
    hosts, agent = settings.get("git_hosts") or [], {}
    named = [dict(h, bare=h["host"].rpartition("//")[2].partition(":")[0]) for h in hosts]
    if named:
        agent.update(git_user=named[0]["user"], git_pass=named[0]["token"],
                     git_host=named[0]["bare"])
    if len(named) > 1:
        agent["git"] = {"extra_credentials": [
            {"user": h["user"], "pass": h["token"], "host": h["bare"]} for h in named[1:]]}
    if settings.get("ssh_private_key") and not hosts:
        agent["force_git_ssh_protocol"] = True
    return agent


def web_server(s):
    """A task's SDK ends where it is told no web page and cannot guess one; then any address does."""
    guessed = re.search(r"://(demo)?api\.|:8008/*$", s["api_server"])
    return s.get("web_server") or ("" if guessed else s["api_server"])


def clearml_conf(s):
    api = {"api_server": s["api_server"], "web_server": web_server(s),
           "files_server": s["files_server"],
           "credentials": {"access_key": s["access_key"], "secret_key": s["secret_key"]},
           # Three hours and not one: a task inherits its agent's token, and then the SDK renews at
           # each call whatever has less than an hour to go. The agent's own threshold is 12 hours.
           "auth": {"request_token_expiration_sec": 10800, "token_expiration_threshold_sec": 360}}
    if not s.get("verify_tls", True):
        api["verify_certificate"] = False
    agent = git_conf(s)
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


def git_store(hosts):
    from urllib.parse import quote
    lines = []
    for h in hosts:
        scheme, _, rest = h["host"].rpartition("://")
        lines.append("%s://%s:%s@%s\n" % (scheme or "https", quote(h["user"], ""),
                                          quote(h["token"], ""), rest))
    write("~/.git-credentials", "".join(lines))
    write("~/.gitconfig", "[credential]\n\thelper = store\n", "a")


def ssh(settings, env):
    key = settings["ssh_private_key"]
    write("~/.ssh/id_drover", key if key.endswith("\n") else key + "\n")
    known = settings.get("ssh_known_hosts")
    if known:
        write("~/.ssh/known_hosts", known.rstrip("\n") + "\n", "a")
    strict = "yes" if known else "accept-new"
    write("~/.ssh/config", "Host *\n  IdentityFile ~/.ssh/id_drover\n"
          "  StrictHostKeyChecking %s\n" % strict, "a")
    home = os.path.expanduser("~")
    if home != pwd.getpwuid(os.getuid()).pw_dir:
        # ssh asks the password file for the home, not HOME
        env["GIT_SSH_COMMAND"] = " ".join([
            "ssh -oBatchMode=yes -F none", "-i", shlex.quote(home + "/.ssh/id_drover"),
            "-oStrictHostKeyChecking=" + strict,
            "-oUserKnownHostsFile=" + shlex.quote(home + "/.ssh/known_hosts")])


def trust(pem, out, env):
    """The given CA beside the system's, for everything that speaks TLS here."""
    system, bundle = ssl.get_default_verify_paths().cafile, ""
    for path in (system, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
        if path and os.path.isfile(path):
            with open(path) as f:
                bundle = f.read()
            break
    path = os.path.join(out, "ca.pem")
    write(path, bundle + "\n" + pem + "\n")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"):
        env[name] = path


def main():
    with open(sys.argv[1]) as f:
        s = json.load(f)
    out = sys.argv[2]
    home = os.path.expanduser("~")
    env = {"DROVER_INSTANCE_ID": find_id(s), "CLEARML_CONFIG_FILE": home + "/clearml.conf"}
    if s.get("power_off") == "shutdown" and s["id_source"] != "hostname":
        end_at_reboot()
    write("~/clearml.conf", clearml_conf(s))
    if s.get("git_hosts"):
        git_store(s["git_hosts"])
    if s.get("ssh_private_key"):
        ssh(s, env)
    if s.get("ca_pem"):
        trust(s["ca_pem"], out, env)
    if s.get("cpu_only"):
        env["NVIDIA_VISIBLE_DEVICES"] = "none"
    env.update(e.split("=", 1) for e in s.get("env") or [] if "=" in e)
    write(out + "/env", "".join("%s=%s\0" % pair for pair in env.items()))
    write(out + "/init.sh", s.get("init_script") or "")
    write(out + "/agent", "%s\n%s\n" % (s.get("agent_python") or "", s.get("agent_version") or ""))


if __name__ == "__main__":
    main()
