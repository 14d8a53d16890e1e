//! Reads the doctrine's files whole, or lists every fault at once with file and line.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Time, tz::TimeZone};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use toml::Spanned;
use vigie_proto::{Kind, RoleId, Severity, plan::SatisfiedBy};

use super::{
    Audience, Circuit, Correlation, Doctrine, Due, KindRule, Step, Undeliverable,
    file::{AudienceSection, CircuitSection, CommonFile, FicheFile, KindSection, SatisfiedBySection, StepSection},
};

/// The file that holds for every fiche; all others are fiches.
pub(super) const COMMON_FILE: &str = "doctrine.toml";

/// Every fault of a doctrine, each with its file and line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the doctrine has {} faults:\n{}", .0.len(), .0.join("\n"))]
pub struct DoctrineError(pub Vec<String>);

/// Reads a doctrine from its files (name and text); `roles` are those the directory knows.
pub fn read(files: &BTreeMap<String, String>, roles: &BTreeSet<RoleId>) -> Result<Doctrine, DoctrineError> {
    let mut reader = Reader { faults: Vec::new(), roles };
    let common = if let Some(text) = files.get(COMMON_FILE) {
        reader.parse::<CommonFile>(COMMON_FILE, text)
    } else {
        reader.faults.push(format!("{COMMON_FILE}: missing; it declares the kinds"));
        None
    };
    let common = common.and_then(|common| reader.common(common, files.get(COMMON_FILE).map_or("", String::as_str)));
    let mut circuits = Vec::new();
    let kinds: BTreeSet<Kind> =
        common.as_ref().map(|(_, kinds, _)| kinds.keys().cloned().collect()).unwrap_or_default();
    for (name, text) in files.iter().filter(|(name, _)| name.as_str() != COMMON_FILE) {
        if let Some(fiche) = reader.parse::<FicheFile>(name, text) {
            let source = Source { name, text };
            for section in fiche.circuit {
                circuits.extend(reader.circuit(source, &fiche.fiche.id, section, &kinds));
            }
        }
    }
    reader.unique(&circuits);
    match common {
        Some((zone, kinds, undeliverable)) if reader.faults.is_empty() => {
            Ok(Doctrine { hash: hash(files), zone, kinds, circuits, undeliverable })
        }
        _ => Err(DoctrineError(reader.faults)),
    }
}

fn hash(files: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (name, text) in files {
        for part in [name, text] {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
    }
    crate::hex(&hasher.finalize())
}

/// The file a fault is in.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn line(&self, offset: usize) -> usize {
        1 + self.text.get(..offset).unwrap_or(self.text).matches('\n').count()
    }
}

struct Reader<'a> {
    faults: Vec<String>,
    roles: &'a BTreeSet<RoleId>,
}

