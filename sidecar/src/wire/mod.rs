//! The bytes of requests, before any parser has them: one grammar, without what parsers are lenient about.
//!
//! HTTP/1.1 leaves room for opinions: where a line ends, which of two lengths counts, what a chunk is. Two readers that differ
//! about them see different requests in the same bytes. So `Strict` stands between the connection and the parser, and hands on
//! only what has one reading (RFC 9112 §2.2, §5, §6, §7.1): a head once it is whole and right, a body as far as its framing goes.
//!
//! A head that is refused is not handed on. In its place the parser reads a request that nobody else can write, for `head` refuses
//! its method, and after it the connection ends: so a refusal comes in turn, behind the answers that are still due, with a status
//! and a reason like every other. Meets P01, P02, P08, P09, X12.

mod chunks;
mod fault;
mod head;
mod linger;
mod patience;
mod requests;
mod strict;
mod turn;

pub use fault::Fault;
pub use linger::Lingering;
pub use turn::Turn;

/// The longest head (P09).
pub const LONGEST_HEAD: usize = 32 * 1024;
/// A longer one takes the room of more connections than its own, which ends with its answer: a parser keeps as much memory as its
/// longest head took (P22).
const SHORT_HEAD: usize = 8 * 1024;
/// The most lines of a head (P09).
pub const MOST_FIELDS: usize = 100;

/// What may stand in a line: text, bytes that are not ASCII, and tabs. Everything else ends it or has no place in it.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// How many bytes of text stand before anything else. Blocks of them are judged without a branch for each byte: every byte of every
/// head comes through here.
fn text_length(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let is_all_text = |block: &&[u8]| block.iter().fold(true, |all, byte| all & is_text(*byte));
    let blocks = BLOCK * bytes.chunks_exact(BLOCK).take_while(is_all_text).count();
    blocks + bytes[blocks..].iter().take_while(|byte| is_text(**byte)).count()
}

/// RFC 9110 §5.6.2: what names of fields, methods and schemes are made of.
pub fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is_tchar(*byte))
}

/// RFC 9112 §5: a name, a colon, and a value with white space around it. A line that goes on with white space is none.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return Err(Fault::Folded);
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::Field)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if is_token(name) { Ok((name, value)) } else { Err(Fault::Field) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p02_text_ends_at_the_first_byte_that_is_none_wherever_it_stands() {
        for other in (0..=u8::MAX).filter(|byte| !is_text(*byte)) {
            for place in 0..50 {
                let mut bytes = vec![b'x'; 50];
                bytes[place] = other;
                assert_eq!(text_length(&bytes), place, "{other:#x}");
            }
        }
        for text in (0..=u8::MAX).filter(|byte| is_text(*byte)) {
            assert_eq!(text_length(&[text; 50]), 50, "{text:#x}");
        }
        assert_eq!(text_length(b""), 0);
        let others: Vec<u8> = (0..=u8::MAX).filter(|byte| !is_text(*byte)).collect();
        assert_eq!(
            others,
            [&(0..=8).collect::<Vec<u8>>()[..], &(10..=31).collect::<Vec<u8>>(), &[127]].concat()
        );
    }
}
