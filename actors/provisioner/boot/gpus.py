# SPDX-License-Identifier: Apache-2.0
"""Sees the GPUs that the machine is paid for, before an agent takes a task there."""
import os
import re
import shlex
import subprocess
import tempfile

from procs import clock

COUNT = ["--query-gpu=uuid", "--format=csv,noheader"]
HANGS_S, PULL_S = 60, 3600


def ways(s):
    """(where, how long one look may take, its command): plainly, and as the agent's tasks see it."""
    yield "the machine", HANGS_S, ["nvidia-smi"] + COUNT
    if s.get("docker_image"):
        gpus = [] if os.environ.get("CLEARML_DOCKER_SKIP_GPUS_FLAG") else ["--gpus", "all"]
        # The image need not have nvidia-smi: the engine brings it to whoever wants `utility`.
        yield "a container", PULL_S, ["docker", "run", "--rm"] + gpus + shlex.split(
            s.get("docker_args") or "") + ["-e", "NVIDIA_DRIVER_CAPABILITIES=utility",
                                           "--entrypoint", "nvidia-smi", s["docker_image"]] + COUNT


def look(where, limit, argv, need):
    """Yields while the command runs; returns what is wrong."""
    with tempfile.TemporaryFile() as out:
        try:
            proc = subprocess.Popen(
                argv, env=dict(os.environ, DROVER_MACHINE=os.environ["DROVER_INSTANCE_ID"]),
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        except OSError as e:
            return "%s shows no GPU: %s: %s" % (where, argv[0], e.strerror)
        until = clock() + limit
        while proc.poll() is None:
            if clock() > until:
                proc.kill()  # and not waited for: a broken driver holds it for ever
                return "%s shows no GPU: %s does not answer" % (where, argv[0])
            yield
        out.seek(0)
        lines = out.read().decode("utf-8", "replace").split("\n")
    count = sum(line.startswith("GPU-") for line in lines)
    if count >= need:
        return ""
    if count or proc.returncode == 0:
        return "%s shows %d of %d GPUs" % (where, count, need)
    words = [line for line in lines if line.strip()] or [""]
    word = next((w for w in words if re.search("(?i)error|fail", w)), words[-1])
    return "%s shows no GPU: %s ended with %d: %s" % (where, argv[0], proc.returncode, word[:150])


def gate(s):
    """Yields None while that is open, at last "" or what is wrong. Nothing here blocks, for the
    guard has to listen; a driver may still be loading, a container engine starting."""
    for way in ways(s):
        until = clock() + s["gpu_patience_s"]
        fault = yield from look(*way, s["gpu_count"])
        while fault and clock() < until:
            again = clock() + 1
            while clock() < again:
                yield
            fault = yield from look(*way, s["gpu_count"])
        if fault:
            yield fault
    yield ""
