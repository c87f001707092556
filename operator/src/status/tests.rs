//! Pods in, a status out; each verdict beside the twin that differs in one thing.

use crds::Report;
use crds::proxy::Keys;
use crds::report::Standing;
use crds::resource::Injection;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::gather::{Inputs, Kind, Reference};
use crate::keys::Held;
use crate::resolve::resolve;
use crate::told::Told;

fn time(second: i64) -> Time {
    Time(Timestamp::from_second(second).expect("a time"))
}

fn policy(audience: &str) -> Result<Policy, Unresolved> {
    let spec = format!(
        "{{server: {{url: 'https://h/mcp'}}, provider: okta, oidc: {{issuer: 'https://c.okta.com', audience: ['{audience}']}}}}"
    );
    resolve(&serde_yaml::from_str(&spec).expect("YAML"), &Inputs::new(), &Held::NotNeeded)
}

/// A policy by which people log in with this provider.
fn login_with(provider: &str) -> Result<Policy, Unresolved> {
    login_and(provider, "")
}

fn login_and(provider: &str, proxy: &str) -> Result<Policy, Unresolved> {
    login_by(&format!(
        "{{server: {{url: 'https://h.example/mcp'}}, provider: {provider}, proxy: {{{proxy}}}, \
         oidc: {{issuer: 'https://c.okta.com', clientId: x, clientSecretRef: {{name: s, key: k}}}}}}"
    ))
}

fn login_by(spec: &str) -> Result<Policy, Unresolved> {
    let reference = Reference { kind: Kind::Secret, name: "s".into(), key: "k".into() };
    let inputs = Inputs::from([(reference, Ok(crds::Secret::new(b"of the provider".to_vec())))]);
    let keys = Keys { seal: Vec::new(), sign: Vec::new() };
    resolve(&serde_yaml::from_str(spec).expect("YAML"), &inputs, &Held::Keys(keys))
}

/// A pod that was told of a revision, is ready, and says that it enforces that revision.
fn pod(revision: &str) -> Selected {
    let word = Report {
        standing: Standing::Enforcing,
        says: String::new(),
        revision: revision.into(),
        complaint: None,
    };
    Selected {
        name: "p".into(),
        injected: true,
        told: Some(Told::first(revision, time(0).0)),
        ready: true,
        word: Some(word),
        ..Selected::default()
    }
}

fn built() -> Built {
    let injection = Injection { annotation: "a".into(), container: json!({}), volume: json!({}) };
    Built { revision: "r".into(), placed: "p".into(), secret: Secret::default(), injection }
}

fn after(before: &Status, resolved: &Result<Policy, Unresolved>, pods: &[Selected], second: i64) -> Status {
    let (generation, admission) = (1, Admitted::InForce);
    status(before, &Facts { generation, resolved, built: &built(), pods, admission }, &time(second))
}

fn ready(status: &Status) -> (&str, &str) {
    let condition =
        status.conditions.iter().find(|condition| condition.type_ == READY).expect("there is one");
    (&condition.status, &condition.reason)
}

fn message(status: &Status) -> &str {
    &status.conditions.iter().find(|condition| condition.type_ == READY).expect("there is one").message
}

/// What becomes of a policy whose pods are one good one and this one.
fn beside_a_good_one(pod: Selected) -> (String, String) {
    let good = Selected { name: "good".into(), ..self::pod("r") };
    let status = after(&Status::default(), &policy("x"), &[good, pod], 0);
    let (verdict, reason) = ready(&status);
    (verdict.to_owned(), reason.to_owned())
}

fn is(verdict: &str, reason: &str) -> (String, String) {
    (verdict.to_owned(), reason.to_owned())
}

