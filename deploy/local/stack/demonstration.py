"""Who plays in the demonstration: tokens and personal links, and the file `.local/env` that hands them out."""
import csv

from . import nats, paths, vigie
from .trouble import Trouble

ROLES = paths.LOCAL_DEPLOY / "demonstration.csv"
# Whose personal link is printed, and what it opens. A link opens one browser, once; each `up` makes new ones.
LINKS = {
    "SCHOOL": "a head's form",
    "SCOP": "the operations room",
    "MAIRIE_19": "a watch cell",
    "ADMIN": "administration",
    "ADMIN_2": "a second administration",
}


def roles():
    """Pairs of variable suffix and source id, for example ("SCHOOL", "college-19")."""
    with open(ROLES, encoding="utf-8", newline="") as rows:
        return [(row["variable"], row["source"]) for row in csv.DictReader(rows)]


def issue(binary, told):
    """A fresh token for each role, replacing the former one, and personal links. Returns variables and values."""
    issued = {}
    for variable, source in roles():
        issued["VIGIE_TOKEN_" + variable] = _one_line(vigie.run(binary, ["token", "issue", "--source", source, "--replace"], told), source)
    for variable in LINKS:
        source = dict(roles())[variable]
        issued["VIGIE_LINK_" + variable] = _one_line(vigie.run(binary, ["token", "link", "--source", source], told), source)
    return issued


def links():
    """Pairs of what a personal link opens and its address, as last written to `.local/env`."""
    lines = paths.ENV_FILE.read_text(encoding="utf-8").splitlines()
    found = {line.split("=")[0].rpartition("VIGIE_LINK_")[2]: line.split("'")[1] for line in lines if "VIGIE_LINK_" in line}
    return [(what, found[variable]) for variable, what in LINKS.items() if variable in found]


def write_env(ports, issued):
    """Writes `.local/env`, for `. .local/env`; readable by its owner only, since it holds tokens."""
    values = {
        "VIGIE_URL": ports.vigie_url,
        "VIGIE_METRICS_URL": ports.private_url + "/metrics",
        "VIGIE_READY_URL": ports.private_url + "/readyz",
        "NATS_URL": ports.nats_url_as(nats.READER, nats.reader_password()),
        "DATABASE_URL": vigie.login("operator"),
        "DATABASE_SUPERUSER_URL": vigie.login("superuser"),
        "VIGIE_OUTBOX_URL": ports.outbox_url + "/messages",
        **issued,
    }
    quoted = ("export %s='%s'\n" % (name, value.replace("'", "'\\''")) for name, value in values.items())
    paths.write_private(paths.ENV_FILE, "".join(quoted))


def school():
    """The UAI of the school whose head has a token."""
    with open(paths.DIRECTORY / "sources.csv", encoding="utf-8", newline="") as rows:
        territory = next(row["territory"] for row in csv.DictReader(rows) if row["id"] == dict(roles())["SCHOOL"])
    return territory.partition(":")[2]


def _one_line(text, source):
    if not text or "\n" in text:
        raise Trouble("vigie printed no single token or link for %s: %r" % (source, text[:200]))
    return text
