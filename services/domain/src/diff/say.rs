//! Changes in words, for a terminal: one sentence each.

use std::fmt::{Display, Formatter, Result};

use vigie_proto::{Channel, CrisisRegime, Severity, plan::Rank};

use super::{
    Change, CircuitRule, Differences, Hours, Place, PlanChange, Reach, RuleChange, TermChange, Terms, Topic, Who,
};
use crate::doctrine::{
    AudiencePlace,
    words::{channels, clock, expects, kebab, minutes, name, rank},
};

impl Display for Differences {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_empty() {
            return write!(f, "Nothing changes for anybody.");
        }
        let plans = self.plans.iter().map(ToString::to_string);
        let rules = self.rules.iter().map(ToString::to_string);
        write!(f, "{}", plans.chain(rules).collect::<Vec<_>>().join("\n"))
    }
}

impl Display for PlanChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let who = self.who.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let steps = if self.steps.is_empty() { String::new() } else { format!(", {}", self.steps.join(", ")) };
        let one = matches!(self.who.as_slice(), [only] if only.bodies.len() <= 1);
        let (is, was) = if one { ("is", "was") } else { ("are", "were") };
        let what = match &self.change {
            Change::NewlyTold { terms, also } => {
                let before = if *also { String::new() } else { format!(", and {was} not told at all before") };
                format!("{who} {is} newly told {terms}{before}")
            }
            Change::NoLongerTold { terms, also } => {
                let left = if *also { ", and still told otherwise" } else { ", and not told at all any more" };
                format!("{who} {is} no longer told {terms}{left}")
            }
            Change::ToldOtherwise { changes } => {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                format!("{who} {is} told {}", changes.join("; "))
            }
            Change::Circuit { rule, before, after } => {
                format!("{}: {}", rule.words(), turned(before.as_ref(), after.as_ref()))
            }
            Change::Owed { id, before, after } => format!("owed `{id}`: {}", turned(before.as_ref(), after.as_ref())),
        };
        write!(f, "{}: {what} ({}{steps})", self.place, self.circuit)
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let kinds: Vec<&str> = self.kinds.iter().map(vigie_proto::Kind::as_str).collect();
        write!(f, "{}, ", kinds.join(" or "))?;
        if self.severities.len() == Severity::ALL.len() {
            write!(f, "any severity")?;
        } else {
            write!(f, "{}", self.severities.iter().map(|s| s.code()).collect::<Vec<_>>().join(" or "))?;
        }
        if self.regimes.len() < CrisisRegime::ALL.len() {
            let regimes: Vec<&str> = self.regimes.iter().map(|regime| regime.code()).collect();
            write!(f, ", under the regime {}", regimes.join(" or "))?;
        }
        match self.sectors.as_slice() {
            _ if self.everywhere => Ok(()),
            [] => write!(f, ", nowhere"),
            [only] => write!(f, ", in {only}"),
            [first, other] => write!(f, ", in {first} and {other}"),
            [first, others @ ..] => write!(f, ", in {first} and {} other sectors", others.len()),
        }
    }
}

impl Display for Who {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let of = match self.place {
            AudiencePlace::City | AudiencePlace::Sector => "",
            AudiencePlace::Neighbours => " of the sectors around",
            AudiencePlace::School => " of the school",
            AudiencePlace::SchoolsAround => " of the schools around",
            AudiencePlace::Raiser => " that raised it",
        };
        let many = if self.bodies.len() > 1 { format!(", {} bodies", self.bodies.len()) } else { String::new() };
        write!(f, "{}{of} (role {}{many})", self.name, self.role)
    }
}

impl Display for Terms {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} by {}", self.when, channels(&self.channels))?;
        if !self.fallback.is_empty() {
            write!(f, ", failing that {}", channels(&self.fallback))?;
        }
        if self.rank != Rank::First {
            write!(f, ", {}", rank(self.rank))?;
        }
        if self.unless_acknowledged {
            write!(f, ", unless somebody has taken charge")?;
        }
        if let Some(what) = &self.unless_returned {
            write!(f, ", unless « {what} » was given")?;
        }
        self.hours.as_ref().map_or(Ok(()), |hours| write!(f, ", {hours}"))
    }
}

