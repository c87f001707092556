//! When a token is valid.
//!
//! Pure. Meets J11 and "Decided" 3: whole numbers only, one leeway, `exp` always, a future `iat` never; a long lifetime
//! is no reason to refuse.

use super::refusal::Why;
use crate::clock::UnixTime;
use crate::jose::Json;
use crate::jose::json::Object;

/// How far the clocks of the issuer and of this machine may be apart, in seconds. Ours is the only leeway there is.
pub(crate) const LEEWAY: u64 = 30;
/// How far the clocks of two replicas of ours may be apart.
pub(crate) const APART: u64 = 60;

pub(crate) fn check(claims: &Object, now: UnixTime) -> Result<(), Why> {
    check_from(claims, now, LEEWAY)
}

/// For tokens that a replica of ours has made: its clock may be ahead of this machine's, and the client has the token at once.
pub(crate) fn check_own(claims: &Object, now: UnixTime) -> Result<(), Why> {
    check_from(claims, now, LEEWAY + APART)
}

fn check_from(claims: &Object, now: UnixTime, ahead: u64) -> Result<(), Why> {
    let expires = expires(claims)?;
    // RFC 7519 §4.1.4: on or after which the token MUST NOT be accepted.
    if now.0 >= expires.0 + LEEWAY {
        return Err(Why::Expired);
    }
    let from = [seconds(claims, "nbf")?, seconds(claims, "iat")?];
    if from.into_iter().flatten().any(|from| from.0 > now.0 + ahead) {
        return Err(Why::NotYetValid);
    }
    Ok(())
}

/// A token without an end is not accepted.
pub(crate) fn expires(claims: &Object) -> Result<UnixTime, Why> {
    seconds(claims, "exp")?.ok_or(Why::Time)
}

/// Whoever signs with a shared secret says when it did.
pub(super) fn require_issued_at(claims: &Object) -> Result<(), Why> {
    seconds(claims, "iat")?.map(|_| ()).ok_or(Why::Time)
}

/// RFC 7519 §2: a JSON number. `Json` takes one without a fraction, up to 2^53; a time before 1970 is a mistake.
fn seconds(claims: &Object, name: &str) -> Result<Option<UnixTime>, Why> {
    match claims.get(name) {
        None => Ok(None),
        Some(Json::Whole(seconds)) => Ok(Some(UnixTime(u64::try_from(*seconds).map_err(|_| Why::Time)?))),
        Some(_) => Err(Why::Time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn parsed(claims: &str) -> Object {
        Json::parse(claims.as_bytes()).ok().and_then(Json::into_object).expect("an object")
    }

    fn at(claims: &str) -> Result<(), Why> {
        check(&parsed(claims), UnixTime(NOW))
    }

    #[test]
    fn a_token_ends_leeway_seconds_after_exp_to_the_second() {
        assert_eq!(at(&format!(r#"{{"exp":{}}}"#, NOW - 29)), Ok(()));
        assert_eq!(at(&format!(r#"{{"exp":{}}}"#, NOW - 30)), Err(Why::Expired));
        assert_eq!(at(&format!(r#"{{"exp":{}}}"#, NOW - 31)), Err(Why::Expired));
    }

    #[test]
    fn a_token_starts_leeway_seconds_before_nbf_and_iat_to_the_second() {
        for name in ["nbf", "iat"] {
            let from = |from: u64| at(&format!(r#"{{"exp":{},"{name}":{from}}}"#, NOW + 60));
            assert_eq!(from(NOW + 29), Ok(()));
            assert_eq!(from(NOW + 30), Ok(()));
            assert_eq!(from(NOW + 31), Err(Why::NotYetValid));
        }
    }

    #[test]
    fn a_token_of_our_own_may_begin_a_minute_earlier_and_ends_no_later() {
        let own = |claims: &str| check_own(&parsed(claims), UnixTime(NOW));
        let begins = |from: u64| own(&format!(r#"{{"exp":{},"iat":{from}}}"#, NOW + 900));
        assert_eq!(begins(NOW + 90), Ok(()));
        assert_eq!(begins(NOW + 91), Err(Why::NotYetValid));
        assert_eq!(own(&format!(r#"{{"exp":{}}}"#, NOW - 29)), Ok(()));
        assert_eq!(own(&format!(r#"{{"exp":{}}}"#, NOW - 30)), Err(Why::Expired));
    }
}