#[test]
fn ready_is_when_every_pod_says_itself_that_it_enforces_this_revision() {
    assert_eq!(beside_a_good_one(pod("r")), is("True", "Ready"));
    let says = |change: &dyn Fn(&mut Report)| {
        let mut pod = pod("r");
        change(pod.word.as_mut().expect("it has one"));
        beside_a_good_one(pod)
    };
    assert_eq!(says(&|_| ()), is("True", "Ready"));
    assert_eq!(says(&|word| word.revision = "older".into()), is("False", "PodsNotReady"));
    assert_eq!(says(&|word| word.standing = Standing::NotReady), is("False", "PodsNotReady"));
    assert_eq!(says(&|word| word.standing = Standing::Closed), is("False", "PodsNotReady"));
    assert_eq!(beside_a_good_one(Selected { ready: false, ..pod("r") }), is("False", "PodsNotReady"));
    let open = Selected { injected: false, ..Selected::default() };
    assert_eq!(beside_a_good_one(open), is("False", "PodsNotInjected"));
    let tampered = Selected { injected: false, tampered: true, ..Selected::default() };
    assert_eq!(beside_a_good_one(tampered), is("False", "PodsTampered"));
    assert_eq!(ready(&after(&Status::default(), &policy("x"), &[], 0)), ("False", "NoPods"));
}

/// K14: that a pod was told of a revision says nothing of what it does.
#[test]
fn k14_a_pod_that_was_told_of_the_revision_and_obeys_another_one_is_not_ready() {
    let told = Selected { told: pod("r").told, ..pod("older") };
    assert_eq!(beside_a_good_one(told), is("False", "PodsNotReady"));
    let untold = Selected { told: None, ..pod("r") };
    assert_eq!(beside_a_good_one(untold), is("True", "Ready"));
}

#[test]
fn a_pod_that_cannot_be_asked_makes_ready_unknown_and_one_that_was_not_even_told_makes_it_false() {
    let unheard = Selected { word: None, ..pod("r") };
    assert_eq!(beside_a_good_one(unheard.clone()), is("Unknown", "PodsNotHeard"));
    assert_eq!(beside_a_good_one(Selected { told: None, ..unheard.clone() }), is("False", "PodsNotReady"));
    assert_eq!(beside_a_good_one(Selected { ready: false, ..unheard }), is("False", "PodsNotReady"));
}

#[test]
fn a_pod_from_before_an_edit_of_what_is_placed_is_outdated_whatever_it_enforces() {
    let outdated = Selected { outdated: true, ..pod("r") };
    assert_eq!(beside_a_good_one(outdated.clone()), is("False", "PodsOutdated"));
    assert_eq!(beside_a_good_one(Selected { outdated: false, ..outdated.clone() }), is("True", "Ready"));
    let status = after(&Status::default(), &policy("x"), &[outdated], 0);
    assert!(message(&status).contains("kubectl rollout restart"), "{}", message(&status));
    assert_eq!(status.pods.current, 0);
}

#[test]
fn a_sidecar_that_refuses_the_document_is_named_and_not_quoted() {
    let refusing = |complaint: Option<&str>| {
        let mut pod = pod("older");
        pod.word.as_mut().expect("it has one").complaint = complaint.map(str::to_owned);
        message(&after(&Status::default(), &policy("x"), &[pod], 0)).to_owned()
    };
    let said = refusing(Some("hostile text"));
    assert!(said.contains("the one in p refuses it") && !said.contains("hostile"), "{said}");
    assert!(!refusing(None).contains("refuses"));
}

#[test]
fn a_policy_is_not_accepted_before_the_api_server_looks_at_its_namespace() {
    let policy = policy("x");
    let of = |admission| {
        let (built, pods) = (built(), [pod("r")]);
        let facts = Facts { generation: 1, resolved: &policy, built: &built, pods: &pods, admission };
        let status = status(&Status::default(), &facts, &time(0));
        (ready(&status).1.to_owned(), message(&status).to_owned())
    };
    assert_eq!(of(Admitted::InForce).0, "Ready");
    let (reason, said) = of(Admitted::NotYet(None));
    assert!(reason == "AdmissionPending" && !said.contains("cannot be told"), "{said}");
    let (reason, said) = of(Admitted::NotYet(Some("forbidden".into())));
    assert!(reason == "AdmissionPending" && said.ends_with("so far it cannot be told: forbidden"), "{said}");
}

