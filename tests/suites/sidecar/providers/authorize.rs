//! Discovery and the authorization endpoint: who is sent back, who sees a page, and what the client hears.
//!
//! By HTTP, from providers on loopback.

use super::{CALLBACK, Scene, answered, parts};
use crate::world::browser::{Browser, Navigation};
use crate::world::clock;
use crate::world::providers::mischief::Place;
use crate::world::providers::people::{Person, Visitor};
use crate::world::providers::quirks::{ForeignRedirect, Quirks, Resource, UnknownScope, Vendor};

fn all() -> [Quirks; 7] {
    [
        Quirks::plain(),
        Quirks::entra(),
        Quirks::google(),
        Quirks::github(),
        Quirks::cognito(),
        Quirks::auth0(),
        Quirks::okta(),
    ]
}

#[tokio::test]
async fn every_provider_but_github_has_a_document_that_says_what_it_may() {
    for quirks in all() {
        let scene = Scene::with(quirks.clone()).await;
        let reply = scene.get(Place::Discovery, &[]).await;
        let vendor = quirks.vendor;
        if vendor == Vendor::GitHub {
            assert_eq!(reply.status, 404);
            continue;
        }
        let (document, issuer) = (reply.json(), scene.provider.issuer());
        assert_eq!(document["issuer"], issuer.as_str(), "{vendor:?}");
        let well_known = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        assert_eq!(scene.provider.url(Place::Discovery), well_known, "{vendor:?}");
        let home = well_known.split('/').nth(2).expect("a host");
        let elsewhere = |member: &str| !document[member].as_str().expect(member).contains(home);
        let two_hosts = matches!(vendor, Vendor::Google | Vendor::Cognito);
        assert_eq!(elsewhere("token_endpoint"), two_hosts, "{vendor:?}");
        assert!(!elsewhere("jwks_uri"), "{vendor:?}");
        let silent = matches!(vendor, Vendor::Entra | Vendor::Cognito);
        assert_eq!(document["code_challenge_methods_supported"].is_null(), silent, "{vendor:?}");
        let advertised = matches!(vendor, Vendor::Plain | Vendor::Google);
        let iss = &document["authorization_response_iss_parameter_supported"];
        assert_eq!(iss == true, advertised, "{vendor:?}");
    }
    assert!(Scene::with(Quirks::auth0()).await.provider.issuer().ends_with('/'));
    assert!(!Scene::with(Quirks::plain()).await.provider.issuer().ends_with('/'));
}

#[tokio::test]
async fn a_good_request_comes_back_with_a_code_the_state_and_what_the_vendor_adds() {
    for quirks in all() {
        let mut scene = Scene::with(quirks.clone()).await;
        let step = scene.authorize(&[]).await;
        let vendor = quirks.vendor;
        assert!(step.leads_to(CALLBACK), "{vendor:?}: {}", step.reply.text());
        assert!(answered(&step, "code").is_some_and(|code| code.len() >= 32), "{vendor:?}");
        assert_eq!(answered(&step, "state").as_deref(), Some("xyz-1"), "{vendor:?}");
        let advertised = matches!(vendor, Vendor::Plain | Vendor::Google);
        let iss = Some(scene.provider.issuer()).filter(|_| advertised);
        assert_eq!(answered(&step, "iss"), iss, "{vendor:?}");
        for (name, value) in quirks.extra_answers {
            assert_eq!(answered(&step, name).as_deref(), Some(*value), "{vendor:?}");
        }
        let seen = scene.provider.last(Place::Authorize);
        assert_eq!((seen.method.as_str(), seen.parameter("nonce")), ("GET", Some("n-0S6")));
    }
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_refused_as_each_vendor_does() {
    for quirks in all() {
        let mut scene = Scene::with(quirks.clone()).await;
        for foreign in ["https://attacker.example/cb", "https://mcp.example.com/oauth/callback/", ""] {
            let step = scene.authorize(&[("redirect_uri", foreign)]).await;
            match quirks.foreign_redirect {
                ForeignRedirect::Page(status) => assert_eq!(step.reply.status, status, "{quirks:?}"),
                ForeignRedirect::ToTheRegisteredOne => {
                    assert_eq!(answered(&step, "error").as_deref(), Some("redirect_uri_mismatch"));
                }
            }
        }
        assert!(scene.authorize(&[]).await.leads_to(CALLBACK), "{quirks:?}");
    }
}

#[tokio::test]
async fn entra_refuses_a_resource_parameter_and_the_others_take_no_notice() {
    for quirks in all() {
        let mut scene = Scene::with(quirks.clone()).await;
        let step = scene.authorize(&[("resource", "https://mcp.example.com/mcp")]).await;
        let refused = quirks.resource == Resource::Refused;
        assert_eq!(step.reply.text().contains("AADSTS9010010"), refused, "{quirks:?}");
        assert_eq!(step.leads_to(CALLBACK), !refused, "{quirks:?}");
        let code = scene.code(&[]).await;
        let reply = scene.redeem(&code, &[("resource", "https://mcp.example.com/mcp")]).await;
        assert_eq!(reply.text().contains("invalid_target"), refused, "{quirks:?}");
        assert_eq!(reply.status == 200, !refused, "{quirks:?}");
    }
}

#[tokio::test]
async fn an_unknown_scope_is_refused_or_ignored_as_each_vendor_does() {
    for quirks in all() {
        let mut scene = Scene::with(quirks.clone()).await;
        let step = scene.authorize(&[("scope", "openid mcp")]).await;
        match quirks.scopes.unknown {
            UnknownScope::Ignored => assert!(answered(&step, "code").is_some(), "{quirks:?}"),
            UnknownScope::Redirected(error, _) => {
                assert_eq!(answered(&step, "error").as_deref(), Some(error), "{quirks:?}");
            }
            UnknownScope::Page(said) => {
                assert_eq!(step.reply.status, 400);
                assert!(step.reply.text().contains(said), "{quirks:?}");
            }
        }
        let known = quirks.scopes.known[0];
        assert!(scene.authorize(&[("scope", known)]).await.leads_to(CALLBACK), "{quirks:?}");
    }
    let mut google = Scene::with(Quirks::google()).await;
    let step = google.authorize(&[("scope", "openid offline_access")]).await;
    assert_eq!((step.reply.status, step.next().is_none()), (400, true), "which is what others need");
    let mut entra = Scene::with(Quirks::entra()).await;
    let own = format!("openid api://{}/mcp", crate::world::providers::CLIENT_ID);
    assert!(answered(&entra.authorize(&[("scope", &own)]).await, "code").is_some());
}

#[tokio::test]
async fn okta_takes_a_state_of_few_characters_and_the_others_take_any() {
    for (state, fits) in [("abc,.-_9", true), ("a b", false), ("a~b", false), ("a=", false), ("", false)] {
        let mut okta = Scene::with(Quirks::okta()).await;
        let code = answered(&okta.authorize(&[("state", state)]).await, "code");
        assert_eq!(code.is_some(), fits, "{state:?}");
        let mut plain = Scene::with(Quirks::plain()).await;
        let step = plain.authorize(&[("state", state)]).await;
        let echoed = Some(state.to_owned()).filter(|state| !state.is_empty());
        assert_eq!(answered(&step, "state"), echoed, "byte for byte");
        assert!(answered(&step, "code").is_some());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_to_the_client_and_a_wrong_client_to_the_person() {
    let mut scene = Scene::with(Quirks::plain()).await;
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("ui_locales", "de"), ("ui_locales", "en")], "invalid_request"),
    ];
    for (changes, error) in cases {
        let step = scene.authorize(changes).await;
        assert_eq!(answered(&step, "error").as_deref(), Some(error), "{changes:?}");
        assert_eq!(answered(&step, "iss"), Some(scene.provider.issuer()), "RFC 9207 §2: errors too");
    }
    let step = scene.authorize(&[("client_id", "somebody")]).await;
    assert_eq!((step.reply.status, step.next().is_none()), (400, true));
    assert!(scene.authorize(&[("ui_locales", "de")]).await.leads_to(CALLBACK));
    let mut okta = Scene::with(Quirks::okta()).await;
    let step = okta.authorize(&[("code_challenge", ""), ("code_challenge_method", "")]).await;
    assert!(answered(&step, "code").is_some(), "a challenge is not required there");
    let mut github = Scene::with(Quirks::github()).await;
    assert!(answered(&github.authorize(&[("response_type", "")]).await, "code").is_some());
}

