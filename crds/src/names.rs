//! The words of the contract, each a type that carries its rule and where the rule comes from.
//!
//! Pure. Meets A17, D1, D2 (one canonical spelling of resource and issuer), R7 (no `offline_access` towards clients),
//! R20 and M07 (only https, or http where nothing leaves the machine or the cluster), P04 (public paths are bytes).

use std::net::Ipv4Addr;

use crate::macros::checked_text;
use crate::rule::Rule;

mod duration;
mod quantity;

pub use duration::{RefreshLifetime, TokenLifetime, spelled};

// The parts that the URL rules are put together from. Lower-case hosts only: two spellings of one resource are two
// audiences to a client that compares bytes (A17, D1).
macro_rules! host {
    () => {
        r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    };
}
macro_rules! loopback {
    () => {
        r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])"
    };
}
macro_rules! in_cluster {
    () => {
        r"(?:[a-z0-9-]+\.)+svc(?:\.[a-z0-9-]+)*"
    };
}
macro_rules! port {
    () => {
        r"(?::[1-9][0-9]{0,4})?"
    };
}
// One path segment. Dots alone are no segment: a reader who resolves `..` must not end up elsewhere (P04).
macro_rules! segment {
    () => {
        r"/\.{0,2}[A-Za-z0-9_~!$&()*+,;=:@-][A-Za-z0-9._~!$&()*+,;=:@-]*"
    };
}
// The same without ';'. Some routers cut a segment there: they read `/mcp;x` as `/mcp`, and `/..;/mcp` too, so two
// paths of which one is the MCP endpoint could not be told apart by their bytes (P04).
macro_rules! plain_segment {
    () => {
        r"/\.{0,2}[A-Za-z0-9_~!$&()*+,=:@-][A-Za-z0-9._~!$&()*+,=:@-]*"
    };
}

/// A port's name: letters, digits and single dashes inside, at least one letter.
pub(crate) const PORT_NAME: &str = r"^(?:[a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(?:-[a-z0-9]+)*$";

const DEFAULT_PORT: Rule = Rule::differs(
    r"^(?:https://[^/]*:443|http://[^/]*:80)(?:/|$)",
    "must not spell out the scheme's default port: clients drop it and then compare",
);

checked_text! {
    /// The public URL of the MCP endpoint, which is the OAuth resource identifier (RFC 8707 §2, RFC 9728 §1.2).
    /// `https`, or `http` on loopback and inside the cluster; no trailing slash, query or fragment (A17, D1).
    ResourceUrl, longest: 512, rules: [
        Rule::matches(
            concat!("^(?:https://", host!(), "|http://(?:", loopback!(), "|", in_cluster!(), "))", port!(), "(?:", plain_segment!(), ")*$"),
            "must be an https URL such as https://mcp.example.com/mcp (http only for loopback and *.svc hosts), \
             with a lower-case host, no user, ';', query, fragment or trailing slash",
        ),
        DEFAULT_PORT,
    ]
}

checked_text! {
    /// An issuer identifier (RFC 8414 §2), compared byte for byte everywhere (D2, J12). A trailing slash is part of it.
    Issuer, longest: 512, rules: [
        Rule::matches(
            concat!("^(?:https://", host!(), "|http://", loopback!(), ")", port!(), "(?:", segment!(), ")*/?$"),
            "must be an https URL such as https://company.okta.com (http only for loopback), with a lower-case host, \
             no user, query or fragment",
        ),
        Rule::differs(
            r"/\.well-known/openid-configuration/?$",
            "must be the issuer alone: leave out /.well-known/openid-configuration, where its document is found",
        ),
    ]
}

checked_text! {
    /// The URL of an endpoint of the provider. A query is allowed: Entra's key sets have one.
    EndpointUrl, longest: 1024, rules: [
        Rule::matches(
            concat!("^(?:https://", host!(), "|http://", loopback!(), ")", port!(), "(?:", segment!(), r")*/?(?:\?[A-Za-z0-9._~!$&()*+,;=:@/?%-]*)?$"),
            "must be an https URL (http only for loopback), with a lower-case host and no user or fragment",
        ),
    ]
}

checked_text! {
    /// Where a store of what happened once is: Valkey or Redis (`redis`), with TLS (`rediss`). No user or password: those have
    /// fields of their own, so that no log shows them.
    StoreUrl, longest: 512, rules: [
        Rule::matches(
            concat!("^rediss?://", host!(), port!(), "(?:/(?:0|[1-9][0-9]{0,2}))?/?$"),
            "must be a URL such as rediss://valkey.data.svc:6379, with a lower-case host, a port and the number of a database where \
             they are not 6379 and 0, and no user, query or fragment",
        ),
        Rule::differs(r":(?:6553[6-9]|655[4-9][0-9]|65[6-9][0-9]{2}|6[6-9][0-9]{3}|[7-9][0-9]{4})(?:/|$)", "must have a port up to 65535"),
    ]
}

checked_text! {
    /// An audience that a token must name (RFC 7519 §4.1.3), compared byte for byte (J13).
    Audience, longest: 512, rules: [
        Rule::matches(r"^[\x21\x23-\x5B\x5D-\x7E]+$", "must be visible ASCII without spaces, quotes or backslashes"),
    ]
}

/// The client's affair, and no right on a server: granted to everyone, for everyone gets a refresh token (A21).
pub const OFFLINE: &str = "offline_access";

checked_text! {
    /// One scope token (RFC 6749 §3.3).
    Scope, longest: 128, rules: [
        Rule::matches(r"^[\x21\x23-\x5B\x5D-\x7E]+$", "must be one scope of visible ASCII without spaces, quotes or backslashes"),
        // R7: PRM/challenge SHOULD NOT contain `offline_access`.
        Rule::differs("^offline_access$", "must not be offline_access: it is the client's affair, not a right on this server"),
    ]
}

