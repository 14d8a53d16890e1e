"""The running set: what was started with which ports and program, in what order it starts and stops, and whether it is well."""
import fcntl
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

from . import nats, outbox, paths, postgres, processes, vigie
from .ports import Ports
from .trouble import Trouble

# Started in this order, stopped in the reverse one.
NAMES = ("nats", "postgres", "outbox", "vigie")
SUPERVISOR = "up"
PORTS_OF = {"nats": ["nats"], "postgres": ["postgres"], "outbox": ["smtp", "smpp", "outbox"], "vigie": ["http", "private"]}
_RECORD = paths.RUN / "set.json"


@dataclass
class RunSet:
    """Enough to start any component again just as it was."""

    ports: Ports
    nats_program: str
    postgres_programs: str
    vigie_program: Optional[str] = None
    time_scale: Optional[float] = None

    def save(self):
        _RECORD.write_text(json.dumps(asdict(self), indent=1))

    @property
    def told(self):
        return vigie.environment(self.ports, self.time_scale)

    def start(self, name):
        if name == "nats":
            nats.start(Path(self.nats_program), self.ports)
        elif name == "postgres":
            postgres.start(Path(self.postgres_programs), self.ports)
        elif name == "outbox":
            outbox.start(self.ports)
        else:
            vigie.start(self.vigie_program, self.ports, self.told)


def load():
    """The set as last started; None if there was none."""
    try:
        record = json.loads(_RECORD.read_text())
        return RunSet(**{**record, "ports": Ports(**record["ports"])})
    except (FileNotFoundError, ValueError, TypeError):
        return None


def running():
    """The names of the components that are alive."""
    return [name for name in NAMES if processes.running(name)]


def stop(name):
    return {"nats": nats, "postgres": postgres, "outbox": outbox, "vigie": vigie}[name].stop()


def require_stopped_or_well():
    """True if the whole set runs and is ready, False if nothing runs; Trouble for anything in between."""
    alive = running()
    if not alive:
        return False
    missing = [name for name in NAMES if name not in alive]
    if missing:
        raise Trouble("running: %s; not running: %s.\nBring one back with `deploy/local/up --only %s`, or stop all with `deploy/local/down`." % (", ".join(alive), ", ".join(missing), missing[0]))
    status, body = vigie.readiness(load().ports)
    if status != 200:
        raise Trouble("everything runs but Vigie is not ready (/readyz: %s %s).\nSee .local/log, or stop it with `deploy/local/down`." % (status, body.strip()[:500]))
    return True


def lock(what):
    """An exclusive lock for as long as the returned file stays open; None if another command holds it."""
    file = open(paths.RUN / (what + ".lock"), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def is_restarting(name):
    """Whether another command is just starting this component again."""
    held = lock("restart-" + name)
    if held is None:
        return True
    held.close()
    return False
