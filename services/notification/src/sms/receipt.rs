//! Delivery receipts, as SMSCs really write them.
//!
//! The optional parameters `receipted_message_id` and `message_state` (SMPP 3.4, sections 5.3.2.12 and 5.3.2.35) are
//! believed first; gateways that lack them put `id:… stat:…` in the text (Appendix B), each in its own way.

use rusmpp::{
    pdus::DeliverSm,
    tlvs::TlvValue,
    values::{MessageState, MessageType},
};

/// The final fate of one SMS part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Undelivered,
}

/// What a receipt says; an intermediate state is no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// What the gateway calls the message: the id it gave at submission, perhaps written otherwise.
    pub(crate) provider_id: String,
    pub(crate) fate: Fate,
}

/// Reads a receipt; none for a person's answer, an intermediate notification or an unreadable text.
pub(crate) fn read(message: &DeliverSm) -> Option<Receipt> {
    let mut id = None;
    let mut state = None;
    for tlv in message.tlvs() {
        match tlv.value() {
            Some(TlvValue::ReceiptedMessageId(value)) => id = Some(value.to_string()),
            Some(TlvValue::MessageState(value)) => state = Some(*value),
            _ => {}
        }
    }
    let is_receipt = message.esm_class.message_type == MessageType::ShortMessageContainsMCDeliveryReceipt;
    if !is_receipt && id.is_none() {
        return None;
    }
    let text = String::from_utf8_lossy(message.short_message().as_ref()).into_owned();
    let provider_id = id.or_else(|| field(&text, "id").map(str::to_owned)).filter(|id| !id.is_empty())?;
    let fate = match state {
        Some(state) => fate_of_state(state),
        None => field(&text, "stat").and_then(fate_of_word),
    }?;
    Some(Receipt { provider_id, fate })
}

fn fate_of_state(state: MessageState) -> Option<Fate> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "scheduled, en route and unknown to come: not the end")]
    match state {
        MessageState::Delivered => Some(Fate::Delivered),
        MessageState::Expired
        | MessageState::Deleted
        | MessageState::Undeliverable
        | MessageState::Rejected
        | MessageState::Skipped => Some(Fate::Undelivered),
        _ => None,
    }
}

fn fate_of_word(word: &str) -> Option<Fate> {
    let word = word.to_ascii_uppercase();
    // ACCEPTD and ENROUTE are on the way; UNKNOWN says nothing. Some gateways shorten or spell out the words.
    if word.starts_with("DELIV") {
        Some(Fate::Delivered)
    } else if ["UNDELIV", "EXPIRE", "REJECT", "DELET", "FAIL"].iter().any(|bad| word.starts_with(bad)) {
        Some(Fate::Undelivered)
    } else {
        None
    }
}

/// The value after `name:`, whatever the case and with or without a space after the colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(colon) = text[from..].find(':').map(|at| from + at) {
        let word = text[..colon].rsplit(char::is_whitespace).next().unwrap_or_default();
        if word.eq_ignore_ascii_case(name) {
            let value = text[colon + 1..].trim_start();
            return Some(value.split(char::is_whitespace).next().unwrap_or_default());
        }
        from = colon + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusmpp::{types::OctetString, values::EsmClass};

    use super::*;

    fn receipt(text: &str) -> DeliverSm {
        DeliverSm::builder()
            .esm_class(EsmClass::from(0x04))
            .short_message(OctetString::from_slice(text.as_bytes()).unwrap())
            .build()
    }

    #[test]
    fn the_usual_text_is_read_in_any_case_and_spacing() {
        for (text, id, fate) in [
            (
                "id:sim-1 sub:001 dlvrd:001 submit date:2611221934 done date:2611221934 stat:DELIVRD err:000 text:",
                "sim-1",
                Fate::Delivered,
            ),
            ("ID: 7A3F SUB:001 STAT: UNDELIV ERR:013", "7A3F", Fate::Undelivered),
            ("id:0042 stat:EXPIRED err:000 Text:id:9", "0042", Fate::Undelivered),
            ("stat:delivered id:x", "x", Fate::Delivered),
            ("id:1 stat:REJECTD", "1", Fate::Undelivered),
        ] {
            assert_eq!(read(&receipt(text)), Some(Receipt { provider_id: id.to_owned(), fate }), "{text}");
        }
    }

    #[test]
    fn an_intermediate_state_an_answer_or_nonsense_is_no_receipt() {
        for text in ["id:1 stat:ACCEPTD", "id:1 stat:ENROUTE", "id:1", "stat:DELIVRD", "", "OK j'y vais"] {
            assert_eq!(read(&receipt(text)), None, "{text}");
        }
        let answer = DeliverSm::builder()
            .esm_class(EsmClass::from(0))
            .short_message(OctetString::from_slice(b"id:1 stat:DELIVRD").unwrap())
            .build();
        assert_eq!(read(&answer), None);
    }

    #[test]
    fn the_optional_parameters_win_over_the_text() {
        use rusmpp::{tlvs::MessageDeliveryRequestTlvValue as Tlv, types::COctetString};
        let mut message = receipt("id:wrong stat:DELIVRD");
        message.push_tlv(Tlv::ReceiptedMessageId(COctetString::from_slice(b"right\0").unwrap()));
        message.push_tlv(Tlv::MessageState(MessageState::Undeliverable));
        let expected = Receipt { provider_id: "right".to_owned(), fate: Fate::Undelivered };
        assert_eq!(read(&message), Some(expected));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            prop_assert_ne!(read(&receipt(&text)).map(|receipt| receipt.provider_id), Some(String::new()));
        }
    }
}
