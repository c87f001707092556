//! The charts: what helm refuses, and what the control plane's may do. Starts helm, which is fetched where it is missing,
//! and talks to no cluster.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::checkout::{File, files, read, run};
use crate::helm::{CURRENT, OPERATOR, SERVER, helm, kind, objects, sets, template, words};

const BARE: &[&str] = &["image.repository=example/server"];
const OIDC: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.provider=okta",
    "oauth.oidc.issuer=https://company.okta.com",
    "oauth.oidc.audience=api://my-server",
];
/// As people who come from Go libraries of this field have them.
const EMPTY: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.mode=native",
    "oauth.provider=okta",
    "oauth.redirectURIs=",
    "oauth.jwtSecret=",
    "oauth.oidc.issuer=https://company.okta.com",
    "oauth.oidc.audience=api://my-server",
    "oauth.oidc.clientId=",
    "oauth.oidc.clientSecret=",
];
/// A file of values for both modes: the audience has no meaning in this one.
const LOGIN: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=okta",
    "oauth.redirectURIs=https://mcp.example.com/oauth/callback",
    "oauth.oidc.issuer=https://company.okta.com",
    "oauth.oidc.audience=api://my-server",
    "oauth.oidc.clientId=0oa1b2c3",
    "oauth.oidc.clientSecret=hunter2",
    "oauth.claims.require.groups={mcp-users}",
];
const GITHUB: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=github",
    "oauth.oidc.clientId=Ov23",
    "oauth.oidc.existingSecret=github",
];
/// The operator's chart needs to be told where its images are, and nothing else.
const IMAGES: &[&str] =
    &["image.repository=example/mcp-oauth-operator", "sidecarImage.repository=example/mcp-oauth-sidecar"];
const HMAC: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.provider=hmac",
    "oauth.jwtSecret=a-text-of-thirty-two-bytes-or-more",
];

/// Good values with one change, and what helm must say to it.
const REFUSED: [(&str, &[&str], &str, &str); 36] = [
    (SERVER, BARE, "image.repository=", "/image/repository"),
    (SERVER, BARE, "port=0", "/port"),
    (SERVER, BARE, "port=17080", "/port"),
    (SERVER, BARE, "prot=8080", "prot"),
    (SERVER, OIDC, "url=", "url is empty"),
    (SERVER, OIDC, "oauth.provider=gitlab", "/oauth/provider"),
    (SERVER, OIDC, "oauth.provider=github", "oauth.provider is github: set oauth.mode to proxy"),
    (SERVER, OIDC, "oauth.oidc.issuer=", "oauth.oidc.issuer is empty"),
    (SERVER, OIDC, "oauth.oidc.audience=", "oauth.oidc.audience is empty"),
    (
        SERVER,
        OIDC,
        "oauth.jwtSecret=a-text-of-thirty-two-bytes-or-more",
        "oauth.jwtSecret is for oauth.provider hmac",
    ),
    (SERVER, EMPTY, "oauth.mode=proxy", "oauth.oidc.clientId is empty: with oauth.mode proxy"),
    (SERVER, EMPTY, "oauth.mode=both", "/oauth/mode"),
    (SERVER, EMPTY, "oauth.oidc.clientId=abc", "oauth.oidc.clientId is for logins through the sidecar"),
    (
        SERVER,
        EMPTY,
        "oauth.oidc.clientSecret=abc",
        "oauth.oidc.clientSecret is for logins through the sidecar",
    ),
    (SERVER, EMPTY, "oauth.oidc.existingSecret=abc", "oauth.oidc.existingSecret is for logins"),
    (SERVER, EMPTY, "oauth.redirectURIs=https://a.example/cb", "oauth.redirectURIs is for logins"),
    (SERVER, LOGIN, "oauth.mode=native", "is for logins through the sidecar: set oauth.mode to proxy"),
    (SERVER, LOGIN, "oauth.oidc.clientId=", "oauth.oidc.clientId is empty"),
    (SERVER, LOGIN, "oauth.oidc.issuer=", "oauth.oidc.issuer is empty"),
    (SERVER, LOGIN, "oauth.oidc.existingSecret=okta", "are two secrets: leave one of them empty"),
    (SERVER, LOGIN, "oauth.claims.require.groups=mcp-users", "/oauth/claims/require/groups"),
    (SERVER, LOGIN, "oauth.claims.requires.groups={mcp-users}", "requires"),
    (SERVER, LOGIN, "oauth.provider=hmac", "oauth.mode is proxy: with oauth.provider hmac"),
    (
        SERVER,
        LOGIN,
        "oauth.jwtSecret=a-text-of-thirty-two-bytes-or-more",
        "oauth.jwtSecret is for oauth.provider hmac",
    ),
    (SERVER, GITHUB, "oauth.oidc.existingSecret=", "oauth.provider github gives no token without one"),
    (SERVER, HMAC, "oauth.mode=proxy", "nobody logs in with a shared secret"),
    (SERVER, HMAC, "oauth.jwtSecret=", "oauth.jwtSecret is empty"),
    (SERVER, HMAC, "oauth.jwtSecret=a-text-of-thirty-one-bytes-long", "minLength: got 31, want 32"),
    (SERVER, HMAC, "oauth.oidc.issuer=https://company.okta.com", "oauth.oidc is for a provider"),
    (OPERATOR, IMAGES, "logLevel=loud", "/logLevel"),
    (OPERATOR, IMAGES, "sidecarImages.tag=1", "sidecarImages"),
    // K18: an image that nobody named is nobody's; what is injected stands in front of every server.
    (OPERATOR, IMAGES, "image.repository=", "set image.repository and sidecarImage.repository"),
    (OPERATOR, IMAGES, "sidecarImage.repository=", "set image.repository and sidecarImage.repository"),
    // The page promises that a Secret's change arrives within 30 seconds.
    (OPERATOR, IMAGES, "resync=31s", "/resync"),
    (OPERATOR, IMAGES, "resync=1m", "/resync"),
    // The operator's image has one; what is injected has a fixed one, and a value that does nothing is none.
    (OPERATOR, IMAGES, "sidecarImage.pullPolicy=Always", "pullPolicy"),
];

