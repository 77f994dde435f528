# SPDX-License-Identifier: Apache-2.0
"""ClearML's own autoscaler, as PyPI has it, for burst.py: one type of machine for one queue, in the
cloud that AWS_ENDPOINT_URL_EC2 names. Writes the unix time at which its loop saw the tasks.

    burst_peer.py QUEUE IMAGE MOST-MACHINES"""
import logging
import sys

from clearml.automation.auto_scaler import AutoScaler, ScalerConfig
from clearml.automation.aws_driver import AWSDriver
from clearml.backend_api import Session


class Driver(AWSDriver):
    """The release calls its driver by a name of the argument that the driver does not know."""

    def spin_up_worker(self, resource, worker_prefix, queue_name, task_id):
        return super().spin_up_worker(resource, worker_prefix, queue_name, task_id)


class Seen(logging.Handler):
    """Tells of the first round that finds tasks."""

    def __init__(self):
        super().__init__()
        self.told = False

    def emit(self, record):
        text = record.getMessage()
        if not self.told and text.startswith("Found ") and not text.startswith("Found 0 "):
            self.told = True
            print(record.created, flush=True)


def main():
    queue, image, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    session = Session()
    host = session.get_api_server_host()
    # No tags, no bucket, no script: each would cost it another call or more time.
    driver = Driver(git_user="", git_pass="", extra_clearml_conf="", api_server=host,
                    web_server=host, files_server=host, access_key=session.access_key,
                    secret_key=session.secret_key, auth_token=None, extra_vm_bash_script="",
                    docker_image="", session=session, aws_access_key_id="AKIDEXAMPLE",
                    aws_secret_access_key="wJalrXUtnFEMI", aws_region="us-east-1")
    logger = logging.getLogger("peer")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(Seen())
    errors = logging.StreamHandler()
    errors.setLevel(logging.WARNING)
    logger.addHandler(errors)
    # It may look as often as it likes; 5 min is its default.
    config = ScalerConfig(polling_interval_time_min=1 / 60, workers_prefix="peer",
                          max_idle_time_min=60, max_spin_up_time_min=60,
                          queues={queue: [("burst", most)]},
                          resource_configurations={"burst": {
                              "instance_type": "t3.medium", "is_spot": False, "ami_id": image,
                              "availability_zone": "us-east-1a", "cpu_only": True}})
    AutoScaler(config, driver, logger).start()


if __name__ == "__main__":
    main()
