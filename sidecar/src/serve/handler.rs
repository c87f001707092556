//! One request, from its head to its answer, top to bottom.
//!
//! Talks to the MCP server, through `forward`. The order is the security of it (X9, R9, R17): is there a policy, can the
//! request be read in one way only, may this web page ask, does the path need a token, is the token good. Only then is
//! anything sent on.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::connections::Answer;
use crate::clock::Clock;
use crate::forward::{Forwarder, Pass, Seen, Upstream};
use crate::live::{Engine, Gate, Live};
use crate::origin::{self, Origin};
use crate::reply::{self, Body, NotFound, Rejection};
use crate::route::{Document, PublicAccess, Route};
use crate::target;
use crate::telemetry::{Entry, Metrics, Outcome};

/// Answers the traffic port.
#[derive(Debug)]
pub(crate) struct Handler {
    live: Arc<Live>,
    forwarder: Forwarder,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// What was answered, for the record.
type Answered = (Response<Body>, Outcome);

impl Handler {
    pub(super) fn new(live: Arc<Live>, upstream: Upstream, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { live, forwarder: Forwarder::new(upstream), clock, metrics }
    }

    async fn answer_one(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let active = self.live.active();
        let engine = match &active.gate {
            Gate::Open(engine) => engine,
            Gate::Closed(closed) => return rejected(Rejection::Closed(closed.clone()), None),
        };
        if let Err(bad) = target::check(request.method(), request.uri(), request.headers()) {
            return rejected(Rejection::BadTarget(bad), Some(engine));
        }
        match engine.routes.of(request.uri().path()) {
            Route::Document(document) => answer_document(engine, document, &request),
            Route::UnknownDocument => answer_missing(NotFound::UnknownDocument, engine, &request),
            Route::AuthorizationServer => answer_missing(NotFound::AuthorizationServer, engine, &request),
            Route::Public(access) => self.answer_server(engine, Some(access), request, peer).await,
            Route::Protected => self.answer_server(engine, None, request, peer).await,
        }
    }

    /// The MCP server's port: public paths and everything else.
    async fn answer_server(
        &self,
        engine: &Engine,
        public: Option<PublicAccess>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Answered {
        let origin = engine.origins.of(request.headers());
        // R17: a present and invalid Origin is refused, before authentication and before the server sees anything.
        if origin == Origin::Foreign {
            return rejected(Rejection::ForeignOrigin, Some(engine));
        }
        if origin::is_preflight(request.method(), request.headers()) {
            return preflight(&request, |headers| origin::allow(&origin, headers));
        }
        let (mut response, outcome) = match self.relay(engine, public, request, peer).await {
            Ok(answered) => answered,
            Err(rejection) => rejected(rejection, Some(engine)),
        };
        origin::allow(&origin, response.headers_mut());
        (response, outcome)
    }

    async fn relay(
        &self,
        engine: &Engine,
        public: Option<PublicAccess>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Answered, Rejection> {
        let (pass, user) = match public {
            Some(access) => (Pass::Public(access), None),
            None => {
                let (head, query) = (request.headers(), request.uri().query());
                let permit = engine.verifier().permit(head, query, self.clock.unix()).await;
                let permit = permit.map_err(Rejection::Refused)?;
                let caller = permit.caller();
                let user = caller.user.clone().unwrap_or_else(|| caller.subject.clone());
                (Pass::Permitted(permit), Some(user))
            }
        };
        let policy = engine.policy();
        let answer =
            self.forwarder.forward(pass, request, &Seen::by(policy, peer), policy.max_body_bytes).await?;
        Ok((answer.map(Body::Relayed), Outcome::Forwarded { user }))
    }
}

impl Answer for Handler {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let begun = self.clock.uptime();
        let entry = Entry::of(&request);
        let (response, outcome) = self.answer_one(request, peer).await;
        let took = self.clock.uptime().saturating_sub(begun);
        self.metrics.record(&entry, response.status(), &outcome, took);
        response
    }
}

fn answer_document(engine: &Engine, document: Document, request: &Request<Incoming>) -> Answered {
    if origin::is_preflight(request.method(), request.headers()) {
        return preflight(request, origin::allow_everyone);
    }
    let readable = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let body = match document {
        _ if !readable => Err(Rejection::MethodNotAllowed),
        Document::ProtectedResource => Ok(engine.protected_resource.clone()),
        Document::AuthorizationServer => match engine.provider() {
            Some(provider) => provider.document().ok_or(Rejection::NotFetchedYet),
            None => Err(Rejection::NotFound(NotFound::NoProvider)),
        },
    };
    let (mut response, outcome) = match body {
        Ok(body) => (reply::document(body), Outcome::Document),
        Err(rejection) => rejected(rejection, Some(engine)),
    };
    origin::allow_everyone(response.headers_mut());
    (response, outcome)
}

/// D4: what is not here is a JSON 404, also for a browser.
fn answer_missing(what: NotFound, engine: &Engine, request: &Request<Incoming>) -> Answered {
    if origin::is_preflight(request.method(), request.headers()) {
        return preflight(request, origin::allow_everyone);
    }
    let (mut response, outcome) = rejected(Rejection::NotFound(what), Some(engine));
    origin::allow_everyone(response.headers_mut());
    (response, outcome)
}

fn preflight(request: &Request<Incoming>, allow: impl FnOnce(&mut http::HeaderMap)) -> Answered {
    let mut response = reply::no_content();
    allow(response.headers_mut());
    origin::answer_preflight(request.headers(), response.headers_mut());
    (response, Outcome::Preflight)
}

fn rejected(rejection: Rejection, engine: Option<&Engine>) -> Answered {
    let outcome = Outcome::Rejected { code: rejection.code() };
    (rejection.into_response(engine.map(|engine| &engine.challenge)), outcome)
}
