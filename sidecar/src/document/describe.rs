//! A policy in words for a person, one thing per line: what `--check` says.
//!
//! Pure. Whether there is a secret is said, and never the secret (R21, P23); of keys the names, which replicas can compare
//! (O29); of a store where it is. Meets promise 5.

use std::fmt::Write as _;

use crds::Policy;
use crds::names::spelled;
use crds::proxy::{self, Clients, Consent, Keys, Login, Proxy, Store, Switch};
use crds::redirect::Redirects;

type Line = (&'static str, String);

/// What would be enforced.
pub fn describe(policy: &Policy) -> String {
    let mode = match &policy.proxy {
        Some(proxy) => login(policy, proxy),
        None => native(policy),
    };
    mode.iter().chain(&everywhere(policy)).fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "  {name:<16} {value}");
        text
    })
}

/// Whose tokens are taken in native mode.
fn native(policy: &Policy) -> Vec<Line> {
    let trusted = match &policy.trust.oidc {
        Some(oidc) => format!("tokens of {}", oidc.issuer),
        None => format!("HS256 tokens under {} shared secret(s)", policy.trust.hmac.len()),
    };
    vec![
        ("mode", "native: clients bring tokens that they got elsewhere".into()),
        ("resource", policy.resource.to_string()),
        ("trusted", trusted),
        ("audiences", listed(&policy.trust.audiences)),
    ]
}

/// How people log in, in proxy mode, where tokens are for the resource alone.
fn login(policy: &Policy, proxy: &Proxy) -> Vec<Line> {
    let (resource, redirects, login) = (&policy.resource, &proxy.redirects, &proxy.login);
    let callback = proxy::callback(resource, redirects);
    vec![
        ("mode", "proxy: people log in through this sidecar, and it makes the tokens".into()),
        ("resource", resource.to_string()),
        ("issuer", proxy::issuer(resource, redirects)),
        ("callback", format!("{callback} (to be registered at the provider)")),
        ("provider", format!("{}, {}", login.provider.as_str(), login.issuer)),
        ("client id", login.client_id.to_string()),
        ("client secret", secret(login).into()),
        ("provider scopes", listed(&login.scopes)),
        ("clients", clients(&proxy.clients)),
        ("documents from", documents(proxy)),
        ("redirect URIs", returns(redirects)),
        ("consent", consent(proxy.consent).into()),
        ("lifetimes", lifetimes(proxy)),
        ("store", store(proxy.store.as_ref())),
        ("keys", keys(&proxy.keys)),
    ]
}

fn everywhere(policy: &Policy) -> Vec<Line> {
    let required = policy.claims.require.iter().map(|(name, values)| format!("{name}={}", values.join("|")));
    vec![
        ("required scopes", listed(&policy.required_scopes)),
        ("required claims", listed(&required.collect::<Vec<_>>())),
        ("public paths", listed(&policy.public_paths)),
        ("allowed origins", listed(&policy.allowed_origins)),
        ("longest body", format!("{} bytes", policy.max_body_bytes)),
    ]
}

fn secret(login: &Login) -> &'static str {
    match login.client_secret {
        Some(_) => "set",
        None => "not set: PKCE alone protects the login at the provider",
    }
}

fn clients(clients: &Clients) -> String {
    let mut kinds = Vec::new();
    if clients.dynamic == Switch::On {
        kinds.push("those that register themselves".to_owned());
    }
    if clients.metadata_documents == Switch::On {
        kinds.push("those with a document".to_owned());
    }
    if !clients.fixed.is_empty() {
        kinds.push(format!("{} that the policy names", clients.fixed.len()));
    }
    listed(&kinds)
}

fn documents(proxy: &Proxy) -> String {
    match (proxy.clients.metadata_documents, &proxy.allow_networks[..]) {
        (Switch::Off, _) => "nowhere".into(),
        (Switch::On, []) => "public addresses".into(),
        (Switch::On, networks) => format!("public addresses, {}", listed(networks)),
    }
}

/// Those of clients that the policy names stand beside them, and are theirs alone.
fn returns(redirects: &Redirects) -> String {
    match redirects {
        Redirects::Fixed(_) => "of clients on this machine, and of known ones".into(),
        Redirects::AllowList(listed_alone) | Redirects::Placed { listed: listed_alone, .. } => {
            listed(listed_alone)
        }
    }
}

fn consent(consent: Consent) -> &'static str {
    match consent {
        Consent::Always => "asked at each login",
        Consent::Remember => "remembered by the browser, where the person says so",
    }
}

fn lifetimes(proxy: &Proxy) -> String {
    let (access, refresh) = (spelled(proxy.lifetimes.access), spelled(proxy.lifetimes.refresh));
    format!("{access} for a token, {refresh} for a login")
}

fn store(store: Option<&Store>) -> String {
    match store {
        None => "none: each replica remembers for itself".into(),
        Some(Store { url, .. }) if url.has_tls() => format!("{}, over TLS", url.host()),
        Some(Store { url, .. }) => format!("{}, in the clear", url.host()),
    }
}

