//! `POST /oauth/register` (RFC 7591): a client says who it is, and gets that back, sealed, as its id.
//!
//! Pure. Open to everyone, stores nothing, and proves nothing: consent is where a person decides. What a client asks and cannot
//! have is replaced and said (RFC 7591 §2), for clients that are refused as a whole never come back (D8); but for a key, which
//! nobody would look at. Meets A10, A12, D8, D10,
//! O05, O15, O16, O24.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::clients::{allows, dynamic};
use super::error::{Code, OAuthError, json_response};
use super::values::{Client, Method};
use super::{Asked, AuthorizationServer};
use crate::jose::Json;
use crate::jose::json::Object;
use crds::proxy::Switch;
use crds::redirect::{RedirectUri, Redirects};

/// More are dropped: the id travels in URLs, and no client has more.
const MOST_URIS: usize = 10;
const LONGEST_URIS: usize = 1024;
const LONGEST_NAME: usize = 100;

const NOT_JSON: OAuthError = OAuthError::new(
    Code::InvalidClientMetadata,
    "the request must be a JSON object without duplicate members",
);
const NO_URI: OAuthError = OAuthError::new(
    Code::InvalidRedirectUri,
    "none of the redirect_uris can be used here: https addresses of known clients, or http on loopback (localhost, 127.0.0.0/8 \
     or [::1]); the policy's redirectURIs can name others",
);
/// With a list, loopback is only where it is listed.
const NOT_LISTED: OAuthError = OAuthError::new(
    Code::InvalidRedirectUri,
    "none of the redirect_uris can be used here: the policy's redirectURIs list each that can, loopback included",
);
const NO_KEYS: OAuthError = OAuthError::new(
    Code::InvalidClientMetadata,
    "a client that registers itself has no key here: register none or a client_secret method, or name the keys in a client id \
     metadata document or in the policy",
);

pub(super) fn answer(server: &AuthorizationServer, asked: &Asked) -> Result<Response<Bytes>, OAuthError> {
    if server.proxy.clients.dynamic == Switch::Off {
        return Err(OAuthError::new(
            Code::AccessDenied,
            "clients do not register themselves here: ask for an id",
        ));
    }
    // O15: whoever asks a thousand times a second waits, and nobody who has registered does.
    if !server.registrations.allows() {
        return Err(OAuthError::new(Code::TooManyRequests, "too many registrations at a time; try again"));
    }
    let metadata = metadata(&asked.head.headers, &asked.body)?;
    let client = Client {
        name: name(&metadata),
        redirect_uris: redirect_uris(server, &metadata)?,
        method: method(&metadata)?,
        issued: server.clock.unix(),
    };
    let id = server.sealer.seal(&client)?;
    let secret = match client.method {
        Method::None => None,
        Method::SecretPost | Method::SecretBasic => Some(
            dynamic::secret(&id, &server.sealer)
                .map_err(|_| OAuthError::new(Code::ServerError, "try again"))?,
        ),
    };
    Ok(json_response(StatusCode::CREATED, described(server, &client, &id, secret).to_string().into()))
}

fn metadata(headers: &HeaderMap, body: &[u8]) -> Result<Object, OAuthError> {
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if !is_json {
        return Err(OAuthError::new(Code::InvalidClientMetadata, "the media type must be application/json"));
    }
    Json::parse(body).ok().and_then(Json::into_object).ok_or(NOT_JSON)
}

/// D8: those that can be used, in their order; the answer says which.
fn redirect_uris(server: &AuthorizationServer, metadata: &Object) -> Result<Vec<RedirectUri>, OAuthError> {
    let none = match server.proxy.redirects {
        Redirects::Fixed(_) => NO_URI,
        Redirects::AllowList(_) | Redirects::Placed { .. } => NOT_LISTED,
    };
    let Some(Json::List(wished)) = metadata.get("redirect_uris") else { return Err(none) };
    let mut used: Vec<RedirectUri> = Vec::new();
    let mut length = 0;
    for uri in wished.iter().filter_map(Json::as_text).filter_map(|text| RedirectUri::parse(text).ok()) {
        length += uri.as_str().len();
        if used.len() == MOST_URIS || length > LONGEST_URIS {
            break;
        }
        if allows(&server.proxy.redirects, &uri) && !used.contains(&uri) {
            used.push(uri);
        }
    }
    if used.is_empty() { Err(none) } else { Ok(used) }
}

/// RFC 7591 §2: left out, it is `client_secret_basic`. What is not offered here becomes `none`, and the answer says so. Not so
/// `private_key_jwt`: it is offered, to others. A client that has a key signs with it whatever the answer says, and would be
/// refused at each login, without a reason. Who lists `none` beside it can do without.
fn method(metadata: &Object) -> Result<Method, OAuthError> {
    let also_none = || match metadata.get("token_endpoint_auth_methods_supported") {
        Some(Json::List(named)) => named.iter().any(|method| method.as_text() == Some("none")),
        _ => false,
    };
    match metadata.get("token_endpoint_auth_method").and_then(Json::as_text) {
        None | Some("client_secret_basic") => Ok(Method::SecretBasic),
        Some("client_secret_post") => Ok(Method::SecretPost),
        Some("private_key_jwt") if !also_none() => Err(NO_KEYS),
        Some(_) => Ok(Method::None),
    }
}

/// How it is shown is the page's affair (O16); here it is cut, for it travels in every id.
fn name(metadata: &Object) -> String {
    let name = metadata.get("client_name").and_then(Json::as_text).unwrap_or_default();
    name.chars().take(LONGEST_NAME).collect()
}

/// RFC 7591 §3.2.1. No `null` and no empty text (§3a: parsers that refuse them).
fn described(server: &AuthorizationServer, client: &Client, id: &str, secret: Option<String>) -> Value {
    let uris: Vec<_> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
    let mut answer = json!({
        "client_id": id,
        "client_id_issued_at": client.issued.0,
        "redirect_uris": uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": match client.method {
            Method::None => "none",
            Method::SecretPost => "client_secret_post",
            Method::SecretBasic => "client_secret_basic",
        },
    });
    if !client.name.is_empty() {
        answer["client_name"] = client.name.as_str().into();
    }
    let scopes: Vec<_> = server.policy.required_scopes.iter().map(crds::names::Scope::as_str).collect();
    if !scopes.is_empty() {
        answer["scope"] = scopes.join(" ").into();
    }
    if let Some(secret) = secret {
        answer["client_secret"] = secret.into();
        // RFC 7591 §3.2.1 REQUIRED with a secret; 0: it does not expire.
        answer["client_secret_expires_at"] = 0.into();
    }
    answer
}
