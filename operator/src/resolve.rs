//! From what was written to what is obeyed: a `Policy`, or every reason why there is none.
//!
//! Pure. The second door (K13): whatever the API server let through, only what the constructors take goes on. Presets of
//! the provider fill in what the policy does not say. Meets J13, J20, K02, N15.

use std::collections::BTreeMap;

use crds::names::{
    Audience, ClaimName, EndpointUrl, Issuer, LabelKey, LabelValue, PublicPath, Quantity, ResourceUrl, Scope,
    WebOrigin,
};
use crds::policy::{ClaimRules, OidcTrust, Parts, Trust};
use crds::provider::Provider;
use crds::resource::{CaBundleRef, McpOAuthPolicySpec, Oidc, Resources, SecretRef, Server};
use crds::violation::Collector;
use crds::{HmacKey, Policy, Violations};

use crate::bundle::{self, BundleError};
use crate::gather::{Absent, Inputs, Kind, Reference};

/// Why a policy cannot be enforced. Its pods are injected all the same, closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problems}")]
pub struct Unresolved {
    pub reason: Reason,
    problems: Violations,
}

/// One word for a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Invalid,
    ReferenceNotFound,
    ReferenceInvalid,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::ReferenceNotFound => "ReferenceNotFound",
            Self::ReferenceInvalid => "ReferenceInvalid",
        }
    }
}

/// Puts the two together. What is wrong with the fields comes first: it will not mend itself.
pub fn resolve(spec: &McpOAuthPolicySpec, inputs: &Inputs) -> Result<Policy, Unresolved> {
    let mut fields = Collector::default();
    let mut given = Given { inputs, absent: Collector::default(), broken: Collector::default() };
    let parts = parts(spec, &mut fields, &mut given);
    let policy = parts.and_then(|parts| fields.merge(Policy::new(parts)));
    let Given { absent, broken, .. } = given;
    let found = fields.finish(Some(())).map_err(|problems| Unresolved { reason: Reason::Invalid, problems });
    let there = absent
        .finish(Some(()))
        .map_err(|problems| Unresolved { reason: Reason::ReferenceNotFound, problems });
    let usable =
        broken.finish(Some(())).map_err(|problems| Unresolved { reason: Reason::ReferenceInvalid, problems });
    found.and(there).and(usable)?;
    let incomplete = || Violations::one("spec", "is incomplete");
    policy.ok_or_else(|| Unresolved { reason: Reason::Invalid, problems: incomplete() })
}

/// What the references led to, and what was wrong with it.
struct Given<'a> {
    inputs: &'a Inputs,
    absent: Collector,
    broken: Collector,
}

fn parts(spec: &McpOAuthPolicySpec, fields: &mut Collector, given: &mut Given<'_>) -> Option<Parts> {
    let Server { url, public_paths, allowed_origins, max_body_bytes, .. } = &spec.server;
    let resource = fields.take("spec.server.url", ResourceUrl::parse(url));
    let public_paths = fields.take_each("spec.server.publicPaths", public_paths, PublicPath::parse);
    let allowed_origins = fields.take_each("spec.server.allowedOrigins", allowed_origins, WebOrigin::parse);
    let scopes = spec.authorization.iter().flat_map(|authorization| &authorization.required_scopes);
    let required_scopes = fields.take_each("spec.authorization.requiredScopes", scopes, Scope::parse);
    let claims = claims(spec, fields);
    resources(spec, fields);
    selector(spec, fields);
    let trust = match (spec.provider, &spec.hmac, &spec.oidc) {
        (Provider::Hmac, Some(hmac), None) => self::hmac(&hmac.secret_refs, resource.as_ref(), given),
        (Provider::Hmac, ..) => {
            fields.report("spec", "provider hmac needs the field hmac, and takes no field oidc");
            None
        }
        (_, None, Some(oidc)) => self::oidc(oidc, fields, given),
        _ => {
            fields.report("spec", "every provider but hmac needs the field oidc, and takes no field hmac");
            None
        }
    };
    let (resource, trust, max_body_bytes) = (resource?, trust?, *max_body_bytes);
    Some(Parts {
        resource,
        public_paths,
        allowed_origins,
        max_body_bytes,
        trust,
        claims,
        required_scopes,
        proxy: None,
    })
}

fn hmac(references: &[SecretRef], resource: Option<&ResourceUrl>, given: &mut Given<'_>) -> Option<Trust> {
    let mut keys = Vec::new();
    for (index, SecretRef { name, key }) in references.iter().enumerate() {
        let path = format!("spec.hmac.secretRefs[{index}]");
        let reference = Reference { kind: Kind::Secret, name: name.clone(), key: key.clone() };
        if let Some(bytes) = given.value(&path, &reference) {
            keys.extend(given.broken.take(&path, HmacKey::parse(bytes)));
        }
    }
    // A token under a shared secret is for this resource: its URL is the audience.
    let audience = Audience::parse(resource?.as_str()).ok()?;
    (!keys.is_empty()).then(|| Trust { oidc: None, hmac: keys, audiences: vec![audience] })
}

