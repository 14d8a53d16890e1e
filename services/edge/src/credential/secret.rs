//! Secrets as they are handed out: what they are for, 32 random bytes, a check sum. Only a hash is stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Characters of 32 bytes in base64url.
const RANDOM_CHARS: usize = 43;
/// Characters of the check sum: four bytes in base64url.
const CHECK_CHARS: usize = 6;

/// What a stored credential is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Calls the API.
    Token,
    /// Opens a browser's session, once.
    Link,
    /// A browser's session.
    Session,
    /// Reads one duty roster as a calendar.
    Feed,
}

vigie_proto::coded! { pub Purpose {
    Token = "token",
    Link = "link",
    Session = "session",
    Feed = "feed",
} }

impl Purpose {
    /// Whether `secret` may be one of this purpose. What is mistyped, cut short or meant for something else is told
    /// without looking it up.
    ///
    /// Those made before there were check sums are taken at their word, until they expire.
    pub fn fits(self, secret: &str) -> bool {
        let rest = secret.strip_prefix("vigie_").and_then(|rest| rest.strip_prefix(self.code()));
        let Some(random) = rest.and_then(|rest| rest.strip_prefix('_')) else { return false };
        if !random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return false;
        }
        match random.len() {
            RANDOM_CHARS => true,
            WITH_CHECK => {
                let (body, check) = secret.split_at(secret.len() - CHECK_CHARS);
                check_sum(body) == check
            }
            _ => false,
        }
    }
}

const WITH_CHECK: usize = RANDOM_CHARS + CHECK_CHARS;

/// A fresh secret: `vigie_<purpose>_`, 32 random bytes and a check sum, in base64url. Secret scanners can find it, and a
/// typing error is told from a wrong secret.
pub fn fresh_secret(purpose: Purpose) -> String {
    let mut bytes = [0u8; 32];
    bytes[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let body = format!("vigie_{}_{}", purpose.code(), URL_SAFE_NO_PAD.encode(bytes));
    let check = check_sum(&body);
    body + &check
}

/// What is stored of a secret: its SHA-256. Secrets are random and long, so no salt is needed.
pub fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// It finds typing errors; it proves nothing.
fn check_sum(body: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(body.as_bytes())[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_fits_its_own_purpose_only_and_a_mistyped_one_fits_none() {
        let all = [Purpose::Token, Purpose::Link, Purpose::Session, Purpose::Feed];
        for purpose in all {
            let secret = fresh_secret(purpose);
            let fits: Vec<Purpose> = all.into_iter().filter(|other| other.fits(&secret)).collect();
            assert_eq!(fits, [purpose]);
            let swapped = if secret.ends_with('A') { "B" } else { "A" };
            let mistyped = [
                format!("{}{swapped}", &secret[..secret.len() - 1]),
                secret[..secret.len() - 1].to_owned(),
                format!("{secret}A"),
                secret.to_uppercase(),
                secret.replace("vigie_", ""),
                String::new(),
            ];
            for wrong in mistyped {
                assert!(!purpose.fits(&wrong), "{wrong}");
            }
        }
    }

    #[test]
    fn one_of_before_there_were_check_sums_is_still_looked_up() {
        assert!(Purpose::Token.fits(&format!("vigie_token_{}", "a".repeat(RANDOM_CHARS))));
    }
}
