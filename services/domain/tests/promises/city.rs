//! Random small cities: kinds, circuits, bodies, rosters and contact points, written as files and read as such.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use vigie_domain::{
    city::City,
    directory::{self, DirectoryFiles},
    doctrine,
    territory::Territory,
};

/// Roles of the practice cities: where their bodies are, and whether they have a duty roster.
const ROLES: [(&str, &str, bool); 5] = [
    ("desk", "city", false),
    ("chief", "city", true),
    ("post", "sector", false),
    ("crew", "sector", true),
    ("club", "sector", false),
];

/// Every role, and those that may know what is secret: places in [`ROLES`].
const ALL: [usize; 5] = [0, 1, 2, 3, 4];
const MAY_KNOW: [usize; 3] = [0, 1, 3];

static PARIS: LazyLock<Arc<Territory>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/territory/paris.territory");
    Arc::new(Territory::from_bytes(&fs::read(path).unwrap()).unwrap())
});

/// The files of a city.
#[derive(Clone)]
pub(crate) struct Files {
    common: String,
    fiche: String,
    roles: String,
    bodies: String,
    contacts: String,
    rosters: String,
    overrides: String,
}

impl std::fmt::Debug for Files {
    /// The files that say something: bodies are the same in every sector.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of_sector = |line: &&str| !line.contains("paris-") || line.contains("paris-05");
        let contacts: Vec<&str> = self.contacts.lines().filter(of_sector).collect();
        write!(f, "{}\n{}\n{}\n{}\n{}", self.common, self.fiche, self.roles, contacts.join("\n"), self.overrides)
    }
}

impl Files {
    /// The city they make; the faults when they cannot be read.
    pub(crate) fn read(&self) -> Result<City, Vec<String>> {
        let files = DirectoryFiles {
            roles_toml: self.roles.clone(),
            bodies_csv: self.bodies.clone(),
            contacts_csv: self.contacts.clone(),
            rosters_toml: self.rosters.clone(),
            sources_csv: "id,role,body,territory,name\n".into(),
            overrides_csv: self.overrides.clone(),
        };
        let directory = directory::read(&files, &PARIS)
            .map_err(|error| error.0.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let roles = directory.roles().cloned().collect();
        let texts = [("doctrine.toml", &self.common), ("t-1.toml", &self.fiche)];
        let texts: BTreeMap<String, String> = texts.map(|(name, text)| (name.to_owned(), text.clone())).into();
        let doctrine = doctrine::read(&texts, &roles).map_err(|error| error.0)?;
        Ok(City { territory: Arc::clone(&PARIS), directory: Arc::new(directory), doctrine: Arc::new(doctrine) })
    }
}

/// Who is told of what is new.
const NEWS: &str = "[[news]]\nid = \"all\"\non = [\"new-fact\", \"number\", \"taken-charge\", \"refused\", \"over\"]\n\
    groups = [\"in-charge\", \"alerted\"]\nchannels = [\"email\"]\nevery_min = 7\n\n\
    [[news]]\nid = \"grave\"\non = [\"grave-fact\"]\ntell = [{ role = \"desk\", in = \"city\" }]\n\
    groups = [\"asked\"]\nchannels = [\"sms\"]\nfallback = [\"email\"]\nevery_min = 30\n\n";

/// One step, in the words of the file but for its name.
fn step(roles: &'static [usize]) -> impl Strategy<Value = String> {
    let due = prop_oneof![
        6 => (0_u32..5).prop_map(|n| format!("after_min = {}", n * 5)),
        3 => (1_u32..20).prop_map(|n| format!("after_last_min = {n}")),
        2 => Just("next_local = [\"08:00\", \"17:00\"]".to_owned()),
        1 => (0_u32..2).prop_map(|day| format!("on_day = {{ day = {day}, at = \"09:30\" }}")),
        1 => (5_u32..60).prop_map(|n| format!("before_expected_min = {n}")),
        1 => (0_u32..30).prop_map(|n| format!("after_acknowledgement = {{ by = [\"desk\", \"crew\"], min = {n} }}")),
        1 => (0_u32..30).prop_map(|n| format!("after_closing_min = {n}")),
        1 => (0_u32..30).prop_map(|n| {
            format!("after_owed = {{ id = \"answer\", min = {n} }}\nunless = {{ returned = \"answer\" }}")
        }),
    ];
    let repeat = prop_oneof![
        5 => Just(String::new()),
        1 => (1_u32..4, 3_u32..30)
            .prop_map(|(times, every)| format!("repeat = {{ every_min = {every}, times = {times} }}\n")),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.2), stale());
    let all = (due, repeat, flags, channels(), tell(roles));
    all.prop_map(|(due, repeat, (unless, asks, survives, stale), channels, tell)| {
        let repeat = if due.contains("after_owed") { String::new() } else { repeat };
        let unless = if unless && !due.contains("unless") { "unless = \"acknowledged\"\n" } else { "" };
        let survives = if survives { "survives_closing = true\n" } else { "" };
        let expects = if asks { "acknowledgement" } else { "nothing" };
        format!(
            "{due}\n{repeat}{unless}{survives}stale_after_min = {stale}\nexpects = \"{expects}\"\n{channels}\n\
             timing = \"default\"\ntell = [{tell}]\n"
        )
    })
}

