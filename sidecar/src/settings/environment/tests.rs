//! Variables in, a policy or every mistake by its variable out.

use super::*;
use crate::oauth::Step;

const SECRET: &str = "kS9vQ2mX7pL4wT8zR1yB6nH3cJ5gD0fA";

fn of(pairs: &[(&str, &str)]) -> Result<Policy, String> {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    policy(&environment).map_err(|violations| violations.to_string())
}

const OKTA: [(&str, &str); 4] = [
    ("OAUTH_PROVIDER", "okta"),
    ("OAUTH_ISSUER", "https://company.okta.com"),
    ("OAUTH_AUDIENCE", "api://my-server"),
    ("OAUTH_SERVER_URL", "https://your-server.com"),
];

#[test]
fn the_variables_of_the_seed_make_a_policy() {
    let policy = of(&OKTA).expect("the seed's own example");
    assert_eq!(policy.resource.as_str(), "https://your-server.com/mcp");
    assert_eq!(policy.trust.audiences[0].as_str(), "api://my-server");
}

#[test]
fn without_an_audience_a_provider_is_not_trusted_and_with_one_it_is() {
    let without: Vec<_> = OKTA.into_iter().filter(|(name, _)| *name != "OAUTH_AUDIENCE").collect();
    assert!(of(&without).expect_err("J13").contains("OAUTH_AUDIENCE: is missing"));
    assert!(of(&OKTA).is_ok());
}

#[test]
fn an_hmac_policy_is_for_its_own_url_unless_told_otherwise() {
    let hmac = [("OAUTH_PROVIDER", "hmac"), ("JWT_SECRET", SECRET), ("MCP_URL", "https://h/x")];
    assert_eq!(of(&hmac).expect("valid").trust.audiences[0].as_str(), "https://h/x");
    let named = [&hmac[..], &[("OAUTH_AUDIENCE", "api://x")]].concat();
    assert_eq!(of(&named).expect("valid").trust.audiences[0].as_str(), "api://x");
}

#[test]
fn what_this_version_does_not_do_is_refused_and_not_ignored() {
    for (name, value) in [("OAUTH_ENABLED", "false"), ("OAUTH_MODE", "both"), ("HTTPS_CERT_FILE", "/x.pem")] {
        let said = of(&[&OKTA[..], &[(name, value)]].concat()).expect_err(name);
        assert!(said.starts_with(name), "{said}");
    }
    let native =
        [&OKTA[..], &[("OAUTH_MODE", "native"), ("OAUTH_CLIENT_ID", "x"), ("OAUTH_ENABLED", "true")]]
            .concat();
    assert!(of(&native).is_ok());
}

#[test]
fn r17_the_origins_that_may_call_stand_in_the_policy_of_both_modes_and_a_wrong_one_is_named() {
    let login = ("OAUTH_CLIENT_ID", "0oa1b2c3");
    let written = |text: &'static str| ("MCP_OAUTH_ALLOWED_ORIGINS", text);
    for mode in [&OKTA[..], &[&OKTA[..], &[login]].concat()] {
        let with = |text| of(&[mode, &[written(text)]].concat());
        let origins =
            |policy: Policy| policy.allowed_origins.iter().map(ToString::to_string).collect::<Vec<_>>();
        let two = with("https://agents.example.com, http://localhost:3000\n").expect("two origins");
        assert_eq!(origins(two), ["https://agents.example.com", "http://localhost:3000"]);
        for none in [with(""), with(" , "), of(mode)] {
            assert_eq!(origins(none.expect("none is right")), [""; 0]);
        }
        for wrong in [
            "*",
            "http://agents.example.com",
            "https://agents.example.com/",
            "https://agents.example.com:443",
        ] {
            let said = with(wrong).expect_err(wrong);
            assert!(
                said.starts_with(&format!("MCP_OAUTH_ALLOWED_ORIGINS: has {wrong:?}, which must")),
                "{said}"
            );
        }
        // One that is wrong hides no other mistake.
        let both =
            of(&[mode, &[written("*"), ("OAUTH_ISSUER", "http://x")]].concat()).expect_err("two mistakes");
        assert!(both.contains("OAUTH_ISSUER: ") && both.contains("MCP_OAUTH_ALLOWED_ORIGINS: "), "{both}");
    }
}

#[test]
fn an_mcp_endpoint_where_a_step_of_a_login_is_is_refused_by_its_variable() {
    let at = |url: &str, name: &'static str, more: &[(&'static str, &'static str)]| {
        let hidden = |pair: &(&str, &str)| pair.0 != "OAUTH_SERVER_URL";
        let kept: Vec<_> = OKTA.into_iter().filter(hidden).chain(more.iter().copied()).collect();
        of(&[&kept[..], &[(name, url)]].concat())
    };
    let paths = Step::ALL.iter().flat_map(|step| [Some(step.path()), step.alias()]).flatten();
    for path in paths {
        for name in OF_RESOURCE {
            for more in [&[][..], &[("OAUTH_CLIENT_ID", "0oa1b2c3")]] {
                let said = at(&format!("http://127.0.0.1:18190{path}"), name, more).expect_err(path);
                assert!(said.starts_with(&format!("{name}: must be another path")), "{said}");
                at(&format!("http://127.0.0.1:18190{path}x"), name, more).expect(path);
            }
        }
    }
}

