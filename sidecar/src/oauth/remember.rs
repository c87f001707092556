//! A consent that a browser remembers, where the policy allows it: this client, at this address, for these scopes (I3).
//!
//! Pure. Never for a client that registered itself, and never where anybody on the machine could receive (O01): what is
//! skipped is a page that would say nothing new. Never for a public client: a server that a person adds to it may name our
//! endpoint for its own, and the client would bring it the code and the verifier; that page is all that tells the person
//! (O09). And only for a navigation that a person began: a page that sends a browser here by itself shows the page, as does a
//! browser that does not say (I2).

use http::{HeaderMap, HeaderValue};

use super::clients::{Client, Origin};
use super::seal::SealError;
use super::values::{Digest16, Remembered, Wish};
use super::{AuthorizationServer, cookie};
use crate::clock::UnixTime;
use crate::page::Remember;
use crds::proxy::Consent;
use crds::redirect::{Kind, RedirectUri};

const SECONDS: u64 = 30 * 24 * 3600;

/// Whether the page offers to remember.
pub(super) fn offered(server: &AuthorizationServer, client: &Client, registered: &RedirectUri) -> Remember {
    let can_be_told_apart = client.origin != Origin::Registration
        && registered.kind() == Kind::Web
        && client.credentials.must_be_proved();
    if server.proxy.consent == Consent::Remember && can_be_told_apart {
        Remember::Offered
    } else {
        Remember::Never
    }
}

/// Whether this browser remembers a consent to just this.
pub(super) fn is_given(server: &AuthorizationServer, headers: &HeaderMap, wish: &Wish) -> bool {
    let sealed = cookie::find(headers, &name(server, wish));
    let given: Option<Remembered> = sealed.and_then(|sealed| server.sealer.open(sealed).ok());
    is_by_a_person(headers)
        && given.is_some_and(|given| {
            server.clock.unix() < given.ends
                && given.client == wish.client
                && given.redirect_uri == wish.redirect_uri
                && given.scopes == wish.scopes
        })
}

/// The cookie that remembers it, and the ends of those that give way to it: the ones that end first (O27).
pub(super) fn cookies(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    wish: &Wish,
) -> Result<Vec<HeaderValue>, SealError> {
    let remembered = Remembered {
        client: wish.client.clone(),
        redirect_uri: wish.redirect_uri.clone(),
        scopes: wish.scopes.clone(),
        ends: UnixTime(server.clock.unix().0 + SECONDS),
    };
    let (name, sealed) = (name(server, wish), server.sealer.seal(&remembered)?);
    let mut others = cookie::starting(headers, cookie::CONSENT);
    others.retain(|(known, _)| *known != name);
    // What we cannot open ends now: it is another server's on this host, or under a key that is gone.
    others.sort_by_key(|(_, sealed)| {
        server.sealer.open(sealed).map_or(UnixTime(0), |given: Remembered| given.ends)
    });
    let mut bytes =
        cookie::length((&name, &sealed)) + others.iter().copied().map(cookie::length).sum::<usize>();
    let gives_way = |other: &(&str, &str)| {
        let is_surplus = bytes > cookie::MOST_CONSENT_BYTES;
        bytes -= cookie::length(*other);
        is_surplus
    };
    let gone = others.into_iter().take_while(gives_way).filter_map(|(name, _)| cookie::unset(name));
    Ok(gone.chain(cookie::set(&name, &sealed, SECONDS)).collect())
}

/// One cookie per thing that was agreed to, and no name of anybody in it. Several servers may live on one host, and a browser
/// has one jar for them.
fn name(server: &AuthorizationServer, wish: &Wish) -> String {
    let scopes = wish.scopes.join(" ");
    let what = [&server.issuer, wish.client.as_str(), &wish.redirect_uri, &scopes].join("\n");
    format!("{}{}", cookie::CONSENT, Digest16::of(&what))
}

/// Fetch Metadata §2: a whole page, on somebody's click or typing.
fn is_by_a_person(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document") && says("sec-fetch-user", "?1")
}
