//! What is wrong with a head, and how it is told through the parser.
//!
//! Pure.

use http::{Request, StatusCode};

/// Why a head is refused before it is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("a line of the request's head ends with a bare line feed; lines end with CR LF")]
    LineFeed,
    #[error("the request's head has a control character; this port speaks HTTP/1.1 without TLS")]
    Control,
    #[error("the request line is not a method, a target and a version with single spaces between them")]
    Start,
    #[error("the request is neither HTTP/1.1 nor HTTP/1.0")]
    Version,
    #[error("a line of the request's head is not a name, a colon and a value")]
    Field,
    #[error("a line of the request's head is folded into the next one")]
    Folded,
    #[error("the Content-Length of the request is not one number")]
    Length,
    #[error("the transfer coding of the request is not 'chunked' and nothing else")]
    Coding,
    #[error("the request has a Content-Length and a transfer coding")]
    TwoFramings,
    #[error("protocol upgrades are not relayed")]
    Upgrade,
    #[error("the head of the request is longer than {} KiB", super::LONGEST_HEAD / 1024)]
    Long,
    #[error("the head of the request has more than {} lines", super::MOST_FIELDS)]
    Many,
    #[error("too many requests with heads above {} KiB are under way; try again", super::SHORT_HEAD / 1024)]
    Crowded,
    #[error("the head of the request did not come within ten seconds")]
    Slow,
}

/// The method in which a refused head is told. `head` refuses it, so that a request with it is always ours.
pub(super) const REFUSED: &[u8] = b"REFUSED";

impl Fault {
    const ALL: [Self; 14] = [
        Self::LineFeed,
        Self::Control,
        Self::Start,
        Self::Version,
        Self::Field,
        Self::Folded,
        Self::Length,
        Self::Coding,
        Self::TwoFramings,
        Self::Upgrade,
        Self::Long,
        Self::Many,
        Self::Crowded,
        Self::Slow,
    ];

    /// One stable word, for the answer, the log and the metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::LineFeed => "bare_line_feed",
            Self::Control => "control_character",
            Self::Start => "request_line",
            Self::Version => "http_version",
            Self::Field => "header_line",
            Self::Folded => "folded_header",
            Self::Length => "content_length",
            Self::Coding => "transfer_coding",
            Self::TwoFramings => "two_framings",
            Self::Upgrade => "upgrade",
            Self::Long => "head_too_long",
            Self::Many => "too_many_headers",
            Self::Crowded => "too_many_long_heads",
            Self::Slow => "head_too_slow",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::Long | Self::Many => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What the parser reads in place of the head.
    pub(super) fn told(self) -> Vec<u8> {
        let head = format!(" /{} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n", self.code());
        [REFUSED, head.as_bytes()].concat()
    }

    /// What was told, on the other side of the parser.
    pub fn told_by<B>(request: &Request<B>) -> Option<Self> {
        let is_told = request.method().as_str().as_bytes() == REFUSED;
        let code = request.uri().path().strip_prefix('/').filter(|_| is_told)?;
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}
