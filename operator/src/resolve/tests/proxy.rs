//! Proxy mode: YAML in, a policy with keys or its reasons out; each reason beside the twin that has none.

use std::net::IpAddr;

use crds::proxy::{Consent, FixedProof, KeyBytes, KeyId, Lifetimes, Proxy, SealKey, SigningKey, Switch};
use crds::redirect::Redirects;

use super::*;
use crate::keys::Ring;

const URL: &str = "https://mcp.example.com/mcp";
const OURS: &str = "https://mcp.example.com/oauth/callback";

fn keys() -> Keys {
    let id = KeyId::parse("k1").expect("an id");
    let key = KeyBytes::parse(&[7; 32]).expect("a key");
    Keys { seal: vec![SealKey { id: id.clone(), key: key.clone() }], sign: vec![SigningKey { id, key }] }
}

/// Okta with a public client, and something in one of its fields.
fn okta(oidc: &str, rest: &str) -> McpOAuthPolicySpec {
    spec(&format!(
        "{{server: {{url: '{URL}'}}, provider: okta, oidc: {{issuer: 'https://c.okta.com', clientId: 0oa1{oidc}}}{rest}}}"
    ))
}

fn settings(proxy: &str) -> McpOAuthPolicySpec {
    okta("", &format!(", proxy: {{{proxy}}}"))
}

fn policy(spec: &McpOAuthPolicySpec, inputs: &Inputs) -> Policy {
    resolve(spec, inputs, &Held::Keys(keys())).unwrap_or_else(|why| panic!("{why}"))
}

fn of(spec: &McpOAuthPolicySpec) -> Proxy {
    *policy(spec, &Inputs::new()).proxy.clone().expect("it is in proxy mode")
}

fn refusal(spec: &McpOAuthPolicySpec, inputs: &Inputs) -> (Reason, String) {
    let unresolved = resolve(spec, inputs, &Held::Keys(keys())).expect_err("there is a reason");
    (unresolved.reason, unresolved.to_string())
}

#[test]
fn an_id_at_the_provider_is_enough_and_the_preset_says_the_rest() {
    let policy = policy(&okta("", ""), &Inputs::new());
    let Proxy { login, redirects, clients, consent, allow_networks, lifetimes, keys, store } =
        *policy.proxy.clone().expect("it is in proxy mode");
    assert_eq!((login.client_id.as_str(), login.client_secret), ("0oa1", None));
    let scopes: Vec<_> = login.scopes.iter().map(crds::proxy::ProviderScope::as_str).collect();
    assert_eq!(scopes, ["openid", "profile", "email", "offline_access"]);
    assert_eq!(redirects, Redirects::parse(OURS).expect("ours"));
    assert_eq!((clients.dynamic, clients.metadata_documents), (Switch::On, Switch::On));
    assert!(clients.fixed.is_empty() && allow_networks.is_empty());
    assert_eq!((consent, lifetimes), (Consent::Always, Lifetimes { access: 900, refresh: 2_592_000 }));
    assert_eq!((keys, store), (self::keys(), None));
    // O14: our own tokens, for this resource alone.
    assert!(policy.trust.oidc.is_none() && policy.trust.hmac.is_empty());
    assert_eq!(policy.trust.audiences.iter().map(crds::names::Audience::as_str).collect::<Vec<_>>(), [URL]);
    assert_eq!(policy.issuer().as_deref(), Some("https://mcp.example.com"));
}

#[test]
fn o29_without_keys_a_policy_is_closed_and_what_is_wrong_with_it_is_said_first() {
    let closed =
        resolve(&okta("", ""), &Inputs::new(), &Held::NotNeeded).expect_err("nobody has minted keys");
    assert_eq!((closed.reason, &*closed.to_string()), (Reason::Invalid, "spec: is incomplete"));
    assert!(resolve(&okta("", ""), &Inputs::new(), &Held::Keys(keys())).is_ok());
    let broken =
        resolve(&settings("tokenLifetime: 2h"), &Inputs::new(), &Held::NotNeeded).expect_err("it is broken");
    assert_eq!(broken.reason, Reason::Invalid);
    let secret = okta(", clientSecretRef: {name: s, key: k}", "");
    let absent = with(&[(Kind::Secret, "s", Err(Absent::Object))]);
    let waits = resolve(&secret, &absent, &Held::NotNeeded).expect_err("it waits for a Secret");
    assert_eq!(waits.reason, Reason::ReferenceNotFound);
    assert!(resolve(&okta_spec(), &Inputs::new(), &Held::NotNeeded).is_ok(), "native mode needs no keys");
}

