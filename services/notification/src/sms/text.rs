//! The SMS of an alert: one segment where possible, and never a cut link.

use vigie_proto::event::Purpose;

use super::gsm7;
use crate::wording::alert::{Facts, Request};

/// Optional parts, in the order in which they are given up to fit one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Brevity {
    Whole,
    ShortSector,
    NoEmergency,
    NoWordsAroundLink,
    NoFacts,
    ShortPlace,
    NoTime,
    /// Place and kind are cut too: reference and link remain.
    Least,
}

impl Brevity {
    const ALL: [Self; 8] = [
        Self::Whole,
        Self::ShortSector,
        Self::NoEmergency,
        Self::NoWordsAroundLink,
        Self::NoFacts,
        Self::ShortPlace,
        Self::NoTime,
        Self::Least,
    ];
}

/// Characters of the kind that are kept at the least.
const SHORT_KIND: usize = 20;
/// Characters of the place's name that are kept when it is cut.
const SHORT_PLACE: usize = 28;

/// The longest of the texts that fits one segment; the shortest when none does.
pub(crate) fn text(facts: &Facts) -> String {
    let mut shortest = String::new();
    for brevity in Brevity::ALL {
        shortest = gsm7::transliterate(&compose(facts, brevity));
        if gsm7::is_one(&shortest) {
            break;
        }
    }
    shortest
}

fn compose(facts: &Facts, brevity: Brevity) -> String {
    if let Some(request) = &facts.request {
        return ask(facts, request, brevity);
    }
    let reason = format!("VIGIE {}", facts.reason.short);
    let opening = match facts.purpose {
        Purpose::Confirm => "VIGIE toujours en charge?",
        Purpose::TakeOver => "VIGIE relève",
        Purpose::Return => "VIGIE retour attendu",
        Purpose::Mobilise => "VIGIE demande",
        Purpose::Acknowledge | Purpose::Inform if !facts.reason.short.is_empty() => reason.as_str(),
        Purpose::Acknowledge => "VIGIE",
        Purpose::Inform => "VIGIE info",
        Purpose::Undeliverable => "VIGIE injoignable",
    };
    let kind: String =
        if brevity == Brevity::Least { facts.kind.chars().take(SHORT_KIND).collect() } else { facts.kind.clone() };
    let sector = if brevity >= Brevity::ShortSector {
        facts.sector.replace(" arrondissement", "")
    } else {
        facts.sector.clone()
    };
    let mark = if facts.exercise { "EXERCICE " } else { "" };
    let mut text = format!("{mark}{opening} {}: {kind}, ", facts.severity);
    if let Some(place) = place(facts, brevity) {
        text.push_str(&place);
        text.push_str(", ");
    }
    text.push_str(&sector);
    if let Some(expected) = facts.expected.as_ref().filter(|_| brevity < Brevity::NoTime) {
        // The clock is written close together, and today is what everybody takes it for: 16h30.
        text.push_str(", prévu ");
        text.push_str(&expected.replace('\u{a0}', "").replace("aujourd'hui ", ""));
    }
    if brevity < Brevity::NoFacts {
        for phrase in &facts.known {
            text.push_str(", ");
            text.push_str(phrase);
        }
    }
    text.push_str(". ");
    text.push_str(&facts.reference);
    if !facts.also.is_empty() {
        text.push_str(" et ");
        text.push_str(&facts.also.len().to_string());
        text.push_str(" autres");
    }
    if let Some(link) = &facts.link {
        text.push_str(if brevity < Brevity::NoWordsAroundLink { " Prise en compte: " } else { " " });
        text.push_str(link);
    }
    if brevity < Brevity::NoEmergency {
        text.push_str(" Urgence: 17");
    }
    text
}

/// The place: by its name, which is cut before anything else is lost; without one, its kind while there is room.
fn place(facts: &Facts, brevity: Brevity) -> Option<String> {
    if facts.spot.is_empty() {
        return Some(facts.place.clone()).filter(|place| brevity == Brevity::Whole && !place.is_empty());
    }
    let whole = brevity < Brevity::ShortPlace;
    (brevity < Brevity::Least).then(|| if whole { facts.spot.clone() } else { shortened(&facts.spot) })
}

