//! YAML in, a policy or its reasons out; each reason beside the twin that has none.

mod doors;
mod proxy;

use std::collections::BTreeMap;

use crds::resource::CaBundleRef;

use super::*;
use crate::bundle;
use crate::gather::{Absent, Kind, Reference};

const KEY: &[u8] = b"kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";
const BROKEN: &[u8] = b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

fn spec(yaml: &str) -> McpOAuthPolicySpec {
    serde_yaml::from_str(yaml).expect("the spec is YAML")
}

fn hmac_spec() -> McpOAuthPolicySpec {
    spec(
        "{server: {url: 'https://h/mcp'}, provider: hmac, hmac: {secretRefs: [{name: s, key: k}, {name: t, key: k}]}}",
    )
}

fn okta_spec() -> McpOAuthPolicySpec {
    spec(
        "{server: {url: 'https://h/mcp'}, provider: okta, oidc: {issuer: 'https://c.okta.com', audience: ['api://x']}}",
    )
}

/// What a reference to the key `k` leads to.
type Value<'a> = (Kind, &'a str, Result<&'a [u8], Absent>);

fn with(values: &[Value<'_>]) -> Inputs {
    let of = |(kind, name, value): &Value<'_>| {
        let reference = Reference { kind: *kind, name: (*name).to_owned(), key: "k".into() };
        (reference, value.map(|bytes| crds::Secret::new(bytes.to_vec())))
    };
    values.iter().map(of).collect()
}

fn reason(spec: &McpOAuthPolicySpec, inputs: &Inputs) -> (Reason, String) {
    let unresolved = resolve(spec, inputs, &Held::NotNeeded).expect_err("there is a reason");
    (unresolved.reason, unresolved.to_string())
}

#[test]
fn two_secrets_are_two_keys_and_the_url_is_the_audience() {
    let inputs = with(&[(Kind::Secret, "s", Ok(KEY)), (Kind::Secret, "t", Ok(KEY))]);
    let policy = resolve(&hmac_spec(), &inputs, &Held::NotNeeded).expect("complete");
    assert_eq!((policy.trust.hmac.len(), policy.trust.audiences[0].as_str()), (2, "https://h/mcp"));
}

#[test]
fn a_missing_secret_or_key_says_what_to_create() {
    let inputs = with(&[(Kind::Secret, "s", Err(Absent::Object)), (Kind::Secret, "t", Err(Absent::Key))]);
    let (why, said) = reason(&hmac_spec(), &inputs);
    assert_eq!(why, Reason::ReferenceNotFound);
    assert!(
        said.contains(
            "spec.hmac.secretRefs[0]: there is no Secret 's' in this namespace: create it, with the key 'k'"
        ),
        "{said}"
    );
    assert!(said.contains("spec.hmac.secretRefs[1]: Secret 't' has no key 'k': add it"), "{said}");
}

#[test]
fn a_secret_that_the_operator_rendered_is_nobodys_shared_secret() {
    let other = |value| with(&[(Kind::Secret, "s", value), (Kind::Secret, "t", Ok(KEY))]);
    let (why, said) = reason(&hmac_spec(), &other(Err(Absent::Rendered)));
    assert_eq!(why, Reason::ReferenceInvalid);
    assert!(said.contains("Secret 's' is one that the operator rendered: name one of your own"), "{said}");
    assert!(resolve(&hmac_spec(), &other(Ok(KEY)), &Held::NotNeeded).is_ok());
}

#[test]
fn k17_a_selector_holds_values_of_labels_and_nothing_that_reads_as_a_selector() {
    let inputs = with(&[(Kind::Secret, "s", Ok(KEY)), (Kind::Secret, "t", Ok(KEY))]);
    let selecting = |value: &str| {
        let match_labels = BTreeMap::from([("app".to_owned(), value.to_owned())]);
        McpOAuthPolicySpec { selector: Some(crds::resource::Selector { match_labels }), ..hmac_spec() }
    };
    let (why, said) = reason(&selecting("zzz,tier=b"), &inputs);
    assert_eq!(why, Reason::Invalid);
    assert!(said.contains("spec.selector.matchLabels.app: must be the value of a label"), "{said}");
    for value in ["zzz", ""] {
        assert!(resolve(&selecting(value), &inputs, &Held::NotNeeded).is_ok(), "'{value}'");
    }
}

#[test]
fn a_weak_secret_closes_and_is_not_shown() {
    let inputs = with(&[(Kind::Secret, "s", Ok(b"hunter2")), (Kind::Secret, "t", Ok(KEY))]);
    let (why, said) = reason(&hmac_spec(), &inputs);
    assert_eq!(why, Reason::ReferenceInvalid);
    assert!(said.contains("must be at least 32 bytes") && !said.contains("hunter2"), "{said}");
}

#[test]
fn every_broken_field_is_named_at_once_and_before_any_missing_reference() {
    let broken = spec(
        "{server: {url: 'http://h/mcp', publicPaths: ['x'], allowedOrigins: ['*']}, provider: okta,
          oidc: {issuer: 'ftp://x', audience: ['a b'], caBundleRef: {kind: Secret, name: ca, key: k}},
          authorization: {requiredScopes: ['offline_access']}, claims: {scope: 'a b'}}",
    );
    let (why, said) = reason(&broken, &with(&[(Kind::Secret, "ca", Err(Absent::Object))]));
    assert_eq!(why, Reason::Invalid);
    for path in [
        "spec.server.url:",
        "spec.server.publicPaths[0]:",
        "spec.server.allowedOrigins[0]:",
        "spec.oidc.issuer:",
        "spec.oidc.audience[0]:",
        "spec.authorization.requiredScopes[0]:",
        "spec.claims.scope:",
    ] {
        assert!(said.contains(path), "{path} in {said}");
    }
}

