# SPDX-License-Identifier: Apache-2.0
"""What can be set at the start (Ec2Fault(name=value)) and later (settings(name=value))."""
import dataclasses
import typing


@dataclasses.dataclass
class Settings:
    pending_s: typing.Optional[float] = 0.0  # from launch to running; None: until run(id)
    shutting_down_s: typing.Optional[float] = 0.0  # also stopping
    terminated_visible_s: float = 3600.0  # then InvalidInstanceID.NotFound
    lag_s: float = 0.0  # a new instance, its spot request too, is unknown for so long
    tag_lag_s: float = 0.0  # later tags of an instance are unseen for so long
    latency_s: float = 0.0  # each call takes so long before it acts
    clock_offset_s: float = 0.0  # the server's clock, as its Date header says, is so far ahead
    throttling: bool = False  # EC2's published token buckets
    mismatch_silent: bool = False  # a changed request under a used token gets the original, 200
    empty_first_page: bool = False  # a paged DescribeInstances starts with an empty page and a token
    check_signature: bool = True
    expired_token_code: str = "ExpiredToken"  # what an expired session token is told
    token_life_s: typing.Optional[float] = None  # of STS credentials; None: as asked for

    def change(self, changes):
        names = {field.name for field in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in names:
                raise ValueError("no setting " + name)
            setattr(self, name, value)
