//! What the gateway calls a message: one name when it takes it, often another in its receipt.
//!
//! Some give a number in hexadecimal and report it in decimal, or the other way round, padded or not, in either case.

/// How a name is kept: a number in small letters, without leading zeros; anything else as it came.
pub(crate) fn kept(name: &str) -> String {
    if !is_number(name) {
        return name.to_owned();
    }
    let digits = name.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_ascii_lowercase() }
}

/// The names under which the message of a receipt may be kept, the likeliest first.
///
/// In another base only `at_last`: a receipt may overtake the record of its message, and in another base its number may
/// be that of a neighbour.
pub(crate) fn looked_up(name: &str, at_last: bool) -> Vec<String> {
    let mut names = vec![name.to_owned(), kept(name)];
    if at_last && is_number(name) {
        names.extend(name.parse::<u128>().ok().map(|number| format!("{number:x}")));
        names.extend(u128::from_str_radix(name, 16).ok().map(|number| number.to_string()));
    }
    names.dedup();
    names
}

fn is_number(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number as a gateway may write it.
    fn written(number: u64) -> impl Strategy<Value = String> {
        (0..3, 0..20_usize).prop_map(move |(form, width)| match form {
            0 => format!("{number:0width$}"),
            1 => format!("{number:0width$x}"),
            _ => format!("{number:0width$X}"),
        })
    }

    fn twice_written() -> impl Strategy<Value = (String, String)> {
        any::<u64>().prop_flat_map(|number| (written(number), written(number)))
    }

    proptest! {
        #[test]
        fn a_message_is_found_however_its_number_is_written((given, reported) in twice_written()) {
            prop_assert!(looked_up(&reported, true).contains(&kept(&given)), "{given}, then {reported}");
        }

        #[test]
        fn before_the_last_look_only_the_same_number_in_the_same_base_is_found(a in "[0-9a-fA-F]{1,12}", b in "[0-9a-fA-F]{1,12}") {
            let value = |name: &str| u64::from_str_radix(name, 16).unwrap();
            prop_assert_eq!(looked_up(&a, false).contains(&kept(&b)), value(&a) == value(&b));
        }

        #[test]
        fn what_is_no_number_is_found_under_its_own_name_only(name in "[0-9a-fG-Z]{0,8}[g-zG-Z.+-][0-9a-fG-Z]{0,8}") {
            prop_assert_eq!(looked_up(&name, true), vec![name.clone()]);
            prop_assert_eq!(kept(&name), name);
        }
    }
}