/// The beginning of a place's name: its first part, or its first characters.
fn shortened(spot: &str) -> String {
    let first = spot.split(", ").next().unwrap_or(spot);
    first.chars().take(SHORT_PLACE).collect()
}

/// What is asked, where, and by when to answer: given up in the same order.
fn ask(facts: &Facts, request: &Request, brevity: Brevity) -> String {
    let short = brevity >= Brevity::ShortSector;
    let what = if brevity < Brevity::ShortSector { &request.what } else { &request.short };
    let what: String = if brevity == Brevity::Least { what.chars().take(SHORT_KIND).collect() } else { what.clone() };
    let sector = if short { facts.sector.replace(" arrondissement", "") } else { facts.sector.clone() };
    let mark = if facts.exercise { "EXERCICE " } else { "" };
    let mut text = format!("{mark}VIGIE demande: {what}, {sector}");
    if let Some(place) = place(facts, brevity) {
        text.push_str(", ");
        text.push_str(&place);
    }
    text.push_str(". ");
    if brevity < Brevity::NoTime {
        text.push_str("Répondez avant ");
        text.push_str(&request.by.replace('\u{a0}', "").replace("aujourd'hui ", ""));
        text.push_str(": ");
    }
    if let Some(link) = &facts.link {
        text.push_str(link);
        text.push(' ');
    }
    text.push_str(&facts.reference);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    fn facts(purpose: Purpose) -> Facts {
        sample::facts(purpose)
    }

    #[test]
    fn a_call_fits_one_segment_with_its_whole_link() {
        let text = text(&facts(Purpose::Acknowledge));
        insta::assert_snapshot!(text, @"VIGIE Grave: Rixe, Collège Georges Brassens, 19e, prévu 16h30. R-2026-000123 https://vigie.example.org/a/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(gsm7::is_one(&text), "{text}");
    }

    #[test]
    fn the_other_messages_carry_no_link() {
        insta::assert_snapshot!(text(&facts(Purpose::Inform)), @"VIGIE info Grave: Rixe, Collège Georges Brassens, 19e arrondissement, prévu 16h30, 30 personnes, Armes évoquées. R-2026-000123 Urgence: 17");
        insta::assert_snapshot!(text(&facts(Purpose::Undeliverable)), @"VIGIE injoignable Grave: Rixe, Collège Georges Brassens, 19e arrondissement, prévu 16h30, 30 personnes, Armes évoquées. R-2026-000123 Urgence: 17");
    }

    #[test]
    fn a_request_says_what_is_asked_where_and_by_when_in_one_segment() {
        let text = text(&sample::request_facts());
        insta::assert_snapshot!(text, @"VIGIE demande: EPM, 19e, Collège Georges Brassens. Répondez avant 15h50: https://vigie.example.org/m/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA R-2026-000123");
        assert!(gsm7::is_one(&text), "{text}");
    }

    #[test]
    fn a_played_request_says_so_and_keeps_its_link() {
        let facts = Facts { exercise: true, ..sample::request_facts() };
        let text = text(&facts);
        assert!(text.starts_with("EXERCICE ") && text.contains(facts.link.as_deref().unwrap()), "{text}");
        assert!(gsm7::is_one(&text), "{text}");
    }

    #[test]
    fn an_overlong_address_takes_two_segments_rather_than_lose_its_end() {
        let link = format!("https://{}.example.org/a/{}", "vigie".repeat(20), "x".repeat(48));
        let long = text(&Facts { link: Some(link.clone()), ..facts(Purpose::Acknowledge) });
        assert!(long.contains(&link), "{long}");
        assert!(!gsm7::is_one(&long) && gsm7::septets(&long) <= Some(2 * gsm7::PART), "{long}");
    }

    proptest! {
        #[test]
        fn whatever_the_labels_the_link_and_the_reference_stay_whole(kind in "\\PC{0,80}", sector in "\\PC{0,80}", spot in "\\PC{0,80}") {
            let facts = Facts { kind, sector, spot, ..facts(Purpose::Acknowledge) };
            let text = text(&facts);
            prop_assert!(text.contains(facts.link.as_deref().unwrap()));
            prop_assert!(text.contains(&facts.reference));
            prop_assert!(gsm7::septets(&text).is_some());
        }
    }
}
