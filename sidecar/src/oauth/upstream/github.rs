//! GitHub: OAuth 2.0 without OpenID Connect. Nothing is discovered and nothing is signed; its API says whose token we hold.
//!
//! Talks to GitHub, through `fetch`. Only a token that GitHub gave us for our own secret is ever shown to the API, for anybody's
//! token opens it (identity-providers §5). The number of an account is who it is: logins change hands. An OAuth app's token has no
//! end and no refresh token, so that we ask again with the token itself; a GitHub App's ends after eight hours and is refreshed.
//! Meets A22, J15, O11, O28.

use crds::names::Issuer;
use crds::proxy::Login;
use http::{HeaderMap, StatusCode};

use super::answer::{Refused, Tokens};
use super::endpoints::Endpoints;
use super::identity;
use super::party::Party;
use super::{LoginError, RefreshError};
use crate::jose::Json;
use crate::jose::json::Object;
use crate::oauth::values::{self, Person};

/// Where GitHub is: github.com, or a company's own.
#[derive(Debug)]
pub(super) struct GitHub {
    web: String,
    api: String,
}

/// Why an account is not confirmed.
#[derive(Debug)]
enum NoUser {
    /// The token opens nothing any more, or the account is suspended.
    Gone,
    NotAllowed,
    Unreachable(String),
    Untrusted(&'static str),
}

const EMAIL: &str = "email";

impl GitHub {
    pub(super) fn at(issuer: &Issuer) -> Self {
        let web = issuer.as_str().trim_end_matches('/').to_owned();
        let api = match web.strip_prefix("https://") {
            // docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api; with data residency: api.SUBDOMAIN.ghe.com.
            Some(host) if host == "github.com" || host.ends_with(".ghe.com") => format!("https://api.{host}"),
            // docs.github.com/enterprise-server/rest: http(s)://HOSTNAME/api/v3.
            _ => format!("{web}/api/v3"),
        };
        Self { web, api }
    }

    /// docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps.
    pub(super) fn endpoints(&self, login: &Login) -> Endpoints {
        let issuer = format!("{}/login/oauth", self.web);
        let chosen = |own: Option<String>, path: &str| own.unwrap_or_else(|| format!("{issuer}{path}"));
        Endpoints {
            authorization: chosen(
                login.endpoints.authorization.as_ref().map(ToString::to_string),
                "/authorize",
            ),
            token: chosen(login.endpoints.token.as_ref().map(ToString::to_string), "/access_token"),
            revocation: None,
            issuer,
            // Its responses name no issuer.
            names_itself: false,
            takes_basic: false,
        }
    }

    pub(super) async fn identify(
        &self,
        party: &Party,
        tokens: Tokens,
    ) -> Result<(Person, values::Upstream), LoginError> {
        let token = tokens.access_token.as_deref().ok_or(LoginError::Untrusted("it gave no access token"))?;
        let person = self.person(party, token).await.map_err(|error| match error {
            NoUser::Gone => LoginError::Denied,
            NoUser::NotAllowed => LoginError::NotAllowed,
            NoUser::Unreachable(why) => LoginError::Unreachable(why),
            NoUser::Untrusted(why) => LoginError::Untrusted(why),
        })?;
        Ok((person, held(party, tokens)))
    }

    pub(super) async fn confirm(
        &self,
        party: &Party,
        endpoints: &Endpoints,
        held: &values::Upstream,
        person: &Person,
    ) -> Result<values::Upstream, RefreshError> {
        let tokens = match (&held.refresh, &held.access) {
            (Some(refresh), _) => {
                party.refresh(endpoints, refresh).await.map_err(|refused| match refused {
                    // .../apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
                    Refused::Error(code) if code == "bad_refresh_token" => RefreshError::Gone,
                    Refused::Error(why) | Refused::Unreachable(why) => RefreshError::Unreachable(why),
                })?
            }
            (None, Some(access)) => Tokens { access_token: Some(access.clone()), ..Tokens::default() },
            // Nothing to ask with: sealed by nobody of ours.
            (None, None) => return Err(RefreshError::Gone),
        };
        let unverified = |why: String| RefreshError::unverified(tokens.refresh_token.as_ref(), why);
        let none = || unverified("it gave no access token".into());
        let token = tokens.access_token.as_deref().ok_or_else(none)?;
        match self.person(party, token).await {
            Ok(again) if again.subject == person.subject => Ok(self::held(party, tokens)),
            Ok(_) | Err(NoUser::Gone | NoUser::NotAllowed) => Err(RefreshError::Gone),
            Err(NoUser::Unreachable(why)) => Err(unverified(why)),
            Err(NoUser::Untrusted(why)) => Err(unverified(why.to_owned())),
        }
    }

    /// Whose token it is, if they may come in.
    async fn person(&self, party: &Party, token: &str) -> Result<Person, NoUser> {
        let asked = self.ask(party, "/user", token).await?;
        let mut user = asked.into_object().ok_or(NoUser::Untrusted("its user is no object"))?;
        let wants_email = party.rules.user.as_str() == EMAIL
            || party.rules.require.keys().any(|name| name.as_str() == EMAIL);
        if wants_email {
            // The address on a profile is there only where its owner shows it; the other list says which one is verified.
            user.remove(EMAIL);
            user.extend(self.email(party, token).await?.map(|email| (EMAIL.to_owned(), Json::Text(email))));
        }
        let subject = number(&user).ok_or(NoUser::Untrusted("its user has no number"))?;
        // For policies that name who may come in by what stays theirs: `require: {id: ["583231"]}`.
        user.insert("id".to_owned(), Json::Text(subject.clone()));
        if !identity::meets(&user, &party.rules) {
            return Err(NoUser::NotAllowed);
        }
        identity::person_as(&subject, &user, &self.web, &party.rules.user, party.clock.unix())
            .ok_or(NoUser::Untrusted("its user has no usable number"))
    }

