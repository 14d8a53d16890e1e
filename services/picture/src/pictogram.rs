//! Small signs beside words, never instead of them: drawn with a pen two units wide on a sheet of 24, in the text's colour.

use vigie_domain::doctrine::Pictogram;
use vigie_proto::Severity;

/// The sign of a kind, as SVG to stand in a page beside its name.
pub fn sign(pictogram: Pictogram) -> String {
    drawn(match pictogram {
        Pictogram::Clash => {
            "<circle cx='5.5' cy='5.5' r='2.3'/><circle cx='18.5' cy='5.5' r='2.3'/>\
             <path d='M5.5 9v5.5L3 21M5.5 14.5 8 21M5.5 10.5l4 2M18.5 9v5.5L21 21M18.5 14.5 16 21M18.5 10.5l-4 2M12 8.5V5M9.9 8 8.9 6M14.1 8l1-2'/>"
        }
        Pictogram::School => {
            "<path d='M3 10.5 12 4l9 6.5V20.5H3zM12 4V1.5h3.5M9.5 20.5V15h5v5.5M6.5 12.5v.1M17.5 12.5v.1'/>"
        }
        Pictogram::Scales => {
            "<path d='M12 3v17M7.5 20.5h9M4.5 6.5h15M4.5 6.5l-3 7a3.2 3.2 0 0 0 6 0zM19.5 6.5l-3 7a3.2 3.2 0 0 0 6 0z'/>"
        }
        Pictogram::Warning => "<path d='M12 3.5 2.5 20h19zM12 10v4.5M12 17.4v.1'/>",
        Pictogram::Vehicle => {
            "<path d='M4.5 17H2V6h11v11H8.7M13 9h4.5l4 4.2V17H19M15 17h-2'/><circle cx='6.6' cy='17.5' r='2'/><circle cx='17' cy='17.5' r='2'/>"
        }
        Pictogram::Listening => {
            "<path d='M3.5 4h17v11.5H12l-5 4v-4H3.5zM12 13c-2.2-1.5-3.4-2.7-3.4-4a1.7 1.7 0 0 1 3.4-.6 1.7 1.7 0 0 1 3.4.6c0 1.3-1.2 2.5-3.4 4z'/>"
        }
        Pictogram::Shelter => {
            "<path d='m2.5 11.5 9.5-8 9.5 8M5 9.5v11h14v-11M9 20.5V18a3 3 0 0 1 6 0v2.5'/><circle cx='12' cy='11.8' r='1.8'/>"
        }
        Pictogram::Eye => {
            "<path d='M2 12c3-5 6.5-7 10-7s7 2 10 7c-3 5-6.5 7-10 7s-7-2-10-7z'/><circle cx='12' cy='12' r='3'/>"
        }
        Pictogram::Door => "<path d='M6 21V3h12v18M3 21h18M14.5 12v.1'/>",
        Pictogram::Lifebuoy => {
            "<circle cx='12' cy='12' r='9.5'/><circle cx='12' cy='12' r='4'/><path d='m5.3 5.3 3.9 3.9M18.7 5.3l-3.9 3.9M5.3 18.7l3.9-3.9M18.7 18.7l-3.9-3.9'/>"
        }
        Pictogram::Document => "<path d='M5.5 2.5H14l4.5 4.5v14.5h-13zM14 2.5V7h4.5M9 11.5h6M9 14.5h6M9 17.5h3'/>",
    })
}

/// How grave: one to four bars, the graver the more of them are filled.
pub fn gauge(severity: Severity) -> String {
    let place = Severity::ALL.iter().position(|known| *known == severity).unwrap_or_default();
    let bars = (0..Severity::ALL.len()).fold(String::new(), |bars, bar| {
        let (x, height) = (2 + 5 * bar, 6 + 5 * bar);
        let fill = if bar <= place { " fill='currentColor'" } else { "" };
        bars + &format!("<rect x='{x}' y='{}' width='3.5' height='{height}' stroke-width='1'{fill}/>", 22 - height)
    });
    drawn(&bars)
}

fn drawn(shapes: &str) -> String {
    format!(
        "<svg class=\"sign\" viewBox=\"0 0 24 24\" width=\"32\" height=\"32\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\" \
         stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\" focusable=\"false\">{}</svg>",
        shapes.replace('\'', "\"")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_signs_are_drawn_alike_and_none_says_more_than_its_words() {
        let signs: BTreeSet<String> =
            Pictogram::ALL.into_iter().map(sign).chain(Severity::ALL.into_iter().map(gauge)).collect();
        assert_eq!(signs.len(), Pictogram::ALL.len() + Severity::ALL.len());
        assert!(signs.iter().all(|sign| sign.contains("aria-hidden=\"true\"") && !sign.contains('\'')));
    }

    #[test]
    fn a_graver_gauge_fills_more_bars() {
        let filled: Vec<usize> =
            Severity::ALL.into_iter().map(|s| gauge(s).matches("fill=\"currentColor\"").count()).collect();
        assert_eq!(filled, [1, 2, 3, 4]);
    }
}
