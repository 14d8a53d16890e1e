//! Signed, expiring, single-purpose links: what the page of an alert, of a request or of a probe is opened by.
//!
//! A token is 28 bytes in base64url (38 characters, all of them in the alphabet of an SMS, so that gravity, place and hour
//! stand beside it in one): the id of the alert or probe, the expiry in seconds since 1970, and the first 64 bits of an
//! HMAC-SHA-256 over both and the purpose; guesses are made at the door, which is limited. That of an alert is also over
//! the contact point it is sent to, address included: it opens nothing once that was replaced.
//!
//! Tokens that a former release sent have 128 bits of it; they open until they expire.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vigie_proto::{AlertId, DeliveryId, ProbeId};

use crate::directory::Contact;

/// Separate the uses of the one key from each other.
const ACKNOWLEDGEMENT: Use = Use {
    purpose: b"vigie acknowledgement link v3",
    long: b"vigie acknowledgement link v2",
    unbound: b"vigie acknowledgement link v1",
};
const MOBILISATION: Use = Use {
    purpose: b"vigie mobilisation link v3",
    long: b"vigie mobilisation link v2",
    unbound: b"vigie mobilisation link v1",
};
const PROBE: Use =
    Use { purpose: b"vigie probe link v2", long: b"vigie probe link v1", unbound: b"vigie probe link v1" };
const CODE: &[u8] = b"vigie verification code v1";
const SHOWN: &[u8] = b"vigie text shown v1";
/// Bytes of the identifier and of the expiry.
const SIGNED: usize = 16 + 4;
const MAC: usize = 8;
/// Of former releases.
const LONG_MAC: usize = 16;

/// One use of the key, as this release and those before it sign.
#[derive(Clone, Copy)]
struct Use {
    purpose: &'static [u8],
    /// Of the longer tokens, bound to a contact point too.
    long: &'static [u8],
    /// Of release 0.1.0, bound to none; those links live 72 hours at most.
    unbound: &'static [u8],
}

/// Makes and checks links.
#[derive(Clone)]
pub struct Signer(Vec<u8>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(<secret>)")
    }
}

/// Why a link is not honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("the link is incomplete or was altered")]
    Altered,
    #[error("the link has expired")]
    Expired,
}

impl Signer {
    pub fn new(key: &[u8]) -> Self {
        Self(key.to_vec())
    }

    /// The token that lets whoever reads at `contact` answer `alert` until `expires_at`.
    pub fn sign(&self, alert: AlertId, contact: &Contact, expires_at: Timestamp) -> String {
        self.token(ACKNOWLEDGEMENT, &bound_to(contact), alert.0, expires_at)
    }

    /// The alert a token was made for, if it was sent to one of `contacts` as they are now: those of the body that `claimed`
    /// names. What it claims is to be believed only with this answer.
    pub fn verify(&self, token: &str, contacts: &[Contact], now: Timestamp) -> Result<AlertId, LinkError> {
        self.opened_by(ACKNOWLEDGEMENT, token, contacts, now)
    }

    /// The token that lets whoever reads at `contact` answer the request for a resource that `alert` carries, until
    /// `expires_at`.
    pub fn sign_request(&self, alert: AlertId, contact: &Contact, expires_at: Timestamp) -> String {
        self.token(MOBILISATION, &bound_to(contact), alert.0, expires_at)
    }

    /// The alert whose request a token was made for; as [`Signer::verify`].
    pub fn verify_request(&self, token: &str, contacts: &[Contact], now: Timestamp) -> Result<AlertId, LinkError> {
        self.opened_by(MOBILISATION, token, contacts, now)
    }

