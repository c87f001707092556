//! One login as a careful client goes about it: refused, shown where to ask, known by a registration or by a document, led
//! through a browser, given tokens, served, and served again after a refresh. Whatever a strict client of the field would
//! stumble over ends it here.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::Proof;
use super::requests::{Session, ask, document, json_of};
use crate::door::Door;
use crate::person::Person;
use crate::world::providers::keys::{self, Key};

const FORM: &str = "application/x-www-form-urlencoded";
/// RFC 7523 §2.2.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who the client is, before it has an id here.
#[derive(Debug)]
pub(super) enum Known {
    ByRegistration { body: Value, proves: Proof },
    ByDocument { id: String, proves: Proof },
}

/// A client that may call the token endpoint.
struct Client {
    id: String,
    secret: Option<String>,
    proves: Proof,
}

/// What the two documents say.
struct Discovered {
    issuer: String,
    scope: String,
    server: Value,
}

pub(super) struct Flow<'a> {
    url: &'a str,
    redirect: String,
    door: Option<Door>,
}

impl Known {
    pub(super) fn by_registration(body: Value, proves: Proof) -> Self {
        Self::ByRegistration { body, proves }
    }

    pub(super) fn by_document(id: String, proves: Proof) -> Self {
        Self::ByDocument { id, proves }
    }
}

impl<'a> Flow<'a> {
    /// At this server, coming back to this address, on a port of its own where the address leaves one open.
    pub(super) async fn begin(url: &'a str, redirect: &str) -> Self {
        if !redirect.contains("{port}") {
            return Self { url, redirect: redirect.to_owned(), door: None };
        }
        let door = Door::open().await;
        Self { url, redirect: redirect.replace("{port}", &door.port().to_string()), door: Some(door) }
    }