/// The first ones are in use.
fn keys(keys: &Keys) -> String {
    let seal: Vec<_> = keys.seal.iter().map(|key| &key.id).collect();
    let sign: Vec<_> = keys.sign.iter().map(|key| &key.id).collect();
    format!("seal {}; sign {}", listed(&seal), listed(&sign))
}

fn listed<T: ToString>(items: &[T]) -> String {
    match items {
        [] => "none".into(),
        items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::example_policy;

    #[test]
    fn a_policy_in_words_names_what_is_let_through_and_no_secret() {
        let words = describe(&example_policy("https://h/mcp", &["/healthz"]));
        for part in ["native: ", "https://h/mcp", "1 shared secret", "/healthz"] {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert!(!words.contains("kS9v") && !words.contains("callback"), "{words}");
    }

    const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    /// The words for a policy in proxy mode, of which these parts are otherwise.
    fn said(changes: &[(&str, &str)]) -> Vec<String> {
        let of = |id: &str| format!("{{id: {id}, key: '{KEY}'}}");
        let text = format!(
            "resource: https://h.example/trino/mcp\nmaxBodyBytes: 1\ntrust: {{audiences: ['https://h.example/trino/mcp']}}\n\
             claims: {{scope: [scope], user: sub, audience: aud}}\nproxy:\n  \
             login: {{provider: okta, issuer: 'https://idp.example', clientId: 0oa1, scopes: [openid, email]}}\n  \
             redirects: ['https://h.example/trino/oauth/callback']\n  \
             clients: {{dynamic: on, metadataDocuments: on}}\n  consent: always\n  \
             lifetimes: {{access: 900, refresh: 2592000}}\n  keys: {{seal: [{}, {}], sign: [{}]}}\n",
            of("k2"),
            of("k1"),
            of("k3")
        );
        let text = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let words = describe(&serde_yaml::from_str(&text).expect(&text));
        assert!(!words.contains(KEY) && !words.contains("s3cret"), "{words}");
        words
            .lines()
            .map(|line| {
                let (name, value) = line.trim_start().split_at(16);
                format!("{}: {}", name.trim_end(), value.trim_start())
            })
            .collect()
    }

    #[test]
    fn proxy_mode_in_words_is_what_an_operator_compares_with_the_provider() {
        let lines = said(&[]);
        for line in [
            "resource: https://h.example/trino/mcp",
            "issuer: https://h.example/trino",
            "callback: https://h.example/trino/oauth/callback (to be registered at the provider)",
            "provider: okta, https://idp.example",
            "client id: 0oa1",
            "client secret: not set: PKCE alone protects the login at the provider",
            "provider scopes: openid, email",
            "clients: those that register themselves, those with a document",
            "documents from: public addresses",
            "redirect URIs: of clients on this machine, and of known ones",
            "consent: asked at each login",
            "lifetimes: 15m for a token, 30d for a login",
            "store: none: each replica remembers for itself",
            "keys: seal k2, k1; sign k3",
            "required scopes: none",
        ] {
            assert!(lines.iter().any(|said| said == line), "{line} in {lines:#?}");
        }
        assert!(lines[0].starts_with("mode: proxy: "), "{lines:#?}");
    }

    #[test]
    fn each_choice_of_a_policy_shows_in_its_line_and_in_no_other() {
        let fixed = format!(
            "metadataDocuments: on, static: [{{id: ci, secret: {}, redirectURIs: []}}]",
            "s3cret".repeat(6)
        );
        let store = |url: &str| {
            format!("consent: always\n  store: {{url: '{url}', username: mcp, password: s3cret}}")
        };
        let (secure, plain) = (store("rediss://valkey.data:6380/1"), store("redis://valkey.data"));
        for (from, to, line) in [
            ("clientId: 0oa1", "clientId: 0oa1, clientSecret: s3cret", "client secret: set"),
            ("dynamic: on", "dynamic: off", "clients: those with a document"),
            (
                "metadataDocuments: on",
                &fixed,
                "clients: those that register themselves, those with a document, 1 that the policy names",
            ),
            (
                "  consent",
                "  allowNetworks: [10.1.0.0/16]\n  consent",
                "documents from: public addresses, 10.1.0.0/16",
            ),
            (
                "['https://h.example/trino/oauth/callback']",
                "['https://h.example/trino/oauth/callback', 'https://a.example/cb']",
                "redirect URIs: https://a.example/cb",
            ),
            ("always", "remember", "consent: remembered by the browser, where the person says so"),
            ("access: 900", "access: 90", "lifetimes: 90s for a token, 30d for a login"),
            ("consent: always", &secure, "store: valkey.data, over TLS"),
            ("consent: always", &plain, "store: valkey.data, in the clear"),
        ] {
            let (usual, changed) = (said(&[]), said(&[(from, to)]));
            let other: Vec<_> = changed.iter().filter(|line| !usual.contains(line)).collect();
            assert_eq!(other, [line], "{to}");
        }
        // Where there are no documents there is nowhere to fetch them from.
        let without = said(&[("metadataDocuments: on", "metadataDocuments: off")]);
        assert!(without.contains(&"documents from: nowhere".to_owned()), "{without:#?}");
    }
}