/// Minutes a step is still of use after an outage.
fn stale() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(1_440_u32), 1 => 20_u32..200]
}

fn channels() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("channels = [\"email\"]"),
        3 => Just("channels = [\"email\"]\nfallback = [\"sms\"]"),
        2 => Just("channels = [\"sms\"]\nfallback = [\"email\"]"),
        2 => Just("channels = [\"sms\", \"email\"]"),
        1 => Just("channels = [\"screen\", \"email\"]\nfallback = [\"sms\"]"),
    ]
    .prop_map(str::to_owned)
}

/// Whom a step tells: one role or two, some within hours.
fn tell(roles: &'static [usize]) -> impl Strategy<Value = String> {
    prop::collection::btree_map(prop::sample::select(roles), (0_u32..5, hours()), 1..3).prop_map(|told| {
        let one = |(role, (deep, hours)): (usize, (u32, String))| {
            let (name, place, roster) = ROLES[role];
            let rank = match (roster, deep) {
                (true, 0) => ", rank = \"second\"",
                (_, 1) => ", rank = \"all\"",
                _ => "",
            };
            format!("{{ role = \"{name}\", in = \"{place}\"{rank}{hours} }}")
        };
        told.into_iter().map(one).collect::<Vec<_>>().join(", ")
    })
}

fn hours() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(""),
        1 => Just(", hours = \"day\", outside = \"wait\""),
        1 => Just(", hours = \"day\", outside = \"skip\""),
        2 => Just(", hours = \"night\", outside = { tell = [{ role = \"desk\", in = \"city\" }] }"),
    ]
    .prop_map(str::to_owned)
}

fn satisfied_by() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just("\"anyone\""),
        1 => Just("\"each-asked\""),
        1 => Just("{ any_of = [\"desk\", \"crew\"] }"),
        1 => Just("{ all_of = [\"desk\", \"post\"] }"),
        1 => Just("{ at_least = { count = 2, of = [\"desk\", \"crew\", \"post\"] } }"),
    ]
    .prop_map(str::to_owned)
}

