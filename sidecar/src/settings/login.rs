//! Proxy mode of those who have no operator: the login at the provider, and keys of our own from one secret.
//!
//! Pure, but for random keys where there is no secret. The variables are those that users of this field write already; each mistake
//! names its variable. Meets "Decided" 3 and 5 of proxy mode, O29 (replicas and restarts agree on the keys).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::HmacKey;
use crds::names::ResourceUrl;
use crds::network::Network;
use crds::provider::Provider;
use crds::proxy::{
    ClientSecret, Clients, Consent, KeyBytes, KeyId, Keys, Lifetimes, Login, LoginEndpoints,
    ProviderClientId, Proxy, SealKey, SigningKey, Switch, own_callback,
};
use crds::redirect::Redirects;
use crds::violation::Collector;

use super::environment::{first, issuer, quoted};
use super::{Environment, store};
use crate::random::Random;

pub(super) const ALLOW_NETWORKS: &str = "MCP_OAUTH_ALLOW_NETWORKS";
/// The first that is set counts.
pub(super) const OF_CLIENT_ID: [&str; 2] = ["OAUTH_CLIENT_ID", "OIDC_CLIENT_ID"];
pub(super) const OF_CLIENT_SECRET: [&str; 2] = ["OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET"];

/// What the variables say of the login. A provider or a resource that is wrong was reported, and hides nothing else.
pub(super) fn proxy(
    environment: &Environment,
    provider: Option<Provider>,
    resource: Option<&ResourceUrl>,
    found: &mut Collector,
) -> Option<Proxy> {
    let login = login(environment, provider, found);
    let redirects = redirects(environment, resource, found);
    let networks = networks(environment, found);
    let keys = keys(environment, found);
    let store = store::store(environment, found);
    Some(Proxy {
        login: login?,
        redirects: redirects?,
        clients: Clients { dynamic: Switch::On, metadata_documents: Switch::On, fixed: Vec::new() },
        consent: Consent::Always,
        allow_networks: networks,
        lifetimes: Lifetimes::default(),
        keys: keys?,
        store: store.ok()?,
    })
}

fn login(environment: &Environment, provider: Option<Provider>, found: &mut Collector) -> Option<Login> {
    let issuer = issuer(environment, provider, found);
    let client_id = match first(environment, &OF_CLIENT_ID) {
        Some((name, id)) => found.take(name, ProviderClientId::parse(id)),
        None => {
            found.report("OAUTH_CLIENT_ID", "is missing: the id by which the provider knows this server");
            None
        }
    };
    let client_secret = first(environment, &OF_CLIENT_SECRET)
        .map(|(name, secret)| found.take(name, ClientSecret::parse(secret)));
    if provider == Some(Provider::Github) && client_secret.is_none() {
        found.report("OAUTH_CLIENT_SECRET", "is missing: GitHub knows no clients without a secret");
        return None;
    }
    let provider = provider?;
    let preset = provider.login();
    Some(Login {
        provider,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: match client_secret {
            Some(secret) => Some(secret?),
            None => None,
        },
        scopes: preset.scopes(),
        extra_params: preset.extra_params(),
        endpoints: LoginEndpoints::default(),
        ca_bundle: None,
    })
}

/// One: our callback, and clients come back to this machine or to known addresses. Several: exactly those. Separated by commas or
/// white space ("Decided" 3).
fn redirects(
    environment: &Environment,
    resource: Option<&ResourceUrl>,
    found: &mut Collector,
) -> Option<Redirects> {
    match first(environment, &["OAUTH_REDIRECT_URIS"]) {
        Some((name, text)) => found.take(name, Redirects::parse(text)),
        None => found.take("OAUTH_SERVER_URL", own_callback(resource?)),
    }
}

fn networks(environment: &Environment, found: &mut Collector) -> Vec<Network> {
    let Some((name, text)) = first(environment, &[ALLOW_NETWORKS]) else { return Vec::new() };
    let each = text.split(',').map(str::trim).filter(|network| !network.is_empty());
    each.filter_map(|network| found.take(name, quoted(network, Network::parse(network)))).collect()
}

