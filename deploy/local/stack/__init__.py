"""The local set: NATS, PostgreSQL, the outbox and Vigie, fetched, started, watched and stopped. Standard library only.

    cli            the command lines of up, down and test
    up             starts everything in order and watches it
    stopping       down
    checks         test
    runset         the running set: order, record, health, locks
    nats, postgres, outbox, vigie    one component each: start, stop, is it ready
    demonstration  tokens and `.local/env`
    processes      a process known by pid and birth
    identity       as whom PostgreSQL runs when we are root
    vendor, prerequisites            what is fetched, and what the machine must have
    ports, paths, pgwire, http, progress, waiting, trouble    small tools, each what its name says

A component must never be stopped by anything but `processes.stop`, which checks that the pid is still the one we started.
"""
