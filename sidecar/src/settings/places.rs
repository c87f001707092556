//! Where the process listens, twice, and where it sends to: three places that are three.
//!
//! Pure. A sidecar that is its own MCP server asks itself for ever, so it does not start (promise 5: the mistake is named by
//! what it was written in).

use std::net::{IpAddr, SocketAddr};

use crds::violation::Collector;

use super::Given;
use crate::forward::Upstream;

/// A value of a flag, and what it was written in. Nothing, where it is the default.
#[derive(Debug)]
pub(super) struct Written<T> {
    pub(super) value: T,
    flag: &'static str,
    name: Option<&'static str>,
}

impl<T: std::fmt::Display> Written<T> {
    /// What was written, or the default, through `parse`, which says what is wrong with it.
    pub(super) fn read(
        flag: &'static str,
        given: Option<Given>,
        default: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        found: &mut Collector,
    ) -> Option<Self> {
        let (name, text) = given.map_or((None, default.to_owned()), |(name, text)| (Some(name), text));
        let report = |reason| found.report(name.unwrap_or(flag), format!("{reason}, not '{text}'"));
        Some(Self { value: parse(&text).map_err(report).ok()?, flag, name })
    }

    /// Names itself by what somebody wrote: nobody can change what stands in no place.
    fn must_differ(&self, other: &Written<impl std::fmt::Display>, why: &str, found: &mut Collector) {
        let of = |flag: &str, name: Option<&str>| match name {
            Some(name) if name != flag => format!("{flag} (in {name})"),
            Some(_) => flag.to_owned(),
            None => format!("{flag} (its default)"),
        };
        let (name, other) = match self.name {
            Some(name) => (name, format!("{}, {}", of(other.flag, other.name), other.value)),
            None => (other.name.unwrap_or(other.flag), format!("{}, {}", of(self.flag, None), self.value)),
        };
        found.report(name, format!("must be another port than the one of {other}{why}"));
    }
}

/// Each two of them that are one are named.
pub(super) fn must_be_three(
    listen: Option<&Written<SocketAddr>>,
    admin: Option<&Written<SocketAddr>>,
    upstream: Option<&Written<Upstream>>,
    found: &mut Collector,
) {
    if let (Some(admin), Some(listen)) = (admin, listen)
        && clash(admin.value, listen.value)
    {
        admin.must_differ(listen, "", found);
    }
    let Some(upstream) = upstream else { return };
    for ours in [listen, admin].into_iter().flatten().filter(|ours| is_itself(ours.value, &upstream.value)) {
        ours.must_differ(upstream, ": the sidecar would be its own MCP server", found);
    }
}

/// Port 0 asks for any free one.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let shared = one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip());
    shared && one.port() == other.port() && one.port() != 0
}

/// All addresses are all of IPv4, or of both.
fn covers(all: IpAddr, one: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || one.to_canonical().is_ipv4())
}

/// An address of this machine that is not loopback is known here only where we listen on that one.
fn is_itself(ours: SocketAddr, upstream: &Upstream) -> bool {
    upstream.addresses().into_iter().any(|theirs| {
        let is_near = theirs.ip().is_loopback() || theirs.ip().is_unspecified();
        (is_near || ours.ip() == theirs.ip()) && clash(ours, theirs)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(listen: &'static str, admin: &'static str, upstream: &'static str) -> Vec<String> {
        let mut found = Collector::default();
        let socket = |flag, text: &str, found: &mut Collector| {
            let parse = |text: &str| text.parse().map_err(|_| "must be an address".to_owned());
            Written::<SocketAddr>::read(flag, Some((flag, text.to_owned())), "", parse, found)
        };
        let (listen, admin) = (socket("--listen", listen, &mut found), socket("--admin", admin, &mut found));
        let parse = |text: &str| Upstream::parse(text).map_err(str::to_owned);
        let upstream = Written::read("--upstream", None, upstream, parse, &mut found);
        must_be_three(listen.as_ref(), admin.as_ref(), upstream.as_ref(), &mut found);
        match found.finish(Some(())) {
            Ok(()) => Vec::new(),
            Err(violations) => violations.as_slice().iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_sidecar_is_not_its_own_server_however_that_is_written() {
        for (listen, itself, another) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8081"),
            ("0.0.0.0:8080", "http://127.9.0.1:8080/", "http://10.1.2.3:8080"),
            ("[::]:8080", "http://[::1]:8080", "http://[fd00::1]:8080"),
            ("0.0.0.0:8080", "http://[::ffff:127.0.0.1]:8080", "http://[::1]:8080"),
            ("0.0.0.0:8080", "http://localhost:8080", "http://localhost.example:8080"),
            ("0.0.0.0:8080", "http://mcp.LocalHost.:8080", "http://mcp:8080"),
            ("0.0.0.0:8080", "http://0.0.0.0:8080", "http://0.0.0.0:8081"),
            ("[::]:8080", "http://127.0.0.1:8080", "http://127.0.0.1:18080"),
            ("[::]:8080", "http://[::ffff:127.0.0.1]:8080", "http://[::ffff:10.1.2.3]:8080"),
            ("[::1]:8080", "http://localhost:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://[::]:8080", "http://127.0.0.2:8080"),
            ("10.1.2.3:8080", "http://10.1.2.3:8080", "http://127.0.0.1:8080"),
        ] {
            let expected = "must be another port than the one of --upstream (its default), http://";
            for (listen, admin, flag) in
                [(listen, "127.0.0.1:1", "--listen"), ("127.0.0.1:1", listen, "--admin")]
            {
                let said_of_it = said(listen, admin, itself);
                assert_eq!(said_of_it.len(), 1, "{listen} {admin} {itself}: {said_of_it:?}");
                assert!(said_of_it[0].starts_with(&format!("{flag}: {expected}")), "{said_of_it:?}");
                assert_eq!(said(listen, admin, another), [""; 0], "{listen} {admin} {another}");
            }
        }
        assert_eq!(said("127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:0"), [""; 0]);
    }
}
