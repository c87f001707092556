//! `POST /oauth/consent`: the person has decided. Only the browser that was shown the page may say so.
//!
//! Opens seal(ask); seals the login into a cookie that is named after the state which the provider will echo, set only now
//! (I7). A forged form fails twice: it does not carry the cookie (SameSite), and its ask belongs to another browser (I4, O20).
//! Meets I2, I5, I7, O01, O02, O03, O10, O11, O20, O22, O27.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, Response};

use super::authorize::browser;
use super::error::see_other;
use super::form::Form;
use super::values::{Ask, Digest16, Login, Wish};
use super::{Asked, AuthorizationServer, Trouble, callback, cookie, pkce, remember};
use crate::clock::UnixTime;

/// How long the person may take at the provider.
pub const LOGIN_SECONDS: u64 = 600;

pub(super) async fn answer(server: &AuthorizationServer, asked: &Asked) -> Result<Response<Bytes>, Trouble> {
    let Asked { head, body } = asked;
    let form = Form::of_body(&head.method, &head.headers, head.uri.query(), body);
    let form = form.map_err(|_| Trouble::Malformed("form"))?;
    // Fetch Metadata: browsers say where a form comes from, and no page can make them say otherwise.
    if !is_from_here(&head.headers, server.policy.resource.origin()) {
        return Err(Trouble::OtherBrowser);
    }
    let ask: Ask = form.get("ask").and_then(|ask| server.sealer.open(ask).ok()).ok_or(Trouble::Expired)?;
    if server.clock.unix() >= ask.ends || form.get("csrf") != Some(&ask.id) {
        return Err(Trouble::Expired);
    }
    let browser = browser(asked).ok_or(Trouble::OtherBrowser)?;
    if Digest16::of(browser) != ask.browser {
        return Err(Trouble::OtherBrowser);
    }
    match form.get("decision") {
        Some("allow") => {
            let kept = match form.get("remember") {
                Some(_) if ask.may_remember => remember::cookies(server, &head.headers, &ask.wish)?,
                _ => Vec::new(),
            };
            begin(server, &head.headers, ask.wish, kept).await
        }
        // The page named the address, and the policy allows it: the client is told (RFC 6749 §4.1.2.1).
        Some("deny") => callback::refuse(server, &ask.wish, "access_denied", "the user did not agree"),
        _ => Err(Trouble::Malformed("decision")),
    }
}

/// To the provider, with a state, a nonce and a verifier of our own (O11). `beside` are cookies that are set as well.
pub(super) async fn begin(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    wish: Wish,
    beside: Vec<HeaderValue>,
) -> Result<Response<Bytes>, Trouble> {
    let login = Login {
        wish,
        state: server.random.id()?,
        nonce: server.random.id()?,
        verifier: server.random.long_id()?,
        provider: server.upstream.id(),
        ends: UnixTime(server.clock.unix().0 + LOGIN_SECONDS),
    };
    let challenge = pkce::challenge(&login.verifier);
    let there = server.upstream.login_url(&login.state, &login.nonce, &challenge).await;
    let Ok(there) = there else {
        return callback::refuse(
            server,
            &login.wish,
            "temporarily_unavailable",
            "the identity provider cannot be reached",
        );
    };
    let mut response = see_other(&there).ok_or(Trouble::Internal)?;
    let name = cookie::login_name(login.ends.0, &login.state);
    let sealed = server.sealer.seal(&login)?;
    if name.len() + sealed.len() > cookie::LONGEST {
        return Err(Trouble::Malformed("state"));
    }
    let kept = cookie::set(&name, &sealed, LOGIN_SECONDS).ok_or(Trouble::Internal)?;
    let coming = cookie::length((&name, &sealed)) + beside.iter().map(HeaderValue::len).sum::<usize>();
    let gone = cookie::logins_that_give_way(headers, coming).into_iter().filter_map(cookie::unset);
    for cookie in gone.chain([kept]).chain(beside) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A browser that says where the form comes from must say: from here. The page asks it to (`referrer` in its head).
fn is_from_here(headers: &HeaderMap, origin: &str) -> bool {
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let said = headers.get(http::header::ORIGIN).is_none_or(|said| said == origin);
    site && said
}
