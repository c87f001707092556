//! Why a fetch came to nothing, in words that end a sentence about the address that was asked.
//!
//! Pure. Of all the layers below, none hands rustls' cause through as a type: what helps a person is found in their
//! texts. Meets promise 5 (explains itself).

use std::iter::successors;
use std::time::Duration;

use super::guard::Forbidden;

/// Why there is no answer that can be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    #[error("the CA bundle holds no certificate in PEM form")]
    BundleEmpty,
    #[error("the CA bundle is broken: {0}")]
    Bundle(String),
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
    #[error("must not be asked: {0}")]
    Forbidden(Forbidden),
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("its certificate is not trusted: {0}; name the authority that issued it in 'oidc.caBundleRef'")]
    Certificate(String),
    #[error("cannot be asked with this token: it is not the value of a header")]
    Token,
    #[error("answered with status {0} instead of 200")]
    Status(u16),
    #[error("answered with more than {} KiB", .0 / 1024)]
    TooLong(usize),
    #[error("answered with something that is not a JSON object")]
    NotJson,
    #[error("answered with a content type that is not 'application/json' or 'application/…+json'")]
    ContentType,
    #[error("answered in a content encoding that was not asked for")]
    Encoded,
}

/// What reqwest means. `limit` is the time that the request had.
pub(super) fn failed(error: reqwest::Error, limit: Duration) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut(limit);
    }
    let mut chain = successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
    if let Some(forbidden) = chain.find_map(|error| error.downcast_ref::<Forbidden>()) {
        return FetchError::Forbidden(forbidden.clone());
    }
    let causes = causes(&error.without_url());
    match causes.split_once("invalid peer certificate: ") {
        Some((_, why)) => FetchError::Certificate(why.to_owned()),
        None => FetchError::Unreachable(causes),
    }
}

/// An error with its causes in one line: reqwest keeps the part that helps ("connection refused") at the bottom.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let chain = successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
