//! Whether a delivery was signed with our secret. Judged over the raw bytes, before anything reads them.

use berth_secrets::SecretString;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha2::Sha256;

/// The header GitHub signs in.
const HEADER: &str = "x-hub-signature-256";

/// A signature that has the right form: it still has to be the right one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signature([u8; 32]);

impl Signature {
    /// Reads the one header `sha256=<64 lower-case hex digits>`; `None` for none, two, or any other form.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let digits = value.to_str().ok()?.strip_prefix("sha256=")?;
        if digits.len() != 64 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whether it is `body`'s, compared in constant time. An empty secret signs nothing.
    pub(crate) fn is_of(&self, body: &[u8], secret: &SecretString) -> bool {
        if secret.is_empty() {
            return false;
        }
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
        mac.update(body);
        mac.verify_slice(&self.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// From GitHub's documentation of the header: secret, body and what they make.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn read(values: &[&str]) -> Option<Signature> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_str(value).unwrap());
        }
        Signature::read(&headers)
    }

    #[test]
    fn githubs_own_example() {
        assert!(read(&[GOOD]).unwrap().is_of(BODY, &SECRET.into()));
    }

    #[test]
    fn w2_one_header_of_exactly_this_form() {
        let upper = GOOD.to_uppercase().replace("SHA256", "sha256");
        let bare = GOOD.trim_start_matches("sha256=");
        let long = format!("{GOOD}0");
        for bad in [&[][..], &[""], &[GOOD, GOOD], &[&GOOD[..70]], &[&upper], &[bare], &[&long], &["sha1=00"]] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn w3_w4_another_body_or_secret() {
        let good = read(&[GOOD]).unwrap();
        assert!(!good.is_of(b"Hello, World! ", &SECRET.into()));
        assert!(!good.is_of(BODY, &"another".into()));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"").unwrap();
        mac.update(BODY);
        assert!(!Signature(mac.finalize().into_bytes().into()).is_of(BODY, &"".into()), "an empty secret");
    }
}
