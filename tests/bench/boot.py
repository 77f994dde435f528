# SPDX-License-Identifier: Apache-2.0
"""From a machine's first-boot script to its registered worker.

bare: a Debian root that knows neither pip nor git nor a package list, as a cloud image; the peer is
ClearML's own script, taken from its package as it is.
prepared: clearml-agent and git are there; the peer is the agent started by hand.
"""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ["DROVER_BIN"]
os.environ.setdefault("DROVER_SANDBOX", os.path.join(BIN, "drover-sandbox"))
os.environ.setdefault("DROVER_BOOT_RENDER", os.path.join(BIN, "boot-render"))
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
import machine  # noqa: E402

CACHE = os.environ.get("DROVER_CACHE") or os.path.join(HERE, "..", "..", ".cache")
BASE = os.path.join(CACHE, "bench", "cloud-image.tar")
# What reaching the registries takes on this host.
ACCESS = ["/etc/resolv.conf", "/etc/pip.conf"]
PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT", "PIP_DEFAULT_TIMEOUT",
             "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
             "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
ENTER = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
hostname "$2"
exec chroot "$1" /bin/bash /root/boot
"""
# ClearML's own script, for a machine whose host name is its id.
THEIRS = """
import sys
from clearml.automation.cloud_driver import CloudDriver
class Driver(CloudDriver):
    spin_up_worker = spin_down_worker = instance_type_key = kind = None
    def instance_id_command(self):
        return "hostname"
api, files, key, secret = sys.argv[1:]
print(Driver(git_user="", git_pass="", extra_clearml_conf="", api_server=api, web_server=api,
             files_server=files, access_key=key, secret_key=secret, auth_token="",
             extra_vm_bash_script="", docker_image="", session=object()).gen_user_data(
                 "theirs", "cpu", None, cpu_only=True))
"""


def run(*words, **more):
    return subprocess.run(words, check=True, **more)


def make_base():
    """Debian 12 with what a cloud's image has of this, and nothing more."""
    if os.path.exists(BASE):
        return
    os.makedirs(os.path.dirname(BASE), exist_ok=True)
    run("mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,ca-certificates,curl",
        "bookworm", BASE + ".new.tar", stdout=sys.stderr)
    os.rename(BASE + ".new.tar", BASE)


def make_root(folder):
    run("tar", "-C", folder, "-xf", BASE, "--exclude=./dev/*")
    certificates = "/usr/local/share/ca-certificates"
    ours = [os.path.join(certificates, n) for n in
            (os.listdir(certificates) if os.path.isdir(certificates) else [])]
    for path in filter(os.path.isfile, ACCESS + ours):
        os.makedirs(folder + os.path.dirname(path), exist_ok=True)
        shutil.copyfile(path, folder + path)
    run("chroot", folder, "update-ca-certificates", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def started(argv, **more):
    """Runs a command until the caller is done; the process group ends with it."""
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **more)
    try:
        yield proc
    finally:
        proc.kill()
        proc.wait()


def until_worker(server, proc, begun, matches, log):
    def registered():
        if proc.poll() is not None:
            with open(log, errors="replace") as f:
                raise RuntimeError("ended before its worker was there:\n" + f.read()[-3000:])
        return [w for w in server.workers() if matches(w)]
    machine.wait("a worker", 300, registered, pause=0.01)
    return time.monotonic() - begun


