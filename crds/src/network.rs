//! `Network`: a block of addresses in CIDR notation, and whether an address lies in it.
//!
//! Pure. A page of our own instead of the crate `ipnet`: what matters here, one spelling per block, a sentence that says
//! what is wrong, and IPv4 in IPv6's disguise, is what that crate leaves open. Meets A8, O17 (which addresses may be
//! fetched from is said in these words).

use std::fmt;
use std::net::IpAddr;

use crate::rule::{self, Broken, Rule};

/// A block of IPv4 or IPv6 addresses. No bit is set behind its prefix, so that one block has one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

const SAYS: &str = "must be a block of addresses such as 10.20.0.0/16 or fd12:3456::/32";

impl Network {
    const LONGEST: usize = 43;
    pub(crate) const RULES: &'static [Rule] = &[Rule::matches(
        r"^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}/(?:3[0-2]|[12]?[0-9])|[0-9A-Fa-f]*:[0-9A-Fa-f:]+/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))$",
        SAYS,
    )];

    /// Takes a block whose first address stands before the slash.
    pub fn parse(text: &str) -> Result<Self, Broken> {
        rule::check(text, Self::LONGEST, Self::RULES)?;
        let (address, prefix) = text.split_once('/').ok_or_else(|| Broken(SAYS.into()))?;
        let (Ok(address), Ok(prefix)) = (address.parse::<IpAddr>(), prefix.parse::<u8>()) else {
            return Err(Broken(SAYS.into()));
        };
        if address.to_canonical() != address {
            return Err(Broken(
                "must be written as a block of IPv4 addresses, which is what it holds".into(),
            ));
        }
        let network = Self { first: masked(address, prefix), prefix };
        if network.first != address {
            return Err(Broken(format!("must have no bit set behind its prefix: write {network}")));
        }
        Ok(network)
    }

    /// Whether the address lies in this block. An IPv4 address stays one, also where a socket shows it as IPv6
    /// (`::ffff:10.0.0.1`, RFC 4291 §2.5.5.2): no block of IPv6 holds it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix) == self.first
    }

    /// What lies in this block that hardly anybody means to open to strangers (A8, O17).
    pub fn peril(&self) -> Option<&'static str> {
        if self.prefix == 0 {
            return Some("every address");
        }
        PERILS.into_iter().find_map(|(block, what)| {
            let block = Self::parse(block).ok()?;
            (self.contains(block.first) || block.contains(self.first)).then_some(what)
        })
    }
}

/// Both kinds answer programs of the same machine without asking who they are.
const PERILS: [(&str, &str); 4] = [
    ("127.0.0.0/8", LOOPBACK),
    ("::1/128", LOOPBACK),
    ("169.254.0.0/16", LINK_LOCAL),
    ("fe80::/10", LINK_LOCAL),
];
const LOOPBACK: &str = "loopback addresses, where this pod's or machine's own programs listen";
const LINK_LOCAL: &str = "link-local addresses, where a cloud gives out a machine's credentials";

/// The first address of the block that an address lies in.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = Broken;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(feature = "kube")]
impl schemars::JsonSchema for Network {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        rule::schema(Self::LONGEST, Self::RULES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Network::parse(text).expect_err(text).0
    }

    #[test]
    fn a_block_is_its_first_address_and_a_prefix() {
        for text in [
            "10.20.0.0/16",
            "0.0.0.0/0",
            "127.0.0.1/32",
            "192.168.0.0/23",
            "fd12:3456::/32",
            "::/0",
            "2001:db8::1/128",
            "fe80::/10",
        ] {
            assert_eq!(Network::parse(text).map(|network| network.to_string()), Ok(text.into()));
        }
        let (long, short) = (Network::parse("FD00:0:0::/8"), Network::parse("fd00::/8"));
        assert_eq!(long, short);
    }

