//! The model's paths, walked by real browsers and clients against real sidecars: at each step the sidecar must answer as the
//! model says. So the model cannot allow less, or more, than the code does.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::scene::{ORIGIN, body, tokens};
use super::acts::known_pair;
use super::explore::Path;
use super::moves::HONEST;
use super::scope::Scope;
use super::seen::{Otherwise, Seen, seen};
use super::stage::{Stage, address, verifier};
use super::terms::{
    Action, Alone, Answer, Ask, Client, Code, Decision, Grant, Lure, Pair, Refusal, Replica, Who, Wish,
};
use crate::world::browser::Navigation;
use crate::world::client::Reply;

const LINK: &str = "https://attacker.example/";

/// Walks a path, on a stage where nobody has done anything yet, up to the first answer that is not the path's.
pub(super) async fn replay(stage: &mut Stage, scope: &Scope, path: &Path) -> Result<(), Otherwise> {
    stage.begin(scope.client).await;
    for (at, (action, answer)) in path.iter().enumerate() {
        let seen = act(stage, scope, *action, *answer).await;
        if seen != Seen::of(*answer) {
            return Err(Otherwise { at, seen });
        }
    }
    Ok(())
}

async fn act(stage: &mut Stage, scope: &Scope, action: Action, answer: Answer) -> Seen {
    match action {
        Action::Tick => stage.hands.advance(Duration::from_secs(scope.tick)),
        Action::Restart(at) => stage.restart(at).await,
        Action::Rotate(at) => stage.rotate(at).await,
        Action::Start(flow, at) => {
            let url = stage.url(Wish { pair: Pair::Honest(flow), ..HONEST }, "code");
            return go(stage, at, &Navigation::typed(&url), answer).await;
        }
        Action::Decide(ask, decision, at) => return decide(stage, at, (ask, decision), answer).await,
        Action::Return(login, at) => {
            let there = stage.tabs[&login].clone();
            return go(stage, at, &there, answer).await;
        }
        Action::Redeem(code, flow, at) => {
            let text = stage.codes[&code].clone();
            let shown =
                Shown { by: Who::Victim, code: &text, wish: Wish { pair: Pair::Honest(flow), ..HONEST } };
            return redeem(stage, at, shown, answer).await;
        }
        Action::Refresh(grant, at) => {
            let held = stage.grants[&grant].refresh.clone();
            return refresh(stage, at, (Who::Victim, HONEST.client), &held, answer).await;
        }
        Action::Revoke(grant, at) => {
            let token = stage.grants[&grant].refresh.clone();
            let reply = stage
                .post(at, "/oauth/revoke", &[("client_id", stage.id(HONEST.client)), ("token", &token)])
                .await;
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
        Action::Call(family, at) => return call(stage, at, family).await,
        Action::Alone(alone) => return act_alone(stage, alone).await,
        Action::Lead(lure, at) => return lead(stage, lure, at, answer).await,
        Action::Steal(code, client, redirect, at) => {
            let text = stage.codes[&code].clone();
            let wish = Wish { client, redirect, pair: known_pair(code) };
            return redeem(stage, at, Shown { by: Who::Attacker, code: &text, wish }, answer).await;
        }
    }
    Seen::Done
}

async fn decide(stage: &mut Stage, at: Replica, (ask, decision): (Ask, Decision), answer: Answer) -> Seen {
    let page = &stage.pages[&ask];
    let form = page.form("ask");
    let pressed = match decision {
        Decision::Allow => form.press("allow"),
        Decision::Deny => form.press("deny"),
        Decision::Remember if !page.reply.text().contains("name=\"remember\"") => return Seen::NotOffered,
        Decision::Remember => form.tick("remember").press("allow"),
    };
    go(stage, at, &pressed, answer).await
}

/// The victim's browser goes there, and on through the provider up to a page or to a client's address.
async fn go(stage: &mut Stage, at: Replica, to: &Navigation, answer: Answer) -> Seen {
    let provider = stage.provider.issuer();
    let starts_there = to.url().as_str().starts_with(&provider);
    let mut step = stage.victim_at(at).take(to).await;
    // Of a request to us, the answer is what counts; from the provider on, what we say to its answer.
    if starts_there {
        step = stage.victim_at(at).take(&step.next().expect("the provider knows the person")).await;
    }
    let seen = seen(&step, &provider);
    if seen == Seen::of(answer) {
        stage.keep(answer, step);
    }
    seen
}

/// Who redeems a code as what.
struct Shown<'a> {
    by: Who,
    code: &'a str,
    wish: Wish,
}

async fn redeem(stage: &mut Stage, at: Replica, Shown { by, code, wish }: Shown<'_>, answer: Answer) -> Seen {
    let verifier = verifier(wish.pair);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", address(wish.redirect)),
        ("code_verifier", &verifier),
    ];
    let reply =
        stage.post(at, "/oauth/token", &[&fields, &*stage.credentials(by, wish.client)].concat()).await;
    given(stage, &reply, answer)
}

