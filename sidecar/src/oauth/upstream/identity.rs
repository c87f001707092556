//! Who the ID token speaks of, when all of it is right (OpenID Connect Core §3.1.3.7).
//!
//! Asks the provider for keys, through `provider`; otherwise pure. The same strict reader as for access tokens, and none of their
//! rules: this token is for us, the client. Meets J15, O11.

use crds::names::ClaimName;
use crds::policy::ClaimRules;

use crate::bearer::{claims, times};
use crate::clock::UnixTime;
use crate::jose::json::Object;
use crate::jose::{Compact, Header, Json, base64url};
use crate::oauth::values::{Digest16, Person};
use crate::provider::{KeyError, Provider};

/// What the token must say.
#[derive(Debug)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// Of the login that it answers; none at a refresh.
    pub nonce: Option<&'a str>,
    pub now: UnixTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("its keys are not at hand")]
    KeysUnavailable,
    #[error("{0}")]
    Wrong(&'static str),
}

/// A name that is longer, or has control characters, is none (J15, P02).
const LONGEST: usize = 255;

/// The claims, if everything about the token is right.
pub async fn verify(
    token: &str,
    expected: &Expected<'_>,
    provider: &Provider,
) -> Result<Object, IdentityError> {
    let wrong = IdentityError::Wrong;
    let compact = Compact::parse(token).map_err(|_| wrong("its ID token is not a signed JWT"))?;
    let header =
        Header::parse(compact.header).map_err(|_| wrong("the header of its ID token is not accepted"))?;
    let key = provider.key(&header).await.map_err(|error| match error {
        KeyError::Unavailable => IdentityError::KeysUnavailable,
        KeyError::NoMatch(_) => wrong("its ID token names a key that is not the provider's"),
    })?;
    if !key.verifies(header.algorithm, compact.signed, compact.signature) {
        return Err(wrong("the signature of its ID token is not valid"));
    }
    let payload = base64url::decode(compact.payload).and_then(|bytes| Json::parse(&bytes).ok());
    let claims =
        payload.and_then(Json::into_object).ok_or(wrong("the claims of its ID token cannot be read"))?;
    check(&claims, expected).map_err(wrong)?;
    Ok(claims)
}

