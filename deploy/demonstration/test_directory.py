"""The demonstration city fits together: nobody named is missing, nobody real is called."""
import csv
import re
import unittest
from collections import Counter
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[2] / "config" / "directory"
SECTORS = {"paris-centre"} | {"paris-%02d" % number for number in range(5, 21)}
SECTOR_ROLES = {"commissariat", "division-dpmp", "epm", "prevention-specialisee", "associations", "mairie", "mairie-elu", "coordonnateur-cpsa", "mpce"}
CITY_ROLES = {"scop", "permanence-dpmp", "secretariat-general", "cellule-bandes", "dpp", "emas", "parquet", "rectorat", "umip", "auditor", "admin"}
FURTHER_CITY_ROLES = {"prefecture-de-police", "cellule-centrale-de-crise", "ddct", "dsol", "dlh", "dicom", "gpis", "mus", "pav", "clav", "crip"}
ON_CALL_ROLES = {"commissariat", "division-dpmp", "mairie-elu", "scop", "permanence-dpmp", "secretariat-general", "cellule-bandes", "emas", "epm", "coordonnateur-cpsa", "umip", "mpce"} | {
    "cellule-centrale-de-crise", "ddct", "dsol", "dlh", "dicom", "gpis"}


def read(name):
    with open(DIRECTORY / name, encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def read_rosters():
    """The tables of rosters.toml, by body; Python 3.9 has no TOML reader, and the file is as regular as its generator."""
    tables = (DIRECTORY / "rosters.toml").read_text(encoding="utf-8").split("[[roster]]")[1:]
    rosters = {}
    for table in tables:
        body = re.search(r'^body = "(.+)"$', table, re.M).group(1)
        assert body not in rosters, "two rosters for " + body
        rosters[body] = {
            "starts": re.search(r'^starts = "(.+)"$', table, re.M).group(1),
            "every_days": int(re.search(r"^every_days = (\d+)$", table, re.M).group(1)),
            "order": re.findall(r'"(\w+)"', re.search(r"^order = (.+)$", table, re.M).group(1)),
        }
    return rosters


class Directory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bodies = {body["id"]: body for body in read("bodies.csv")}
        cls.contacts = read("contacts.csv")
        cls.rosters = read_rosters()
        cls.sources = read("sources.csv")

    def test_ids_are_unique_and_plain(self):
        for name in ("bodies.csv", "contacts.csv", "sources.csv"):
            ids = Counter(row["id"] for row in read(name))
            self.assertEqual([], [id for id, times in ids.items() if times > 1], name)
            self.assertEqual([], [id for id in ids if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id)], name)

    def test_every_sector_has_every_mandatory_role(self):
        present = {(body["territory"], body["role"]) for body in self.bodies.values()}
        wanted = {(sector, role) for sector in SECTORS for role in SECTOR_ROLES} | {("city", role) for role in CITY_ROLES | FURTHER_CITY_ROLES}
        self.assertEqual(set(), wanted - present)

    def test_the_29_bordering_communes_and_447_schools_are_there(self):
        roles = Counter(body["role"] for body in self.bodies.values())
        self.assertEqual((29, 447), (roles["commune-limitrophe"], roles["etablissement"]))

    def test_a_territory_is_the_city_a_sector_a_commune_or_a_school(self):
        known = re.compile(r"city|com-\d{5}|school:\d{7}[A-Z]")
        odd = [body for body in self.bodies.values() if body["territory"] not in SECTORS and not known.fullmatch(body["territory"])]
        self.assertEqual([], odd)

    def test_numbers_are_those_kept_for_fiction_and_each_is_given_once(self):
        numbers = [contact["address"] for contact in self.contacts if contact["channel"] == "sms"]
        self.assertEqual([], [number for number in numbers if not re.fullmatch(r"\+3363998\d{4}", number)])
        self.assertEqual(len(numbers), len(set(numbers)))

    def test_mail_goes_to_example_org_only(self):
        addresses = [contact["address"] for contact in self.contacts if contact["channel"] == "email"]
        self.assertEqual([], [address for address in addresses if not re.fullmatch(r"[a-z0-9.-]+@example\.org", address)])
        self.assertEqual(len(addresses), len(set(addresses)))

    def test_every_body_has_a_desk_and_every_contact_a_body(self):
        desks = {contact["body"] for contact in self.contacts if contact["channel"] == "email" and not contact["duty"]}
        self.assertEqual(set(self.bodies), desks)
        self.assertEqual(set(), {contact["body"] for contact in self.contacts} - set(self.bodies))
        self.assertIn(("scop", "screen"), {(contact["body"], contact["channel"]) for contact in self.contacts})

    def test_a_body_has_a_roster_exactly_if_its_role_is_on_call(self):
        on_call = {body["id"] for body in self.bodies.values() if body["role"] in ON_CALL_ROLES}
        self.assertEqual(on_call, set(self.rosters))

    def test_every_member_of_a_roster_can_be_reached_by_sms_and_mail(self):
        reachable = {(contact["body"], contact["duty"], contact["channel"]) for contact in self.contacts if contact["duty"]}
        wanted = {(body, member, channel) for body, roster in self.rosters.items() for member in roster["order"] for channel in ("sms", "email")}
        self.assertEqual(wanted, reachable)

    def test_duty_changes_at_eight_every_day_or_every_monday(self):
        self.assertEqual({"2026-01-05T08:00"}, {roster["starts"] for roster in self.rosters.values()})  # a Monday
        self.assertLessEqual({roster["every_days"] for roster in self.rosters.values()}, {1, 7})

    def test_every_source_speaks_for_a_body_of_its_role_and_territory(self):
        for source in self.sources:
            body = self.bodies[source["body"]]
            self.assertEqual((source["role"], source["territory"]), (body["role"], body["territory"]), source["id"])

    def test_every_role_of_the_demonstration_has_its_source(self):
        with open(DIRECTORY.parents[1] / "deploy" / "local" / "demonstration.csv", encoding="utf-8", newline="") as rows:
            wanted = {row["source"] for row in csv.DictReader(rows)}
        self.assertEqual(wanted, {source["id"] for source in self.sources})


if __name__ == "__main__":
    unittest.main()
