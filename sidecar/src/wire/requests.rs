//! The requests of one connection, one after the other, as far as their bytes have come.
//!
//! Pure.

use super::Fault;
use super::chunks::Chunks;
use super::head::{Framing, Head};

/// Where the next byte of a connection belongs.
#[derive(Debug)]
pub(super) enum Requests {
    Head(Head),
    Length(u64),
    Chunks(Chunks),
}

/// How many of the bytes may be handed on. Behind them is a head that has not ended, or whose turn it is not, or what is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub good: usize,
    /// A head is among them.
    pub begins: bool,
    pub refused: Option<Refused>,
}

/// Whether the next request may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    May,
    Waits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Head(Fault),
    Body,
}

impl Default for Requests {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Requests {
    pub(super) fn is_in_body(&self) -> bool {
        !matches!(self, Self::Head(_))
    }

    /// Reads on, to the end of one request at most. What was not handed on the last time stands before what is new.
    pub(super) fn read(&mut self, bytes: &[u8], next: Next) -> Judged {
        let mut judged = Judged { good: 0, begins: false, refused: None };
        while judged.good < bytes.len() {
            let is_head = !self.is_in_body();
            if is_head && (judged.begins || next == Next::Waits) {
                break;
            }
            match self.step(&bytes[judged.good..]) {
                Ok(Some(length)) => judged.good += length,
                Ok(None) => break,
                Err(refused) => return Judged { refused: Some(refused), ..judged },
            }
            judged.begins |= is_head;
        }
        judged
    }

    /// One head, or what there is of a body.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refused> {
        let taken = match self {
            Self::Head(head) => {
                let Some((length, framing)) = head.read(bytes).map_err(Refused::Head)? else {
                    return Ok(None);
                };
                *self = Self::behind(framing);
                return Ok(Some(length));
            }
            Self::Length(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                taken
            }
            Self::Chunks(chunks) => chunks.read(bytes).map_err(|_| Refused::Body)?,
        };
        if self.is_over() {
            *self = Self::default();
        }
        Ok(Some(taken))
    }

    fn behind(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::default(),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunks => Self::Chunks(Chunks::default()),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Head(_) => false,
            Self::Length(left) => *left == 0,
            Self::Chunks(chunks) => chunks.is_over(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{ }";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";

    /// What is handed on in each turn.
    fn turns(text: &str) -> (Vec<usize>, Option<Refused>) {
        let (mut requests, mut rest, mut turns) = (Requests::default(), text.as_bytes(), Vec::new());
        loop {
            let Judged { good, begins, refused } = requests.read(rest, Next::May);
            if begins {
                turns.push(good);
            }
            rest = &rest[good..];
            if !begins || refused.is_some() {
                return (turns, refused);
            }
        }
    }

    #[test]
    fn requests_take_their_turns_and_the_unfinished_one_is_held_back() {
        let all = [GET, POST, CHUNKED, POST, GET].map(str::len);
        let text = [GET, POST, CHUNKED, POST, GET].concat();
        assert_eq!(turns(&text), (all.to_vec(), None));
        assert_eq!(turns(&format!("{text}GET / HT")), (all.to_vec(), None));
        assert_eq!(turns(&POST[..POST.len() - 1]), (vec![POST.len() - 1], None));
    }

    #[test]
    fn a_request_waits_and_the_body_of_the_one_before_it_does_not() {
        let mut requests = Requests::default();
        let half = POST.len() - 1;
        assert_eq!(requests.read(&POST.as_bytes()[..half], Next::May).good, half);
        let rest = format!("{}{GET}", &POST[half..]);
        assert_eq!(requests.read(rest.as_bytes(), Next::Waits).good, 1);
        assert_eq!(requests.read(GET.as_bytes(), Next::Waits).good, 0);
        assert_eq!(requests.read(b"no head\n", Next::Waits).refused, None);
        assert_eq!(requests.read(GET.as_bytes(), Next::May).good, GET.len());
    }

    #[test]
    fn what_is_refused_takes_nothing_of_what_stood_before_it() {
        let (passed, refused) = turns(&format!("{POST}GET /\n"));
        assert_eq!((passed, refused), (vec![POST.len()], Some(Refused::Head(Fault::LineFeed))));
        let broken = CHUNKED.replace("{}\r\n", "{}\n");
        let (passed, refused) = turns(&format!("{GET}{broken}"));
        let good = broken.find("2\r\n").expect("a chunk");
        assert_eq!((passed, refused), (vec![GET.len(), good], Some(Refused::Body)));
    }
}
