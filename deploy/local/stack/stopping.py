"""`down`: stops what `up` started, in reverse order, and nothing else."""
import shutil

from . import identity, paths, processes, runset
from .progress import say, step


def run(wipe):
    paths.prepare()
    if processes.running(runset.SUPERVISOR):
        with step("asking the running `up` to stop"):
            processes.stop(runset.SUPERVISOR, within_s=150)  # it stops its components itself, the slowest within a minute
    stopped = [name for name in reversed(runset.NAMES) if stop_one(name)]
    if not stopped and not wipe:
        say("nothing else is running")
    if wipe:
        with step("removing %s" % paths.shown(paths.DATA)):
            shutil.rmtree(paths.DATA, ignore_errors=False)
            identity.wipe_refuge()
    return 0


def stop_one(name):
    """Stops one component if it runs; says so with the time it took."""
    if not processes.running(name):
        processes.forget(name)
        return False
    with step("stopping %s" % name) as remark:
        remark(runset.stop(name) or "already gone")
    return True
