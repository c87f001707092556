//! One request, from its head to its answer, top to bottom.
//!
//! Talks to the MCP server, through `forward`. The order is the security of it (X9, R9, R17): is there a policy, can the
//! request be read in one way only, may this web page ask, does the path need a token, is the token good. Only then is
//! anything sent on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crds::Closed;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::connections::Answer;
use super::linger::{self, Sent};
use super::steps::Steps;
use super::visit;
use crate::bearer::Refusal;
use crate::clock::Clock;
use crate::forward::{Failed, Forwarder, Pass, Seen, Upstream};
use crate::live::{Active, Engine, Gate, Live};
use crate::oauth::{AuthorizationServer, Step};
use crate::origin::{self, Origin};
use crate::reply::{self, Body, NotFound, Rejection};
use crate::route::{Document, PublicAccess, Route};
use crate::target;
use crate::telemetry::{Entry, Metrics, Outcome};
use crate::wire::Fault;

/// Answers the traffic port.
#[derive(Debug)]
pub(crate) struct Handler {
    live: Arc<Live>,
    forwarder: Forwarder,
    clock: Clock,
    metrics: Arc<Metrics>,
    steps: Steps,
}

/// What was answered, for the record.
type Answered = (Response<Body>, Outcome);

/// What is to be done with a request.
#[derive(Debug)]
enum Verdict<'a> {
    /// Answered by us.
    Answer(Answered),
    /// For the MCP server.
    Pass(Passage<'a>),
    /// For our own authorization server.
    Step(&'a Arc<AuthorizationServer>, Step),
}

/// A request that may pass, and what its answer needs on the way back.
#[derive(Debug)]
struct Passage<'a> {
    engine: &'a Engine,
    pass: Pass,
    origin: Origin,
}

/// The one record of a request. One that nobody waits for any more has its record too.
#[derive(Debug)]
struct Record<'a> {
    handler: &'a Handler,
    entry: Entry,
    begun: Duration,
    end: Option<(StatusCode, Outcome)>,
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let took = self.handler.clock.uptime().saturating_sub(self.begun);
        let end = self.end.take().map(|(status, outcome)| (status.as_u16(), outcome));
        let (status, outcome) = end.unwrap_or((0, Outcome::Aborted));
        self.handler.metrics.record(&self.entry, status, &outcome, took);
    }
}

impl Handler {
    pub(super) fn new(live: Arc<Live>, upstream: Upstream, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { live, forwarder: Forwarder::new(upstream), clock, metrics, steps: Steps::new() }
    }

    async fn answer_one(&self, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let (head, body) = request.into_parts();
        let active = self.live.active();
        match self.decide(&active, &head).await {
            Verdict::Answer(mut answered) => {
                linger::settle(Sent::by(&head.headers), body, answered.0.headers_mut()).await;
                answered
            }
            Verdict::Pass(passage) => self.relay(passage, Request::from_parts(head, body), peer).await,
            Verdict::Step(server, step) => self.steps.answer(server, step, head, body).await,
        }
    }

    /// By the head alone: nothing of a body is read, or asked for, before this is done (P19).
    async fn decide<'a>(&self, active: &'a Active, head: &Parts) -> Verdict<'a> {
        let engine = match &active.gate {
            Gate::Open(engine) => engine,
            Gate::Closed(closed) => return Verdict::Answer(closed_by(closed.clone())),
        };
        if let Err(bad) = target::check(&head.method, &head.uri, &head.headers) {
            return Verdict::Answer(rejected(Rejection::BadTarget(bad), Some(engine)));
        }
        match engine.routes.of(head.uri.path()) {
            Route::Document(document) => Verdict::Answer(answer_document(engine, document, head)),
            Route::UnknownDocument => {
                Verdict::Answer(answer_missing(NotFound::UnknownDocument, engine, head))
            }
            Route::AuthorizationServer => {
                Verdict::Answer(answer_missing(NotFound::AuthorizationServer, engine, head))
            }
            Route::OAuth(step) => decide_step(engine, step, head),
            Route::Public(access) => self.decide_for_server(engine, Some(access), head).await,
            Route::Protected => self.decide_for_server(engine, None, head).await,
        }
    }

    /// The MCP server's port: public paths and everything else.
    async fn decide_for_server<'a>(
        &self,
        engine: &'a Engine,
        public: Option<PublicAccess>,
        head: &Parts,
    ) -> Verdict<'a> {
        let origin = engine.origins.of(&head.headers);
        // R17: a present and invalid Origin is refused, before authentication and before the server sees anything.
        if origin == Origin::Foreign {
            return Verdict::Answer(rejected_to(&origin, Rejection::ForeignOrigin, engine));
        }
        if origin::is_preflight(&head.method, &head.headers) {
            return Verdict::Answer(preflight(&head.headers, |headers| origin::allow(&origin, headers)));
        }
        match self.pass(engine, public, head).await {
            Ok(pass) => Verdict::Pass(Passage { engine, pass, origin }),
            Err(Rejection::Refused(Refusal::NoCredential)) if visit::is_one(engine, head) => {
                Verdict::Answer(visit::answer(engine))
            }
            Err(rejection) => Verdict::Answer(rejected_to(&origin, rejection, engine)),
        }
    }

    async fn pass(
        &self,
        engine: &Engine,
        public: Option<PublicAccess>,
        head: &Parts,
    ) -> Result<Pass, Rejection> {
        if let Some(access) = public {
            target::check_public(&head.uri).map_err(Rejection::BadTarget)?;
            return Ok(Pass::Public(access));
        }
        let permit = engine.verifier().permit(&head.headers, head.uri.query(), self.clock.unix()).await;
        permit.map(Pass::Permitted).map_err(Rejection::Refused)
    }

    async fn relay(&self, passage: Passage<'_>, request: Request<Incoming>, peer: SocketAddr) -> Answered {
        let Passage { engine, pass, origin } = passage;
        let user = match &pass {
            Pass::Public(_) => None,
            Pass::Permitted(permit) => {
                let caller = permit.caller();
                Some(caller.user.clone().unwrap_or_else(|| caller.subject.clone()))
            }
        };
        let (policy, sent) = (engine.policy(), Sent::by(request.headers()));
        let seen = Seen::by(policy, peer);
        match self.forwarder.forward(pass, request, &seen, policy.max_body_bytes).await {
            Ok(answer) => {
                let mut response = answer.map(Body::Relayed);
                origin::allow(&origin, response.headers_mut());
                (response, Outcome::Forwarded { user })
            }
            Err(Failed { rejection, rest }) => {
                let mut answered = rejected_to(&origin, rejection, engine);
                if let Some(rest) = rest {
                    linger::settle(sent, rest, answered.0.headers_mut()).await;
                }
                answered
            }
        }
    }
}

