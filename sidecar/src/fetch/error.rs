//! Why a fetch came to nothing, in words that end a sentence about the address that was asked.
//!
//! Pure. Of all the layers below, none hands its cause through as a type: what helps a person is found in their texts.
//! Meets promise 5 (explains itself).

use super::{LONGEST_BODY, TIME_LIMIT};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the CA bundle holds no certificate in PEM form")]
    BundleEmpty,
    #[error("the CA bundle is broken: {0}")]
    Bundle(String),
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("its certificate is not trusted: {0}; name the authority that issued it in 'oidc.caBundleRef'")]
    Certificate(String),
    #[error("answered with status {0} instead of 200")]
    Status(u16),
    #[error("answered with more than {} KiB", LONGEST_BODY / 1024)]
    TooLong,
    #[error("answered with something that is not a JSON object")]
    NotJson,
}

pub(super) fn unreachable(error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    let causes = causes(&error.without_url());
    // Of all the layers in between, none hands the rustls error through as a type.
    match causes.split_once("invalid peer certificate: ") {
        Some((_, why)) => FetchError::Certificate(why.to_owned()),
        None => FetchError::Unreachable(causes),
    }
}

/// An error with its causes in one line: reqwest keeps the part that helps ("connection refused") at the bottom.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
