//! What is no mistake of those who have no operator, and is said all the same when the sidecar starts.
//!
//! Pure. Said once, in the log or by `--check`; a policy of the operator has its status for that.

use crds::Policy;

use super::environment::{OF_AUDIENCE, OF_ISSUER, OF_PROXY_MODE, first};
use super::login::{ALLOW_NETWORKS, OF_CLIENT_ID, OF_CLIENT_SECRET};
use super::{Environment, store, unknown};
use crate::live::Source;

pub(super) fn advice(source: &Source, environment: &Environment) -> Vec<String> {
    let Source::Fixed(policy) = source else { return Vec::new() };
    let advice = [open(policy), forgets(policy, environment), empty_secret(policy, environment)];
    let advice = advice.into_iter().flatten().chain(perils(policy));
    let advice = advice.chain(ignored(policy, environment)).chain(unread(policy, environment));
    advice.chain(unknown::named(environment)).collect()
}

/// A second name of one thing that says something else. Others may have variables of such names in the same file, so it is no mistake.
fn unread(policy: &Policy, environment: &Environment) -> Vec<String> {
    let mut said: Vec<_> = [OF_ISSUER, OF_AUDIENCE, OF_CLIENT_ID, OF_CLIENT_SECRET]
        .into_iter()
        .filter_map(|[one, other]| Some((first(environment, &[one])?, first(environment, &[other])?)))
        .filter(|(one, other)| one.1 != other.1)
        .map(|(one, other)| format!("{} is set and not read: {} says something else", other.0, one.0))
        .collect();
    let url = first(environment, &["OAUTH_SERVER_URL"]).and_then(|_| first(environment, &["MCP_URL"]));
    if url.is_some_and(|(_, url)| url != policy.resource.as_str()) {
        said.push(format!("MCP_URL is set and not read: OAUTH_SERVER_URL says {}", policy.resource));
    }
    said
}

/// It lets in more people than most mean to.
fn open(policy: &Policy) -> Option<String> {
    let accounts = policy.is_open_to_all_of()?;
    Some(format!(
        "everybody with a {accounts} account may log in, unless the provider lets in fewer: set OAUTH_REQUIRE_CLAIMS \
         (claims.require)"
    ))
}

/// "Decided" 5: it costs everybody a login.
fn forgets(policy: &Policy, environment: &Environment) -> Option<String> {
    let forgets = policy.proxy.is_some() && first(environment, &["JWT_SECRET"]).is_none();
    forgets.then(|| {
        "JWT_SECRET is not set: the keys are new at each start, so a restart logs everybody out and replicas do not know \
         one another's logins"
            .to_owned()
    })
}

/// A templating that found nothing looks like that. It is as good as none, as with every variable, and the provider has the last
/// word on a client that should have one.
fn empty_secret(policy: &Policy, environment: &Environment) -> Option<String> {
    let has_none = policy.proxy.as_ref()?.login.client_secret.is_none();
    let name = OF_CLIENT_SECRET.into_iter().find(|name| environment.contains_key(*name));
    name.filter(|_| has_none).map(|name| {
        format!(
            "{name} is set and empty, which counts as none: give it the secret, or remove it where the provider knows \
             this server as a public client"
        )
    })
}

/// A8, O17: anybody may name a document, and so an address.
fn perils(policy: &Policy) -> impl Iterator<Item = String> {
    policy.perilous_networks().into_iter().map(|(network, what)| {
        format!(
            "{ALLOW_NETWORKS} (proxy.allowNetworks) has {network}, which holds {what}, and whoever names a document can \
             have them asked: write the networks of your clients alone"
        )
    })
}

/// Variables that mean nothing in this mode. Files for both modes have them, and those of other libraries, so they are no mistake.
fn ignored(policy: &Policy, environment: &Environment) -> Vec<String> {
    let is_set = |name: &&'static str| first(environment, &[*name]).is_some();
    let say = |names: &[&'static str], why: &str| {
        let set = names.iter().copied().filter(is_set);
        set.map(|name| format!("{name} is set and means nothing: {why}")).collect::<Vec<_>>()
    };
    if policy.proxy.is_some() {
        return say(&OF_AUDIENCE, "in proxy mode tokens are the sidecar's own, for OAUTH_SERVER_URL alone");
    }
    let of_proxy_mode = [&OF_PROXY_MODE[..], &[ALLOW_NETWORKS], &store::ALL].concat();
    let mut ignored = say(&of_proxy_mode, "it is for proxy mode, and this is native mode");
    if policy.trust.hmac.is_empty() {
        ignored.extend(say(&["JWT_SECRET"], "it is for proxy mode and for provider hmac"));
    }
    ignored
}

