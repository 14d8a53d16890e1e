"""NATS with JetStream, its streams in files under `.local/data/nats`."""
import json
import socket

from . import paths, processes
from .ports import HOST

NAME = "nats"
CONFIGURATION = """\
# Written by `up`.
server_name: vigie-local
listen: "%(host)s:%(port)d"
jetstream {
  store_dir: %(store)s
  max_memory_store: 256MB
  max_file_store: 16GB
}
"""


def start(program, ports):
    configuration = paths.RUN / "nats.conf"
    store = json.dumps(str(paths.DATA / "nats"), ensure_ascii=False)
    configuration.write_text(CONFIGURATION % {"host": HOST, "port": ports.nats, "store": store}, encoding="utf-8")
    processes.start(NAME, [program, "--config", configuration])
    processes.wait_ready(NAME, lambda: answers(ports.nats), 20)


def stop():
    return processes.stop(NAME)


def answers(port):
    """Whether JetStream replies: asks `$JS.API.INFO` in the NATS text protocol."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as link, link.makefile("rb") as lines:
            lines.readline()  # INFO
            link.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB up.reply 1\r\nPUB $JS.API.INFO up.reply 0\r\n\r\nPING\r\n')
            for line in lines:
                if line.startswith(b"MSG up.reply"):
                    return b'"error"' not in lines.readline()
                if line.startswith(b"-ERR"):
                    return False
    except OSError:
        pass
    return False
