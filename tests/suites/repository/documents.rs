//! The pages say what the code does: links lead somewhere, and whatever a person can be told has its line in
//! `docs/troubleshooting.md`. Reads the checkout.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::checkout::{File, files, read, root};

const TROUBLESHOOTING: &str = "docs/troubleshooting.md";

/// Where the words stand that answers, logs and conditions carry: each as `=> "word"`, `reason: "Word"` or
/// `const NAME: &str = "Word"`.
const SAYS: [&str; 12] = [
    "sidecar/src/bearer/refusal.rs",
    "sidecar/src/forward/mod.rs",
    "sidecar/src/live/mod.rs",
    "sidecar/src/oauth/error.rs",
    "sidecar/src/page/problem.rs",
    "sidecar/src/reply.rs",
    "sidecar/src/target.rs",
    "operator/src/controller/case.rs",
    "operator/src/controller/reconcile.rs",
    "operator/src/resolve.rs",
    "operator/src/status.rs",
    "operator/src/status/verdict.rs",
];

/// Codes of OAuth, which stand for several reasons, and a host.
const NO_REASONS: [&str; 3] = ["invalid_token", "unauthorized", "localhost"];

#[test]
fn every_link_between_pages_leads_somewhere() {
    let files = files();
    let mut dead = Vec::new();
    for page in files.iter().filter(|file| file.is("md")) {
        let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (target, heading) = link.split_once('#').unwrap_or((link, ""));
            let path =
                if target.is_empty() { root().join(&page.path) } else { root().join(folder).join(target) };
            let is_there = heading.is_empty()
                || std::fs::read_to_string(&path).is_ok_and(|text| anchors(&text).any(|one| one == heading));
            let leads_somewhere = link.contains("://") || (path.exists() && is_there);
            if !leads_somewhere {
                dead.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:?}");
}

#[test]
fn a_heading_is_linked_to_by_its_words() {
    let text = "# A page\n## Errors of `/oauth/token`, and more\ntext\n### It's 1_2 - 3\n";
    let found: Vec<_> = anchors(text).collect();
    assert_eq!(found, ["a-page", "errors-of-oauthtoken-and-more", "its-1_2---3"]);
}

/// What the headings of a page are linked to by, as GitHub makes it of them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings.map(|heading| {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[test]
fn every_reason_has_a_line_that_says_what_to_do() {
    let page = read(TROUBLESHOOTING);
    let words: BTreeSet<String> = SAYS.iter().flat_map(|path| reasons(path)).collect();
    assert!(words.len() > 40, "{words:?}");
    let missing: Vec<_> = words.iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "not in {TROUBLESHOOTING}: {missing:?}");
}

#[test]
fn every_sentence_of_admission_is_explained() {
    // The piece of a sentence that no other has, as the page quotes it.
    let pieces = [
        ("labelled", "no sidecar was injected for policy '"),
        ("labelled", "the sidecar in this pod was not injected for policy '"),
        ("labelled", "this running pod has no sidecar"),
        ("selected", "the operator has not rendered it yet"),
        ("selected", "it uses hostNetwork"),
        ("selected", "it shares the process namespace"),
        ("selected", "one of its containers uses port "),
        ("selected", "one of its containers has a hostPort"),
        ("selected", "spec.server of the policy names port '"),
        ("selected", "by labels that it did not have before"),
        ("selected", "the server's port stands in several containers, '"),
        ("selected", "another container also has a port named '"),
        ("selected", "the server's port has one more name, '"),
        ("selected", "its server does not run with the values that spec.server.env of the policy gives"),
        ("selected", "its container 'mcp-oauth' is not the sidecar of this policy"),
        ("selected", "something has added to its container 'mcp-oauth' what could change the sidecar"),
        ("selected", "its sidecar forwards to '"),
        ("selected", "an ephemeral container must neither target the container 'mcp-oauth'"),
        ("selected", "another container mounts the volume 'mcp-oauth-policy'"),
        ("selected", "it reads the Secret '"),
        ("selected", "the image of its container 'mcp-oauth' is the operator's alone to choose"),
    ];
    let page = read(TROUBLESHOOTING);
    let admission = |name: &str| read(&format!("operator/admission/{name}.yaml"));
    for (file, piece) in pieces {
        assert!(admission(file).contains(piece), "{file}.yaml no longer says \"{piece}\"");
        assert!(page.contains(piece), "{TROUBLESHOOTING} does not explain \"{piece}\"");
    }
    let sentences =
        ["labelled", "selected"].map(|name| admission(name).matches("messageExpression:").count());
    assert_eq!(sentences.iter().sum::<usize>(), pieces.len(), "a sentence is new: explain it");
}

#[test]
fn policies_in_the_pages_have_only_fields_that_there_are() {
    let schema = spec_schema();
    let mut seen = 0;
    for page in files().iter().filter(|file| file.is("md")) {
        for block in page.text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let fragment = block.starts_with("  provider: ");
            if !fragment && !block.contains("kind: McpOAuthPolicy") {
                continue;
            }
            let value: Value = serde_yaml::from_str(block).expect("the pages show YAML");
            let spec = if fragment { &value } else { &value["spec"] };
            assert_eq!(unknown(spec, &schema, "spec"), [""; 0], "{}", page.path);
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} policies were found");
}

#[test]
fn every_field_of_a_policy_is_described() {
    let page = read("docs/policy.md");
    let fields = spec_schema();
    let fields = fields["properties"].as_object().expect("the spec has fields");
    for (name, schema) in fields {
        for field in
            schema["properties"].as_object().into_iter().flatten().map(|(field, _)| field).chain([name])
        {
            assert!(page.contains(field.as_str()), "docs/policy.md does not describe \"{name}.{field}\"");
        }
    }
}

pub(crate) fn spec_schema() -> Value {
    let definition: Value = serde_yaml::from_str(&crds::resource::crd_yaml()).expect("it is YAML");
    let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    root["properties"]["spec"].clone()
}

/// The paths of the fields that the schema does not have.
pub(crate) fn unknown(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| unknown(item, &schema["items"], path)).collect(),
        Value::Object(members) if !schema["properties"].is_null() => {
            let below = |(name, value): (&String, &Value)| {
                let path = format!("{path}.{name}");
                let schema = &schema["properties"][name];
                if schema.is_null() { vec![path] } else { unknown(value, schema, &path) }
            };
            members.iter().flat_map(below).collect()
        }
        _ => Vec::new(),
    }
}

/// The words of a source, without those of its tests.
fn reasons(path: &str) -> Vec<String> {
    let file = File { path: path.to_owned(), text: read(path) };
    let after = |sign: &str| {
        let found = file.before_tests().split(sign).skip(1).filter_map(|rest| rest.split('"').next());
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = |word: &String| {
        word.len() > 4
            && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && !NO_REASONS.contains(&word.as_str())
    };
    ["=> \"", "reason: \"", ": &str = \""].into_iter().flat_map(after).filter(plain).collect()
}
