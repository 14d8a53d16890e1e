"""Just enough of PostgreSQL's protocol to know that it answers and to create a database: no client program is needed."""
import base64
import hashlib
import hmac
import secrets
import socket
import struct

from .ports import HOST


class Refused(Exception):
    """The server answered with an error, for example while it is still starting."""


def query(port, sql, password, database="postgres", user="vigie"):
    """Runs one statement and returns the rows as lists of text. OSError if nobody listens, Refused if the server says no."""
    with socket.create_connection((HOST, port), timeout=5) as link, link.makefile("rb") as answers:
        hello = struct.pack("!i", 196608) + ("user\0%s\0database\0%s\0\0" % (user, database)).encode()
        link.sendall(struct.pack("!i", len(hello) + 4) + hello)
        _prove(link, answers, password)
        _until_ready(answers)
        link.sendall(_message(b"Q", sql.encode() + b"\0"))
        rows = _until_ready(answers)
        link.sendall(_message(b"X", b""))
        return rows


def _prove(link, answers, password):
    """SCRAM-SHA-256 (RFC 7677), without channel binding: shows that we know the password, and checks that the server does."""
    _expect(answers, 10)  # the server names its mechanisms; SCRAM-SHA-256 is among them since version 10
    nonce = secrets.token_hex(18)
    bare = "n=,r=" + nonce
    first = ("n,," + bare).encode()
    link.sendall(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
    challenge = _expect(answers, 11).decode()
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    if not fields["r"].startswith(nonce):
        raise Refused("the server answers somebody else")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    final = "c=biws,r=" + fields["r"]
    signed = ",".join((bare, challenge, final)).encode()
    key = _mac(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in zip(key, _mac(hashlib.sha256(key).digest(), signed)))
    link.sendall(_message(b"p", ("%s,p=%s" % (final, base64.b64encode(proof).decode())).encode()))
    verdict = _expect(answers, 12)
    if verdict != b"v=" + base64.b64encode(_mac(_mac(salted, b"Server Key"), signed)):
        raise Refused("the server does not know the password")


def _mac(key, text):
    return hmac.new(key, text, "sha256").digest()


def _message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def _expect(answers, stage):
    """The body of the next step of the authentication."""
    kind, body = _next(answers)
    if kind == b"E":
        raise Refused(_text(body))
    if kind != b"R" or struct.unpack("!i", body[:4])[0] != stage:
        raise Refused("the server does not ask for a password as it should")
    return body[4:]


def _next(answers):
    head = answers.read(5)
    if len(head) < 5:
        raise Refused("the server hung up")
    return head[:1], answers.read(struct.unpack("!i", head[1:])[0] - 4)


def _until_ready(answers):
    rows = []
    while True:
        kind, body = _next(answers)
        if kind == b"Z":
            return rows
        if kind == b"E":
            raise Refused(_text(body))
        if kind == b"D":
            rows.append(_row(body))


def _text(body):
    return body.replace(b"\0", b" ").decode("utf-8", "replace")


def _row(body):
    at, fields = 2, []
    for _ in range(struct.unpack("!h", body[:2])[0]):
        length = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        fields.append(None if length < 0 else body[at:at + length].decode())
        at += max(length, 0)
    return fields
