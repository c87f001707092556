//! Who is measured. Pure.

/// A proxy in front of the same server, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    Direct,
    Haproxy,
    Bare,
    HaproxyJwt,
    Envoy,
    EnvoyUnseen,
    Seen,
    SeenQuiet,
    Unseen,
}

impl Contestant {
    /// In the order of the table, which is the order in which they take turns.
    pub const ALL: [Self; 9] = [
        Self::Direct,
        Self::Haproxy,
        Self::Bare,
        Self::HaproxyJwt,
        Self::Envoy,
        Self::EnvoyUnseen,
        Self::Seen,
        Self::SeenQuiet,
        Self::Unseen,
    ];

    /// For `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Haproxy => "haproxy",
            Self::Bare => "bare",
            Self::HaproxyJwt => "haproxy-jwt",
            Self::Envoy => "envoy",
            Self::EnvoyUnseen => "envoy-unseen",
            Self::Seen => "seen",
            Self::SeenQuiet => "seen-quiet",
            Self::Unseen => "unseen",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Direct => "direct, no proxy",
            Self::Haproxy => "HAProxy, passes everything",
            Self::Bare => "bare hyper proxy, passes everything",
            Self::HaproxyJwt => "HAProxy, `jwt_verify`",
            Self::Envoy => "Envoy, `jwt_authn`, token seen",
            Self::EnvoyUnseen => "Envoy, `jwt_authn`, tokens not seen",
            Self::Seen => "mcp-oauth, token seen",
            Self::SeenQuiet => "mcp-oauth, token seen, `--log warn`",
            Self::Unseen => "mcp-oauth, tokens not seen",
        }
    }

    /// Whether each of its requests has a token of its own.
    pub fn is_of_unseen_tokens(self) -> bool {
        matches!(self, Self::EnvoyUnseen | Self::Unseen)
    }

    /// Whether it is what it is with many open streams: the others differ in what they do with tokens, and not in this.
    pub fn has_streams(self) -> bool {
        matches!(self, Self::Haproxy | Self::Bare | Self::Envoy | Self::Seen)
    }
}
