//! The parameters of a request, parsed once, from a query or a form.
//!
//! Pure. One that stands twice is two opinions and is refused (RFC 6749 §3.1, §3.2 MUST NOT; O23); an empty one counts as left
//! out (§3.1 MUST). A form is a POST of one media type, of at most 64 KiB, and no parameter of it stands in the query (O24).

use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

/// Parameters by name.
#[derive(Clone, Default)]
pub struct Form(BTreeMap<String, String>);

/// Why a request's parameters are not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("a parameter stands in the request more than once")]
    Twice,
    #[error("the parameters are not UTF-8 in percent-encoding")]
    Encoding,
    #[error("the request must be a POST with the media type application/x-www-form-urlencoded")]
    NotAForm,
    #[error("the parameters of this request belong into its body, not into its URL")]
    InQuery,
}

impl Form {
    /// What stands behind the question mark.
    pub fn of_query(query: Option<&str>) -> Result<Self, FormError> {
        Self::parse(query.unwrap_or_default().as_bytes())
    }

    /// The body of a request that must be a form.
    pub fn of_body(
        method: &Method,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, FormError> {
        if *method != Method::POST || !is_form(headers) {
            return Err(FormError::NotAForm);
        }
        // RFC 6749 §2.3.1 MUST NOT be included in the request URI.
        if query.is_some_and(|query| !query.is_empty()) {
            return Err(FormError::InQuery);
        }
        Self::parse(body)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn parse(text: &[u8]) -> Result<Self, FormError> {
        let mut found = BTreeMap::new();
        for part in text.split(|byte| *byte == b'&').filter(|part| !part.is_empty()) {
            let (name, value) = match part.iter().position(|byte| *byte == b'=') {
                Some(at) => (&part[..at], &part[at + 1..]),
                None => (part, &[][..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if found.insert(name, value).is_some() {
                return Err(FormError::Twice);
            }
        }
        found.retain(|_, value| !value.is_empty());
        Ok(Self(found))
    }
}

/// Prints the names alone: values are codes, tokens and secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Strict, unlike the URL Standard's: a `%` that is no escape, and bytes that are no UTF-8, could be read in two ways.
fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push(high * 16 + low);
            }
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| FormError::Encoding)
}

fn digit(byte: Option<&u8>) -> Result<u8, FormError> {
    let digit =
        byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
    digit.ok_or(FormError::Encoding)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn query(text: &str) -> Result<Form, FormError> {
        Form::of_query(Some(text))
    }

    #[test]
    fn parameters_are_decoded_once() {
        let form = query("a=1&b=x%20y+z&c=%252e&d=%C3%BC&e=a=b").expect("plain");
        let values = ["a", "b", "c", "d", "e"].map(|name| form.get(name).unwrap_or_default().to_owned());
        assert_eq!(values, ["1", "x y z", "%2e", "ü", "a=b"]);
        assert_eq!(Form::of_query(None).expect("nothing").get("a"), None);
    }

    #[test]
    fn o23_a_parameter_that_stands_twice_is_refused_in_any_spelling() {
        for text in ["a=1&a=1", "a=1&a=2", "a=1&%61=2", "a=&a=1", "a&a", "a=1&b=2&a"] {
            assert_eq!(query(text).err(), Some(FormError::Twice), "{text}");
        }
        assert!(query("a=1&A=1&aa=1").is_ok());
    }

    #[test]
    fn an_empty_parameter_counts_as_left_out() {
        assert_eq!(query("a=&b=1").expect("plain").get("a"), None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%c3", "%=1"] {
            assert_eq!(query(text).err(), Some(FormError::Encoding), "{text}");
        }
        assert!(query("a=%25").is_ok());
    }

    #[test]
    fn o24_a_form_is_a_post_of_its_type_with_nothing_in_the_query() {
        let typed =
            |value: &'static str| HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
        let good = typed("application/x-www-form-urlencoded; charset=UTF-8");
        let of = |method: &Method, headers: &HeaderMap, query: Option<&str>| {
            Form::of_body(method, headers, query, b"a=1").map(|form| form.get("a").map(str::to_owned))
        };
        assert_eq!(of(&Method::POST, &good, None), Ok(Some("1".into())));
        assert_eq!(of(&Method::GET, &good, None), Err(FormError::NotAForm));
        for other in ["application/json", "text/plain", "multipart/form-data", ""] {
            assert_eq!(of(&Method::POST, &typed(other), None), Err(FormError::NotAForm), "{other}");
        }
        assert_eq!(of(&Method::POST, &HeaderMap::new(), None), Err(FormError::NotAForm));
        assert_eq!(of(&Method::POST, &good, Some("client_secret=x")), Err(FormError::InQuery));
        let mut two = good.clone();
        two.append(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        assert_eq!(of(&Method::POST, &two, None), Err(FormError::NotAForm));
    }

    #[test]
    fn values_do_not_print_themselves() {
        assert_eq!(format!("{:?}", query("code=s3cret").expect("plain")), "{\"code\"}");
    }
}