#[test]
fn a_policy_that_cannot_be_enforced_is_not_ready_whatever_its_pods_say() {
    let status = after(&Status::default(), &policy("a b"), &[pod("r")], 0);
    assert_eq!(ready(&status), ("False", "Invalid"));
}

#[test]
fn a_condition_keeps_its_time_until_it_turns() {
    let first = after(&Status::default(), &policy("x"), &[pod("r")], 1);
    let second = after(&first, &policy("x"), &[pod("r")], 2);
    assert_eq!(second, first);
    assert!(transitions(&first, &second).is_empty());
    let third = after(&second, &policy("x"), &[pod("older")], 3);
    let turned: Vec<_> =
        transitions(&second, &third).iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(turned, ["Ready"]);
    assert_eq!(third.conditions[2].last_transition_time, time(3));
    assert_eq!(third.conditions[0].last_transition_time, time(1));
}

#[test]
fn a_policy_waits_for_words_of_its_pods_and_not_for_its_author() {
    let of = |pods: &[Selected]| waits_since(&after(&Status::default(), &policy("x"), pods, 7)).cloned();
    assert_eq!(of(&[pod("older")]), Some(time(7)));
    assert_eq!(of(&[Selected { word: None, ..pod("r") }]), Some(time(7)));
    for pods in [vec![pod("r")], vec![], vec![Selected { outdated: true, ..pod("r") }]] {
        assert_eq!(of(&pods), None);
    }
}

#[test]
fn pods_are_counted() {
    let open = Selected { injected: false, ..pod("r") };
    let unheard = Selected { word: None, ..pod("r") };
    let counts = after(&Status::default(), &policy("x"), &[pod("r"), pod("older"), open, unheard], 0).pods;
    assert_eq!((counts.selected, counts.injected, counts.current), (4, 3, 1));
}

#[test]
fn what_is_held_up_keeps_what_there_was_and_what_is_turned_down_does_not() {
    let before = after(&Status::default(), &policy("x"), &[pod("r")], 0);
    let refusal = Refusal { reason: "ApplyFailed", message: "no".into() };
    let held = held_up(&before, 2, &refusal, &time(1));
    assert_eq!((ready(&held), held.observed_generation), (("False", "ApplyFailed"), Some(2)));
    assert_eq!(
        (&held.injection, held.pods, &held.endpoints),
        (&before.injection, before.pods, &before.endpoints)
    );
    assert_eq!(
        held.conditions.iter().map(|one| one.type_.as_str()).collect::<Vec<_>>(),
        [ACCEPTED, INJECTED, READY]
    );
    assert_eq!(held_up(&Status::default(), 1, &refusal, &time(1)).conditions.len(), 2);
    let down = turned_down(&before, 2, &refusal, &time(1));
    assert_eq!((ready(&down), &down.injection), (("False", "ApplyFailed"), &None));
}

#[test]
fn clients_are_told_of_the_provider_in_native_mode_and_of_us_in_proxy_mode() {
    let issuer = |resolved: &Result<Policy, Unresolved>| {
        let status = after(&Status::default(), resolved, &[], 0);
        status.endpoints.expect("it is in force").issuer.expect("there is one")
    };
    assert_eq!(issuer(&policy("x")), "https://c.okta.com");
    assert_eq!(issuer(&login_with("okta")), "https://h.example");
}

