# SPDX-License-Identifier: Apache-2.0
"""moto, in this process: called as the WSGI program it is, and looked up where an answer must agree
with it."""
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.ssm.models import ssm_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

from .errors import AwsError

_HOP = ("host", "content-length", "connection", "transfer-encoding", "expect", "x-moto-account-id")


class Moto:
    def __init__(self):
        self._app = DomainDispatcherApplication(create_backend_app)

    def reset(self):
        for backends in (ec2_backends, iam_backends, ssm_backends):
            backends.reset()

    def call(self, method, target, headers, body, account):
        """(status, content type, body) of a request as it came."""
        path, _, query = target.partition("?")
        passed = [(name, value) for name, value in headers.items() if name.lower() not in _HOP]
        passed.append(("x-moto-account-id", account))
        environ = EnvironBuilder(method=method, path=path, query_string=query, headers=passed,
                                 data=body).get_environ()
        try:
            answer, status, found = run_wsgi_app(self._app, environ, buffered=True)
            return int(status.split()[0]), found.get("Content-Type", ""), b"".join(answer)
        except Exception as error:  # moto's own slips: unknown filters and the like
            raise AwsError("InternalError", "moto: %r" % error) from error

    # ---- what is there ---------------------------------------------------------------------------
    @staticmethod
    def _ec2(account, region):
        return ec2_backends[account][region]

    def subnets(self, account, region, identity=None):
        """[(id, zone, cidr, gives public addresses, vpc)]: that one, or the default VPC's."""
        found = [subnet for zone in self._ec2(account, region).subnets.values()
                 for subnet in zone.values()
                 if (subnet.id == identity if identity else subnet.default_for_az)]
        found.sort(key=lambda subnet: subnet.availability_zone)
        return [(subnet.id, subnet.availability_zone, subnet.cidr_block,
                 str(subnet.map_public_ip_on_launch).lower() == "true", subnet.vpc_id)
                for subnet in found]

    def image(self, account, region, identity):
        """(architecture, root device, GiB) or None."""
        image = self._ec2(account, region).amis.get(identity)
        if image is None:
            return None
        size = getattr(getattr(image.ebs_snapshot, "volume", None), "size", None) or 8
        return image.architecture or "x86_64", image.root_device_name or "/dev/xvda", int(size)

    def add_image(self, account, region, identity, root_device, architecture, size):
        backend = self._ec2(account, region)
        image = Ami(backend, identity, name=identity, root_device_name=root_device,
                    root_device_type="ebs", architecture=architecture, virtualization_type="hvm",
                    hypervisor="xen", region_name=region + "a", public=True)
        image.ebs_snapshot.volume.size = size
        backend.amis[identity] = image

    def parameter(self, account, region, name):
        found = ssm_backends[account][region].get_parameter(name)
        return found.value if found else None

    def key_exists(self, account, region, name):
        return name in self._ec2(account, region).key_pairs

    def group(self, account, region, identity=None, name=None):
        """(id, name) or None."""
        backend = self._ec2(account, region)
        found = (backend.get_security_group_from_id(identity) if identity
                 else backend.get_security_group_from_name(name))
        return (found.id, found.name) if found else None

    def profile(self, account, arn=None, name=None):
        """The ARN of that instance profile, or None."""
        for backend in iam_backends[account].values():
            for profile in backend.instance_profiles.values():
                if arn == profile.arn or name == profile.name:
                    return profile.arn
        return None

    # ---- instance types --------------------------------------------------------------------------
    @staticmethod
    def type_facts(name):
        """(vCPUs, architectures) or None."""
        found = INSTANCE_TYPES.get(name)
        if found is None:
            return None
        return found["VCpuInfo"]["DefaultVCpus"], found["ProcessorInfo"]["SupportedArchitectures"]

    @staticmethod
    def offerings(region, kind="availability-zone"):
        """[(type, location)]"""
        rows = INSTANCE_TYPE_OFFERINGS.get(kind, {}).get(region, [])
        return [(row["InstanceType"], row["Location"]) for row in rows]
