"""NATS with JetStream, its streams in files under `.local/data/nats`; who may do what is Vigie's contract, kept beside the keys."""
import json
import secrets
import socket

from . import paths, processes, vigie
from .ports import HOST

NAME = "nats"
READER = "reader"
CONFIGURATION = """\
# Written by `up`.
server_name: vigie-local
listen: "%(host)s:%(port)d"
jetstream {
  store_dir: %(store)s
  max_memory_store: 256MB
  max_file_store: 16GB
}
%(users)s"""


def start(program, ports, is_open=False):
    """Starts it with the users of `make_users`; open to everybody for a bench, whose bus is its own."""
    configuration = paths.RUN / "nats.conf"
    store = json.dumps(str(paths.DATA / "nats"), ensure_ascii=False)
    users = "" if is_open else _users_file().read_text(encoding="utf-8")
    paths.write_private(configuration, CONFIGURATION % {"host": HOST, "port": ports.nats, "store": store, "users": users})
    processes.start(NAME, [program, "--config", configuration])
    processes.wait_ready(NAME, lambda: answers(ports.nats, None if is_open else reader_password()), 20)


def stop():
    return processes.stop(NAME)


def make_users(vigie_program):
    """A key for the relay and for each service that reads, made once, and what each may do, as this Vigie wants it."""
    reader_password()
    told = {"VIGIE_CONFIG": str(paths.ROOT / "config" / "vigie.toml")}
    vigie.run(vigie_program, ["keys", "nats", "--out", str(keys())], told)
    permissions = ["contract", "nats-permissions", "--keys", str(keys()), "--reader-password-file", str(_reader_file())]
    paths.write_private(_users_file(), vigie.run(vigie_program, permissions, told) + "\n")


def keys():
    """The folder of the keys."""
    return paths.SECRETS / "nats"


def reader_password():
    """That of the user who may watch."""
    return paths.secret(_reader_file(), lambda: secrets.token_hex(24))


def _reader_file():
    return keys() / "reader.password"


def _users_file():
    return keys() / "users.conf"


def answers(port, password=None):
    """Whether JetStream replies: asks `$JS.API.INFO` in the NATS text protocol, as the reader where there are users."""
    hello = {"verbose": False, "pedantic": False, **({"user": READER, "pass": password} if password else {})}
    try:
        with socket.create_connection((HOST, port), timeout=1) as link, link.makefile("rb") as lines:
            lines.readline()  # INFO
            link.sendall(b"CONNECT %s\r\nSUB _INBOX.up 1\r\nPUB $JS.API.INFO _INBOX.up 0\r\n\r\nPING\r\n" % json.dumps(hello).encode())
            for line in lines:
                if line.startswith(b"MSG _INBOX.up"):
                    return b'"error"' not in lines.readline()
                if line.startswith(b"-ERR"):
                    return False
    except OSError:
        pass
    return False
