//! The authorization endpoint: refuses what the vendor refuses, asks who is there where nobody knows, and sends the
//! browser back with a code.
//!
//! Pure, apart from what the provider remembers.

use super::CLIENT_ID;
use super::grants::{Grant, Offline};
use super::mischief::Lie;
use super::people::{Person, Visitor};
use super::quirks::{ForeignRedirect, Pkce, Refresh, Resource, ResponseIss, State, UnknownScope, Vendor};
use super::shared::Shared;
use super::wire::{Answer, Request};

/// Prefixed, since browsers share a host's cookies among all its ports.
const SESSION: &str = "provider_session";

pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    decide(shared, request).unwrap_or_else(|refusal| refusal)
}

/// A request whose redirect URI is good: from here on errors go to the client.
struct Asked<'a> {
    shared: &'a Shared,
    request: &'a Request,
    redirect_uri: &'a str,
}

fn decide(shared: &Shared, request: &Request) -> Result<Answer, Answer> {
    let asked = Asked::new(shared, request)?;
    asked.has_good_form()?;
    let scopes = asked.scopes()?;
    let challenge = asked.challenge()?;
    let (person, session) = asked.person()?;
    let grant = Grant {
        offline: asked.offline(&scopes),
        person,
        scopes,
        nonce: request.parameter("nonce").map(ToOwned::to_owned),
        redirect_uri: asked.redirect_uri.to_owned(),
        challenge,
        audience: request.parameter("audience").map(ToOwned::to_owned),
        since: shared.now(),
    };
    let code = shared.state().grants.code(grant);
    let mut pairs = vec![("code", code.as_str())];
    pairs.extend(shared.quirks.extra_answers);
    let answer = asked.back(&pairs);
    Ok(match session {
        None => answer,
        Some(name) => {
            answer.with_header("set-cookie", &format!("{SESSION}={name}; Path=/; HttpOnly; SameSite=Lax"))
        }
    })
}

impl<'a> Asked<'a> {
    fn new(shared: &'a Shared, request: &'a Request) -> Result<Self, Answer> {
        if request.parameter("client_id") != Some(CLIENT_ID) {
            return Err(Answer::page(400, "<title>Error</title><p>There is no such client."));
        }
        let registered = shared.state().redirect_uris.clone();
        let sent = request.parameter("redirect_uri").unwrap_or_default();
        if registered.iter().any(|known| known == sent) {
            return Ok(Self { shared, request, redirect_uri: sent });
        }
        let ForeignRedirect::Page(status) = shared.quirks.foreign_redirect else {
            let redirect_uri = registered.first().map(String::as_str).unwrap_or_default();
            return Err(Asked { shared, request, redirect_uri }.error("redirect_uri_mismatch", ""));
        };
        Err(Answer::page(status, "<title>Error</title><p>The redirect URI is not registered."))
    }