impl Display for TermChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::When { before, after } => write!(f, "{after} instead of {before}"),
            Self::Rank { before, after } => write!(f, "{} instead of {}", rank(*after), rank(*before)),
            Self::Channels { before, after } => write!(f, "{}", moved(before, after, "by ")),
            Self::Fallback { before, after } => write!(f, "{}", moved(before, after, "failing that by ")),
            Self::Expects { after, .. } => f.write_str(expects(*after)),
            Self::UnlessAcknowledged { after: true, .. } => write!(f, "unless somebody has taken charge"),
            Self::UnlessAcknowledged { after: false, .. } => write!(f, "also when somebody has taken charge"),
            Self::UnlessReturned { before, after } => {
                write!(f, "unless what is owed was given: {}", turned(before.as_ref(), after.as_ref()))
            }
            Self::SurvivesClosing { after: true, .. } => write!(f, "also after the closing"),
            Self::SurvivesClosing { after: false, .. } => write!(f, "no more after the closing"),
            Self::StaleAfter { before, after } => {
                write!(f, "until {} too late instead of {}", minutes(*after), minutes(*before))
            }
            Self::Hours { before, after } => {
                let words =
                    |hours: &Option<Hours>| hours.as_ref().map_or_else(|| "at any hour".into(), Hours::to_string);
                write!(f, "{} instead of {}", words(after), words(before))
            }
            Self::Reach { before, after } => write!(f, "{}", reached(before, after)),
        }
    }
}

impl Display for Hours {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let spans: Vec<String> =
            self.hours.iter().map(|(from, until)| format!("{}-{}", clock(*from), clock(*until))).collect();
        write!(f, "{} {}", if self.inside { "within" } else { "instead of others outside" }, spans.join(" and "))?;
        if !self.not_on.is_empty() {
            let days: Vec<String> = self.not_on.iter().map(|day| kebab(&format!("{day:?}"))).collect();
            write!(f, " but on a {}", days.join(" or "))?;
        }
        if self.inside && self.waits { write!(f, ", else at their beginning") } else { Ok(()) }
    }
}

impl Display for RuleChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let part = self.part.map(|part| format!(", {part}")).unwrap_or_default();
        write!(f, "{} {}{part}: {}", self.of.words(), self.id, turned(self.before.as_ref(), self.after.as_ref()))
    }
}

impl CircuitRule {
    fn words(self) -> &'static str {
        match self {
            Self::For => "only for",
            Self::SatisfiedBy => "who must take charge",
            Self::OnRefusal => "after a refusal",
            Self::HandoverWithin => "time to take a hand-over up",
            Self::Stale => "how long taking charge stands",
            Self::Guidance => "kept in mind",
            Self::Counts => "counts in",
        }
    }
}

impl Topic {
    fn words(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Circuit => "circuit",
            Self::Counted => "counted circuit",
            Self::Outside => "circuit that is not Vigie's",
            Self::Fiche => "fiche",
            Self::Indicator => "indicator",
            Self::Window => "window",
            Self::Class => "class",
            Self::Calendar => "calendar",
            Self::Never => "what may never be, lines",
            Self::Emergency => "emergency number",
            Self::Accuracy => "how exactly a place is known",
            Self::Thread => "the thread of an event,",
            Self::Reads => "what is read by",
            Self::Undeliverable => "who learns of a failure",
            Self::Crisis => "crises,",
            Self::Role => "role",
            Self::Body => "body",
        }
    }
}

fn turned(before: Option<&String>, after: Option<&String>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{after}, instead of {before}"),
        (None, Some(after)) => format!("{after}, which is new"),
        (Some(before), None) => format!("no longer {before}"),
        (None, None) => "nothing".to_owned(),
    }
}

fn moved(before: &[Channel], after: &[Channel], by: &str) -> String {
    let only = |some: &[Channel], others: &[Channel]| {
        some.iter().copied().filter(|channel| !others.contains(channel)).collect::<Vec<_>>()
    };
    let (new, gone) = (only(after, before), only(before, after));
    let mut parts = Vec::new();
    if !new.is_empty() {
        parts.push(format!("{by}{} too", channels(&new)));
    }
    if !gone.is_empty() {
        parts.push(format!("{by}{} no more", channels(&gone)));
    }
    if parts.is_empty() {
        parts.push(format!("{by}{}, in that order, instead of {}", channels(after), channels(before)));
    }
    parts.join(", ")
}

fn reached(before: &[Reach], after: &[Reach]) -> String {
    let words = |reach: Option<&Reach>| match reach {
        None => "not at all",
        Some(Reach { always: false, .. }) => "at some hours only",
        Some(Reach { proven: false, .. }) => "by a contact point that never answered",
        Some(_) => "for sure",
    };
    let of = |list: &[Reach], channel: Channel| words(list.iter().find(|reach| reach.channel == channel));
    let changed = Channel::ALL.into_iter().filter(|channel| {
        let find = |list: &[Reach]| list.iter().find(|reach| reach.channel == *channel).copied();
        find(before) != find(after)
    });
    let parts = changed.map(|channel| {
        format!("reached by {} {} instead of {}", name(channel), of(after, channel), of(before, channel))
    });
    parts.collect::<Vec<_>>().join(", ")
}
