"""Runs `up`, `down` or `test`: the folder itself is given to python3, so the package's parent goes on the path first."""
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

if sys.version_info < (3, 9):
    sys.exit("Python 3.9 or later is needed; this is %d.%d" % sys.version_info[:2])

from stack.cli import main  # noqa: E402  (only after the path and the version are right)

sys.exit(main(sys.argv[1:]))
