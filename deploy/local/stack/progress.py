"""Lines on the terminal: what is being done, and how long it took."""
import os
import sys
import time
from contextlib import contextmanager


def say(text="", end="\n"):
    _write("stdout", text + end)


def warn(text):
    _write("stderr", text + "\n")


def _write(name, text):
    """Writes and flushes. A reader that has gone (a closed terminal, `| head`) must not stop us half way through stopping."""
    try:
        stream = getattr(sys, name)
        stream.write(text)
        stream.flush()
    except OSError:
        setattr(sys, name, open(os.devnull, "w"))


@contextmanager
def step(text):
    """Shows `text ... 0.3 s` around a piece of work; the yielded function adds a remark to that line."""
    remarks = []
    open_line = sys.stdout.isatty()
    if open_line:
        say("  %s ..." % text, end="")
    begun = time.monotonic()
    try:
        yield remarks.append
    except BaseException:
        say(" failed" if open_line else "  %s ... failed" % text)
        raise
    done = "%s %.1f s" % ("".join(" %s," % remark for remark in remarks), time.monotonic() - begun)
    say(done if open_line else "  %s ...%s" % (text, done))
