//! Every way in which a caller is refused, each with a word for machines and a sentence for people.
//!
//! Pure. The sentences are constants: nothing of a token is ever reflected (P20, R21). Meets R4, R5, R14, R16, D13.

use crds::names::Scope;

use crate::jose::HeaderError;
use crate::jose::compact::CompactError;

/// Why a request does not reach the MCP server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 401 without an error code (RFC 6750 §3.1: no credentials, no code).
    #[error("no access token was sent")]
    NoCredential,
    /// 400.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// 401 `invalid_token`.
    #[error("{0}")]
    InvalidToken(#[from] Why),
    /// 403 `insufficient_scope`.
    #[error("the access token lacks a scope that this server requires")]
    InsufficientScope { missing: Vec<Scope> },
    /// 503: the token may be good, but we cannot tell.
    #[error("the keys of the identity provider are not available at the moment")]
    KeysUnavailable,
}

/// A request that does not say clearly with what it authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the request has more than one Authorization header or credential")]
    TwoCredentials,
    #[error("the request has an access token in its query beside the Authorization header")]
    TokenInQuery,
    #[error("the Authorization header is not 'Bearer', one space and one token")]
    Header,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("the access token is too long")]
    TooLong,
    #[error("the access token is not a signed JWT in compact form")]
    NotCompact,
    #[error("the header of the access token cannot be read")]
    Header,
    #[error("the header of the access token has a member that is not accepted")]
    HeaderMember,
    #[error("the token is not of the type of an access token")]
    Type,
    #[error("the access token is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("the access token is signed with a key that is not known")]
    UnknownKey,
    #[error("the signature of the access token is not valid")]
    Signature,
    #[error("the claims of the access token cannot be read")]
    Payload,
    #[error("the access token is from another issuer")]
    Issuer,
    #[error("the access token is not for this server")]
    Audience,
    #[error("the access token has expired")]
    Expired,
    #[error("the login that the access token came from was ended")]
    Revoked,
    #[error("the access token is not valid yet")]
    NotYetValid,
    #[error("a time in the access token is missing or not a whole number")]
    Time,
    #[error("the subject of the access token is missing or not usable")]
    Subject,
    #[error("the token is of a kind that is not an access token")]
    Kind,
    #[error("the access token lacks a claim that this server requires")]
    Required,
    #[error("the scopes of the access token cannot be read")]
    Scopes,
}

impl Refusal {
    /// One stable word, for logs, metrics and our JSON. Never of a caller's making.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::Malformed(malformed) => malformed.code(),
            Self::InvalidToken(why) => why.code(),
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }

    /// What a person reads.
    pub fn sentence(&self) -> String {
        self.to_string()
    }
}

impl Malformed {
    pub fn code(self) -> &'static str {
        match self {
            Self::TwoCredentials => "two_credentials",
            Self::TokenInQuery => "token_in_query",
            Self::Header => "authorization_malformed",
        }
    }
}

impl Why {
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::NotCompact => "token_not_compact",
            Self::Header => "token_header",
            Self::HeaderMember => "token_header_member",
            Self::Type => "token_type",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_key",
            Self::Signature => "token_signature",
            Self::Payload => "token_payload",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Time => "token_time",
            Self::Subject => "token_subject",
            Self::Kind => "token_kind",
            Self::Required => "token_claim",
            Self::Scopes => "token_scopes",
        }
    }
}

impl From<CompactError> for Why {
    fn from(error: CompactError) -> Self {
        match error {
            CompactError::TooLong => Self::TooLong,
            CompactError::NotThreeParts => Self::NotCompact,
        }
    }
}

impl From<HeaderError> for Why {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::TooLong | HeaderError::Encoding | HeaderError::Json | HeaderError::Kid => {
                Self::Header
            }
            HeaderError::Member => Self::HeaderMember,
            HeaderError::Algorithm => Self::Algorithm,
            HeaderError::Typ => Self::Type,
        }
    }
}
