//! The only room that asks anybody outside by HTTP: one request, one small answer. (`store` opens the other connections.)
//!
//! Talks to the provider (`Fetcher`), whose addresses the policy's author wrote, and to strangers (`DocumentFetcher`),
//! whose addresses are judged first (`guard`, `resolve`). No redirects, no proxy from the environment, no cookies, no
//! compression, and a limit of time and bytes in all (J18, P10): what anybody answers can cost no more than that.
//! Certificates are checked against the public roots and the policy's own bundle beside them.

mod calls;
pub mod document;
pub mod document_url;
mod error;
pub mod guard;
pub mod resolve;
pub(crate) mod tls;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect;

pub use document::{Document, DocumentFetcher};
pub use document_url::DocumentUrl;
pub use error::FetchError;
use error::{causes, failed};

/// From the first byte of the name lookup to the last byte of the body, and how long that body may be.
#[derive(Debug, Clone, Copy)]
struct Limits {
    time: Duration,
    body: usize,
}

const JSON: Limits = Limits { time: Duration::from_secs(5), body: 256 * 1024 };
/// RFC 7517 §8.5 has a media type of its own for key sets, and Kubernetes answers 406 to whoever does not take it.
const ACCEPT: &str = "application/json, application/jwk-set+json, */*;q=0.1";

/// Fetches JSON documents. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Fetcher(reqwest::Client);

impl Fetcher {
    /// `ca_bundle` is PEM text with certificates to trust beside the public roots.
    pub fn new(ca_bundle: Option<&str>) -> Result<Self, FetchError> {
        let builder =
            builder(ca_bundle)?.pool_max_idle_per_host(1).pool_idle_timeout(Duration::from_secs(10));
        Ok(Self(built(builder)?))
    }

    /// The document at `url`, if it is a JSON object by its looks; its content type is not asked (many say text).
    pub async fn json(&self, url: &str) -> Result<Bytes, FetchError> {
        let request = self.0.get(url).timeout(JSON.time).header(http::header::ACCEPT, ACCEPT);
        let answer = request.send().await.map_err(|error| failed(error, JSON.time))?;
        if answer.status() != http::StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = capped(answer, JSON).await?;
        match body.trim_ascii_start().first() {
            Some(b'{') => Ok(body),
            _ => Err(FetchError::NotJson),
        }
    }
}

/// What all requests have in common. Each has a limit of time of its own.
fn builder(ca_bundle: Option<&str>) -> Result<reqwest::ClientBuilder, FetchError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(ca_bundle)?)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .user_agent(concat!("mcp-oauth-sidecar/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, FetchError> {
    builder.build().map_err(|error| FetchError::Client(causes(&error)))
}

/// Reads no further than the cap, whatever the length header says.
async fn capped(mut answer: reqwest::Response, limits: Limits) -> Result<Bytes, FetchError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(error, limits.time))? {
        if body.len() + chunk.len() > limits.body {
            return Err(FetchError::TooLong(limits.body));
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