    /// docs.github.com/rest/users/emails: the primary address, if it is verified. 404 without the scope `user:email`.
    async fn email(&self, party: &Party, token: &str) -> Result<Option<String>, NoUser> {
        let list = match self.ask(party, "/user/emails", token).await {
            Ok(Json::List(list)) => list,
            Ok(_) => return Err(NoUser::Untrusted("its list of addresses is no list")),
            Err(error) => return Err(error),
        };
        let is = |address: &Object, name: &str| address.get(name) == Some(&Json::Bool(true));
        let addresses = list.into_iter().filter_map(Json::into_object);
        let mut chosen = addresses.filter(|address| is(address, "primary") && is(address, "verified"));
        let text =
            chosen.next().and_then(|address| address.get(EMAIL).and_then(Json::as_text).map(str::to_owned));
        Ok(text)
    }

    async fn ask(&self, party: &Party, path: &str, token: &str) -> Result<Json, NoUser> {
        let url = format!("{}{path}", self.api);
        let answered = party.fetcher.get_bearer(&url, &crds::Secret::new(token.to_owned())).await;
        let (status, headers, body) = answered.map_err(|error| NoUser::Unreachable(error.to_string()))?;
        let json = Json::parse(&body).ok();
        match status {
            StatusCode::OK => json.ok_or(NoUser::Untrusted("its API answered without JSON")),
            StatusCode::UNAUTHORIZED => Err(NoUser::Gone),
            StatusCode::FORBIDDEN if is_suspended(&headers, json) => Err(NoUser::Gone),
            // What the token's scopes do not open is not there.
            StatusCode::NOT_FOUND => {
                Err(NoUser::Untrusted("its API hides what was asked for: addresses need user:email"))
            }
            // 403 and 429 are also what a rate limit looks like: no verdict on the user.
            status => {
                Err(NoUser::Unreachable(format!("its API answered {path} with status {}", status.as_u16())))
            }
        }
    }
}

fn held(party: &Party, tokens: Tokens) -> values::Upstream {
    let Tokens { access_token, refresh_token, .. } = tokens;
    // With a refresh token the other one is over before we would use it.
    let access = if refresh_token.is_some() { None } else { access_token };
    values::Upstream { provider: party.provider(), refresh: refresh_token, access, asked: party.clock.unix() }
}

/// docs.github.com/rest/users/users: `id`. It stays with the account, whatever that calls itself.
fn number(user: &Object) -> Option<String> {
    match user.get("id") {
        Some(Json::Whole(number)) if *number > 0 => Some(number.to_string()),
        _ => None,
    }
}

/// "Sorry. Your account was suspended.", and not a limit that was reached.
fn is_suspended(headers: &HeaderMap, body: Option<Json>) -> bool {
    let is_limit = headers.contains_key("retry-after")
        || headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let body = body.and_then(Json::into_object).unwrap_or_default();
    let says = body.get("message").and_then(Json::as_text).unwrap_or_default();
    !is_limit && says.contains("suspended")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(issuer: &str) -> GitHub {
        GitHub::at(&Issuer::parse(issuer).expect("an issuer"))
    }

    #[test]
    fn the_api_is_where_each_kind_of_github_has_it() {
        for (issuer, api) in [
            ("https://github.com", "https://api.github.com"),
            ("https://github.com/", "https://api.github.com"),
            ("https://octo.ghe.com", "https://api.octo.ghe.com"),
            ("https://ghe.example.com", "https://ghe.example.com/api/v3"),
            ("https://notgithub.com", "https://notgithub.com/api/v3"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ] {
            assert_eq!(at(issuer).api, api, "{issuer}");
        }
    }

    #[test]
    fn j15_an_account_is_its_number_and_nothing_else_is_one() {
        let of = |json: &str| {
            let user = Json::parse(json.as_bytes()).ok().and_then(Json::into_object);
            number(&user.expect("an object"))
        };
        assert_eq!(of(r#"{"id":583231,"login":"octocat"}"#).as_deref(), Some("583231"));
        for none in [
            r#"{"login":"1"}"#,
            r#"{"id":"1"}"#,
            r#"{"id":0}"#,
            r#"{"id":-1}"#,
            r#"{"id":1.5}"#,
            r#"{"id":null}"#,
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_suspended_account_is_told_from_a_limit_that_was_reached() {
        let body = |message: &str| Json::parse(format!(r#"{{"message":"{message}"}}"#).as_bytes()).ok();
        let suspended = "Sorry. Your account was suspended.";
        let limit = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )])
        };
        assert!(is_suspended(&HeaderMap::new(), body(suspended)));
        assert!(is_suspended(&limit("x-ratelimit-remaining", "7"), body(suspended)));
        assert!(!is_suspended(&limit("x-ratelimit-remaining", "0"), body(suspended)));
        assert!(!is_suspended(&limit("retry-after", "60"), body(suspended)));
        assert!(!is_suspended(&HeaderMap::new(), body("API rate limit exceeded")));
        assert!(!is_suspended(&HeaderMap::new(), None));
    }
}
