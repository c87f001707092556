//! The table of tokens (J01–J16, J20, J22): each refusal stands beside a token that is accepted and differs in one thing.
//!
//! In process, against an identity provider on loopback. Every key is real, and every hostile token that can be signed is
//! signed: what refuses it must be the rule that its name speaks of, so the reason is compared and not just the verdict.

mod credentials;
pub(crate) mod rows;
mod sweeps;

use crds::names::Scope;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sidecar::bearer::{Permit, Refusal, Verifier};
use sidecar::clock::UnixTime;

use crate::world::idp::Idp;
use crate::world::tokens::{Change, Draft, key_set};
use crate::world::{self, NOW, SECRET};
use rows::{Base, Row, rows};

/// The provider, and the verifiers that trust it or the shared secret.
pub(crate) struct Judges {
    pub(crate) idp: Idp,
    oidc: Verifier,
    hmac: Verifier,
    cognito: Verifier,
    keycloak: Verifier,
    scoped: Verifier,
}

impl Judges {
    pub(crate) async fn assemble() -> Self {
        let idp = Idp::start(&key_set()).await;
        let (clock, _) = world::clock();
        let plain = world::oidc_policy(&idp.issuer());
        let hmac = world::hmac_policy(&["another-fine-secret-0123456789abcdef", SECRET]);
        let cognito = plain.replace("audience: aud}", "audience: client_id, require: {token_use: [access]}}");
        let keycloak = plain.replace("audience: aud}", "audience: aud, require: {typ: [Bearer]}}");
        let scoped = format!("{plain}requiredScopes: [mcp, tools]\n");
        let judge = |document: &str| world::verifier(document, &clock).0;
        Self {
            oidc: judge(&plain),
            hmac: judge(&hmac),
            cognito: judge(&cognito),
            keycloak: judge(&keycloak),
            scoped: judge(&scoped),
            idp,
        }
    }

    pub(crate) fn draft(&self, base: Base) -> Draft {
        match base {
            Base::Hmac => Draft::hmac(),
            _ => Draft::oidc(&self.idp.issuer()),
        }
    }

    pub(crate) async fn verdict(&self, base: Base, token: &str) -> Result<Permit, Refusal> {
        let verifier = match base {
            Base::Oidc => &self.oidc,
            Base::Hmac => &self.hmac,
            Base::Cognito => &self.cognito,
            Base::Keycloak => &self.keycloak,
            Base::Scoped => &self.scoped,
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a token is a header value"));
        verifier.permit(&headers, None, UnixTime(NOW)).await
    }

    /// "accepted", or the code of the refusal.
    pub(crate) async fn word(&self, base: Base, token: &str) -> &'static str {
        self.verdict(base, token).await.map_or_else(|refusal| refusal.code(), |_| "accepted")
    }

    async fn mistakes_of(&self, row: &Row) -> Vec<String> {
        let mut mistakes = Vec::new();
        let twin = self.draft(row.base).with(row.twin);
        let both: Vec<Change> = row.twin.iter().chain(row.change).copied().collect();
        let token = self.draft(row.base).with(&both);
        for (which, token, expected) in [("twin", twin, "accepted"), ("token", token, row.verdict)] {
            let found = self.word(row.base, &token).await;
            if found != expected {
                mistakes.push(format!("{} ({which}): {found}, not {expected}", row.name));
            }
        }
        mistakes
    }
}

#[tokio::test]
async fn every_token_of_the_table_is_judged_as_the_threats_say_and_so_is_its_twin() {
    let judges = Judges::assemble().await;
    let mut mistakes = Vec::new();
    for row in rows() {
        mistakes.extend(judges.mistakes_of(row).await);
    }
    assert!(mistakes.is_empty(), "{} of {} rows:\n{}", mistakes.len(), rows().count(), mistakes.join("\n"));
}

#[test]
fn the_table_covers_every_threat_and_names_no_row_twice() {
    assert!(rows().count() >= 60, "{}", rows().count());
    for threat in [
        "J01", "J02", "J03", "J04", "J05", "J06", "J07", "J08", "J09", "J10", "J11", "J12", "J13", "J14",
        "J15",
    ] {
        assert!(rows().any(|row| row.name.starts_with(threat)), "{threat}");
    }
    let mut names: Vec<_> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows().count());
}

#[tokio::test]
async fn a_permit_says_who_calls() {
    let judges = Judges::assemble().await;
    let changes = [Change::Claim("scope", "\"mcp tools\""), Change::Claim("azp", "\"cli\"")];
    let token = judges.draft(Base::Scoped).with(&changes);
    let permit = judges.verdict(Base::Scoped, &token).await.expect("accepted");
    let caller = permit.caller();
    assert_eq!(caller.issuer, Some(judges.idp.issuer()));
    assert_eq!(
        (caller.subject.as_str(), caller.client.as_deref(), caller.user.as_deref()),
        ("alice", Some("cli"), Some("alice"))
    );
    assert_eq!(
        (caller.scopes.as_slice(), caller.expires),
        (&["mcp".to_owned(), "tools".to_owned()][..], UnixTime(NOW + 600))
    );
}

#[tokio::test]
async fn a_refusal_for_scope_names_what_is_missing() {
    let judges = Judges::assemble().await;
    let token = judges.draft(Base::Scoped).with(&[Change::Claim("scope", "\"mcp\"")]);
    match judges.verdict(Base::Scoped, &token).await {
        Err(Refusal::InsufficientScope { missing }) => {
            assert_eq!(missing.iter().map(Scope::as_str).collect::<Vec<_>>(), ["tools"]);
        }
        other => panic!("{other:?}"),
    }
}
