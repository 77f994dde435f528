# SPDX-License-Identifier: Apache-2.0
"""What cloudhost must know of a cloud. One implementation per cloud (ec2.py); everything that only
one cloud has stays in `facts`, which only its adapter and its metadata dialect read."""
import dataclasses
import threading


@dataclasses.dataclass
class Instance:
    id: str
    running: bool      # it has power; a session runs as long as it has
    gone: bool         # its disk is no more
    type: str
    zone: str
    region: str
    host_name: str     # as the cloud's private DNS names it
    private_ip: str
    facts: dict


@dataclasses.dataclass
class Gpus:
    count: int = 0
    model: str = "Tesla T4"
    memory_mib: int = 15360


class Adapter:
    """All calls may block and come from threads of cloudhost."""
    poll_s = 0.5

    def __init__(self):
        self.stopping = threading.Event()

    def wait(self):
        """Returns when something may have changed, or at stop()."""
        self.stopping.wait(self.poll_s)

    def stop(self):
        self.stopping.set()

    def instances(self):
        """All that the cloud lists, as Instance."""
        raise NotImplementedError

    def user_data(self, instance):
        """The bytes the instance was given."""
        raise NotImplementedError

    def switched_off(self, instance):
        """The machine switched itself off: the cloud does what it was told to do then."""
        raise NotImplementedError

    def console(self, instance, log):
        """What the machine printed so far, as bytes; a cloud without a console ignores it."""

    def notice(self, instance):
        """Its end was announced to the machine: the cloud says so from outside, too, if it does."""

    def gpus(self, instance):
        """The Gpus of the instance's type."""
        return Gpus()

    def metadata(self, instance, user_data):
        """An object with answer(method, path, headers) -> (status, headers, bytes) and notice();
        headers to it are lower-case. `address` is where machines look for it."""
        raise NotImplementedError
