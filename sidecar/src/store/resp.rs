//! What a store is told and how it answers: RESP2, and of that no more than we use.
//!
//! Pure. A store may be anything that listens at an address, so an answer is read within bounds and to the letter: what is not an
//! answer by the book is nonsense, and ends the connection. <https://valkey.io/topics/protocol/>.

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`
    Done,
    /// `-ERR …`: its first word, such as `NOAUTH`.
    Error(String),
    Whole(i64),
    Bytes(Vec<u8>),
    Nothing,
    List(Vec<Reply>),
}

/// It is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its answer is not one of this protocol")]
pub(super) struct Nonsense;

/// A line is a status, a number or a length.
const LONGEST_LINE: usize = 512;
/// What we read back are our own values: the longest is an answer with tokens in it.
const LONGEST_BYTES: usize = 64 * 1024;
const LONGEST_LIST: usize = 1024;
const DEEPEST: usize = 6;
/// What one answer may be in all.
pub(super) const LONGEST: usize = 1024 * 1024;

/// A command, as it is sent.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut sent = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        sent.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        sent.extend_from_slice(word);
        sent.extend_from_slice(b"\r\n");
    }
    sent
}

/// The first answer in these bytes and how many it takes; `None` where it is not whole yet.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Nonsense> {
    let mut rest = Rest { bytes, at: 0 };
    match rest.reply(0) {
        Ok(reply) => Ok(Some((reply, rest.at))),
        Err(Stopped::Short) if bytes.len() < LONGEST => Ok(None),
        Err(Stopped::Short | Stopped::Nonsense) => Err(Nonsense),
    }
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why there is no answer.
enum Stopped {
    Short,
    Nonsense,
}

impl<'a> Rest<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stopped> {
        let line = self.line()?;
        let (kind, text) = line.split_first().ok_or(Stopped::Nonsense)?;
        match kind {
            b'+' => Ok(Reply::Done),
            b'-' => Ok(Reply::Error(word(text))),
            b':' => number(text).map(Reply::Whole),
            b'$' => self.text(number(text)?),
            b'*' if depth < DEEPEST => self.list(number(text)?, depth),
            _ => Err(Stopped::Nonsense),
        }
    }

    fn text(&mut self, length: i64) -> Result<Reply, Stopped> {
        let Some(length) = bounded(length, LONGEST_BYTES)? else { return Ok(Reply::Nothing) };
        let end = self.at + length;
        let whole = self.bytes.get(self.at..end + 2).ok_or(Stopped::Short)?;
        let bytes = whole.strip_suffix(b"\r\n").ok_or(Stopped::Nonsense)?;
        self.at = end + 2;
        Ok(Reply::Bytes(bytes.to_vec()))
    }

    fn list(&mut self, length: i64, depth: usize) -> Result<Reply, Stopped> {
        let Some(length) = bounded(length, LONGEST_LIST)? else { return Ok(Reply::Nothing) };
        // Not as long as it is said to be, but as what is there.
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(self.reply(depth + 1)?);
        }
        Ok(Reply::List(list))
    }

    fn line(&mut self) -> Result<&'a [u8], Stopped> {
        let rest = &self.bytes[self.at..];
        let seen = &rest[..rest.len().min(LONGEST_LINE)];
        match seen.windows(2).position(|pair| pair == b"\r\n") {
            Some(end) => {
                self.at += end + 2;
                Ok(&rest[..end])
            }
            None if rest.len() < LONGEST_LINE => Err(Stopped::Short),
            None => Err(Stopped::Nonsense),
        }
    }
}

/// `-1` is nothing at all.
fn bounded(length: i64, most: usize) -> Result<Option<usize>, Stopped> {
    match usize::try_from(length) {
        Ok(length) if length <= most => Ok(Some(length)),
        Err(_) if length == -1 => Ok(None),
        _ => Err(Stopped::Nonsense),
    }
}

fn number(text: &[u8]) -> Result<i64, Stopped> {
    let text = std::str::from_utf8(text).map_err(|_| Stopped::Nonsense)?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Stopped::Nonsense);
    }
    text.parse().map_err(|_| Stopped::Nonsense)
}

/// The kind of an error is its first word. What follows may hold anything, and is not kept.
fn word(text: &[u8]) -> String {
    let word = text.iter().take_while(|byte| byte.is_ascii_uppercase()).take(20);
    word.map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Reply> {
        let (reply, taken) = parse(text.as_bytes()).ok()??;
        (taken == text.len()).then_some(reply)
    }

    #[test]
    fn a_command_is_its_words_with_their_lengths() {
        assert_eq!(command(&[b"GET", b"a b"]), b"*2\r\n$3\r\nGET\r\n$3\r\na b\r\n");
    }

    #[test]
    fn each_kind_of_answer_is_read() {
        let text = |text: &str| Reply::Bytes(text.into());
        assert_eq!(whole("+OK\r\n"), Some(Reply::Done));
        assert_eq!(whole("-NOAUTH Authentication required.\r\n"), Some(Reply::Error("NOAUTH".into())));
        assert_eq!(whole(":-12\r\n"), Some(Reply::Whole(-12)));
        assert_eq!(whole("$0\r\n\r\n"), Some(text("")));
        assert_eq!(whole("$4\r\na\r\nb\r\n"), Some(text("a\r\nb")));
        assert_eq!(whole("$-1\r\n"), Some(Reply::Nothing));
        assert_eq!(whole("*-1\r\n"), Some(Reply::Nothing));
        let nested = Reply::List(vec![text("s"), Reply::List(vec![Reply::Whole(1), Reply::Nothing])]);
        assert_eq!(whole("*2\r\n$1\r\ns\r\n*2\r\n:1\r\n$-1\r\n"), Some(nested));
    }

    #[test]
    fn a_part_of_an_answer_is_waited_for_and_the_next_one_is_left_alone() {
        let text = "*2\r\n$5\r\nhello\r\n*1\r\n:7\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end]), Ok(None), "{end}");
        }
        let two = format!("{text}+OK\r\n");
        assert_eq!(parse(two.as_bytes()).expect("one").expect("whole").1, text.len());
    }

    #[test]
    fn what_is_no_answer_is_nonsense() {
        let long = format!("+{}", "x".repeat(LONGEST_LINE));
        let deep = "*1\r\n".repeat(DEEPEST + 1);
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\r\n",
            "$\r\n",
            "$-2\r\n",
            "$+1\r\n",
            "$1 \r\n",
            "$65537\r\n",
            "$99999999999999999999\r\n",
            "$1\r\nab\r\n",
            "*1025\r\n",
            "*-2\r\n",
            ":\r\n",
            ":--1\r\n",
            ":0x1\r\n",
            "%1\r\n",
            "_\r\n",
            &long,
            &deep,
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Nonsense), "{text:?}");
        }
        assert!(parse("*1\r\n".repeat(DEEPEST).as_bytes()).is_ok());
    }

    #[test]
    fn an_answer_that_never_ends_is_given_up() {
        let announced = b"*1024\r\n".to_vec();
        let one = [&b"$65535\r\n"[..], &vec![b'x'; 65_535], b"\r\n"].concat();
        let many = [announced, one.repeat(LONGEST / one.len() + 1)].concat();
        assert_eq!(parse(&many), Err(Nonsense));
        assert_eq!(parse(&many[..LONGEST - 1]), Ok(None));
    }

    /// Random damage, the same on every run: whatever comes, there is an answer within its bounds, or none.
    #[test]
    fn no_answer_however_hostile_breaks_anything() {
        let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
        let mut roll = |below: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % u64::try_from(below).expect("small")).expect("below a small limit")
        };
        let good = b"*2\r\n$1\r\ns\r\n*2\r\n:1\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$-1\r\n+OK\r\n-ERR x\r\n";
        let letters = b"+-:$*0123456789\r\n\0\xff ";
        let (mut whole, mut refused) = (0, 0);
        for round in 0..20_000 {
            let mut bytes = if round % 3 == 0 { Vec::new() } else { good.to_vec() };
            for _ in 0..=roll(8) {
                let (at, letter) = (roll(bytes.len() + 1), letters[roll(letters.len())]);
                match (roll(3), at < bytes.len()) {
                    (0, true) => bytes[at] = letter,
                    (1, true) => drop(bytes.remove(at)),
                    _ => bytes.insert(at, letter),
                }
            }
            match parse(&bytes) {
                Ok(Some((_, taken))) => {
                    assert!(taken <= bytes.len());
                    whole += 1;
                }
                Ok(None) => {}
                Err(Nonsense) => refused += 1,
            }
        }
        assert!(whole > 100 && refused > 100, "{whole} {refused}");
    }

    #[test]
    fn of_an_error_one_word_is_kept() {
        assert_eq!(whole("-\r\n"), Some(Reply::Error(String::new())));
        assert_eq!(whole("-OOM s3cret \u{1b}[2J\r\n"), Some(Reply::Error("OOM".into())));
    }
}
