#!/usr/bin/env python3
"""Writes the demonstration city under config/directory: bodies, contacts, rosters and sources, all fictitious.

usage: directory.py --schools schools_secondary.csv --communes communes_petite_couronne.geojson [--out config/directory]

The schools' names and the communes are facts; every address and number is made up. The same input gives the same
files, byte for byte, so a change of this script shows as a change of the data.
"""
import argparse
import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

SECTORS = ["paris-centre"] + ["paris-%02d" % number for number in range(5, 21)]
DOMAIN = "example.org"
# The numbers the French regulator keeps for fiction: no one will ever be called.
MOBILES = range(33639980000, 33639990000)
DUTY = ("a", "b", "c")


@dataclass(frozen=True)
class Role:
    """A role, the French name of a body that has it ("%s" is its place), and how often its duty changes hands."""

    id: str
    name: str
    every_days: int = 0  # 0: no roster, the desk only


SECTOR_ROLES = [
    Role("commissariat", "Commissariat %s", 1),
    Role("division-dpmp", "Division territoriale de la DPMP, %s", 1),
    Role("epm", "Équipe Parisienne de Médiation, %s", 7),
    Role("prevention-specialisee", "Club de prévention spécialisée, %s"),
    Role("associations", "Associations locales, %s"),
    Role("mairie", "Mairie, cellule de veille, %s"),
    Role("mairie-elu", "Élu·e d’astreinte, %s", 7),
    Role("coordonnateur-cpsa", "Coordonnateur ou coordonnatrice du CPSA, %s", 7),
    Role("mpce", "Mission de Prévention, de Contact et d’Écoute, %s", 7),
]
CITY_ROLES = [
    Role("scop", "Salle de Commandement Opérationnel de Paris (SCOP)", 1),
    Role("permanence-dpmp", "Permanence de la DPMP", 7),
    Role("secretariat-general", "Secrétariat général de la Ville, astreinte", 7),
    Role("cellule-bandes", "Cellule « bandes », État-major DSPAP", 7),
    Role("dpp", "Division Partenariat Prévention, État-major DSPAP"),
    Role("emas", "Équipe Mobile Académique de Sécurité", 7),
    Role("parquet", "Parquet de Paris"),
    Role("rectorat", "Rectorat de l’académie de Paris"),
    Role("umip", "Unité Mobile d’Intervention Psychologique", 7),
    Role("auditor", "Contrôle et audit de Vigie"),
    Role("admin", "Administration de Vigie"),
]
# The bodies of the other fiches. They come last, so that those before keep their numbers.
FURTHER_CITY_ROLES = [
    Role("prefecture-de-police", "Préfecture de Police, état-major"),
    Role("cellule-centrale-de-crise", "Cellule Centrale de Crise, gestionnaire d’astreinte", 7),
    Role("ddct", "DDCT, astreinte", 7),
    Role("dsol", "Direction des solidarités, astreinte", 7),
    Role("dlh", "DLH, astreinte", 7),
    Role("dicom", "DICOM, astreinte", 7),
    Role("gpis", "Groupement Parisien Inter-bailleurs de Surveillance (GPIS)", 1),
    Role("mus", "Mission Urgences Sociales"),
    Role("pav", "Paris Aide aux Victimes"),
    Role("clav", "Comité local d’aide aux victimes, secrétariat"),
    Role("crip", "Cellule de Recueil des Informations Préoccupantes"),
]
SITE = Role("equipement", "Équipement municipal, %s")
LANDLORD = Role("bailleur", "Bailleur social, %s")
# On screen as well, day and night.
SCREENS = {"scop": "salle"}

COLLEGE_UAI = "0750507U"  # almost a kilometre inside the 19th: no question of which sector it belongs to
SOURCES = [
    ("college-19", "etablissement", "etab-" + COLLEGE_UAI.lower(), "school:" + COLLEGE_UAI, "Direction du collège Georges Brassens"),
    ("commissariat-19", "commissariat", "commissariat-paris-19", "paris-19", "Commissariat du 19e"),
    ("bailleur-19", "bailleur", "bailleur-paris-19", "paris-19", "Gardiens d’un bailleur social du 19e"),
    ("scop", "scop", "scop", "city", "Opérateurs de la SCOP"),
    ("mairie-19", "mairie", "mairie-paris-19", "paris-19", "Mairie du 19e, cellule de veille"),
    ("mairie-18", "mairie", "mairie-paris-18", "paris-18", "Mairie du 18e, cellule de veille"),
    ("parquet", "parquet", "parquet", "city", "Parquet de Paris"),
    ("mus", "mus", "mus", "city", "Mission Urgences Sociales"),
    ("gpis", "gpis", "gpis", "city", "Patrouilles du GPIS"),
    ("equipement-19", "equipement", "equipement-paris-19", "paris-19", "Direction d’un équipement municipal du 19e"),
    ("auditor", "auditor", "auditor", "city", "Audit"),
    ("admin", "admin", "admin", "city", "Administration"),
]


