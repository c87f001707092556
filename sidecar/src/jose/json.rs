//! JSON with one reading only: no duplicate member anywhere, bounded depth, nothing after the value.
//!
//! Pure. Two parsers that pick different ones of two members decide on different tokens (J08, threats §0.5); RFC 7515 §4
//! and RFC 7519 §4 let a parser refuse them, and this one does. Meets J08, J10.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// A value that was read strictly.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    /// A number without a fraction, in the range where every whole number has exactly one spelling.
    Whole(i64),
    /// Any other number. Nothing of ours means one.
    Fractional(f64),
    Text(String),
    List(Vec<Json>),
    Object(Object),
}

/// The members of an object.
pub type Object = BTreeMap<String, Json>;

/// Why a text is not JSON to us.
#[derive(Debug, thiserror::Error)]
#[error("not JSON, or with duplicate members, or nested deeper than {DEEPEST}")]
pub struct JsonError(#[source] serde_json::Error);

const DEEPEST: usize = 16;
/// 2^53: above it, a float cannot tell one whole number from the next.
const LARGEST: i64 = 1 << 53;

impl Json {
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = Strict { left: DEEPEST }.deserialize(&mut reader).map_err(JsonError)?;
        reader.end().map_err(JsonError)?;
        Ok(value)
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Every member of a list of texts, or the text itself. Nothing if it is neither, also if one member is no text.
    pub fn as_texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Text(text) => Some(vec![text]),
            Self::List(list) => list.iter().map(Self::as_text).collect(),
            _ => None,
        }
    }

    pub fn into_object(self) -> Option<Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// Reads one value that may nest `left` levels deep.
#[derive(Clone, Copy)]
struct Strict {
    left: usize,
}

impl Strict {
    fn below<E: Error>(self) -> Result<Self, E> {
        self.left.checked_sub(1).map(|left| Self { left }).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(if (-LARGEST..=LARGEST).contains(&value) {
            Json::Whole(value)
        } else {
            Json::Fractional(f64::NAN)
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "exact below 2^53, which is checked"
    )]
    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        let whole = value.fract() == 0.0 && value.abs() <= LARGEST as f64;
        Ok(if whole { Json::Whole(value as i64) } else { Json::Fractional(value) })
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(member) = members.next_element_seed(below)? {
            list.push(member);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut object = Object::new();
        // Names are compared after their escapes are read: `"\u0061ud"` is `aud`.
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(below)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn plain_json_is_read() {
        let json = Json::parse(br#" {"a": [1, "x", null, true], "b": {"a": 2}} "#).expect("plain");
        let object = json.into_object().expect("an object");
        assert_eq!(
            object["a"],
            Json::List(vec![Json::Whole(1), Json::Text("x".into()), Json::Null, Json::Bool(true)])
        );
    }

    #[test]
    fn a_duplicate_member_is_refused_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"aud":1,"\u0061ud":2}"#,
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Json::parse(br#"{"a":1,"A":1}"#).is_ok());
    }

    #[test]
    fn sixteen_levels_are_read_and_seventeen_are_not() {
        assert!(Json::parse(nested(16).as_bytes()).is_ok());
        assert!(Json::parse(nested(17).as_bytes()).is_err());
        assert!(Json::parse(nested(10_000).as_bytes()).is_err());
    }

    #[test]
    fn whole_numbers_are_exact_and_others_are_told_apart() {
        for (text, value) in [("1", 1), ("1.0", 1), ("1e3", 1000), ("-2", -2), ("9007199254740992", LARGEST)]
        {
            assert_eq!(Json::parse(text.as_bytes()).expect("a number"), Json::Whole(value), "{text}");
        }
        for text in ["1.5", "9007199254740993", "1e20", "18446744073709551615", "-9007199254740993"] {
            assert!(matches!(Json::parse(text.as_bytes()), Ok(Json::Fractional(_))), "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{}x",
            "{} {}",
            "\u{feff}{}",
            "{'a':1}",
            "1e400",
            "NaN",
            r#""\ud800""#,
            "[1,]",
            "\"\n\"",
        ] {
            assert!(Json::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
    }
}
