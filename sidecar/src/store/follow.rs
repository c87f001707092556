//! Listens to which families the other replicas ended, so that an access token of one is refused here within a moment, and no
//! request asks the store anything.
//!
//! Talks to the store, on a connection of its own: a line (a stream) is read on from where it was left, so that nothing is lost
//! while the connection was, and what was said before this replica began is heard first. Meets O30.

use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;
use super::health::Use;
use super::link::{Command, Link};
use super::names::Name;
use super::resp::Reply;
use super::{BOUND, Store};

/// How long the store keeps quiet where it has nothing to tell.
const QUIET_MILLIS: &[u8] = b"4000";
const QUIET: Duration = Duration::from_secs(4);
const AT_A_TIME: &[u8] = b"500";
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where one line was left.
struct Place {
    line: Name,
    last: Vec<u8>,
}

impl Store {
    /// Never returns: whoever spawned it drops it when the policy changes. `hear` is told what each family is called.
    pub async fn follow(self: Arc<Self>, hear: impl Fn(&str)) {
        let beginning = |line| Place { line, last: b"0".to_vec() };
        let mut places: Vec<Place> = self.lines().into_iter().map(beginning).collect();
        let mut wait = SHORTEST_WAIT;
        loop {
            let error = match self.listen(&mut places, &hear, &mut wait).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            self.health.note(Use::Revocations, Some(&error));
            self.tend().await;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn listen(
        &self,
        places: &mut [Place],
        hear: &impl Fn(&str),
        wait: &mut Duration,
    ) -> Result<std::convert::Infallible, StoreError> {
        let late = |_| StoreError::TimedOut;
        let mut link = tokio::time::timeout(BOUND, Link::open(&self.address)).await.map_err(late)??;
        loop {
            let mut words: Command<'_> =
                vec![b"XREAD", b"COUNT", AT_A_TIME, b"BLOCK", QUIET_MILLIS, b"STREAMS"];
            words.extend(places.iter().map(|place| place.line.as_bytes()));
            words.extend(places.iter().map(|place| place.last.as_slice()));
            let asked = [words];
            let replies = tokio::time::timeout(QUIET + BOUND, link.ask(&asked)).await.map_err(late)??;
            drop(asked);
            let told = replies.first().and_then(told).ok_or(StoreError::Nonsense)?;
            self.health.note(Use::Revocations, None);
            *wait = SHORTEST_WAIT;
            for Told { line, id, family } in told {
                hear(&family);
                if let Some(place) = places.iter_mut().find(|place| place.line.as_bytes() == line) {
                    place.last = id;
                }
            }
            self.tend().await;
        }
    }

    /// After a trouble: is it over, also where nobody calls? And what could not be said then.
    async fn tend(&self) {
        if self.health.is_down(Use::Calls) && self.probe().await.is_err() {
            return;
        }
        loop {
            let first = self.unsaid().front().cloned();
            let Some((family, for_so_long)) = first else { return };
            if self.say_ended(&family, for_so_long).await.is_err() {
                return;
            }
            self.unsaid().retain(|(said, _)| *said != family);
        }
    }
}

/// One entry of a line.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    line: Vec<u8>,
    id: Vec<u8>,
    family: String,
}

/// A family's hash is 22 characters; what is longer is nobody's.
const LONGEST_NAME: usize = 64;

/// `[[line, [[id, [name, value]], …]], …]`, or nothing.
fn told(reply: &Reply) -> Option<Vec<Told>> {
    let lines = match reply {
        Reply::Nothing => return Some(Vec::new()),
        Reply::List(lines) => lines,
        _ => return None,
    };
    let mut all = Vec::new();
    for line in lines {
        let Reply::List(parts) = line else { return None };
        let [Reply::Bytes(line), Reply::List(entries)] = &parts[..] else { return None };
        for entry in entries {
            let Reply::List(parts) = entry else { return None };
            let [Reply::Bytes(id), Reply::List(pairs)] = &parts[..] else { return None };
            let [_, Reply::Bytes(family)] = &pairs[..] else { return None };
            let family = String::from_utf8(family.clone()).ok().filter(|name| name.len() <= LONGEST_NAME)?;
            all.push(Told { line: line.clone(), id: id.clone(), family });
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::resp;

    fn of(text: &str) -> Option<Vec<Told>> {
        told(&resp::parse(text.as_bytes()).expect("by the book").expect("whole").0)
    }

    #[test]
    fn what_was_told_is_read_and_silence_is_nothing() {
        assert_eq!(of("*-1\r\n"), Some(Vec::new()));
        let one = of("*1\r\n*2\r\n$1\r\nl\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nx\r\n");
        assert_eq!(one, Some(vec![Told { line: b"l".to_vec(), id: b"1-0".to_vec(), family: "x".into() }]));
    }

    #[test]
    fn what_is_not_a_line_of_families_is_nonsense() {
        let long = "x".repeat(65);
        for text in [
            "+OK\r\n",
            ":1\r\n",
            "*1\r\n:1\r\n",
            "*1\r\n*1\r\n$1\r\nl\r\n",
            "*1\r\n*2\r\n$1\r\nl\r\n*1\r\n:1\r\n",
            "*1\r\n*2\r\n$1\r\nl\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*1\r\n$1\r\nf\r\n",
            &format!("*1\r\n*2\r\n$1\r\nl\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$65\r\n{long}\r\n"),
        ] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }
}
