//! The people whom a provider knows, and how each vendor names them in its tokens.
//!
//! Pure.

use sha2::{Digest, Sha256};

use super::quirks::Vendor;

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// What this person types to log in.
    pub(crate) name: String,
    pub(crate) email: Email,
    pub(crate) groups: Vec<String>,
    /// The domain of the organization, if any.
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Email {
    Verified,
    Unverified,
    /// Verified, and not shown on the profile: GitHub's default.
    Private,
}

/// Who is at the browser, for a provider that has no session with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// A form asks for a name.
    IsAsked,
    /// Has a session and has agreed before: nothing is asked.
    Is(Person),
    /// Says no.
    Declines,
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            email: Email::Verified,
            groups: vec!["engineering".to_owned()],
            organization: Some("example.com".to_owned()),
        }
    }

    pub(crate) fn with_email(mut self, email: Email) -> Self {
        self.email = email;
        self
    }

    /// In so many groups.
    pub(crate) fn in_groups(mut self, count: usize) -> Self {
        self.groups = (0..count).map(|at| uuid(&format!("group {at}"))).collect();
        self
    }

    pub(crate) fn without_organization(mut self) -> Self {
        self.organization = None;
        self
    }

    pub(crate) fn address(&self) -> String {
        format!("{}@example.com", self.name)
    }

    /// The `sub` that this vendor gives this person in tokens for `client`.
    pub(crate) fn subject(&self, vendor: Vendor, client: &str) -> String {
        match vendor {
            Vendor::Plain => self.name.clone(),
            // learn.microsoft.com/entra/identity-platform/id-token-claims-reference, `sub`: pairwise, per application.
            Vendor::Entra => crate::world::tokens::encode(&digest(&format!("{client} {}", self.name))),
            // developers.google.com/identity/openid-connect/reference, `sub`: at most 255 ASCII characters; digits, in fact.
            Vendor::Google => format!("1{:020}", self.number()),
            Vendor::GitHub => self.number().to_string(),
            Vendor::Cognito => uuid(&self.name),
            // auth0.com/docs/manage-users/user-accounts/identify-users: connection, bar, id.
            Vendor::Auth0 => format!("auth0|{:024x}", self.number()),
            Vendor::Okta => format!("00u{}", &crate::world::tokens::encode(&digest(&self.name))[..17]),
        }
    }

    /// Entra's `oid`: the same for every application of the tenant.
    pub(crate) fn object_id(&self) -> String {
        uuid(&format!("object {}", self.name))
    }

    pub(crate) fn number(&self) -> u32 {
        let bytes = digest(&self.name);
        u32::from_be_bytes([bytes[0] & 0x7f, bytes[1], bytes[2], bytes[3]])
    }
}

fn uuid(of: &str) -> String {
    let text = harness::lab::hex(&digest(of)[..16]);
    format!("{}-{}-4{}-a{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
}

fn digest(of: &str) -> [u8; 32] {
    Sha256::digest(of).into()
}