    /// The alert a token says it is for, to look up whose contacts it may have been sent to. Proves nothing.
    pub fn claimed(token: &str) -> Option<AlertId> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        Uuid::from_slice(bytes.get(..16)?).ok().map(AlertId)
    }

    /// The token that lets its bearer answer `probe` until `expires_at`.
    pub fn sign_probe(&self, probe: ProbeId, expires_at: Timestamp) -> String {
        self.token(PROBE, &[], probe.0, expires_at)
    }

    /// The probe a token was made for.
    pub fn verify_probe(&self, token: &str, now: Timestamp) -> Result<ProbeId, LinkError> {
        self.opened(PROBE, &[], token, now).map(ProbeId)
    }

    fn opened_by(&self, of: Use, token: &str, contacts: &[Contact], now: Timestamp) -> Result<AlertId, LinkError> {
        let bound = contacts.iter().map(|contact| self.opened(of, &bound_to(contact), token, now));
        // Only former releases bound a link to nothing.
        let unbound = Use { purpose: of.unbound, long: of.unbound, ..of };
        let mut opened = bound.chain(std::iter::once_with(|| self.opened(unbound, &[], token, now)));
        let good = |opened: &Result<Uuid, LinkError>| *opened != Err(LinkError::Altered);
        opened.find(good).unwrap_or(Err(LinkError::Altered)).map(AlertId)
    }

    /// Six digits that only whoever reads the message of `probe` can send back: made from the key, stored nowhere.
    pub fn code(&self, probe: ProbeId) -> String {
        let mac = self.mac(CODE, &[], probe.0.as_bytes()).finalize().into_bytes();
        let number = u32::from_be_bytes([mac[0], mac[1], mac[2], mac[3]]);
        format!("{:06}", number % 1_000_000)
    }

    /// Digest of `text` as the message of `delivery` showed it, 64 hexadecimal digits: it says nothing to whoever has no key, not
    /// even that two messages are alike.
    pub fn shown(&self, delivery: DeliveryId, text: &str) -> String {
        crate::hex(&self.mac(SHOWN, delivery.0.as_bytes(), text.as_bytes()).finalize().into_bytes())
    }

    fn token(&self, of: Use, bound: &[u8], id: Uuid, expires_at: Timestamp) -> String {
        let expiry = u32::try_from(expires_at.as_second()).unwrap_or(u32::MAX).to_be_bytes();
        let mut token = Vec::with_capacity(SIGNED + MAC);
        token.extend_from_slice(id.as_bytes());
        token.extend_from_slice(&expiry);
        let mac = self.mac(of.purpose, bound, &token).finalize().into_bytes();
        token.extend_from_slice(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn opened(&self, of: Use, bound: &[u8], token: &str, now: Timestamp) -> Result<Uuid, LinkError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Altered)?;
        let (signed, mac) = bytes.split_at_checked(SIGNED).ok_or(LinkError::Altered)?;
        let purpose = match mac.len() {
            MAC => of.purpose,
            LONG_MAC => of.long,
            _ => return Err(LinkError::Altered),
        };
        self.mac(purpose, bound, signed).verify_truncated_left(mac).map_err(|_| LinkError::Altered)?;
        let (id, expiry) = signed.split_at(16);
        let expiry = u32::from_be_bytes(expiry.try_into().expect("20 - 16 bytes"));
        if now.as_second() > i64::from(expiry) {
            return Err(LinkError::Expired);
        }
        Ok(Uuid::from_slice(id).expect("16 bytes"))
    }

    fn mac(&self, purpose: &[u8], bound: &[u8], signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac.update(bound);
        mac.update(signed);
        mac
    }
}

/// SHA-256 of the contact point, address included: of one length, so that nothing can pass for something else.
fn bound_to(contact: &Contact) -> [u8; 32] {
    Sha256::new().chain_update(contact.id.as_str()).chain_update([0]).chain_update(&contact.address).finalize().into()
}

#[cfg(test)]
mod tests {
    use vigie_proto::Channel;

    use super::*;

    fn contact(address: &str) -> Contact {
        Contact {
            id: "mairie-19-mail".parse().unwrap(),
            channel: Channel::Email,
            address: address.to_owned(),
            duty: None,
            verified: None,
        }
    }

    #[test]
    fn a_digest_is_of_one_text_in_one_message_by_one_key() {
        let signer = Signer::new(b"0123456789abcdef0123456789abcdef");
        let message = |number| DeliveryId(Uuid::from_u128(number));
        let shown = signer.shown(message(1), "Rixe, collège Georges Brassens");
        assert_eq!(shown.len(), 64);
        assert_eq!(shown, signer.shown(message(1), "Rixe, collège Georges Brassens"));
        for other in [
            signer.shown(message(2), "Rixe, collège Georges Brassens"),
            signer.shown(message(1), "Rixe, quartier Amérique"),
            Signer::new(b"another key").shown(message(1), "Rixe, collège Georges Brassens"),
        ] {
            assert_ne!(shown, other);
        }
    }

