//! Where the sidecar stands as an authorization server: its issuer, and the callback that the provider sends people back to.
//!
//! Pure. Both follow from the resource and from the policy's redirect URIs, and from nothing that a request says.

use crate::names::ResourceUrl;
use crate::redirect::{RedirectUri, Redirects};
use crate::rule::Broken;

/// Under the issuer.
pub const CALLBACK: &str = "/oauth/callback";

/// Where an authorization server answers, under its issuer; the short ones are for clients that read no metadata (D5).
pub const ENDPOINTS: [&str; 10] = [
    "/oauth/authorize",
    "/oauth/consent",
    CALLBACK,
    "/oauth/token",
    "/oauth/register",
    "/oauth/revoke",
    "/.well-known/jwks.json",
    "/authorize",
    "/token",
    "/register",
];

/// What is said where the resource is such that browsers keep no cookies of it (A18).
pub const IN_THE_CLEAR: &str =
    "must be an https URL in proxy mode (http only for loopback): people log in there with a browser";

/// Our issuer, and where the provider sends people back to.
///
/// The public origin of the resource; or, where the policy names a callback of ours further down
/// (`https://h/trino/oauth/callback`), what stands before it: so several servers live on one host, told apart by path.
pub fn issuer(resource: &ResourceUrl, redirects: &Redirects) -> String {
    let own = match redirects {
        Redirects::Fixed(own) | Redirects::Placed { own, .. } => Some(own),
        Redirects::AllowList(_) => None,
    };
    let path = own.and_then(|own| above_callback(resource, own)).unwrap_or_default();
    format!("{}{path}", resource.origin())
}

/// What stands between the origin and the callback, where the URI is a callback of ours.
fn above_callback<'a>(resource: &ResourceUrl, uri: &'a RedirectUri) -> Option<&'a str> {
    let path = uri.as_str().strip_prefix(resource.origin())?.strip_suffix(CALLBACK)?;
    // RFC 8414 §2: an issuer has no query.
    let is_path = (path.is_empty() || path.starts_with('/')) && !path.contains('?');
    is_path.then_some(path)
}

/// The redirect URIs of a policy for this resource: a callback of ours in a list says where we stand, and is no client's.
pub fn placed(resource: &ResourceUrl, redirects: Redirects) -> Result<Redirects, Broken> {
    let Redirects::AllowList(all) = redirects else { return Ok(redirects) };
    let is_ours = |uri: &RedirectUri| above_callback(resource, uri).is_some();
    let (mut ours, listed): (Vec<_>, Vec<_>) = all.into_iter().partition(is_ours);
    match (ours.pop(), ours.is_empty()) {
        (None, _) => Ok(Redirects::AllowList(listed)),
        (Some(own), true) => Ok(Redirects::Placed { own, listed }),
        (Some(one), false) => Err(Broken(format!(
            "must have one callback of ours at most, not \"{}\" and \"{one}\": it says where this server stands",
            ours[0]
        ))),
    }
}

/// Where the provider sends people back to.
pub fn callback(resource: &ResourceUrl, redirects: &Redirects) -> String {
    format!("{}{CALLBACK}", issuer(resource, redirects))
}

/// The redirect URIs of a policy that names none: our callback at the origin of the resource.
pub fn own_callback(resource: &ResourceUrl) -> Result<Redirects, Broken> {
    if !resource.keeps_cookies() {
        return Err(Broken(IN_THE_CLEAR.into()));
    }
    let own = format!("{}{CALLBACK}", resource.origin());
    let uri = RedirectUri::parse(&own)
        .map_err(|Broken(why)| Broken(format!("makes {own:?} our callback in proxy mode, which {why}")))?;
    Ok(Redirects::Fixed(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(resource: &str, redirects: &str) -> String {
        let redirects = Redirects::parse(redirects).expect(redirects);
        let resource = ResourceUrl::parse(resource).expect(resource);
        issuer(&resource, &placed(&resource, redirects).expect("one of ours at most"))
    }

    #[test]
    fn the_issuer_is_the_origin_or_what_stands_before_our_one_callback() {
        let resource = "https://h.example/trino/mcp";
        for (redirects, issuer) in [
            ("https://h.example/oauth/callback", "https://h.example"),
            ("https://h.example/trino/oauth/callback", "https://h.example/trino"),
            ("https://other.example/oauth/callback", "https://h.example"),
            ("https://h.example.evil/oauth/callback", "https://h.example"),
            ("https://h.example/x?to=/oauth/callback", "https://h.example"),
            ("https://a.example/cb https://h.example/x", "https://h.example"),
            ("https://a.example/cb https://other.example/trino/oauth/callback", "https://h.example"),
            ("https://a.example/cb https://h.example/trino/oauth/callback", "https://h.example/trino"),
            ("https://h.example/oauth/callback https://a.example/cb", "https://h.example"),
        ] {
            assert_eq!(at(resource, redirects), issuer, "{redirects}");
        }
    }

    /// Two servers on one host would otherwise have one issuer, and each would take what the other one sealed for a client.
    #[test]
    fn a_callback_of_ours_in_a_list_is_no_clients_and_there_is_one_at_most() {
        let resource = ResourceUrl::parse("https://h.example/trino/mcp").expect("a URL");
        let of = |text: &str| placed(&resource, Redirects::parse(text).expect(text));
        let (own, a) = ("https://h.example/trino/oauth/callback", "https://a.example/cb");
        let one = of(&format!("{a} {own}")).expect("one of ours");
        let allows = |redirects: &Redirects, uri: &str| {
            redirects.allows(&RedirectUri::parse(uri).expect(uri), |_| false)
        };
        assert!(allows(&one, a) && !allows(&one, own));
        let elsewhere = "https://other.example/trino/oauth/callback";
        let none = of(&format!("{a} {elsewhere}")).expect("none of ours");
        assert!(allows(&none, a) && allows(&none, elsewhere));
        // It comes through a document as it went in, and once more.
        let text: Vec<RedirectUri> = one.clone().into();
        assert_eq!(placed(&resource, Redirects::new(text).expect("a list")), Ok(one));
        let Broken(why) =
            of(&format!("{own} {a} https://h.example/oauth/callback")).expect_err("two of ours");
        assert!(why.starts_with("must have one callback of ours at most") && why.contains(own), "{why}");
    }

    #[test]
    fn a_callback_of_ours_is_where_a_code_may_be_sent() {
        let own = |resource: &str| own_callback(&ResourceUrl::parse(resource).expect(resource));
        for (resource, callback) in [
            ("https://h.example:8443/mcp", "https://h.example:8443/oauth/callback"),
            ("http://localhost:17080/mcp", "http://localhost:17080/oauth/callback"),
        ] {
            assert_eq!(own(resource), Ok(Redirects::parse(callback).expect(callback)));
        }
        assert_eq!(own("http://trino.data.svc/mcp"), Err(Broken(IN_THE_CLEAR.into())));
        // Taken as an address of this machine that nobody has a certificate for.
        let Broken(why) = own("https://localhost:8443/mcp").expect_err("it is loopback");
        assert!(why.starts_with("makes \"https://localhost:8443/oauth/callback\" our callback"), "{why}");
    }
}
