//! A client that proves itself with a signed assertion (`private_key_jwt`, RFC 7523 §3): ChatGPT is one, and whom the policy gives keys.
//!
//! Asks for the client's keys, which may have to be fetched; otherwise pure. Signed by the client, about the client, for us, once, and
//! soon over. Meets A6, D6, O25.

use super::{Client, Clients, Unknown, Wanted};
use crate::bearer::times;
use crate::clock::UnixTime;
use crate::jose::keyset::LookupError;
use crate::jose::{Compact, Header, Json, base64url};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ledger::{Fact, Ledger, Once};

/// What an assertion must say, and where it is remembered that it was used.
#[derive(Debug)]
pub struct Judge<'a> {
    pub clients: &'a Clients,
    pub ledger: &'a Ledger,
    /// RFC 7523 §3, 3: our issuer, or the endpoint that it is sent to.
    pub audiences: &'a [String],
    pub now: UnixTime,
}

/// An assertion that lives longer is refused: it would have to be remembered for as long.
const LONGEST_LIFE: u64 = 3600;
const FULL: OAuthError = OAuthError::new(
    Code::TemporarilyUnavailable,
    "the server cannot remember more assertions at the moment; try again",
);

impl Judge<'_> {
    /// Whether this assertion shows that the client is the one that it says.
    pub async fn believes(&self, assertion: &str, client: &Client) -> Result<bool, OAuthError> {
        let Some(compact) = self.signed(assertion, client).await? else { return Ok(false) };
        let Some((used, ends)) = self.read(&compact, client) else { return Ok(false) };
        // Nothing was sealed that would say under which key: replicas that disagree about the newest, for the moment of its
        // rotation, each take it once.
        let fact = Fact { kind: "assertion", id: &used, key: None };
        is_first(self.ledger.once(fact, ends).await?)
    }

    /// Its parts, if the client signed it.
    async fn signed<'a>(
        &self,
        assertion: &'a str,
        client: &Client,
    ) -> Result<Option<Compact<'a>>, OAuthError> {
        let Ok(compact) = Compact::parse(assertion) else { return Ok(None) };
        let Ok(header) = Header::parse_assertion(compact.header) else { return Ok(None) };
        Ok(self.is_signed(&compact, &header, client).await?.then_some(compact))
    }

    /// By what it is remembered, and until when, if it is right.
    fn read(&self, compact: &Compact<'_>, client: &Client) -> Option<(String, UnixTime)> {
        let claims = Json::parse(&base64url::decode(compact.payload)?).ok()?.into_object()?;
        let text = |name: &str| claims.get(name).and_then(Json::as_text);
        let id = client.key.as_str();
        let audiences = claims.get("aud").and_then(Json::as_texts).unwrap_or_default();
        times::check(&claims, self.now).ok()?;
        let ends = times::expires(&claims).ok()?;
        let is_right = text("iss") == Some(id)
            && text("sub") == Some(id)
            && audiences.iter().any(|named| self.audiences.iter().any(|ours| ours == named))
            && ends.0 <= self.now.0 + LONGEST_LIFE;
        if !is_right {
            return None;
        }
        // OpenID Connect Core §9 REQUIRED: an id, so that it is used once.
        let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= 256)?;
        Some((format!("{id} {jti}"), UnixTime(ends.0 + times::LEEWAY)))
    }

    async fn is_signed(
        &self,
        compact: &Compact<'_>,
        header: &Header,
        client: &Client,
    ) -> Result<bool, OAuthError> {
        for wanted in [Wanted::Known, Wanted::Anew] {
            let keys = match self.clients.keys(client, wanted).await {
                Ok(keys) => keys,
                Err(later @ Unknown::Later) => return Err(later.into()),
                Err(_) => return Ok(false),
            };
            match keys.key(header) {
                Ok(key) => return Ok(key.verifies(header.algorithm, compact.signed, compact.signature)),
                Err(LookupError::Unknown) => {}
                Err(_) => return Ok(false),
            }
        }
        Ok(false)
    }
}

/// What cannot be remembered is no proof, and not a wrong one either: a client that reads 401 registers anew (A23).
fn is_first(once: Once) -> Result<bool, OAuthError> {
    match once {
        Once::First => Ok(true),
        Once::Again => Ok(false),
        Once::Full => Err(FULL),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn o25_an_assertion_that_cannot_be_remembered_is_put_off_and_one_that_was_used_is_wrong() {
        assert_eq!([is_first(Once::First), is_first(Once::Again)], [Ok(true), Ok(false)]);
        let put_off = is_first(Once::Full).expect_err("neither right nor wrong").into_response();
        assert_eq!(put_off.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(put_off.headers().contains_key("retry-after"));
    }
}
