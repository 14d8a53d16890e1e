//! One circuit of a fiche: its steps and what it says is owed.

use std::collections::BTreeSet;

use jiff::civil::Time;
use toml::Spanned;
use vigie_proto::{Kind, plan::SatisfiedBy};

use super::{
    super::{
        Circuit, Doctrine, Due, OwedRule, Step, Within,
        file::{
            AudienceSection, CircuitSection, DaySection, OwedSection, SatisfiedBySection, StepSection, UnlessSection,
        },
    },
    COMMON_FILE, Reader, Source,
};

/// Word for the raiser where a role could stand.
const RAISER: &str = "raiser";

impl Reader<'_> {
    pub(super) fn circuit(
        &mut self,
        source: Source<'_>,
        fiche: &str,
        section: CircuitSection,
        doctrine: &Doctrine,
    ) -> Circuit {
        let kinds: Vec<Kind> = section.kinds.iter().filter_map(|kind| self.kind_of(source, kind, doctrine)).collect();
        if section.kinds.is_empty() {
            self.fault(source, &section.id, "a circuit without a kind never applies");
        }
        if section.severities.get_ref().is_empty() || section.regimes.is_empty() {
            self.fault(source, &section.severities, "a circuit without a severity or a regime never applies");
        }
        if section.step.get_ref().is_empty() {
            self.fault(source, &section.step, "a circuit without a step tells nobody");
        }
        let raised_by = self.roles(source, &section.raised_by);
        let satisfied_by = self.satisfied_by(source, &section.satisfied_by);
        let mut owed: Vec<OwedRule> = Vec::new();
        for rule in section.owed {
            if owed.iter().any(|known| known.id == *rule.id.get_ref()) {
                self.fault(source, &rule.id, format!("`{}` is owed twice in this circuit", rule.id.get_ref()));
            }
            owed.extend(self.owed(source, rule, doctrine));
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut seen = BTreeSet::new();
        for (position, step) in section.step.into_inner().into_iter().enumerate() {
            if !seen.insert(step.id.get_ref().clone()) {
                self.fault(source, &step.id, format!("step `{}` is given twice in this circuit", step.id.get_ref()));
            }
            if position == 0 && step.after_last_min.is_some() {
                self.fault(source, &step.id, "after_last_min: there is no step before this one");
            }
            self.keeps_to_class(source, &step, &kinds, doctrine);
            steps.extend(self.step(source, step, &owed, doctrine));
        }
        let origin = source.origin(&section.id);
        Circuit {
            id: section.id.into_inner(),
            fiche: fiche.to_owned(),
            title: section.title,
            lines: section.lines,
            kinds,
            severities: section.severities.into_inner(),
            regimes: section.regimes,
            when: section.when,
            raised_by,
            satisfied_by,
            on_refusal: section.on_refusal,
            handover_within_min: section.handover_within_min,
            stale: section.stale,
            guidance: section.guidance,
            counts: self.known(source, section.counts, &doctrine.indicators, "indicator"),
            owed,
            steps,
            origin,
        }
    }

    /// No channel and nobody that the class of one of the kinds does not allow.
    fn keeps_to_class(&mut self, source: Source<'_>, step: &StepSection, kinds: &[Kind], doctrine: &Doctrine) {
        for (kind, class) in kinds.iter().filter_map(|kind| Some((kind, doctrine.class_of(kind)?))) {
            let label = &class.label;
            let mut used = step.channels.get_ref().iter().chain(&step.fallback);
            if let Some(channel) = used.find(|channel| !class.channels.contains(channel)) {
                let what = format!("{kind} is of class « {label} », which does not leave by {channel}");
                self.fault(source, &step.channels, what);
            }
            for role in step.tell.get_ref().iter().flat_map(AudienceSection::roles) {
                if !class.roles.is_empty() && !class.roles.iter().any(|known| known.as_str() == role.get_ref()) {
                    let what = format!("{kind} is of class « {label} », which `{}` is not told of", role.get_ref());
                    self.fault(source, role, what);
                }
            }
        }
    }

    pub(super) fn kind_of(&mut self, source: Source<'_>, kind: &Spanned<String>, doctrine: &Doctrine) -> Option<Kind> {
        let known = Kind::new(kind.get_ref().as_str()).ok().filter(|known| doctrine.kinds.contains_key(known));
        if known.is_none() {
            self.fault(source, kind, format!("kind `{}` is not declared in {COMMON_FILE}", kind.get_ref()));
        }
        known
    }

    fn satisfied_by(&mut self, source: Source<'_>, section: &SatisfiedBySection) -> SatisfiedBy {
        match section {
            SatisfiedBySection::Anyone => SatisfiedBy::Anyone,
            SatisfiedBySection::EachAsked => SatisfiedBy::EachAsked,
            SatisfiedBySection::AnyOf(roles) => SatisfiedBy::AnyOf(self.roles(source, roles)),
            SatisfiedBySection::AllOf(roles) => SatisfiedBy::AllOf(self.roles(source, roles)),
            SatisfiedBySection::AtLeast(section) => {
                if *section.count.get_ref() < 1 {
                    self.fault(source, &section.count, "at least one body must take charge: count = 1 or more");
                }
                SatisfiedBy::AtLeast { count: *section.count.get_ref(), of: self.roles(source, &section.of) }
            }
        }
    }

    fn owed(&mut self, source: Source<'_>, section: OwedSection, doctrine: &Doctrine) -> Option<OwedRule> {
        let within = match (section.within_min, section.within_days) {
            (Some(minutes), None) => Some(Within::Minutes(minutes)),
            (None, Some(days)) => Some(Within::Days(days)),
            (None, None) | (Some(_), Some(_)) => {
                self.fault(source, &section.id, "what is owed has either within_min or within_days");
                None
            }
        };
        if section.from_closing && section.blocks_closing {
            self.fault(source, &section.id, "what is owed from the closing cannot hold the closing back");
        }
        if section.repeat.is_some() && (section.from_closing || section.within_days.is_some()) {
            self.fault(source, &section.id, "what is owed again and again has within_min and counts from the opening");
        }
        let to = if section.to.get_ref() == RAISER { None } else { Some(self.role(source, &section.to)?) };
        Some(OwedRule {
            id: section.id.into_inner(),
            what: section.what,
            lines: section.lines,
            by: self.audience(source, &section.by, doctrine)?,
            to,
            within: within?,
            repeat: section.repeat,
            from_closing: section.from_closing,
            blocks_closing: section.blocks_closing,
            may_be_unknown: section.may_be_unknown,
            timing: section.timing,
        })
    }

    fn step(
        &mut self,
        source: Source<'_>,
        section: StepSection,
        owed: &[OwedRule],
        doctrine: &Doctrine,
    ) -> Option<Step> {
        let due = self.due(source, &section, owed);
        let tell = self.audiences(source, section.tell.get_ref(), doctrine);
        if section.tell.get_ref().is_empty() {
            self.fault(source, &section.tell, "a step that tells nobody: remove it or give `tell`");
        }
        if section.channels.get_ref().is_empty() {
            self.fault(source, &section.channels, "a step without a channel reaches nobody");
        }
        let (unless_acknowledged, unless_returned) = match &section.unless {
            None => (false, None),
            Some(UnlessSection::Acknowledged) => (true, None),
            Some(UnlessSection::Returned(id)) => {
                self.is_owed(source, id, owed);
                (false, Some(id.get_ref().clone()))
            }
        };
        self.one_repetition(source, &section, owed);
        let origin = source.origin(&section.id);
        let after_closing = matches!(due, Some(Due::AfterClosingMin(_) | Due::AfterClosingDay { .. }));
        Some(Step {
            id: section.id.into_inner(),
            due: due?,
            repeat: section.repeat,
            unless_acknowledged,
            unless_returned,
            survives_closing: section.survives_closing || after_closing,
            expects: section.expects,
            tell,
            channels: section.channels.into_inner(),
            fallback: section.fallback,
            stale_after_min: section.stale_after_min,
            timing: section.timing,
            origin,
        })
    }

    /// A step that follows what is owed again and again comes with each; it has no rhythm of its own.
    fn one_repetition(&mut self, source: Source<'_>, section: &StepSection, owed: &[OwedRule]) {
        let repeated = |id: &str| owed.iter().any(|rule| rule.id == id && rule.repeat.is_some());
        let follows = section.after_owed.as_ref().map(|after| after.id.get_ref().as_str());
        let until = match &section.unless {
            Some(UnlessSection::Returned(id)) => Some(id.get_ref().as_str()),
            Some(UnlessSection::Acknowledged) | None => None,
        };
        if follows.is_some_and(repeated) {
            if section.repeat.is_some() || until.is_some_and(|id| Some(id) != follows) {
                let what = "a step after what is owed again and again has no `repeat` and stops for that only";
                self.fault(source, &section.id, what);
            }
        } else if until.is_some_and(repeated) {
            let what = "a step that stops when something owed again and again is given counts from it: after_owed";
            self.fault(source, &section.id, what);
        }
    }

    fn is_owed(&mut self, source: Source<'_>, id: &Spanned<String>, owed: &[OwedRule]) {
        if !owed.iter().any(|rule| rule.id == *id.get_ref()) {
            self.fault(source, id, format!("nothing called `{}` is owed in this circuit", id.get_ref()));
        }
    }

    fn due(&mut self, source: Source<'_>, section: &StepSection, owed: &[OwedRule]) -> Option<Due> {
        let mut given: Vec<Option<Due>> = Vec::new();
        given.extend(section.after_min.map(|min| Some(Due::AfterMin(min))));
        given.extend(section.after_last_min.map(|min| Some(Due::AfterLastMin(min))));
        given.extend(section.next_local.as_ref().map(|times| self.times(source, times).map(Due::NextLocal)));
        given.extend(section.before_expected_min.map(|min| Some(Due::BeforeExpectedMin(min))));
        given.extend(section.after_expected_min.map(|min| Some(Due::AfterExpectedMin(min))));
        given.extend(section.on_day.as_ref().map(|day| self.day(source, day).map(|(day, at)| Due::OnDay { day, at })));
        given.extend(section.after_owed.as_ref().map(|after| {
            self.is_owed(source, &after.id, owed);
            Some(Due::AfterOwedMin { owed: after.id.get_ref().clone(), min: after.min })
        }));
        given.extend(
            section
                .after_acknowledgement
                .as_ref()
                .map(|after| Some(Due::AfterAcknowledgement { by: self.roles(source, &after.by), min: after.min })),
        );
        given.extend(section.after_closing_min.map(|min| Some(Due::AfterClosingMin(min))));
        given.extend(
            section
                .after_closing
                .as_ref()
                .map(|day| self.day(source, day).map(|(day, at)| Due::AfterClosingDay { day, at })),
        );
        if given.len() == 1 {
            return given.pop().flatten();
        }
        self.fault(
            source,
            &section.id,
            "a step has exactly one of after_min, after_last_min, next_local, before_expected_min, after_expected_min, \
             on_day, after_owed, after_acknowledgement, after_closing_min, after_closing",
        );
        None
    }

    fn day(&mut self, source: Source<'_>, section: &DaySection) -> Option<(u32, Time)> {
        let at = section.at.get_ref().parse();
        if at.is_err() {
            self.fault(source, &section.at, "a time of day is expected, such as \"09:00\"");
        }
        Some((section.day, at.ok()?))
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
}
