//! `RedirectUri`: where a client may be sent back to, and a code with it. `Redirects`: which of them a policy lets in.
//!
//! Pure. Nothing here normalises: a URI that has two spellings is refused when it is registered, and what a request
//! presents is compared as bytes (RFC 9700 §4.1.3). Meets O04 and A11 (only exact ones match), O05 and A12 (https,
//! loopback, or a private-use scheme), D9 (the port of a loopback URI is free), A9 (what a person is shown).

mod allowed;

pub use allowed::Redirects;

use crate::macros::checked_text;
use crate::rule::Rule;

// A number of a dotted quad, in plain decimal: `127.1`, `0177.0.0.1` and `0x7f.0.0.1` are other spellings of it.
macro_rules! octet {
    () => {
        r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    };
}
// The last label of a name begins with a letter: else a browser reads the whole as an IPv4 address (WHATWG URL §3.5).
macro_rules! host {
    () => {
        concat!(
            r"(?:(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?|",
            octet!(),
            r"(?:\.",
            octet!(),
            "){3})"
        )
    };
}
// RFC 8252 §7.3 and, because real clients use it, `localhost` (§8.3 advises against it; D9).
macro_rules! loopback {
    () => {
        concat!(r"(?:localhost|127(?:\.", octet!(), r"){3}|\[::1\])")
    };
}
macro_rules! port {
    () => {
        concat!(
            "(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}",
            "|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
        )
    };
}
// Any scheme but `http` and `https`, spelled out letter by letter: this dialect has no "anything but".
macro_rules! private_use {
    () => {
        concat!(
            "(?:[a-gi-z]|h[a-su-z0-9+.-]|ht[a-su-z0-9+.-]|htt[a-oq-z0-9+.-]|http[a-rt-z0-9+.-]",
            "|https[a-z0-9+.-])[a-z0-9+.-]*"
        )
    };
}
// One path segment, never empty. After leading dots comes something that no server takes for their end (`..;`).
macro_rules! segment {
    () => {
        concat!(
            r"/(?:\.{0,2}[A-Za-z0-9_~!$&()+,=:-]|%[0-9A-Fa-f]{2})",
            "(?:[A-Za-z0-9._~!$&()+,;=:-]|%[0-9A-Fa-f]{2})*"
        )
    };
}
macro_rules! parameter {
    () => {
        "[A-Za-z0-9._~-]+(?:=(?:[A-Za-z0-9._~!$()+,=:/?-]|%[0-9A-Fa-f]{2})*)?"
    };
}

// The keys of a client lie at such hosts, too.
pub(crate) use {host, octet, port};

/// Schemes that a browser runs, reads or fetches by itself, and those of the system that start something.
const DANGEROUS: &str = concat!(
    "^(?:javascript|vbscript|livescript|data|file|filesystem|blob|about|view-source|jar|resource|res|chrome|",
    "chrome-extension|moz-extension|edge|opera|brave|ws|wss|ftp|ftps|sftp|ssh|telnet|gopher|ldap|ldaps|smb|nfs|",
    "git|intent|android-app|mailto|tel|sms|news|urn|mhtml|shell|itms-services|feed|search-ms|",
    "ms-(?:msdt|officecmd|appinstaller|search|settings)):"
);

