//! Where the sidecar stands as an authorization server: its issuer, and the callback that the provider sends people back to.
//!
//! Pure. Both follow from the resource and from the policy's redirect URIs, and from nothing that a request says.

use crate::names::ResourceUrl;
use crate::redirect::{RedirectUri, Redirects};
use crate::rule::Broken;

/// Under the issuer.
pub const CALLBACK: &str = "/oauth/callback";

/// What is said where the resource is such that browsers keep no cookies of it (A18).
pub const IN_THE_CLEAR: &str =
    "must be an https URL in proxy mode (http only for loopback): people log in there with a browser";

/// Our issuer, and where the provider sends people back to.
///
/// The public origin of the resource; or, where the policy's one redirect URI is a callback of ours further down
/// (`https://h/trino/oauth/callback`), what stands before it: so several servers live on one host, told apart by path.
pub fn issuer(resource: &ResourceUrl, redirects: &Redirects) -> String {
    let origin = resource.origin();
    let below = match redirects {
        Redirects::Fixed(one) => {
            one.as_str().strip_prefix(origin).and_then(|path| path.strip_suffix(CALLBACK))
        }
        Redirects::AllowList(_) => None,
    };
    match below {
        // RFC 8414 §2: an issuer has no query.
        Some(path) if (path.is_empty() || path.starts_with('/')) && !path.contains('?') => {
            format!("{origin}{path}")
        }
        _ => origin.to_owned(),
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
        issuer(&ResourceUrl::parse(resource).expect(resource), &redirects)
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
            ("https://h.example/trino/oauth/callback https://h.example/x", "https://h.example"),
        ] {
            assert_eq!(at(resource, redirects), issuer, "{redirects}");
        }
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
