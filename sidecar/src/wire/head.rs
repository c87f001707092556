//! One head, as its lines come.
//!
//! Pure. A line is judged when it has ended, and a byte that has no place in any line at once: whoever speaks another protocol
//! is not waited for. Meets P01 and P02.

use http::Uri;

use super::fault::{Fault, REFUSED};
use super::{LONGEST_HEAD, MOST_FIELDS, field, is_token, text_length};

/// How the body behind a head ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes; none without a Content-Length.
    Length(u64),
    Chunks,
}

/// What is known of a head that has not ended.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where its unfinished line begins, and how far that was looked through.
    line: usize,
    looked: usize,
    start: Option<Version>,
    fields: usize,
    length: Option<u64>,
    is_chunked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// Where the head ends and how its body does, or nothing where more is to come. `bytes` are all that came of it so far.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<(usize, Framing)>, Fault> {
        while let Some(line) = self.next_line(bytes)? {
            if line.is_empty() && self.start.is_some() {
                return self.framing().map(|framing| Some((self.line, framing)));
            }
            self.take(line)?;
        }
        if bytes.len() > LONGEST_HEAD { Err(Fault::Long) } else { Ok(None) }
    }

    fn next_line<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Fault> {
        let rest = &bytes[self.looked..];
        let end = self.looked + text_length(rest);
        self.looked = end;
        match &bytes[end..] {
            [b'\r', b'\n', ..] => {
                let line = &bytes[self.line..end];
                self.line = end + 2;
                self.looked = self.line;
                if self.line > LONGEST_HEAD { Err(Fault::Long) } else { Ok(Some(line)) }
            }
            [] | [b'\r'] => Ok(None),
            [b'\n', ..] => Err(Fault::LineFeed),
            _ => Err(Fault::Control),
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Fault> {
        match self.start {
            // RFC 9112 §2.2: a server SHOULD ignore at least one empty line before the request line. One it is.
            None if line.is_empty() && self.line == 2 => Ok(()),
            None => start(line).map(|version| self.start = Some(version)),
            Some(_) => self.take_field(line),
        }
    }

    fn take_field(&mut self, line: &[u8]) -> Result<(), Fault> {
        let (name, value) = field(line)?;
        self.fields += 1;
        if self.fields > MOST_FIELDS {
            return Err(Fault::Many);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = length(value).filter(|_| self.length.is_none());
            self.length = Some(length.ok_or(Fault::Length)?);
        } else if asks_for_upgrade(name, value) {
            return Err(Fault::Upgrade);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::Coding);
            }
            self.is_chunked = true;
        }
        Ok(())
    }

    /// RFC 9112 §6.1: a request with both MAY be rejected, and HTTP/1.0 with a coding is faulty framing.
    fn framing(&self) -> Result<Framing, Fault> {
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Fault::TwoFramings),
            (true, None) if self.start == Some(Version::Http10) => Err(Fault::Coding),
            (true, None) => Ok(Framing::Chunks),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// RFC 9112 §3: `method SP request-target SP HTTP-version`. What the target means is judged where it is parsed.
fn start(line: &[u8]) -> Result<Version, Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::Start);
    };
    // A fragment is no part of a target (RFC 9112 §3.2), and would be cut off.
    let is_target = !target.starts_with(b"?")
        && !target.contains(&b'#')
        && target.is_ascii()
        && Uri::try_from(target).is_ok();
    if !is_token(method) || method == REFUSED || !is_target {
        return Err(Fault::Start);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Fault::Version),
    }
}

/// RFC 9112 §6.3: one number, in digits. Above the largest one of 63 bits parsers have numbers with a meaning of their own.
fn length(value: &[u8]) -> Option<u64> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits?.parse().ok().filter(|length| i64::try_from(*length).is_ok())
}

