//! `GET /oauth/authorize`: who asks, where does the answer go, and for what? Then a person is asked.
//!
//! Whatever is wrong here is a page of ours and never a redirect: nobody has consented yet, and registration is open, so an
//! address proves nothing ("Decided" 1; O03). Nothing is sent to the provider (O01, I2), and the only cookie says which browser
//! this is (I7). Meets A5, A9, A11, A16, D5, D12, I2–I4, O01, O03, O04, O06, O14, O23.

use bytes::Bytes;
use http::Response;
use http::header::SET_COOKIE;

use super::clients::{Client, Origin, catalogue::Catalogue};
use super::form::Form;
use super::values::{Ask, Digest16, Wish};
use super::{Asked, AuthorizationServer, Step, Trouble, consent, cookie, pkce, remember, resource, scopes};
use crate::clock::UnixTime;
use crate::page::{self, Consent, Remember};
use crds::redirect::{Kind, RedirectUri};

/// "Decided" 7: how long the page may lie there.
pub const ASK_SECONDS: u64 = 600;
/// A client's own state comes back byte for byte, through a cookie: it must fit into one.
const LONGEST_STATE: usize = 1024;

pub(super) async fn answer(server: &AuthorizationServer, asked: &Asked) -> Result<Response<Bytes>, Trouble> {
    let form = Form::of_query(asked.head.uri.query()).map_err(|_| Trouble::Malformed("query"))?;
    // Nobody logs in for an answer that could not be taken.
    if server.ledger.is_away() {
        return Err(Trouble::StoreAway);
    }
    let client = client(server, &form).await?;
    let presented = form.get("redirect_uri").ok_or(Trouble::Malformed("redirect_uri"))?;
    let registered = client.redirect(presented).ok_or(Trouble::UnusableRedirect)?.clone();
    let wish = wish(server, &form, &client, presented)?;
    if remember::offered(server, &client, &registered) == Remember::Offered
        && remember::is_given(server, &asked.head.headers, &wish)
    {
        return consent::begin(server, &asked.head.headers, wish, Vec::new()).await;
    }
    let browser = match browser(asked) {
        Some(known) => known.to_owned(),
        None => server.random.id()?,
    };
    let now = server.clock.unix();
    let ask = Ask {
        browser: Digest16::of(&browser),
        may_remember: remember::offered(server, &client, &registered) == Remember::Offered,
        id: server.random.id()?,
        ends: UnixTime(now.0 + ASK_SECONDS),
        wish,
    };
    let mut response = show(server, &client, &registered, &ask)?;
    // Each time: the page must not outlive the cookie that it is bound to.
    let cookie = cookie::set(cookie::BROWSER, &browser, ASK_SECONDS).ok_or(Trouble::Internal)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

async fn client(server: &AuthorizationServer, form: &Form) -> Result<Client, Trouble> {
    let id = form.get("client_id").ok_or(Trouble::Malformed("client_id"))?;
    Ok(server.clients.find(id, &server.proxy, &server.sealer).await?)
}

/// What the client wants, where nothing about it is wrong.
fn wish(
    server: &AuthorizationServer,
    form: &Form,
    client: &Client,
    presented: &str,
) -> Result<Wish, Trouble> {
    if form.get("response_type") != Some("code") {
        return Err(Trouble::Malformed("response_type"));
    }
    if !matches!(form.get("response_mode"), None | Some("query")) {
        return Err(Trouble::Malformed("response_mode"));
    }
    // OAuth 2.1 §4.1.1, RFC 7636 §4.3: left out, the method would be `plain` (O06).
    if form.get("code_challenge_method") != Some("S256") {
        return Err(Trouble::Malformed("code_challenge_method"));
    }
    let challenge = form.get("code_challenge").filter(|text| pkce::is_challenge(text));
    let challenge = challenge.ok_or(Trouble::Malformed("code_challenge"))?;
    if !resource::is_ours(form.get("resource"), server.policy.resource.as_str()) {
        return Err(Trouble::Malformed("resource"));
    }
    let state = form.get("state");
    if state.is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(Trouble::Malformed("state"));
    }
    Ok(Wish {
        client: client.key.clone(),
        redirect_uri: presented.to_owned(),
        state: state.map(str::to_owned),
        challenge: challenge.to_owned(),
        scopes: scopes::granted(form.get("scope"), &server.policy.required_scopes),
    })
}

/// The browser's own cookie, if it is one that we could have made.
pub(super) fn browser(asked: &Asked) -> Option<&str> {
    let known = cookie::find(&asked.head.headers, cookie::BROWSER)?;
    let plausible =
        known.len() == 22 && known.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    plausible.then_some(known)
}

fn show(
    server: &AuthorizationServer,
    client: &Client,
    registered: &RedirectUri,
    ask: &Ask,
) -> Result<Response<Bytes>, Trouble> {
    let sealed = server.sealer.seal(ask)?;
    let provider_scopes: Vec<&str> =
        server.proxy.login.scopes.iter().map(crds::proxy::ProviderScope::as_str).collect();
    let wished: Vec<&str> = ask.wish.scopes.iter().map(String::as_str).collect();
    let base = server.issuer.get(server.policy.resource.origin().len()..).unwrap_or_default();
    let action = format!("{base}{}", Step::Consent.path());
    let consent = Consent {
        client: shown(client, registered),
        returns: returns(registered),
        redirect_uri: registered.as_str(),
        server: &server.policy.resource,
        provider: server.upstream.name(),
        scopes: &wished,
        provider_scopes: &provider_scopes,
        remember: remember::offered(server, client, registered),
        form: page::Form { action: &action, ask: &sealed, csrf: &ask.id },
    };
    Ok(consent.page().into_response())
}

fn returns(registered: &RedirectUri) -> page::Returns<'_> {
    let address = registered.authority();
    match (registered.kind(), Catalogue::builtin().by_relay(registered)) {
        (Kind::Web, Some(known)) => page::Returns::Relay { host: address, of: known.name() },
        (Kind::Web, None) => page::Returns::Website(address),
        (Kind::Loopback, _) => page::Returns::Loopback(address),
        (Kind::PrivateUse, _) => page::Returns::App(address),
    }
}

/// How far the client's name can be believed: as far as the address is its own.
fn shown<'a>(client: &'a Client, registered: &RedirectUri) -> page::Client<'a> {
    let known = Catalogue::builtin().by_redirect(registered).filter(|_| registered.kind() == Kind::Web);
    match (&client.origin, known) {
        (_, Some(known)) => page::Client::Known(known.name()),
        (Origin::Policy, None) => page::Client::Known(&client.name),
        (Origin::Document { host }, None) => page::Client::Published { name: &client.name, host },
        (Origin::Registration, None) => page::Client::Claimed(&client.name),
    }
}
