"""The outbox: catches every e-mail and SMS, shows them over HTTP. Its code is `deploy/local/outbox`."""
from . import paths, processes
from .http import status_of
from .ports import HOST

NAME = "outbox"
SYSTEM_ID = "vigie"
PASSWORD = "secret"


def start(ports):
    processes.start(NAME, [
        "node", paths.OUTBOX / "main.js", "--host", HOST,
        "--smtp-port", ports.smtp, "--smpp-port", ports.smpp, "--http-port", ports.outbox,
        "--system-id", SYSTEM_ID, "--password", PASSWORD,
    ])
    processes.wait_ready(NAME, lambda: status_of(ports.outbox_url + "/healthz") == 200, 20)


def stop():
    return processes.stop(NAME)