def boot_in_root(server, name, script, matches):
    """Seconds from the script's start in a new root to its worker."""
    folder = tempfile.mkdtemp(prefix="drover-bench-")
    log = folder + ".log"
    try:
        make_root(folder)
        with open(os.path.join(folder, "root", "boot"), "wb") as f:
            f.write(script)
        os.sync()
        env = {k: os.environ[k] for k in PASSED_ON if k in os.environ}
        env.update(HOME="/root", PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        with open(log, "wb") as out:
            begun = time.monotonic()
            with started(["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "bash",
                          "-c", ENTER, "-", folder, name], stdout=out, stderr=out, env=env) as proc:
                return until_worker(server, proc, begun, matches, log)
    finally:
        if os.environ.get("DROVER_BENCH_LOG"):
            shutil.copy(log, os.environ["DROVER_BENCH_LOG"] + "." + name)
        os.unlink(log)
        shutil.rmtree(folder, ignore_errors=True)


def rendered(server, folder, **settings):
    path = os.path.join(folder, "settings")
    with open(path, "w") as f:
        json.dump(dict({
            "api_server": server.api, "web_server": server.api, "files_server": server.files,
            "access_key": server.key, "secret_key": server.secret, "queues": ["cpu"],
            "drain_queue_id": server.queues["cpu"], "worker_prefix": "ours", "worker_name": "w",
            "type_name": "t", "cpu_only": True}, **settings), f)
    return run(os.environ["DROVER_BOOT_RENDER"], path, stdout=subprocess.PIPE).stdout


def bare_round(order):
    """{whose: seconds}"""
    took = {}
    for whose in order:
        server = machine.Server("cpu")
        try:
            if whose == "ours":
                script = rendered(server, server.folder)
            else:
                # Debian's pip keeps out of the system since 12; their script does not know yet.
                script = b"export PIP_BREAK_SYSTEM_PACKAGES=1\n" + run(
                    machine.PYTHON, "-c", THEIRS, server.api, server.files, server.key,
                    server.secret, stdout=subprocess.PIPE).stdout
            took[whose] = boot_in_root(server, "i-" + whose, script,
                                       lambda worker: worker.startswith(whose))
        finally:
            server.close()
    return took


def ours_prepared(server):
    m = machine.Machine(server, "i-ours", ["cpu"], agent_python="")
    try:
        m.up(120, pause=0.01)
        return time.monotonic() - m.begun
    finally:
        m.close()


def theirs_prepared(server):
    conf = os.path.join(server.folder, "clearml.conf")
    with open(conf, "w") as f:
        f.write("api = " + json.dumps({
            "api_server": server.api, "web_server": server.api, "files_server": server.files,
            "credentials": {"access_key": server.key, "secret_key": server.secret}}))
    env = dict(HOME=server.folder, PATH=os.environ["PATH"], CLEARML_CONFIG_FILE=conf,
               CLEARML_WORKER_ID="theirs")
    log = os.path.join(server.folder, "log")
    with open(log, "wb") as out:
        begun = time.monotonic()
        with started(["clearml-agent", "daemon", "--foreground", "--queue", "cpu", "--cpu-only"],
                     stdout=out, stderr=out, env=env) as proc:
            return until_worker(server, proc, begun, lambda worker: worker == "theirs", log)


def prepared_round(order):
    took = {}
    for whose in order:
        server = machine.Server("cpu")
        try:
            took[whose] = {"ours": ours_prepared, "theirs": theirs_prepared}[whose](server)
        finally:
            server.close()
    return took


def alternated(rounds, measure):
    """{whose: median seconds} over rounds that take turns in who comes first."""
    order, samples = ["ours", "theirs"], {}
    for _ in range(rounds):
        for whose, seconds in measure(order).items():
            samples.setdefault(whose, []).append(seconds)
        order.reverse()
    return {whose: statistics.median(found) for whose, found in samples.items()}


def tell(name, took, goal):
    print(json.dumps({"name": name, "value": round(took["ours"], 3), "unit": "s",
                      "peer": round(took["theirs"], 3),
                      "ratio": round(took["ours"] / took["theirs"], 2), "goal": goal}), flush=True)


def main():
    quick = "--quick" in sys.argv
    # An image with the agent has it in the PATH.
    os.environ["PATH"] = os.path.dirname(machine.PYTHON) + ":" + os.environ["PATH"]
    tell("boot.prepared", alternated(2 if quick else 8, prepared_round), "<= peer + 0.3 s")
    if os.getuid() != 0 or not shutil.which("mmdebstrap"):
        print("boot.bare: needs root and mmdebstrap", file=sys.stderr)
        return
    make_base()
    tell("boot.bare", alternated(1 if quick else 3, bare_round), "<= 0.5 of peer")


if __name__ == "__main__":
    main()
