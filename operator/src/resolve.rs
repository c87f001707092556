//! From what was written to what is obeyed: a `Policy`, or every reason why there is none.
//!
//! Pure. The second door (K13): whatever the API server let through, only what the constructors take goes on. Presets of
//! the provider fill in what the policy does not say. Meets J13, J20, K02, N15, O29 (no login without keys that last).

mod claims;
mod given;
mod native;
mod proxy;

use crds::names::{LabelKey, LabelValue, PublicPath, Quantity, ResourceUrl, Scope, WebOrigin};
use crds::policy::Parts;
use crds::proxy::Keys;
use crds::resource::{McpOAuthPolicySpec, Mode, Resources, Server, check};
use crds::violation::Collector;
use crds::{Policy, Violations};

use crate::gather::Inputs;
use crate::keys::{self, Held, Unreadable};
use given::Given;

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
    KeysUnreadable,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::ReferenceNotFound => "ReferenceNotFound",
            Self::ReferenceInvalid => "ReferenceInvalid",
            Self::KeysUnreadable => "KeysUnreadable",
        }
    }
}

/// Puts the three together. What is wrong with the fields comes first: it will not mend itself. `held` are the keys of proxy
/// mode, and nobody asks for them otherwise.
pub fn resolve(spec: &McpOAuthPolicySpec, inputs: &Inputs, held: &Held) -> Result<Policy, Unresolved> {
    let mut fields = Collector::default();
    let mut given = Given { inputs, absent: Collector::default(), broken: Collector::default() };
    check(spec, &mut fields);
    let keys = if let Held::Keys(keys) = held { Some(keys) } else { None };
    let parts = parts(spec, keys, &mut fields, &mut given);
    let policy = parts.and_then(|parts| fields.merge(Policy::new(parts)));
    let Given { absent, broken, .. } = given;
    let unresolved = |reason| move |problems| Unresolved { reason, problems };
    let found = fields.finish(Some(())).map_err(unresolved(Reason::Invalid));
    let there = absent.finish(Some(())).map_err(unresolved(Reason::ReferenceNotFound));
    let usable = broken.finish(Some(())).map_err(unresolved(Reason::ReferenceInvalid));
    found.and(there).and(usable)?;
    if let (Mode::Proxy, Held::Unreadable(why)) = (spec.mode(), held) {
        return Err(unresolved(Reason::KeysUnreadable)(of_keys(why)));
    }
    // What is in proxy mode and has no keys is no policy either: there is no login without them (O29).
    let whole = policy.filter(|policy| policy.proxy.is_none() || keys.is_some());
    let incomplete = || Violations::one("spec", "is incomplete");
    whole.ok_or_else(|| unresolved(Reason::Invalid)(incomplete()))
}

/// No others are made in place of those that were handed out (O29).
fn of_keys(unreadable: &Unreadable) -> Violations {
    let why = format!(
        "the entry {} of the Secret '<policy>-mcp-oauth' {unreadable}: put back what stood there, or delete the entry to have new \
         keys minted, and everybody logs in again",
        keys::FILE
    );
    Violations::one("spec.mode", why)
}

fn parts(
    spec: &McpOAuthPolicySpec,
    keys: Option<&Keys>,
    fields: &mut Collector,
    given: &mut Given<'_>,
) -> Option<Parts> {
    let Server { url, public_paths, allowed_origins, max_body_bytes, .. } = &spec.server;
    let resource = fields.take("spec.server.url", ResourceUrl::parse(url));
    let public_paths = fields.take_each("spec.server.publicPaths", public_paths, PublicPath::parse);
    let allowed_origins = fields.take_each("spec.server.allowedOrigins", allowed_origins, WebOrigin::parse);
    let scopes = spec.authorization.iter().flat_map(|authorization| &authorization.required_scopes);
    let required_scopes = fields.take_each("spec.authorization.requiredScopes", scopes, Scope::parse);
    let claims = claims::claims(spec, fields);
    resources(spec, fields);
    selector(spec, fields);
    let (trust, proxy) = match spec.mode() {
        Mode::Native => (native::trust(spec, resource.as_ref(), fields, given), None),
        Mode::Proxy => {
            let proxy = proxy::proxy(spec, resource.as_ref(), keys, fields, given);
            // Without what people log in with there is nothing to trust.
            let trust = proxy.is_some().then(|| proxy::trust(resource.as_ref())).flatten();
            (trust, proxy.map(Box::new))
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
        proxy,
    })
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

#[cfg(test)]
mod tests;
