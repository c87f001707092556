//! A client that proves itself with a signed assertion (`private_key_jwt`, RFC 7523 §3): ChatGPT is one, and whom the policy gives keys.
//!
//! Asks for the client's keys, which may have to be fetched; otherwise pure. Signed by the client, about the client, for us, once, and
//! soon over. Meets A6, D6, O15, O25.

use super::{Client, Clients, Origin, Unknown, Wanted};
use crate::bearer::times;
use crate::clock::UnixTime;
use crate::jose::json::Object;
use crate::jose::keyset::LookupError;
use crate::jose::{Compact, Header, Json, base64url, shown};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ledger::{Fact, Ledger, Once};
use crate::oauth::values::Digest16;

/// What an assertion must say, and where it is remembered that it was used.
#[derive(Debug)]
pub struct Judge<'a> {
    pub clients: &'a Clients,
    pub ledger: &'a Ledger,
    /// RFC 7523 §3, 3: our issuer, or the endpoint that it is sent to.
    pub audiences: &'a [String],
    pub now: UnixTime,
}

/// What is remembered of an assertion: as long, whoever signed it and whatever it says (O15).
#[derive(Debug, PartialEq, Eq)]
struct Used {
    /// A digest of whose it is and of its id.
    name: String,
    whose: String,
    ends: UnixTime,
}

/// Where the assertions of a client are remembered, and for how long at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    kind: &'static str,
    longest: u64,
}

/// Anybody publishes a document and signs: that must fill no room of those whom the policy names (O15).
const STRANGERS: Room = Room { kind: "assertion", longest: 600 };
/// There are libraries that sign for an hour where nobody tells them otherwise.
const NAMED: Room = Room { kind: "assertion of a named client", longest: 3600 };
const FULL: OAuthError = OAuthError::new(
    Code::TemporarilyUnavailable,
    "the server cannot remember more assertions at the moment; try again",
);

/// Why an assertion is not believed: for the log, and for nobody who asks (O26).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Doubt {
    #[error("it is not a signed JWT that is read here")]
    Form,
    #[error("it names no key that the client has for this algorithm")]
    Key,
    #[error("its signature is not the client's")]
    Signature,
    #[error("iss and sub are not both the id of the client")]
    Client,
    #[error("aud is neither the issuer nor the token endpoint")]
    Audience,
    #[error("it is over, or not begun yet, or its times are no whole numbers")]
    Time,
    #[error("exp is further away than this client may sign for")]
    TooLong,
    #[error("jti is missing, or longer than 256 bytes")]
    Id,
    #[error("it was used before")]
    Used,
}

impl Judge<'_> {
    /// Whether this assertion shows that the client is the one that it says.
    pub async fn believes(&self, assertion: &str, client: &Client) -> Result<bool, OAuthError> {
        let id = client.key.as_str();
        let not = |why: Doubt| {
            tracing::debug!(client = shown(id), %why, "a client assertion is not believed");
            Ok(false)
        };
        let compact = match self.signed(assertion, client).await? {
            Ok(compact) => compact,
            Err(why) => return not(why),
        };
        let room = Room::of(&client.origin);
        let used = match read(&compact, id, self.audiences, room, self.now) {
            Ok(read) => read,
            Err(why) => return not(why),
        };
        // Nothing was sealed that would say under which key: replicas that disagree about the newest, for the moment of its
        // rotation, each take it once.
        let fact = Fact { kind: room.kind, id: &used.name, key: None, whose: Some(&used.whose) };
        if is_first(self.ledger.once(fact, used.ends).await?)? { Ok(true) } else { not(Doubt::Used) }
    }

    /// Its parts, if the client signed it.
    async fn signed<'a>(
        &self,
        assertion: &'a str,
        client: &Client,
    ) -> Result<Result<Compact<'a>, Doubt>, OAuthError> {
        let Ok(compact) = Compact::parse(assertion) else { return Ok(Err(Doubt::Form)) };
        let Ok(header) = Header::parse_assertion(compact.header) else { return Ok(Err(Doubt::Form)) };
        for wanted in [Wanted::Known, Wanted::Anew] {
            let keys = match self.clients.keys(client, wanted).await {
                Ok(keys) => keys,
                Err(later @ Unknown::Later) => return Err(later.into()),
                Err(_) => break,
            };
            match keys.key(&header) {
                Ok(key) if key.verifies(header.algorithm, compact.signed, compact.signature) => {
                    return Ok(Ok(compact));
                }
                Ok(_) => return Ok(Err(Doubt::Signature)),
                Err(LookupError::Unknown) => {}
                Err(_) => break,
            }
        }
        Ok(Err(Doubt::Key))
    }
}

impl Used {
    fn new(client: &str, jti: &str, ends: UnixTime) -> Self {
        let whose = Digest16::of(client).to_string();
        // The first part has one length: no two clients and ids make one text.
        Self { name: Digest16::of(&format!("{whose}{jti}")).to_string(), whose, ends }
    }
}

impl Room {
    fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Policy => NAMED,
            Origin::Registration | Origin::Document { .. } => STRANGERS,
        }
    }
}

/// RFC 7521 §4.2: the subject identifies the client. Nothing that it says is believed before its signature.
pub(super) fn subject(assertion: &str) -> Option<String> {
    let claims = claims(&Compact::parse(assertion).ok()?)?;
    claims.get("sub").and_then(Json::as_text).map(str::to_owned)
}