/// One circuit of a kind; whether somebody manned is told at once and asked makes most of them pass.
fn circuit(id: &'static str, kind: &'static str, roles: &'static [usize]) -> impl Strategy<Value = String> {
    let severities = prop_oneof![
        40 => Just("\"watch\", \"tension\", \"serious\", \"fatal\""),
        1 => Just("\"tension\", \"serious\""),
        1 => Just("\"fatal\""),
    ];
    let refusal = prop_oneof![Just("wait"), Just("advance"), Just("advance-when-all")];
    let stale = prop::option::weighted(0.3, (20_u32..120, 5_u32..20));
    let first = prop_oneof![
        5 => Just("[\"email\"]\nfallback = [\"sms\"]"),
        2 => Just("[\"sms\"]\nfallback = [\"email\"]"),
        1 => Just("[\"screen\"]"),
    ];
    let when =
        prop_oneof![40 => Just(""), 1 => Just("when = [\"near-border\"]\n"), 1 => Just("raised_by = [\"post\"]\n")];
    let first = (prop::bool::weighted(0.93), 0_u32..3, prop_oneof![7 => Just("desk"), 1 => Just("chief")], first);
    (severities, satisfied_by(), refusal, stale, when, first, prop::collection::vec(step(roles), 0..4)).prop_map(
        move |(severities, satisfied, refusal, stale, when, (safe, delay, role, channels), steps)| {
            let mut text = format!(
                "[[circuit]]\nid = \"{id}\"\ntitle = \"Practice\"\nlines = \"1\"\nkinds = [\"{kind}\"]\n\
                 severities = [{severities}]\n{when}satisfied_by = {satisfied}\non_refusal = \"{refusal}\"\n"
            );
            if let Some((after, then)) = stale {
                writeln!(text, "stale = {{ after_min = {after}, then_min = {then} }}").unwrap();
            }
            text.push_str(
                "\n[[circuit.owed]]\nid = \"answer\"\nwhat = \"an answer\"\nlines = \"2\"\n\
                 by = { role = \"desk\", in = \"city\" }\n\
                 to = \"raiser\"\nwithin_min = 90\ntiming = \"default\"\n",
            );
            let safe = (safe || steps.is_empty()).then(|| {
                format!(
                    "after_min = {}\nexpects = \"acknowledgement\"\nchannels = {channels}\ntiming = \"default\"\n\
                     tell = [{{ role = \"{role}\", in = \"city\" }}]\n",
                    delay * 4
                )
            });
            for (number, step) in safe.into_iter().chain(steps).enumerate() {
                // The first has none before it.
                let step = if number == 0 { step.replace("after_last_min", "after_min") } else { step };
                write!(text, "\n[[circuit.step]]\nid = \"s{number}\"\n{step}").unwrap();
            }
            text.push('\n');
            text
        },
    )
}

/// A city in which everybody is reached and everything is told by these steps; but for the desk's e-mail, when that was
/// never answered.
pub(crate) fn fixed(steps: &[&str], desk_email_proven: bool) -> Files {
    let circuit = |id: &str, kind: &str| {
        let steps =
            steps.iter().enumerate().map(|(number, step)| format!("[[circuit.step]]\nid = \"s{number}\"\n{step}\n"));
        format!(
            "[[circuit]]\nid = \"{id}\"\ntitle = \"Practice\"\nlines = \"1\"\nkinds = [\"{kind}\"]\n\
             severities = [\"watch\", \"tension\", \"serious\", \"fatal\"]\nsatisfied_by = \"anyone\"\n\n{}",
            steps.collect::<String>()
        )
    };
    let role = |(name, ..): (&str, &str, bool)| {
        format!(
            "[{name}]\nlabel = \"{name}\"\nmanned = {}\nintervenes = true\nraises = [\"brawl\", \"leak\"]\n",
            name == "desk"
        )
    };
    let everybody = Reachable { positions: 2, without_sms: false, proven: [true; 3], one_unproven: None, hand_over: 8 };
    let desk = Reachable { proven: [desk_email_proven, true, true], ..everybody.clone() };
    let mut files = Files {
        common: doctrine_toml(10, 7, 20).replace("CHANNELS", "\"email\", \"sms\", \"screen\""),
        fiche: format!("{FICHE}{}{}", circuit("C-1", "brawl"), circuit("C-2", "leak")),
        roles: ROLES.map(role).concat(),
        bodies: String::new(),
        contacts: String::new(),
        rosters: String::new(),
        overrides: String::new(),
    };
    let others = std::iter::repeat_n(everybody, ROLES.len() - 1);
    directory(&mut files, &std::iter::once(desk).chain(others).collect::<Vec<_>>());
    files
}

