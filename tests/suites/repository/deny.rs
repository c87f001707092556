//! `deny.toml` is true of what is built: who may use what, which licences, which sources. cargo-deny reads the same file
//! and knows advisories besides; this needs no database. Asks cargo, which reads the lock files (K18), and fetches the packages of
//! what stands outside the workspace, where they are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::process::Command;

use serde::Deserialize;

use crate::checkout::{read, run};

const FILE: &str = "deny.toml";
/// A client that only a suite builds, and what only the bench does.
const OUTSIDE: [&str; 2] = ["tests/clients/rmcp/Cargo.toml", BENCH];
const BENCH: &str = "tests/bench/Cargo.toml";
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
}

#[test]
fn a_banned_package_is_used_by_nobody_but_its_wrappers() {
    let built = metadata();
    let users = users(&built);
    let file = read(FILE);
    let bans: Vec<(&str, Vec<&str>)> = file.lines().filter_map(ban).collect();
    assert!(bans.len() > 5, "{bans:?}");
    for (package, wrappers) in bans {
        let others: Vec<_> = users.get(package).into_iter().flatten().collect();
        let others: Vec<_> = others.into_iter().filter(|user| !wrappers.contains(user)).collect();
        assert!(others.is_empty(), "{others:?} use {package}, which {FILE} leaves to {wrappers:?}");
    }
    // The list is not merely about packages that there are not.
    assert!(users.contains_key("kube") && users.contains_key("jsonwebtoken"));
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let file = read(FILE);
    let list = file.split("\nallow = [").nth(1).and_then(|rest| rest.split(']').next());
    let allowed: BTreeSet<&str> = list.expect("it lists licences").split('"').skip(1).step_by(2).collect();
    assert!(allowed.len() > 5, "{allowed:?}");
    let may = |package: &Package| package.license.as_deref().is_some_and(|text| is_covered(text, &allowed));
    let packages = metadata().packages.into_iter().chain(outside());
    let others: Vec<_> = packages.filter(|package| !may(package)).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn every_package_comes_from_here_or_from_the_registry() {
    let foreign = |package: &Package| package.source.as_deref().is_some_and(|source| source != REGISTRY);
    let packages = metadata().packages.into_iter().chain(outside());
    let foreign: Vec<_> = packages.filter(foreign).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn what_stands_outside_the_workspace_is_linted_as_it_is() {
    let ours = part("Cargo.toml", "[workspace.lints.", "[lints.");
    assert!(ours.len() > 10, "{ours:?}");
    for manifest in OUTSIDE {
        assert_eq!(part(manifest, "[lints.", "[lints."), ours, "{manifest}");
    }
}

/// What the sidecar is measured against is made of the same packages, in the same way.
#[test]
fn the_bare_proxy_of_the_bench_is_built_as_the_sidecar_is() {
    let profile = |manifest| part(manifest, "[profile.release]", "[profile.release]");
    let ours = profile("Cargo.toml");
    assert!(ours.len() > 3, "{ours:?}");
    assert_eq!(profile(BENCH), ours);
    let built = |lock: &str, name: &str| {
        let (text, entry) = (read(lock), format!("\nname = \"{name}\"\nversion = "));
        let versions = text.split(&entry).skip(1);
        versions.filter_map(|rest| rest.lines().next()).map(str::to_owned).collect::<Vec<_>>()
    };
    for name in ["hyper", "hyper-util", "http", "httparse", "bytes", "tokio", "mio"] {
        let ours = built("Cargo.lock", name);
        assert_eq!(built("tests/bench/Cargo.lock", name), ours, "{name}");
        assert_eq!(ours.len(), 1, "{name}");
    }
}

/// The lines of a manifest under the headings that begin like this, with `new` in place of that.
fn part(manifest: &str, heading: &str, new: &str) -> Vec<String> {
    let text = read(manifest).replace(heading, new);
    let lines = text.lines().skip_while(|line| !line.starts_with(new));
    let lines = lines.take_while(|line| line.starts_with(new) || !line.starts_with('['));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn an_expression_of_licences_is_read_as_its_words_say() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    for good in
        ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "MIT AND (GPL-3.0 OR ISC)", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_covered(good, &allowed), "{good}");
    }
    for bad in
        ["GPL-3.0", "MIT AND GPL-3.0", "MIT AND (GPL-3.0 OR Zlib)", "Apache-2.0", "MIT ISC", "(MIT", ""]
    {
        assert!(!is_covered(bad, &allowed), "{bad}");
    }
}

fn metadata() -> Metadata {
    let said = run(cargo().arg("--offline"));
    serde_json::from_str(&said).expect("cargo speaks JSON")
}

/// Of what stands outside. Its packages are fetched where they are missing.
fn outside() -> Vec<Package> {
    let metadata = |manifest| -> Metadata {
        let said = run(cargo().args(["--manifest-path", manifest]));
        serde_json::from_str(&said).expect("cargo speaks JSON")
    };
    OUTSIDE.into_iter().flat_map(|manifest| metadata(manifest).packages).collect()
}

fn cargo() -> Command {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", &platform]);
    cargo
}

/// Who depends on each package, by name.
fn users(built: &Metadata) -> BTreeMap<&str, BTreeSet<&str>> {
    let names: BTreeMap<&str, &str> =
        built.packages.iter().map(|package| (&*package.id, &*package.name)).collect();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in &built.resolve.nodes {
        for edge in &node.deps {
            users.entry(names[&*edge.pkg]).or_default().insert(names[&*node.id]);
        }
    }
    users
}

/// The package that a line bans, and those that may use it.
fn ban(line: &str) -> Option<(&str, Vec<&str>)> {
    let rest = line.trim().strip_prefix("{ crate = \"")?;
    let wrappers = rest.split("wrappers = [").nth(1).and_then(|rest| rest.split(']').next());
    Some((rest.split('"').next()?, wrappers.unwrap_or_default().split('"').skip(1).step_by(2).collect()))
}

/// Whether the allowed licences are enough for an SPDX expression (`/` is an old spelling of OR).
fn is_covered(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    either(&mut words, allowed) && words.next().is_none()
}

fn either<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    let mut covered = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        covered |= both(words, allowed);
    }
    covered
}

fn both<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    let mut covered = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        covered &= one(words, allowed);
    }
    covered
}

fn one<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<&str>) -> bool {
    match words.next() {
        Some("(") => either(words, allowed) & words.next_if_eq(&")").is_some(),
        Some(licence) if words.next_if_eq(&"WITH").is_some() => {
            let exception = words.next().unwrap_or_default();
            allowed.contains(format!("{licence} WITH {exception}").as_str())
        }
        Some(licence) => allowed.contains(licence),
        None => false,
    }
}