fn oidc(oidc: &Oidc, fields: &mut Collector, given: &mut Given<'_>) -> Option<Trust> {
    let issuer = fields.take("spec.oidc.issuer", Issuer::parse(&oidc.issuer));
    let audiences = fields.take_each("spec.oidc.audience", &oidc.audience, Audience::parse);
    if oidc.audience.is_empty() {
        fields.report("spec.oidc.audience", "must name at least one audience");
    }
    let jwks = oidc.endpoints.as_ref().and_then(|endpoints| endpoints.jwks.as_ref());
    let jwks = jwks.and_then(|url| fields.take("spec.oidc.endpoints.jwks", EndpointUrl::parse(url)));
    let ca_bundle = match &oidc.ca_bundle_ref {
        Some(reference) => Some(ca_bundle(reference, given)?),
        None => None,
    };
    Some(Trust { oidc: Some(OidcTrust { issuer: issuer?, jwks, ca_bundle }), hmac: Vec::new(), audiences })
}

fn ca_bundle(CaBundleRef { kind, name, key }: &CaBundleRef, given: &mut Given<'_>) -> Option<String> {
    let path = "spec.oidc.caBundleRef";
    let reference = Reference { kind: (*kind).into(), name: name.clone(), key: key.clone() };
    let text = std::str::from_utf8(given.value(path, &reference)?).map_err(|_| BundleError::Empty);
    match text.and_then(|text| bundle::check(text).map(|()| text.to_owned())) {
        Ok(text) => Some(text),
        Err(error) => {
            let kind = reference.kind.as_str();
            given.broken.report(path, format!("{kind} '{name}' has {error} under '{key}'"));
            None
        }
    }
}

/// A container that requests more than its limit is one that no pod can be created with.
fn resources(spec: &McpOAuthPolicySpec, fields: &mut Collector) {
    let Some(Resources { requests, limits }) =
        spec.sidecar.as_ref().and_then(|sidecar| sidecar.resources.as_ref())
    else {
        return;
    };
    let path = "spec.sidecar.resources";
    for (name, limit) in limits {
        let limit = fields.take(&format!("{path}.limits.{name}"), Quantity::parse(limit));
        let request = requests.get(name).and_then(|request| Quantity::parse(request).ok());
        if limit.zip(request).is_some_and(|(limit, request)| request.billionths() > limit.billionths()) {
            fields.report(format!("{path}.requests.{name}"), format!("must not be more than limits.{name}"));
        }
    }
    for (name, request) in requests {
        fields.take(&format!("{path}.requests.{name}"), Quantity::parse(request));
    }
}

/// A value that is no label's would select other pods where it becomes a part of a text.
fn selector(spec: &McpOAuthPolicySpec, fields: &mut Collector) {
    for (key, value) in spec.selector.iter().flat_map(|selector| &selector.match_labels) {
        let path = format!("spec.selector.matchLabels.{key}");
        fields.take(&path, LabelKey::parse(key));
        if !value.is_empty() {
            fields.take(&path, LabelValue::parse(value));
        }
    }
}

fn claims(spec: &McpOAuthPolicySpec, fields: &mut Collector) -> ClaimRules {
    let preset = spec.provider.preset();
    let written = spec.claims.clone().unwrap_or_default();
    let preset_name =
        |name: &str| ClaimName::parse(name).expect("presets name valid claims, which a test of theirs holds");
    let mut own =
        |path: &str, name: Option<&String>| name.and_then(|name| fields.take(path, ClaimName::parse(name)));
    let scope = own("spec.claims.scope", written.scope.as_ref()).map(|name| vec![name]);
    let user = own("spec.claims.user", written.user.as_ref());
    let mut require = BTreeMap::new();
    for (name, value) in preset.require {
        require.insert(preset_name(name), vec![(*value).to_owned()]);
    }
    for (name, values) in written.require {
        if let Some(claim) = fields.take(&format!("spec.claims.require.{name}"), ClaimName::parse(&name)) {
            require.insert(claim, values);
        }
    }
    ClaimRules {
        scope: scope.unwrap_or_else(|| preset.scope.iter().map(|name| preset_name(name)).collect()),
        user: user.unwrap_or_else(|| preset_name(preset.user)),
        audience: preset_name(preset.audience),
        require,
    }
}

impl<'a> Given<'a> {
    /// The bytes behind a reference, or a note that says what to create.
    fn value(&mut self, path: &str, reference: &Reference) -> Option<&'a [u8]> {
        let Reference { kind, name, key } = reference;
        let kind = kind.as_str();
        match self.inputs.get(reference) {
            Some(Ok(bytes)) => return Some(bytes.expose()),
            Some(Err(Absent::Key)) => {
                self.absent.report(path, format!("{kind} '{name}' has no key '{key}': add it"));
            }
            Some(Err(Absent::Rendered)) => {
                self.broken.report(
                    path,
                    format!("{kind} '{name}' is one that the operator rendered: name one of your own"),
                );
            }
            Some(Err(Absent::Object)) | None => {
                self.absent.report(
                    path,
                    format!("there is no {kind} '{name}' in this namespace: create it, with the key '{key}'"),
                );
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