#[tokio::test]
async fn whoever_is_not_known_is_asked_by_form_and_remembered_by_that_browser_alone() {
    let mut scene = Scene::with(Quirks::plain()).await;
    scene.provider.visitor(Visitor::IsAsked);
    scene.provider.knows(Person::new("bob").in_groups(3));
    let page = scene.authorize(&[("scope", "openid groups")]).await;
    assert_eq!((page.reply.status, page.next().is_none()), (200, true));
    let form = page.form("username");
    assert_eq!(form.value("username"), "");
    let step = scene.browser.take(&form.fill("username", "bob").press("Sign in")).await;
    let code = answered(&step, "code").expect("Bob is in");
    let (_, claims) = parts(&scene.redeem(&code, &[]).await.json()["id_token"]);
    assert_eq!((claims["sub"].as_str(), claims["groups"].as_array().map(Vec::len)), (Some("bob"), Some(3)));
    let again = scene.authorize(&[("state", "second")]).await;
    assert!(answered(&again, "code").is_some(), "the session is there");
    let mut other = Browser::new(&clock().0);
    assert!(!other.open(&scene.request(&[])).await.leads_to(CALLBACK), "and not in another browser");
    let seen = scene.provider.requests(Place::Authorize);
    let methods: Vec<_> = seen.iter().map(|request| request.method.as_str()).collect();
    assert_eq!(methods, ["GET", "POST", "GET", "GET"]);
    assert_eq!(seen[1].header("origin").map(|origin| format!("{origin}/")), page_origin(&page.navigation));
}

fn page_origin(navigation: &Navigation) -> Option<String> {
    navigation.url().join("/").ok().map(Into::into)
}

#[tokio::test]
async fn whoever_declines_or_is_disabled_gives_no_code() {
    let mut scene = Scene::with(Quirks::plain()).await;
    scene.provider.visitor(Visitor::Declines);
    assert_eq!(answered(&scene.authorize(&[]).await, "error").as_deref(), Some("access_denied"));
    scene.provider.visitor(Visitor::IsAsked);
    let page = scene.authorize(&[]).await;
    let step = scene.browser.take(&page.form("username").press("deny")).await;
    assert_eq!(answered(&step, "error").as_deref(), Some("access_denied"));
    scene.provider.visitor(Visitor::Is(Person::new("alice")));
    scene.provider.disable("alice");
    let step = scene.authorize(&[]).await;
    assert_eq!((step.reply.status, step.next().is_none()), (403, true));
    scene.provider.enable("alice");
    assert!(answered(&scene.authorize(&[]).await, "code").is_some());
}
