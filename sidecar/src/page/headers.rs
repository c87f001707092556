//! The headers of every page: what a browser may do with it, which is nothing but show it and send its one form.
//!
//! Pure. Meets O16 (no script, no picture, nothing fetched), O19 (never cached), O20 (never framed, no address passed on),
//! I4. Three common headers are left out or bent, each for a login that would otherwise fail; the reasons stand below.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::style::STYLE;

/// Whether a page has our form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    Ours,
    Never,
}

/// CSP 3 §6.4.1: `form-action` also binds where a form's answer redirects to. In Chromium and Safari that is the whole
/// chain up to the next page that is shown, not the first hop: the provider, whoever it passes the login to, our own
/// callback, the client's address, and what that address opens by itself (`https://claude.ai/…` goes on to `claude://`).
/// Nobody can list these beforehand, and one that is missing is a button that does nothing, which is how others learned
/// it (PrefectHQ/fastmcp issues 2302 and 3369). What the directive would stop, a form put in by somebody else, has no
/// way in: see `html`. So the page with our form goes without it, and the pages without a form allow none.
static WITH_FORM: LazyLock<HeaderValue> = LazyLock::new(|| value(&policy("")));
static WITHOUT_FORM: LazyLock<HeaderValue> = LazyLock::new(|| value(&policy("; form-action 'none'")));

/// Headers that are the same on every page.
///
/// Not among them: `Cross-Origin-Opener-Policy`. Web clients open the login in a popup and wait for it to close or to
/// speak; any value but `unsafe-none` cuts that tie, also for the pages that follow ours (bluesky-social/atproto issue
/// 3638, Significant-Gravitas/AutoGPT pull 14141). An opener can read nothing of this page without it.
const FIXED: [(HeaderName, HeaderValue); 7] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    // O19: a page is for one browser and one moment.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // For browsers that do not know frame-ancestors (O20, RFC 9700 §4.16).
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // RFC 9700 §4.2.4. The consent page loosens this to `same-origin` for itself: see `SAME_ORIGIN`.
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=()"),
    ),
];

/// Fetch, "append a request Origin header": from a page with `no-referrer`, a browser sends `Origin: null` with a form,
/// even to the page's own server, which then cannot tell our page from a hostile one. With `same-origin` the form says
/// where it comes from (O20), and other servers still learn nothing.
pub(super) const SAME_ORIGIN: &str = r#"<meta name="referrer" content="same-origin">"#;

pub(super) fn for_page(forms: Forms) -> HeaderMap {
    let mut headers: HeaderMap = FIXED.into_iter().collect();
    let policy = match forms {
        Forms::Ours => &WITH_FORM,
        Forms::Never => &WITHOUT_FORM,
    };
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::clone(policy));
    headers
}

/// The style is named by its hash, so that one which somebody smuggled in does not apply either.
fn policy(more: &str) -> String {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'{more}")
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("a policy is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(forms: Forms, name: &str) -> String {
        let headers = for_page(forms);
        let value = headers.get(name).map(|value| value.to_str().expect("it is ASCII").to_owned());
        value.unwrap_or_default()
    }

    #[test]
    fn o20_no_page_is_framed_cached_sniffed_or_named_to_others() {
        for forms in [Forms::Ours, Forms::Never] {
            let policy = header(forms, "content-security-policy");
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header(forms, "x-frame-options"), "DENY");
            assert_eq!(header(forms, "referrer-policy"), "no-referrer");
            assert_eq!(header(forms, "x-content-type-options"), "nosniff");
            assert_eq!(header(forms, "cache-control"), "no-store");
            assert_eq!(header(forms, "content-type"), "text/html; charset=utf-8");
        }
    }

    #[test]
    fn the_form_may_end_wherever_the_login_ends_and_other_pages_send_none() {
        assert!(!header(Forms::Ours, "content-security-policy").contains("form-action"));
        assert!(header(Forms::Never, "content-security-policy").ends_with("; form-action 'none'"));
    }

    #[test]
    fn a_popup_keeps_its_tie_to_the_client_that_opened_it() {
        assert!(!for_page(Forms::Ours).contains_key("cross-origin-opener-policy"));
    }
}
