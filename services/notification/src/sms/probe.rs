//! The SMS of a probe: the mark first, then the link or the code, and as much of the rest as one segment holds.

use super::gsm7;
use crate::wording::probe::{Ask, Facts};

/// Begins a verification.
const VERIFICATION: &str = "VERIFICATION VIGIE, pas une alerte.";

/// Begins what an address that serves no more is told.
const NOTICE: &str = "ANNUAIRE VIGIE, pas une alerte. Ce point de contact";
/// And ends it.
const REPLACED: &str = "vient d'être remplacé ou retiré. Si ce n'est pas vous, appelez la SCOP.";

/// The longest of the texts that fits one segment; the shortest when none does.
pub(crate) fn text(facts: &Facts) -> String {
    // The clock is written close together: 16h30.
    let until = facts.until.replace('\u{a0}', "");
    let texts = match &facts.ask {
        Ask::Press { link } => [
            format!(
                "ESSAI VIGIE, ce n'est pas une alerte, n'engagez rien. Confirmez réception, limite {until}: {link}"
            ),
            format!("ESSAI VIGIE, pas une alerte, n'engagez rien. Confirmez (limite {until}): {link}"),
            format!("ESSAI VIGIE, pas une alerte, n'engagez rien. Confirmez: {link}"),
            format!("ESSAI VIGIE, pas une alerte. Confirmez: {link}"),
        ],
        Ask::SendBack { code } => {
            let given =
                format!("Code {code}, à donner à qui administre l'annuaire ou à saisir dans Vigie, limite {until}");
            [
                format!("{VERIFICATION} {given}. Pour {}", facts.recipient),
                format!("{VERIFICATION} {given}."),
                format!("{VERIFICATION} Code {code} pour l'annuaire, limite {until}."),
                format!("{VERIFICATION} Code {code} pour l'annuaire."),
            ]
        }
        Ask::Nothing => [
            format!("{NOTICE} de {} {REPLACED}", facts.recipient),
            format!("{NOTICE} {REPLACED}"),
            format!("{NOTICE} {REPLACED}"),
            format!("{NOTICE} {REPLACED}"),
        ],
    };
    let texts = texts.map(|text| gsm7::transliterate(&text));
    let [.., shortest] = &texts;
    texts.iter().find(|text| gsm7::is_one(text)).unwrap_or(shortest).clone()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigie_proto::event::ProbePurpose;

    use super::*;
    use crate::sample;

    #[test]
    fn a_drill_fits_one_segment_with_its_mark_its_term_and_its_whole_link() {
        let text = text(&sample::probe_facts(ProbePurpose::Drill));
        insta::assert_snapshot!(text, @"ESSAI VIGIE, pas une alerte, n'engagez rien. Confirmez (limite demain 9h30): https://vigie.example.org/t/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert!(gsm7::is_one(&text), "{text}");
    }

    #[test]
    fn a_verification_fits_one_segment_with_its_code() {
        let text = text(&sample::probe_facts(ProbePurpose::Verification));
        insta::assert_snapshot!(text, @"VERIFICATION VIGIE, pas une alerte. Code 042137, à donner à qui administre l'annuaire ou à saisir dans Vigie, limite demain 9h30.");
        assert!(gsm7::is_one(&text), "{text}");
    }

    #[test]
    fn an_overlong_address_takes_two_segments_rather_than_lose_its_end() {
        let link = format!("https://{}.example.org/t/{}", "vigie".repeat(20), "x".repeat(48));
        let facts = Facts { ask: Ask::Press { link: link.clone() }, ..sample::probe_facts(ProbePurpose::Drill) };
        let long = text(&facts);
        assert!(long.starts_with("ESSAI VIGIE, pas une alerte") && long.ends_with(&link), "{long}");
        assert!(!gsm7::is_one(&long) && gsm7::septets(&long) <= Some(2 * gsm7::PART), "{long}");
    }

    proptest! {
        #[test]
        fn whoever_it_is_for_a_probe_says_that_it_is_no_alert(recipient in "\\PC{0,80}", until in "\\PC{0,40}") {
            for purpose in ProbePurpose::ALL {
                let sample = sample::probe_facts(purpose);
                let facts = Facts { recipient: recipient.clone(), until: until.clone(), ..sample };
                let text = text(&facts);
                prop_assert!(text.contains("pas une alerte") && gsm7::septets(&text).is_some());
                prop_assert!(gsm7::is_one(&text), "{text}");
                match &facts.ask {
                    Ask::Press { link } => prop_assert!(text.ends_with(link.as_str())),
                    Ask::SendBack { code } => prop_assert!(text.contains(code.as_str())),
                    Ask::Nothing => prop_assert!(text.ends_with("appelez la SCOP.")),
                }
            }
        }
    }
}
