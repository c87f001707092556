//! One login as a client, a person and a browser make it, from the refusal to the tool.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use sidecar::clock::Clock;

use crate::world::browser::Browser;
use crate::world::client::{Reply, request, send};

const CALLBACK: &str = "http://127.0.0.1:4711/callback";
const VERIFIER: &str = "a-verifier-of-the-client-with-enough-characters-in-it";
const FORM: &str = "application/x-www-form-urlencoded";
const CALL: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}"#;

pub(crate) struct Flow<'a> {
    sidecar: SocketAddr,
    clock: &'a Clock,
}

impl<'a> Flow<'a> {
    pub(crate) fn new(sidecar: SocketAddr, clock: &'a Clock) -> Self {
        Self { sidecar, clock }
    }

    pub(crate) async fn run(&self) {
        assert_eq!(self.call("none").await.status, 401);
        for document in ["oauth-protected-resource/mcp", "oauth-authorization-server"] {
            assert_eq!(self.get(&format!("/.well-known/{document}")).await.status, 200);
        }
        let metadata = json!({
            "client_name": "a tool", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        });
        let registered = self.post("/oauth/register", "application/json", &metadata.to_string()).await;
        let client = text(&registered, "client_id");
        let code = self.log_in(&client).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &client),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let token = text(&self.post("/oauth/token", FORM, &body).await, "access_token");
        assert_eq!(self.call(&token).await.status, 200);
    }

    /// The person's part: agrees, signs in, and comes back.
    async fn log_in(&self, client: &str) -> String {
        let mut browser = Browser::new(self.clock);
        let page = browser.open(&self.authorize(client)).await;
        let step = browser.take(&page.form("ask").press("allow")).await;
        let mut step = browser.walk(step, CALLBACK).await;
        if !step.leads_to(CALLBACK) {
            let filled = step.form("username").fill("username", "ada").press("allow");
            let next = browser.take(&filled).await;
            step = browser.walk(next, CALLBACK).await;
        }
        let code = step.next().and_then(|next| next.parameter("code"));
        code.ok_or_else(|| step.reply.text()).expect("a code")
    }

    fn authorize(&self, client: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        format!("http://{}/oauth/authorize?{query}", self.sidecar)
    }

    async fn call(&self, token: &str) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(self.sidecar, request("POST", "/mcp", &headers, CALL)).await
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.sidecar, request("GET", path, &[], "")).await
    }

    async fn post(&self, path: &str, kind: &str, body: &str) -> Reply {
        send(self.sidecar, request("POST", path, &[("content-type", kind)], body)).await
    }
}

fn text(reply: &Reply, name: &str) -> String {
    let answer = reply.json();
    answer[name].as_str().ok_or_else(|| reply.text()).expect("the answer has it").to_owned()
}
