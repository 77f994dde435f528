# SPDX-License-Identifier: Apache-2.0
"""HTTP for metadata services: any number of listening sockets, each in the network namespace of its
machine, in one event loop. What is answered is the dialect's business (ec2_metadata.py)."""
import asyncio
import http
import socket

IDLE_S = 60


async def read_request(reader):
    """(method, path, headers, keep) or None at the end of the connection."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), IDLE_S)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, OSError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        return None
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    if headers.get("content-length", "0").isdigit():
        await reader.readexactly(int(headers.get("content-length", "0")))
    keep = words[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return words[0], words[1].partition("?")[0], headers, keep


async def converse(dialect, reader, writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        keep = True
        while keep:
            request = await read_request(reader)
            if request is None:
                break
            method, path, headers, keep = request
            status, more, body = dialect.answer(method, path, headers)
            lines = ["HTTP/1.1 %d %s" % (status, http.HTTPStatus(status).phrase),
                     "Content-Length: %d" % len(body),
                     "Connection: " + ("keep-alive" if keep else "close")]
            lines += ["%s: %s" % pair for pair in more.items()]
            text = ("\r\n".join(lines) + "\r\n\r\n").encode()
            writer.write(text if method == "HEAD" else text + body)
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve(sock, dialect):
    """The asyncio server on that socket; close() ends it."""
    return await asyncio.start_server(lambda r, w: converse(dialect, r, w), sock=sock)


async def relay(listen, port):
    """A door at `listen` (host, port) to a port of the host's loopback."""
    async def pump(reader, writer):
        try:
            while True:
                data = await reader.read(1 << 16)
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            pass

    async def guest(reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, back), pump(there, writer))
        for end in (back, writer):
            end.close()
    return await asyncio.start_server(guest, *listen)
