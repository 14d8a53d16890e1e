//! Numbers as the French write them.

/// Between groups of digits, and before a unit.
pub const NARROW: char = '\u{202f}';

/// `12 345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(NARROW);
        }
        text.push(digit);
    }
    text
}

/// `12 345 messages`, `1 message`: a plural in -s where there are two or more.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number < 2 || noun.ends_with('s') { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `12,3`, without decimals from 100 on.
pub fn decimal(number: f64) -> String {
    if number.abs() >= 100.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are small and not negative"
        )]
        return count(number.round().max(0.0) as u64);
    }
    format!("{number:.1}").replace('.', ",")
}

/// `12,3 %` of `whole`; a dash of nothing.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "—".to_owned();
    }
    // What is not all never reads as all.
    let percent = if part < whole { (ratio(part, whole) * 100.0).min(99.9) } else { 100.0 };
    format!("{}{NARROW}%", decimal(percent))
}

/// `part / whole`, 0 of nothing.
pub fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let ratio = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    ratio
}