/// RFC 9110 §7.8, P06: what would follow is not HTTP.
fn asks_for_upgrade(name: &[u8], value: &[u8]) -> bool {
    let is_option = |option: &[u8]| option.trim_ascii().eq_ignore_ascii_case(b"upgrade");
    name.eq_ignore_ascii_case(b"upgrade")
        || name.eq_ignore_ascii_case(b"connection") && value.split(|byte| *byte == b',').any(is_option)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(usize, Framing)>, Fault> {
        Head::default().read(text.as_bytes())
    }

    fn of(lines: &str) -> Result<Framing, Fault> {
        read(&format!("POST /mcp HTTP/1.1\r\n{lines}\r\n")).map(|whole| whole.expect("a whole head").1)
    }

    #[test]
    fn a_head_ends_where_an_empty_line_does_and_says_how_its_body_ends() {
        assert_eq!(of("Host: a\r\n"), Ok(Framing::Length(0)));
        assert_eq!(of("Content-Length: \t12 \r\n"), Ok(Framing::Length(12)));
        assert_eq!(of("TRANSFER-ENCODING:Chunked\r\n"), Ok(Framing::Chunks));
        let head = "GET / HTTP/1.0\r\n\r\n";
        assert_eq!(read(&format!("{head}GET /next")), Ok(Some((head.len(), Framing::Length(0)))));
        assert_eq!(read(&format!("\r\n{head}")), Ok(Some((head.len() + 2, Framing::Length(0)))));
    }

    #[test]
    fn p01_a_body_has_one_framing() {
        for (lines, fault) in [
            ("Content-Length: 2\r\nContent-Length: 2\r\n", Fault::Length),
            ("Content-Length: 2, 2\r\n", Fault::Length),
            ("Content-Length: +2\r\n", Fault::Length),
            ("Content-Length:\r\n", Fault::Length),
            ("Content-Length: 9223372036854775808\r\n", Fault::Length),
            ("Content-Length: 18446744073709551616\r\n", Fault::Length),
            ("Transfer-Encoding: gzip, chunked\r\n", Fault::Coding),
            ("Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n", Fault::Coding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", Fault::TwoFramings),
            ("content-length: 2\r\nX: 1\r\nTransfer-Encoding: chunked\r\n", Fault::TwoFramings),
        ] {
            assert_eq!(of(lines), Err(fault), "{lines:?}");
        }
        assert_eq!(read("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(Fault::Coding));
        assert_eq!(of("Content-Length: 9223372036854775807\r\n"), Ok(Framing::Length(i64::MAX as u64)));
    }

    #[test]
    fn p02_a_line_is_one_line() {
        for (lines, fault) in [
            ("X: 1\nY: 2\r\n", Fault::LineFeed),
            ("X: 1\rY: 2\r\n", Fault::Control),
            ("X: \0\r\n", Fault::Control),
            ("X: \x7f\r\n", Fault::Control),
            ("X: 1\r\n 2\r\n", Fault::Folded),
            ("X: 1\r\n\t2\r\n", Fault::Folded),
            ("X : 1\r\n", Fault::Field),
            (": 1\r\n", Fault::Field),
            ("no colon\r\n", Fault::Field),
            ("\u{e9}: 1\r\n", Fault::Field),
        ] {
            assert_eq!(of(lines), Err(fault), "{lines:?}");
        }
        assert!(of("X: \u{e9}\t=?:\r\nX-:\r\n").is_ok());
    }

    #[test]
    fn p02_a_request_line_has_three_parts_and_a_version_that_is_spoken_here() {
        for (line, fault) in [
            ("GET  / HTTP/1.1", Fault::Start),
            ("GET /", Fault::Start),
            ("GET / HTTP/1.1 ", Fault::Start),
            ("GET /\u{e9} HTTP/1.1", Fault::Start),
            ("GET /a#b HTTP/1.1", Fault::Start),
            ("GET /<a> HTTP/1.1", Fault::Start),
            ("GET ?a HTTP/1.1", Fault::Start),
            ("GET http:///a HTTP/1.1", Fault::Start),
            ("GET  HTTP/1.1", Fault::Start),
            ("G(T / HTTP/1.1", Fault::Start),
            ("REFUSED /head_too_long HTTP/1.1", Fault::Start),
            ("GET / http/1.1", Fault::Version),
            ("PRI * HTTP/2.0", Fault::Version),
            ("\r\n\r\nGET / HTTP/1.1", Fault::Start),
        ] {
            assert_eq!(read(&format!("{line}\r\n\r\n")), Err(fault), "{line:?}");
        }
        assert!(read("refused /x HTTP/1.1\r\n\r\n").is_ok());
    }

    #[test]
    fn p06_upgrades_are_refused_and_other_options_of_a_connection_are_not() {
        for lines in ["Upgrade: h2c\r\n", "UPGRADE:\r\n", "Connection: keep-alive, Upgrade\r\n"] {
            assert_eq!(of(lines), Err(Fault::Upgrade), "{lines:?}");
        }
        assert!(of("Connection: keep-alive, Upgraded\r\nX-Upgrade: 1\r\n").is_ok());
    }

    #[test]
    fn what_is_no_http_is_told_so_at_once() {
        assert_eq!(read("\u{16}\u{3}\u{1}"), Err(Fault::Control));
        assert_eq!(read("GET / HTTP/1.1\r"), Ok(None));
    }

    #[test]
    fn p09_a_head_is_bounded_in_bytes_and_in_lines() {
        let long = |length: usize| format!("X: {}\r\n", "x".repeat(length));
        assert_eq!(read(&format!("GET / HTTP/1.1\r\n{}", long(LONGEST_HEAD))), Err(Fault::Long));
        assert_eq!(read(&"x".repeat(LONGEST_HEAD + 1)), Err(Fault::Long));
        assert!(of(&long(LONGEST_HEAD - 64)).is_ok());
        assert_eq!(of(&long(1).repeat(MOST_FIELDS + 1)), Err(Fault::Many));
        assert!(of(&long(1).repeat(MOST_FIELDS)).is_ok());
    }

    #[test]
    fn it_makes_no_difference_in_which_pieces_a_head_comes() {
        let text = b"\r\nPOST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        let mut head = Head::default();
        for length in 0..text.len() {
            assert_eq!(head.read(&text[..length]), Ok(None), "{length}");
        }
        assert_eq!(head.read(text), Ok(Some((text.len(), Framing::Length(5)))));
    }
}
