//! Native mode: whose tokens are accepted.
//!
//! Pure. An issuer with audiences, or shared secrets (J02: never both). Which fields must be there was checked before.

use crds::HmacKey;
use crds::names::{Audience, EndpointUrl, Issuer, ResourceUrl};
use crds::policy::{OidcTrust, Trust};
use crds::provider::Provider;
use crds::resource::{McpOAuthPolicySpec, Oidc, SecretRef};
use crds::violation::Collector;

use super::given::Given;

pub(super) fn trust(
    spec: &McpOAuthPolicySpec,
    resource: Option<&ResourceUrl>,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<Trust> {
    match (&spec.hmac, &spec.oidc) {
        (Some(hmac), None) => self::hmac(&hmac.secret_refs, resource, given),
        (None, Some(oidc)) => self::oidc(oidc, spec.provider, fields, given),
        _ => None,
    }
}

/// The issuer that is written, or the one that a provider has for everybody.
pub(super) fn issuer(oidc: &Oidc, provider: Provider, fields: &mut Collector) -> Option<Issuer> {
    match &oidc.issuer {
        Some(issuer) => fields.take("spec.oidc.issuer", Issuer::parse(issuer)),
        None => provider.issuer(),
    }
}

/// One of the provider's endpoints, where the policy names it.
pub(super) fn endpoint(name: &str, url: Option<&String>, fields: &mut Collector) -> Option<EndpointUrl> {
    fields.take(&format!("spec.oidc.endpoints.{name}"), EndpointUrl::parse(url?))
}

fn hmac(references: &[SecretRef], resource: Option<&ResourceUrl>, given: &mut Given<'_>) -> Option<Trust> {
    let mut keys = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        keys.extend(given.take(&format!("spec.hmac.secretRefs[{index}]"), reference, HmacKey::parse));
    }
    // A token under a shared secret is for this resource: its URL is the audience.
    let audience = Audience::parse(resource?.as_str()).ok()?;
    (!keys.is_empty()).then(|| Trust { oidc: None, hmac: keys, audiences: vec![audience] })
}

fn oidc(oidc: &Oidc, provider: Provider, fields: &mut Collector, given: &mut Given<'_>) -> Option<Trust> {
    let issuer = issuer(oidc, provider, fields);
    let audiences = fields.take_each("spec.oidc.audience", &oidc.audience, Audience::parse);
    let jwks = oidc.endpoints.as_ref().and_then(|own| endpoint("jwks", own.jwks.as_ref(), fields));
    let ca_bundle = match &oidc.ca_bundle_ref {
        Some(reference) => Some(given.ca_bundle("spec.oidc.caBundleRef", reference)?),
        None => None,
    };
    Some(Trust { oidc: Some(OidcTrust { issuer: issuer?, jwks, ca_bundle }), hmac: Vec::new(), audiences })
}
