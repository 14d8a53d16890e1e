"""What the machine must have before anything starts; each missing thing is named with the command that installs it."""
import re
import shutil
import subprocess
import sys

from .trouble import Trouble

APT = "sudo apt-get update && sudo apt-get install -y %s"
RUST = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . \"$HOME/.cargo/env\""
NODE = "Node.js 20 or later, see https://nodejs.org (Debian 13, Ubuntu 24.10 and later: sudo apt-get install -y nodejs npm)"


def require(rust, python_packages, node, chromium=False):
    """Raises one Trouble that lists everything missing; the arguments say which groups this command needs.

    `chromium` says that one is needed and neither found nor ours to install.
    """
    missing = []
    if python_packages and not has_pip():
        missing.append(("pip for Python 3", _install("python3-pip", "python3 -m ensurepip")))
    if rust:
        missing += _tool("cargo", "Rust (cargo)", RUST, at_least=(1, 94))
        missing += _tool("cc", "a C linker (cc)", _install("build-essential", "xcode-select --install"))
    if node:
        missing += _tool("node", "Node.js", NODE, at_least=(20, 0))
        missing += _tool("npm", "npm", _install("npm", "brew install node"))
    if chromium:
        missing.append(("Chromium (or set VIGIE_TEST_CHROMIUM to one)", _install("chromium", "brew install --cask chromium")))
    if missing:
        lines = ["this machine lacks:"] + ["  %s\n      %s" % pair for pair in missing]
        raise Trouble("\n".join(lines), 2)


def has_pip():
    return subprocess.run([sys.executable, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def version_of(command):
    """The first version number that `command` prints, as a tuple of integers; empty if it cannot be run."""
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in found.groups()) if found and answer.returncode == 0 else ()


def _tool(program, name, how, at_least=None):
    if not shutil.which(program):
        return [(name, how)]
    if at_least:
        version = version_of([program, "--version"])
        if version < at_least:
            seen = ".".join(map(str, version)) or "one that does not run"
            return [("%s %d.%d or later (here: %s)" % ((name,) + at_least + (seen,)), how)]
    return []


def _install(debian_package, mac_command):
    return mac_command if sys.platform == "darwin" else APT % debian_package
