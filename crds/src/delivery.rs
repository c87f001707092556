//! `Delivery`: the one document that travels from the operator to the sidecar, as `policy.yaml` in the rendered Secret.
//!
//! Pure. It carries a policy to enforce or the reason why there is none: a named Secret that went away must close a
//! running sidecar, which a missing file cannot tell apart from a broken one. Meets promise 1, K14, W6, N15.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::policy::Policy;

/// The file's name in the rendered Secret and in `--policy-dir`.
pub const FILE: &str = "policy.yaml";
/// A longer document is not read: a Secret cannot hold more than 1 MiB.
pub const LONGEST: usize = 1024 * 1024;

/// What the operator says to the sidecars of one policy.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct Delivery {
    /// `namespace/name` of the policy, for people.
    pub policy: String,
    /// Tells one content from another.
    pub revision: String,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Enforce(Box<Policy>),
    Closed(Closed),
}

/// Why nothing is let through.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// One word, as in a condition: `SecretNotFound`.
    pub reason: String,
    /// A sentence that says what to do.
    pub message: String,
}

/// Why a document is no delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    #[error("policy document is longer than {LONGEST} bytes")]
    TooLong,
    #[error("policy document is broken")]
    Broken(#[source] serde_yaml::Error),
}

impl Delivery {
    /// The revision is a digest of the content, so that equal content is the same revision on every replica.
    pub fn new(policy: impl Into<String>, state: State) -> Self {
        let unnamed = Self { policy: policy.into(), revision: String::new(), state };
        Self { revision: digest(&unnamed.to_yaml()), ..unnamed }
    }

    pub fn parse(text: &str) -> Result<Self, DeliveryError> {
        if text.len() > LONGEST {
            return Err(DeliveryError::TooLong);
        }
        serde_yaml::from_str(text).map_err(DeliveryError::Broken)
    }

    pub fn to_yaml(&self) -> String {
        serde_yaml::to_string(self).expect("strings, numbers and maps with text keys are YAML")
    }
}

/// A short name for a content: the same on every replica, and another one for another content.
pub fn digest(content: &str) -> String {
    let mut name = String::with_capacity(12);
    for byte in &Sha256::digest(content)[..6] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The document as it is written. Exactly one of the two is there.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    policy: String,
    revision: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enforce: Option<Box<Policy>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<Closed>,
}

#[derive(Debug, thiserror::Error)]
#[error("must have exactly one of 'enforce' and 'closed'")]
struct NotOne;

impl TryFrom<Document> for Delivery {
    type Error = NotOne;

    fn try_from(document: Document) -> Result<Self, NotOne> {
        let Document { policy, revision, enforce, closed } = document;
        let state = match (enforce, closed) {
            (Some(enforced), None) => State::Enforce(enforced),
            (None, Some(closed)) => State::Closed(closed),
            _ => return Err(NotOne),
        };
        Ok(Self { policy, revision, state })
    }
}

impl From<Delivery> for Document {
    fn from(delivery: Delivery) -> Self {
        let Delivery { policy, revision, state } = delivery;
        let (enforce, closed) = match state {
            State::Enforce(enforced) => (Some(enforced), None),
            State::Closed(closed) => (None, Some(closed)),
        };
        Self { policy, revision, enforce, closed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> Closed {
        Closed { reason: "SecretNotFound".into(), message: "create it".into() }
    }

    #[test]
    fn a_closed_delivery_survives_the_trip() {
        let delivery = Delivery::new("data/trino", State::Closed(closed()));
        assert_eq!(Delivery::parse(&delivery.to_yaml()).expect("reads back"), delivery);
        assert_eq!(delivery.revision.len(), 12);
    }

    #[test]
    fn equal_content_is_the_same_revision_and_other_content_another() {
        let one = Delivery::new("data/trino", State::Closed(closed()));
        let other = Closed { message: "create it now".into(), ..closed() };
        assert_eq!(one.revision, Delivery::new("data/trino", State::Closed(closed())).revision);
        assert_ne!(one.revision, Delivery::new("data/trino", State::Closed(other)).revision);
    }

    #[test]
    fn a_document_with_both_or_neither_is_refused() {
        let good = Delivery::new("a/b", State::Closed(closed())).to_yaml();
        assert!(Delivery::parse(&good).is_ok());
        assert!(Delivery::parse("policy: a/b\nrevision: x\n").is_err());
        assert!(Delivery::parse(&format!("{good}enforce: {{}}\n")).is_err());
    }

    #[test]
    fn a_document_that_no_secret_could_hold_is_not_read() {
        assert!(matches!(Delivery::parse(&" ".repeat(LONGEST + 1)), Err(DeliveryError::TooLong)));
    }
}