checked_text! {
    /// A redirect URI that a client may register. RFC 8252 §7.1 asks for a dot in a private-use scheme, and the clients
    /// that have one do without (`cursor:`, `vscode:`): any is a `RedirectUri`, but none registers
    /// unless a list or the catalogue of known clients has it.
    RedirectUri, longest: 512, rules: [
        // RFC 6749 §3.1.2 MUST NOT include a fragment. No `@`: what stands before it looks like a host (O04).
        Rule::matches(
            r"^[A-Za-z0-9._~!$&()+,;=:/?%\[\]-]+$",
            "must be letters, digits and URI punctuation: no space, '@', '#', '*', quote, brace or backslash",
        ),
        Rule::differs(
            r"^[^?]*/\.{1,2}(?:[/;?]|$)|^[^?]*%(?:2[EeFf5]|5[Cc]|[89A-Fa-f])|%(?:[01]|7[Ff])",
            "must not have '.' or '..' as a segment of its path, nor percent-encode a dot, a slash, a backslash, a \
             percent sign, or a control or non-ASCII character there",
        ),
        Rule::differs(DANGEROUS, "must not have a scheme that runs, reads or fetches something, such as javascript: or file:"),
        // OpenID Connect Registration §2: web clients have no localhost, native ones have http there.
        Rule::differs(
            r"^https://(?:(?:[^/:?]*\.)?localhost|(?:0|127)(?:\.[0-9]{1,3}){3})(?:[:/?]|$)",
            "must be http where it is a loopback address; its port is free then (RFC 8252 §7.3)",
        ),
        // A14, O09: the answer's parameters stand once; the client must not read an old one first.
        Rule::differs(
            r"^[^?]*\?(?:.*&)?(?:code|state|iss|error|error_description|error_uri)(?:[=&]|$)",
            "must not have a query parameter of the answer, such as code, state or iss",
        ),
        Rule::matches(
            concat!(
                "^(?:https://", host!(), port!(), "|http://", loopback!(), port!(), "|", private_use!(),
                ":(?://[A-Za-z0-9._-]+|", segment!(), "))(?:", segment!(), r")*/?(?:\?", parameter!(), "(?:&", parameter!(), ")*)?$",
            ),
            "must be an https URL with a lower-case host, an http URL on loopback (localhost, 127.0.0.0/8 or [::1]), or a private-use \
             URI such as com.example.app:/callback",
        ),
    ]
}

/// Who can be at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `https`: whoever holds the host's name.
    Web,
    /// `http` on this machine: any program that runs there.
    Loopback,
    /// Any app that claimed the scheme (RFC 8252 §8.4 and §8.6).
    PrivateUse,
}

impl RedirectUri {
    pub fn kind(&self) -> Kind {
        match self.scheme() {
            "https" => Kind::Web,
            "http" => Kind::Loopback,
            _ => Kind::PrivateUse,
        }
    }

    pub fn is_loopback(&self) -> bool {
        self.kind() == Kind::Loopback
    }

    /// Whether a request that presents this text means this URI.
    pub fn matches(&self, presented: &str) -> bool {
        // RFC 9700 §2.1 MUST: exact string matching, except for port numbers in localhost redirection URIs of native apps.
        if self.as_str() == presented {
            return true;
        }
        if !self.is_loopback() {
            return false;
        }
        // RFC 8252 §7.3 MUST allow any port. `localhost` and `127.0.0.1` stay two hosts: who listens may differ (D9).
        let (to_host, ours) = self.as_str().split_at(self.scheme().len() + "://".len() + self.host().len());
        let theirs = presented.strip_prefix(to_host).and_then(after_port);
        theirs.is_some() && theirs == after_port(ours)
    }

    /// What tells a person where the browser goes (A9): the host, or the scheme alone of a private-use URI, for what stands
    /// behind that may look like anybody's host.
    pub fn host(&self) -> &str {
        match self.authority().rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => self.authority(),
        }
    }

    /// As `host`, with the port where there is one.
    pub fn authority(&self) -> &str {
        match self.as_str().split_once("://") {
            Some((_, rest)) if self.kind() != Kind::PrivateUse => {
                rest.split(['/', '?']).next().unwrap_or_default()
            }
            _ => self.scheme(),
        }
    }

    fn scheme(&self) -> &str {
        self.as_str().split(':').next().unwrap_or_default()
    }
}

/// What follows the host and its port, if there is one and it is spelled as a port is.
fn after_port(text: &str) -> Option<&str> {
    let Some(text) = text.strip_prefix(':') else { return Some(text) };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = text.split_at(digits);
    let plain = !port.starts_with('0') && port.parse::<u16>().is_ok();
    plain.then_some(rest)
}

#[cfg(test)]
mod tests;
