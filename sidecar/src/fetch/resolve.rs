//! Names become addresses once, every address is judged, and just those are connected to: a name that changes its mind
//! between the judgement and the connection has nothing to change any more (DNS rebinding).
//!
//! Asks the resolver of the machine, on few threads: a lookup cannot be given up, so that it holds its place until the
//! resolver has answered, and a flood of names without an answer costs these threads and no more. Meets A8, I9, O17.

use std::error::Error;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::guard::Guard;

/// Where the addresses of a name come from.
pub trait Lookup: Debug + Send + Sync {
    /// Every address that the name has now.
    fn addresses(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of the machine (`/etc/resolv.conf`, `/etc/hosts`).
#[derive(Debug)]
pub struct SystemLookup {
    places: Arc<Semaphore>,
}

/// Lookups at a time, given-up ones among them.
const PLACES: usize = 16;

impl Default for SystemLookup {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Lookup for SystemLookup {
    fn addresses(&self, name: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let (name, places) = (name.to_owned(), self.places.clone());
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            let mut thread = JoinSet::new();
            thread.spawn_blocking(move || {
                let _held_until_the_answer = place;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            });
            let answer = thread.join_next().await.unwrap_or_else(|| Ok(Ok(Vec::new())));
            answer.map_err(io::Error::other)?
        })
    }
}

/// reqwest's resolver, with a guard behind it.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) guard: Arc<Guard>,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, lookup) = (self.guard.clone(), self.lookup.clone());
        Box::pin(async move {
            let found = judged(&guard, &*lookup, name.as_str()).await?;
            // Port 0 stands for the one of the URL.
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

async fn judged(
    guard: &Guard,
    lookup: &dyn Lookup,
    name: &str,
) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
    Guard::judge_name(name)?;
    let found = lookup.addresses(name).await?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
    }
    // One forbidden address refuses the name: who mixes them in hopes for the second try.
    for address in &found {
        guard.judge(*address)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives every name the same answer.
    #[derive(Debug)]
    struct Always(&'static [&'static str]);

    impl Lookup for Always {
        fn addresses(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let found = self.0.iter().map(|text| text.parse().expect("an address")).collect();
            Box::pin(async move { Ok(found) })
        }
    }

    async fn answer(name: &str, addresses: &'static [&'static str]) -> Result<usize, String> {
        let found = judged(&Guard::default(), &Always(addresses), name).await;
        found.map(|found| found.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_with_public_addresses_alone_has_all_of_them() {
        assert_eq!(answer("a.example", &["8.8.8.8", "2606:4700::1"]).await, Ok(2));
        assert_eq!(answer("printer.local", &["8.8.8.8"]).await, Ok(1));
    }

    #[tokio::test]
    async fn one_forbidden_address_refuses_the_name_wherever_it_stands() {
        for addresses in
            [&["8.8.8.8", "127.0.0.1"][..], &["10.0.0.1", "8.8.8.8"], &["8.8.8.8", "fe80::1", "1.1.1.1"]]
        {
            let said = answer("a.example", addresses).await.expect_err("refused");
            assert!(said.contains("no public address"), "{said}");
        }
    }

    #[tokio::test]
    async fn localhost_is_refused_whatever_its_addresses_and_a_name_without_one_is_not_found() {
        assert!(answer("localhost.", &["8.8.8.8"]).await.is_err_and(|said| said.contains("this machine")));
        assert!(answer("a.example", &[]).await.is_err_and(|said| said.contains("no address")));
    }

    #[tokio::test]
    async fn the_machines_own_resolver_gives_its_place_back_with_the_answer() {
        let lookup = SystemLookup::default();
        let found = lookup.addresses("127.0.0.1").await;
        assert_eq!(found.ok(), Some(vec![IpAddr::from([127, 0, 0, 1])]));
        assert_eq!(lookup.places.available_permits(), PLACES);
    }
}
