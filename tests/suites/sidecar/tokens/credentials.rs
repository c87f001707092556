//! J22: how a token may be carried. One header, one scheme, one space; nothing else is a credential, and nothing beside it
//! is tolerated.
//!
//! In process, under a shared secret.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use sidecar::clock::UnixTime;

use crate::world::tokens::Draft;
use crate::world::{self, NOW, SECRET};

const OK: &str = "accepted";

/// Header lines with `@` for a valid token, the query, and the verdict.
type Form = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>, &'static str);

const FORMS: &[Form] = &[
    ("plain", &[("authorization", "Bearer @")], None, OK),
    ("lower case", &[("authorization", "bearer @")], None, OK),
    ("upper case", &[("authorization", "BEARER @")], None, OK),
    ("an unrelated query", &[("authorization", "Bearer @")], Some("cursor=1"), OK),
    (
        "a name in the query that only ends like it",
        &[("authorization", "Bearer @")],
        Some("my_access_token=1"),
        OK,
    ),
    ("a cookie beside it", &[("authorization", "Bearer @"), ("cookie", "access_token=x")], None, OK),
    ("nothing", &[], None, "no_credential"),
    ("empty", &[("authorization", "")], None, "authorization_malformed"),
    ("no value", &[("authorization", "Bearer")], None, "authorization_malformed"),
    ("one space and no value", &[("authorization", "Bearer ")], None, "authorization_malformed"),
    ("no scheme", &[("authorization", "@")], None, "no_credential"),
    ("no space", &[("authorization", "Bearer@")], None, "no_credential"),
    ("two spaces", &[("authorization", "Bearer  @")], None, "authorization_malformed"),
    ("a tab", &[("authorization", "Bearer\t@")], None, "authorization_malformed"),
    ("a space before", &[("authorization", " Bearer @")], None, "authorization_malformed"),
    ("a space behind", &[("authorization", "Bearer @ ")], None, "authorization_malformed"),
    ("a non-breaking space", &[("authorization", "Bearer\u{a0}@")], None, "authorization_malformed"),
    ("in quotes", &[("authorization", "Bearer \"@\"")], None, "authorization_malformed"),
    ("a parameter behind", &[("authorization", "Bearer @ x=y")], None, "authorization_malformed"),
    ("a colon", &[("authorization", "Bearer: @")], None, "authorization_malformed"),
    ("another scheme", &[("authorization", "Token @")], None, "no_credential"),
    ("Basic", &[("authorization", "Basic OkA=")], None, "no_credential"),
    (
        "two headers, both good",
        &[("authorization", "Bearer @"), ("authorization", "Bearer @")],
        None,
        "two_credentials",
    ),
    (
        "two headers, one Basic",
        &[("authorization", "Basic OkA="), ("authorization", "Bearer @")],
        None,
        "two_credentials",
    ),
    ("joined by a comma", &[("authorization", "Bearer @, Bearer @")], None, "two_credentials"),
    ("joined with Basic", &[("authorization", "Basic OkA=, Bearer @")], None, "two_credentials"),
    ("only in the query", &[], Some("access_token=@"), "no_credential"),
    ("in the query as well", &[("authorization", "Bearer @")], Some("access_token=@"), "token_in_query"),
    (
        "in the query as well, escaped",
        &[("authorization", "Bearer @")],
        Some("a=b&access%5ftoken=@"),
        "token_in_query",
    ),
    ("only in a cookie", &[("cookie", "access_token=@")], None, "no_credential"),
    ("only for a proxy", &[("proxy-authorization", "Bearer @")], None, "no_credential"),
    ("only in a look-alike", &[("x-authorization", "Bearer @")], None, "no_credential"),
    ("only in X-Forwarded-Access-Token", &[("x-forwarded-access-token", "@")], None, "no_credential"),
];

#[tokio::test]
async fn j22_a_token_is_taken_from_exactly_one_authorization_header() {
    let (clock, _) = world::clock();
    let (verifier, _) = world::verifier(&world::hmac_policy(&[SECRET]), &clock);
    let token = Draft::hmac().with(&[]);
    assert!(FORMS.len() >= 25);
    for (name, lines, query, verdict) in FORMS {
        let mut headers = HeaderMap::new();
        for (header, value) in *lines {
            let value =
                HeaderValue::from_bytes(value.replace('@', &token).as_bytes()).expect("a header value");
            headers.append(HeaderName::from_static(header), value);
        }
        let query = query.map(|query| query.replace('@', &token));
        let permit = verifier.permit(&headers, query.as_deref(), UnixTime(NOW)).await;
        let word = permit.map_or_else(|refusal| refusal.code(), |_| OK);
        assert_eq!(word, *verdict, "{name}");
    }
}

#[tokio::test]
async fn r21_no_part_of_a_token_stands_in_a_refusal_or_a_permit() {
    let (clock, _) = world::clock();
    let (verifier, _) = world::verifier(&world::hmac_policy(&[SECRET]), &clock);
    let token = Draft::hmac().with(&[]);
    for value in [format!("Bearer {token}"), format!("Bearer {token}x"), format!("Bearer {token} x")] {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().expect("a header value"));
        let shown = format!("{:?}", verifier.permit(&headers, None, UnixTime(NOW)).await);
        assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");
    }
}
