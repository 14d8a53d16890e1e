"""PostgreSQL with its data under `.local/data/postgres`, fsync on: what it says is stored, is stored."""
import os
import secrets
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
    # Passwords here are 192 random bits and more, so that hashing them often adds nothing; a Vigie built for development would
    # take seconds over its connections.
    "scram_iterations": "64",
}
SUPERUSER = "vigie"
ACCESS = """\
# Written by `up`: from this machine, and nobody without a password.
host all all 127.0.0.1/32 scram-sha-256
"""


def start(programs, ports):
    programs, data = identity.readable(programs), identity.data_folder()
    identity.own(data)
    if not (data / "PG_VERSION").exists():
        _create(programs, data)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", "%s=%s" % (name, value))]
    command = identity.command([str(programs / "postgres"), "-D", str(data), "-p", str(ports.postgres)] + settings)

    _clear_after_a_kill(data)
    password = _require_passwords(programs, data)
    processes.start(NAME, command, cwd=data, **identity.popen())
    processes.wait_ready(NAME, lambda: answers(ports.postgres), 60)
    if not pgwire.query(ports.postgres, "select 1 from pg_database where datname = 'vigie'", password):
        pgwire.query(ports.postgres, "create database vigie", password)


def stop():
    """Fast shutdown: running statements are cancelled, everything committed is on disk."""
    return processes.stop(NAME, how=signal.SIGINT, within_s=60)


def answers(port):
    try:
        return pgwire.query(port, "select 1", superuser_password()) == [["1"]]
    except (OSError, pgwire.Refused):
        return False


def superuser_password():
    """That of whoever may do everything: made once."""
    return paths.secret(_superuser_file(), lambda: secrets.token_hex(24))


def _superuser_file():
    return paths.SECRETS / "postgres-superuser"


def _require_passwords(programs, data):
    """Sees to it that nobody connects without a password, also to data of before; returns the superuser's.

    The server is not up yet: the password is set by a server of one user, who is us, so there is no moment of open doors.
    """
    access, is_known = data / "pg_hba.conf", _superuser_file().exists()
    password = superuser_password()
    if not is_known or access.read_text() != ACCESS:
        command = identity.command([str(programs / "postgres"), "--single", "-D", str(data), "postgres"])
        statement = "alter role %s password '%s'\n" % (SUPERUSER, password)
        done = subprocess.run(command, cwd=data, input=statement, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **identity.popen())
        if done.returncode or "ERROR" in done.stdout:
            _superuser_file().unlink()
            raise Trouble("the superuser of %s could not be given a password:\n%s" % (paths.shown(data), done.stdout.strip()[-2000:]))
        access.write_text(ACCESS)
    return password


def _create(programs, data):
    """A new cluster, closed before it is started; text sorted by code point, everywhere the same."""
    command = identity.command([str(programs / "initdb"), "-D", str(data), "-U", SUPERUSER, "-A", "reject", "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"])
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
