//! What every page has in common: the stylesheet, the headers that keep it safe, dates as people in Paris say them.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};

const STYLESHEET: &str = include_str!("../assets/vigie.css");

/// Nothing from elsewhere, nothing inline, no frame around us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `GET /assets/vigie.css`
#[expect(clippy::unused_async, reason = "an axum handler is async")]
pub async fn stylesheet() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")], STYLESHEET)
}

/// A page that is never cached, indexed, framed or allowed to load anything from elsewhere.
pub fn respond(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    let headers: [(HeaderName, &'static str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `lundi 23 novembre 2026 à 16 h 30`, in Paris.
pub fn french_date_time(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let local = at.to_zoned(TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));
    let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or_default();
    let month = usize::try_from(local.month() - 1).unwrap_or_default();
    let number = if local.day() == 1 { "1er".to_owned() } else { local.day().to_string() };
    format!("{} {number} {} {} à {} h {:02}", DAYS[day], MONTHS[month], local.year(), local.hour(), local.minute())
}

/// `16 h 30`, in Paris: for a list whose day is said elsewhere.
pub fn french_time(at: Timestamp) -> String {
    let local = at.to_zoned(TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));
    format!("{} h {:02}", local.hour(), local.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_said_as_in_paris() {
        assert_eq!(french_date_time("2026-11-23T15:30:00Z".parse().unwrap()), "lundi 23 novembre 2026 à 16 h 30");
        assert_eq!(french_date_time("2026-07-31T22:05:00Z".parse().unwrap()), "samedi 1er août 2026 à 0 h 05");
    }
}