#[test]
fn a_provider_that_is_in_one_place_needs_no_issuer_and_others_do() {
    let google = [("OAUTH_PROVIDER", "google"), ("OAUTH_AUDIENCE", "x"), ("MCP_URL", "https://h/x")];
    let trust = of(&google).expect("its issuer is known").trust.clone();
    assert_eq!(trust.oidc.expect("a provider").issuer.as_str(), "https://accounts.google.com");
    let okta = google.map(|(name, value)| (name, if value == "google" { "okta" } else { value }));
    assert!(of(&okta).expect_err("it could be anybody's").contains("OAUTH_ISSUER: is missing"));
}

#[test]
fn j13_github_is_for_proxy_mode_alone() {
    let native = [("OAUTH_PROVIDER", "github"), ("OAUTH_AUDIENCE", "x"), ("MCP_URL", "https://h/x")];
    assert!(of(&native).expect_err("its tokens are anybody's").starts_with("OAUTH_PROVIDER: "));
    let proxy = [&native[..], &[("OAUTH_CLIENT_ID", "Iv1.a"), ("OAUTH_CLIENT_SECRET", "s")]].concat();
    let login = of(&proxy).expect("its login").proxy.clone().expect("proxy mode").login;
    assert_eq!(login.issuer.as_str(), "https://github.com");
    let without = of(&proxy[..4]).expect_err("GitHub knows no public clients");
    assert!(without.contains("OAUTH_CLIENT_SECRET: "), "{without}");
}

#[test]
fn every_missing_variable_is_named() {
    let said = of(&[("OAUTH_PROVIDER", "okta")]).expect_err("nothing else is set");
    for name in ["OAUTH_SERVER_URL", "OAUTH_ISSUER", "OAUTH_AUDIENCE"] {
        assert!(said.contains(name), "{said}");
    }
}

/// Each mistake's variable, in their order.
fn named(pairs: &[(&str, &str)]) -> Vec<String> {
    let said = of(pairs).expect_err("mistakes");
    said.split("; ").filter_map(|one| Some(one.split_once(": ")?.0.to_owned())).collect()
}

#[test]
fn a_mode_that_is_none_is_the_one_mistake_where_there_is_no_other() {
    let login: Vec<_> = OKTA.into_iter().filter(|(name, _)| *name != "OAUTH_AUDIENCE").collect();
    let with = |more: &[(&'static str, &'static str)]| [&login[..], more].concat();
    assert_eq!(named(&with(&[("OAUTH_MODE", "Proxy"), ("OAUTH_CLIENT_ID", "x")])), ["OAUTH_MODE"]);
    assert!(of(&with(&[("OAUTH_MODE", "proxy"), ("OAUTH_CLIENT_ID", "x")])).is_ok());
    let issuer = [("OAUTH_MODE", "Proxy"), ("OAUTH_ISSUER", "http://x")];
    assert_eq!(named(&with(&issuer)), ["OAUTH_MODE", "OAUTH_ISSUER"]);
    assert_eq!(named(&with(&[])), ["OAUTH_AUDIENCE"]);
}

#[test]
fn a_wrong_provider_hides_no_other_mistake_in_native_mode() {
    let wrong = ("OAUTH_PROVIDER", "oktaa");
    let url = ("OAUTH_SERVER_URL", "https://h");
    let all = [wrong, ("OAUTH_SERVER_URL", "h"), ("OAUTH_ISSUER", "h"), ("OAUTH_AUDIENCE", "a\u{7}")];
    assert_eq!(named(&all), all.map(|(name, _)| name));
    assert_eq!(named(&[wrong, url, ("JWT_SECRET", "short")]), ["OAUTH_PROVIDER", "JWT_SECRET"]);
    assert_eq!(named(&[wrong, url, ("JWT_SECRET", SECRET)]), ["OAUTH_PROVIDER"]);
    assert_eq!(named(&[&OKTA[1..], &[wrong]].concat()), ["OAUTH_PROVIDER"]);
}

#[test]
fn a_wrong_value_is_quoted_and_a_secret_is_not() {
    for (name, value) in [
        ("OAUTH_PROVIDER", "Okta"),
        ("OAUTH_MODE", "Proxy"),
        ("OAUTH_ISSUER", "company.okta.com"),
        ("OAUTH_ISSUER", "https://company.okta.com/.well-known/openid-configuration"),
        ("OAUTH_SERVER_URL", "mcp.example.com"),
        ("MCP_OAUTH_ALLOW_NETWORKS", "10.0.0.1"),
    ] {
        let kept = OKTA.into_iter().filter(|(kept, _)| *kept != name);
        let pairs: Vec<_> = kept.chain([("OAUTH_CLIENT_ID", "x"), (name, value)]).collect();
        let said = of(&pairs).expect_err(name);
        assert!(said.starts_with(&format!("{name}: must ")), "{said}");
        assert!(said.ends_with(&format!(", not '{value}'")), "{said}");
    }
    let said = of(&[("OAUTH_PROVIDER", "hmac"), ("MCP_URL", "https://h/x"), ("JWT_SECRET", "guessable")]);
    assert!(!said.expect_err("short").contains("guessable"));
}
