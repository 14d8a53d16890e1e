"""As whom PostgreSQL runs. It refuses root; so under root it runs as "nobody", in a user namespace or for good."""
import functools
import grp
import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from . import paths
from .trouble import Trouble

NOBODY = 65534


@functools.lru_cache(maxsize=None)
def way():
    """"direct" for an ordinary user; for root "namespace" where the kernel allows it (files stay root's), else "nobody"."""
    if os.geteuid() != 0:
        return "direct"
    return "namespace" if _namespaces_work() else "nobody"


def command(arguments):
    """The command line that runs `arguments` as the right user. No fork: the pid stays the program's own."""
    if way() == "namespace":
        return ["unshare", "--user", "--map-user=%d" % NOBODY, "--map-group=%d" % NOBODY] + list(arguments)
    return list(arguments)


def popen():
    """The keyword arguments for subprocess that go with `command`."""
    return {"user": _nobody().pw_uid, "group": _nobody().pw_gid, "extra_groups": []} if way() == "nobody" else {}


def own(folder):
    """Creates the data folder and gives it to the user PostgreSQL runs as; an earlier run may have used another way."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        user, group = (_nobody().pw_uid, _nobody().pw_gid) if way() == "nobody" else (0, 0)
        if (folder.stat().st_uid, folder.stat().st_gid) != (user, group):
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, user, group, follow_symlinks=False)
    folder.chmod(0o700)


def readable(programs):
    """The folder of programs, or a copy of its tree where "nobody" can reach it (a checkout under /root it cannot)."""
    if way() != "nobody" or _reachable(programs):
        return programs
    # the wheel keeps shared libraries beside the tree, so all of it goes
    tree = paths.VENDOR if paths.VENDOR in programs.parents else programs.parent
    copy = _refuge() / "programs"
    stamp = copy / ".from"
    origin = "%s %s" % (programs, (programs / "postgres").stat().st_mtime_ns)
    if not stamp.is_file() or stamp.read_text() != origin:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tree, copy, symlinks=True)
        for path in [copy, *copy.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        stamp.write_text(origin)
    return copy / programs.relative_to(tree)


def data_folder():
    """`.local/data/postgres`, or a folder outside the checkout where "nobody" cannot reach it."""
    inside = paths.DATA / "postgres"
    if way() != "nobody" or _reachable(paths.DATA):
        return inside
    return _refuge() / "postgres"


def wipe_refuge():
    """Removes what was kept outside the checkout, if anything."""
    if os.geteuid() == 0 and _refuge_path().is_dir():
        shutil.rmtree(_refuge_path())


def _refuge():
    path = _refuge_path()
    try:
        path.mkdir(mode=0o711)
    except FileExistsError:
        if path.is_symlink() or path.stat().st_uid != 0:
            raise Trouble("%s exists and is not root's: remove it" % path) from None
    path.chmod(0o711)
    return path


def _refuge_path():
    return Path("/var/tmp") / ("vigie-" + hashlib.sha256(str(paths.ROOT).encode()).hexdigest()[:12])


def _namespaces_work():
    try:
        probe = subprocess.run(["unshare", "--user", "--map-user=%d" % NOBODY, "--map-group=%d" % NOBODY, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return False
    # the server asks for the name of its user, so the number must have one
    return probe.returncode == 0 and any(entry.pw_uid == NOBODY for entry in pwd.getpwall()) and any(entry.gr_gid == NOBODY for entry in grp.getgrall())


def _reachable(folder):
    return subprocess.run(["test", "-r", str(folder), "-a", "-x", str(folder)], **popen()).returncode == 0


def _nobody():
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise Trouble("PostgreSQL refuses to run as root and there is no user `nobody` here: run this as an ordinary user") from None
