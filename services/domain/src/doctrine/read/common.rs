//! `doctrine.toml`: what holds for every fiche.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{civil::Time, tz::TimeZone};
use toml::Spanned;
use vigie_proto::{Kind, Severity};

use super::{
    super::{
        Accumulation, Accuracy, Calendar, Class, Correlation, Doctrine, EmergencyNumber, FactRule, Indicator, KindRule,
        Medium, Never, NewsRule, Reading, ReadingRule, Retaliation, Undeliverable, Window,
        file::{CalendarSection, CommonFile, KindSection, NeverSection, NewsSection, ReadingSection, WindowSection},
    },
    COMMON_FILE, Reader, Source,
};

/// The common file, read.
pub(super) struct Common(Doctrine);

impl Common {
    /// A doctrine without fiches yet, of hash `hash`.
    pub(super) fn into_doctrine(self, hash: String) -> Doctrine {
        Doctrine { hash, ..self.0 }
    }
}

impl Reader<'_> {
    pub(super) fn common(&mut self, file: CommonFile, source: Source<'_>) -> Option<Common> {
        let zone = TimeZone::get(file.timezone.get_ref());
        if zone.is_err() {
            let what = format!("`{}` is not a time zone: Europe/Paris", file.timezone.get_ref());
            self.fault(source, &file.timezone, what);
        }
        let mut doctrine = Doctrine {
            hash: String::new(),
            zone: zone.ok()?,
            kinds: BTreeMap::new(),
            circuits: Vec::new(),
            undeliverable: Undeliverable { tell: Vec::new(), channels: Vec::new() },
            accuracy: self.accuracy(source, file.accuracy),
            thread: file.thread,
            windows: self.windows(source, file.windows),
            calendar: self.calendar(source, file.calendar),
            classes: BTreeMap::new(),
            reads: Vec::new(),
            news: Vec::new(),
            indicators: file
                .indicators
                .into_iter()
                .map(|(id, section)| (id, Indicator { label: section.label, lines: section.lines }))
                .collect(),
            emergency: self.emergency(file.emergency),
            expected_fiches: file.fiches,
            fiches: Vec::new(),
            counted: Vec::new(),
            outside: Vec::new(),
            never: file.never.into_iter().map(never).collect(),
            crisis: None,
        };
        for (name, section) in file.classes {
            let roles = self.roles(source, &section.roles);
            if section.channels.is_empty() {
                self.faults.push(format!("{COMMON_FILE}: class `{name}` may leave by no channel"));
            }
            let undeliverable = self.audiences(source, &section.undeliverable, &doctrine);
            let class = Class {
                undeliverable,
                label: section.label,
                channels: section.channels,
                roles,
                retention_days: section.retention_days,
            };
            doctrine.classes.insert(name, class);
        }
        doctrine.reads = self.reads(source, file.reads, &doctrine);
        for (name, section) in file.kinds {
            match Kind::new(name.get_ref().as_str()) {
                Ok(kind) => {
                    let rule = self.kind(source, &name, section, &doctrine);
                    doctrine.kinds.insert(kind, rule);
                }
                Err(error) => self.fault(source, &name, error),
            }
        }
        for section in file.news {
            let rule = self.news(source, section, &doctrine);
            doctrine.news.push(rule);
        }
        let tell = self.audiences(source, &file.undeliverable.tell, &doctrine);
        if file.undeliverable.tell.is_empty() || file.undeliverable.channels.is_empty() {
            self.faults.push(format!(
                "{COMMON_FILE}: [undeliverable] tells nobody: an alert that reaches nobody would go unnoticed"
            ));
        }
        doctrine.undeliverable = Undeliverable { tell, channels: file.undeliverable.channels };
        Some(Common(doctrine))
    }

    /// Who is told when something is new.
    fn news(&mut self, source: Source<'_>, section: NewsSection, doctrine: &Doctrine) -> NewsRule {
        let origin = source.origin(&section.id);
        if doctrine.news.iter().any(|known| known.id == *section.id.get_ref()) {
            self.fault(source, &section.id, format!("news `{}` is given twice", section.id.get_ref()));
        }
        if section.on.is_empty() || (section.tell.is_empty() && section.groups.is_empty()) {
            self.fault(source, &section.id, "news need `on`, and `tell` or `groups`: otherwise they reach nobody");
        }
        if section.channels.get_ref().is_empty() {
            self.fault(source, &section.channels, "news without a channel reach nobody");
        }
        if !(1..=1440).contains(section.every_min.get_ref()) {
            self.fault(source, &section.every_min, "every_min is from 1 to 1440: how often at most this is told");
        }
        let kinds = section.kinds.iter().filter_map(|kind| self.kind_of(source, kind, doctrine)).collect();
        NewsRule {
            id: section.id.into_inner(),
            on: section.on,
            kinds,
            severities: section.severities.unwrap_or_else(|| Severity::ALL.to_vec()),
            tell: self.audiences(source, &section.tell, doctrine),
            groups: section.groups,
            channels: section.channels.into_inner(),
            fallback: section.fallback,
            every_min: section.every_min.into_inner(),
            origin,
        }
    }

    /// Who reads how much. The last rule holds for all, so that nobody is forgotten.
    fn reads(
        &mut self,
        source: Source<'_>,
        sections: Vec<Spanned<ReadingSection>>,
        doctrine: &Doctrine,
    ) -> Vec<ReadingRule> {
        let mut rules: Vec<ReadingRule> = Vec::with_capacity(sections.len());
        for section in sections {
            let origin = source.origin(&section);
            if rules.last().is_some_and(ReadingRule::is_last) {
                self.fault(source, &section, "the rule before this one holds for all: this one decides nothing");
            }
            let ReadingSection { who, roles, classes, on, place, facts, number, announced, words } = section.get_ref();
            for class in classes.iter().filter(|class| !doctrine.classes.contains_key(class.get_ref())) {
                self.fault(source, class, format!("class `{}` is not declared under [classes]", class.get_ref()));
            }
            let leaves = on.iter().any(|medium| matches!(medium, Medium::Email | Medium::Sms));
            if *words && (leaves || on.is_empty()) {
                self.fault(
                    source,
                    &section,
                    "words are read on `link` or `screen` only: no message carries what people wrote",
                );
            }
            rules.push(ReadingRule {
                who: *who,
                roles: self.roles(source, roles),
                classes: classes.iter().map(|class| class.get_ref().clone()).collect(),
                on: on.clone(),
                gives: Reading { place: *place, facts: *facts, number: *number, announced: *announced, words: *words },
                origin,
            });
        }
        if let Some(last) = rules.last().filter(|last| !last.is_last()) {
            self.faults.push(format!(
                "{}: the last of [[reads]] must hold for all: leave out `who`, `roles`, `classes` and `on`",
                last.origin
            ));
        }
        rules
    }

    fn emergency(&mut self, numbers: Vec<EmergencyNumber>) -> Vec<EmergencyNumber> {
        for EmergencyNumber { number, label } in &numbers {
            if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) || label.is_empty() {
                self.faults.push(format!("{COMMON_FILE}: emergency number `{number}` needs digits and a label"));
            }
        }
        numbers
    }

    fn accuracy(&mut self, source: Source<'_>, section: Option<Spanned<Accuracy>>) -> Accuracy {
        let Some(section) = section else { return Accuracy::default() };
        let stranger = section.get_ref().roles.keys().find(|role| !self.roles.contains(*role)).cloned();
        if let Some(role) = stranger {
            self.fault(source, &section, format!("role `{role}` is not in roles.toml"));
        }
        section.into_inner()
    }

    fn calendar(&mut self, source: Source<'_>, section: CalendarSection) -> Calendar {
        for holiday in &section.school_holidays {
            if holiday.until < *holiday.from.get_ref() {
                self.fault(source, &holiday.from, "a school holiday ends before it begins");
            }
        }
        Calendar {
            public_holidays: section.public_holidays.into_iter().collect(),
            school_holidays: section.school_holidays.into_iter().map(|h| (h.from.into_inner(), h.until)).collect(),
        }
    }

    fn windows(&mut self, source: Source<'_>, sections: BTreeMap<String, WindowSection>) -> BTreeMap<String, Window> {
        let mut windows = BTreeMap::new();
        for (name, section) in sections {
            let hours: Option<Vec<(Time, Time)>> = section.hours.get_ref().iter().map(|text| hours(text)).collect();
            match hours {
                Some(hours) if !hours.is_empty() => {
                    let window = Window { label: section.label, lines: section.lines, hours, not_on: section.not_on };
                    windows.insert(name, window);
                }
                _ => self.fault(source, &section.hours, "hours are written [\"16:30-04:30\"]"),
            }
        }
        windows
    }

    fn kind(
        &mut self,
        source: Source<'_>,
        name: &Spanned<String>,
        section: KindSection,
        doctrine: &Doctrine,
    ) -> KindRule {
        let mut seen = BTreeSet::new();
        for fact in &section.facts {
            let code = fact.code.get_ref();
            if !seen.insert(code.clone()) {
                self.fault(source, &fact.code, format!("fact `{code}` is given twice"));
            }
            if let Some(never) = doctrine.never.iter().find(|never| never.collect.contains(code)) {
                let Never { lines, because, .. } = never;
                let what = format!("`{code}` is never collected: {because} (contract, lines {lines})");
                self.fault(source, &fact.code, what);
            }
        }
        for code in &section.one_fact_of {
            if !seen.contains(code.get_ref()) {
                self.fault(source, code, format!("`{}` is not a fact of this kind", code.get_ref()));
            }
        }
        if let Some(class) = &section.class
            && !doctrine.classes.contains_key(class.get_ref())
        {
            self.fault(source, class, format!("class `{}` is not declared under [classes]", class.get_ref()));
        }
        if let Some(rule) = &section.accumulation {
            let text = rule.get_ref();
            if text.count < 2 || text.within_days < 1 || text.becomes <= text.severity {
                self.fault(source, rule, "accumulation: count at least 2, within_days at least 1, becomes graver");
            }
        }
        if let Some(rule) = &section.retaliation {
            let text = rule.get_ref();
            if text.after.is_empty() || text.days < 1 || text.after.iter().any(|after| *after < text.becomes) {
                self.fault(source, rule, "retaliation: after at least as grave as becomes, days at least 1");
            }
        }
        KindRule {
            label: section.label,
            pictogram: section.pictogram,
            default_severity: section.default_severity,
            facts: section
                .facts
                .into_iter()
                .map(|f| FactRule { code: f.code.into_inner(), label: f.label, shown: f.shown, alarms: f.alarms })
                .collect(),
            one_fact_of: section.one_fact_of.into_iter().map(Spanned::into_inner).collect(),
            correlation: Correlation {
                radius_m: section.correlation.radius_m,
                window_min: section.correlation.window_min,
            },
            schools_within_m: section.schools_within_m,
            neighbours_within_m: section.neighbours_within_m,
            class: section.class.map(Spanned::into_inner),
            manned_within_min: section.manned_within_min,
            accumulation: section.accumulation.map(|rule| {
                let rule = rule.into_inner();
                Accumulation {
                    severity: rule.severity,
                    count: rule.count,
                    within_days: rule.within_days,
                    radius_m: rule.radius_m,
                    becomes: rule.becomes,
                }
            }),
            retaliation: section.retaliation.map(|rule| {
                let rule = rule.into_inner();
                Retaliation { after: rule.after, days: rule.days, radius_m: rule.radius_m, becomes: rule.becomes }
            }),
            origin: source.origin(name),
        }
    }
}

fn never(section: NeverSection) -> Never {
    Never { lines: section.lines, because: section.because, tell: section.tell, collect: section.collect }
}

/// `16:30-04:30`
fn hours(text: &str) -> Option<(Time, Time)> {
    let (opens, closes) = text.split_once('-')?;
    Some((opens.trim().parse().ok()?, closes.trim().parse().ok()?))
}
