//! The only room that opens a connection to the outside: one GET of one small JSON document.
//!
//! Talks to the provider. No redirects, no proxy from the environment, no cookies, no compression, five seconds and
//! 256 KiB in all (J18, P10): what a provider answers can cost no more than that. Certificates are checked against the
//! public roots, compiled in because the image holds nothing else, and the policy's own bundle beside them.

mod error;
pub mod guard;
mod tls;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;

pub use error::FetchError;
use error::{causes, unreachable};

/// From the first byte of the name lookup to the last byte of the body.
const TIME_LIMIT: Duration = Duration::from_secs(5);
const LONGEST_BODY: usize = 256 * 1024;
/// RFC 7517 §8.5 has a media type of its own for key sets, and Kubernetes answers 406 to whoever does not take it.
const ACCEPT: &str = "application/json, application/jwk-set+json, */*;q=0.1";

/// Fetches JSON documents. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Fetcher(reqwest::Client);

impl Fetcher {
    /// `ca_bundle` is PEM text with certificates to trust beside the public roots.
    pub fn new(ca_bundle: Option<&str>) -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(ca_bundle)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(TIME_LIMIT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(10))
            .user_agent(concat!("mcp-oauth-sidecar/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| FetchError::Client(causes(&error)))?;
        Ok(Self(client))
    }

    /// The document at `url`, if it is a JSON object by its looks; its content type is not asked (many say text).
    pub async fn json(&self, url: &str) -> Result<Bytes, FetchError> {
        let request = self.0.get(url).header(http::header::ACCEPT, ACCEPT);
        let answer = request.send().await.map_err(unreachable)?;
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = capped(answer).await?;
        match body.trim_ascii_start().first() {
            Some(b'{') => Ok(body),
            _ => Err(FetchError::NotJson),
        }
    }
}

/// Reads no further than the cap, whatever the length header says.
async fn capped(mut answer: reqwest::Response) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_roots_are_there_without_a_bundle() {
        assert!(Fetcher::new(None).is_ok());
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 50);
    }

    #[test]
    fn a_bundle_without_a_certificate_is_refused() {
        assert!(matches!(Fetcher::new(Some("")), Err(FetchError::BundleEmpty)));
        assert!(matches!(Fetcher::new(Some("no PEM here")), Err(FetchError::BundleEmpty)));
    }

    #[test]
    fn a_bundle_with_a_broken_certificate_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Fetcher::new(Some(broken)), Err(FetchError::Bundle(_))));
    }
}
