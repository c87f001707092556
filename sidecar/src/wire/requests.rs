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

/// How many of the bytes may be handed on. Behind them is a head that has not ended, or what is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub good: usize,
    pub refused: Option<Refused>,
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

    /// Reads on. What was not handed on the last time stands before what is new.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Judged {
        let mut good = 0;
        while good < bytes.len() {
            match self.step(&bytes[good..]) {
                Ok(Some(length)) => good += length,
                Ok(None) => break,
                Err(refused) => return Judged { good, refused: Some(refused) },
            }
        }
        Judged { good, refused: None }
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

    fn read(text: &str) -> (usize, Option<Refused>) {
        let Judged { good, refused } = Requests::default().read(text.as_bytes());
        (good, refused)
    }

    #[test]
    fn requests_follow_one_another_and_the_unfinished_one_is_held_back() {
        let all = [GET, POST, CHUNKED, POST, GET].concat();
        assert_eq!(read(&all), (all.len(), None));
        assert_eq!(read(&format!("{all}GET / HT")), (all.len(), None));
        assert_eq!(read(&POST[..POST.len() - 1]), (POST.len() - 1, None));
    }

    #[test]
    fn what_is_refused_takes_nothing_of_what_stood_before_it() {
        assert_eq!(read(&format!("{POST}GET /\n")), (POST.len(), Some(Refused::Head(Fault::LineFeed))));
        let broken = CHUNKED.replace("{}\r\n", "{}\n");
        let (good, refused) = read(&format!("{GET}{broken}"));
        assert_eq!(
            (good, refused),
            (GET.len() + broken.find("2\r\n").expect("a chunk"), Some(Refused::Body))
        );
    }
}