const ACCEPTED: [(&str, &[&str]); 9] = [
    (SERVER, BARE),
    (SERVER, OIDC),
    (SERVER, EMPTY),
    (SERVER, LOGIN),
    (SERVER, GITHUB),
    (SERVER, &["image.repository=example/server", "readinessProbe=null", "imagePullSecrets={pull}"]),
    (SERVER, HMAC),
    (OPERATOR, IMAGES),
    (
        OPERATOR,
        &[
            "image.repository=example/operator",
            "image.pullPolicy=Always",
            "sidecarImage.repository=example/sidecar",
            "logLevel=debug",
            "resync=30s",
            "sidecarImage.tag=v1",
            "imagePullSecrets={pull}",
        ],
    ),
];

#[tokio::test]
async fn every_chart_is_linted_with_values_that_it_accepts() {
    let helm = helm().await;
    for (chart, values) in ACCEPTED {
        let mut lint = Command::new(&helm);
        lint.args(["lint", "--strict", "--kube-version", CURRENT, chart]).args(sets(values));
        run(&mut lint);
    }
}

#[tokio::test]
async fn wrong_values_are_refused_by_name_and_their_twins_are_not() {
    for (chart, values, change, says) in REFUSED {
        template(chart, values, CURRENT).await.unwrap_or_else(|said| panic!("{chart} {values:?}: {said}"));
        let changed = [values, &[change]].concat();
        let said = template(chart, &changed, CURRENT).await.expect_err(change);
        assert!(said.contains(says), "{change}: {said}");
    }
}

#[tokio::test]
async fn a_chart_renders_the_same_bytes_twice() {
    for (chart, values) in ACCEPTED {
        let first = template(chart, values, CURRENT).await.expect("the values are good");
        assert_eq!(first, template(chart, values, CURRENT).await.expect("they still are"), "{chart}");
    }
}

#[tokio::test]
async fn the_control_plane_says_that_it_needs_kubernetes_1_36() {
    for old in ["1.35.9", "1.29.0"] {
        let said = template(OPERATOR, IMAGES, old).await.expect_err("it is too old");
        assert!(said.contains("kubeVersion") && said.contains("1.36"), "{said}");
    }
    // A distribution's suffix is no older version.
    for new in [CURRENT, "1.36.2-gke.100", "1.37.0"] {
        template(OPERATOR, IMAGES, new).await.unwrap_or_else(|said| panic!("{new}: {said}"));
    }
}

// A leaked token of the operator must not read a cluster's Secrets in one call (K10).
#[tokio::test]
async fn the_operators_rights_have_no_wildcard_and_never_list_secrets() {
    let objects = objects(OPERATOR, IMAGES).await;
    let roles: Vec<_> = objects.iter().filter(|object| kind(object).ends_with("Role")).collect();
    assert!(!roles.is_empty());
    for rule in roles.iter().filter_map(|role| role["rules"].as_array()).flatten() {
        let all =
            ["apiGroups", "resources", "verbs", "resourceNames"].map(|field| words(&rule[field])).concat();
        assert!(all.iter().all(|word| !word.contains('*')), "{rule}");
        let verbs = words(&rule["verbs"]);
        let risky = ["escalate", "bind", "impersonate", "deletecollection"];
        assert!(verbs.iter().all(|verb| !risky.contains(verb)), "{rule}");
        if words(&rule["resources"]).contains(&"secrets") {
            assert_eq!(verbs, ["get", "create", "patch"], "{rule}");
        }
        let never = ["pods/exec", "nodes/proxy", "pods/ephemeralcontainers", "serviceaccounts/token"];
        assert!(words(&rule["resources"]).iter().all(|resource| !never.contains(resource)), "{rule}");
    }
}

