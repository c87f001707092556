//! `GET /oauth/callback`: the person comes back from the provider, in the browser that consented.
//!
//! Opens seal(login) from the cookie that is named after the state; without it nothing is believed, and nobody is sent anywhere
//! (O02, O10: a stranger's link ends on a page). What the provider says is checked whole before a code is made. Meets A14, A15,
//! D13, I7, O02, O03, O09–O11, O15, O26, O28.

use bytes::Bytes;
use http::Response;
use http::header::SET_COOKIE;

use super::error::see_other;
use super::form::Form;
use super::ledger::{Begun, Fact, UnderWay};
use super::upstream::LoginError;
use super::values::{Code, Login, Wish};
use super::{Asked, AuthorizationServer, Trouble, cookie};
use crate::clock::UnixTime;

/// RFC 6749 §4.1.2: a maximum lifetime of ten minutes is RECOMMENDED; one is plenty for a program.
pub const CODE_SECONDS: u64 = 60;

pub(super) async fn answer(server: &AuthorizationServer, asked: &Asked) -> Result<Response<Bytes>, Trouble> {
    let form = Form::of_query(asked.head.uri.query()).map_err(|_| Trouble::Malformed("query"))?;
    let state = form.get("state").ok_or(Trouble::OtherBrowser)?;
    let (name, sealed) = cookie::login_of(&asked.head.headers, state).ok_or(Trouble::OtherBrowser)?;
    let login: Login = server.sealer.open(sealed).map_err(|_| Trouble::OtherBrowser)?;
    if login.state != state {
        return Err(Trouble::OtherBrowser);
    }
    // O28: a policy may have been given another provider meanwhile, which must not see this one's code.
    if server.clock.unix() >= login.ends || login.provider != server.upstream.id() {
        return Err(Trouble::Expired);
    }
    // O15: the consent page may be agreed to any number of times, and each return asks the provider for something. Nobody without
    // a cookie of ours comes so far.
    if !server.returns.allows() {
        return Err(Trouble::TooManyLogins);
    }
    // I7: once. The cookie goes with the answer, and a copy of it comes too late here, or while the provider is asked. What the
    // provider knows nothing of is not remembered: anybody can bring any number of such answers (O15).
    let key = server.sealer.key_of(sealed).map_err(|_| Trouble::OtherBrowser)?;
    let fact = Fact { kind: "login", id: state, key: Some(key), whose: None };
    let under_way = match server.ledger.begin(fact).await? {
        Begun::First(under_way) => under_way,
        Begun::Again => return Err(Trouble::Expired),
        Begun::Full => return Err(Trouble::TooManyLogins),
    };
    let mut response = conclude(server, &form, &login, under_way).await?;
    if let Some(gone) = cookie::unset(name) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    Ok(response)
}

async fn conclude(
    server: &AuthorizationServer,
    form: &Form,
    login: &Login,
    under_way: UnderWay<'_>,
) -> Result<Response<Bytes>, Trouble> {
    let came_in = server.upstream.complete(form, &login.nonce, &login.verifier).await;
    let (person, upstream) = match came_in {
        Ok(came_in) => came_in,
        Err(error) => {
            let (code, description) = explained(&error);
            under_way.came_to_nothing().await;
            tracing::info!(reason = %error, "a login at the provider did not succeed");
            return refuse(server, &login.wish, code, description);
        }
    };
    under_way.happened(login.ends).await;
    let code = Code {
        wish: login.wish.clone(),
        person,
        upstream,
        family: server.random.id()?,
        ends: UnixTime(server.clock.unix().0 + CODE_SECONDS),
    };
    let sealed = server.sealer.seal(&code)?;
    answer_client(server, &code.wish, &[("code", &sealed)])
}

/// The client learns which of us said no, and nothing that the provider wrote (O26).
fn explained(error: &LoginError) -> (&'static str, &'static str) {
    match error {
        LoginError::Denied => ("access_denied", "the identity provider did not let the user in"),
        LoginError::NotAllowed => ("access_denied", "this user may not use this server"),
        LoginError::Unreachable(_) => (
            "temporarily_unavailable",
            "the identity provider is away or has too much to do; try again in a minute",
        ),
        LoginError::Provider(_) | LoginError::Untrusted(_) => (
            "server_error",
            "the identity provider's answer could not be used; the log of the server says why",
        ),
    }
}

/// After consent, errors go to the client (RFC 6749 §4.1.2.1).
pub(super) fn refuse(
    server: &AuthorizationServer,
    wish: &Wish,
    error: &str,
    description: &str,
) -> Result<Response<Bytes>, Trouble> {
    answer_client(server, wish, &[("error", error), ("error_description", description)])
}

/// RFC 9207 §2: `iss` in success and error, once, and byte for byte that of the metadata. A registered URI has no parameter of that
/// name, nor any other of these (`RedirectUri`).
fn answer_client(
    server: &AuthorizationServer,
    wish: &Wish,
    parameters: &[(&str, &str)],
) -> Result<Response<Bytes>, Trouble> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(state) = &wish.state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", &server.issuer);
    let joint = if wish.redirect_uri.contains('?') { '&' } else { '?' };
    see_other(&format!("{}{joint}{}", wish.redirect_uri, query.finish())).ok_or(Trouble::Internal)
}
