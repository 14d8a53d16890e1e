"""The TCP ports of the set, all on 127.0.0.1, each changed by one environment variable."""
import os
import socket
from dataclasses import dataclass

from .trouble import Trouble

HOST = "127.0.0.1"
VARIABLES = {
    "http": ("VIGIE_PORT", 8080),
    "private": ("VIGIE_PRIVATE_PORT", 9464),
    "nats": ("VIGIE_NATS_PORT", 14222),
    "postgres": ("VIGIE_PG_PORT", 15432),
    "smtp": ("VIGIE_SMTP_PORT", 12525),
    "smpp": ("VIGIE_SMPP_PORT", 12775),
    "outbox": ("VIGIE_OUTBOX_PORT", 18025),
}


@dataclass(frozen=True)
class Ports:
    http: int
    private: int
    nats: int
    postgres: int
    smtp: int
    smpp: int
    outbox: int

    @property
    def vigie_url(self):
        """By its name: browsers treat `localhost` as they treat a site over TLS."""
        return "http://localhost:%d" % self.http

    @property
    def private_url(self):
        """Metrics, and the details of readiness."""
        return "http://%s:%d" % (HOST, self.private)

    @property
    def nats_url(self):
        """For whoever has a key; others are refused."""
        return "nats://%s:%d" % (HOST, self.nats)

    def nats_url_as(self, user, password):
        return "nats://%s:%s@%s:%d" % (user, password, HOST, self.nats)

    def database_url(self, login, password):
        return "postgres://%s:%s@%s:%d/vigie" % (login, password, HOST, self.postgres)

    @property
    def outbox_url(self):
        return "http://%s:%d" % (HOST, self.outbox)


def from_environment(environment=os.environ):
    """The ports asked for; refuses what is not a port and the same port twice."""
    chosen = {name: _port(variable, environment.get(variable), default) for name, (variable, default) in VARIABLES.items()}
    for name, port in chosen.items():
        for other in chosen:
            if other < name and chosen[other] == port:
                raise Trouble("%s and %s are both %d: give each its own port" % (VARIABLES[other][0], VARIABLES[name][0], port), 2)
    return Ports(**chosen)


def _port(variable, text, default):
    if not text:
        return default
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble("%s=%s is not a port (1 to 65535)" % (variable, text), 2)
    return int(text)


def require_free(ports, names):
    """Refuses to go on if another program listens on one of the ports; names all such ports and their variables."""
    busy = [name for name in names if not is_free(getattr(ports, name))]
    if busy:
        lines = ["port %d is taken by another program: stop it, or set %s to a free port" % (getattr(ports, name), VARIABLES[name][0]) for name in busy]
        raise Trouble("\n".join(lines), 2)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection in TIME_WAIT does not matter
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