async fn refresh(
    stage: &mut Stage,
    at: Replica,
    (by, client): (Who, Client),
    token: &str,
    answer: Answer,
) -> Seen {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let reply = stage.post(at, "/oauth/token", &[&fields, &*stage.credentials(by, client)].concat()).await;
    given(stage, &reply, answer)
}

/// What the token endpoint gave, and whether it had given just that before.
fn given(stage: &mut Stage, reply: &Reply, answer: Answer) -> Seen {
    if reply.status == 401 {
        assert_eq!(body(reply)["error"], "invalid_client");
        return Seen::Refused(Refusal::Client);
    }
    if reply.status != 200 {
        assert_eq!((reply.status, body(reply)["error"].as_str()), (400, Some("invalid_grant")));
        return Seen::Refused(Refusal::Grant);
    }
    let tokens = tokens(reply);
    let payload =
        tokens.access.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).expect("a JWT");
    let claims: Value = serde_json::from_slice(&payload).expect("JSON");
    let is_victim = claims["sub"].as_str().is_some_and(|subject| subject.ends_with("|victim"));
    let person = if is_victim { Who::Victim } else { Who::Attacker };
    let is_known = stage.grants.values().any(|known| known.refresh == tokens.refresh);
    if let Answer::Tokens(grant) | Answer::Same(grant) = answer {
        stage.grants.insert(grant, tokens);
    }
    if is_known { Seen::Same(person) } else { Seen::Tokens(person) }
}

async fn call(stage: &Stage, at: Replica, family: Code) -> Seen {
    let held = stage.grants.iter().find(|(grant, _)| grant.family == family).expect("somebody holds it").1;
    let bearer = format!("Bearer {}", held.access);
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let reply = stage.send(at, "POST /mcp", &headers, "{}").await;
    match reply.status {
        200 => Seen::Done,
        status => {
            assert_eq!(status, 401, "{}", reply.text());
            Seen::Refused(Refusal::Token)
        }
    }
}

async fn act_alone(stage: &mut Stage, alone: Alone) -> Seen {
    let step = match alone {
        Alone::Ask(wish) => stage.attackers_page(wish).await,
        Alone::Agree(ask) => stage.attackers_login(ask.wish).await,
        Alone::LogIn(login) => {
            let back = stage.attackers_answer(login.wish).await;
            assert!(back.leads_to(ORIGIN), "the provider sends him back");
            return Seen::Done;
        }
        Alone::Return(login, _) => stage.attackers_return(login.wish).await,
        Alone::Redeem(code) => return attackers_tokens(stage, code, 0).await,
        Alone::Refresh(grant) => return attackers_tokens(stage, grant.family, grant.generation + 1).await,
    };
    seen(&step, &stage.provider.issuer())
}

async fn attackers_tokens(stage: &mut Stage, family: Code, generation: u8) -> Seen {
    let text = stage.attackers_code(family.wish).await;
    let grant = |generation| Grant { family, generation, key: 0 };
    let shown = Shown { by: Who::Attacker, code: &text, wish: family.wish };
    let mut seen = redeem(stage, Replica::One, shown, Answer::Tokens(grant(0))).await;
    for next in 1..=generation {
        let held = stage.grants[&grant(next - 1)].refresh.clone();
        let client = (Who::Attacker, family.wish.client);
        seen = refresh(stage, Replica::One, client, &held, Answer::Tokens(grant(next))).await;
    }
    seen
}

async fn lead(stage: &mut Stage, lure: Lure, at: Replica, answer: Answer) -> Seen {
    let to = match lure {
        Lure::Authorize(wish) => Navigation::linked(LINK, &stage.url(wish, "code")),
        Lure::Server(wish) => Navigation::typed(&stage.url(wish, "code")),
        Lure::Malformed(wish) => Navigation::linked(LINK, &stage.url(wish, "token")),
        Lure::Post(ask) => {
            let page = stage.attackers_page(ask.wish).await;
            let form = page.form("ask");
            let fields = [("ask", form.value("ask")), ("csrf", form.value("csrf")), ("decision", "allow")];
            Navigation::posted(LINK, &format!("{ORIGIN}/oauth/consent"), &fields)
        }
        Lure::Provider(login) => {
            let there = stage.attackers_login(login.wish).await;
            Navigation::linked(LINK, there.next().expect("to the provider").url().as_str())
        }
        Lure::Callback(login, said) if said.of == login => {
            let back = stage.attackers_answer(login.wish).await;
            Navigation::linked(LINK, back.next().expect("back to us").url().as_str())
        }
        Lure::Callback(login, said) => {
            let there = stage.attackers_login(login.wish).await.next().expect("to the provider");
            let back = stage.attackers_answer(said.of.wish).await.next().expect("back to us");
            let named = there.parameter("state").expect("a state");
            let code = back.parameter("code").expect("a code");
            Navigation::linked(LINK, &format!("{ORIGIN}/oauth/callback?code={code}&state={named}"))
        }
        Lure::Client(code) => {
            let text = stage.attackers_code(code.wish).await;
            return redeem(stage, at, Shown { by: Who::Victim, code: &text, wish: HONEST }, answer).await;
        }
    };
    go(stage, at, &to, answer).await
}