/// What is to be remembered of it, if it is right.
fn read(
    compact: &Compact<'_>,
    id: &str,
    audiences: &[String],
    room: Room,
    now: UnixTime,
) -> Result<Used, Doubt> {
    let claims = claims(compact).ok_or(Doubt::Form)?;
    let text = |name: &str| claims.get(name).and_then(Json::as_text);
    let named = claims.get("aud").and_then(Json::as_texts).unwrap_or_default();
    times::check(&claims, now).map_err(|_| Doubt::Time)?;
    let ends = times::expires(&claims).map_err(|_| Doubt::Time)?;
    if text("iss") != Some(id) || text("sub") != Some(id) {
        return Err(Doubt::Client);
    }
    if !named.iter().any(|named| audiences.iter().any(|ours| ours == named)) {
        return Err(Doubt::Audience);
    }
    if ends.0 > now.0 + room.longest + times::LEEWAY {
        return Err(Doubt::TooLong);
    }
    // OpenID Connect Core §9 REQUIRED: an id, so that it is used once.
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= 256).ok_or(Doubt::Id)?;
    Ok(Used::new(id, jti, UnixTime(ends.0 + times::LEEWAY)))
}

fn claims(compact: &Compact<'_>) -> Option<Object> {
    Json::parse(&base64url::decode(compact.payload)?).ok()?.into_object()
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
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use http::StatusCode;

    use super::*;
    use crate::clock::Clock;
    use crate::oauth::ledger::Memory;

    const CLIENT: &str = "https://client.example/app";
    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn of(claims: &str) -> String {
        format!("e30.{}.AAAA", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn d6_each_thing_that_is_wrong_with_an_assertion_is_told_from_the_others() {
        let good = r#"{"iss":"https://client.example/app","sub":"https://client.example/app","aud":"us","exp":1800000300,"jti":"1"}"#;
        let said = |claims: &str| {
            let text = of(claims);
            read(&Compact::parse(&text).expect("three parts"), CLIENT, &["us".to_owned()], STRANGERS, NOW)
                .map(|_| ())
        };
        assert_eq!(said(good), Ok(()));
        for (right, wrong, why) in [
            ("\"us\"", "\"them\"", Doubt::Audience),
            ("1800000300", "1799999000", Doubt::Time),
            ("1800000300", "1800000631", Doubt::TooLong),
            ("\"iss\":\"https", "\"iss\":\"http", Doubt::Client),
            ("\"sub\":\"https", "\"sub\":\"http", Doubt::Client),
            ("\"1\"", "\"\"", Doubt::Id),
            ("}", "", Doubt::Form),
        ] {
            assert_eq!(said(&good.replace(right, wrong)), Err(why), "{wrong}");
        }
    }

    #[test]
    fn d6_the_subject_says_whose_an_assertion_is_and_what_is_none_says_nothing() {
        assert_eq!(subject(&of(r#"{"sub":"a"}"#)).as_deref(), Some("a"));
        for none in ["{}", r#"{"sub":7}"#, r#"{"sub":"a","sub":"b"}"#, "[]"] {
            assert_eq!(subject(&of(none)), None, "{none}");
        }
        assert_eq!(subject("a.b"), None);
    }

    #[test]
    fn o25_an_assertion_that_cannot_be_remembered_is_put_off_and_one_that_was_used_is_wrong() {
        assert_eq!([is_first(Once::First), is_first(Once::Again)], [Ok(true), Ok(false)]);
        let put_off = is_first(Once::Full).expect_err("neither right nor wrong").into_response();
        assert_eq!(put_off.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(put_off.headers().contains_key("retry-after"));
    }

    #[test]
    fn o15_what_is_remembered_of_an_assertion_is_as_long_whatever_it_says() {
        let used = |client: &str, jti: &str| Used::new(client, jti, UnixTime(0));
        let (short, long) = (used("ci", "1"), used(&"c".repeat(1024), &"j".repeat(256)));
        let lengths = |used: &Used| [used.name.len(), used.whose.len()];
        assert_eq!([lengths(&short), lengths(&long)], [[22; 2]; 2]);
        // One client's ids are each its own, and no other one's.
        assert_eq!(used("ci", "1"), short);
        assert_ne!(used("ci", "2").name, short.name);
        assert_eq!(used("ci", "2").whose, short.whose);
        assert_ne!(used("ci 1", "1").name, used("ci", "1 1").name);
        assert_ne!(used("other", "1").whose, short.whose);
    }

    #[test]
    fn o15_a_flood_of_strangers_takes_no_room_of_a_client_that_the_policy_names() {
        let memory = Memory::new(Clock::by_hand(UnixTime(0)).0);
        let takes = |room: Room, client: &str, jti: usize| {
            let Used { name, whose, ends } = Used::new(client, &jti.to_string(), UnixTime(600));
            memory.once(Fact { kind: room.kind, id: &name, key: None, whose: Some(&whose) }, ends)
        };
        let strangers = Room::of(&Origin::Document { host: "flood.example".to_owned() });
        let named = Room::of(&Origin::Policy);
        let flood = (0..).take_while(|jti| takes(strangers, "https://flood.example/c", *jti) == Once::First);
        let count = flood.count();
        assert_eq!(takes(strangers, "https://flood.example/c", count), Once::Full);
        assert_eq!(takes(named, "https://flood.example/c", count), Once::First, "whatever its id");
        assert_eq!(takes(strangers, "https://honest.example/c", 0), Once::First);
    }
}
