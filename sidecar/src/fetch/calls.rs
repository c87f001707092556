//! Calls to the provider that carry a secret: the token endpoint, and what answers to a token.
//!
//! Talks to the provider. The addresses are the policy's or of the provider's own discovery document, so no guard judges
//! them. Every status is handed on with its body (RFC 6749 §5.2: an error has one too); nothing is sent twice (X13: a code
//! or a refresh token that went out once may be spent). Meets P10, R21 (what is secret is marked so towards HTTP, too).

use std::time::Duration;

use bytes::Bytes;
use crds::Secret;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{FetchError, Fetcher, Limits, capped, failed};

const CALL: Limits = Limits { time: Duration::from_secs(10), body: 256 * 1024 };
const JSON_ALONE: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Fetcher {
    /// Posts a form, with the client's credentials in the header where they are not in the form.
    pub async fn post_form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<HeaderValue>,
    ) -> Result<(StatusCode, Bytes), FetchError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.0.post(url).header(CONTENT_TYPE, FORM).body(body);
        if let Some(mut authorization) = authorization {
            authorization.set_sensitive(true);
            request = request.header(AUTHORIZATION, authorization);
        }
        let (status, _, body) = call(request).await?;
        Ok((status, body))
    }

    /// Asks for what a token opens, such as the claims of its user.
    pub async fn get_bearer(
        &self,
        url: &str,
        token: &Secret<String>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), FetchError> {
        let bearer = format!("Bearer {}", token.expose());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| FetchError::Token)?;
        bearer.set_sensitive(true);
        call(self.0.get(url).header(AUTHORIZATION, bearer)).await
    }
}

async fn call(request: reqwest::RequestBuilder) -> Result<(StatusCode, HeaderMap, Bytes), FetchError> {
    let request = request.timeout(CALL.time).header(ACCEPT, JSON_ALONE);
    let mut answer = request.send().await.map_err(|error| failed(error, CALL.time))?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    Ok((status, headers, capped(answer, CALL).await?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Answers one request with these bytes, and gives what it was asked.
    fn provider(answer: Vec<u8>) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}/token", listener.local_addr().expect("bound"));
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
            let whole = |asked: &[u8]| {
                let text = String::from_utf8_lossy(asked);
                text.ends_with("\r\n\r\n") && !text.contains("content-length") || text.ends_with("last=1")
            };
            while !whole(&asked) {
                let read = stream.read(&mut buffer).expect("it asks whole requests");
                asked.extend_from_slice(&buffer[..read]);
            }
            // Whoever has read enough may hang up.
            let _ = stream.write_all(&answer);
            String::from_utf8_lossy(&asked).into_owned()
        });
        (url, asked)
    }

    fn answer(status: &str, header: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .into()
    }

    fn fetcher() -> Fetcher {
        Fetcher::new(None).expect("no bundle cannot be broken")
    }

    #[tokio::test]
    async fn a_form_goes_out_encoded_and_every_answer_comes_back_with_its_status() {
        for status in [200_u16, 400, 401, 500] {
            let (url, asked) = provider(answer(&format!("{status} Status"), "x: y", r#"{"a":1}"#));
            let form = [("grant_type", "authorization_code"), ("code", "a+b/c=&d e"), ("last", "1")];
            let basic = HeaderValue::from_static("Basic YTpi");
            let (found, body) = fetcher().post_form(&url, &form, Some(basic)).await.expect("an answer");
            assert_eq!((found.as_u16(), &body[..]), (status, &br#"{"a":1}"#[..]));
            let asked = asked.join().expect("asked once");
            assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
            assert!(
                asked.ends_with("grant_type=authorization_code&code=a%2Bb%2Fc%3D%26d+e&last=1"),
                "{asked}"
            );
            for header in
                ["authorization: Basic YTpi", "accept: application/json", "application/x-www-form-urlencoded"]
            {
                assert!(asked.contains(&format!("{header}\r\n")), "{asked}");
            }
            assert!(!asked.contains("accept-encoding") && !asked.contains("cookie"), "{asked}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_others_and_is_not_followed() {
        let (other, _never_asked) = provider(answer("200 OK", "x: y", "{}"));
        for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
            let (url, _asked) = provider(answer(status, &format!("location: {other}"), ""));
            let (found, body) = fetcher().post_form(&url, &[("last", "1")], None).await.expect("an answer");
            assert!(found.is_redirection() && body.is_empty(), "{status}");
        }
    }

    #[tokio::test]
    async fn a_token_goes_out_as_a_bearer_and_the_headers_come_back() {
        let (url, asked) = provider(answer("200 OK", "x-oauth-scopes: user", "{}"));
        let (status, headers, body) =
            fetcher().get_bearer(&url, &Secret::new("t0ken".into())).await.expect("an answer");
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"{}"[..]));
        assert_eq!(headers["x-oauth-scopes"], "user");
        assert!(asked.join().expect("asked").contains("authorization: Bearer t0ken\r\n"));
        let split = fetcher().get_bearer(&url, &Secret::new("a\r\nb: c".into())).await;
        assert!(matches!(split, Err(FetchError::Token)));
    }

    #[tokio::test]
    async fn an_answer_as_long_as_the_cap_is_taken_and_a_byte_more_is_not() {
        for (length, taken) in [(256 * 1024, true), (256 * 1024 + 1, false)] {
            let (url, _asked) = provider(answer("200 OK", "x: y", &"x".repeat(length)));
            let found = fetcher().post_form(&url, &[("last", "1")], None).await;
            match found {
                Ok((_, body)) => assert!(taken && body.len() == length),
                Err(error) => assert!(!taken && matches!(error, FetchError::TooLong(_)), "{error}"),
            }
        }
    }
}
