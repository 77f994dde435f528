# SPDX-License-Identifier: Apache-2.0
"""What opens the way to code and servers: git hosts, a deploy key, a CA. Sent where one is set."""
import os
import pwd
import shlex
import ssl

from prepare import write


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


def give_access(s, out, env):
    """Writes the files; returns the agent's part of clearml.conf."""
    if s.get("git_hosts"):
        git_store(s["git_hosts"])
    if s.get("ssh_private_key"):
        ssh(s, env)
    if s.get("ca_pem"):
        trust(s["ca_pem"], out, env)
    return git_conf(s)
