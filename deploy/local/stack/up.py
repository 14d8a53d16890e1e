"""`up`: everything from a clean checkout to a ready Vigie, then watches it; and `up --only` for one component."""
import time

from . import demonstration, identity, nats, paths, ports, postgres, prerequisites, processes, runset, stopping, vendor, vigie
from .progress import say, step, warn
from .runset import NAMES, RunSet
from .trouble import Interrupted, Trouble
from .waiting import until


def run(detach, time_scale, release):
    paths.prepare()
    held = runset.lock("up")
    if held is None:
        return _while_another_up_holds()
    if runset.require_stopped_or_well():
        say("Vigie is already running at %s" % runset.load().ports.vigie_url)
        say("Stop it with `deploy/local/down`; where to look: %s" % paths.shown(paths.ENV_FILE))
        return 0
    processes.claim(runset.SUPERVISOR)
    begun, is_ready = time.monotonic(), False
    try:
        the_set = _start_all(time_scale, release)
        is_ready = True
        say("ready in %.1f s" % (time.monotonic() - begun))
        _show_where_to_look(the_set)
        if detach:
            return 0
        say("\nCtrl-C stops everything.")
        return _watch()
    except Interrupted:
        say("\nstopping")
        _stop_all()
        return 0 if is_ready else 130
    except BaseException:
        _stop_all()
        raise
    finally:
        processes.forget(runset.SUPERVISOR)
        held.close()


def restart(name):
    """Starts one component of the set again, as it was; stops it first if it still runs."""
    paths.prepare()
    the_set = runset.load()
    if the_set is None:
        raise Trouble("nothing has been started here yet: run `deploy/local/up` first", 2)
    held = runset.lock("restart-" + name)
    if held is None:
        raise Trouble("%s is being restarted by another command" % name)
    try:
        outcome = runset.stop(name)
        if outcome:
            say("  %s %s" % (name, outcome))
        ports.require_free(the_set.ports, runset.PORTS_OF[name])
        with step("starting %s" % name):
            the_set.start(name)
    except Interrupted:
        return 130
    finally:
        held.close()
    return 0


def _while_another_up_holds():
    """A second `up` beside one in the foreground, or beside one that is still starting."""
    try:
        is_well = runset.require_stopped_or_well()
    except Trouble:
        is_well = False
    if not is_well:
        raise Trouble("another `up` is starting or stopping in this checkout; wait for it, or run `deploy/local/down`")
    say("Vigie is already running at %s" % runset.load().ports.vigie_url)
    return 0


def _start_all(time_scale, release):
    chosen = ports.from_environment()
    prerequisites.require(rust=not vigie.given(), python_packages=vendor.needs_pip(), node=True)
    ports.require_free(chosen, ports.VARIABLES)  # before the long build: better now than in two minutes
    nats_program, postgres_programs = vendor.servers()
    vendor.fetch_outbox_packages()
    the_set = RunSet(chosen, str(nats_program), str(postgres_programs), str(vigie.program(release)), time_scale)
    the_set.save()
    vigie.create_link_key()
    processes.fresh_logs(NAMES)
    with step("making keys of the bus (vigie keys nats)"):
        nats.make_users(the_set.vigie_program)
    for name in ("nats", "postgres", "outbox"):
        ports.require_free(chosen, runset.PORTS_OF[name])
        with step("starting %s on %s" % (name, _addresses(chosen, name))) as remark:
            if name == "postgres" and identity.way() != "direct":
                remark("as nobody, for root")
            the_set.start(name)
    with step("preparing the database (vigie database logins, vigie migrate)"):
        vigie.prepare_database(the_set.vigie_program, chosen.database_url(postgres.SUPERUSER, postgres.superuser_password()))
    with step("publishing the configuration, proved first (vigie configuration publish)"):
        vigie.run(the_set.vigie_program, ["configuration", "publish", "--if-new"], the_set.told)
    with step("issuing the demonstration tokens"):
        demonstration.write_env(chosen, demonstration.issue(the_set.vigie_program, the_set.told))
    with step("starting vigie on %s" % _addresses(chosen, "vigie")):
        the_set.start("vigie")
    return the_set


def _addresses(chosen, name):
    return ", ".join("%s:%d" % (ports.HOST, getattr(chosen, which)) for which in runset.PORTS_OF[name])


def _show_where_to_look(the_set):
    shown = the_set.ports
    links = "".join("  %-26s%s\n" % pair for pair in demonstration.links())
    say("""
  Vigie                     %s
%s  mails and SMS sent        %s
  interface                 %s/api/v1/openapi.json
  logs                      .local/log        tokens and addresses  .local/env

Raise a signal as the head of a collège:

  . .local/env
  curl -sS "$VIGIE_URL/api/v1/signals" -H "Authorization: Bearer $VIGIE_TOKEN_SCHOOL" \\
    -H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%%s)" \\
    -d '{"kind": "rixe", "severity": "grave", "summary": "Bagarre annoncée à la sortie", "location": {"school": "%s"}}'
  curl -sS "$VIGIE_OUTBOX_URL"
""".rstrip() % (shown.vigie_url, links, shown.outbox_url, shown.vigie_url, demonstration.school()))


def _watch():
    """Stays until a component ends by itself, which is an error, or until Ctrl-C, which arrives as Interrupted."""
    while True:
        dead = until(_dead, 3600)
        if dead:
            warn("%s has ended; the end of %s:\n%s" % (dead, paths.shown(processes.log_file(dead)), processes.log_tail(dead)))
            _stop_all()
            return 1


def _dead():
    """The first component that is gone and not being restarted by `up --only`."""
    gone = [name for name in NAMES if not processes.running(name) and not runset.is_restarting(name)]
    return next((name for name in gone if not processes.running(name)), None)


def _stop_all():
    """Stops what runs; one that does not end must not keep the others running."""
    for name in reversed(NAMES):
        try:
            stopping.stop_one(name)
        except Trouble as trouble:
            warn(str(trouble))
