//! Whether a delivery was signed with our secret. Judged over the raw bytes, before anything reads them.

use berth_secrets::{SecretString, constant_time_eq};
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha2::Sha256;

use super::provider::Provider;

/// Bytes of a token that is worth comparing.
const LONGEST_TOKEN: usize = 256;

/// A signature that has the right form: it still has to be the right one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// Of exactly these bytes.
    Hmac([u8; 32]),
    /// GitLab sends the secret itself.
    Token(SecretString),
}

impl Signature {
    /// Reads the sender's one header; `None` for none, two, or any other form.
    pub(crate) fn read(provider: Provider, headers: &HeaderMap) -> Option<Self> {
        match provider {
            Provider::Github => hex_digits(only(headers, "x-hub-signature-256")?.strip_prefix("sha256=")?),
            Provider::Gitea => hex_digits(only(headers, "x-gitea-signature")?),
            Provider::Forgejo if headers.contains_key("x-forgejo-signature") => {
                hex_digits(only(headers, "x-forgejo-signature")?)
            }
            Provider::Forgejo => hex_digits(only(headers, "x-gitea-signature")?),
            Provider::Gitlab => {
                let token = only(headers, "x-gitlab-token")?;
                let fits = !token.is_empty() && token.len() <= LONGEST_TOKEN;
                fits.then(|| Self::Token(SecretString::from(token.to_owned())))
            }
        }
    }

    /// Whether it is `body`'s, compared in constant time. An empty secret signs nothing.
    pub(crate) fn is_of(&self, body: &[u8], secret: &SecretString) -> bool {
        if secret.is_empty() {
            return false;
        }
        match self {
            Self::Hmac(signature) => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
                mac.update(body);
                mac.verify_slice(signature).is_ok()
            }
            Self::Token(token) => constant_time_eq(token.expose().as_bytes(), secret.expose().as_bytes()),
        }
    }
}

/// What makes a delivery GitHub's, for one that Berth sends itself.
pub(crate) fn sign(body: &[u8], secret: &SecretString) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(body);
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    value.to_str().ok()
}

/// 64 lower-case hex digits.
fn hex_digits(digits: &str) -> Option<Signature> {
    if digits.len() != 64 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(Signature::Hmac(bytes))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// From GitHub's documentation of the header: secret, body and what they make.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn read(provider: Provider, name: &'static str, values: &[&str]) -> Option<Signature> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        Signature::read(provider, &headers)
    }

    fn of_github(values: &[&str]) -> Option<Signature> {
        read(Provider::Github, "x-hub-signature-256", values)
    }

    #[test]
    fn githubs_own_example() {
        assert!(of_github(&[GOOD]).unwrap().is_of(BODY, &SECRET.into()));
        assert_eq!(sign(BODY, &SECRET.into()).as_deref(), Some(GOOD));
    }

    #[test]
    fn w2_one_header_of_exactly_this_form() {
        let upper = GOOD.to_uppercase().replace("SHA256", "sha256");
        let long = format!("{GOOD}0");
        for bad in [&[][..], &[""], &[GOOD, GOOD], &[&GOOD[..70]], &[&upper], &[DIGITS], &[&long], &["sha1=00"]] {
            assert_eq!(of_github(bad), None, "{bad:?}");
        }
        // What GitHub sends beside it for old receivers, and right for this body and secret.
        let sha1 = "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59";
        assert_eq!(of_github(&[sha1]), None);
        assert_eq!(read(Provider::Github, "x-hub-signature", &[sha1]), None);
    }

    #[test]
    fn w3_w4_another_body_or_secret() {
        let good = of_github(&[GOOD]).unwrap();
        assert!(!good.is_of(b"Hello, World! ", &SECRET.into()));
        assert!(!good.is_of(BODY, &"another".into()));
        let empty = sign(BODY, &"".into()).unwrap();
        assert!(!of_github(&[&empty]).unwrap().is_of(BODY, &"".into()), "an empty secret");
    }

    #[test]
    fn gitea_and_forgejo_sign_without_a_prefix() {
        for (provider, name) in [
            (Provider::Gitea, "x-gitea-signature"),
            (Provider::Forgejo, "x-gitea-signature"),
            (Provider::Forgejo, "x-forgejo-signature"),
        ] {
            assert!(read(provider, name, &[DIGITS]).unwrap().is_of(BODY, &SECRET.into()));
            assert_eq!(read(provider, name, &[GOOD]), None);
            assert_eq!(read(provider, name, &[DIGITS, DIGITS]), None);
        }
        assert_eq!(read(Provider::Gitea, "x-hub-signature-256", &[GOOD]), None, "each is held to its own header");
    }

    #[test]
    fn gitlab_sends_the_secret_itself() {
        let token = |values: &[&str]| read(Provider::Gitlab, "x-gitlab-token", values);
        assert!(token(&[SECRET]).unwrap().is_of(b"any body", &SECRET.into()));
        assert!(!token(&["It's a secret"]).unwrap().is_of(b"any body", &SECRET.into()));
        assert!(!token(&["x"]).unwrap().is_of(BODY, &"".into()));
        for bad in [&[][..], &[""], &[SECRET, SECRET], &[&"x".repeat(257)]] {
            assert_eq!(token(bad), None);
        }
    }
}
