//! The policy document: read, and explained when it is broken; `describe` puts what it says into words for a person.
//!
//! Pure. What is wrong with a document is said without showing what is in it: a value at the wrong place may be a key
//! (P23). Meets promise 5.

mod describe;

use std::error::Error;

use crds::Delivery;

pub use describe::describe;

/// The document of this text, or what is wrong with it.
pub fn parse(text: &str) -> Result<Delivery, String> {
    Delivery::parse(text).map_err(|error| without_values(&with_causes(&error)))
}

fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}

/// serde shows the value that it did not expect: "invalid type: string \"…\", expected a sequence at line 5".
fn without_values(text: &str) -> String {
    let shown = ["invalid type: ", "invalid value: "].into_iter().find_map(|start| text.split_once(start));
    match shown.and_then(|(before, rest)| Some((before, rest.rsplit_once(", expected ")?.1))) {
        Some((before, expected)) => format!("{before}expected {expected}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(trust: &str) -> String {
        format!(
            "policy: a/b\nrevision: x\nenforce:\n  resource: https://h/mcp\n  maxBodyBytes: 1\n  trust: {trust}\n  \
             claims: {{scope: [scope], user: sub, audience: aud}}\n"
        )
    }

    #[test]
    fn a_broken_document_is_explained_without_its_values_and_a_good_one_is_read() {
        let key = "a1M5dlEybVg3cEw0d1Q4elIxeUI2bkgzY0o1Z0QwZkE=";
        let said = parse(&document(&format!("{{hmac: '{key}', audiences: [a]}}"))).expect_err("not a list");
        assert!(said.contains("trust.hmac: expected a sequence") && !said.contains(key), "{said}");
        assert!(parse(&document(&format!("{{hmac: ['{key}'], audiences: [a]}}"))).is_ok());
    }

    #[test]
    fn a_value_that_imitates_the_message_does_not_show_either() {
        let said =
            without_values("trust: invalid type: string \"s3cret, expected x\", expected a map at line 1");
        assert_eq!(said, "trust: expected a map at line 1");
    }
}
