//! What the provider's token endpoint answers, read with every quirk that is known.
//!
//! Pure. GitHub answers errors with status 200; others with HTML, or with nothing. Only the error's code is kept, as one word: what
//! else stands there may hold anything (O26).

use bytes::Bytes;
use http::StatusCode;

use crate::jose::Json;
use crate::jose::json::Object;

/// The parts of an answer that we use.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "they are those of RFC 6749 §5.1")]
pub(super) struct Tokens {
    /// Asked for by nobody but GitHub's way: there it opens who the user is.
    pub(super) access_token: Option<String>,
    pub(super) id_token: Option<String>,
    pub(super) refresh_token: Option<String>,
}

/// Why there are no tokens.
#[derive(Debug)]
pub(super) enum Refused {
    /// An error code of RFC 6749 §5.2, or of the provider's own.
    Error(String),
    Unreachable(String),
}

/// What we keep of a provider's travels in our own tokens: a longer one does not fit where ours must go.
const LONGEST: usize = 4 * 1024;

pub(super) fn read(status: StatusCode, body: &Bytes) -> Result<Tokens, Refused> {
    let answer = Json::parse(body).ok().and_then(Json::into_object);
    let Some(answer) = answer else {
        return Err(Refused::Unreachable(format!("status {} without a JSON object", status.as_u16())));
    };
    if let Some(error) = answer.get("error").and_then(Json::as_text) {
        // RFC 6585 §4: 429 is no word about what was asked, whatever stands beside it.
        return Err(if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Refused::Unreachable(format!("status {} {}", status.as_u16(), word(error)))
        } else {
            Refused::Error(word(error))
        });
    }
    if status != StatusCode::OK {
        return Err(Refused::Unreachable(format!("status {}", status.as_u16())));
    }
    let kept = |name: &str| text(&answer, name).filter(|token| token.len() <= LONGEST);
    let (access_token, refresh_token) = (kept("access_token"), kept("refresh_token"));
    Ok(Tokens { access_token, id_token: text(&answer, "id_token"), refresh_token })
}

/// What is said to a token that is to be taken back (RFC 7009 §2.2: 200, also where it was none any more).
pub(super) fn revoked(status: StatusCode, body: &Bytes) -> Result<(), String> {
    if status.is_success() {
        return Ok(());
    }
    let answer = Json::parse(body).ok().and_then(Json::into_object).unwrap_or_default();
    let error = answer.get("error").and_then(Json::as_text).map(word).unwrap_or_default();
    Err(format!("status {} {error}", status.as_u16()).trim_end().to_owned())
}

/// An error code as one harmless word.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

fn text(answer: &Object, name: &str) -> Option<String> {
    answer.get(name).and_then(Json::as_text).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<Tokens, String> {
        let status = StatusCode::from_u16(status).expect("a status");
        read(status, &Bytes::copy_from_slice(body.as_bytes())).map_err(|refused| match refused {
            Refused::Error(code) => format!("error {code}"),
            Refused::Unreachable(why) => format!("unreachable {why}"),
        })
    }

    #[test]
    fn tokens_are_read_and_an_error_is_one_whatever_the_status() {
        let tokens =
            of(200, r#"{"id_token":"a.b.c","refresh_token":"r","access_token":"x"}"#).expect("tokens");
        assert_eq!((tokens.id_token.as_deref(), tokens.refresh_token.as_deref()), (Some("a.b.c"), Some("r")));
        assert_eq!(
            of(200, r#"{"error":"bad_verification_code"}"#).expect_err("GitHub"),
            "error bad_verification_code"
        );
        assert_eq!(of(400, r#"{"error":"invalid_grant"}"#).expect_err("RFC 6749"), "error invalid_grant");
    }

    #[test]
    fn what_is_no_answer_is_no_verdict_on_the_user() {
        for (status, body) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (429, r#"{"error":"invalid_grant"}"#),
            (502, "<html>"),
            (200, "<html>"),
            (403, "{}"),
            (200, "[]"),
        ] {
            assert!(of(status, body).expect_err("no tokens").starts_with("unreachable"), "{status} {body}");
        }
    }

    #[test]
    fn o30_a_token_was_taken_back_where_the_status_says_so() {
        let of = |status: u16, body: &'static str| {
            revoked(StatusCode::from_u16(status).expect("a status"), &Bytes::from_static(body.as_bytes()))
        };
        for status in [200, 204] {
            assert_eq!(of(status, ""), Ok(()));
        }
        assert_eq!(of(302, ""), Err("status 302".into()));
        assert_eq!(of(503, "<html>"), Err("status 503".into()));
        let said = r#"{"error":"invalid_client<b>","error_description":"s3cret"}"#;
        assert_eq!(of(401, said), Err("status 401 invalid_clientb".into()));
    }

    #[test]
    fn o26_of_an_error_only_one_harmless_word_is_kept() {
        let said =
            of(400, r#"{"error":"<script>\n s3cret=1","error_description":"x"}"#).expect_err("an error");
        assert_eq!(said, "error scripts3cret1");
    }
}
