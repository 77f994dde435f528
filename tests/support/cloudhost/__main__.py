# SPDX-License-Identifier: Apache-2.0
"""cloudhost as a command: makes the instances of an EC2 endpoint run until it is told to end."""
import argparse
import signal
import sys

import boto3

from . import CloudHost, CloudHostError, Ec2, Ec2Fault


def main():
    parser = argparse.ArgumentParser(prog="cloudhost", description=__doc__)
    parser.add_argument("--endpoint", required=True, help="URL of the EC2 API")
    parser.add_argument("--control", help="URL of ec2fault's control API, if that is the endpoint")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--access-key", default="AKIDEXAMPLE")
    parser.add_argument("--secret-key", default="wJalrXUtnFEMI")
    parser.add_argument("--path-prefix", default="", help="first in the machines' PATH")
    parser.add_argument("--share", action="append", default=[], help="a path they share with the host")
    parser.add_argument("--expose", action="append", default=[], type=int,
                        help="a port of 127.0.0.1 that they reach at the printed address")
    parser.add_argument("--place", type=int, help="a number of 0 to 63; else the first that is free")
    parser.add_argument("--orderly", action="store_true",
                        help="machines that the cloud ends get SIGTERM first")
    options = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before there are threads
    client = boto3.client("ec2", endpoint_url=options.endpoint, region_name=options.region,
                          aws_access_key_id=options.access_key,
                          aws_secret_access_key=options.secret_key)
    adapter = Ec2Fault(client, options.control) if options.control else Ec2(client)
    try:
        with CloudHost(adapter, options.path_prefix, options.share, expose=options.expose,
                       place=options.place, power_cut=not options.orderly) as host:
            print("READY address=%s" % host.address, flush=True)
            signal.sigwait(signals)
    except CloudHostError as error:
        sys.exit("cloudhost: %s" % error)


if __name__ == "__main__":
    main()
