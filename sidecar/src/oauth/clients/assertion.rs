//! A client that proves itself with a signed assertion (`private_key_jwt`, RFC 7523 §3): ChatGPT is one, and whom the policy gives keys.
//!
//! Asks for the client's keys, which may have to be fetched; otherwise pure. Signed by the client, about the client, for us, once, and
//! soon over. Meets A6, D6, O15, O25.

use super::{Client, Clients, Origin, Unknown, Wanted};
use crate::bearer::times;
use crate::clock::UnixTime;
use crate::jose::keyset::LookupError;
use crate::jose::{Compact, Header, Json, base64url};
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

impl Judge<'_> {
    /// Whether this assertion shows that the client is the one that it says.
    pub async fn believes(&self, assertion: &str, client: &Client) -> Result<bool, OAuthError> {
        let Some(compact) = self.signed(assertion, client).await? else { return Ok(false) };
        let room = Room::of(&client.origin);
        let Some(used) = self.read(&compact, client, room) else { return Ok(false) };
        // Nothing was sealed that would say under which key: replicas that disagree about the newest, for the moment of its
        // rotation, each take it once.
        let fact = Fact { kind: room.kind, id: &used.name, key: None, whose: Some(&used.whose) };
        is_first(self.ledger.once(fact, used.ends).await?)
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

    /// What is to be remembered of it, if it is right.
    fn read(&self, compact: &Compact<'_>, client: &Client, room: Room) -> Option<Used> {
        let claims = Json::parse(&base64url::decode(compact.payload)?).ok()?.into_object()?;
        let text = |name: &str| claims.get(name).and_then(Json::as_text);
        let id = client.key.as_str();
        let audiences = claims.get("aud").and_then(Json::as_texts).unwrap_or_default();
        times::check(&claims, self.now).ok()?;
        let ends = times::expires(&claims).ok()?;
        let is_right = text("iss") == Some(id)
            && text("sub") == Some(id)
            && audiences.iter().any(|named| self.audiences.iter().any(|ours| ours == named))
            && ends.0 <= self.now.0 + room.longest + times::LEEWAY;
        if !is_right {
            return None;
        }
        // OpenID Connect Core §9 REQUIRED: an id, so that it is used once.
        let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= 256)?;
        Some(Used::new(id, jti, UnixTime(ends.0 + times::LEEWAY)))
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
    use crate::clock::Clock;
    use crate::oauth::ledger::Memory;

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
