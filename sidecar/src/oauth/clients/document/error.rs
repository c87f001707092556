//! Why a client that names a document is not let in, for the page that a person sees; the cause behind it is for the log.
//!
//! Pure. Nothing that was fetched is repeated here, and of an address that could not be asked nobody learns why: closed, not
//! there and not public look alike (A8: a generic error). Meets promise 5 (explains itself), O16, O26.

use std::sync::Arc;

use crds::Broken;

use super::metadata::Fault;
use crate::fetch::FetchError;
use crate::jose::keyset::KeySetError;

/// Why there is no document, or no key set, that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DocumentError {
    #[error("the client's id is not the URL of a metadata document: it {0}")]
    Url(Broken),
    #[error(
        "{0} could not be fetched: what its URL names does not answer over https, or is not on the public Internet"
    )]
    Unreachable(What, #[source] FetchError),
    #[error("{0} could not be used: its server {1}")]
    Answer(What, #[source] FetchError),
    #[error("too many documents of clients are being fetched at the moment; try again in a minute")]
    Busy,
    #[error("the client's metadata document {0}")]
    Fault(Fault),
    #[error("the client's key set holds no key that can be used, or one that is not public")]
    Keys(#[source] Arc<KeySetError>),
}

/// What was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Document,
    Keys,
}

impl DocumentError {
    pub(super) fn fetch(what: What, error: FetchError) -> Self {
        match error {
            FetchError::Status(_)
            | FetchError::TooLong(_)
            | FetchError::NotJson
            | FetchError::ContentType
            | FetchError::Encoded => Self::Answer(what, error),
            other => Self::Unreachable(what, other),
        }
    }

    /// Whether it may go well in a minute: no reason to tell a client that it is unknown. What could not be asked is alike here,
    /// too (A8): who may not be asked looks like one that is down.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Busy | Self::Unreachable(..) => true,
            Self::Answer(_, error) => matches!(error, FetchError::Status(429 | 500..)),
            Self::Url(_) | Self::Fault(_) | Self::Keys(_) => false,
        }
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Document => "the client's metadata document",
            Self::Keys => "the client's key set",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fetch::guard::Guard;

    fn of(error: FetchError) -> DocumentError {
        DocumentError::fetch(What::Document, error)
    }

    #[test]
    fn a8_what_could_not_be_asked_looks_alike_whatever_the_reason() {
        let forbidden = Guard::default().judge([10, 0, 0, 1].into()).expect_err("private");
        let reasons = [
            FetchError::Forbidden(forbidden),
            FetchError::Unreachable("tcp connect error: Connection refused".into()),
            FetchError::Unreachable("dns error: no such name".into()),
            FetchError::Certificate("UnknownIssuer".into()),
            FetchError::TimedOut(Duration::from_secs(5)),
        ];
        let said: Vec<String> = reasons.into_iter().map(|reason| of(reason).to_string()).collect();
        assert!(said.iter().all(|text| *text == said[0] && !text.contains("10.0.0.1")), "{said:?}");
    }

    #[test]
    fn what_was_answered_is_named() {
        let said = of(FetchError::Status(404)).to_string();
        assert_eq!(
            said,
            "the client's metadata document could not be used: its server answered with status 404 instead of 200"
        );
    }

    #[test]
    fn an_outage_is_temporary_and_a_bad_document_is_not() {
        let forbidden = Guard::default().judge([10, 0, 0, 1].into()).expect_err("private");
        for error in [
            FetchError::Status(503),
            FetchError::Status(429),
            FetchError::Unreachable("down".into()),
            FetchError::TimedOut(Duration::from_secs(5)),
            FetchError::Forbidden(forbidden),
        ] {
            assert!(of(error).is_temporary());
        }
        for error in [FetchError::Status(404), FetchError::ContentType] {
            assert!(!of(error).is_temporary());
        }
        assert!(DocumentError::Busy.is_temporary() && !DocumentError::Fault(Fault::Id).is_temporary());
    }
}
