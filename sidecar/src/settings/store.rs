//! The store of those who have no operator: where replicas tell one another what happened once.
//!
//! Pure. Variables of our own, for nobody in this field has any; the certificates of its authority are PEM text, as Compose files hold
//! it.

use crds::names::StoreUrl;
use crds::proxy::{ClientSecret, Store, StoreUser};
use crds::violation::Collector;

use super::Environment;
use super::environment::first;
use crate::fetch::tls;

const URL: &str = "MCP_OAUTH_STORE_URL";
const USERNAME: &str = "MCP_OAUTH_STORE_USERNAME";
const PASSWORD: &str = "MCP_OAUTH_STORE_PASSWORD";
const CA: &str = "MCP_OAUTH_STORE_CA";
pub(super) const ALL: [&str; 4] = [URL, USERNAME, PASSWORD, CA];

/// A variable is wrong, and was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong;

/// The store, where there is one.
pub(super) fn store(environment: &Environment, found: &mut Collector) -> Result<Option<Store>, Wrong> {
    let given = |name: &'static str| first(environment, &[name]).map(|(_, text)| text);
    let Some(url) = given(URL) else {
        for name in [USERNAME, PASSWORD, CA].into_iter().filter(|name| given(name).is_some()) {
            found.report(name, "is for a store, which MCP_OAUTH_STORE_URL does not name");
        }
        return Ok(None);
    };
    let username = given(USERNAME).map(|text| found.take(USERNAME, StoreUser::parse(text)).ok_or(Wrong));
    let password = given(PASSWORD).map(|text| found.take(PASSWORD, ClientSecret::parse(text)).ok_or(Wrong));
    let ca_bundle = given(CA).map(|pem| authority(pem, found));
    if username.is_some() && password.is_none() {
        found.report(PASSWORD, "is missing: a user of the store has a password");
    }
    Ok(Some(Store {
        url: found.take(URL, StoreUrl::parse(url)).ok_or(Wrong)?,
        username: username.transpose()?,
        password: password.transpose()?,
        ca_bundle: ca_bundle.transpose()?,
    }))
}

/// Read as the connection will read it: one that cannot be read would close every login when it is too late to say why.
fn authority(pem: &str, found: &mut Collector) -> Result<String, Wrong> {
    match tls::config(Some(pem)) {
        Ok(_) => Ok(pem.to_owned()),
        Err(error) => {
            found.report(CA, format!("must be certificates as PEM text: {error}"));
            Err(Wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An authority of nobody's.
    const PEM: &str = "-----BEGIN CERTIFICATE-----
MIIBejCCAR+gAwIBAgIUTTOWVtsvZ8+0fO+BaJrFTZkgSBUwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGdmFsa2V5MCAXDTI2MTEyNjE5NTYwOFoYDzIxMjYxMTAyMTk1
NjA4WjARMQ8wDQYDVQQDDAZ2YWxrZXkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASydwuP7lNe331sG1Q9/XXA6b8hYkNH8gILQdKmpyCxANgX0lHJLYqnHS1+LTEz
neoWxunuceXaEYfTaNeysx23o1MwUTAdBgNVHQ4EFgQUoUobbffqvI1OHR5Zv+jG
zFAlegowHwYDVR0jBBgwFoAUoUobbffqvI1OHR5Zv+jGzFAlegowDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAu2+tSaTEM2OYQ+fI0LQSr+G06ZD7
POnqD3mQpbTU0SwCIQC14wxG4n0xrekDd3y9Xe+LDuiNxdGbUzsxd1T+FTYo6A==
-----END CERTIFICATE-----
";

    fn of(pairs: &[(&str, &str)]) -> Result<Option<Store>, String> {
        let environment =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut found = Collector::default();
        let store = store(&environment, &mut found);
        found.finish(store.ok()).map_err(|violations| violations.to_string())
    }

    #[test]
    fn a_store_is_an_address_and_whatever_it_wants_to_know() {
        assert_eq!(of(&[]), Ok(None));
        let plain = of(&[(URL, "redis://valkey:6379")]).expect("right").expect("a store");
        assert_eq!((plain.username, plain.password, plain.ca_bundle), (None, None, None));
        let all = [(URL, "rediss://valkey"), (USERNAME, "mcp"), (PASSWORD, "s3cret"), (CA, PEM)];
        let all = of(&all).expect("right").expect("a store");
        assert_eq!(all.password.expect("a password").expose(), "s3cret");
        assert_eq!(all.username.expect("a user").as_str(), "mcp");
        assert_eq!(all.ca_bundle.as_deref(), Some(PEM));
    }

    #[test]
    fn every_mistake_is_named_by_its_variable() {
        for (pairs, name) in [
            (&[(URL, "http://valkey")][..], URL),
            (&[(URL, "redis://a:b@valkey")], URL),
            (&[(PASSWORD, "x")], PASSWORD),
            (&[(CA, "x")], CA),
            (&[(URL, "rediss://valkey"), (CA, "junk")], CA),
            (&[(URL, "rediss://valkey"), (CA, &PEM.replace("MIIB", "MIIC"))], CA),
            (&[(URL, "redis://valkey"), (USERNAME, "a b"), (PASSWORD, "x")], USERNAME),
            (&[(URL, "redis://valkey"), (USERNAME, "a")], PASSWORD),
            (&[(URL, "redis://valkey"), (PASSWORD, "\u{7}")], PASSWORD),
        ] {
            let said = of(pairs).expect_err(name);
            assert!(said.starts_with(&format!("{name}: ")), "{said}");
        }
    }
}
