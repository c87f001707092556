//! Keeps `tests/requirements.yaml` true: every number stands there once, every test that it names exists, every test that
//! is named after a number stands in its row, and no source cites a number that it does not have.
//!
//! A citation is a word made of one of the letters of the table and of one or two digits (J for tokens, R for the resource
//! server, …), in one of three places: a comment (`//` in Rust and Go, `#` in YAML, TOML and shell, at the start of a
//! line or after a space), the first word of a test's name (lower case), or the first word of a text in a suite's
//! source, which is how tables of cases name their rows. Longer words that begin alike, such as names of algorithms
//! and of formats, are none.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::checkout::{File, files, read};

const TABLE: &str = "tests/requirements.yaml";
/// Holds citations that are none, to show that they are seen.
const THIS: &str = "tests/suites/repository/requirements.rs";

/// The letters, how many numbers each has, and how many digits they are written with.
const NUMBERS: [(char, u8, usize); 14] = [
    ('R', 21, 1),
    ('A', 23, 1),
    ('I', 11, 1),
    ('X', 17, 1),
    ('D', 18, 1),
    ('J', 24, 2),
    ('O', 30, 2),
    ('P', 24, 2),
    ('M', 7, 2),
    ('K', 18, 2),
    ('W', 8, 1),
    ('C', 6, 1),
    ('N', 18, 1),
    ('S', 6, 1),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    number: String,
    says: String,
    #[serde(default)]
    shown_by: Vec<String>,
    gap: Option<String>,
    not_yet: Option<String>,
    not_ours: Option<String>,
}

#[test]
fn every_number_stands_in_the_table_once_and_says_where_it_stands() {
    let table = table();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &table {
        *times.entry(&row.number).or_default() += 1;
        let reasons = [&row.not_yet, &row.not_ours].into_iter().flatten();
        let answers = usize::from(!row.shown_by.is_empty()) + reasons.clone().count();
        assert_eq!(answers, 1, "{} must have exactly one of shown_by, not_yet and not_ours", row.number);
        assert!(row.gap.is_none() || !row.shown_by.is_empty(), "{} has a gap in nothing", row.number);
        let texts = reasons.chain(&row.gap).chain([&row.says]);
        assert!(texts.clone().all(|text| text.len() >= 8 && !text.contains('\n')), "{}", row.number);
    }
    let known = known();
    let missing: Vec<_> = known.iter().filter(|number| !times.contains_key(number.as_str())).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let wrong: Vec<_> =
        times.iter().filter(|(number, times)| **times > 1 || !known.contains(**number)).collect();
    assert!(wrong.is_empty(), "twice in the table, or no number at all: {wrong:?}");
}

#[test]
fn every_test_that_the_table_names_exists() {
    let (table, tests) = (table(), tests());
    assert!(tests.len() > 300, "only {} tests were found", tests.len());
    let named = table.iter().flat_map(|row| row.shown_by.iter().map(move |test| (&row.number, test)));
    let missing: Vec<_> = named.filter(|(_, test)| !tests.contains(*test)).collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}

/// A number that is not met yet has a reason in the place of its tests.
#[test]
fn a_test_that_is_named_after_a_number_stands_in_its_row() {
    let (table, tests) = (table(), tests());
    let shown: BTreeMap<&str, &Vec<String>> = table
        .iter()
        .filter(|row| !row.shown_by.is_empty())
        .map(|row| (row.number.as_str(), &row.shown_by))
        .collect();
    let named: Vec<_> = tests.iter().filter_map(|test| Some((numbered(test)?, test))).collect();
    assert!(named.len() > 200, "only {} tests are named after a number", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|(number, test)| shown.get(&**number).is_some_and(|row| !row.contains(test)))
        .collect();
    assert!(missing.is_empty(), "not in the row of their number: {missing:#?}");
}