@dataclass(frozen=True)
class Body:
    id: str
    role: Role
    territory: str
    name: str


def bodies(schools, communes):
    """All bodies: the city's, then sector by sector, the bordering communes, the schools."""
    found = [Body(role.id, role, "city", role.name) for role in CITY_ROLES]
    for sector in SECTORS:
        found += [Body("%s-%s" % (role.id, sector), role, sector, role.name % _sector_name(sector)) for role in SECTOR_ROLES]
        if sector == "paris-19":
            found.append(Body("bailleur-" + sector, LANDLORD, sector, LANDLORD.name % _sector_name(sector)))
    border = Role("commune-limitrophe", "Ville de %s, police municipale et prévention")
    found += [Body("commune-" + insee, border, "com-" + insee, border.name % name) for insee, name in communes]
    school = Role("etablissement", "%s")
    found += [Body("etab-" + uai.lower(), school, "school:" + uai, name) for uai, name in schools]
    found += [Body(role.id, role, "city", role.name) for role in FURTHER_CITY_ROLES]
    found.append(Body("equipement-paris-19", SITE, "paris-19", SITE.name % _sector_name("paris-19")))
    return found


# The day every contact point of the demonstration was answered.
VERIFIED = "2026-11-16"


def contacts(all_bodies):
    """Rows of contacts.csv: the desk of each body, then the members of its roster."""
    mobiles = iter(MOBILES)
    for body in all_bodies:
        yield body.id + "-desk", body.id, "email", "%s@%s" % (body.id, DOMAIN), "", VERIFIED
        if body.id in SCREENS:
            yield body.id + "-screen", body.id, "screen", SCREENS[body.id], "", VERIFIED
        for duty in DUTY if body.role.every_days else ():
            yield "%s-%s-sms" % (body.id, duty), body.id, "sms", "+%d" % next(mobiles), duty, VERIFIED
            yield "%s-%s-email" % (body.id, duty), body.id, "email", "%s.%s@%s" % (body.id, duty, DOMAIN), duty, VERIFIED


def rosters(all_bodies):
    """The text of rosters.toml."""
    parts = [
        "# Who is on duty: the members of `order` follow one another, each for `every_days`, from the local hour of `starts`.\n"
        "# Members are functions (a, b, c); their numbers and addresses stand in contacts.csv under the same letter.\n"
        'timezone = "Europe/Paris"\n'
    ]
    order = ", ".join('"%s"' % duty for duty in DUTY)
    for body in all_bodies:
        if body.role.every_days:
            parts.append('[[roster]]\nbody = "%s"\nstarts = "2026-01-05T08:00"\nevery_days = %d\norder = [%s]\n' % (body.id, body.role.every_days, order))
    return "\n".join(parts)


def read_schools(path):
    with open(path, encoding="utf-8", newline="") as rows:
        return sorted((row["uai"], row["name"].strip()[:1].upper() + row["name"].strip()[1:]) for row in csv.DictReader(rows))


def read_bordering_communes(path):
    features = json.loads(Path(path).read_text(encoding="utf-8"))["features"]
    return sorted((f["properties"]["insee"], f["properties"]["name"]) for f in features if f["properties"]["borders_paris"])


def _sector_name(sector):
    return "Paris Centre" if sector == "paris-centre" else "%de arrondissement" % int(sector[-2:])


def _table(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schools", required=True, help="CSV with the columns uai and name")
    parser.add_argument("--communes", required=True, help="GeoJSON with the properties insee, name and borders_paris")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "config" / "directory")
    options = parser.parse_args()
    everyone = bodies(read_schools(options.schools), read_bordering_communes(options.communes))
    options.out.mkdir(parents=True, exist_ok=True)
    files = {
        "bodies.csv": _table(["id", "role", "territory", "name"], [(body.id, body.role.id, body.territory, body.name) for body in everyone]),
        "contacts.csv": _table(["id", "body", "channel", "address", "duty", "verified"], contacts(everyone)),
        "rosters.toml": rosters(everyone),
        "sources.csv": _table(["id", "role", "body", "territory", "name"], SOURCES),
    }
    for name, text in files.items():
        (options.out / name).write_text(text, encoding="utf-8")
        print("%s: %d lines" % (options.out / name, text.count("\n")))


if __name__ == "__main__":
    main()
