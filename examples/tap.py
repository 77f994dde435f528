# SPDX-License-Identifier: Apache-2.0
# Every event of a running Drover: python3 tap.py ipc:///var/lib/drover/run/tap [TOPIC]
import sys
import msgpack
import zmq

tap = zmq.Context().socket(zmq.SUB)
tap.connect(sys.argv[1])
tap.subscribe(sys.argv[2] if len(sys.argv) > 2 else "")
while True:
    topic, message = tap.recv_multipart()
    event = msgpack.unpackb(message)
    print(event["seq"], event["type"], event["source"], event["body"], flush=True)
