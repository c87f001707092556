//! Identity providers that cannot be had here, as one authorization server with many ways: Entra ID, Google, GitHub,
//! Cognito, Auth0, Okta, and one by the book. Seen from the sidecar, which is a client of theirs: each answers as its
//! documents say (`vendors`), lies and fails where a test wants it to (`mischief`), and writes down every request.
//!
//! Listens on loopback.

mod authorize;
mod claims;
mod documents;
mod grants;
pub(crate) mod keys;
mod lies;
pub(crate) mod mischief;
pub(crate) mod people;
pub(crate) mod quirks;
mod revoke;
mod shared;
mod token;
mod user;
pub(crate) mod vendors;
pub(crate) mod wire;

use std::sync::{Arc, Mutex};

use sidecar::clock::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use mischief::{Fault, Lie, Place};
use people::{Person, Visitor};
use quirks::{Hosts, Quirks};
use shared::{Shared, State};
use wire::{Answer, Request};

/// The one client that every provider knows.
pub(crate) const CLIENT_ID: &str = "0oa1client";
pub(crate) const CLIENT_SECRET: &str = "s3cret+with/signs:and%25";

/// A provider that lives as long as this value.
#[derive(Debug)]
pub(crate) struct Provider {
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

impl Provider {
    /// A provider with these ways, over HTTP. Tokens live by `clock`.
    pub(crate) async fn start(quirks: Quirks, clock: &Clock) -> Self {
        Self::start_on(quirks, clock, None).await
    }

    /// The same over TLS, with certificates of this authority.
    pub(crate) async fn start_with_tls(quirks: Quirks, clock: &Clock, authority: &Authority) -> Self {
        Self::start_on(quirks, clock, Some(authority.server("127.0.0.1"))).await
    }

    async fn start_on(quirks: Quirks, clock: &Clock, tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (home, home_address) = listen(scheme).await;
        let (desk, desk_address) = match quirks.hosts {
            Hosts::One => (None, home_address.clone()),
            Hosts::Two => {
                let (listener, address) = listen(scheme).await;
                (Some(listener), address)
            }
        };
        let (clock, state) = (clock.clone(), Mutex::new(State::new()));
        let shared = Arc::new(Shared { quirks, clock, home: home_address, desk: desk_address, state });
        let mut server = JoinSet::new();
        for (listener, base) in [(Some(home), &shared.home), (desk, &shared.desk)] {
            if let Some(listener) = listener {
                server.spawn(serve(listener, tls.clone(), base.clone(), shared.clone()));
            }
        }
        Self { shared, _server: server }
    }

    /// What stands in its tokens and in a policy.
    pub(crate) fn issuer(&self) -> String {
        self.shared.issuer()
    }

    /// The address of an endpoint.
    pub(crate) fn url(&self, place: Place) -> String {
        self.shared.url(place)
    }

    /// Lets the client come back to this URI.
    pub(crate) fn register(&self, redirect_uri: &str) {
        self.shared.state().redirect_uris.push(redirect_uri.to_owned());
    }

    /// Who is at every browser that has no session here.
    pub(crate) fn visitor(&self, visitor: Visitor) {
        self.shared.state().visitor = visitor;
    }

    /// Makes a person known, for whoever logs in by form under that name. Anybody else is a person without quirks.
    pub(crate) fn knows(&self, person: Person) {
        self.shared.state().people.insert(person.name.clone(), person);
    }

    /// From now on this person cannot log in, and what they agreed to is worth nothing.
    pub(crate) fn disable(&self, name: &str) {
        self.shared.state().disabled.insert(name.to_owned());
    }

    pub(crate) fn enable(&self, name: &str) {
        self.shared.state().disabled.remove(name);
    }

    /// From now on it lies in this one way.
    pub(crate) fn lie(&self, lie: Lie) {
        self.shared.state().lie = Some(lie);
    }

    /// From now on this place answers like this.
    pub(crate) fn fail(&self, place: Place, fault: Fault) {
        self.shared.state().faults.insert(place, fault);
    }

    /// No lie and no fault any more.
    pub(crate) fn behave(&self) {
        let mut state = self.shared.state();
        state.lie = None;
        state.faults.clear();
    }

    /// Every request at this place so far.
    pub(crate) fn requests(&self, place: Place) -> Vec<Request> {
        let state = self.shared.state();
        state.requests.iter().filter(|request| request.place == place).cloned().collect()
    }

    /// The newest request at this place.
    pub(crate) fn last(&self, place: Place) -> Request {
        self.requests(place).pop().expect("somebody has been there")
    }
}

async fn listen(scheme: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    (listener, format!("{scheme}://{address}"))
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, base: String, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, base, shared) = (tls.clone(), base.clone(), shared.clone());
        connections.spawn(async move {
            match tls {
                None => connection(stream, &base, &shared).await,
                Some(tls) => {
                    // A caller who does not trust us hangs up here.
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, &base, &shared).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request, one answer.
async fn connection(mut stream: impl AsyncRead + AsyncWrite + Unpin, base: &str, shared: &Shared) {
    let Some(raw) = wire::read(&mut stream).await else { return };
    let Some(place) = shared.place(base, raw.path()) else {
        let _ = Answer::page(404, "<title>Not found</title>").write(&mut stream).await;
        return;
    };
    let request = raw.at(place);
    let fault = {
        let mut state = shared.state();
        state.requests.push(request.clone());
        state.faults.get(&place).cloned()
    };
    if let Some(fault) = fault
        && !wire::misbehave(&mut stream, fault).await
    {
        return;
    }
    let answer = shared.answer(&request);
    // Whoever asked may have hung up: that is one of the things under test.
    let _ = answer.write(&mut stream).await;
}
