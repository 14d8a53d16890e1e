"""`bench`: an optimised Vigie measured on NATS and PostgreSQL of its own, under `.local/bench`, wiped before and after."""
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import redirect_stdout

from . import identity, nats, paths, ports, postgres, prerequisites, runset, vendor, vigie
from .progress import step
from .trouble import Trouble

FOLDER = paths.LOCAL / "bench"


def run(name, arguments):
    with redirect_stdout(sys.stderr):  # what is printed there is the bench's alone
        return _run(name, arguments)


def _run(name, arguments):
    with_servers = name != "geofence"
    prerequisites.require(rust=not vigie.given(), python_packages=with_servers and vendor.needs_pip(), node=not vigie.given())  # the build fetches the map library
    programs = vendor.servers() if with_servers else None
    binary = vigie.program(release=True)
    if not with_servers:
        return _measure(binary, name, arguments, {})
    paths.prepare()
    held = runset.lock("bench")
    if held is None:
        raise Trouble("another `bench` is running in this checkout: two would measure each other")
    try:
        with _apart():
            return _on_servers(programs, binary, name, arguments)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
        held.close()


def _on_servers(programs, binary, name, arguments):
    if FOLDER not in identity.data_folder().parents:
        raise Trouble("root may not run PostgreSQL on data in this checkout, and %s holds that of `up`: run this as an ordinary user" % identity.data_folder(), 2)
    chosen = _free_ports()
    try:
        with step("starting nats on %s:%d" % (ports.HOST, chosen.nats)):
            nats.start(programs[0], chosen, is_open=True)
        with step("starting postgres on %s:%d" % (ports.HOST, chosen.postgres)):
            postgres.start(programs[1], chosen)
        return _measure(binary, name, arguments, {"VIGIE__DATABASE__URL": chosen.database_url(postgres.SUPERUSER, postgres.superuser_password()), "VIGIE__BUS__URL": chosen.nats_url})
    finally:
        postgres.stop()
        nats.stop()


class _apart:
    """Lets everything made here lie under `.local/bench`: an `up` of this checkout is neither seen nor disturbed."""

    def __enter__(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        self.former = {name: getattr(paths, name) for name in ("DATA", "RUN", "LOG", "SECRETS")}
        for name in self.former:
            setattr(paths, name, FOLDER / name.lower())
        paths.prepare()

    def __exit__(self, *_):
        for name, folder in self.former.items():
            setattr(paths, name, folder)


def _measure(binary, name, arguments, told):
    """Runs `vigie bench` with its output on the terminal; returns its exit code. Interrupted, it clears what it made first."""
    environment = {**os.environ, "VIGIE_CONFIG": str(paths.ROOT / "config" / "vigie.toml"), **told}
    child = subprocess.Popen([str(binary), "bench", name] + arguments, cwd=paths.ROOT, env=environment, stdin=subprocess.DEVNULL)
    try:
        return child.wait()
    except BaseException:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=30)
        raise


def _free_ports():
    """Ports nobody listens on; those of parts that a bench does not start are of no consequence."""
    held = [socket.create_server((ports.HOST, 0)) for _ in ports.VARIABLES]
    try:
        return ports.Ports(**{name: probe.getsockname()[1] for name, probe in zip(ports.VARIABLES, held)})
    finally:
        for probe in held:
            probe.close()