#[test]
fn o29_keys_that_cannot_be_read_close_a_policy_and_say_what_to_do() {
    let unreadable = Held::Unreadable(Ring::parse(b"seal: []").expect_err("no ring"));
    let closed = resolve(&okta("", ""), &Inputs::new(), &unreadable).expect_err("nobody can read them");
    assert_eq!(closed.reason, Reason::KeysUnreadable);
    assert!(closed.to_string().contains("keys.yaml") && closed.to_string().contains("delete"), "{closed}");
    assert!(resolve(&okta("", ""), &Inputs::new(), &Held::Keys(keys())).is_ok());
    assert!(resolve(&okta_spec(), &Inputs::new(), &unreadable).is_ok(), "native mode needs no keys");
}

#[test]
fn what_the_policy_says_wins_over_the_providers_preset() {
    let google = |oidc: &str| {
        of(&spec(&format!("{{server: {{url: '{URL}'}}, provider: google, oidc: {{clientId: x{oidc}}}}}")))
            .login
    };
    let texts = |login: &crds::proxy::Login| {
        let params = login.extra_params.iter().map(|(name, value)| format!("{name}={value}"));
        (login.scopes.len(), params.collect::<Vec<_>>().join(" "))
    };
    let preset = google("");
    assert_eq!(preset.issuer.as_str(), "https://accounts.google.com");
    assert_eq!(texts(&preset), (3, "access_type=offline prompt=consent".into()));
    let own = google(", scopes: [openid], extraParams: {prompt: select_account, hd: example.com}");
    assert_eq!(texts(&own), (1, "access_type=offline hd=example.com prompt=select_account".into()));
}

#[test]
fn claims_are_those_of_the_id_token() {
    let claims = |rest: &str| {
        let cognito = format!(
            "{{server: {{url: '{URL}'}}, provider: cognito, oidc: {{issuer: 'https://c.example', clientId: x}}{rest}}}"
        );
        policy(&spec(&cognito), &Inputs::new()).claims.clone()
    };
    let preset = claims("");
    assert_eq!((preset.user.as_str(), preset.audience.as_str()), ("email", "aud"));
    assert!(preset.require.is_empty(), "token_use is access in access tokens alone");
    let own = claims(", claims: {user: sub, require: {hd: [example.com]}}");
    assert_eq!((own.user.as_str(), own.require.len()), ("sub", 1));
}

#[test]
fn every_field_of_the_policy_arrives() {
    let proxy = of(&settings(
        "redirectURIs: ['https://a.example/cb', 'cursor://x/cb'], consent: remember, allowNetworks: [10.1.0.0/16], \
         tokenLifetime: 5m, refreshLifetime: 7d, clients: {dynamic: false, metadataDocuments: false, \
         static: [{id: ci, redirectURIs: ['https://ci.example.com/cb']}]}",
    ));
    assert!(matches!(&proxy.redirects, Redirects::AllowList(list) if list.len() == 2));
    assert_eq!((proxy.clients.dynamic, proxy.clients.metadata_documents), (Switch::Off, Switch::Off));
    assert_eq!(
        (proxy.consent, proxy.lifetimes),
        (Consent::Remember, Lifetimes { access: 300, refresh: 604_800 })
    );
    assert!(proxy.allow_networks[0].contains(IpAddr::from([10, 1, 2, 3])));
    let ci = &proxy.clients.fixed[0];
    assert_eq!((ci.id.as_str(), &ci.proof, ci.redirect_uris.len()), ("ci", &FixedProof::Public, 1));
    let endpoints = of(&okta(
        ", endpoints: {authorization: 'https://a.example/a', token: 'https://a.example/t', revocation: 'https://a.example/r', \
         jwks: 'https://a.example/k'}",
        "",
    ))
    .login
    .endpoints;
    let urls = [endpoints.authorization, endpoints.token, endpoints.revocation, endpoints.jwks];
    assert_eq!(urls.map(|url| url.map(String::from).unwrap_or_default()).map(|url| url.len()), [19; 4]);
}