const FICHE: &str = "[fiche]\nid = \"T.1\"\ntitle = \"Practice\"\nlines = \"1\"\n\n";

/// `doctrine.toml`: an ordinary kind and one whose class keeps it from some channels (named later) and roles.
fn common() -> impl Strategy<Value = String> {
    let bound = prop_oneof![1 => Just(5_u32), 3 => Just(10), 3 => Just(45)];
    (bound, 6_u32..9, 19_u32..22).prop_map(|(bound, opens, closes)| doctrine_toml(bound, opens, closes))
}

fn doctrine_toml(bound: u32, opens: u32, closes: u32) -> String {
    let kind = |name: &str, class: &str| {
        format!(
            "[kinds.{name}]\nlabel = \"{name}\"\ndefault_severity = \"tension\"\nschools_within_m = 300\n\
             neighbours_within_m = 200\n{class}correlation = {{ radius_m = 300, window_min = 60 }}\n\
             manned_within_min = {{ tension = {bound}, serious = {bound}, fatal = {bound} }}\n\n"
        )
    };
    format!(
        "timezone = \"Europe/Paris\"\n\n[[emergency]]\nnumber = \"17\"\nlabel = \"Police\"\n\n\
         [windows.day]\nlabel = \"Day\"\nhours = [\"{opens:02}:00-{closes:02}:00\"]\n\n\
         [windows.night]\nlabel = \"Night\"\nhours = [\"{closes:02}:30-{opens:02}:30\"]\n\n\
         [classes.secret]\nlabel = \"Secret\"\nchannels = [CHANNELS]\nroles = [\"desk\", \"chief\", \"crew\"]\n\
         retention_days = 10\n\n{}{}{NEWS}[undeliverable]\ntell = [{{ role = \"desk\", in = \"city\" }}]\n\
         channels = [\"email\", \"screen\"]\n",
        kind("brawl", ""),
        kind("leak", "class = \"secret\"\n"),
    )
}

/// Contact points and rosters: how many positions, which have no telephone, which were never answered.
#[derive(Debug, Clone)]
struct Reachable {
    positions: usize,
    without_sms: bool,
    /// Of the permanent e-mail, of the positions' e-mails, of their telephones.
    proven: [bool; 3],
    /// One position's contact points alone were never answered.
    one_unproven: Option<usize>,
    hand_over: u32,
}

fn reachable() -> impl Strategy<Value = Reachable> {
    let often = || prop::bool::weighted(0.96);
    (
        2_usize..4,
        prop::bool::weighted(0.3),
        [often(), often(), often()],
        prop::option::weighted(0.2, 0_usize..3),
        6_u32..10,
    )
        .prop_map(|(positions, without_sms, proven, one_unproven, hand_over)| Reachable {
            positions,
            without_sms,
            proven,
            one_unproven,
            hand_over,
        })
}

fn verified(proven: bool) -> &'static str {
    if proven { "2026-11-16" } else { "" }
}

/// Bodies of every role, in every sector where the role has some, with what `reach` says of the role.
fn directory(files: &mut Files, reach: &[Reachable]) {
    files.bodies = "id,role,territory,name\n".into();
    files.contacts = "id,body,channel,address,duty,verified\n".into();
    files.rosters = "timezone = \"Europe/Paris\"\n".into();
    let sectors: Vec<&str> =
        PARIS.sectors().iter().filter(|sector| sector.in_paris).map(|sector| sector.id.as_str()).collect();
    for ((role, place, roster), reach) in ROLES.into_iter().zip(reach) {
        let places = if place == "city" { vec!["city"] } else { sectors.clone() };
        for place in places {
            let body = if place == "city" { role.to_owned() } else { format!("{role}-{place}") };
            writeln!(files.bodies, "{body},{role},{place},{body}").unwrap();
            contacts(files, &body, roster, reach);
        }
    }
}