impl Answer for Handler {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let (entry, begun) = (Entry::of(&request), self.clock.uptime());
        let mut record = Record { handler: self, entry, begun, end: None };
        let (response, outcome) = self.answer_one(request, peer).await;
        record.end = Some((response.status(), outcome));
        response
    }

    fn refuse(&self, fault: Fault) -> Response<Body> {
        let (mut response, outcome) = rejected(Rejection::BadHead(fault), None);
        // Nothing is known of the page that may have asked, and nothing in the answer is secret.
        origin::allow_everyone(response.headers_mut());
        self.metrics.record(&Entry::unread(), response.status().as_u16(), &outcome, Duration::ZERO);
        response
    }
}

/// O21: a person's browser is not asked which page may read the answer; programs in web pages are.
fn decide_step<'a>(engine: &'a Engine, step: Step, head: &Parts) -> Verdict<'a> {
    if step.is_for_programs() && origin::is_preflight(&head.method, &head.headers) {
        return Verdict::Answer(preflight(&head.headers, origin::allow_everyone));
    }
    match engine.authorization_server() {
        Some(server) => Verdict::Step(server, step),
        None => Verdict::Answer(answer_missing(NotFound::AuthorizationServer, engine, head)),
    }
}

fn answer_document(engine: &Engine, document: Document, head: &Parts) -> Answered {
    if origin::is_preflight(&head.method, &head.headers) {
        return preflight(&head.headers, origin::allow_everyone);
    }
    let readable = head.method == Method::GET || head.method == Method::HEAD;
    let body = match document {
        _ if !readable => Err(Rejection::MethodNotAllowed),
        Document::ProtectedResource => Ok(engine.protected_resource.clone()),
        Document::AuthorizationServer => match (engine.authorization_server(), engine.provider()) {
            (Some(own), _) => Ok(own.metadata()),
            (None, Some(provider)) => provider.document().ok_or(Rejection::NotFetchedYet),
            (None, None) => Err(Rejection::NotFound(NotFound::NoProvider)),
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
fn answer_missing(what: NotFound, engine: &Engine, head: &Parts) -> Answered {
    if origin::is_preflight(&head.method, &head.headers) {
        return preflight(&head.headers, origin::allow_everyone);
    }
    let (mut response, outcome) = rejected(Rejection::NotFound(what), Some(engine));
    origin::allow_everyone(response.headers_mut());
    (response, outcome)
}

fn preflight(request: &HeaderMap, allow: impl FnOnce(&mut HeaderMap)) -> Answered {
    let mut response = reply::no_content();
    allow(response.headers_mut());
    origin::answer_preflight(request, response.headers_mut());
    (response, Outcome::Preflight)
}

/// Nothing is known of allowed origins now, and nothing in the answer is secret: every page may read it.
fn closed_by(closed: Closed) -> Answered {
    let (mut response, outcome) = rejected(Rejection::Closed(closed), None);
    origin::allow_everyone(response.headers_mut());
    (response, outcome)
}

/// §3c: a page must be able to read refusals as well, or the challenge is hidden from it.
fn rejected_to(origin: &Origin, rejection: Rejection, engine: &Engine) -> Answered {
    let (mut response, outcome) = rejected(rejection, Some(engine));
    origin::allow(origin, response.headers_mut());
    (response, outcome)
}

fn rejected(rejection: Rejection, engine: Option<&Engine>) -> Answered {
    let outcome = Outcome::Rejected { code: rejection.code() };
    (rejection.into_response(engine.map(|engine| &engine.challenge)), outcome)
}
