//! The events of a calendar as the properties that matter here, each with its line.

use icalendar::parser;

use super::{super::Fault, POSITION, RANK};

/// Largest calendar taken, bytes; a year of a city's duty is a tenth of it.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most events in it.
const EVENTS_MAX: usize = 5_000;

/// The properties that say when and whose duty; others are not even parsed.
const READ: [&str; 14] = [
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "STATUS",
    "SUMMARY",
    "CATEGORIES",
    POSITION,
    RANK,
];

/// One property, unescaped if it is a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) line: u64,
    pub(super) name: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Property {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// One VEVENT.
#[derive(Debug, Clone, Default)]
pub(super) struct Event {
    /// Where it begins.
    pub(super) line: u64,
    properties: Vec<Property>,
}

impl Event {
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }

    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<&'a Property> {
        self.all(name).next()
    }

    /// The trimmed value; empty when absent.
    pub(super) fn value<'a>(&'a self, name: &'a str) -> &'a str {
        self.get(name).map_or("", |property| property.value.trim())
    }
}

/// Every event of the calendar, or why it is not one.
pub(super) fn events(label: &str, text: &str) -> Result<Vec<Event>, Vec<Fault>> {
    let whole = |what: String| vec![Fault::new(label, 1, what)];
    if text.len() > BYTES_MAX {
        return Err(whole(format!("the calendar has {} bytes, at most {BYTES_MAX} are taken", text.len())));
    }
    let mut reader = Reader { label, faults: Vec::new(), open: Vec::new(), events: Vec::new() };
    for (line, content) in unfolded(text.trim_start_matches('\u{feff}')) {
        if !reader.take(line, &content) {
            break;
        }
    }
    match reader.open.last() {
        Some(open) if reader.faults.is_empty() => Err(whole(format!("`BEGIN:{open}` is never ended: the file is cut"))),
        None if reader.events.is_empty() && reader.faults.is_empty() => {
            Err(whole("there is no event in it".to_owned()))
        }
        _ if reader.faults.is_empty() => Ok(reader.events),
        _ => Err(reader.faults),
    }
}

/// Content lines without the folds, each with the line it begins on.
fn unfolded(text: &str) -> Vec<(u64, String)> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

struct Reader<'a> {
    label: &'a str,
    faults: Vec<Fault>,
    /// The components begun and not ended.
    open: Vec<String>,
    events: Vec<Event>,
}

impl Reader<'_> {
    /// Takes one content line; whether to go on.
    fn take(&mut self, line: u64, content: &str) -> bool {
        let (name, rest) = content.split_at(content.find([':', ';']).unwrap_or(content.len()));
        let name = name.trim().to_ascii_uppercase();
        let argument = rest.trim_start_matches(':').trim().to_ascii_uppercase();
        match name.as_str() {
            "" => true,
            "BEGIN" => self.begin(line, argument),
            "END" if self.open.last() == Some(&argument) => {
                self.open.pop();
                true
            }
            "END" => self.stop(line, format!("`END:{argument}` ends nothing that is open")),
            _ if self.open.is_empty() => {
                self.stop(line, "this is not an iCalendar file: BEGIN:VCALENDAR is expected".into())
            }
            _ => {
                if self.open.len() == 2 && READ.contains(&name.as_str()) {
                    self.property(line, name, content);
                }
                true
            }
        }
    }

    fn begin(&mut self, line: u64, name: String) -> bool {
        match (self.open.len(), name.as_str()) {
            (0, "VCALENDAR") | (2.., _) => {}
            (0, _) => return self.stop(line, "this is not an iCalendar file: BEGIN:VCALENDAR is expected".into()),
            (_, "VEVENT") if self.events.len() == EVENTS_MAX => {
                return self
                    .stop(line, format!("the calendar has more than {EVENTS_MAX} events: give a shorter period"));
            }
            (_, "VEVENT") => self.events.push(Event { line, ..Event::default() }),
            _ => {}
        }
        self.open.push(name);
        self.open.len() < 10 || self.stop(line, "components within components, too deep".into())
    }

    fn property(&mut self, line: u64, name: String, content: &str) {
        let is_event = self.open.last().is_some_and(|open| open == "VEVENT");
        let Some(event) = self.events.last_mut().filter(|_| is_event) else { return };
        // The name in capitals, so that the kind of the value is known by it.
        let content = format!("{name}{}", &content[content.find([':', ';']).unwrap_or(content.len())..]);
        let Ok(property) = parser::Property::try_from(content.as_str()) else {
            self.faults.push(Fault::new(self.label, line, format!("`{name}` cannot be read")));
            return;
        };
        let text = |value: &parser::ParseString<'_>| value.as_str().trim_matches('"').to_owned();
        let parameters =
            property.params.iter().map(|p| (p.key.as_str().to_owned(), p.val.as_ref().map_or(String::new(), text)));
        let (parameters, value) = (parameters.collect(), property.val.as_str().to_owned());
        event.properties.push(Property { line, name, parameters, value });
    }

    fn stop(&mut self, line: u64, what: String) -> bool {
        self.faults.push(Fault::new(self.label, line, what));
        false
    }
}
