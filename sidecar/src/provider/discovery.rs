//! The provider's discovery document: found, checked to be the configured issuer's, and asked where the keys are.
//!
//! Talks to the provider, through `fetch`. Meets "Decided" 5 (an issuer that differs in one byte closes), D2, R20.

use bytes::Bytes;
use crds::names::{EndpointUrl, Issuer};

use crate::fetch::{FetchError, Fetcher};
use crate::jose::{Json, shown};

/// A document whose issuer is the configured one.
#[derive(Debug, Clone)]
pub(super) struct Discovered {
    pub(super) document: Bytes,
    pub(super) jwks_uri: Option<String>,
}

/// Why there is no discovery document that can be used.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("'{url}': {source}")]
    Fetch { url: String, source: FetchError },
    #[error("is not a JSON object without duplicate members")]
    Json,
    #[error(
        "its issuer is {found}, not byte for byte '{expected}'; the policy must have the provider's own spelling"
    )]
    Issuer { found: String, expected: String },
    #[error("has no 'jwks_uri' that is an https URL; name the key set in 'oidc.endpoints.jwks'")]
    NoKeys,
}

pub(super) async fn discover(fetcher: &Fetcher, issuer: &Issuer) -> Result<Discovered, DiscoveryError> {
    let document = match fetch(fetcher, &openid_configuration(issuer)).await {
        // A pure OAuth server has the document of RFC 8414 instead.
        Err(DiscoveryError::Fetch { source: FetchError::Status(404), .. }) => {
            fetch(fetcher, &authorization_server(issuer)).await?
        }
        other => other?,
    };
    check(document, issuer)
}

async fn fetch(fetcher: &Fetcher, url: &str) -> Result<Bytes, DiscoveryError> {
    fetcher.json(url).await.map_err(|source| DiscoveryError::Fetch { url: url.to_owned(), source })
}

/// OpenID Connect Discovery §4.1: after the issuer, whose terminating slash MUST be removed first.
fn openid_configuration(issuer: &Issuer) -> String {
    let base = issuer.as_str().strip_suffix('/').unwrap_or(issuer.as_str());
    format!("{base}/.well-known/openid-configuration")
}

/// RFC 8414 §3.1: between the host and the path of the issuer.
fn authorization_server(issuer: &Issuer) -> String {
    let base = issuer.as_str().strip_suffix('/').unwrap_or(issuer.as_str());
    let host = base.find("://").map_or(0, |at| at + 3);
    let path = base[host..].find('/').map_or(base.len(), |at| host + at);
    format!("{}/.well-known/oauth-authorization-server{}", &base[..path], &base[path..])
}

fn check(document: Bytes, issuer: &Issuer) -> Result<Discovered, DiscoveryError> {
    let json = Json::parse(&document).ok().and_then(Json::into_object).ok_or(DiscoveryError::Json)?;
    // RFC 8414 §3.3 MUST: the issuer is identical to the one that the document was asked for.
    let found = json.get("issuer").and_then(Json::as_text);
    if found != Some(issuer.as_str()) {
        let found = found.map_or_else(|| "missing".to_owned(), shown);
        return Err(DiscoveryError::Issuer { found, expected: issuer.as_str().to_owned() });
    }
    let jwks_uri = json.get("jwks_uri").and_then(Json::as_text).filter(|url| is_endpoint_of(issuer, url));
    let jwks_uri = jwks_uri.map(str::to_owned);
    Ok(Discovered { document, jwks_uri })
}

/// A provider that is reached by TLS does not send us to a plain address of this machine.
fn is_endpoint_of(issuer: &Issuer, url: &str) -> bool {
    let as_safe = url.starts_with("https://") || issuer.as_str().starts_with("http://");
    as_safe && EndpointUrl::parse(url).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text).expect("valid")
    }

    fn document(issuer: &str, jwks: &str) -> Bytes {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks}"}}"#).into()
    }

    #[test]
    fn well_known_addresses_follow_the_path_of_the_issuer() {
        let keycloak = issuer("https://id.example.com/realms/r");
        assert_eq!(
            openid_configuration(&keycloak),
            "https://id.example.com/realms/r/.well-known/openid-configuration"
        );
        assert_eq!(
            authorization_server(&keycloak),
            "https://id.example.com/.well-known/oauth-authorization-server/realms/r"
        );
        let auth0 = issuer("https://t.auth0.com/");
        assert_eq!(openid_configuration(&auth0), "https://t.auth0.com/.well-known/openid-configuration");
        assert_eq!(
            authorization_server(&auth0),
            "https://t.auth0.com/.well-known/oauth-authorization-server"
        );
    }

    #[test]
    fn a_document_of_the_configured_issuer_says_where_the_keys_are() {
        let found =
            check(document("https://a.example", "https://a.example/keys"), &issuer("https://a.example"));
        assert_eq!(found.expect("taken").jwks_uri.as_deref(), Some("https://a.example/keys"));
    }

    #[test]
    fn an_issuer_that_differs_in_one_byte_is_refused() {
        for other in
            ["https://a.example/", "https://A.example", "http://a.example", "https://a.example/x", ""]
        {
            let found = check(document(other, "https://a.example/keys"), &issuer("https://a.example"));
            assert!(matches!(found, Err(DiscoveryError::Issuer { .. })), "{other}");
        }
        assert!(matches!(
            check("{}".into(), &issuer("https://a.example")),
            Err(DiscoveryError::Issuer { .. })
        ));
    }

    #[test]
    fn keys_are_not_looked_for_at_an_address_that_is_less_safe_than_the_issuers() {
        for url in [
            "http://127.0.0.1/keys",
            "http://a.example/keys",
            "file:///etc/passwd",
            "https://u:p@a.example/keys",
            "keys",
        ] {
            let found = check(document("https://a.example", url), &issuer("https://a.example"));
            assert_eq!(found.expect("taken").jwks_uri, None, "{url}");
        }
        let local =
            check(document("http://127.0.0.1:1", "http://127.0.0.1:1/keys"), &issuer("http://127.0.0.1:1"));
        assert!(local.expect("taken").jwks_uri.is_some());
    }
}
