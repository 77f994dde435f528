# SPDX-License-Identifier: Apache-2.0
"""python -m ec2fault: the same in a process of its own. Says where it listens on its first line."""
import argparse
import json
import signal
import threading

from . import Ec2Fault


def main():
    parser = argparse.ArgumentParser(prog="ec2fault", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control", type=int, default=0, help="port of the control API")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--tls", metavar="DIRECTORY", help="HTTPS, its certificate written there")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=JSON")
    options = parser.parse_args()
    settings = {name: json.loads(value) for name, _, value in
                (one.partition("=") for one in options.set)}
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Ec2Fault(options.port, options.control, options.tls, options.address, region=options.region,
                  regions=(options.region,), **settings) as cloud:
        print(json.dumps({"url": cloud.url, "control": cloud.control_url, "ca_file": cloud.ca_file}),
              flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
