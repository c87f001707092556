//! Which programs of others the lab and the suites start: each is one that the lab installs where it is missing, one
//! that the README says a machine must have, or one that no Debian is without. Reads the checkout.

use harness::lab::tools;

use crate::checkout::{File, files, read};

/// What a machine must have beforehand, and what the README calls it.
const BEFOREHAND: [(&str, &str); 6] =
    [("cargo", "Rust"), ("rustc", "Rust"), ("go", "Go"), ("npm", "npm"), ("node", "Node.js"), ("git", "git")];

/// Of packages that Debian calls essential.
const EVERYWHERE: [&str; 11] =
    ["sh", "bash", "nice", "env", "sleep", "date", "tar", "ldd", "getent", "unshare", "apt-get"];

/// What stands before the name of a program that is started.
const STARTS: [&str; 3] = ["Command::new(\"", ".exec(\"", "require(\""];

#[test]
fn every_program_that_is_started_is_installed_or_named_in_the_readme() {
    let files = files();
    let known = |program: &str| {
        tools::installed().chain(EVERYWHERE).any(|it| it == program)
            || BEFOREHAND.iter().any(|(it, _)| *it == program)
    };
    let ours = files.iter().filter(|file| file.is("rs") && file.is_under("tests"));
    let started: Vec<(&str, String)> = ours
        .flat_map(|file| started(file).into_iter().map(|program| (file.path.as_str(), program)))
        .collect();
    assert!(started.len() > 20, "{started:?}");
    let unknown: Vec<_> = started.iter().filter(|(_, program)| !known(program)).collect();
    assert!(unknown.is_empty(), "nobody says where these come from: {unknown:?}");
}

#[test]
fn the_readme_names_what_a_machine_must_have() {
    let readme = read("README.md");
    for (_, name) in BEFOREHAND.iter().chain(&[("make", "make"), ("cc", "C compiler")]) {
        assert!(readme.contains(name), "{name}");
    }
}

#[test]
fn a_program_is_seen_by_its_name_in_the_source() {
    let text = STARTS.map(|start| format!("{start}thing\")")).join(";\n");
    let file = File { path: "tests/a.rs".to_owned(), text };
    assert_eq!(started(&file), ["thing"; 3]);
    let file = File { text: "Command::new(&program)".to_owned(), ..file };
    assert_eq!(started(&file), [""; 0]);
}

fn started(file: &File) -> Vec<String> {
    let mut names = Vec::new();
    for start in STARTS {
        let behind = file.before_tests().split(start).skip(1).filter_map(|rest| rest.split('"').next());
        names.extend(behind.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    names
}
