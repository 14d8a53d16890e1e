//! A city to practise duties in: one kind of signal for each thing a doctrine can ask of those it tells.
//!
//! Bodies `alpha`, `beta` and `gamma` are asked, `desk` is where it climbs to. With a time scale of 60, a minute of this
//! doctrine lasts a second.

use std::{fs, path::Path};

const DOCTRINE: &str = r#"
timezone = "Europe/Paris"

[undeliverable]
tell = [{ role = "desk", in = "city" }]
channels = ["email"]

[indicators.reports]
label = "Signalements"
lines = "1"
"#;

/// What every kind has; `{kind}` is filled in.
const KIND: &str = r#"
[kinds.{kind}]
label = "{kind}"
default_severity = "tension"
schools_within_m = 0
neighbours_within_m = 0
correlation = { radius_m = 0, window_min = 0 }
facts = [{ code = "arme-vue", label = "Une arme a été vue", shown = true }]
"#;

const KINDS: [&str; 8] = ["quorum", "refusal", "relay", "stale", "announced", "weak", "owed", "digest"];

const FICHE: &str = r#"
[fiche]
id = "T.1"
title = "Practice"
lines = "1"

[[circuit]]
id = "QUORUM"
title = "Two of three"
lines = "1"
kinds = ["quorum"]
severities = ["tension"]
satisfied_by = { at_least = { count = 2, of = ["asked"] } }
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "desk", after_min = 6, unless = "acknowledged", expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
  { id = "late", after_min = 600, unless = "acknowledged", expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "REFUSAL"
title = "Refused by all"
lines = "1"
kinds = ["refusal"]
severities = ["tension"]
satisfied_by = "anyone"
on_refusal = "advance-when-all"
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "desk", after_min = 600, unless = "acknowledged", expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "RELAY"
title = "Handed over"
lines = "1"
kinds = ["relay"]
severities = ["tension"]
satisfied_by = "anyone"
handover_within_min = 2
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "desk", after_min = 600, unless = "acknowledged", expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "STALE"
title = "Gone stale"
lines = "1"
kinds = ["stale"]
severities = ["tension"]
satisfied_by = "anyone"
stale = { after_min = 3, then_min = 2 }
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "desk", after_min = 600, unless = "acknowledged", expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "ANNOUNCED"
title = "Checked on before it is due"
lines = "1"
kinds = ["announced"]
severities = ["tension"]
when = ["expected"]
satisfied_by = "anyone"
step = [
  { id = "check", before_expected_min = 30, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "ANY"
title = "Known at once"
lines = "1"
kinds = ["announced"]
severities = ["tension"]
satisfied_by = "anyone"
step = [
  { id = "call", after_min = 0, expects = "nothing", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
]

[[circuit]]
id = "WEAK"
title = "A weak signal"
lines = "1"
kinds = ["weak"]
severities = ["watch"]
satisfied_by = "anyone"
counts = ["reports"]
step = [
  { id = "note", after_min = 0, expects = "nothing", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
]

[[circuit]]
id = "SUM"
title = "Weak signals that add up"
lines = "1"
kinds = ["weak"]
severities = ["tension"]
satisfied_by = "anyone"
counts = ["reports"]
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]

[[circuit]]
id = "OWED"
title = "An answer is owed"
lines = "1338"
kinds = ["owed"]
severities = ["tension"]
satisfied_by = "anyone"
owed = [
  { id = "answer", what = "Suites données", lines = "1338", by = { role = "asked", in = "city" }, to = "raiser", within_min = 4, blocks_closing = true, may_be_unknown = true, timing = "default" },
]
step = [
  { id = "call", after_min = 0, expects = "acknowledgement", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "warning", after_min = 2, unless = { returned = "answer" }, expects = "nothing", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
  { id = "overdue", after_owed = { id = "answer", min = 0 }, unless = { returned = "answer" }, expects = "nothing", channels = ["email"], timing = "default", tell = [{ role = "asked", in = "city" }] },
]

[[circuit]]
id = "DIGEST"
title = "Read together"
lines = "1"
kinds = ["digest"]
severities = ["tension"]
satisfied_by = "anyone"
step = [
  { id = "reading", next_local = ["08:00", "17:00"], expects = "nothing", channels = ["email"], timing = "default", tell = [{ role = "desk", in = "city" }] },
]
"#;

const ROLES: &str = r#"
[desk]
label = "Desk"
intervenes = true
raises = ["quorum", "refusal", "relay", "stale", "announced", "weak", "owed", "digest"]
sees = "everything"
may = ["acknowledge", "note", "change-severity", "close", "set-regime", "involve", "separate"]

[asked]
label = "Asked"
intervenes = true
sees = "everything"
may = ["acknowledge"]
"#;

/// Writes `doctrine/` and `directory/` into `folder`.
pub fn write(folder: &Path) {
    let (doctrine, directory) = (folder.join("doctrine"), folder.join("directory"));
    fs::create_dir(&doctrine).expect("a folder can be made");
    fs::create_dir(&directory).expect("a folder can be made");
    let mut common = DOCTRINE.to_owned();
    for kind in KINDS {
        common.push_str(&KIND.replace("{kind}", kind));
        if kind == "weak" {
            common.push_str(
                "accumulation = { severity = \"watch\", count = 3, within_days = 7, radius_m = 500, becomes = \"tension\" }\n",
            );
        }
    }
    let line = |kind: &str, id: &str| match kind {
        "body" => format!("{id},{},city,{id}\n", if id == "desk" { "desk" } else { "asked" }),
        "contact" => format!("{id}-mail,{id},email,{id}@example.org,\n"),
        _ => format!("{id},{},{id},city,{id}\n", if id == "desk" { "desk" } else { "asked" }),
    };
    let table = |header: &str, kind: &str| {
        ["desk", "alpha", "beta", "gamma"].iter().fold(header.to_owned(), |text, id| text + &line(kind, id))
    };
    for (path, text) in [
        (doctrine.join("doctrine.toml"), common),
        (doctrine.join("practice.toml"), FICHE.to_owned()),
        (directory.join("roles.toml"), ROLES.to_owned()),
        (directory.join("bodies.csv"), table("id,role,territory,name\n", "body")),
        (directory.join("contacts.csv"), table("id,body,channel,address,duty\n", "contact")),
        (directory.join("rosters.toml"), "timezone = \"Europe/Paris\"\n".to_owned()),
        (directory.join("sources.csv"), table("id,role,body,territory,name\n", "source")),
    ] {
        fs::write(path, text).expect("a file can be written");
    }
}

/// A report of `kind` in the middle of the 19th.
pub fn report(kind: &str) -> serde_json::Value {
    serde_json::json!({ "kind": kind, "location": { "lon": 2.3791, "lat": 48.8853 } })
}