    fn has_good_form(&self) -> Result<(), Answer> {
        // RFC 6749 §3.1: request parameters MUST NOT be included more than once.
        let mut names = self.request.names();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.error("invalid_request", "a parameter is sent twice"));
        }
        let vendor = self.shared.quirks.vendor;
        if vendor != Vendor::GitHub && self.request.parameter("response_type") != Some("code") {
            return Err(self.error("unsupported_response_type", ""));
        }
        if self.shared.quirks.resource == Resource::Refused && self.request.parameter("resource").is_some() {
            // The documents show a page of Microsoft's, which the client never hears of.
            return Err(Answer::page(400, &format!("<title>Sign in to your account</title><p>{RESOURCE}")));
        }
        let state = self.request.parameter("state").unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b",._-".contains(&byte);
        if self.shared.quirks.state == State::Plain && (state.is_empty() || !state.bytes().all(plain)) {
            let said = "The authentication request has an invalid 'state' parameter.";
            return Err(self.error("invalid_request", said));
        }
        if self.shared.lies(Lie::ServerError) {
            return Err(self.error("server_error", "something went wrong"));
        }
        Ok(())
    }

    /// The scopes that are granted.
    fn scopes(&self) -> Result<Vec<String>, Answer> {
        let rule = self.shared.quirks.scopes;
        let api = format!("api://{CLIENT_ID}/");
        let is_known = |scope: &str| rule.known.contains(&scope) || scope.starts_with(&api);
        let (known, unknown): (Vec<_>, Vec<_>) =
            self.request.words("scope").into_iter().partition(|scope| is_known(scope));
        match rule.unknown {
            UnknownScope::Redirected(error, said) if !unknown.is_empty() => Err(self.error(error, said)),
            UnknownScope::Page(said) if !unknown.is_empty() => {
                Err(Answer::page(400, &format!("<title>Error</title><p>{said}")))
            }
            _ => Ok(known.into_iter().map(ToOwned::to_owned).collect()),
        }
    }

    fn challenge(&self) -> Result<Option<String>, Answer> {
        let challenge = self.request.parameter("code_challenge");
        match (challenge, self.request.parameter("code_challenge_method")) {
            (None, _) if self.shared.quirks.pkce == Pkce::Optional => Ok(None),
            (None, _) => Err(self.error("invalid_request", "a code challenge is required")),
            (Some(challenge), Some("S256")) => Ok(Some(challenge.to_owned())),
            // RFC 7636 §4.3: absent means plain. Nobody here takes that.
            (Some(_), _) => Err(self.error("invalid_request", "the code challenge method must be S256")),
        }
    }

    /// Who is there, and the name for a session that begins.
    fn person(&self) -> Result<(Person, Option<String>), Answer> {
        let visitor = self.shared.state().visitor.clone();
        let (person, session) = match visitor {
            Visitor::Is(person) => (person, None),
            Visitor::Declines => return Err(self.declined()),
            Visitor::IsAsked => self.asked_person()?,
        };
        if self.shared.state().disabled.contains(&person.name) {
            return Err(Answer::page(403, "<title>Error</title><p>Your account is disabled."));
        }
        Ok((person, session))
    }

    fn asked_person(&self) -> Result<(Person, Option<String>), Answer> {
        let cookies = self.request.header("cookie").unwrap_or_default().split("; ");
        let mut sessions = cookies.filter_map(|cookie| cookie.strip_prefix(SESSION)?.strip_prefix('='));
        if let Some(name) = sessions.next() {
            return Ok((self.known(name), None));
        }
        match (self.request.parameter("answer"), self.request.parameter("username")) {
            (Some("allow"), Some(name)) if !name.is_empty() => Ok((self.known(name), Some(name.to_owned()))),
            (Some("deny"), _) => Err(self.declined()),
            _ => Err(self.login_page()),
        }
    }

    fn known(&self, name: &str) -> Person {
        self.shared.state().people.get(name).cloned().unwrap_or_else(|| Person::new(name))
    }

    fn login_page(&self) -> Answer {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.request.parameters);
        let action = format!("{}?{}", self.request.path, query.finish().replace('&', "&amp;"));
        let page = format!(
            "<html lang=en><title>Sign in</title><form method=post action=\"{action}\">\
             <label>Name <input name=username autocomplete=username required></label>\
             <button name=answer value=allow>Sign in</button>\
             <button name=answer value=deny formnovalidate>Cancel</button></form>"
        );
        Answer::page(200, &page)
    }

    fn declined(&self) -> Answer {
        // RFC 6749 §4.1.2.1; the words are Microsoft's, whose description is the longest.
        self.error("access_denied", "the user canceled the authentication")
    }

    fn offline(&self, scopes: &[String]) -> Offline {
        let request = self.request;
        let offline = match self.shared.quirks.refresh {
            Refresh::Never => false,
            Refresh::Always => true,
            Refresh::OfflineScope => scopes.iter().any(|scope| scope == "offline_access"),
            Refresh::OfflineAccessType => {
                request.parameter("access_type") == Some("offline")
                    && request.words("prompt").contains(&"consent")
            }
        };
        if offline { Offline::Yes } else { Offline::No }
    }

    fn error(&self, error: &str, description: &str) -> Answer {
        let pairs = [("error", error), ("error_description", description)];
        let said = if description.is_empty() { &pairs[..1] } else { &pairs[..] };
        self.back(said)
    }

    /// Sends the browser back to the client with this, the client's state, and the issuer where that is the way here.
    fn back(&self, pairs: &[(&str, &str)]) -> Answer {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        let (state, lies) = (self.request.parameter("state"), |lie| self.shared.lies(lie));
        match state {
            Some(_) if lies(Lie::NoState) => {}
            Some(state) if lies(Lie::WrongState) => {
                query.append_pair("state", &format!("{state}x"));
            }
            Some(state) => {
                query.append_pair("state", state);
            }
            None => {}
        }
        // RFC 9207 §2: in error responses as well.
        if lies(Lie::WrongResponseIss) {
            query.append_pair("iss", "https://attacker.example");
        } else if self.shared.quirks.response_iss == ResponseIss::Advertised && !lies(Lie::NoResponseIss) {
            query.append_pair("iss", &self.shared.issuer());
        }
        let joint = if self.redirect_uri.contains('?') { '&' } else { '?' };
        Answer::redirect(&format!("{}{joint}{}", self.redirect_uri, query.finish()))
    }
}

/// github.com/TracecatHQ/tracecat/issues/2466.
pub(super) const RESOURCE: &str =
    "AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.";
