//! What the chart of a server makes of values, beside what is expected in writing; and that every value of a chart is
//! described beside it. Starts helm and talks to no cluster.

use serde_json::{Value, json};

use crate::checkout::read;
use crate::documents::{spec_schema, unknown};
use crate::helm::{OPERATOR, SERVER, kind, notes, objects};

const SECRET: &str = "a-text-of-thirty-two-bytes-or-more";

const PROVIDER: &[&str] = &[
    "image.repository=example/server",
    "port=3001",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.provider=keycloak",
    "oauth.oidc.issuer=https://sso.example.com/realms/team",
    "oauth.oidc.audience={one,two}",
    "oauth.claims.require.azp={agent}",
    "oauth.requiredScopes={mcp}",
    "oauth.publicPaths={/healthz}",
    "oauth.allowedOrigins={https://agents.example.com}",
];
const PROVIDER_POLICY: &str = "
server:
  url: https://mcp.example.com/mcp
  port: http
  publicPaths: [/healthz]
  allowedOrigins: [https://agents.example.com]
mode: native
provider: keycloak
oidc: {issuer: https://sso.example.com/realms/team, audience: [one, two]}
claims: {require: {azp: [agent]}}
authorization: {requiredScopes: [mcp]}
";

const SHARED: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.provider=hmac",
    "oauth.jwtSecret=a-text-of-thirty-two-bytes-or-more",
];
const SHARED_POLICY: &str = "
server: {url: https://mcp.example.com/mcp, port: http}
mode: native
provider: hmac
hmac: {secretRefs: [{name: sample-hmac, key: jwtSecret}]}
";

const LOGIN: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=okta",
    "oauth.redirectURIs=https://a.example/cb\\, https://b.example/cb cursor://x/cb\\,",
    "oauth.oidc.issuer=https://company.okta.com",
    "oauth.oidc.audience=api://my-server",
    "oauth.oidc.clientId=0oa1b2c3",
    "oauth.oidc.clientSecret=a-text-of-thirty-two-bytes-or-more",
    "oauth.requiredScopes={mcp}",
];
const LOGIN_POLICY: &str = "
server: {url: https://mcp.example.com/mcp, port: http}
mode: proxy
provider: okta
oidc: {issuer: https://company.okta.com, clientId: 0oa1b2c3, clientSecretRef: {name: sample-oidc, key: clientSecret}}
proxy: {redirectURIs: ['https://a.example/cb', 'https://b.example/cb', 'cursor://x/cb']}
authorization: {requiredScopes: [mcp]}
";

/// As little as there can be: GitHub is in one place.
const GITHUB: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com:8443/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=github",
    "oauth.oidc.clientId=Ov23",
    "oauth.oidc.existingSecret=github",
];
const GITHUB_POLICY: &str = "
server: {url: 'https://mcp.example.com:8443/mcp', port: http}
mode: proxy
provider: github
oidc: {clientId: Ov23, clientSecretRef: {name: github, key: clientSecret}}
";

/// The same for two people and no others.
const FEW: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com:8443/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=github",
    "oauth.oidc.clientId=Ov23",
    "oauth.oidc.existingSecret=github",
    "oauth.claims.require.login={octocat,hubot}",
];
const FEW_POLICY: &str = "
server: {url: 'https://mcp.example.com:8443/mcp', port: http}
mode: proxy
provider: github
oidc: {clientId: Ov23, clientSecretRef: {name: github, key: clientSecret}}
claims: {require: {login: [octocat, hubot]}}
";

/// A client that PKCE alone protects, and one redirect URI further down.
const PUBLIC: &[&str] = &[
    "image.repository=example/server",
    "url=https://mcp.example.com/trino/mcp",
    "oauth.enabled=true",
    "oauth.mode=proxy",
    "oauth.provider=oidc",
    "oauth.redirectURIs= https://mcp.example.com/trino/oauth/callback ",
    "oauth.oidc.issuer=https://sso.example.com",
    "oauth.oidc.clientId=trino",
];
const PUBLIC_POLICY: &str = "
server: {url: https://mcp.example.com/trino/mcp, port: http}
mode: proxy
provider: oidc
oidc: {issuer: https://sso.example.com, clientId: trino}
proxy: {redirectURIs: ['https://mcp.example.com/trino/oauth/callback']}
";

#[tokio::test]
async fn the_values_of_a_server_become_the_policy_that_is_written_here() {
    let schema = spec_schema();
    for (values, expected) in [
        (PROVIDER, PROVIDER_POLICY),
        (SHARED, SHARED_POLICY),
        (LOGIN, LOGIN_POLICY),
        (GITHUB, GITHUB_POLICY),
        (FEW, FEW_POLICY),
        (PUBLIC, PUBLIC_POLICY),
    ] {
        let objects = objects(SERVER, values).await;
        let spec = &one(&objects, "McpOAuthPolicy")["spec"];
        assert_eq!(spec, &serde_yaml::from_str::<Value>(expected).expect("it is YAML"));
        assert_eq!(unknown(spec, &schema, "spec"), [""; 0], "the definition has no such field");
    }
}

#[tokio::test]
async fn a_pod_names_its_policy_and_a_service_its_port() {
    let objects = objects(SERVER, PROVIDER).await;
    let policy = &one(&objects, "McpOAuthPolicy")["metadata"]["name"];
    let template = &one(&objects, "Deployment")["spec"]["template"];
    assert_eq!(&template["metadata"]["labels"]["mcpoauth.dev/policy"], policy);
    let port = &template["spec"]["containers"][0]["ports"][0];
    assert_eq!((&port["name"], &port["containerPort"]), (&Value::from("http"), &Value::from(3001)));
    assert_eq!(one(&objects, "Service")["spec"]["ports"][0]["targetPort"], "http");
}

#[tokio::test]
async fn a_probe_is_the_users_own_or_the_port_or_none() {
    let port = json!({"tcpSocket": {"port": "http"}});
    let own = json!({"exec": {"command": ["ready"]}});
    let cases = [
        ("replicas=1", port),
        ("readinessProbe.exec.command={ready}", own),
        ("readinessProbe=null", Value::Null),
    ];
    for (value, expected) in cases {
        let objects = objects(SERVER, &[PROVIDER, &[value]].concat()).await;
        let container = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["readinessProbe"], expected, "{value}");
    }
}

#[tokio::test]
async fn a_server_without_oauth_has_no_policy_and_no_label_of_ours() {
    let open = objects(SERVER, &["image.repository=example/server"]).await;
    let kinds: Vec<&str> = open.iter().map(kind).collect();
    assert_eq!(kinds, ["Service", "Deployment"]);
    assert!(!Value::from(open).to_string().contains("mcpoauth.dev"));
}

// An upgrade cannot change the selector of a Deployment: whatever changes from one release to the next is not in it.
#[tokio::test]
async fn what_a_selector_says_survives_every_upgrade() {
    let images: &[&str] = &["image.repository=example/operator", "sidecarImage.repository=example/sidecar"];
    for (chart, values) in [(SERVER, SHARED), (SERVER, PROVIDER), (OPERATOR, images)] {
        let objects = objects(chart, values).await;
        let deployment = &one(&objects, "Deployment")["spec"];
        let selector = deployment["selector"]["matchLabels"].as_object().expect("it selects by labels");
        let names: Vec<&str> = selector.keys().map(String::as_str).collect();
        assert_eq!(names, ["app.kubernetes.io/instance", "app.kubernetes.io/name"], "{chart}");
        for (name, value) in selector {
            assert_eq!(&deployment["template"]["metadata"]["labels"][name], value, "{chart}");
        }
    }
}

// K03: secrets are in Secrets and nowhere else.
#[tokio::test]
async fn a_secret_of_the_values_stands_in_the_secret_and_nowhere_else() {
    for (values, key) in [(SHARED, "jwtSecret"), (LOGIN, "clientSecret")] {
        let objects = objects(SERVER, values).await;
        assert_eq!(one(&objects, "Secret")["stringData"][key], SECRET);
        for object in objects.iter().filter(|object| kind(object) != "Secret") {
            assert!(!object.to_string().contains(SECRET), "{object}");
        }
        assert!(!notes(SERVER, values).await.contains(SECRET));
    }
    for values in [GITHUB, PUBLIC, PROVIDER] {
        assert!(objects(SERVER, values).await.iter().all(|object| kind(object) != "Secret"));
    }
}

#[tokio::test]
async fn whoever_installs_a_server_is_told_what_to_register_at_the_provider() {
    let among =
        "oauth.redirectURIs=https://a.example/cb https://mcp.example.com/trino/oauth/callback cursor://x/cb";
    let listed = [PUBLIC, &[among]].concat();
    for (values, callback) in [
        (LOGIN, "https://mcp.example.com/oauth/callback"),
        (GITHUB, "https://mcp.example.com:8443/oauth/callback"),
        (PUBLIC, "https://mcp.example.com/trino/oauth/callback"),
        (&listed, "https://mcp.example.com/trino/oauth/callback"),
    ] {
        let said = notes(SERVER, values).await;
        assert!(said.lines().any(|line| line.trim() == callback), "{said}");
    }
    assert!(!notes(SERVER, PROVIDER).await.contains("redirect URI"));
}

#[tokio::test]
async fn whoever_installs_a_server_that_is_open_to_everybody_is_told_so() {
    assert!(notes(SERVER, GITHUB).await.contains("everybody with an account at github may log in"));
    for values in [FEW, LOGIN, PROVIDER] {
        assert!(!notes(SERVER, values).await.contains("everybody"), "{values:?}");
    }
}

#[test]
fn every_value_of_a_chart_is_described_beside_it() {
    for chart in [OPERATOR, SERVER] {
        let schema: Value =
            serde_json::from_str(&read(&format!("{chart}/values.schema.json"))).expect("it is JSON");
        let page = read(&format!("{chart}/README.md"));
        let values = leaves(&schema, "");
        assert!(values.len() > 8, "{values:?}");
        for value in values.iter().filter(|value| *value != "global") {
            // A row may shorten the names that follow its first one: `image.repository`, `.tag`.
            let last = value.rsplit('.').next().unwrap_or(value);
            let described = page.contains(&format!("`{value}`")) || page.contains(&format!("`.{last}`"));
            assert!(described, "{chart}/README.md does not describe \"{value}\"");
        }
    }
}

/// The paths of the values that hold no further ones.
fn leaves(schema: &Value, path: &str) -> Vec<String> {
    let Some(members) = schema["properties"].as_object() else { return vec![path.to_owned()] };
    let below = |(name, schema): (&String, &Value)| {
        let dot = if path.is_empty() { "" } else { "." };
        leaves(schema, &format!("{path}{dot}{name}"))
    };
    members.iter().flat_map(below).collect()
}

fn one<'a>(objects: &'a [Value], wanted: &str) -> &'a Value {
    let found: Vec<&Value> = objects.iter().filter(|object| kind(object) == wanted).collect();
    assert_eq!(found.len(), 1, "{wanted}");
    found[0]
}
