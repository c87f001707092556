//! How often the provider is told that a login is over, and of how many at once.
//!
//! Pure, but for a line in the log. Whoever has a login spends a share of their own, so that nobody's sign-outs keep another's from
//! the provider. Meets O15, O30.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::pace::{self, Pace, Paces};
use super::values::{ClientKey, Digest16, Grant};
use crate::clock::Clock;

/// Of one policy.
#[derive(Debug)]
pub struct Endings {
    persons: Paces<Digest16>,
    all: Pace,
    lines: Pace,
    places: Semaphore,
}

/// A slow provider is asked of so many at once. One person's share leaves a place, also where each call takes its ten seconds.
const AT_ONCE: usize = 16;
/// One login waits so long for those before it: an exchange of its own, and calls that are under way.
pub(super) const WAIT: Duration = Duration::from_secs(30);

impl Endings {
    pub fn new(clock: &Clock) -> Self {
        Self {
            persons: Paces::new(pace::OWN_ENDINGS, clock.clone()),
            all: Pace::new(pace::ENDINGS, clock.clone()),
            lines: Pace::new(pace::LINES, clock.clone()),
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// Whether the provider may be told of one more. What a person may not spends nothing of everybody's.
    pub fn allows(&self, grant: &Grant) -> bool {
        let why = if !self.persons.note(&Digest16::of(&grant.person.subject)) {
            "one user ends many"
        } else if !self.all.allows() {
            "many users end theirs"
        } else {
            return true;
        };
        self.left_out(&grant.client, why);
        false
    }

    /// One of the places; whoever came first has it first.
    pub async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    /// Once a minute at most: whoever ends logins without end fills no log with them.
    pub fn left_out(&self, client: &ClientKey, why: &'static str) {
        if self.lines.allows() {
            tracing::warn!(
                client = client.as_str(),
                reason = why,
                "too many logins end at a time, and the provider is not told of each: \
                 end the user's sessions there, or name a store"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::{Person, Upstream};
    use super::*;
    use crate::clock::UnixTime;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn grant(subject: &str) -> Grant {
        let upstream = Upstream { provider: Digest16::of("x"), refresh: None, access: None, asked: NOW };
        Grant {
            client: ClientKey::plain("a client of all"),
            scopes: Vec::new(),
            person: Person { subject: subject.to_owned(), user: None, authenticated: NOW },
            upstream,
            family: "f".to_owned(),
            generation: 0,
            ends: NOW,
        }
    }

    #[test]
    fn o15_what_one_person_may_not_end_spends_nothing_of_everybodys_share() {
        let (clock, hands) = Clock::by_hand(NOW);
        let endings = Endings::new(&clock);
        let ended =
            |subject: &str, times: usize| (0..times).filter(|_| endings.allows(&grant(subject))).count();
        assert_eq!(ended("mallory", 1000), 10);
        let others: usize = (0..49).map(|at| ended(&at.to_string(), 10)).sum();
        assert_eq!(others, 490);
        assert_eq!(ended("ada", 1), 0, "500 in all");
        hands.advance(Duration::from_secs(1));
        assert_eq!(ended("ada", 1), 1);
    }

    #[tokio::test]
    async fn o15_whoever_finds_no_place_waits_until_one_is_left() {
        let endings = Endings::new(&Clock::by_hand(NOW).0);
        let soon = Duration::from_millis(20);
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(tokio::time::timeout(soon, endings.place()).await.expect("there is room"));
        }
        assert!(tokio::time::timeout(soon, endings.place()).await.is_err());
        taken.pop();
        assert!(tokio::time::timeout(soon, endings.place()).await.is_ok_and(|place| place.is_some()));
    }
}