#[test]
fn an_audience_is_needed() {
    let mut without = okta_spec();
    without.oidc.as_mut().expect("okta").audience.clear();
    let (why, said) = reason(&without, &Inputs::new());
    assert_eq!(why, Reason::Invalid);
    assert!(said.contains("spec.oidc.audience: must name at least one audience"), "{said}");
    assert!(resolve(&okta_spec(), &Inputs::new(), &Held::NotNeeded).is_ok());
}

#[test]
fn google_is_in_one_place_and_needs_no_issuer() {
    let of = |provider: &str| {
        let spec =
            format!("{{server: {{url: 'https://h/mcp'}}, provider: {provider}, oidc: {{audience: [x]}}}}");
        resolve(&self::spec(&spec), &Inputs::new(), &Held::NotNeeded)
    };
    let google = of("google").expect("complete");
    assert_eq!(google.issuer().as_deref(), Some("https://accounts.google.com"));
    let said = of("okta").expect_err("okta is in many places").to_string();
    assert!(said.starts_with("spec.oidc.issuer: must be the provider's issuer"), "{said}");
}

#[test]
fn a_bundle_is_certificates_or_closed() {
    let mut bundled = okta_spec();
    bundled.oidc.as_mut().expect("okta").ca_bundle_ref = Some(CaBundleRef {
        kind: crds::resource::CaBundleKind::ConfigMap,
        name: "ca".into(),
        key: "k".into(),
    });
    let good = bundle::example();
    assert!(
        resolve(&bundled, &with(&[(Kind::ConfigMap, "ca", Ok(good.as_bytes()))]), &Held::NotNeeded).is_ok()
    );
    for (bytes, says) in [
        (&b"no"[..], "no PEM certificate"),
        (b"\xff", "no PEM certificate"),
        (BROKEN, "a certificate that cannot be read"),
        (&good.as_bytes()[..100], "a PEM text that is cut off"),
    ] {
        let (why, said) = reason(&bundled, &with(&[(Kind::ConfigMap, "ca", Ok(bytes))]));
        assert_eq!(why, Reason::ReferenceInvalid);
        assert!(said.starts_with(&format!("spec.oidc.caBundleRef: ConfigMap 'ca' has {says}")), "{said}");
    }
    assert_eq!(
        reason(&bundled, &with(&[(Kind::ConfigMap, "ca", Err(Absent::Object))])).0,
        Reason::ReferenceNotFound
    );
}

#[test]
fn a_request_that_is_more_than_its_limit_is_named_and_one_that_is_as_much_is_not() {
    let with_resources = |resources: &str| {
        let mut spec = okta_spec();
        let sidecar = format!("{{resources: {resources}, ports: {{traffic: 1, admin: 2}}}}");
        spec.sidecar = Some(serde_yaml::from_str(&sidecar).expect("YAML"));
        spec
    };
    for good in [
        "{requests: {memory: 1Gi}, limits: {memory: 1024Mi}}",
        "{requests: {cpu: 500m}, limits: {cpu: '0.5'}}",
        "{requests: {memory: 2Gi}}",
        "{limits: {memory: 8Mi}}",
    ] {
        assert!(resolve(&with_resources(good), &Inputs::new(), &Held::NotNeeded).is_ok(), "{good}");
    }
    for (bad, says) in [
        ("{requests: {memory: 1025Mi}, limits: {memory: 1Gi}}", "requests.memory: must not be more than"),
        ("{requests: {cpu: 501m}, limits: {cpu: '0.5'}}", "requests.cpu: must not be more than limits.cpu"),
        ("{requests: {memory: much}}", "requests.memory: must be a quantity"),
        ("{limits: {memory: much}}", "limits.memory: must be a quantity"),
    ] {
        let (why, said) = reason(&with_resources(bad), &Inputs::new());
        assert_eq!(why, Reason::Invalid);
        assert!(said.contains(&format!("spec.sidecar.resources.{says}")), "{said}");
    }
}

#[test]
fn what_the_policy_says_of_claims_wins_over_the_preset() {
    let preset = resolve(&okta_spec(), &Inputs::new(), &Held::NotNeeded).expect("complete").claims.clone();
    assert_eq!(preset.scope[0].as_str(), "scp");
    let mut own = okta_spec();
    own.claims = Some(
        serde_yaml::from_str("{scope: permissions, user: email, require: {hd: [example.com]}}")
            .expect("YAML"),
    );
    let claims = resolve(&own, &Inputs::new(), &Held::NotNeeded).expect("complete").claims.clone();
    assert_eq!(
        (claims.scope.len(), claims.scope[0].as_str(), claims.user.as_str()),
        (1, "permissions", "email")
    );
    assert_eq!(claims.require.len(), 1);
}

#[test]
fn a_provider_and_the_other_ones_field_do_not_go_together() {
    let mut mixed = okta_spec();
    mixed.hmac = hmac_spec().hmac;
    assert!(reason(&mixed, &Inputs::new()).1.starts_with("spec: provider hmac takes no field oidc"));
    let mut none = hmac_spec();
    none.hmac = None;
    assert!(reason(&none, &Inputs::new()).1.starts_with("spec: provider hmac needs"));
}