// K10: what the operator has no use for it does not have. That this is enough is what its own suite shows, which runs it
// with these rights and no other.
#[tokio::test]
async fn the_operators_rights_are_the_ones_that_it_uses() {
    let admission = "admissionregistration.k8s.io";
    let expected: BTreeSet<(&str, &str, &str)> = BTreeSet::from([
        ("mcpoauth.dev", "mcpoauthpolicies", "get list watch"),
        ("mcpoauth.dev", "mcpoauthpolicies/status", "patch"),
        ("mcpoauth.dev", "mcpoauthpolicies/finalizers", "update"),
        ("", "secrets", "get create patch"),
        ("", "configmaps", "get"),
        ("", "pods", "list watch patch"),
        ("events.k8s.io", "events", "create patch"),
        ("rbac.authorization.k8s.io", "clusterroles", "get"),
        (admission, "mutatingadmissionpolicies", "create"),
        (admission, "mutatingadmissionpolicybindings", "create"),
        (admission, "validatingadmissionpolicies", "create"),
        (admission, "validatingadmissionpolicybindings", "create"),
        (admission, "mutatingadmissionpolicies", "get patch delete"),
        (admission, "mutatingadmissionpolicybindings", "patch delete"),
        (admission, "validatingadmissionpolicies", "patch delete"),
        (admission, "validatingadmissionpolicybindings", "patch delete"),
        (admission, "validatingadmissionpolicies", "patch"),
        (admission, "validatingadmissionpolicybindings", "patch"),
    ]);
    let objects = objects(OPERATOR, IMAGES).await;
    let rules = objects.iter().filter_map(|object| object["rules"].as_array()).flatten();
    let mut found = BTreeSet::new();
    for rule in rules {
        let verbs = words(&rule["verbs"]).join(" ");
        let groups = words(&rule["apiGroups"]).join(" ");
        found.extend(words(&rule["resources"]).into_iter().map(|one| format!("{groups} {one}: {verbs}")));
    }
    let expected =
        expected.into_iter().map(|(group, resource, verbs)| format!("{group} {resource}: {verbs}"));
    assert_eq!(found, expected.collect());
}

// Created without a limit by name, for a name cannot be known of what is not there; changed and removed by name only.
#[tokio::test]
async fn the_admission_policies_are_owned_by_an_object_of_the_chart() {
    let objects = objects(OPERATOR, IMAGES).await;
    let role = objects.iter().find(|object| kind(object) == "ClusterRole").expect("there is a ClusterRole");
    let name = role["metadata"]["name"].as_str().expect("it has a name");
    let deployment =
        objects.iter().find(|object| kind(object) == "Deployment").expect("there is a Deployment");
    let args = words(&deployment["spec"]["template"]["spec"]["containers"][0]["args"]);
    assert!(args.contains(&format!("--admission-owner={name}").as_str()), "{args:?}");
    let rules = role["rules"].as_array().expect("it has rules");
    let admission = |rule: &&Value| words(&rule["apiGroups"]) == ["admissionregistration.k8s.io"];
    for rule in rules.iter().filter(admission) {
        let names = words(&rule["resourceNames"]);
        let ours = ["inject.mcpoauth.dev", "selected.mcpoauth.dev", "labelled.mcpoauth.dev"];
        let is_ours = !names.is_empty() && names.iter().all(|name| ours.contains(name));
        assert!(is_ours || words(&rule["verbs"]) == ["create"], "{rule}");
    }
    let rendered =
        objects.iter().map(kind).filter(|kind| kind.contains("Admission") || kind.contains("Webhook"));
    assert_eq!(rendered.count(), 0, "the operator writes these, for their namespaces follow the policies");
}

#[tokio::test]
async fn everything_runs_under_the_restricted_profile() {
    for (chart, values) in ACCEPTED {
        for object in objects(chart, values).await.iter().filter(|object| kind(object) == "Deployment") {
            let pod = &object["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{chart}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{chart}");
            for container in pod["containers"].as_array().expect("a pod has containers") {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{chart}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{chart}");
            }
        }
    }
}

#[test]
fn no_chart_holds_a_key_or_a_certificate() {
    let charts: Vec<File> = files().into_iter().filter(|file| file.is_under("charts")).collect();
    assert!(charts.len() > 10);
    for file in charts {
        assert!(!file.text.contains("-----BEGIN") && !file.text.contains("caBundle:"), "{}", file.path);
        let made = ["genCA", "genSelfSignedCert", "genSignedCert", "randAlphaNum", "lookup "];
        assert!(made.iter().all(|function| !file.text.contains(function)), "{}", file.path);
    }
}

#[test]
fn charts_and_crates_have_one_version() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Chart {
        version: String,
        app_version: String,
    }
    for chart in [OPERATOR, SERVER] {
        let text = read(&format!("{chart}/Chart.yaml"));
        let chart: Chart = serde_yaml::from_str(&text).expect("it is a chart");
        assert_eq!([&*chart.version, &*chart.app_version], [env!("CARGO_PKG_VERSION"); 2]);
    }
}