#[test]
fn secrets_arrive_and_what_is_wrong_with_one_is_said_and_not_shown() {
    let spec = okta(
        ", clientSecretRef: {name: s, key: k}",
        ", proxy: {clients: {static: [{id: ci, secretRef: {name: t, key: k}, redirectURIs: ['https://ci.example.com/cb']}]}}",
    );
    let secrets = |ours, theirs| with(&[(Kind::Secret, "s", ours), (Kind::Secret, "t", theirs)]);
    let long = "a long secret of the client alone";
    let whole = policy(&spec, &secrets(Ok(b"of the provider\n"), Ok(long.as_bytes())));
    let proxy = whole.proxy.clone().expect("it is in proxy mode");
    let ours = proxy.login.client_secret.as_ref().map(crds::proxy::ClientSecret::expose);
    let theirs = FixedProof::Secret(crds::proxy::FixedSecret::parse(long).expect("long"));
    assert_eq!((ours, &proxy.clients.fixed[0].proof), (Some("of the provider"), &theirs));
    for (inputs, why, says) in [
        (
            secrets(Err(Absent::Object), Ok(b"x")),
            Reason::ReferenceNotFound,
            "spec.oidc.clientSecretRef: there is no Secret 's'",
        ),
        (
            secrets(Ok(b"x"), Err(Absent::Key)),
            Reason::ReferenceNotFound,
            "spec.proxy.clients.static[0].secretRef: Secret 't' has no key 'k'",
        ),
        (
            secrets(Ok(b"x"), Err(Absent::Rendered)),
            Reason::ReferenceInvalid,
            "Secret 't' is one that the operator rendered",
        ),
        (
            secrets(Ok(b"hunter\x072"), Ok(b"x")),
            Reason::ReferenceInvalid,
            "spec.oidc.clientSecretRef: must be 1 to 1024 characters",
        ),
        (
            secrets(Ok(b"x"), Ok(b"hunter2")),
            Reason::ReferenceInvalid,
            "spec.proxy.clients.static[0].secretRef: must be at least 32 characters: make one with: openssl rand -base64 32",
        ),
        (
            secrets(Ok(b"hunter\xff2"), Ok(b"x")),
            Reason::ReferenceInvalid,
            "spec.oidc.clientSecretRef: must be 1 to 1024 characters",
        ),
    ] {
        let (reason, said) = refusal(&spec, &inputs);
        assert_eq!(reason, why, "{said}");
        assert!(said.contains(says) && !said.contains("hunter"), "{said}");
    }
}

