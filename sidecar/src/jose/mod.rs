//! Tokens as bytes: the compact form, strict JSON, the header, keys and key sets, signatures. What the claims mean is
//! not known here (`bearer` does), nor where keys come from (`provider` does).
//!
//! Pure. `jsonwebtoken` verifies signatures and nothing else: its own reading of headers and claims takes too much
//! (threats §0.1). Meets J01–J10, J19, J21, J24.

pub mod algorithm;
pub mod base64url;
pub mod compact;
pub mod header;
pub mod json;
pub mod key;
pub mod keyset;
pub mod signature;

pub use algorithm::Algorithm;
pub use compact::Compact;
pub use header::{Header, HeaderError, Typ};
pub use json::Json;
pub use key::Key;
pub use keyset::KeySet;

/// A text of a stranger, for a log line: control characters escaped, and cut (J04).
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    let cut: String = text.chars().take(LONGEST).collect();
    let mark = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}\"{mark}", cut.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_strangers_text_is_escaped_and_cut_before_it_is_logged() {
        assert_eq!(shown("a\r\nb"), r#""a\r\nb""#);
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 67);
    }
}