/// "Decided" 5: one secret is the root of all keys; without it they are new at each start.
fn keys(environment: &Environment, found: &mut Collector) -> Option<Keys> {
    let (seal, sign) = match first(environment, &["JWT_SECRET"]) {
        Some((name, secret)) => {
            let root = found.take(name, HmacKey::parse(secret.as_bytes()))?;
            (derived(&root, b"seal")?, derived(&root, b"sign")?)
        }
        None => {
            let random = Random::system();
            (random.bytes().ok()?, random.bytes().ok()?)
        }
    };
    let id = |bytes: &[u8; 32], purpose: &str| {
        // Names the key without saying anything of it: replicas with one secret have one name for it.
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[purpose.as_bytes(), bytes].concat());
        KeyId::parse(&URL_SAFE_NO_PAD.encode(&digest.as_ref()[..6])).ok()
    };
    Some(Keys {
        seal: vec![SealKey { id: id(&seal, "seal")?, key: KeyBytes::parse(&seal).ok()? }],
        sign: vec![SigningKey { id: id(&sign, "sign")?, key: KeyBytes::parse(&sign).ok()? }],
    })
}

/// RFC 5869.
fn derived(root: &HmacKey, purpose: &[u8]) -> Option<[u8; 32]> {
    let pseudorandom = Salt::new(HKDF_SHA256, b"mcp-oauth proxy mode").extract(root.expose());
    let mut bytes = [0; 32];
    pseudorandom.expand(&[purpose], Length32).ok()?.fill(&mut bytes).ok()?;
    Some(bytes)
}