    #[test]
    fn a_link_opens_its_own_alert_until_it_expires_and_not_when_altered() {
        let signer = Signer::new(b"0123456789abcdef0123456789abcdef");
        let alert = AlertId(Uuid::from_u128(42));
        let expires: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
        let contacts = [contact("other@example.org"), contact("mairie@example.org")];
        let token = signer.sign(alert, &contacts[1], expires);
        assert_eq!((token.len(), Signer::claimed(&token)), (38, Some(alert)));
        assert_eq!(signer.verify(&token, &contacts, expires), Ok(alert));
        assert_eq!(signer.verify(&token, &contacts[..1], expires), Err(LinkError::Altered), "that address is gone");
        assert_eq!(
            signer.verify(&token, &contacts, expires + jiff::SignedDuration::from_secs(1)),
            Err(LinkError::Expired)
        );
        for position in 0..38 {
            let mut altered = token.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(signer.verify(&altered, &contacts, expires), Err(LinkError::Altered), "{altered}");
        }
        assert_eq!(signer.verify(&token[..37], &contacts, expires), Err(LinkError::Altered), "cut by a telephone");
        assert_eq!(Signer::new(b"another key").verify(&token, &contacts, expires), Err(LinkError::Altered));
        assert_eq!(signer.verify("", &contacts, expires), Err(LinkError::Altered));
    }

    /// As former releases made it.
    fn long_token(signer: &Signer, purpose: &[u8], bound: &[u8], id: Uuid, expires: Timestamp) -> String {
        let mut token = id.as_bytes().to_vec();
        token.extend_from_slice(&u32::try_from(expires.as_second()).unwrap().to_be_bytes());
        let mac = signer.mac(purpose, bound, &token).finalize().into_bytes();
        token.extend_from_slice(&mac[..16]);
        URL_SAFE_NO_PAD.encode(token)
    }

    #[test]
    fn links_that_former_releases_sent_open_until_they_expire() {
        let signer = Signer::new(b"0123456789abcdef0123456789abcdef");
        let (alert, to) = (AlertId(Uuid::from_u128(42)), [contact("mairie@example.org")]);
        let expires: Timestamp = "2026-11-25T00:30:00Z".parse().unwrap();
        let late = expires + jiff::SignedDuration::from_secs(1);
        let bound = long_token(&signer, ACKNOWLEDGEMENT.long, &bound_to(&to[0]), alert.0, expires);
        let unbound = long_token(&signer, ACKNOWLEDGEMENT.unbound, &[], alert.0, expires);
        for token in [&bound, &unbound] {
            assert_eq!((token.len(), Signer::claimed(token)), (48, Some(alert)));
            assert_eq!(signer.verify(token, &to, expires), Ok(alert));
            assert_eq!(signer.verify(token, &to, late), Err(LinkError::Expired));
            assert_eq!(signer.verify_request(token, &to, expires), Err(LinkError::Altered));
        }
        assert_eq!(signer.verify(&bound, &[contact("other@example.org")], expires), Err(LinkError::Altered));
        let short_unbound = signer.token(ACKNOWLEDGEMENT, &[], alert.0, expires);
        assert_eq!(
            signer.verify(&short_unbound, &to, expires),
            Err(LinkError::Altered),
            "no new link is bound to nothing"
        );
    }

    #[test]
    fn a_link_serves_one_purpose_and_a_code_one_probe() {
        let signer = Signer::new(b"0123456789abcdef0123456789abcdef");
        let (probe, expires) = (ProbeId(Uuid::from_u128(42)), "2026-11-25T00:00:00Z".parse().unwrap());
        assert_eq!(signer.verify_probe(&signer.sign_probe(probe, expires), expires), Ok(probe));
        let (alert, to) = (AlertId(probe.0), [contact("mairie@example.org")]);
        let (answer, request) = (signer.sign(alert, &to[0], expires), signer.sign_request(alert, &to[0], expires));
        assert_eq!(signer.verify(&signer.sign_probe(probe, expires), &to, expires), Err(LinkError::Altered));
        assert_eq!(signer.verify_probe(&answer, expires), Err(LinkError::Altered));
        assert_eq!(signer.verify_request(&request, &to, expires), Ok(alert));
        assert_eq!(signer.verify(&request, &to, expires), Err(LinkError::Altered));
        assert_eq!(signer.verify_request(&answer, &to, expires), Err(LinkError::Altered));
        let code = signer.code(probe);
        assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        assert_ne!(code, signer.code(ProbeId(Uuid::from_u128(43))));
    }
}