fn check(claims: &Object, expected: &Expected<'_>) -> Result<(), &'static str> {
    claims::check_issuer(claims, expected.issuer).map_err(|_| "its ID token is from another issuer")?;
    times::check(claims, expected.now).map_err(|_| "its ID token is over, or not valid yet")?;
    let text = |name: &str| claims.get(name).and_then(Json::as_text);
    let audience = claims.get("aud").and_then(Json::as_texts).unwrap_or_default();
    if !audience.contains(&expected.client_id) {
        return Err("its ID token is for another client");
    }
    // §3.1.3.7, 4 and 5: with several audiences, the party that it was issued to is named, and is us.
    let party_is_us = match claims.get("azp") {
        None => audience.len() == 1,
        Some(_) => text("azp") == Some(expected.client_id),
    };
    if !party_is_us {
        return Err("its ID token was issued to another client");
    }
    if expected.nonce.is_some() && text("nonce") != expected.nonce {
        return Err("its ID token is not the answer to this login");
    }
    Ok(())
}

/// Whether the user has each claim that the policy requires.
pub fn meets(claims: &Object, rules: &ClaimRules) -> bool {
    claims::check_required(claims, &rules.require).is_ok()
}

/// The user: a subject that is nobody else's at any other provider, and a name to be recognised by.
pub fn person(claims: &Object, issuer: &str, user: &ClaimName, now: UnixTime) -> Option<Person> {
    person_as(claims.get("sub").and_then(Json::as_text)?, claims, issuer, user, now)
}

/// The same where something else than `sub` says who it is.
pub fn person_as(
    subject: &str,
    claims: &Object,
    issuer: &str,
    user: &ClaimName,
    now: UnixTime,
) -> Option<Person> {
    let clean = |name: &str| claims.get(name).and_then(Json::as_text).filter(|text| is_clean(text));
    let subject = is_clean(subject).then(|| scoped(issuer, subject))?;
    let authenticated = match claims.get("auth_time") {
        Some(Json::Whole(at)) => u64::try_from(*at).map_or(now, UnixTime),
        _ => now,
    };
    Some(Person { subject, user: clean(user.as_str()).map(str::to_owned), authenticated })
}

/// `company.okta.com|00u1`: the issuer without its scheme, and its subject. Where that is too long to pass on, a digest of both.
fn scoped(issuer: &str, subject: &str) -> String {
    let issuer = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let whole = format!("{}|{subject}", issuer.trim_end_matches('/'));
    if whole.len() <= LONGEST {
        return whole;
    }
    let host = issuer.split('/').next().unwrap_or_default();
    format!("{}|{}", host.get(..128).unwrap_or(host), Digest16::of(&whole))
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected<'static> = Expected {
        issuer: "https://idp.example",
        client_id: "us",
        nonce: Some("n"),
        now: UnixTime(1_800_000_000),
    };

    fn object(json: &str) -> Object {
        Json::parse(json.as_bytes()).ok().and_then(Json::into_object).expect("an object")
    }

    fn verdict(change: &str) -> Result<(), &'static str> {
        let mut claims = object(
            r#"{"iss":"https://idp.example","aud":"us","sub":"1","nonce":"n","exp":1800000060,"iat":1800000000}"#,
        );
        for (name, value) in object(change) {
            match value {
                Json::Null => drop(claims.remove(&name)),
                value => drop(claims.insert(name, value)),
            }
        }
        check(&claims, &EXPECTED)
    }

    #[test]
    fn o11_an_id_token_that_is_wrong_in_one_thing_is_refused_and_its_twin_is_not() {
        for good in ["{}", r#"{"aud":["us"]}"#, r#"{"aud":["us","them"],"azp":"us"}"#, r#"{"azp":"us"}"#] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
        for bad in [
            r#"{"iss":"https://idp.example/"}"#,
            r#"{"iss":null}"#,
            r#"{"aud":"them"}"#,
            r#"{"aud":["us",1]}"#,
            r#"{"aud":["us","them"]}"#,
            r#"{"aud":null}"#,
            r#"{"azp":"them"}"#,
            r#"{"azp":1}"#,
            r#"{"nonce":"m"}"#,
            r#"{"nonce":null}"#,
            r#"{"exp":1799999900}"#,
            r#"{"exp":null}"#,
            r#"{"exp":"1800000060"}"#,
            r#"{"iat":1800000060}"#,
        ] {
            assert!(verdict(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn j15_a_subject_is_the_providers_own_and_never_long_or_odd() {
        let user = ClaimName::parse("email").expect("valid");
        let of = |claims: &str| person(&object(claims), "https://t.auth0.com/", &user, UnixTime(7));
        let known = of(r#"{"sub":"auth0|1","email":"a@b","auth_time":5}"#).expect("a person");
        assert_eq!((known.subject.as_str(), known.user.as_deref()), ("t.auth0.com|auth0|1", Some("a@b")));
        assert_eq!(known.authenticated, UnixTime(5));
        assert_eq!(of(r#"{"sub":"1"}"#).expect("a person").authenticated, UnixTime(7));
        let long = format!(r#"{{"sub":"{}"}}"#, "x".repeat(255));
        assert!(of(&long).expect("a person").subject.len() <= LONGEST);
        for odd in [
            r#"{"sub":""}"#,
            r#"{"sub":"a\nb"}"#,
            r#"{"sub":7}"#,
            "{}",
            &format!(r#"{{"sub":"{}"}}"#, "x".repeat(256)),
        ] {
            assert!(of(odd).is_none(), "{odd}");
        }
    }
}
