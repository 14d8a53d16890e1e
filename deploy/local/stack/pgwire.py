"""Just enough of PostgreSQL's protocol to know that it answers and to create a database: no client program is needed."""
import socket
import struct

from .ports import HOST


class Refused(Exception):
    """The server answered with an error, for example while it is still starting."""


def query(port, sql, database="postgres", user="vigie"):
    """Runs one statement and returns the rows as lists of text. OSError if nobody listens, Refused if the server says no."""
    with socket.create_connection((HOST, port), timeout=5) as link, link.makefile("rb") as answers:
        hello = struct.pack("!i", 196608) + ("user\0%s\0database\0%s\0\0" % (user, database)).encode()
        link.sendall(struct.pack("!i", len(hello) + 4) + hello)
        _until_ready(answers)
        body = sql.encode() + b"\0"
        link.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        rows = _until_ready(answers)
        link.sendall(b"X" + struct.pack("!i", 4))
        return rows


def _until_ready(answers):
    rows = []
    while True:
        head = answers.read(5)
        if len(head) < 5:
            raise Refused("the server hung up")
        kind, length = head[:1], struct.unpack("!i", head[1:])[0]
        body = answers.read(length - 4)
        if kind == b"Z":
            return rows
        if kind == b"E":
            raise Refused(body.replace(b"\0", b" ").decode("utf-8", "replace"))
        if kind == b"D":
            rows.append(_row(body))


def _row(body):
    at, fields = 2, []
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        fields.append(None if length < 0 else body[at:at + length].decode())
        at += max(length, 0)
    return fields
