"""Vigie itself: built, migrated, given its tokens, served. Everything it is told comes by environment."""
import json
import os
import secrets
import subprocess
from pathlib import Path

from . import outbox, paths, processes
from .http import get
from .ports import HOST
from .progress import step
from .trouble import Trouble

NAME = "vigie"
LINK_KEY = paths.SECRETS / "link.key"
LOGINS = paths.SECRETS / "database"
# Whom a process that serves acts as in the database.
SERVING = ("intake", "routing", "escalation", "notification", "directory", "console", "crisis", "relay", "authenticator", "porter", "follower", "contacts")


def given():
    """The program named by VIGIE_BIN, which then need not be built."""
    return os.environ.get("VIGIE_BIN")


def program(release):
    """The program to run: VIGIE_BIN if set, else built now. CARGO_TARGET_DIR is honoured, since cargo itself says where it built."""
    if given():
        if not os.access(given(), os.X_OK):
            raise Trouble("VIGIE_BIN=%s is not a program that can be run" % given(), 2)
        return Path(given()).resolve()
    with step("building Vigie%s (the first time takes minutes)" % (", optimised" if release else "")):
        return build(release)


def build(release=False):
    """`cargo build`, its progress on the terminal; returns the path of the program."""
    command = ["cargo", "build", "--locked", "-p", "vigie", "--message-format=json-render-diagnostics"] + (["--release"] if release else [])
    done = subprocess.run(command, cwd=paths.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Trouble("cargo could not build vigie")
    for line in done.stdout.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-artifact" and message.get("executable") and message["target"]["name"] == "vigie":
            return Path(message["executable"])
    raise Trouble("cargo built no program called vigie")


def environment(ports, time_scale=None):
    """What Vigie is told, over its `config/vigie.toml`."""
    told = {
        "VIGIE_CONFIG": paths.ROOT / "config" / "vigie.toml",
        **{"VIGIE__DATABASE__SERVICES__" + name.upper(): login_file(name) for name in SERVING},
        "VIGIE__BUS__URL": ports.nats_url,
        "VIGIE__BUS__NKEY_SEED_FILE": paths.SECRETS / "nats" / "relay.nk",
        **{"VIGIE__BUS__SERVICES__" + key.stem.upper(): key for key in sorted((paths.SECRETS / "nats").glob("*.nk")) if key.stem != "relay"},
        "VIGIE__HTTP__LISTEN": "%s:%d" % (HOST, ports.http),
        "VIGIE__HTTP__PRIVATE_LISTEN": "%s:%d" % (HOST, ports.private),
        "VIGIE__HTTP__PUBLIC_URL": ports.vigie_url,
        "VIGIE__EMAIL__HOST": HOST,
        "VIGIE__EMAIL__PORT": ports.smtp,
        "VIGIE__EMAIL__TLS": "none",
        "VIGIE__SMS__URL": "smpp://%s:%d" % (HOST, ports.smpp),
        "VIGIE__SMS__SYSTEM_ID": outbox.SYSTEM_ID,
        "VIGIE__SMS__PASSWORD": outbox.PASSWORD,
        "VIGIE__LINKS__KEY_FILE": LINK_KEY,
    }
    if time_scale is not None:
        told["VIGIE__ESCALATION__TIME_SCALE"] = "%g" % time_scale
    return {name: str(value) for name, value in told.items()}


def login_file(name):
    """The file of a login's URL: of one of `SERVING`, or `owner`, `operator`, `superuser`."""
    return LOGINS / (name + ".url")


def login(name):
    return login_file(name).read_text(encoding="utf-8").strip()


def prepare_database(binary, superuser_url):
    """Gives everybody a login of its own, then migrates as the owner; whoever serves knows neither superuser nor owner."""
    LOGINS.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.write_private(login_file("superuser"), superuser_url + "\n")
    told = {"VIGIE_CONFIG": str(paths.ROOT / "config" / "vigie.toml")}
    run(binary, ["database", "logins", "--out", str(LOGINS)], {**told, "VIGIE__DATABASE__URL_FILE": str(login_file("superuser"))})
    run(binary, ["migrate"], {**told, "VIGIE__DATABASE__URL_FILE": str(login_file("owner"))})


def create_link_key():
    """The key that signs acknowledgement links: made once, kept, so that links sent before a restart still open."""
    if not LINK_KEY.exists():
        paths.write_private(LINK_KEY, secrets.token_hex(32) + "\n")


def run(binary, arguments, told):
    """Runs one of Vigie's commands to its end; returns what it printed."""
    done = subprocess.run([str(binary)] + arguments, cwd=paths.ROOT, env={**os.environ, **told}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Trouble("`vigie %s` failed (exit code %d):\n%s" % (" ".join(arguments), done.returncode, (done.stderr + done.stdout).strip()[-3000:]))
    return done.stdout.strip()


def start(binary, ports, told):
    processes.start(NAME, [binary, "serve"], environment=told, cwd=paths.ROOT)
    try:
        processes.wait_ready(NAME, lambda: readiness(ports)[0] == 200, 60)
    except Trouble as trouble:
        status, body = readiness(ports)
        if status:
            raise Trouble("%s\n/readyz says %d: %s" % (trouble, status, body.strip()[:1000])) from None
        raise


def stop():
    return processes.stop(NAME, within_s=30)


def readiness(ports):
    """The status and text of `/readyz`, with each dependency by name."""
    return get(ports.private_url + "/readyz")
