//! Each refused address stands beside a public one; the edges of every block on both sides.

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().expect("the tests write addresses")
}

fn judged(allowed: &[&str], text: &str) -> Result<(), Forbidden> {
    Guard::new(allowed.iter().map(|text| network(text)).collect()).judge(address(text))
}

const PUBLIC: [&str; 46] = [
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.31.195.255",
    "192.31.197.0",
    "192.52.192.255",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "192.175.47.255",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700::6810:84e5",
    "2620:4f:7fff::1",
    "2a00:1450:4001::200e",
    "3ffe:ffff::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::101:101",
];

const FORBIDDEN: [&str; 98] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.96.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    "172.16.0.0",
    "172.17.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.9",
    "192.0.0.170",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.0",
    "224.0.0.251",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.254",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::8.8.8.8",
    "::a9fe:a9fe",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::192.0.0.170",
    "64:ff9b::1:8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::10.0.0.1",
    "64:ff9a::8.8.8.8",
    "100::1",
    "100:0:0:1::1",
    "200::1",
    "1fff::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:1::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fdff::1",
    "fe00::1",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff02::1",
    "ffff:ffff::1",
];

#[test]
fn o17_public_addresses_may_be_asked() {
    for text in PUBLIC {
        assert_eq!(judged(&[], text), Ok(()), "{text}");
    }
}

#[test]
fn o17_no_other_address_may() {
    for text in FORBIDDEN {
        assert!(judged(&[], text).is_err(), "{text}");
    }
}

#[test]
fn the_first_and_the_last_address_of_every_special_block_are_refused() {
    for (text, why) in SPECIAL {
        let (first, prefix) = text.split_once('/').expect("a block");
        let free = |width: u32| width - prefix.parse::<u32>().expect("a prefix");
        let last = match address(first) {
            IpAddr::V4(v4) => {
                IpAddr::V4((v4.to_bits() | !u32::MAX.checked_shl(free(32)).unwrap_or(0)).into())
            }
            IpAddr::V6(v6) => {
                IpAddr::V6((v6.to_bits() | !u128::MAX.checked_shl(free(128)).unwrap_or(0)).into())
            }
        };
        for address in [address(first), last] {
            assert_eq!(Guard::default().judge(address), Err(Forbidden::Address { address, why }), "{text}");
        }
    }
}

#[test]
fn a_refusal_names_the_address_and_the_reason() {
    let said = judged(&[], "169.254.169.254").expect_err("link local").to_string();
    assert_eq!(said, "'169.254.169.254' is no public address: link local (RFC 3927)");
    // What lies behind the translator is what is wrong.
    let said = judged(&[], "64:ff9b::10.0.0.1").expect_err("private").to_string();
    assert!(said.starts_with("'10.0.0.1'"), "{said}");
}

#[test]
fn an_allowed_network_opens_itself_and_nothing_beside_it() {
    let rows = [
        ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
        ("10.1.0.0/16", "::ffff:10.1.0.1", "::ffff:10.2.0.1"),
        ("10.1.0.0/16", "64:ff9b::10.1.0.1", "64:ff9b::10.2.0.1"),
        ("127.0.0.0/8", "127.0.0.1", "::1"),
        ("::1/128", "::1", "127.0.0.1"),
        ("fd12:3456::/32", "fd12:3456::1", "fd12:3457::1"),
        ("64:ff9b:1::/48", "64:ff9b:1::10.0.0.1", "64:ff9b:2::1"),
        ("0.0.0.0/0", "169.254.169.254", "fe80::1"),
    ];
    for (network, inside, outside) in rows {
        assert_eq!(judged(&[network], inside), Ok(()), "{network} {inside}");
        assert!(judged(&[network], outside).is_err(), "{network} {outside}");
        assert!(judged(&[], inside).is_err(), "{inside}");
    }
}

#[test]
fn localhost_is_this_machine_in_every_spelling_and_other_names_are_judged_by_their_addresses() {
    for name in ["localhost", "localhost.", "LOCALHOST", "a.localhost", "a.b.LocalHost."] {
        assert!(matches!(Guard::judge_name(name), Err(Forbidden::ThisMachine(_))), "{name}");
    }
    for name in
        ["localhost.example.com", "notlocalhost", "localhos", "printer.local", "api.default.svc", "x."]
    {
        assert_eq!(Guard::judge_name(name), Ok(()), "{name}");
    }
}
