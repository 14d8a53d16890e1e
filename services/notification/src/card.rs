//! The sender card: whom messages come from, as telephones keep contacts, so that they let them through at night.
//!
//! vCard 3.0 (RFC 2426), which every telephone reads; what is not configured is left out.

use lettre::message::Mailbox;

use crate::NotificationConfig;

/// Longest line, octets, its end not counted (RFC 2426, section 2.6).
const LONGEST: usize = 75;
/// What the service is called where the configuration gives no name.
const NAME: &str = "Vigie";

/// The card of whoever sends with this configuration.
pub fn card(config: &NotificationConfig) -> String {
    let mailbox = config.email.from.parse::<Mailbox>().ok();
    let name = mailbox.as_ref().and_then(|from| from.name.as_deref()).map(str::trim).filter(|name| !name.is_empty());
    let name = escaped(name.unwrap_or(NAME));
    let mut lines = vec![
        "BEGIN:VCARD".to_owned(),
        "VERSION:3.0".to_owned(),
        format!("FN:{name}"),
        // An organisation has no first name: the whole is where lists are sorted by.
        format!("N:{name};;;;"),
        format!("ORG:{name}"),
        "X-ABSHOWAS:COMPANY".to_owned(),
    ];
    lines.extend(mailbox.map(|from| format!("EMAIL;TYPE=INTERNET,PREF:{}", escaped(from.email.as_ref()))));
    let sender = config.sms.sender.trim();
    if !sender.is_empty() {
        lines.push(format!("TEL;TYPE=CELL:{}", escaped(sender)));
    }
    lines.push("NOTE:Alertes internes. Danger immédiat : appelez le 17 ou le 112.".to_owned());
    lines.push("END:VCARD".to_owned());
    lines.iter().map(|line| folded(line)).collect()
}

/// A text value: what separates is escaped, a line break is `\n` (RFC 2426, section 4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\\' | ',' | ';' => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push_str("\\n"),
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// A line with its end, in pieces that go on after a blank; no character is cut in two, nor what is escaped from its sign.
fn folded(line: &str) -> String {
    let mut folded = String::with_capacity(line.len() + 8);
    let (mut length, mut escapes) = (0, false);
    for c in line.chars() {
        // After the sign there is always room for what it escapes, one octet.
        escapes = c == '\\' && !escapes;
        if length + c.len_utf8() + usize::from(escapes) > LONGEST {
            folded.push_str("\r\n ");
            length = 1;
        }
        folded.push(c);
        length += c.len_utf8();
    }
    folded.push_str("\r\n");
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, parameters and value of every line, read the naive way from the RFC.
    fn read(card: &str) -> Vec<(String, String, String)> {
        assert!(card.ends_with("\r\n"));
        for physical in card.split_terminator("\r\n") {
            assert!(physical.len() <= 75, "{} octets: {physical}", physical.len());
            assert!(!physical.contains(['\r', '\n']), "a line ends with both: {physical:?}");
            let signs = physical.chars().rev().take_while(|c| *c == '\\').count();
            assert_eq!(signs % 2, 0, "a sign and what it escapes stay together: {physical}");
        }
        let unfolded = card.replace("\r\n ", "");
        let lines = unfolded.split_terminator("\r\n").map(|line| {
            let (head, value) = line.split_once(':').expect("a name and a value");
            let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
            assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '-'), "{name}");
            (name.to_owned(), parameters.to_owned(), value.to_owned())
        });
        lines.collect()
    }

    /// The components of a value, what is escaped in them taken back.
    fn components(value: &str) -> Vec<String> {
        let (mut parts, mut chars) = (vec![String::new()], value.chars());
        while let Some(c) = chars.next() {
            match c {
                ';' => parts.push(String::new()),
                ',' => panic!("a comma that is not escaped makes a list: {value}"),
                '\\' => match chars.next() {
                    Some('n' | 'N') => parts.last_mut().unwrap().push('\n'),
                    Some(c @ ('\\' | ',' | ';')) => parts.last_mut().unwrap().push(c),
                    other => panic!("{other:?} is not escaped like that: {value}"),
                },
                c => parts.last_mut().unwrap().push(c),
            }
        }
        parts
    }

    fn value(lines: &[(String, String, String)], name: &str) -> Option<Vec<String>> {
        let mut found = lines.iter().filter(|line| line.0 == name);
        let value = found.next().map(|line| components(&line.2));
        assert!(found.next().is_none(), "{name} once");
        value
    }

    fn config(from: &str, sender: &str) -> NotificationConfig {
        let mut config = NotificationConfig::default();
        from.clone_into(&mut config.email.from);
        sender.clone_into(&mut config.sms.sender);
        config
    }

    #[test]
    fn what_is_shipped_has_the_name_the_address_and_the_sender() {
        let card = card(&NotificationConfig::default());
        let lines = read(&card);
        assert_eq!(value(&lines, "EMAIL").unwrap(), ["vigie@example.org"]);
        assert_eq!(value(&lines, "TEL").unwrap(), ["VIGIE"]);
        assert_eq!((lines[0].2.as_str(), lines[1].2.as_str()), ("VCARD", "3.0"));
        assert!(card.lines().any(|line| line == "FN:Vigie"), "{card}");
    }

    #[test]
    fn what_is_configured_is_on_the_card_and_nothing_else() {
        let lines = read(&card(&config("\"Alertes, Ville\" <nuit@ville.example>", "+33600000000")));
        let names: Vec<&str> = lines.iter().map(|line| line.0.as_str()).collect();
        let all = ["BEGIN", "VERSION", "FN", "N", "ORG", "X-ABSHOWAS", "EMAIL", "TEL", "NOTE", "END"];
        assert_eq!(names, all);
        assert_eq!(value(&lines, "FN").unwrap(), ["Alertes, Ville"]);
        assert_eq!(value(&lines, "N").unwrap(), ["Alertes, Ville", "", "", "", ""]);
        assert_eq!(value(&lines, "EMAIL").unwrap(), ["nuit@ville.example"]);
        assert_eq!(value(&lines, "TEL").unwrap(), ["+33600000000"]);

        let bare = read(&card(&config("no address", "")));
        assert_eq!((value(&bare, "EMAIL"), value(&bare, "TEL")), (None, None));
        assert_eq!(value(&bare, "FN").unwrap(), [NAME]);
    }

    proptest! {
        #[test]
        fn a_name_of_any_letters_is_read_back_whole(
            name in "[a-zéèœ€😀 ;,\\\\:\"]{1,120}",
            sender in "[A-Za-z0-9,;\\\\é]{1,90}",
        ) {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let from = format!("\"{quoted}\" <a@example.org>");
            let given = from.parse::<Mailbox>().ok().and_then(|from| from.name);
            let lines = read(&card(&config(&from, &sender)));
            let name = given.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or(NAME);
            prop_assert_eq!(value(&lines, "FN").unwrap(), [name]);
            prop_assert_eq!(value(&lines, "TEL").unwrap(), [sender.as_str()]);
        }
    }
}
