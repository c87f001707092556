//! Who somebody is, by user info and by GitHub's API: what each says, to whom, and what it keeps to itself.
//!
//! By HTTP, from providers on loopback.

use serde_json::{Value, json};

use super::{Scene, parts};
use crate::world::client::Reply;
use crate::world::providers::mischief::{Lie, Place};
use crate::world::providers::people::{Email, Person, Visitor};
use crate::world::providers::quirks::Quirks;

async fn ask(scene: &Scene, place: Place, token: &Value, agent: &str) -> Reply {
    let bearer = format!("Bearer {}", token.as_str().expect("a token is a text"));
    scene.get(place, &[("authorization", &bearer), ("user-agent", agent)]).await
}

#[tokio::test]
async fn user_info_is_about_the_subject_of_the_id_token_and_for_whoever_has_its_access_token() {
    for quirks in [Quirks::plain(), Quirks::entra(), Quirks::google(), Quirks::auth0(), Quirks::okta()] {
        let vendor = quirks.vendor;
        let mut scene = Scene::with(quirks).await;
        let tokens = scene.tokens(&[]).await;
        let said = ask(&scene, Place::User, &tokens["access_token"], "x").await.json();
        let (_, claims) = parts(&tokens["id_token"]);
        assert_eq!((&said["sub"], &said["email"]), (&claims["sub"], &claims["email"]), "{vendor:?}");
        let refused = ask(&scene, Place::User, &json!("wrong"), "x").await;
        assert_eq!((refused.status, refused.count("www-authenticate")), (401, 1));
        assert_eq!(scene.get(Place::User, &[]).await.status, 401);
    }
    let mut scene = Scene::with(Quirks::plain()).await;
    let tokens = scene.tokens(&[("scope", "openid")]).await;
    let said = ask(&scene, Place::User, &tokens["access_token"], "x").await.json();
    assert_eq!(said, json!({ "sub": "alice" }), "no more than was agreed to");
    scene.provider.lie(Lie::SomebodyElsesUserInfo);
    let said = ask(&scene, Place::User, &tokens["access_token"], "x").await.json();
    assert_eq!(said["sub"], "somebody-else");
    scene.provider.disable("alice");
    assert_eq!(ask(&scene, Place::User, &tokens["access_token"], "x").await.status, 401);
}

#[tokio::test]
async fn cognitos_user_info_writes_a_truth_as_a_text_and_googles_names_the_organization() {
    let mut cognito = Scene::with(Quirks::cognito()).await;
    let tokens = cognito.tokens(&[]).await;
    let said = ask(&cognito, Place::User, &tokens["access_token"], "x").await.json();
    assert_eq!((&said["email_verified"], &said["username"]), (&json!("true"), &json!("alice")));
    let mut google = Scene::with(Quirks::google()).await;
    let tokens = google.tokens(&[]).await;
    let said = ask(&google, Place::User, &tokens["access_token"], "x").await.json();
    assert_eq!((&said["email_verified"], &said["hd"]), (&json!(true), &json!("example.com")));
}

#[tokio::test]
async fn github_names_a_person_by_number_and_tells_scopes_in_a_header() {
    let mut scene = Scene::with(Quirks::github()).await;
    let token = scene.tokens(&[]).await["access_token"].clone();
    let reply = ask(&scene, Place::User, &token, "mcp-oauth").await;
    let said = reply.json();
    assert!(said["id"].is_u64() && said["sub"].is_null());
    assert_eq!((&said["login"], &said["email"]), (&json!("alice"), &json!("alice@example.com")));
    assert_eq!(reply.header("x-oauth-scopes"), Some("read:user, user:email"));
    assert_eq!(ask(&scene, Place::User, &token, "").await.status, 403, "a user agent is required");
    let refused = ask(&scene, Place::User, &json!("gho_wrong"), "mcp-oauth").await;
    assert_eq!((refused.status, &refused.json()["message"]), (401, &json!("Bad credentials")));
    scene.provider.disable("alice");
    assert_eq!(ask(&scene, Place::User, &token, "mcp-oauth").await.status, 401);
}

#[tokio::test]
async fn github_shows_an_address_that_is_private_only_among_the_emails_and_only_with_the_scope() {
    let mut scene = Scene::with(Quirks::github()).await;
    scene.provider.visitor(Visitor::Is(Person::new("alice").with_email(Email::Private)));
    let token = scene.tokens(&[]).await["access_token"].clone();
    assert_eq!(ask(&scene, Place::User, &token, "x").await.json()["email"], Value::Null);
    let emails = ask(&scene, Place::Emails, &token, "x").await.json();
    let primary = emails.as_array().expect("a list").iter().find(|email| email["primary"] == true);
    let primary = primary.expect("one is primary");
    assert_eq!(primary["email"], "alice@example.com");
    assert_eq!((&primary["verified"], &primary["visibility"]), (&json!(true), &json!("private")));
    let token = scene.tokens(&[("scope", "read:user")]).await["access_token"].clone();
    assert_eq!(ask(&scene, Place::Emails, &token, "x").await.status, 404);
    scene.provider.visitor(Visitor::Is(Person::new("alice").with_email(Email::Unverified)));
    let token = scene.tokens(&[]).await["access_token"].clone();
    let emails = ask(&scene, Place::Emails, &token, "x").await.json();
    assert_eq!(emails[1]["verified"], false);
    let mut plain = Scene::with(Quirks::plain()).await;
    let token = plain.tokens(&[]).await["access_token"].clone();
    assert_eq!(ask(&plain, Place::Emails, &token, "x").await.status, 404, "nobody else has that");
}
