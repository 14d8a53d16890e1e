//! Reads the doctrine's files whole, or lists every fault at once with file and line.

mod circuit;
mod common;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use toml::Spanned;
use vigie_proto::{CrisisRegime, Kind, RoleId, Severity};

use super::{
    Audience, CountedCircuit, Doctrine, Fiche, Never, Origin, Outside, OutsideCircuit,
    file::{AudienceSection, CommonFile, FicheFile, OutsideHoursSection},
};

/// The file that holds for every fiche; all others are fiches.
pub(crate) const COMMON_FILE: &str = "doctrine.toml";

/// Every fault of a doctrine, each with its file and line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the doctrine has {} faults:\n{}", .0.len(), .0.join("\n"))]
pub struct DoctrineError(pub Vec<String>);

/// Reads a doctrine from its files (name and text); `roles` are those the directory knows.
pub fn read(files: &BTreeMap<String, String>, roles: &BTreeSet<RoleId>) -> Result<Doctrine, DoctrineError> {
    let mut reader = Reader { faults: Vec::new(), roles };
    let common = if let Some(text) = files.get(COMMON_FILE) {
        reader
            .parse::<CommonFile>(COMMON_FILE, text)
            .and_then(|common| reader.common(common, Source { name: COMMON_FILE, text }))
    } else {
        reader.faults.push(format!("{COMMON_FILE}: missing; it declares the kinds"));
        None
    };
    let Some(common) = common else { return Err(DoctrineError(reader.faults)) };
    let mut doctrine = common.into_doctrine(hash(files));
    for (name, text) in files.iter().filter(|(name, _)| name.as_str() != COMMON_FILE) {
        if let Some(file) = reader.parse::<FicheFile>(name, text) {
            reader.fiche(Source { name, text }, file, &mut doctrine);
        }
    }
    reader.unique(&doctrine);
    reader.complete(&doctrine);
    if reader.faults.is_empty() { Ok(doctrine) } else { Err(DoctrineError(reader.faults)) }
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

    fn origin<T>(&self, at: &Spanned<T>) -> Origin {
        Origin { file: self.name.to_owned(), line: self.line(at.span().start) }
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
        self.faults.push(format!("{}: {what}", source.origin(at)));
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

    /// Those of `names` that `known` holds; a fault for each other one, called a `what`.
    fn known<T>(
        &mut self,
        source: Source<'_>,
        names: Vec<Spanned<String>>,
        known: &BTreeMap<String, T>,
        what: &str,
    ) -> Vec<String> {
        for name in &names {
            if !known.contains_key(name.get_ref()) {
                self.fault(source, name, format!("{what} `{}` is not declared in {COMMON_FILE}", name.get_ref()));
            }
        }
        names.into_iter().map(Spanned::into_inner).collect()
    }

    fn audiences(&mut self, source: Source<'_>, sections: &[AudienceSection], doctrine: &Doctrine) -> Vec<Audience> {
        sections.iter().filter_map(|section| self.audience(source, section, doctrine)).collect()
    }

    fn audience(&mut self, source: Source<'_>, section: &AudienceSection, doctrine: &Doctrine) -> Option<Audience> {
        for never in &doctrine.never {
            if never.tell.contains(section.role.get_ref()) {
                let Never { lines, because, .. } = never;
                self.fault(
                    source,
                    &section.role,
                    format!("`{}` is never told: {because} (contract, lines {lines})", section.role.get_ref()),
                );
            }
        }
        if let Some(hours) = &section.hours
            && !doctrine.windows.contains_key(hours.get_ref())
        {
            self.fault(source, hours, format!("window `{}` is not declared in {COMMON_FILE}", hours.get_ref()));
        }
        if section.hours.is_none() && section.outside.is_some() {
            self.fault(source, &section.role, "`outside` means something only with `hours`");
        }
        if section.hours.is_some() && section.outside.is_none() {
            self.fault(
                source,
                &section.role,
                "say what happens outside the hours: outside = \"skip\", \"wait\" or { tell = [...] }",
            );
        }
        let outside = match &section.outside {
            None | Some(OutsideHoursSection::Skip) => Outside::Skip,
            Some(OutsideHoursSection::Wait) => Outside::Wait,
            Some(OutsideHoursSection::Tell(sections)) => Outside::Tell(self.audiences(source, sections, doctrine)),
        };
        Some(Audience {
            role: self.role(source, &section.role)?,
            place: section.place,
            rank: section.rank,
            hours: section.hours.as_ref().map(|hours| hours.get_ref().clone()),
            outside,
        })
    }

    fn fiche(&mut self, source: Source<'_>, file: FicheFile, doctrine: &mut Doctrine) {
        let origin = source.origin(&file.fiche);
        let section = file.fiche.into_inner();
        if doctrine.fiches.iter().any(|known| known.id == section.id) {
            self.faults.push(format!("{origin}: fiche {} has two files", section.id));
        }
        for circuit in file.circuit {
            let circuit = self.circuit(source, &section.id, circuit, doctrine);
            doctrine.circuits.push(circuit);
        }
        for counted in file.counted {
            let origin = source.origin(&counted.id);
            doctrine.counted.push(CountedCircuit {
                fiche: section.id.clone(),
                indicators: self.known(source, counted.indicators, &doctrine.indicators, "indicator"),
                by: self.roles(source, &counted.by),
                id: counted.id.into_inner(),
                title: counted.title,
                lines: counted.lines,
                reason: counted.reason,
                origin,
            });
        }
        for outside in file.outside {
            let origin = source.origin(&outside.id);
            doctrine.outside.push(OutsideCircuit {
                fiche: section.id.clone(),
                id: outside.id.into_inner(),
                title: outside.title,
                lines: outside.lines,
                reason: outside.reason,
                origin,
            });
        }
        if let Some(crisis) = file.crisis {
            self.crisis(source, crisis, doctrine);
        }
        doctrine.fiches.push(Fiche {
            id: section.id,
            title: section.title,
            lines: section.lines,
            circuits: section.circuits,
            origin,
        });
    }

    /// How a crisis is conducted: said by one fiche only.
    fn crisis(&mut self, source: Source<'_>, crisis: Spanned<crate::doctrine::crises::Rules>, doctrine: &mut Doctrine) {
        for fault in crisis.get_ref().faults(self.roles, &doctrine.never) {
            self.fault(source, &crisis, fault);
        }
        if doctrine.crisis.is_some() {
            self.fault(source, &crisis, "another fiche has a [crisis] section already");
        }
        doctrine.crisis = Some(crisis.into_inner());
    }

    /// No circuit twice for one kind, severity and regime, or its acknowledgements would be ambiguous.
    fn unique(&mut self, doctrine: &Doctrine) {
        let mut seen: BTreeSet<(&str, &Kind, Severity, CrisisRegime)> = BTreeSet::new();
        for circuit in &doctrine.circuits {
            let twice = circuit.kinds.iter().flat_map(|kind| {
                let pairs = circuit.severities.iter().flat_map(|s| circuit.regimes.iter().map(move |r| (*s, *r)));
                pairs.map(move |(severity, regime)| (circuit.id.as_str(), kind, severity, regime))
            });
            let twice = twice.filter(|key| !seen.insert(*key)).min();
            if let Some((id, kind, severity, _)) = twice {
                self.faults.push(format!("{}: circuit {id} is declared twice for {kind}, {severity}", circuit.origin));
            }
        }
    }

    /// Every fiche has its file, every circuit of a fiche a verdict, and what a crisis settles is owed by a circuit.
    fn complete(&mut self, doctrine: &Doctrine) {
        let settled = doctrine.crisis.iter().flat_map(|rules| rules.report.settles.iter().chain(&rules.retex.settles));
        for id in settled {
            let owes =
                |circuit: &super::Circuit| circuit.owed.iter().any(|owed| format!("{}/{}", circuit.id, owed.id) == *id);
            if !doctrine.circuits.iter().any(owes) {
                self.faults.push(format!("[crisis]: `{id}` in `settles` is owed by no circuit"));
            }
        }
        for id in &doctrine.expected_fiches {
            if !doctrine.fiches.iter().any(|fiche| fiche.id == *id) {
                self.faults.push(format!("{COMMON_FILE}: fiche {id} has no file"));
            }
        }
        for fiche in &doctrine.fiches {
            if !doctrine.expected_fiches.is_empty() && !doctrine.expected_fiches.contains(&fiche.id) {
                self.faults.push(format!("{}: fiche {} is not in `fiches` of {COMMON_FILE}", fiche.origin, fiche.id));
            }
            if fiche.circuits.is_empty() {
                continue;
            }
            let of = |id: &str| id == fiche.id;
            let given: Vec<(&str, &Origin)> = doctrine
                .circuits
                .iter()
                .filter(|c| of(&c.fiche))
                .map(|c| (c.id.as_str(), &c.origin))
                .chain(doctrine.counted.iter().filter(|c| of(&c.fiche)).map(|c| (c.id.as_str(), &c.origin)))
                .chain(doctrine.outside.iter().filter(|c| of(&c.fiche)).map(|c| (c.id.as_str(), &c.origin)))
                .collect();
            for id in &fiche.circuits {
                if !given.iter().any(|(known, _)| known == id) {
                    self.faults.push(format!(
                        "{}: circuit {id} has no verdict: write it as [[circuit]], [[counted]] or [[outside]]",
                        fiche.origin
                    ));
                }
            }
            for (id, origin) in given {
                if !fiche.circuits.iter().any(|known| known == id) {
                    self.faults.push(format!("{origin}: circuit {id} is not in `circuits` of its fiche"));
                }
            }
        }
    }
}
