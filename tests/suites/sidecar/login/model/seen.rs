//! What can be seen of an answer, in the model and for real.
//!
//! Pure.

use super::stage::address;
use super::terms::{Answer, Redirect, Refusal, Who};
use crate::world::browser::Step;

/// What can be seen of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Page,
    Provider,
    Client(Redirect, Brings),
    Tokens(Who),
    Same(Who),
    Done,
    Refused(Refusal),
    /// The page has no box to tick.
    NotOffered,
}

/// The step of a path that is answered otherwise than the path has it, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Otherwise {
    pub(super) at: usize,
    pub(super) seen: Seen,
}

/// What a client's address is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brings {
    Code,
    Error,
}

impl Seen {
    pub(super) fn of(answer: Answer) -> Self {
        match answer {
            Answer::Page(_) => Self::Page,
            Answer::Provider(_) => Self::Provider,
            Answer::Client(redirect, Some(_)) => Self::Client(redirect, Brings::Code),
            Answer::Client(redirect, None) => Self::Client(redirect, Brings::Error),
            Answer::Tokens(grant) => Self::Tokens(grant.family.person),
            Answer::Same(grant) => Self::Same(grant.family.person),
            Answer::Done => Self::Done,
            Answer::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// What a browser got from us.
pub(super) fn seen(step: &Step, provider: &str) -> Seen {
    if step.leads_to(provider) {
        return Seen::Provider;
    }
    let addresses = [Redirect::Honest, Redirect::Other, Redirect::Attackers];
    if let Some(to) = addresses.into_iter().find(|redirect| step.leads_to(address(*redirect))) {
        let has = |name| step.next().is_some_and(|next| next.parameter(name).is_some());
        assert_ne!(has("code"), has("error"), "{:?}", step.next());
        return Seen::Client(to, if has("code") { Brings::Code } else { Brings::Error });
    }
    let text = step.reply.text();
    assert!(step.next().is_none(), "{:?}", step.next());
    if step.reply.status == 200 && text.contains("name=\"ask\"") {
        return Seen::Page;
    }
    let words = [
        ("unusable_redirect_uri", Refusal::Redirect),
        ("malformed_request", Refusal::Malformed),
        ("other_browser", Refusal::OtherBrowser),
        ("login_expired", Refusal::Expired),
    ];
    let refusal = words.into_iter().find(|(word, _)| text.contains(&format!("<code>{word}</code>")));
    Seen::Refused(refusal.ok_or(text).expect("a page of ours says one of these").1)
}
