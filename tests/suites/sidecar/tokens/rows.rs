//! The rows of the token table, as data. A row is a token that is accepted, one difference, and the verdict on the result.
//!
//! Pure.

mod claims;
mod form;

use crate::world::tokens::Change;

/// Every row: what a token looks like, and what it says.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    form::ROWS.iter().chain(claims::ROWS)
}

/// Which policy judges, and whose token it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    Oidc,
    Hmac,
    /// The audience stands in `client_id`, and `token_use` must be `access`.
    Cognito,
    /// `typ` of the claims must be `Bearer`.
    Keycloak,
    /// The scopes `mcp` and `tools` are required.
    Scoped,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) base: Base,
    /// What makes the base token into the accepted twin.
    pub(crate) twin: &'static [Change],
    /// The one difference to the twin.
    pub(crate) change: &'static [Change],
    pub(crate) verdict: &'static str,
}

const fn oidc(name: &'static str, change: &'static [Change], verdict: &'static str) -> Row {
    Row { name, base: Base::Oidc, twin: &[], change, verdict }
}

const fn hmac(name: &'static str, change: &'static [Change], verdict: &'static str) -> Row {
    Row { name, base: Base::Hmac, twin: &[], change, verdict }
}

const fn beside(
    name: &'static str,
    twin: &'static [Change],
    change: &'static [Change],
    verdict: &'static str,
) -> Row {
    Row { name, base: Base::Oidc, twin, change, verdict }
}

const fn with(
    base: Base,
    name: &'static str,
    twin: &'static [Change],
    change: &'static [Change],
    verdict: &'static str,
) -> Row {
    Row { name, base, twin, change, verdict }
}

const OK: &str = "accepted";