checked_text! {
    /// A path that needs no token, matched byte for byte (P04).
    PublicPath, longest: 256, rules: [
        Rule::matches(
            concat!("^(?:(?:", plain_segment!(), ")+/?|/)$"),
            "must be one exact path that starts with '/', without dot segments, percent signs, ';', query or fragment",
        ),
        Rule::differs(
            r"^/(?:oauth|authorize|token|register)(?:/|$)|/\.well-known/(?:oauth|openid)",
            "must not be a path of OAuth or OAuth discovery: the sidecar answers those itself",
        ),
    ]
}

checked_text! {
    /// The origin of a web page (RFC 6454 §6.2) that may call the server from a browser (R17).
    WebOrigin, longest: 256, rules: [
        Rule::matches(
            concat!("^(?:https://", host!(), "|http://", loopback!(), ")", port!(), "$"),
            "must be an origin such as https://agents.example.com (http only for loopback): scheme, lower-case host and port, nothing else",
        ),
        DEFAULT_PORT,
    ]
}

checked_text! {
    /// The name of a top-level claim of a token.
    ClaimName, longest: 128, rules: [
        Rule::matches(r"^[\x21\x23-\x5B\x5D-\x7E]+$", "must be the name of a claim: visible ASCII without spaces, quotes or backslashes"),
    ]
}

checked_text! {
    /// The name of a Kubernetes object (RFC 1123 subdomain).
    ObjectName, longest: 253, rules: [
        Rule::matches(r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$", "must be the name of an object in this namespace: lower-case letters, digits, '-' and '.'"),
    ]
}

checked_text! {
    /// A key of a Secret or a ConfigMap.
    DataKey, longest: 253, rules: [
        Rule::matches(r"^[A-Za-z0-9._-]+$", "must be a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.'"),
    ]
}

checked_text! {
    /// The name of a container (RFC 1123 label).
    ContainerName, longest: 63, rules: [
        Rule::matches(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", "must be the name of a container: lower-case letters, digits and '-'"),
        Rule::differs("^mcp-oauth$", "must not be mcp-oauth, the name of the sidecar itself"),
    ]
}

checked_text! {
    /// The name of a container port (IANA service name, RFC 6335 §5.1).
    PortName, longest: 15, rules: [
        Rule::matches(PORT_NAME, "must be the name or the number of a container port"),
    ]
}

checked_text! {
    /// The name of an environment variable of the server's container.
    EnvName, longest: 128, rules: [
        Rule::matches("^[A-Za-z_][A-Za-z0-9_]*$", "must be the name of an environment variable: letters, digits and '_'"),
    ]
}

checked_text! {
    /// A quantity of a resource, as Kubernetes writes it.
    Quantity, longest: 32, rules: [
        Rule::matches(r"^[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|Ki|Mi|Gi|Ti)?$", "must be a quantity such as 10m, 0.1 or 32Mi"),
    ]
}

checked_text! {
    /// The key of a label.
    LabelKey, longest: 317, rules: [
        Rule::matches(r"^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$", "must be the key of a label"),
    ]
}

checked_text! {
    /// The value of a label, where it is not empty.
    LabelValue, longest: 63, rules: [
        Rule::matches(r"^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?$", "must be the value of a label: letters, digits, '-', '_' and '.'"),
    ]
}

impl ResourceUrl {
    /// Scheme, host and port: where the well-known documents live.
    pub fn origin(&self) -> &str {
        let after_scheme = self.as_str().find("://").map_or(0, |at| at + 3);
        self.as_str()[after_scheme..]
            .find('/')
            .map_or(self.as_str(), |at| &self.as_str()[..after_scheme + at])
    }

    /// The path of the MCP endpoint, empty where the URL is an origin alone.
    pub fn path(&self) -> &str {
        &self.as_str()[self.origin().len()..]
    }

    /// Host and port, without the scheme.
    pub fn authority(&self) -> &str {
        self.origin().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether browsers keep `Secure` cookies of it: over TLS, and on their own machine.
    pub fn keeps_cookies(&self) -> bool {
        let authority = self.authority();
        let host = authority.split(':').next().unwrap_or_default();
        // In the clear it is of loopback or of the cluster, whose names are neither of these.
        let is_loopback =
            host == "localhost" || host.parse::<Ipv4Addr>().is_ok() || authority.starts_with('[');
        self.scheme() == "https" || is_loopback
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &str {
        self.as_str().split_once("://").map_or("", |(scheme, _)| scheme)
    }
}

impl StoreUrl {
    const DEFAULT_PORT: u16 = 6379;

    pub fn has_tls(&self) -> bool {
        self.as_str().starts_with("rediss://")
    }

    /// A name or an address; one of IPv6 without its brackets.
    pub fn host(&self) -> &str {
        self.parts().0
    }

    pub fn port(&self) -> u16 {
        self.parts().1
    }

    pub fn database(&self) -> u16 {
        let path = self.after_scheme().split_once('/').map_or("", |(_, path)| path);
        path.trim_end_matches('/').parse().unwrap_or(0)
    }

    fn after_scheme(&self) -> &str {
        self.as_str().split_once("://").map_or("", |(_, rest)| rest)
    }

    fn parts(&self) -> (&str, u16) {
        let authority = self.after_scheme().split('/').next().unwrap_or_default();
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.trim_start_matches(':')),
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        (host, port.parse().unwrap_or(Self::DEFAULT_PORT))
    }
}

#[cfg(test)]
mod tests;
