"""Where things lie: the checkout, and `.local/` for everything that is made here and never committed."""
from pathlib import Path

LOCAL_DEPLOY = Path(__file__).resolve().parent.parent
ROOT = LOCAL_DEPLOY.parent.parent
LOCAL = ROOT / ".local"
VENDOR = LOCAL / "vendor"
TOOLS = LOCAL / "tools"
DATA = LOCAL / "data"
RUN = LOCAL / "run"
LOG = LOCAL / "log"
SECRETS = LOCAL / "secrets"
ENV_FILE = LOCAL / "env"
OUTBOX = LOCAL_DEPLOY / "outbox"
BROWSER_TESTS = ROOT / "tests" / "browser"
DIRECTORY = ROOT / "config" / "directory"


def prepare():
    """Creates the folders of `.local/`; secrets are for the owner only."""
    for folder in (DATA, RUN, LOG, SECRETS):
        folder.mkdir(parents=True, exist_ok=True)
    SECRETS.chmod(0o700)


def secret(path, make):
    """What the file of that secret holds; made with what `make` gives when there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, make() + "\n")
    return path.read_text(encoding="utf-8").strip()


def shown(path):
    """The path as a person in the checkout would type it."""
    try:
        return str(Path(path).relative_to(ROOT))
    except ValueError:
        return str(path)


def write_private(path, text):
    """Writes a file that only its owner can read, complete or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
