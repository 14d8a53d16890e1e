"""PostgreSQL with its data under `.local/data/postgres`, fsync on: what it says is stored, is stored."""
import os
import signal
import subprocess
from pathlib import Path

from . import identity, paths, pgwire, processes
from .ports import HOST
from .trouble import Trouble
from .waiting import until

NAME = "postgres"
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def start(programs, ports):
    programs, data = identity.readable(programs), identity.data_folder()
    identity.own(data)
    if not (data / "PG_VERSION").exists():
        _create(programs, data)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", "%s=%s" % (name, value))]
    command = identity.command([str(programs / "postgres"), "-D", str(data), "-p", str(ports.postgres)] + settings)

    _clear_after_a_kill(data)
    processes.start(NAME, command, cwd=data, **identity.popen())
    processes.wait_ready(NAME, lambda: answers(ports.postgres), 60)
    if not pgwire.query(ports.postgres, "select 1 from pg_database where datname = 'vigie'"):
        pgwire.query(ports.postgres, "create database vigie")


def stop():
    """Fast shutdown: running statements are cancelled, everything committed is on disk."""
    return processes.stop(NAME, how=signal.SIGINT, within_s=60)


def answers(port):
    try:
        return pgwire.query(port, "select 1") == [["1"]]
    except (OSError, pgwire.Refused):
        return False


def _create(programs, data):
    """A new cluster. Without a password, since it listens on this machine only; text sorted by code point, everywhere the same."""
    command = identity.command([str(programs / "initdb"), "-D", str(data), "-U", "vigie", "-A", "trust", "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])
    made = subprocess.run(command, cwd=data, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **identity.popen())
    if made.returncode:
        raise Trouble("initdb could not create %s:\n%s" % (data, made.stdout.strip()))


def _clear_after_a_kill(data):
    """Removes the lock file of a server that was killed, once its last worker has gone.

    The server itself goes by the pid alone, and takes one that nobody has reaped, or that was given to another program
    after a restart of the machine, for a living server. Whoever works on a cluster has it as working directory.
    """
    lock = data / "postmaster.pid"
    if not lock.exists() or not Path("/proc/self/cwd").exists():
        return
    if not until(lambda: not _workers(data), 15):
        raise Trouble("another PostgreSQL works on %s: pid %s" % (paths.shown(data), ", ".join(_workers(data))))
    lock.unlink(missing_ok=True)


def _workers(data):
    def works_here(process):
        try:
            return os.readlink(process / "cwd") == str(data)
        except OSError:  # ended, or another user's
            return False

    return [process.name for process in Path("/proc").glob("[0-9]*") if works_here(process)]