    #[test]
    fn what_is_no_block_is_refused_with_an_example() {
        for text in [
            "10.20.0.0",
            "10.20.0.0/33",
            "10.20.0.0/016",
            "10.20.0.0/-1",
            "10.20.0/16",
            "10.20.0.256/32",
            "010.20.0.0/16",
            "10.20.0.0/255.255.0.0",
            "fd00::/129",
            "fd00::",
            "fd00:::/8",
            "[fd00::]/8",
            "fe80::%1/64",
            "::ffff:10.0.0.0/104",
            "example.com/16",
            "10.20.0.0/16\n",
            "all",
        ] {
            assert_eq!(refusal(text), SAYS, "{text}");
        }
        assert_eq!(refusal(""), "must not be empty");
        assert!(refusal(&"1".repeat(44)).contains("43 bytes"));
    }

    #[test]
    fn a_bit_behind_the_prefix_is_refused_with_the_block_that_was_meant() {
        assert!(refusal("10.20.0.1/16").ends_with("write 10.20.0.0/16"));
        assert!(refusal("fd00::1/8").ends_with("write fd00::/8"));
        assert!(refusal("1.0.0.0/0").ends_with("write 0.0.0.0/0"));
    }

    #[test]
    fn ipv4_is_not_written_as_ipv6() {
        assert!(refusal("::ffff:a00:0/104").contains("IPv4"));
        assert!(Network::parse("10.0.0.0/8").is_ok());
    }

    #[test]
    fn an_address_lies_in_a_block_or_beside_it() {
        let cases = [
            ("10.20.0.0/16", "10.20.255.255", "10.21.0.0"),
            ("10.20.0.0/16", "::ffff:10.20.0.1", "::ffff:10.19.255.255"),
            ("127.0.0.1/32", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "10.0.0.1"),
            ("::/0", "::1", "::ffff:10.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ];
        for (network, inside, outside) in cases {
            let block = Network::parse(network).expect("a block");
            let holds = |text: &str| block.contains(text.parse().expect("an address"));
            assert!(holds(inside) && !holds(outside), "{network}");
        }
    }

    #[test]
    fn o17_a_block_that_holds_what_nobody_means_to_open_is_told_from_its_neighbour() {
        let peril = |text: &str| Network::parse(text).expect(text).peril();
        for all in ["0.0.0.0/0", "::/0"] {
            assert_eq!(peril(all), Some("every address"), "{all}");
        }
        for (inside, beside, what) in [
            ("127.0.0.0/8", "126.0.0.0/8", LOOPBACK),
            ("127.0.0.1/32", "128.0.0.0/8", LOOPBACK),
            ("126.0.0.0/7", "124.0.0.0/7", LOOPBACK),
            ("0.0.0.0/1", "128.0.0.0/3", LOOPBACK),
            ("::1/128", "::2/128", LOOPBACK),
            ("169.254.0.0/16", "169.253.0.0/16", LINK_LOCAL),
            ("169.254.169.254/32", "169.255.169.254/32", LINK_LOCAL),
            ("168.0.0.0/5", "176.0.0.0/5", LINK_LOCAL),
            ("fe80::/10", "fec0::/10", LINK_LOCAL),
            ("fe80::/64", "fd12:3456::/32", LINK_LOCAL),
        ] {
            assert_eq!((peril(inside), peril(beside)), (Some(what), None), "{inside} {beside}");
        }
    }

    #[test]
    fn every_block_of_perils_is_well_written() {
        for (block, what) in PERILS {
            assert_eq!(Network::parse(block).map(|block| block.peril()), Ok(Some(what)), "{block}");
        }
    }

    #[test]
    fn a_block_is_read_from_a_document_by_the_same_rule() {
        assert!(serde_json::from_str::<Network>("\"10.0.0.0/8\"").is_ok());
        assert!(serde_json::from_str::<Network>("\"10.0.0.1/8\"").is_err());
        let network = Network::parse("10.0.0.0/8").expect("a block");
        assert_eq!(serde_json::to_string(&network).ok(), Some("\"10.0.0.0/8\"".into()));
    }
}
