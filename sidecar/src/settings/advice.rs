//! What is no mistake of those who have no operator, and is said all the same when the sidecar starts.
//!
//! Pure. Said once, in the log or by `--check`; a policy of the operator has its status for that.

use crds::Policy;

use super::environment::{OF_AUDIENCE, OF_PROXY_MODE, first};
use super::login::ALLOW_NETWORKS;
use super::{Environment, store};
use crate::live::Source;

pub(super) fn advice(source: &Source, environment: &Environment) -> Vec<String> {
    let Source::Fixed(policy) = source else { return Vec::new() };
    let advice = [open(policy), forgets(policy, environment)].into_iter().flatten();
    advice.chain(ignored(policy, environment)).collect()
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