/// Two replicas that take turns at a refresh token would log an honest client out where the provider takes each token once.
#[test]
fn several_pods_and_a_provider_that_takes_a_refresh_token_once_are_told_what_to_do() {
    let accepted = |provider: &str, pods: usize| {
        let status = after(&Status::default(), &login_with(provider), &vec![pod("r"); pods], 0);
        let condition = status.conditions.first().expect("the first one is Accepted").clone();
        assert_eq!((&*condition.status, &*condition.reason), ("True", ACCEPTED));
        condition.message
    };
    for provider in ["okta", "auth0", "keycloak", "oidc"] {
        let said = accepted(provider, 2);
        assert!(said.contains("'sessionAffinity: ClientIP' on the Service, or proxy.store"), "{said}");
        assert!(
            said.contains(&format!("its 2 pods share logins, and refresh tokens of provider {provider}"))
        );
        assert_eq!(accepted(provider, 1), "the policy is in force");
    }
    for provider in ["google", "azure", "cognito", "github"] {
        assert_eq!(accepted(provider, 2), "the policy is in force", "{provider}");
    }
    let shared = login_and("okta", "store: {url: 'redis://valkey'}");
    let shared = after(&Status::default(), &shared, &[pod("r"), pod("r")], 0);
    assert_eq!(shared.conditions[0].message, "the policy is in force");
    let native = after(&Status::default(), &policy("x"), &[pod("r"), pod("r")], 0);
    assert_eq!(native.conditions[0].message, "the policy is in force");
}

/// At these two anybody can have an account. A server of one's own, and other providers, let in whom their owner lets in.
#[test]
fn a_login_with_a_provider_that_is_everybodys_is_told_whom_it_lets_in() {
    let accepted = |provider: &str, issuer: &str, claims: &str| {
        let resolved = login_by(&format!(
            "{{server: {{url: 'https://h.example/mcp'}}, provider: {provider}, claims: {{{claims}}}, \
             oidc: {{{issuer}clientId: x, clientSecretRef: {{name: s, key: k}}}}}}"
        ));
        let status = after(&Status::default(), &resolved, &[pod("r")], 0);
        let condition = status.conditions.first().expect("the first one is Accepted").clone();
        assert_eq!((&*condition.status, &*condition.reason), ("True", ACCEPTED));
        condition.message
    };
    for (provider, accounts, claims) in [
        ("github", "GitHub", "require: {login: [octocat]}"),
        ("google", "Google", "require: {hd: [e.example]}"),
    ] {
        let said = accepted(provider, "", "");
        assert!(said.contains(&format!("everybody with a {accounts} account may log in")), "{said}");
        assert!(said.ends_with("set claims.require"), "{said}");
        assert_eq!(accepted(provider, "", claims), "the policy is in force");
    }
    assert_eq!(accepted("github", "issuer: 'https://github.example.com', ", ""), "the policy is in force");
    assert_eq!(accepted("okta", "issuer: 'https://c.okta.com', ", ""), "the policy is in force");
}

#[test]
fn o17_a_network_that_nobody_means_to_open_is_named_with_what_is_in_it_and_another_is_not() {
    let accepted = |proxy: &str| {
        let status = after(&Status::default(), &login_and("okta", proxy), &[pod("r")], 0);
        let condition = status.conditions.first().expect("the first one is Accepted").clone();
        assert_eq!((&*condition.status, &*condition.reason), ("True", ACCEPTED));
        condition.message
    };
    let two = accepted("allowNetworks: [10.1.0.0/16, 127.0.0.0/8, '::/0']");
    for part in [
        "; proxy.allowNetworks has 127.0.0.0/8, which holds loopback addresses",
        "; and ::/0, which holds every address, and",
        ": write the networks of your clients alone",
    ] {
        assert!(two.contains(part), "{part} in {two}");
    }
    assert!(!two.contains("10.1.0.0"), "{two}");
    assert_eq!(accepted("allowNetworks: [10.1.0.0/16]"), "the policy is in force");
    // Nobody is asked for documents then.
    let without = "allowNetworks: [127.0.0.0/8], clients: {metadataDocuments: false}";
    assert_eq!(accepted(without), "the policy is in force");
}
