"""Lines on the terminal: what is being done, and how long it took."""
import sys
import time
from contextlib import contextmanager


def say(text=""):
    print(text, flush=True)


def warn(text):
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text):
    """Shows `text ... 0.3 s` around a piece of work; the yielded function adds a remark to that line."""
    remarks = []
    open_line = sys.stdout.isatty()
    if open_line:
        print("  %s ..." % text, end="", flush=True)
    begun = time.monotonic()
    try:
        yield remarks.append
    except BaseException:
        say(" failed" if open_line else "  %s ... failed" % text)
        raise
    done = "%s %.1f s" % ("".join(" %s," % remark for remark in remarks), time.monotonic() - begun)
    say(done if open_line else "  %s ...%s" % (text, done))