    pub(super) async fn run(&self, known: &Known) -> Result<(), String> {
        let found = self.discover().await?;
        let client = self.introduce(known, &found).await.map_err(|error| format!("registration: {error}"))?;
        let (verifier, state) = (keys::random() + &keys::random(), keys::random());
        let back = self.log_in(&client, &found, &verifier, &state).await?;
        let code = self.code(&back, &found, &state)?;
        let exchange = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("code_verifier", verifier.as_str()),
            ("resource", self.url),
        ];
        let tokens =
            self.tokens(&client, &found, &exchange).await.map_err(|error| format!("token: {error}"))?;
        self.call(&tokens).await.map_err(|error| format!("call: {error}"))?;
        let refresh = tokens["refresh_token"].as_str().ok_or("there is no refresh token")?;
        let exchange = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", self.url)];
        let tokens =
            self.tokens(&client, &found, &exchange).await.map_err(|error| format!("refresh: {error}"))?;
        self.call(&tokens).await.map_err(|error| format!("call after a refresh: {error}"))
    }

    /// From the refusal to the metadata of the authorization server.
    async fn discover(&self) -> Result<Discovered, String> {
        let refused = ask("POST", self.url, &[("content-type", "application/json")], "{}").await?;
        let challenge = refused.header("www-authenticate").unwrap_or_default();
        if refused.status != 401 || !challenge.starts_with("Bearer ") {
            return Err(format!("no challenge, but {} {challenge}", refused.status));
        }
        let named = challenge.split("resource_metadata=\"").nth(1).and_then(|rest| rest.split('"').next());
        let resource = document(named.ok_or("the challenge names no metadata")?).await?;
        // VS Code and Gemini CLI compare the whole.
        if resource["resource"] != self.url {
            return Err(format!("the metadata is of another resource: {resource}"));
        }
        let issuer = resource["authorization_servers"][0].as_str().ok_or("nobody gives tokens")?;
        let server = document(&format!("{issuer}/.well-known/oauth-authorization-server")).await?;
        let has =
            |list: &str, word: &str| server[list].as_array().is_some_and(|all| all.contains(&json!(word)));
        if server["issuer"] != issuer || !has("code_challenge_methods_supported", "S256") {
            return Err(format!("metadata that careful clients refuse: {server}"));
        }
        let mut scope: Vec<&str> =
            resource["scopes_supported"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if has("scopes_supported", "offline_access") {
            scope.push("offline_access");
        }
        Ok(Discovered { issuer: issuer.to_owned(), scope: scope.join(" "), server: server.clone() })
    }

    /// Comes by an id, and by a secret where it asked for one.
    async fn introduce(&self, known: &Known, found: &Discovered) -> Result<Client, String> {
        match known {
            Known::ByDocument { id, proves } => {
                // Claude looks for both before it sends the address of its document.
                let method = if *proves == Proof::PrivateKeyJwt { "private_key_jwt" } else { "none" };
                let methods = found.server["token_endpoint_auth_methods_supported"].as_array();
                let offered = methods.is_some_and(|all| all.contains(&json!(method)));
                if found.server["client_id_metadata_document_supported"] != true || !offered {
                    return Err(format!("documents are not announced: {}", found.server));
                }
                Ok(Client { id: id.clone(), secret: None, proves: *proves })
            }
            Known::ByRegistration { body, proves } => {
                let port = self.door.as_ref().map_or(0, Door::port).to_string();
                let body = body.to_string().replace("{port}", &port);
                let endpoint =
                    found.server["registration_endpoint"].as_str().ok_or("there is no endpoint")?;
                let reply = ask("POST", endpoint, &[("content-type", "application/json")], &body).await?;
                let given = json_of(&reply, 201)?;
                let text = |name: &str| given[name].as_str().map(str::to_owned);
                let secret = text("client_secret");
                if secret.is_some() != (*proves == Proof::ClientSecretPost) {
                    return Err(format!("the secret is not as it was asked for: {given}"));
                }
                Ok(Client { id: text("client_id").ok_or("there is no id")?, secret, proves: *proves })
            }
        }
    }

    /// Through a browser, up to the address that leads back.
    async fn log_in(
        &self,
        client: &Client,
        found: &Discovered,
        verifier: &str,
        state: &str,
    ) -> Result<Url, String> {
        let endpoint = found.server["authorization_endpoint"].as_str().ok_or("there is no endpoint")?;
        let mut url = Url::parse(endpoint).map_err(|error| error.to_string())?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", self.redirect.as_str()),
            ("scope", found.scope.as_str()),
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", self.url),
        ]);
        let mut person = Person::new();
        let back = person.log_in(url.as_str()).await?;
        let Some(door) = &self.door else { return Ok(back.url().clone()) };
        let (heard, returned) = tokio::join!(door.next(), person.return_to_client(&back));
        returned.map(|()| heard)
    }

    /// The code, if the answer is to our question and from whom we asked.
    fn code(&self, back: &Url, found: &Discovered, state: &str) -> Result<String, String> {
        let all = |name: &str| -> Vec<String> {
            back.query_pairs()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| value.into_owned())
                .collect()
        };
        let code = all("code").pop().ok_or_else(|| format!("no code, but {back}"))?;
        if all("state") != [state] || all("iss") != [found.issuer.as_str()] {
            return Err(format!("an answer that is not ours to use: {back} for {}", self.redirect));
        }
        Ok(code)
    }

    async fn tokens(
        &self,
        client: &Client,
        found: &Discovered,
        exchange: &[(&str, &str)],
    ) -> Result<Value, String> {
        let endpoint = found.server["token_endpoint"].as_str().ok_or("there is no endpoint")?;
        let reply =
            ask("POST", endpoint, &[("content-type", FORM)], &form(client, &found.issuer, exchange)).await?;
        json_of(&reply, 200)
    }

    async fn call(&self, tokens: &Value) -> Result<(), String> {
        let token = tokens["access_token"].as_str().ok_or_else(|| format!("no token in {tokens}"))?;
        let said = Session::open(self.url, token).await?.echo("hello").await?;
        if said.contains("hello") { Ok(()) } else { Err(said) }
    }
}

/// What a client sends to the token endpoint, with what shows who it is.
fn form(client: &Client, issuer: &str, exchange: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(exchange).append_pair("client_id", &client.id);
    if let Some(secret) = &client.secret {
        form.append_pair("client_secret", secret);
    }
    if client.proves == Proof::PrivateKeyJwt {
        form.append_pair("client_assertion_type", ASSERTION)
            .append_pair("client_assertion", &assertion(client, issuer));
    }
    form.finish()
}

/// RFC 7523 §3: signed by the client, about the client, for the server, once.
#[expect(clippy::disallowed_methods, reason = "the sidecar that ships goes by the machine's clock")]
fn assertion(client: &Client, audience: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let header = json!({ "alg": "RS256", "kid": keys::ACCESS, "typ": "JWT" });
    let claims = json!({
        "iss": client.id, "sub": client.id, "aud": audience, "iat": now, "exp": now + 60, "jti": keys::random(),
    });
    keys::sign(Key::Access, &header, &claims)
}