fn contacts(files: &mut Files, body: &str, roster: bool, reach: &Reachable) {
    let Reachable { positions, without_sms, proven, one_unproven, hand_over } = reach;
    let mut point = |name: &str, channel: &str, address: &str, duty: &str, proven: bool| {
        writeln!(files.contacts, "{body}-{name},{body},{channel},{address},{duty},{}", verified(proven)).unwrap();
    };
    point("screen", "screen", "room", "", false);
    if !roster {
        point("email", "email", &format!("{body}@example.org"), "", proven[0]);
        if !*without_sms {
            point("sms", "sms", "+33639980000", "", proven[2]);
        }
        return;
    }
    for position in 0..*positions {
        let duty = ["a", "b", "c"][position];
        let answered = |kind: usize| proven[kind] && *one_unproven != Some(position);
        point(&format!("{duty}-email"), "email", &format!("{body}-{duty}@example.org"), duty, answered(1));
        if !*without_sms {
            point(&format!("{duty}-sms"), "sms", &format!("+3363998000{position}"), duty, answered(2));
        }
    }
    let order: Vec<String> = ["a", "b", "c"][..*positions].iter().map(|duty| format!("\"{duty}\"")).collect();
    writeln!(
        files.rosters,
        "[[roster]]\nbody = \"{body}\"\nstarts = \"2026-01-05T{hand_over:02}:00\"\nevery_days = 1\norder = [{}]",
        order.join(", ")
    )
    .unwrap();
}

/// A replacement at the chief's, across the first night.
fn replacement() -> impl Strategy<Value = String> {
    prop::option::weighted(0.4, (18_u32..23, 1_u32..6, 0_usize..2, prop_oneof![Just("a"), Just("b")])).prop_map(
        |some| {
            some.map_or_else(String::new, |(from, until, rank, position)| {
                format!(
                    "id,body,from,until,rank,position\n\
                     r1,chief,2027-03-27T{from:02}:00,2027-03-28T{:02}:00,{rank},{position}\n",
                    until + 3
                )
            })
        },
    )
}

/// A random city. Many pass the check, many do not.
pub(crate) fn files() -> impl Strategy<Value = Files> {
    let circuits = (
        circuit("C-1", "brawl", &ALL),
        prop::option::of(circuit("C-2", "brawl", &ALL)),
        circuit("C-3", "leak", &MAY_KNOW),
    );
    let manned = (prop::bool::weighted(0.95), any::<bool>());
    (common(), circuits, prop::collection::vec(reachable(), ROLES.len()), replacement(), manned).prop_map(
        |(common, (first, second, third), reach, overrides, (desk, crew))| {
            let role = |(name, ..): (&str, &str, bool)| {
                let manned = match name {
                    "desk" => desk,
                    "crew" => crew,
                    _ => false,
                };
                format!("[{name}]\nlabel = \"{name}\"\nmanned = {manned}\nintervenes = true\nraises = [\"brawl\", \"leak\"]\n")
            };
            // What is secret may leave by the channels its circuit uses, and no other.
            let used = ["\"email\"", "\"sms\"", "\"screen\""].into_iter().filter(|channel| third.contains(channel));
            let mut files = Files {
                common: common.replace("CHANNELS", &used.collect::<Vec<_>>().join(", ")),
                fiche: format!("{FICHE}{first}{}{third}", second.unwrap_or_default()),
                roles: ROLES.map(role).concat(),
                bodies: String::new(),
                contacts: String::new(),
                rosters: String::new(),
                overrides,
            };
            directory(&mut files, &reach);
            files
        },
    )
}
