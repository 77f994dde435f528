# SPDX-License-Identifier: Apache-2.0
"""Instances of a fake cloud that really run.

cloudhost watches a cloud and gives each running instance a machine: a session with namespaces of
its own, in which the instance's user data runs unchanged (unpacked if it is gzip; it must begin
with #!), as cloud-init would run it: as root, without a terminal, HOME unset.

    client = boto3.client("ec2", endpoint_url=..., ...)
    with CloudHost(Ec2(client), path_prefix=".cache/tests/bin", share=[folder]) as host:
        # servers for the machines listen on host.address (or 127.0.0.1, after host.expose(port))
        id = client.run_instances(...)["Instances"][0]["InstanceId"]
        host.wait_up(id); host.wait_log(id, "text"); host.log(id); host.processes(id)
        host.notice(id, 120)              # the spot notice, to the machine and from outside
        host.gpu_fault(id, lacking=1)     # nvidia-smi shows one less; broken=True: the driver is gone
        host.wait_ended(id)               # off, killed, lost

    PYTHONPATH=tests/support python -m cloudhost --endpoint http://127.0.0.1:5000 --expose 8008

What a machine is:
  - The host's file system below a layer of its own; what it writes is not seen elsewhere. /tmp,
    /var/tmp, /root and /var/lib/cloud start empty and are kept over a reboot. Paths in `share` are
    the host's. A prepared image is `path_prefix`.
  - The host name is the first label of the private DNS name. Processes are its own: the machine's
    end is the end of all of them.
  - The metadata service answers at its real address, 169.254.169.254, for this machine alone.
  - shutdown, poweroff, halt, reboot, `systemctl poweroff`, reboot(2) and /proc/sysrq-trigger end or
    reboot this machine. The cloud is told that it switched itself off, and terminates or stops it. A
    rebooted or restarted machine runs /var/lib/cloud/scripts/per-boot/* and not its user data.
  - If its type has GPUs, nvidia-smi shows them.
  - It reaches the host at host.address, and the internet if the host does.
  - What it prints is kept and posted as console output.

Root is needed. With the end of the CloudHost, or of its process, all machines end. What a kill -9 of
it leaves (a bridge, a folder in /var/tmp) the next CloudHost on this host removes.

Other clouds: an Adapter (adapter.py) and a metadata dialect (ec2_metadata.py is EC2's).
"""
from .adapter import Adapter, Gpus, Instance
from .ec2 import Ec2, Ec2Fault
from .host import CloudHost
from .place import CloudHostError

__all__ = ["Adapter", "CloudHost", "CloudHostError", "Ec2", "Ec2Fault", "Gpus", "Instance"]
