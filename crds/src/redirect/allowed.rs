//! `Redirects`: what `proxy.redirectURIs` of a policy means. One entry is our own callback at the provider, and clients come
//! back to this machine or to a client that is known; several are a list of where clients come back to, and nothing else, but for
//! a callback of ours among them, which says where we stand (`proxy::placed`).
//!
//! Pure. Meets A12 and O05 as proxy mode decided them ("Decided" 2 and 3): a private-use scheme only where a list or the
//! catalogue of known clients has that very URI (`cursor://anysphere.cursor-mcp/oauth/callback` is there).

use super::{Kind, RedirectUri};
use crate::rule::Broken;

/// Where clients of one policy may come back to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Vec<RedirectUri>", into = "Vec<RedirectUri>")]
pub enum Redirects {
    /// Our callback at the provider. Clients: loopback addresses, and the catalogue of known clients.
    Fixed(RedirectUri),
    /// Clients: exactly these. Loopback only where it is listed, and then with any port (D9).
    AllowList(Vec<RedirectUri>),
    /// The same, and our callback, which stood among them: it is ours alone, and no client's.
    Placed { own: RedirectUri, listed: Vec<RedirectUri> },
}

/// As many as the custom resource takes.
const MOST: usize = 32;

impl Redirects {
    pub fn new(mut uris: Vec<RedirectUri>) -> Result<Self, Broken> {
        if uris.len() > MOST {
            return Err(Broken(format!("must be at most {MOST} URIs")));
        }
        // Two of the same would be a list by their number, and one callback by what they say.
        if let Some(twice) = uris.iter().enumerate().find(|(at, uri)| uris[..*at].contains(uri)) {
            return Err(Broken(format!("must not name \"{}\" twice", twice.1)));
        }
        match (uris.pop(), uris.is_empty()) {
            (None, _) => Err(Broken("must name at least one URI".into())),
            (Some(one), true) if one.kind() == Kind::PrivateUse => Err(Broken(format!(
                "must be our own callback where it is one URI, not \"{one}\": a list of clients' URIs has several"
            ))),
            (Some(one), true) => Ok(Self::Fixed(one)),
            (Some(last), false) => {
                uris.push(last);
                Ok(Self::AllowList(uris))
            }
        }
    }

    /// Reads the value of `OAUTH_REDIRECT_URIS`: URIs with commas or white space between them.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        let entries =
            text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|entry| !entry.is_empty());
        let uris = entries.map(|entry| {
            RedirectUri::parse(entry).map_err(|Broken(why)| Broken(format!("has {entry:?}, which {why}")))
        });
        Self::new(uris.collect::<Result<_, _>>()?)
    }

    /// Whether a client may register this URI. `is_known` says whether the catalogue of known clients has it; it is asked only
    /// where that counts.
    pub fn allows(&self, asked: &RedirectUri, is_known: impl FnOnce(&RedirectUri) -> bool) -> bool {
        match self {
            Self::Fixed(_) => asked.is_loopback() || is_known(asked),
            Self::AllowList(listed) | Self::Placed { listed, .. } => {
                listed.iter().any(|one| one.matches(asked.as_str()))
            }
        }
    }
}

impl TryFrom<Vec<RedirectUri>> for Redirects {
    type Error = Broken;

    fn try_from(uris: Vec<RedirectUri>) -> Result<Self, Broken> {
        Self::new(uris)
    }
}

impl From<Redirects> for Vec<RedirectUri> {
    fn from(redirects: Redirects) -> Self {
        match redirects {
            Redirects::Fixed(one) => vec![one],
            Redirects::AllowList(listed) => listed,
            Redirects::Placed { own, listed } => [vec![own], listed].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "https://mcp.example.com/oauth/callback";
    const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";

    fn uri(text: &str) -> RedirectUri {
        RedirectUri::parse(text).expect(text)
    }

    fn allows(redirects: &str, asked: &str) -> bool {
        let redirects = Redirects::parse(redirects).expect(redirects);
        redirects.allows(&uri(asked), |asked| asked.as_str() == CLAUDE)
    }

    #[test]
    fn o05_with_one_entry_clients_come_back_to_this_machine_and_to_known_clients() {
        for asked in ["http://localhost:8787/callback", "http://127.0.0.1/", "http://[::1]:1/x", CLAUDE] {
            assert!(allows(OURS, asked), "{asked}");
        }
        for asked in [
            "https://evil.example/cb",
            "https://claude.ai/api/mcp/auth_callback/",
            OURS,
            "cursor://x/callback",
        ] {
            assert!(!allows(OURS, asked), "{asked}");
        }
    }

    #[test]
    fn o05_with_several_entries_clients_come_back_to_exactly_those() {
        let list = "https://a.example/cb, https://b.example/cb cursor://x/callback";
        for asked in ["https://a.example/cb", "https://b.example/cb", "cursor://x/callback"] {
            assert!(allows(list, asked), "{asked}");
        }
        for asked in ["https://a.example/cb/", CLAUDE, "http://localhost/cb", "cursor://y/callback"] {
            assert!(!allows(list, asked), "{asked}");
        }
    }

    #[test]
    fn d9_a_listed_loopback_uri_has_any_port_and_no_other_is_let_in() {
        let list = "https://a.example/cb http://localhost/cb";
        assert!(allows(list, "http://localhost:49152/cb"));
        for asked in ["http://127.0.0.1:49152/cb", "http://localhost:49152/other"] {
            assert!(!allows(list, asked), "{asked}");
        }
    }

    #[test]
    fn entries_stand_between_commas_or_white_space() {
        for text in [
            "https://a.example/1,https://a.example/2",
            " https://a.example/1\n\thttps://a.example/2 ,",
            "\
             https://a.example/1 , https://a.example/2",
        ] {
            let expected = Redirects::AllowList(vec![uri("https://a.example/1"), uri("https://a.example/2")]);
            assert_eq!(Redirects::parse(text), Ok(expected), "{text:?}");
        }
        assert_eq!(Redirects::parse(OURS), Ok(Redirects::Fixed(uri(OURS))));
    }

    #[test]
    fn a_list_that_says_nothing_or_two_things_is_refused_with_the_entry() {
        let why = |text: &str| Redirects::parse(text).expect_err(text).to_string();
        assert_eq!(why(" , "), "must name at least one URI");
        assert_eq!(why(&format!("{OURS} {OURS}")), format!("must not name \"{OURS}\" twice"));
        assert!(why("https://a.example/1 javascript:x").starts_with("has \"javascript:x\", which must not "));
        assert!(why("cursor://x/callback").contains("our own callback"));
        let many = |count: usize| (0..count).map(|n| uri(&format!("https://a.example/{n}"))).collect();
        assert!(Redirects::new(many(MOST)).is_ok());
        assert!(Redirects::new(many(MOST + 1)).is_err());
    }

    #[test]
    fn a_policy_carries_them_as_a_list_through_the_same_door() {
        let list = format!("- {OURS}\n- {CLAUDE}\n");
        let redirects: Redirects = serde_yaml::from_str(&list).expect("a list");
        assert_eq!(serde_yaml::to_string(&redirects).expect("it is text"), list);
        assert!(serde_yaml::from_str::<Redirects>("[]").is_err());
        assert!(serde_yaml::from_str::<Redirects>("['http://a.example/cb']").is_err());
    }
}
