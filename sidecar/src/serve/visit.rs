//! A person has opened the address of the server in a browser, and reads in words what a program reads in the challenge.
//!
//! Pure. Browsers ask for pages, and MCP clients for anything but; whoever sends a credential is a program. Meets R4, R5: status and
//! header are those of every other refusal.

use http::header::{ACCEPT, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, Response};
use http_body_util::Full;

use crate::bearer::Refusal;
use crate::live::Engine;
use crate::reply::{Body, Rejection};
use crate::telemetry::Outcome;

pub(super) fn is_one(engine: &Engine, head: &Parts) -> bool {
    let wants = |name: &str| {
        let values = head.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = values.flat_map(|value| value.split(','));
        ranges
            .any(|range| range.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(name)))
    };
    let endpoint = match engine.policy().resource.path() {
        "" => "/",
        path => path,
    };
    head.method == Method::GET
        && head.uri.path() == endpoint
        && wants("text/html")
        && !wants("text/event-stream")
        && !wants("application/json")
}

pub(super) fn answer(engine: &Engine) -> (Response<Body>, Outcome) {
    let outcome = Outcome::Rejected { code: Rejection::Refused(Refusal::NoCredential).code() };
    let mut response = engine.connect.clone().into_response().map(|body| Body::Whole(Full::new(body)));
    response.headers_mut().insert(WWW_AUTHENTICATE, engine.challenge.bare());
    (response, outcome)
}