#[test]
fn no_source_cites_a_number_that_there_is_not() {
    let known = known();
    let mut cited = BTreeSet::new();
    let mut unknown = Vec::new();
    for file in files().iter().filter(|file| ![TABLE, THIS].contains(&&*file.path)) {
        for (place, number) in citations(file) {
            if !known.contains(&number) {
                unknown.push(format!("{place} cites {number}"));
            }
            cited.insert(number);
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(cited.len() > 80, "only {} numbers are cited anywhere", cited.len());
}

#[test]
fn a_citation_is_seen_where_it_counts_and_nowhere_else() {
    let of = |path: &str, text: &str| {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        citations(&file).into_iter().map(|(_, number)| number).collect::<Vec<_>>()
    };
    assert_eq!(of("a/src/b.rs", "let x = 1; // meets J13 and R7, not RS256 or X509"), ["J13", "R7"]);
    assert_eq!(of("a/src/b.rs", "//! (J01–J16, P4)"), ["J01", "J16", "P4"]);
    assert_eq!(of("a/src/b.rs", "let url = \"https://J13\"; let r = \"R99 x\";"), [""; 0]);
    assert_eq!(of("tests/suites/b.rs", "row(\"J99 with a dot\", \"not J98\")"), ["J99"]);
    assert_eq!(of("a/src/b.rs", "    async fn j18_a_fault_is_survived() {"), ["J18"]);
    assert_eq!(of("a/src/b.rs", "fn p256_keys() {} fn j_is_short() {}"), [""; 0]);
    assert_eq!(of("a/b.yaml", "a: b#R99 # but K05"), ["K05"]);
    assert_eq!(of("a/b.md", "# R99"), [""; 0]);
}

fn table() -> Vec<Requirement> {
    serde_yaml::from_str(&read(TABLE)).expect("the table is a list of requirements")
}

fn known() -> BTreeSet<String> {
    let all = |(letter, count, width): (char, u8, usize)| {
        (1..=count).map(move |number| format!("{letter}{number:0width$}"))
    };
    NUMBERS.into_iter().flat_map(all).collect()
}

/// The tests of the whole checkout.
fn tests() -> BTreeSet<String> {
    files().iter().filter(|file| file.is("rs")).flat_map(tests_of).collect()
}

/// The tests of a Rust file, as `file::test`.
fn tests_of(file: &File) -> Vec<String> {
    let mut tests = Vec::new();
    let mut marked = false;
    for line in file.text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let (true, Some(name)) = (marked, function(line)) {
            tests.push(format!("{}::{name}", file.path));
            marked = false;
        }
    }
    tests
}

/// The number that a test of this name, or a `file::test`, carries as its first word.
fn numbered(test: &str) -> Option<String> {
    let name = test.rsplit("::").next()?;
    number(&name.split('_').next()?.to_ascii_uppercase())
}

/// The name of the function that a line declares.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Every citation of a file, with its place.
fn citations(file: &File) -> Vec<(String, String)> {
    let sign = match file.path.rsplit('.').next() {
        Some("rs" | "go") => "//",
        Some("yaml" | "toml" | "sh") => "#",
        _ => return Vec::new(),
    };
    let rust = file.is("rs");
    let of_line = |(place, line): (String, &str)| {
        let mut numbers: Vec<String> =
            comment(line, sign).into_iter().flat_map(words).filter_map(number).collect();
        if rust {
            numbers.extend(function(line.trim()).and_then(numbered));
        }
        if rust && file.is_under("tests/suites") {
            let texts = line.split('"').skip(1).step_by(2);
            numbers.extend(texts.filter_map(|text| {
                words(text).next().filter(|word| text.starts_with(word)).and_then(number)
            }));
        }
        numbers.into_iter().map(move |number| (place.clone(), number)).collect::<Vec<_>>()
    };
    file.lines().flat_map(of_line).collect()
}

/// What stands behind the sign of a comment.
fn comment<'a>(line: &'a str, sign: &str) -> Option<&'a str> {
    let starts = line.match_indices(sign).map(|(at, _)| at);
    let mut free = starts.filter(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    free.next().map(|at| &line[at..])
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

/// The word, if it looks like a number of the table.
fn number(word: &str) -> Option<String> {
    let (letter, digits) = word.split_at_checked(1)?;
    let letter = letter.chars().next()?;
    let known = NUMBERS.iter().any(|(known, ..)| *known == letter);
    let digits = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (known && digits).then(|| word.to_owned())
}
