//! Signed, expiring, single-purpose links: what the page of an alert, of a request or of a probe is opened by.
//!
//! A token is 36 bytes in base64url (48 characters, short enough for an SMS): the id of the alert or probe, the expiry in
//! seconds since 1970, and the first 128 bits of an HMAC-SHA-256 over both and the purpose. That of an alert is also over
//! the contact point it is sent to, address included: it opens nothing once that was replaced.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use vigie_proto::{AlertId, ProbeId};

use crate::directory::Contact;

/// Separate the uses of the one key from each other.
const ACKNOWLEDGEMENT: &[u8] = b"vigie acknowledgement link v2";
const MOBILISATION: &[u8] = b"vigie mobilisation link v2";
/// What release 0.1.0 signed with, bound to no contact point; those links live 72 hours at most.
const FORMER_ACKNOWLEDGEMENT: &[u8] = b"vigie acknowledgement link v1";
const FORMER_MOBILISATION: &[u8] = b"vigie mobilisation link v1";
const PROBE: &[u8] = b"vigie probe link v1";
const CODE: &[u8] = b"vigie verification code v1";
const MAC_LEN: usize = 16;

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
        self.opened_by(ACKNOWLEDGEMENT, FORMER_ACKNOWLEDGEMENT, token, contacts, now)
    }

    /// The token that lets whoever reads at `contact` answer the request for a resource that `alert` carries, until
    /// `expires_at`.
    pub fn sign_request(&self, alert: AlertId, contact: &Contact, expires_at: Timestamp) -> String {
        self.token(MOBILISATION, &bound_to(contact), alert.0, expires_at)
    }

    /// The alert whose request a token was made for; as [`Signer::verify`].
    pub fn verify_request(&self, token: &str, contacts: &[Contact], now: Timestamp) -> Result<AlertId, LinkError> {
        self.opened_by(MOBILISATION, FORMER_MOBILISATION, token, contacts, now)
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

    fn opened_by(
        &self,
        purpose: &[u8],
        former: &[u8],
        token: &str,
        contacts: &[Contact],
        now: Timestamp,
    ) -> Result<AlertId, LinkError> {
        let bound = contacts.iter().map(|contact| self.opened(purpose, &bound_to(contact), token, now));
        let mut opened = bound.chain(std::iter::once_with(|| self.opened(former, &[], token, now)));
        let good = |opened: &Result<Uuid, LinkError>| *opened != Err(LinkError::Altered);
        opened.find(good).unwrap_or(Err(LinkError::Altered)).map(AlertId)
    }

    /// Six digits that only whoever reads the message of `probe` can send back: made from the key, stored nowhere.
    pub fn code(&self, probe: ProbeId) -> String {
        let mac = self.mac(CODE, &[], probe.0.as_bytes()).finalize().into_bytes();
        let number = u32::from_be_bytes([mac[0], mac[1], mac[2], mac[3]]);
        format!("{:06}", number % 1_000_000)
    }

    fn token(&self, purpose: &[u8], bound: &[u8], id: Uuid, expires_at: Timestamp) -> String {
        let expiry = u32::try_from(expires_at.as_second()).unwrap_or(u32::MAX).to_be_bytes();
        let mut token = Vec::with_capacity(36);
        token.extend_from_slice(id.as_bytes());
        token.extend_from_slice(&expiry);
        let mac = self.mac(purpose, bound, &token).finalize().into_bytes();
        token.extend_from_slice(&mac[..MAC_LEN]);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn opened(&self, purpose: &[u8], bound: &[u8], token: &str, now: Timestamp) -> Result<Uuid, LinkError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Altered)?;
        let (signed, mac) = bytes.split_at_checked(20).ok_or(LinkError::Altered)?;
        if mac.len() != MAC_LEN {
            return Err(LinkError::Altered);
        }
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
    fn a_link_opens_its_own_alert_until_it_expires_and_not_when_altered() {
        let signer = Signer::new(b"0123456789abcdef0123456789abcdef");
        let alert = AlertId(Uuid::from_u128(42));
        let expires: Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
        let contacts = [contact("other@example.org"), contact("mairie@example.org")];
        let token = signer.sign(alert, &contacts[1], expires);
        assert_eq!((token.len(), Signer::claimed(&token)), (48, Some(alert)));
        assert_eq!(signer.verify(&token, &contacts, expires), Ok(alert));
        assert_eq!(signer.verify(&token, &contacts[..1], expires), Err(LinkError::Altered), "that address is gone");
        assert_eq!(
            signer.verify(&token, &contacts, expires + jiff::SignedDuration::from_secs(1)),
            Err(LinkError::Expired)
        );
        for position in 0..48 {
            let mut altered = token.clone().into_bytes();
            altered[position] = if altered[position] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(signer.verify(&altered, &contacts, expires), Err(LinkError::Altered), "{altered}");
        }
        let former = signer.token(FORMER_ACKNOWLEDGEMENT, &[], alert.0, expires);
        assert_eq!(signer.verify(&former, &contacts, expires), Ok(alert), "sent by the release before");
        assert_eq!(Signer::new(b"another key").verify(&token, &contacts, expires), Err(LinkError::Altered));
        assert_eq!(signer.verify("", &contacts, expires), Err(LinkError::Altered));
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
