//! Keycloak's own login form in a real browser, with the sidecar in between: as somebody tries it on a laptop.

use harness::counterparts::chromium::{View, Window};
use harness::counterparts::keycloak::alone::{Alone, CLIENT_ID, CLIENT_SECRET};
use harness::counterparts::keycloak::{self, PERSON};
use harness::lab::{Environment, tools};
use serde_json::{Value, json};

use crate::alone::{Login, Place, Sidecar};
use crate::scene::{everything, paths, progress};
use crate::stage::{Desk, says};

#[tokio::test]
async fn a_person_logs_in_at_keycloak_and_a_wrong_password_leads_nowhere() {
    let Some(desk) = Desk::set().await else { return };
    for program in ["java", "mvn"] {
        let found = tools::require_or_skip(program, &Environment::of_process());
        if found.expect("it is installed").is_none() {
            return;
        }
    }
    let home = keycloak::install(&paths(), progress()).await.expect("Keycloak is installed");
    let place = Place::free();
    let callback = place.callback();
    let (keycloak, (_server, upstream)) = tokio::join!(Alone::start(&home, [&callback; 2]), everything());
    let keycloak = keycloak.expect("Keycloak starts");
    let login = Login { provider: "keycloak", issuer: keycloak.issuer(), client: (CLIENT_ID, CLIENT_SECRET) };
    let sidecar = Sidecar::start(place, upstream, login).await;

    let authorize = sidecar.authorize("a tool", &desk.callback()).await;
    let window = desk.window(View::default()).await;
    window.open(&authorize).await.expect("the page opens");
    window.click("role=button[name=/^Continue to/]").await.expect("the button");
    let (name, password) = PERSON.split_once(':').expect("a name and a password");
    log_in(&window, name, "not the password").await;
    let told = window.read("#input-error-username").await.expect("Keycloak says what is wrong");
    assert_eq!(told, "Invalid username or password.");
    assert!(says(&window, "location.href").await.starts_with(keycloak.issuer()));
    assert_eq!(desk.visits(), 0, "the client hears of nothing");
    log_in(&window, name, password).await;
    let code = desk.sent(&window, "code").await.expect("a code");
    assert_eq!(desk.visits(), 1);

    let tokens = sidecar.redeem(&authorize, &code).await.json();
    let access = tokens["access_token"].as_str().expect("a token");
    assert_eq!(echo(&sidecar, access).await, "Echo: hello");
}

async fn log_in(window: &Window, name: &str, password: &str) {
    window.fill("#username", name).await.expect("Keycloak's form");
    window.fill("#password", password).await.expect("Keycloak's form");
    window.click("#kc-login").await.expect("its button");
}

/// What the server says back, through the sidecar.
async fn echo(sidecar: &Sidecar, access: &str) -> String {
    let bearer = format!("Bearer {access}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let client = json!({ "name": "a tool", "version": "1" });
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello });
    let answer = sidecar.post("/mcp", &headers, &hello.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let session = answer.header("mcp-session-id").expect("a session").to_owned();
    let call = json!({ "name": "echo", "arguments": { "message": "hello" } });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call });
    let headers = [&headers[..], &[("mcp-session-id", session.as_str())]].concat();
    let answer = sidecar.post("/mcp", &headers, &call.to_string()).await.text();
    let said = answer.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&answer);
    let said: Value = serde_json::from_str(said).expect("JSON");
    said["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}
