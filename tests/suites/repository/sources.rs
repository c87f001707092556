//! What every source promises: it opens with what it is for, it has no shortcut, and it names no machine and no
//! registry. Reads the checkout.

use serde::Deserialize;

use crate::checkout::{File, files};

const PRODUCTION: [&str; 3] = ["crds/src", "operator/src", "sidecar/src"];

#[test]
fn every_rust_file_opens_with_what_it_is_for() {
    let silent = |file: &File| file.is("rs") && !file.text.starts_with("//! ");
    let silent: Vec<_> = files().into_iter().filter(silent).map(|file| file.path).collect();
    assert!(silent.is_empty(), "these do not open with `//! `: {silent:?}");
}

#[test]
fn production_code_takes_no_shortcut() {
    let found: Vec<_> = files().iter().filter(|file| is_production(file)).flat_map(shortcuts).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_shortcut_is_seen_in_code_and_not_in_words() {
    let of = |text: &str| {
        let file = File { path: "crds/src/a.rs".to_owned(), text: text.to_owned() };
        shortcuts(&file).len()
    };
    for bad in
        ["let a = b.unwrap();", "unsafe { a() }", "todo!()", "#[allow(dead_code)]", "#![allow(warnings)]"]
    {
        assert_eq!(of(bad), 1, "{bad}");
    }
    for good in
        ["a.unwrap_or_default()", "// unsafe and todo!", "origin::allow(a)", "#[cfg(test)]\na.unwrap()"]
    {
        assert_eq!(of(good), 0, "{good}");
    }
}

#[test]
fn the_admission_policies_are_yaml_in_pairs() {
    let files = files();
    let admission: Vec<_> = files.iter().filter(|file| file.is_under("operator/admission")).collect();
    assert_eq!(admission.len(), 3);
    for file in admission {
        let documents: Vec<serde_json::Value> = serde_yaml::Deserializer::from_str(&file.text)
            .map(|document| Deserialize::deserialize(document).expect("it is YAML"))
            .collect();
        let kinds: Vec<_> = documents.iter().filter_map(|document| document["kind"].as_str()).collect();
        assert_eq!(kinds.len(), 2, "{}: {kinds:?}", file.path);
        assert_eq!(kinds[1], format!("{}Binding", kinds[0]), "{}", file.path);
    }
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    let forbidden = forbidden();
    let mut found = Vec::new();
    for file in files().iter().filter(|file| !is_lock(file)) {
        for (place, line) in file.lines() {
            found.extend(
                forbidden.iter().filter(|text| line.contains(*text)).map(|text| format!("{place}: {text}")),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn lock_files_name_only_the_registry_that_everybody_has() {
    let mut seen = 0;
    for file in files().iter().filter(|file| is_lock(file)) {
        let foreign: Vec<_> = file.lines().filter(|(_, line)| is_foreign(line)).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        seen += 1;
    }
    assert!(seen > 0);
}

fn is_production(file: &File) -> bool {
    let tests = file.path.ends_with("/tests.rs");
    file.is("rs") && !tests && PRODUCTION.iter().any(|folder| file.is_under(folder))
}

fn shortcuts(file: &File) -> Vec<String> {
    let bad = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        let words = |word| code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word);
        code.contains(".unwrap()")
            || words("unsafe")
            || code.contains("todo!")
            || code.contains("#[allow(")
            || code.contains("#![allow(")
    };
    let lines = file.before_tests().lines().enumerate();
    lines
        .filter(|(_, line)| bad(line))
        .map(|(at, line)| format!("{}:{}: {line}", file.path, at + 1))
        .collect()
}

/// In pieces, so that this file does not contain them.
fn forbidden() -> Vec<String> {
    let paths = [["/root", "/"], ["/work", "/"]].map(|parts| parts.concat());
    let hosts = [
        &["static", "crates", "io"][..],
        &["index", "crates", "io"],
        &["registry", "npmjs", "org"],
        &["pypi", "org"],
        &["files", "pythonhosted", "org"],
        &["proxy", "golang", "org"],
        &["repo1", "maven", "org"],
        &["repo", "maven", "apache", "org"],
        &["deb", "debian", "org"],
    ];
    paths.into_iter().chain(hosts.iter().map(|parts| parts.join("."))).collect()
}

fn is_lock(file: &File) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    matches!(
        name,
        "Cargo.lock"
            | "package-lock.json"
            | "go.sum"
            | "go.mod"
            | "uv.lock"
            | "requirements.lock"
            | "requirements.txt"
    )
}

/// An address of a package that is not on the public registry of its kind.
fn is_foreign(line: &str) -> bool {
    let npm = format!("\"resolved\": \"https://{}/", ["registry", "npmjs", "org"].join("."));
    let line = line.trim();
    let cargo = line.starts_with("source = ")
        && line != "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let node = line.starts_with("\"resolved\": ") && !line.starts_with(&npm);
    cargo || node || line.starts_with("--index-url") || line.starts_with("--extra-index-url")
}
