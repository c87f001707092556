//! `ClaimRules`: which claims mean what, from what a provider is known to do and what was written over it.
//!
//! Pure. The one place where a preset and a policy's own words are put together: for the access tokens of a provider (native
//! mode), and for the ID tokens that say who logged in (proxy mode).

use std::collections::BTreeMap;

use crate::names::ClaimName;
use crate::provider::Provider;

/// Which claims mean what.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimRules {
    /// The first of these that a token has is its scopes.
    pub scope: Vec<ClaimName>,
    pub user: ClaimName,
    pub audience: ClaimName,
    /// Each of these claims must be there with one of its values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub require: BTreeMap<ClaimName, Vec<String>>,
}

/// What whoever wrote a policy says of claims; it wins over the preset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub scope: Option<ClaimName>,
    pub user: Option<ClaimName>,
    pub require: BTreeMap<ClaimName, Vec<String>>,
}

impl ClaimRules {
    /// Of access tokens that the provider issues. What it writes into those alone is required as well (J14).
    pub fn of_access_tokens(provider: Provider, written: Written) -> Self {
        let Written { scope, user, require } = written;
        let preset = provider.preset();
        let marks = preset.require.iter().map(|(claim, value)| (known(claim), vec![(*value).to_owned()]));
        Self {
            scope: scope.map_or_else(|| preset.scope.iter().copied().map(known).collect(), |own| vec![own]),
            user: user.unwrap_or_else(|| known(preset.user)),
            audience: known(preset.audience),
            require: marks.chain(require).collect(),
        }
    }

    /// Of the ID tokens by which the provider says who logged in. They have no scopes: those of our own tokens are ours to
    /// write, and what marks its access tokens says nothing of them.
    pub fn of_logins(provider: Provider, written: Written) -> Self {
        let Written { scope: _, user, require } = written;
        Self {
            scope: vec![known("scope")],
            user: user.unwrap_or_else(|| known(provider.login().user)),
            audience: known("aud"),
            require,
        }
    }
}

fn known(claim: &str) -> ClaimName {
    ClaimName::parse(claim).expect("presets name valid claims, which a test of theirs holds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Written {
        let hd = BTreeMap::from([(known("hd"), vec!["example.com".to_owned()])]);
        Written { scope: Some(known("permissions")), user: Some(known("sub")), require: hd }
    }

    #[test]
    fn what_was_written_wins_over_the_preset_and_is_required_beside_it() {
        let preset = ClaimRules::of_access_tokens(Provider::Keycloak, Written::default());
        let own = ClaimRules::of_access_tokens(Provider::Keycloak, written());
        assert_eq!((preset.scope.len(), preset.user.as_str()), (2, "preferred_username"));
        assert_eq!((own.scope, own.user.as_str()), (vec![known("permissions")], "sub"));
        assert_eq!(preset.require.into_keys().collect::<Vec<_>>(), [known("typ")]);
        assert_eq!(own.require.into_keys().collect::<Vec<_>>(), [known("hd"), known("typ")]);
    }

    #[test]
    fn an_id_token_is_not_asked_for_what_marks_an_access_token() {
        let preset = ClaimRules::of_logins(Provider::Cognito, Written::default());
        let own = ClaimRules::of_logins(Provider::Cognito, written());
        assert_eq!((preset.user.as_str(), preset.audience.as_str()), ("email", "aud"));
        assert!(preset.require.is_empty());
        assert_eq!((own.user.as_str(), own.require.len()), ("sub", 1));
    }
}
