//! Which addresses a stranger may send us to: public ones, and those of the networks that the policy allows.
//!
//! Pure. The list is of what is open, not of what is closed: IPv6 outside of 2000::/3 needs no line here to be refused.
//! Inside of what is open, everything in the registries of special-purpose addresses (RFC 6890; IANA, IPv4 and IPv6) is
//! refused, also where the registry calls it reachable: nothing there serves documents. Meets A8, I9, O17.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use crds::network::Network;

/// Judges addresses, and names that need no address to be judged.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<Network>,
}

/// Why an address or a name must not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("'{address}' is no public address: {why}")]
    Address { address: IpAddr, why: &'static str },
    #[error("'{0}' is a name of this machine")]
    ThisMachine(String),
}

/// RFC 4291 §2.4, as IANA assigns it: the only unicast addresses of the Internet.
const GLOBAL_UNICAST: &str = "2000::/3";
/// RFC 6052 §2.1: an IPv4 address behind a translator. Where a cluster has IPv6 alone, every IPv4 host is one of these.
const TRANSLATED: &str = "64:ff9b::/96";

/// Blocks with a purpose of their own that lie among the public ones.
const SPECIAL: [(&str, &str); 24] = [
    ("0.0.0.0/8", "this network (RFC 791)"),
    ("10.0.0.0/8", "private use (RFC 1918)"),
    ("100.64.0.0/10", "shared address space (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("168.63.129.16/32", "the host of a virtual machine in Azure"),
    ("169.254.0.0/16", "link local (RFC 3927)"),
    ("172.16.0.0/12", "private use (RFC 1918)"),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("192.31.196.0/24", "AS112 (RFC 7535)"),
    ("192.52.193.0/24", "multicast relays (RFC 7450)"),
    ("192.88.99.0/24", "6to4 relays (RFC 7526)"),
    ("192.168.0.0/16", "private use (RFC 1918)"),
    ("192.175.48.0/24", "AS112 (RFC 7534)"),
    ("198.18.0.0/15", "benchmarking (RFC 2544)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved, or broadcast (RFC 1112, RFC 919)"),
    // Teredo, ORCHID, benchmarking and more.
    ("2001::/23", "protocol assignments (RFC 2928)"),
    ("2001:db8::/32", "documentation (RFC 3849)"),
    ("2002::/16", "6to4 (RFC 3056)"),
    ("2620:4f:8000::/48", "AS112 (RFC 7534)"),
    ("3fff::/20", "documentation (RFC 9637)"),
];

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| Networks {
    global_unicast: network(GLOBAL_UNICAST),
    translated: network(TRANSLATED),
    special: SPECIAL.map(|(text, why)| (network(text), why)),
});

struct Networks {
    global_unicast: Network,
    translated: Network,
    special: [(Network, &'static str); SPECIAL.len()],
}

impl Guard {
    /// `allowed` are the networks beyond public addresses that may be asked.
    pub fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Whether a stranger may send us to this address.
    pub fn judge(&self, address: IpAddr) -> Result<(), Forbidden> {
        if self.allowed.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        let forbidden = |why| Err(Forbidden::Address { address, why });
        match address {
            IpAddr::V4(v4) => match special(v4.into()) {
                Some(why) => forbidden(why),
                None => Ok(()),
            },
            IpAddr::V6(v6) if NETWORKS.translated.contains(address) => self.judge(behind_translator(v6)),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => forbidden("IPv4 in disguise (RFC 4291)"),
            IpAddr::V6(_) if !NETWORKS.global_unicast.contains(address) => {
                forbidden("not of the unicast addresses of the Internet (RFC 4291)")
            }
            IpAddr::V6(_) => match special(address) {
                Some(why) => forbidden(why),
                None => Ok(()),
            },
        }
    }

    /// RFC 6761 §6.3: `localhost`, and what ends in it, is this machine, whatever a resolver says. Every other name is
    /// judged by its addresses.
    pub fn judge_name(name: &str) -> Result<(), Forbidden> {
        let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        if bare == "localhost" || bare.ends_with(".localhost") {
            return Err(Forbidden::ThisMachine(bare));
        }
        Ok(())
    }
}

fn special(address: IpAddr) -> Option<&'static str> {
    let found = NETWORKS.special.iter().find(|(network, _)| network.contains(address));
    found.map(|(_, why)| *why)
}

/// RFC 6052 §2.2: with a prefix of 96 bits, the last 32 are the IPv4 address. RFC 6052 §3.1: it is never a private one.
fn behind_translator(v6: Ipv6Addr) -> IpAddr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d).into()
}

fn network(text: &str) -> Network {
    Network::parse(text).expect("the blocks of this file are well written, which the tests show")
}

#[cfg(test)]
mod tests;
