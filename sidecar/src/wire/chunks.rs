//! A body in chunks, as its bytes come (RFC 9112 §7.1).
//!
//! Pure. What the extensions of a chunk and the trailers say is dropped further in; that each of their lines is one line, and ends
//! where every reader says, is what counts here. Meets P01.

use super::{field, is_text};

/// Where in a body the next byte stands.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    place: Place,
    /// The line that has not ended, of those around the data.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    Data(u64),
    BehindData,
    Trailers,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunks of the body break the rules of their framing")]
pub(super) struct BadChunks;

const LONGEST_LINE: usize = 4096;
const MOST_TRAILERS: usize = 16;

impl Chunks {
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// How many of these bytes belong to the body: all, unless it ends among them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<usize, BadChunks> {
        let mut used = 0;
        while let Some(byte) = bytes.get(used) {
            match self.place {
                Place::Over => break,
                Place::Data(left) => {
                    let here = bytes.len() - used;
                    let taken = usize::try_from(left).map_or(here, |left| left.min(here));
                    used += taken;
                    let left = left - taken as u64;
                    self.place = if left == 0 { Place::BehindData } else { Place::Data(left) };
                }
                Place::Size | Place::BehindData | Place::Trailers => {
                    self.take(*byte)?;
                    used += 1;
                }
            }
        }
        Ok(used)
    }

    fn take(&mut self, byte: u8) -> Result<(), BadChunks> {
        let is_ending = self.line.last() == Some(&b'\r');
        match byte {
            b'\n' if is_ending => {
                self.line.pop();
                self.place = self.behind_line()?;
                self.line.clear();
            }
            _ if is_ending || self.line.len() == LONGEST_LINE => return Err(BadChunks),
            byte if byte == b'\r' || is_text(byte) => self.line.push(byte),
            _ => return Err(BadChunks),
        }
        Ok(())
    }

    fn behind_line(&mut self) -> Result<Place, BadChunks> {
        match (self.place, self.line.as_slice()) {
            (Place::Size, line) => match size(line).ok_or(BadChunks)? {
                0 => Ok(Place::Trailers),
                size => Ok(Place::Data(size)),
            },
            (Place::BehindData, []) => Ok(Place::Size),
            (Place::Trailers, []) => Ok(Place::Over),
            (Place::Trailers, line) if self.trailers < MOST_TRAILERS => {
                self.trailers += 1;
                field(line).map(|_| Place::Trailers).map_err(|_| BadChunks)
            }
            _ => Err(BadChunks),
        }
    }
}

/// Hexadecimal digits, as many as there are numbers for, and extensions behind a semicolon.
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?;
    let is_number = digits.len() <= 16 && digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of it is the body, where it ends.
    fn whole(text: &str) -> Option<usize> {
        let mut chunks = Chunks::default();
        let used = chunks.read(text.as_bytes()).ok()?;
        chunks.is_over().then_some(used)
    }

    #[test]
    fn a_body_ends_behind_its_last_chunk_and_its_trailers() {
        for body in [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "002;a=\"b c\";d\r\n{}\r\n000\r\n\r\n",
            "A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
            "1\r\n\n\r\n1\r\n\r\r\n0\r\n\r\n",
        ] {
            assert_eq!(whole(&format!("{body}GET / HTTP/1.1\r\n")), Some(body.len()), "{body:?}");
        }
    }

    #[test]
    fn p01_chunks_that_two_readers_read_differently_are_refused() {
        for body in [
            "2\n{}\r\n0\r\n\r\n",
            "2;a\n{}\r\n0\r\n\r\n",
            "2;a\rb\r\n{}\r\n0\r\n\r\n",
            "2 \r\n{}\r\n0\r\n\r\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
            "\r\n{}\r\n0\r\n\r\n",
            ";a\r\n{}\r\n0\r\n\r\n",
            "00000000000000002\r\n{}\r\n0\r\n\r\n",
            "2\r\n{}\n0\r\n\r\n",
            "2\r\n{}x\r\n0\r\n\r\n",
            "0\r\nno colon\r\n\r\n",
            "0\r\n X: folded\r\n\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(Chunks::default().read(body.as_bytes()), Err(BadChunks), "{body:?}");
        }
    }

    #[test]
    fn p09_the_lines_around_the_data_are_bounded() {
        let of = |count: usize| format!("0\r\n{}\r\n", "X: 1\r\n".repeat(count));
        assert_eq!((whole(&of(MOST_TRAILERS)).is_some(), whole(&of(MOST_TRAILERS + 1))), (true, None));
        let of = |length: usize| format!("0;{}\r\n\r\n", "x".repeat(length));
        assert_eq!((whole(&of(LONGEST_LINE - 3)).is_some(), whole(&of(LONGEST_LINE))), (true, None));
    }

    #[test]
    fn it_makes_no_difference_in_which_pieces_a_body_comes() {
        let body = b"3;x\r\nabc\r\n0\r\nX: 1\r\n\r\n";
        let mut chunks = Chunks::default();
        for byte in body {
            assert!(!chunks.is_over());
            assert_eq!(chunks.read(&[*byte]), Ok(1));
        }
        assert_eq!((chunks.is_over(), chunks.read(b"GET")), (true, Ok(0)));
    }
}
