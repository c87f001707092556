//! Refresh tokens in the store: who exchanges one, how far its family is, and what came of the last exchange.
//!
//! Talks to the store. Whoever exchanges a token has a claim to it meanwhile, so that a second request, on whichever replica, waits
//! for what the first one gets (D11). The answer lies there for two minutes, sealed for whoever shows that token once more: it may
//! carry a token of the provider that nobody could ask for a second time. Meets A13, D11, O12, O29.

use std::time::Duration;

use crds::proxy::KeyId;

use super::link::Command;
use super::names::Name;
use super::resp::Reply;
use super::{Store, StoreError, millis};

/// A refresh token, as it was shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub family: &'a str,
    pub generation: u32,
    /// As the client sent it.
    pub token: &'a str,
    /// The key that sealed it.
    pub key: &'a KeyId,
}

/// What to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has exchanged it: it is the caller's to do so, soon, and then to say so.
    Ours,
    /// Somebody is at it.
    Underway,
    /// It was exchanged just now: this came of it.
    Answered(String),
    /// It was exchanged before, and not just now.
    Reused,
    /// Its family has ended.
    Ended,
}

/// As long an exchange may take, and longer: whoever dies in the middle keeps the others waiting for no more than this.
const CLAIMED: Duration = Duration::from_secs(30);
impl Store {
    /// May this refresh token be exchanged here and now?
    pub async fn claim(&self, shown: &Shown<'_>) -> Result<Claim, StoreError> {
        let (claim, answer) = (self.name(shown, "claim")?, self.name(shown, "answer")?);
        let ended = self.names.all(&["ended", shown.family]);
        let newest = self.names.all(&["newest", shown.family]);
        // The claim first: whoever has it reads what everybody wrote who had it before.
        let millis = millis(CLAIMED);
        let replies = self
            .call(&[
                self.take(&claim, &millis),
                vec![b"GET", claim.as_bytes()],
                many(b"EXISTS", &ended),
                many(b"MGET", &newest),
                vec![b"GET", answer.as_bytes()],
            ])
            .await?;
        let [taken, whose, Reply::Whole(ended), Reply::List(newest), answer] = &replies[..] else {
            return Err(self.nonsense());
        };
        let is_ours = self.is_ours(taken, whose)?;
        let newest = newest.iter().map(generation).collect::<Option<Vec<_>>>();
        let newest = newest.and_then(|each| each.into_iter().max()).ok_or_else(|| self.nonsense())?;
        if *ended > 0 {
            return Ok(Claim::Ended);
        }
        if shown.generation >= newest {
            return Ok(if is_ours { Claim::Ours } else { Claim::Underway });
        }
        let opened = match answer {
            Reply::Bytes(sealed) if shown.generation + 1 == newest => {
                self.names.open(shown.key, shown.token, sealed)
            }
            _ => None,
        };
        Ok(opened.map_or(Claim::Reused, Claim::Answered))
    }

    /// What a refresh token was exchanged for: said again for so long, and never exchanged again.
    pub async fn conclude(
        &self,
        shown: &Shown<'_>,
        answer: &str,
        overlap: Duration,
        for_so_long: Duration,
    ) -> Result<(), StoreError> {
        let sealed = self.names.seal(shown.key, shown.token, answer)?;
        let (said, kept) = (millis(overlap), millis(for_so_long));
        let name = self.name(shown, "answer")?;
        let newest = shown.generation.saturating_add(1).to_string();
        let family = self.names.both(shown.key, &["newest", shown.family]);
        let mut commands: Vec<Command<'_>> =
            vec![vec![b"SET", name.as_bytes(), &sealed, b"PX", said.as_bytes()]];
        for name in &family {
            commands.push(vec![b"SET", name.as_bytes(), newest.as_bytes(), b"PX", kept.as_bytes()]);
        }
        self.call(&commands).await.map(drop)
    }

    /// Nothing came of the exchange: it may be tried again at once.
    pub async fn release(&self, shown: &Shown<'_>) -> Result<(), StoreError> {
        let claim = self.name(shown, "claim")?;
        self.call(&[vec![b"DEL", claim.as_bytes()]]).await.map(drop)
    }

    fn name(&self, shown: &Shown<'_>, kind: &str) -> Result<Name, StoreError> {
        let generation = shown.generation.to_string();
        self.names.of(Some(shown.key), &[kind, shown.family, &generation]).ok_or(StoreError::Seal)
    }
}

fn many<'a>(command: &'a [u8], names: &'a [Name]) -> Command<'a> {
    [command].into_iter().chain(names.iter().map(Name::as_bytes)).collect()
}

/// How far a family is: 0 where nobody has exchanged anything yet.
fn generation(reply: &Reply) -> Option<u32> {
    match reply {
        Reply::Nothing => Some(0),
        Reply::Bytes(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}