#[cfg(test)]
mod tests {
    use crate::settings::{Settings, Task, parse};

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let environment =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match parse([], &environment) {
            Ok(Task::Run(settings)) => settings,
            other => panic!("expected settings, got {other:?}"),
        }
    }

    fn said(pairs: &[(&str, &str)]) -> Vec<String> {
        settings(pairs).advice
    }

    const LOGIN: [(&str, &str); 4] = [
        ("OAUTH_CLIENT_ID", "Iv1.a"),
        ("OAUTH_CLIENT_SECRET", "of the provider"),
        ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"),
    ];

    #[test]
    fn a_login_with_a_provider_that_is_everybodys_is_told_whom_it_lets_in() {
        for (provider, accounts, claims) in
            [("github", "GitHub", "login=octocat"), ("google", "Google", "hd=example.com")]
        {
            let open = [&LOGIN[..], &[("OAUTH_PROVIDER", provider)]].concat();
            let said_of_it = said(&open);
            assert!(said_of_it[0].starts_with(&format!("everybody with a {accounts} account may log in")));
            assert!(said_of_it[0].contains("set OAUTH_REQUIRE_CLAIMS"), "{said_of_it:?}");
            let few = [&open[..], &[("OAUTH_REQUIRE_CLAIMS", claims)]].concat();
            assert_eq!(said(&few), [""; 0]);
        }
        let okta = [("OAUTH_PROVIDER", "okta"), ("OAUTH_ISSUER", "https://company.okta.com")];
        assert_eq!(said(&[&LOGIN[..], &okta].concat()), [""; 0]);
        let own = [("OAUTH_PROVIDER", "github"), ("OAUTH_ISSUER", "https://github.example.com")];
        assert_eq!(said(&[&LOGIN[..], &own].concat()), [""; 0]);
    }

    #[test]
    fn o17_a_network_that_nobody_means_to_open_is_named_with_what_is_in_it_and_another_is_not() {
        let okta = [("OAUTH_PROVIDER", "okta"), ("OAUTH_ISSUER", "https://company.okta.com")];
        let with =
            |networks: &str| said(&[&LOGIN[..], &okta, &[("MCP_OAUTH_ALLOW_NETWORKS", networks)]].concat());
        for (network, holds) in [
            ("0.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("127.0.0.0/8", "loopback"),
            ("169.254.169.254/32", "link-local"),
        ] {
            let said = with(&format!("10.1.0.0/16, {network}"));
            assert_eq!(said.len(), 1, "{said:?}");
            let start =
                format!("MCP_OAUTH_ALLOW_NETWORKS (proxy.allowNetworks) has {network}, which holds {holds}");
            assert!(said[0].starts_with(&start) && said[0].contains(": write the networks"), "{said:?}");
        }
        assert_eq!(with("::1/128, 0.0.0.0/0").len(), 2);
        assert_eq!(with("10.1.0.0/16, 169.253.0.0/16"), [""; 0]);
    }

    #[test]
    fn a_second_name_that_says_something_else_is_named_and_one_that_says_the_same_is_not() {
        let okta = [("OAUTH_PROVIDER", "okta"), ("OAUTH_ISSUER", "https://company.okta.com")];
        for (name, same, differs) in [
            ("OIDC_ISSUER", "https://company.okta.com", "https://other.okta.com"),
            ("OIDC_CLIENT_ID", "Iv1.a", "Iv1.b"),
            ("OIDC_CLIENT_SECRET", "of the provider", "of another"),
            ("MCP_URL", "https://mcp.example.com/mcp", "http://mcp:8080/mcp"),
        ] {
            let with = |value| said(&[&LOGIN[..], &okta, &[(name, value)]].concat());
            assert_eq!((with(same), with("")), (Vec::new(), Vec::new()), "{name}");
            let said = with(differs);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("{name} is set and not read: OAUTH_")), "{said:?}");
            assert!(!said[0].contains("of another"), "{said:?}");
        }
    }

    #[test]
    fn an_empty_secret_counts_as_none_and_is_named_and_a_missing_one_is_not() {
        let okta = [
            LOGIN[0],
            LOGIN[2],
            LOGIN[3],
            ("OAUTH_PROVIDER", "okta"),
            ("OAUTH_ISSUER", "https://company.okta.com"),
        ];
        assert_eq!(said(&okta), [""; 0]);
        for name in ["OAUTH_CLIENT_SECRET", "OIDC_CLIENT_SECRET"] {
            let said_of_it = said(&[&okta[..], &[(name, "")]].concat());
            assert_eq!(said_of_it.len(), 1, "{said_of_it:?}");
            assert!(said_of_it[0].starts_with(&format!("{name} is set and empty")), "{said_of_it:?}");
            assert_eq!(said(&[&okta[..], &[(name, "of the provider")]].concat()), [""; 0]);
        }
        // One of the two names is enough.
        let other = [("OAUTH_CLIENT_SECRET", ""), ("OIDC_CLIENT_SECRET", "of the provider")];
        assert_eq!(said(&[&okta[..], &other].concat()), [""; 0]);
        // In native mode there is nothing to give a secret to.
        let native = [&okta[1..], &[("OAUTH_AUDIENCE", "api://x"), ("OAUTH_MODE", "native")]].concat();
        let native: Vec<_> = native.into_iter().filter(|(name, _)| *name != "JWT_SECRET").collect();
        assert_eq!(said(&[&native[..], &[("OAUTH_CLIENT_SECRET", "")]].concat()), [""; 0]);
    }

    #[test]
    fn the_claims_that_are_required_stand_in_the_policy_of_both_modes() {
        let required = |pairs: &[(&str, &str)]| match settings(pairs).source {
            crate::live::Source::Fixed(policy) => format!("{:?}", policy.claims.require),
            crate::live::Source::Directory(_) => String::new(),
        };
        let claims = ("OAUTH_REQUIRE_CLAIMS", "hd=example.com");
        let login = [&LOGIN[..], &[("OAUTH_PROVIDER", "google")]].concat();
        let native = [
            ("OAUTH_PROVIDER", "google"),
            ("OAUTH_AUDIENCE", "api://x"),
            ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ];
        for pairs in [&login[..], &native] {
            assert!(required(&[pairs, &[claims]].concat()).contains("example.com"));
            assert!(!required(pairs).contains("example.com"));
        }
    }

    #[test]
    fn a_variable_that_means_nothing_in_proxy_mode_is_named_and_nothing_else_is() {
        let okta = [("OAUTH_PROVIDER", "okta"), ("OAUTH_ISSUER", "https://company.okta.com")];
        let login = [&LOGIN[..], &okta].concat();
        for name in ["OAUTH_AUDIENCE", "OIDC_AUDIENCE"] {
            let said = said(&[&login[..], &[(name, "api://x")]].concat());
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("{name} is set and means nothing")), "{said:?}");
        }
        let own = [
            ("OAUTH_REDIRECT_URIS", "https://mcp.example.com/oauth/callback"),
            ("MCP_OAUTH_STORE_URL", "redis://valkey"),
            ("MCP_OAUTH_ALLOW_NETWORKS", "10.1.0.0/16"),
            ("OAUTH_AUDIENCE", ""),
        ];
        assert_eq!(said(&[&login[..], &own].concat()), [""; 0]);
    }

    #[test]
    fn a_variable_that_means_nothing_in_native_mode_is_named_and_nothing_else_is() {
        let native = [
            ("OAUTH_PROVIDER", "okta"),
            ("OAUTH_ISSUER", "https://company.okta.com"),
            ("OAUTH_AUDIENCE", "api://x"),
            ("OAUTH_MODE", "native"),
            ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ];
        assert_eq!(said(&native), [""; 0]);
        for name in [
            "OAUTH_CLIENT_ID",
            "OAUTH_REDIRECT_URIS",
            "MCP_OAUTH_ALLOW_NETWORKS",
            "MCP_OAUTH_STORE_URL",
            "MCP_OAUTH_STORE_USERNAME",
            "MCP_OAUTH_STORE_PASSWORD",
            "MCP_OAUTH_STORE_CA",
            "JWT_SECRET",
        ] {
            let said = said(&[&native[..], &[(name, "x")]].concat());
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(&format!("{name} is set and means nothing")), "{said:?}");
        }
        let hmac = [
            ("OAUTH_PROVIDER", "hmac"),
            ("JWT_SECRET", "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA"),
            ("OAUTH_SERVER_URL", "https://mcp.example.com"),
        ];
        assert_eq!(said(&hmac), [""; 0]);
    }
}
