//! In what providers differ, as a client of theirs meets it: one field per difference, each with a word for every way, so
//! that a test can change one thing and keep the rest. The vendors' own mixtures stand in `vendors`, with their sources.
//!
//! Pure.

/// One provider's ways.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quirks {
    pub(crate) vendor: Vendor,
    /// What stands behind the issuer's host: a path, or a lone slash.
    pub(crate) issuer_path: &'static str,
    pub(crate) hosts: Hosts,
    pub(crate) paths: Paths,
    pub(crate) discovery: Discovery,
    pub(crate) response_iss: ResponseIss,
    pub(crate) extra_answers: &'static [(&'static str, &'static str)],
    pub(crate) resource: Resource,
    pub(crate) scopes: Scopes,
    pub(crate) state: State,
    pub(crate) foreign_redirect: ForeignRedirect,
    pub(crate) authentication: Authentication,
    pub(crate) pkce: Pkce,
    pub(crate) refresh: Refresh,
    pub(crate) rotation: Rotation,
    pub(crate) revocation: Revocation,
    pub(crate) failures: Failures,
    pub(crate) access_token: AccessToken,
    pub(crate) granted: Granted,
}

/// Whose claims and whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Plain,
    Entra,
    Google,
    GitHub,
    Cognito,
    Auth0,
    Okta,
}

/// Whether everything is on the issuer's host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    One,
    /// Discovery and keys are on the issuer's host, all that works is on another.
    Two,
}

/// Where the endpoints are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paths {
    pub(crate) authorize: &'static str,
    pub(crate) token: &'static str,
    pub(crate) revoke: &'static str,
    pub(crate) user: &'static str,
    pub(crate) keys: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discovery {
    Absent,
    WithoutPkce,
    WithPkce,
}

/// The `iss` of RFC 9207 in authorization responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseIss {
    Absent,
    Advertised,
}

/// What becomes of RFC 8707's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    Ignored,
    Refused,
}

/// What becomes of a scope that is not among `known`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scopes {
    pub(crate) known: &'static [&'static str],
    pub(crate) unknown: UnknownScope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownScope {
    Ignored,
    /// The client is told, with this error and description.
    Redirected(&'static str, &'static str),
    /// The person is told, and the client hears nothing.
    Page(&'static str),
}

/// What a client may put into `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Anything,
    /// It must be there, of letters, digits and `,._-` alone.
    Plain,
}

/// What becomes of a redirect URI that is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForeignRedirect {
    Page(u16),
    /// The error goes to the URI that is registered.
    ToTheRegisteredOne,
}

/// How a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authentication {
    Either,
    Post,
    Basic,
}

/// A challenge that was sent is always verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pkce {
    Optional,
    Required,
}

/// When there is a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    Never,
    Always,
    /// With `offline_access` among the scopes.
    OfflineScope,
    /// With `access_type=offline` and `prompt=consent`.
    OfflineAccessType,
}

/// What becomes of a refresh token that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// It stays, and there is no other.
    Off,
    /// There is a new one, and the old one still works.
    Lenient,
    /// There is a new one; the old one, used again, ends all of them.
    Strict,
}

/// What ends with a refresh token that is taken back (RFC 7009 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// There is no place for that.
    Absent,
    /// Its login.
    Login,
    /// All that its user granted to the client.
    Everything,
}

/// How the token endpoint says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failures {
    /// As RFC 6749 §5.2 says: 400, and 401 for a client that is not who it says.
    Standard,
    /// 400 whatever it is.
    BadRequest,
    /// 403 for a grant that is not good.
    Forbidden,
    /// 200, with words of its own, and form-encoded unless JSON is asked for.
    Success,
}

/// What an access token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessToken {
    /// A text with this prefix.
    Opaque(&'static str),
    Jwt,
    /// A JWT where the authorization request named an `audience`, and opaque otherwise.
    JwtForAudience,
}

/// How the scopes that were granted are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granted {
    AsAsked,
    /// `email` and `profile` as addresses.
    AsAddresses,
    WithCommas,
    /// Without the identifier of the API that they belong to, and without `offline_access`.
    WithoutPrefix,
}
