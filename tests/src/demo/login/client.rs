//! An MCP client's part of a login: registers itself (RFC 7591), asks with PKCE (RFC 7636), redeems the code. Runs curl.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::curl::{Answer, Network, Request};
use super::super::tell::Teller;
use super::super::{expect, secret};
use crate::lab::Error;

const SHOWN: [&str; 3] = ["iss", "aud", "sub"];

/// A client that has registered itself.
#[derive(Debug, Clone)]
pub(super) struct Client {
    id: String,
    authorize: String,
    token: String,
    callback: String,
    issuer: String,
    resource: String,
    /// Of this run; a real client makes one for each login.
    verifier: String,
}

/// A login that is asked for.
pub(super) struct Ask {
    pub(super) url: String,
    state: String,
}

impl Client {
    pub(super) async fn register(
        metadata: &Value,
        resource: &str,
        port: u16,
        teller: &Teller,
    ) -> Result<Self, Error> {
        teller.step("nobody has set this client up anywhere: it registers itself");
        let callback = format!("http://127.0.0.1:{port}/callback");
        let body = json!({
            "client_name": "the demo", "redirect_uris": [callback], "token_endpoint_auth_method": "none",
        });
        let request = Request {
            headers: vec!["Content-Type: application/json".to_owned()],
            body: Some(body.to_string()),
            ..Request::get(text(metadata, "registration_endpoint")?)
        };
        teller.command(request.shown());
        let answer = Network::Here.send(&request).await?;
        expect(answer.status == 201, "the registration is taken")?;
        let answer = json(&answer)?;
        let id = text(&answer, "client_id")?.to_owned();
        teller.output(format_args!(
            "HTTP 201, client_id: {}… ({} characters)",
            &id[..id.len().min(24)],
            id.len()
        ));
        teller.so("the id is the registration itself, sealed: there is no database");
        Ok(Self {
            id,
            authorize: text(metadata, "authorization_endpoint")?.to_owned(),
            token: text(metadata, "token_endpoint")?.to_owned(),
            callback,
            issuer: text(metadata, "issuer")?.to_owned(),
            resource: resource.to_owned(),
            verifier: secret()?,
        })
    }

    pub(super) fn callback(&self) -> &str {
        &self.callback
    }

    pub(super) fn resource(&self) -> &str {
        &self.resource
    }

    /// The address that the person's browser is to open.
    pub(super) fn ask(&self) -> Ask {
        let state = hash(&format!("{} state", self.verifier));
        let challenge = hash(&self.verifier);
        let parameters = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.callback),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("resource", &self.resource),
        ];
        let query: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Ask { url: format!("{}?{}", self.authorize, query.join("&")), state }
    }

    /// The code of an answer that is ours: with the state that was sent, from the issuer that was asked (RFC 9207).
    pub(super) fn code(&self, ask: &Ask, back: &str) -> Result<String, Error> {
        let query = back.split_once('?').map_or("", |(_, query)| query);
        let of = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        expect(of("state") == Some(&ask.state), "the client's state comes back")?;
        expect(of("iss") == Some(&encoded(&self.issuer)), "the answer names its issuer")?;
        let told =
            || Error::Missing(format!("there is no code, but error={}", of("error").unwrap_or("none")));
        of("code").map(str::to_owned).ok_or_else(told)
    }

    /// Code and verifier become an access token, and a refresh token.
    pub(super) async fn redeem(&self, code: &str, teller: &Teller) -> Result<String, Error> {
        teller.step("the client redeems the code, with the verifier that only it knows, and calls a tool");
        let answer = json(&self.send(code).await?)?;
        let token = text(&answer, "access_token")?.to_owned();
        let held = if answer["refresh_token"].is_string() {
            "with a refresh token"
        } else {
            "without a refresh token"
        };
        teller.output(format_args!(
            "HTTP 200, good for {} s, {held}; the access token says:",
            answer["expires_in"]
        ));
        let claims = claims(&token);
        for name in SHOWN {
            teller.output(format_args!("  {name}: {}", text(&claims, name)?));
        }
        Ok(token)
    }

    /// The same, without a word.
    pub(super) async fn redeem_quietly(&self, code: &str) -> Result<(String, String), Error> {
        let token = text(&json(&self.send(code).await?)?, "access_token")?.to_owned();
        let subject = claims(&token)["sub"].as_str().unwrap_or_default().to_owned();
        Ok((token, subject))
    }

    async fn send(&self, code: &str) -> Result<Answer, Error> {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("code", code),
            ("redirect_uri", &self.callback),
            ("code_verifier", &self.verifier),
        ];
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let answer =
            Network::Here.send(&Request { body: Some(body.join("&")), ..Request::get(&self.token) }).await?;
        expect(answer.status == 200, "the code is redeemed")?;
        Ok(answer)
    }
}

pub(super) fn json(answer: &Answer) -> Result<Value, Error> {
    serde_json::from_str(&answer.body)
        .map_err(|_| Error::Missing(format!("expected JSON, got: {}", answer.body)))
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Error> {
    value[name].as_str().ok_or_else(|| Error::Missing(format!("there is no {name} in {value}")))
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// What a token says, read without a look at its signature: this is a client, to which a token is opaque.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Percent-encoded as a value of a form is: everything but what RFC 3986 §2.3 leaves alone.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
