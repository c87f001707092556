//! How a provider may misbehave: by what it says (`Lie`) and by how it answers (`Fault`), each at a place of its own.
//!
//! Pure.

use std::time::Duration;

/// The endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Discovery,
    Keys,
    Authorize,
    Token,
    /// RFC 7009's.
    Revoke,
    /// The user info endpoint; GitHub's `/user`.
    User,
    /// GitHub's `/user/emails`.
    Emails,
}

/// How an endpoint answers, whatever was asked.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// As it should, so much later.
    Late(Duration),
    /// Not at all; the connection stays open.
    Silence,
    /// The connection is closed at once.
    Closed,
    /// This status and this JSON.
    Says(u16, &'static str),
    /// A page for people, with status 200.
    Html,
    /// JSON that goes on for so many bytes.
    Endless(usize),
    /// 307 to this address.
    Redirect(String),
}

/// What is not so, in the next answers until the provider is honest again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    // In the ID token.
    WrongAudience,
    /// Us among others, and an `azp` that is another.
    ManyAudiences,
    /// Us among others, and no `azp` (OpenID Connect Core §3.1.3.7, 4).
    ManyAudiencesWithoutAzp,
    WrongAzp,
    WrongIssuer,
    WrongNonce,
    NoNonce,
    NoSubject,
    /// The person changes between login and refresh (OpenID Connect Core §12.2).
    OtherSubject,
    Expired,
    FromTheFuture,
    NoExpiry,
    WrongAccessTokenHash,
    AlgorithmNone,
    /// HS256 with the client's secret, where RS256 was promised.
    ClientSecretAsKey,
    StrangersKey,
    /// The provider's other key, under the first one's id.
    SwappedKey,
    NoKeyId,
    UnknownKeyId,
    NoIdToken,
    // In the authorization response.
    NoResponseIss,
    WrongResponseIss,
    WrongState,
    NoState,
    ServerError,
    // Elsewhere.
    /// The discovery document is another issuer's.
    OtherIssuersDocument,
    /// The user info is of somebody else (OpenID Connect Core §5.3.2).
    SomebodyElsesUserInfo,
}
