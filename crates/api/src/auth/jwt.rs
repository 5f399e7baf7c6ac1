//! Bearer tokens: HS256 over the session they stand for, good for an hour.
//!
//! Time is checked against our own [`Clock`], not by the library, so that tests can move it; everything else
//! (algorithm, signature, presence of `exp`) is the library's.

use std::time::Duration;

use berth_model::{Clock, SessionId, UserId};
use berth_secrets::SecretString;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long a token is good.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Signs and reads tokens.
pub(crate) struct Jwt {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Clock,
}

/// What a token says. The user id is a decimal string, as existing clients expect it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    email: Option<String>,
    user_id: String,
    sid: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl Jwt {
    /// Tokens signed with `secret`.
    pub(crate) fn new(secret: &SecretString, clock: Clock) -> Self {
        let key = secret.expose().as_bytes();
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), clock }
    }

    /// A token for a session.
    pub(crate) fn sign(
        &self,
        user: UserId,
        email: Option<&str>,
        session: SessionId,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now();
        let claims = Claims {
            email: email.map(str::to_owned),
            user_id: user.to_string(),
            sid: session.to_string(),
            iat: now.unix_seconds(),
            exp: now.after(LIFETIME).unix_seconds(),
            nbf: None,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// The user and session of a token that is ours and good now. Whether the session still stands is the caller's
    /// question to the store.
    pub(crate) fn verify(&self, token: &str) -> Option<(UserId, SessionId)> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &rules).ok()?.claims;
        let now = self.clock.now().unix_seconds();
        let in_time = claims.exp > now && claims.nbf.is_none_or(|from| from <= now);
        let (user, session) = (claims.user_id.parse().ok()?, claims.sid.parse().ok()?);
        in_time.then_some((UserId(user), SessionId(session)))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use berth_model::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two bytes";

    fn jwt() -> Jwt {
        Jwt::new(&SECRET.into(), Clock::manual(Timestamp(1_700_000_000_000_000)))
    }

    fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn claims() -> Value {
        json!({"email": "a@b", "userId": "7", "sid": "9", "iat": 1_700_000_000, "exp": 1_700_003_600})
    }

    #[test]
    fn its_own_tokens_for_an_hour() {
        let jwt = jwt();
        let token = jwt.sign(UserId(7), Some("a@b"), SessionId(9)).unwrap();
        assert_eq!(jwt.verify(&token), Some((UserId(7), SessionId(9))));
        jwt.clock.advance(LIFETIME - Duration::from_secs(1));
        assert!(jwt.verify(&token).is_some());
        jwt.clock.advance(Duration::from_secs(1));
        assert_eq!(jwt.verify(&token), None, "expired");
    }

    #[test]
    fn a1_nothing_else() {
        let jwt = jwt();
        assert!(jwt.verify(&signed(Algorithm::HS256, SECRET, &claims())).is_some(), "the control");
        let changed = |key: &str, value: Value| {
            let mut claims = claims();
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(key)),
                value => claims[key] = value,
            }
            jwt.verify(&signed(Algorithm::HS256, SECRET, &claims))
        };
        assert_eq!(changed("exp", json!(1_699_999_999)), None, "expired");
        assert_eq!(changed("exp", Value::Null), None, "no exp");
        assert_eq!(changed("exp", json!("1700003600")), None, "exp as text");
        assert_eq!(changed("nbf", json!(1_700_000_100)), None, "not yet");
        assert_eq!(changed("sid", Value::Null), None, "no session");
        assert_eq!(changed("userId", json!("x")), None, "no user");
        assert_eq!(jwt.verify(&signed(Algorithm::HS256, "another secret of thirty-two bytes!", &claims())), None);
        assert_eq!(jwt.verify(&signed(Algorithm::HS512, SECRET, &claims())), None, "another algorithm");
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let token = signed(Algorithm::HS256, SECRET, &claims());
        let signature = token.rsplit('.').next().unwrap();
        for algorithm in ["none", "RS256", "NONE"] {
            let head = part(json!({"alg": algorithm, "typ": "JWT"}));
            assert_eq!(jwt.verify(&format!("{head}.{}.", part(claims()))), None, "{algorithm}");
            assert_eq!(jwt.verify(&format!("{head}.{}.{signature}", part(claims()))), None, "{algorithm}");
            // Signed as ours are, whatever its head says.
            let ours = format!("{head}.{}", part(claims()));
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            let signature = jsonwebtoken::crypto::sign(ours.as_bytes(), &key, Algorithm::HS256).unwrap();
            assert_eq!(jwt.verify(&format!("{ours}.{signature}")), None, "{algorithm}");
        }
        assert_eq!(jwt.verify(""), None);
    }
}
