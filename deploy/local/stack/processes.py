"""Processes of the set: started apart from the terminal, known by pid and birth, stopped only if they are still the same."""
import os
import signal
import subprocess
from pathlib import Path

from . import paths
from .trouble import Trouble
from .waiting import until

# Popen objects of this very process, so that a child that ended here is also reaped here.
_children = {}


def start(name, command, environment=None, **popen):
    """Starts `command` in its own session, output added to `.local/log/NAME.log`; records pid and birth. Returns the pid."""
    with open(log_file(name), "ab") as output:
        child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 start_new_session=True, env={**os.environ, **(environment or {})}, **popen)
    _children[child.pid] = child
    _birth_file(name).write_text(_birth(child.pid) or "")
    pid_file(name).write_text("%d\n" % child.pid)
    return child.pid


def claim(name):
    """Records this process itself under `name`."""
    _birth_file(name).write_text(_birth(os.getpid()) or "")
    pid_file(name).write_text("%d\n" % os.getpid())


def forget(name):
    pid_file(name).unlink(missing_ok=True)
    _birth_file(name).unlink(missing_ok=True)


def running(name):
    """The pid recorded under `name` if that very process is alive; None otherwise, also if the pid now belongs to another."""
    try:
        pid = int(pid_file(name).read_text())
        birth = _birth_file(name).read_text()
    except (FileNotFoundError, ValueError):
        return None
    if pid in _children:
        _children[pid].poll()
    return pid if birth and _birth(pid) == birth else None


def stop(name, how=signal.SIGTERM, within_s=20):
    """Asks the process to end and waits until it has; kills it after `within_s`. Returns what happened, None if it did not run."""
    pid = running(name)
    if pid is None:
        forget(name)
        return None
    os.kill(pid, how)
    outcome = "stopped"
    if not until(lambda: running(name) is None, within_s):
        os.kill(pid, signal.SIGKILL)
        outcome = "killed after %d s" % within_s
        if not until(lambda: running(name) is None, 10):
            raise Trouble("%s (pid %d) does not end" % (name, pid))
    forget(name)
    return outcome


def wait_ready(name, is_ready, within_s):
    """Waits until `is_ready()`; fails with the end of the log if the process ends first or takes too long."""
    until(lambda: running(name) is None or is_ready(), within_s)
    if running(name) is None:
        raise Trouble("%s ended while starting; the end of %s:\n%s" % (name, paths.shown(log_file(name)), log_tail(name)))
    if not is_ready():
        raise Trouble("%s is not ready after %d s; the end of %s:\n%s" % (name, within_s, paths.shown(log_file(name)), log_tail(name)))


def log_tail(name, lines=15):
    try:
        with open(log_file(name), "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 20_000))
            text = log.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return "    (no log)"
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (empty)"


def fresh_logs(names):
    """Puts the logs of the previous run aside as NAME.log.1; older ones go."""
    for log in map(log_file, names):
        if log.exists():
            log.replace(log.with_name(log.name + ".1"))


def log_file(name):
    return paths.LOG / (name + ".log")


def pid_file(name):
    return paths.RUN / (name + ".pid")


def _birth_file(name):
    return paths.RUN / (name + ".birth")


def _birth(pid):
    """When the process started, in the system's own words; None if it does not exist or has ended (a zombie has ended)."""
    try:
        # the name in parentheses may hold spaces; after it come the state (field 3) and, as field 22, the start time
        fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], stdout=subprocess.PIPE, text=True).stdout.strip()
    state, _, started = shown.partition(" ")
    return None if not shown or state.startswith("Z") else started.strip()