/// How much of it is wanted.
struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Source;
    use crate::settings::{Task, parse};

    const OKTA: [(&str, &str); 5] = [
        ("OAUTH_PROVIDER", "okta"),
        ("OAUTH_ISSUER", "https://company.okta.com"),
        ("OAUTH_CLIENT_ID", "0oa1b2c3"),
        ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"),
    ];

    fn of(change: &[(&str, &str)]) -> Result<(Box<crds::Policy>, Vec<String>), String> {
        let kept = OKTA.iter().filter(|(name, _)| !change.iter().any(|(changed, _)| changed == name));
        let pairs = kept.chain(change).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        match parse([], &pairs.collect()) {
            Ok(Task::Run(settings)) => match settings.source {
                Source::Fixed(policy) => Ok((policy, settings.advice)),
                Source::Directory(_) => Err("a directory".into()),
            },
            Ok(_) => Err("another task".into()),
            Err(violations) => Err(violations.to_string()),
        }
    }

    fn proxy_of(change: &[(&str, &str)]) -> Proxy {
        *of(change).expect("right").0.proxy.clone().expect("proxy mode")
    }

    #[test]
    fn an_id_at_the_provider_means_proxy_mode_unless_it_is_said_otherwise() {
        assert_eq!(proxy_of(&[]).login.client_id.as_str(), "0oa1b2c3");
        assert_eq!(proxy_of(&[("OAUTH_MODE", "proxy")]).login.provider, Provider::Okta);
        let native = [("OAUTH_MODE", "native"), ("OAUTH_AUDIENCE", "api://x")];
        assert!(of(&native).expect("right").0.proxy.is_none());
        assert!(
            of(&[("OAUTH_MODE", "both")]).expect_err("wrong").contains("OAUTH_MODE: must be native or proxy")
        );
        let hmac = [("OAUTH_PROVIDER", "hmac"), ("OAUTH_MODE", "proxy")];
        assert!(of(&hmac).expect_err("wrong").starts_with("OAUTH_PROVIDER"));
    }

    #[test]
    fn every_mistake_is_named_by_its_variable() {
        for (name, value) in [
            ("OAUTH_ISSUER", ""),
            ("OAUTH_ISSUER", "http://company.okta.com"),
            ("OAUTH_CLIENT_ID", "a b"),
            ("OAUTH_CLIENT_SECRET", "\u{7}"),
            ("OAUTH_REDIRECT_URIS", "javascript:alert(1)"),
            ("OAUTH_REDIRECT_URIS", "https://claude.ai/cb"),
            ("OAUTH_SERVER_URL", "http://trino.data.svc/mcp"),
            ("MCP_OAUTH_ALLOW_NETWORKS", "10.0.0.1/8"),
            ("JWT_SECRET", "short"),
        ] {
            let said = of(&[("OAUTH_MODE", "proxy"), (name, value)]).expect_err(name);
            assert!(said.starts_with(&format!("{name}: ")), "{name}: {said}");
            assert!(!said.contains("; trust.") && !said.contains("; proxy."), "{name}: {said}");
        }
        let own = "https://mcp.example.com/oauth/callback";
        assert!(of(&[("OAUTH_MODE", "proxy"), ("OAUTH_REDIRECT_URIS", own)]).is_ok());
    }

    #[test]
    fn a_wrong_url_or_a_wrong_provider_hides_no_other_mistake() {
        let others = [
            ("OAUTH_ISSUER", "http://company.okta.com"),
            ("OAUTH_CLIENT_ID", "a b"),
            ("JWT_SECRET", "short"),
            ("OAUTH_REDIRECT_URIS", "javascript:alert(1)"),
            ("MCP_OAUTH_STORE_URL", "http://valkey"),
            ("MCP_OAUTH_ALLOW_NETWORKS", "10.0.0.1/8"),
        ];
        for wrong in [("OAUTH_SERVER_URL", "mcp"), ("OAUTH_PROVIDER", "oktaa"), ("OAUTH_PROVIDER", "hmac")] {
            let said = of(&[&others[..], &[wrong]].concat()).expect_err("wrong");
            for (name, _) in others.iter().chain([&wrong]) {
                assert_eq!(said.matches(&format!("{name}: ")).count(), 1, "{name} in {said}");
            }
            let alone = of(&[wrong, ("OAUTH_MODE", "proxy")]).expect_err("wrong");
            assert!(alone.starts_with(wrong.0) && !alone.contains("; "), "{alone}");
        }
    }

    #[test]
    fn a_provider_that_is_in_one_place_needs_no_issuer() {
        let google = [("OAUTH_PROVIDER", "google"), ("OAUTH_ISSUER", "")];
        assert_eq!(proxy_of(&google).login.issuer.as_str(), "https://accounts.google.com");
        let okta = [("OAUTH_PROVIDER", "okta"), ("OAUTH_ISSUER", "")];
        assert!(of(&okta).expect_err("wrong").contains("OAUTH_ISSUER: is missing"));
    }

    #[test]
    fn one_redirect_uri_is_our_callback_and_several_are_the_clients() {
        let own = "https://mcp.example.com/oauth/callback";
        for change in [&[][..], &[("OAUTH_REDIRECT_URIS", own)]] {
            assert!(matches!(proxy_of(change).redirects, Redirects::Fixed(uri) if uri.as_str() == own));
        }
        let several = [("OAUTH_REDIRECT_URIS", "https://a.example/cb, https://b.example/cb")];
        assert!(matches!(proxy_of(&several).redirects, Redirects::AllowList(list) if list.len() == 2));
    }

    #[test]
    fn o29_one_secret_gives_the_same_keys_everywhere_and_none_gives_new_ones_and_a_warning() {
        assert_eq!(proxy_of(&[]).keys, proxy_of(&[]).keys);
        let other = [("JWT_SECRET", "pX3vN8qT5mK2wZ9rL6yC1bH7dJ4gF0sE")];
        assert_ne!(proxy_of(&[]).keys, proxy_of(&other).keys);
        let keys = proxy_of(&[]).keys;
        assert_ne!(keys.seal[0].key, keys.sign[0].key);
        assert!(of(&[]).expect("right").1.is_empty());
        let without = [("JWT_SECRET", "")];
        assert_ne!(proxy_of(&without).keys, proxy_of(&without).keys);
        assert!(of(&without).expect("right").1.concat().contains("JWT_SECRET"));
    }
}