impl Reader<'_> {
    fn parse<T: DeserializeOwned>(&mut self, name: &str, text: &str) -> Option<T> {
        toml::from_str(text)
            .map_err(|error: toml::de::Error| {
                let offset = error.span().map_or(0, |span| span.start);
                let line = Source { name, text }.line(offset);
                self.faults.push(format!("{name}:{line}: {}", error.message().replace('\n', " ")));
            })
            .ok()
    }

    fn fault<T>(&mut self, source: Source<'_>, at: &Spanned<T>, what: impl std::fmt::Display) {
        self.faults.push(format!("{}:{}: {what}", source.name, source.line(at.span().start)));
    }

    fn role(&mut self, source: Source<'_>, role: &Spanned<String>) -> Option<RoleId> {
        let known = RoleId::new(role.get_ref().as_str()).ok().filter(|id| self.roles.contains(id));
        if known.is_none() {
            self.fault(source, role, format!("role `{}` is not in the directory's roles.toml", role.get_ref()));
        }
        known
    }

    fn roles(&mut self, source: Source<'_>, roles: &[Spanned<String>]) -> Vec<RoleId> {
        roles.iter().filter_map(|role| self.role(source, role)).collect()
    }

    fn audience(&mut self, source: Source<'_>, sections: &[AudienceSection]) -> Vec<Audience> {
        sections
            .iter()
            .filter_map(|a| Some(Audience { role: self.role(source, &a.role)?, place: a.place, rank: a.rank }))
            .collect()
    }

    fn common(&mut self, file: CommonFile, text: &str) -> Option<(TimeZone, BTreeMap<Kind, KindRule>, Undeliverable)> {
        let source = Source { name: COMMON_FILE, text };
        let zone = TimeZone::get(file.timezone.get_ref());
        if zone.is_err() {
            self.fault(
                source,
                &file.timezone,
                format!("`{}` is not a time zone: Europe/Paris", file.timezone.get_ref()),
            );
        }
        let mut kinds = BTreeMap::new();
        for (name, section) in file.kinds {
            match Kind::new(name.get_ref().as_str()) {
                Ok(kind) => {
                    let rule = self.kind(source, section);
                    kinds.insert(kind, rule);
                }
                Err(error) => self.fault(source, &name, error),
            }
        }
        let tell = self.audience(source, &file.undeliverable.tell);
        if file.undeliverable.tell.is_empty() || file.undeliverable.channels.is_empty() {
            self.faults.push(format!(
                "{COMMON_FILE}: [undeliverable] tells nobody: an alert that reaches nobody would go unnoticed"
            ));
        }
        Some((zone.ok()?, kinds, Undeliverable { tell, channels: file.undeliverable.channels }))
    }

    fn kind(&mut self, source: Source<'_>, section: KindSection) -> KindRule {
        let mut seen = BTreeSet::new();
        for fact in &section.facts {
            if !seen.insert(fact.code.get_ref().clone()) {
                self.fault(source, &fact.code, format!("fact `{}` is given twice", fact.code.get_ref()));
            }
        }
        KindRule {
            label: section.label,
            default_severity: section.default_severity,
            facts: section.facts.into_iter().map(|f| (f.code.into_inner(), f.label)).collect(),
            correlation: Correlation {
                radius_m: section.correlation.radius_m,
                window_min: section.correlation.window_min,
            },
            schools_within_m: section.schools_within_m,
            neighbours_within_m: section.neighbours_within_m,
        }
    }

    fn circuit(
        &mut self,
        source: Source<'_>,
        fiche: &str,
        section: CircuitSection,
        kinds: &BTreeSet<Kind>,
    ) -> Option<Circuit> {
        let kind = Kind::new(section.kind.get_ref().as_str()).ok().filter(|kind| kinds.contains(kind));
        if kind.is_none() {
            self.fault(
                source,
                &section.kind,
                format!("kind `{}` is not declared in {COMMON_FILE}", section.kind.get_ref()),
            );
        }
        if section.severities.get_ref().is_empty() {
            self.fault(source, &section.severities, "a circuit without a severity never applies");
        }
        if section.step.get_ref().is_empty() {
            self.fault(source, &section.step, "a circuit without a step tells nobody");
        }
        let raised_by = self.roles(source, &section.raised_by);
        let satisfied_by = match &section.satisfied_by {
            SatisfiedBySection::Anyone => SatisfiedBy::Anyone,
            SatisfiedBySection::AnyOf(roles) => SatisfiedBy::AnyOf(self.roles(source, roles)),
            SatisfiedBySection::AllOf(roles) => SatisfiedBy::AllOf(self.roles(source, roles)),
        };
        let mut steps = Vec::new();
        let mut seen = BTreeSet::new();
        for step in section.step.into_inner() {
            if !seen.insert(step.id.get_ref().clone()) {
                self.fault(source, &step.id, format!("step `{}` is given twice in this circuit", step.id.get_ref()));
            }
            steps.extend(self.step(source, step));
        }
        Some(Circuit {
            id: section.id.into_inner(),
            fiche: fiche.to_owned(),
            title: section.title,
            lines: section.lines,
            kind: kind?,
            severities: section.severities.into_inner(),
            when: section.when,
            raised_by,
            satisfied_by,
            steps,
        })
    }

    fn step(&mut self, source: Source<'_>, section: StepSection) -> Option<Step> {
        let due = match (section.after_min, &section.next_local) {
            (Some(minutes), None) => Some(Due::AfterMin(minutes)),
            (None, Some(times)) => self.times(source, times).map(Due::NextLocal),
            (None, None) | (Some(_), Some(_)) => {
                self.fault(source, &section.id, "a step has either after_min or next_local");
                None
            }
        };
        let tell = self.audience(source, section.tell.get_ref());
        if section.tell.get_ref().is_empty() {
            self.fault(source, &section.tell, "a step that tells nobody: remove it or give `tell`");
        }
        if section.channels.get_ref().is_empty() {
            self.fault(source, &section.channels, "a step without a channel reaches nobody");
        }
        Some(Step {
            id: section.id.into_inner(),
            due: due?,
            unless_acknowledged: section.unless.is_some(),
            expects: section.expects,
            tell,
            channels: section.channels.into_inner(),
            fallback: section.fallback,
            stale_after_min: section.stale_after_min,
            timing: section.timing,
        })
    }

    fn times(&mut self, source: Source<'_>, times: &Spanned<Vec<String>>) -> Option<Vec<Time>> {
        let read: Result<Vec<Time>, _> = times.get_ref().iter().map(|t| t.parse()).collect();
        match read {
            Ok(read) if !read.is_empty() => Some(read),
            Ok(_) => {
                self.fault(source, times, "next_local is empty: give times such as \"08:00\"");
                None
            }
            Err(error) => {
                self.fault(source, times, format!("a time of day is expected, such as \"08:00\": {error}"));
                None
            }
        }
    }

    fn unique(&mut self, circuits: &[Circuit]) {
        let mut seen: BTreeSet<(&str, Severity)> = BTreeSet::new();
        for circuit in circuits {
            for severity in &circuit.severities {
                if !seen.insert((&circuit.id, *severity)) {
                    self.faults.push(format!("circuit {} is declared twice for severity {severity}", circuit.id));
                }
            }
        }
    }
}
