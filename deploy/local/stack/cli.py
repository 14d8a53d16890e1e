"""The command lines of `up`, `down`, `test`, `prepare-sql` and `bench`."""
import argparse
import signal

from . import bench, checks, runset, stopping, up
from .progress import warn
from .trouble import Interrupted, Trouble

UP = """\
examples:
  deploy/local/up                            everything, in the foreground; Ctrl-C stops it
  deploy/local/up --detach                   the same in the background; returns when Vigie is ready
  deploy/local/up --time-scale 60            what the doctrine lets wait a minute waits a second
  VIGIE_PORT=9000 deploy/local/up            Vigie on another port
  deploy/local/up --only nats                (re)start one component of a set that was started, as it was

environment:
  VIGIE_PORT 8080, VIGIE_PRIVATE_PORT 9464, VIGIE_NATS_PORT 14222, VIGIE_PG_PORT 15432, VIGIE_SMTP_PORT 12525, VIGIE_SMPP_PORT 12775,
  VIGIE_OUTBOX_PORT 18025                    all on 127.0.0.1
  VIGIE_NATS_BIN, VIGIE_PG_BIN               a nats-server (2.14+) and the folder of a PostgreSQL's programs (17+) to use;
                                             else .local/vendor, else those of this machine, else fetched into .local/vendor
  VIGIE_BIN                                  a vigie to run instead of building one
  CARGO_TARGET_DIR                           where cargo builds

Addresses and tokens are written to .local/env, logs to .local/log, pids to .local/run, data to .local/data.
exit codes: 0 running (or stopped on request); 1 it failed, and why is said; 2 wrong usage, a taken port, something missing
"""
DOWN = """\
examples:
  deploy/local/down           stops Vigie, the outbox, PostgreSQL and NATS of this checkout
  deploy/local/down --wipe    and forgets all data; the next `up` starts with an empty city
"""
TEST = """\
examples:
  deploy/local/test                              formatting, lints, documentation, licences, unit, integration, end-to-end
  deploy/local/test -- -E 'test(escalation)'     what follows -- goes to `cargo nextest run`
  CI=true deploy/local/test                      without incremental compilation

The tests start their own servers on free ports, so a running `up` does not disturb them. They find the programs by
VIGIE_TEST_NATS_BIN, VIGIE_TEST_PG_BIN (a folder), VIGIE_TEST_OUTBOX (for node) and VIGIE_TEST_BIN (vigie itself).
The browser tests use VIGIE_TEST_CHROMIUM, else chromium, chromium-browser or google-chrome of the PATH; as root on Debian
one is installed. Their screenshots are in target/screenshots. VIGIE_BOARD_SECONDS: how long the board's load lasts (10);
with it set, on an idle machine, the slowest key is held to its bound too.
"""
PREPARE_SQL = """\
When a statement or a migration changed: the build reads .sqlx, and the tests hold it to the sources and the schema.
VIGIE_PG_BIN and CARGO_TARGET_DIR as for `up`; the PostgreSQL is its own, on a free port.
"""
BENCH = """\
examples:
  deploy/local/bench intake                      signals accepted a second, next to Postgres' own transactions
  deploy/local/bench end-to-end --seconds 20     from the signal to the mail, next to the sum of its unavoidable parts
  deploy/local/bench grown                       what each page takes with 5 million facts (a quarter of an hour, 10 GB)
  deploy/local/bench geofence --json             nanoseconds per exact answer

What follows the name goes to `vigie bench NAME`. NATS and PostgreSQL are started on free ports with empty data under
.local/bench and stopped afterwards; a running `up` is neither used nor disturbed, but it shares the machine.
VIGIE_NATS_BIN, VIGIE_PG_BIN, VIGIE_BIN and CARGO_TARGET_DIR as for `up`; the progress is on standard error.
"""


def main(arguments):
    """Runs one command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "up" and options.only and (options.time_scale or options.release):
        parser.error("--only starts a component as it was: for --time-scale or --release, `deploy/local/down`, then `deploy/local/up` anew")
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to outlive the terminal
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        if options.command == "up":
            return up.restart(options.only) if options.only else up.run(options.detach, options.time_scale, options.release)
        if options.command == "down":
            return stopping.run(options.wipe)
        if options.command == "bench":
            return bench.run(options.name, options.rest)
        if options.command == "prepare-sql":
            return checks.prepare_sql()
        return checks.run(options.nextest)
    except Trouble as trouble:
        warn(str(trouble))
        return trouble.code
    except Interrupted:
        return 130


def _interrupt(number, frame):
    """The first signal interrupts; while everything is being stopped, further ones change nothing."""
    for further in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(further) is _interrupt:
            signal.signal(further, _already_stopping)
    raise Interrupted()


def _already_stopping(number, frame):
    """A handler that does nothing, rather than SIG_IGN, which the components would inherit."""


def _parser():
    parser = argparse.ArgumentParser(prog="deploy/local")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, does, examples):
        return commands.add_parser(name, prog="deploy/local/" + name, description=does, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter)

    start = command("up", "Fetches what is missing, builds, and starts Vigie with NATS, PostgreSQL and an outbox for mails and SMS.", UP)
    start.add_argument("--detach", action="store_true", help="return once Vigie is ready, leave everything running")
    start.add_argument("--time-scale", type=_scale, metavar="N", help="let the doctrine's delays pass N times faster (default: as configured)")
    start.add_argument("--release", action="store_true", help="build an optimised Vigie")
    start.add_argument("--only", choices=runset.NAMES, help="(re)start one component of the set that was started")
    stop = command("down", "Stops what `up` started in this checkout, in reverse order, and nothing else.", DOWN)
    stop.add_argument("--wipe", action="store_true", help="also remove .local/data")
    measure = command("bench", "Measures an optimised Vigie on servers of its own.", BENCH)
    measure.add_argument("name", choices=("intake", "end-to-end", "grown", "geofence"), help="what to measure")
    measure.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="options of `vigie bench NAME`")
    test = command("test", "Runs every check and every test; stops at the first that fails.", TEST)
    test.add_argument("nextest", nargs="*", metavar="-- ARGUMENT", help="arguments for cargo nextest run")
    command("prepare-sql", "Proves every statement on a migrated database, and writes what it takes and gives to .sqlx.", PREPARE_SQL)
    return parser


def _scale(text):
    scale = float(text)
    if not scale > 0:
        raise argparse.ArgumentTypeError("%s is not above 0" % text)
    return scale