#[test]
fn d17_public_keys_of_a_client_arrive_and_what_is_wrong_with_them_is_said_with_the_field() {
    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let with = |proof: &str| {
        settings(&format!(
            "clients: {{static: [{{id: ci, redirectURIs: ['https://ci.example.com/cb'], {proof}}}]}}"
        ))
    };
    let set = format!("jwks: '{{\"keys\": [{KEY}]}}'");
    assert!(matches!(of(&with(&set)).clients.fixed[0].proof, FixedProof::Keys(_)));
    let url = "jwksUri: 'https://ci.example.com/jwks.json'";
    assert!(
        matches!(&of(&with(url)).clients.fixed[0].proof, FixedProof::KeysAt(at) if at.as_str().ends_with("/jwks.json"))
    );
    let (both, beside) =
        (format!("{set}, {url}"), |member: &str| set.replace("\"x\"", &format!("{member}, \"x\"")));
    let (private, escaped) = (beside(r#""d": "AAAA""#), beside(r#""\u0064": "AAAA""#));
    for (proof, says) in [
        (both.as_str(), "static[0]: must have at most one of secretRef, jwks and jwksUri"),
        (&private, "static[0].jwks: must hold no private or symmetric key"),
        (&escaped, "static[0].jwks: must hold no backslash"),
        ("jwks: '{\"keys\": []}'", "static[0].jwks: must hold a public key for signatures"),
        ("jwksUri: 'http://ci.example.com/jwks.json'", "static[0].jwksUri: must be an https URL"),
    ] {
        let (reason, said) = refusal(&with(proof), &Inputs::new());
        assert_eq!(reason, Reason::Invalid);
        assert!(said.starts_with(&format!("spec.proxy.clients.{says}")), "{said}");
    }
}

#[test]
fn a_callback_is_ours_and_where_a_browser_may_bring_a_code() {
    for good in [
        OURS,
        "https://mcp.example.com/trino/oauth/callback",
        "https://a.example/cb', 'https://b.example/cb",
        "https://a.example/cb', 'https://mcp.example.com/trino/oauth/callback",
    ] {
        of(&settings(&format!("redirectURIs: ['{good}']")));
    }
    for (bad, says) in [
        ("https://claude.ai/cb", "proxy.redirectURIs: must be our own callback"),
        ("https://mcp.example.com/x?a=/oauth/callback", "proxy.redirectURIs: must be our own callback"),
        ("https://mcp.example.com.evil/oauth/callback", "proxy.redirectURIs: must be our own callback"),
        ("cursor://x/cb", "spec.proxy.redirectURIs: must be our own callback"),
        (
            "https://mcp.example.com/oauth/callback', 'https://mcp.example.com/trino/oauth/callback",
            "proxy.redirectURIs: must have one callback of ours at most",
        ),
        ("https://a.example/cb', 'https://a.example/cb", "spec.proxy.redirectURIs: must not name"),
        (
            "https://mcp.example.com/oauth/callback', 'javascript:x",
            "spec.proxy.redirectURIs[1]: must not have a scheme",
        ),
    ] {
        let (reason, said) = refusal(&settings(&format!("redirectURIs: ['{bad}']")), &Inputs::new());
        assert_eq!(reason, Reason::Invalid);
        assert!(said.starts_with(says), "{said}");
    }
}

#[test]
fn a18_people_log_in_over_https_or_on_this_machine() {
    let at = |url: &str, proxy: &str| {
        let yaml = format!(
            "{{server: {{url: '{url}'}}, provider: okta, oidc: {{issuer: 'https://c.okta.com', clientId: x}}, proxy: {{{proxy}}}}}"
        );
        resolve(&spec(&yaml), &Inputs::new(), &Held::Keys(keys())).map_err(|why| why.to_string())
    };
    let list = "redirectURIs: ['https://a.example/cb', 'https://b.example/cb']";
    for proxy in ["", list] {
        assert!(at("http://localhost:17080/mcp", proxy).is_ok());
        let said = at("http://trino.data.svc/mcp", proxy).expect_err("it is not encrypted");
        assert_eq!(said, format!("spec.server.url: {}", crds::proxy::IN_THE_CLEAR));
    }
}

#[test]
fn every_broken_field_is_named_at_once() {
    let broken = okta(
        ", scopes: ['a b', openid], extraParams: {state: x}, endpoints: {authorization: 'http://a.example'}, \
         caBundleRef: {kind: Secret, name: ca, key: k}",
        ", proxy: {redirectURIs: ['http://a.example/cb'], allowNetworks: [10.0.0.1/8], tokenLifetime: 2h, refreshLifetime: 1m, \
         clients: {static: [{id: 'a b', redirectURIs: ['x']}, {id: c, redirectURIs: []}, {id: c, redirectURIs: ['https://c/cb']}]}}",
    );
    let (reason, said) = refusal(&broken, &Inputs::new());
    assert_eq!(reason, Reason::Invalid);
    for path in [
        "spec.oidc.scopes[0]:",
        "spec.oidc.extraParams.state:",
        "spec.oidc.endpoints.authorization:",
        "spec.proxy.redirectURIs[0]:",
        "spec.proxy.allowNetworks[0]:",
        "spec.proxy.tokenLifetime: must be from 1m to 1h",
        "spec.proxy.refreshLifetime: must be from 1h to 365d",
        "spec.proxy.clients.static[0].id:",
        "spec.proxy.clients.static[0].redirectURIs[0]:",
        "spec.proxy.clients.static[1].redirectURIs: must name at least one URI",
        "spec.proxy.clients.static[2].id: must not be the id of another client as well",
    ] {
        assert!(said.contains(path), "{path} in {said}");
    }
    let absent = okta(", caBundleRef: {kind: Secret, name: ca, key: k}", "");
    assert_eq!(refusal(&absent, &Inputs::new()).0, Reason::ReferenceNotFound);
}

/// A secret that is missing is another thing than no secret: what must have one waits for it, and is not called wrong.
#[test]
fn github_waits_for_the_secret_that_it_cannot_do_without() {
    let github = |oidc: &str| {
        spec(&format!("{{server: {{url: '{URL}'}}, provider: github, oidc: {{clientId: Ov23{oidc}}}}}"))
    };
    let named = github(", clientSecretRef: {name: s, key: k}");
    let login = *policy(&named, &with(&[(Kind::Secret, "s", Ok(b"x"))])).proxy.clone().expect("proxy mode");
    assert_eq!(login.login.issuer.as_str(), "https://github.com");
    let absent = with(&[(Kind::Secret, "s", Err(Absent::Object))]);
    assert_eq!(refusal(&named, &absent).0, Reason::ReferenceNotFound);
    let (reason, said) = refusal(&github(""), &Inputs::new());
    assert_eq!(reason, Reason::Invalid);
    assert!(said.contains("spec.oidc.clientSecretRef: must name a secret with provider github"), "{said}");
}

#[test]
fn a_store_is_where_it_is_and_what_its_references_lead_to() {
    let plain = of(&settings("store: {url: 'redis://valkey:6379'}")).store.expect("a store");
    assert_eq!((plain.url.as_str(), plain.password, plain.ca_bundle), ("redis://valkey:6379", None, None));
    let guarded = settings(
        "store: {url: 'rediss://valkey', username: mcp, passwordRef: {name: v, key: k}, \
         caBundleRef: {kind: ConfigMap, name: ca, key: k}}",
    );
    let pem = bundle::example();
    let there =
        with(&[(Kind::Secret, "v", Ok(&b"s3cret\n"[..])), (Kind::ConfigMap, "ca", Ok(pem.as_bytes()))]);
    let proxy = policy(&guarded, &there).proxy.clone().expect("it is in proxy mode");
    let store = proxy.store.expect("a store");
    assert_eq!(store.username.expect("a user").as_str(), "mcp");
    assert_eq!(store.password.expect("a password").expose(), "s3cret");
    assert_eq!(store.ca_bundle.as_ref(), Some(&pem));
    for (change, reason, says) in [
        (
            &[(Kind::Secret, "v", Err(Absent::Object))][..],
            Reason::ReferenceNotFound,
            "spec.proxy.store.passwordRef: there is no",
        ),
        (
            &[(Kind::Secret, "v", Ok(&b"\x07"[..]))],
            Reason::ReferenceInvalid,
            "spec.proxy.store.passwordRef: must be 1 to 1024",
        ),
        (
            &[(Kind::ConfigMap, "ca", Ok(&b"no PEM"[..]))],
            Reason::ReferenceInvalid,
            "spec.proxy.store.caBundleRef: ConfigMap 'ca' has",
        ),
    ] {
        let mut inputs = there.clone();
        inputs.extend(with(change));
        let (found, said) = refusal(&guarded, &inputs);
        assert!(found == reason && said.starts_with(says), "{said}");
    }
}
