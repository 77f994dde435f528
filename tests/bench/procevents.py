# SPDX-License-Identifier: Apache-2.0
"""The kernel's own word on processes (proc connector, linux/cn_proc.h): fork, exec and exit events
with nanosecond stamps of the moment they happened. Needs root."""
import socket
import struct

NETLINK_CONNECTOR, CN_IDX_PROC, CN_VAL_PROC, LISTEN = 11, 1, 1, 1
FORK, EXEC, EXIT = 0x1, 0x2, 0x80000000


class ProcEvents:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        self.socket.bind((0, CN_IDX_PROC))  # 0: the kernel picks this socket's own id
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        message = struct.pack("=IIIIHHI", CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0, LISTEN)
        header = struct.pack("=IHHII", 16 + len(message), 3, 0, 0, self.socket.getsockname()[0])
        self.socket.send(header + message)

    def events(self, timeout_s):
        """Yields (what, ns, pid, other): fork: parent, child; exec: pid, 0; exit: thread, process."""
        self.socket.settimeout(timeout_s)
        while True:
            try:
                data = self.socket.recv(4096)
            except TimeoutError:
                return
            what, _, ns = struct.unpack_from("=IIQ", data, 36)
            first, _, second, _ = struct.unpack_from("=IIII", data, 52)
            if what == FORK:
                yield what, ns, first, struct.unpack_from("=IIII", data, 52)[3]
            elif what == EXEC:
                yield what, ns, first, 0
            elif what == EXIT:
                yield what, ns, first, struct.unpack_from("=I", data, 56)[0]

    def close(self):
        self.socket.close()
