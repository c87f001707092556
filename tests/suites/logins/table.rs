//! What was seen, as a table: for whoever runs the suite, and for `docs/compatibility.md`, which holds the same one.
//!
//! Writes that file where it is asked to.

use std::fmt::Write as _;

use harness::lab::Environment;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
const BEGIN: &str = "<!-- What the suite `logins` saw; `make compatibility` writes it. -->\n";
const END: &str = "<!-- Here ends what it saw. -->\n";
/// Says that the file is to be written.
const WRITE: &str = "MCP_OAUTH_WRITE";

#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<String>,
    /// What a client is called, and which one it is.
    titles: Vec<(String, String)>,
    cells: Vec<Vec<Option<Result<(), String>>>>,
}

impl Table {
    pub(crate) fn new(heads: Vec<String>, titles: Vec<(String, String)>) -> Self {
        let cells = titles.iter().map(|_| vec![None; heads.len()]).collect();
        Self { heads, titles, cells }
    }

    /// Keeps what came of one login, and says it in a line.
    pub(crate) fn put(&mut self, row: usize, column: usize, outcome: Result<(), String>) -> String {
        let word = word(Some(&outcome));
        self.cells[row][column] = Some(outcome);
        format!("{} × {}: {word}", self.titles[row].0, self.heads[column])
    }

    /// What went wrong, in full.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for ((title, _), cells) in self.titles.iter().zip(&self.cells) {
            for (head, cell) in self.heads.iter().zip(cells) {
                match cell {
                    Some(Ok(())) => {}
                    Some(Err(error)) => wrong.push(format!("{title} × {head}: {error}\n")),
                    None => wrong.push(format!("{title} × {head}: nobody tried\n")),
                }
            }
        }
        wrong
    }

    /// As Markdown.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("| client | version | {} |\n", self.heads.join(" | "));
        text.push_str(&"| --- ".repeat(self.heads.len() + 2));
        text.push_str("|\n");
        for ((title, version), cells) in self.titles.iter().zip(&self.cells) {
            let cells: Vec<&str> = cells.iter().map(|cell| word(cell.as_ref())).collect();
            let _ = writeln!(text, "| {title} | {version} | {} |", cells.join(" | "));
        }
        text
    }

    /// Compares the page with what was seen, or writes it.
    pub(crate) fn hold_to(&self, environment: &Environment) {
        let page = std::fs::read_to_string(FILE).expect("the page is there");
        let (head, rest) = page.split_once(BEGIN).expect("the page says where it begins");
        let (_, foot) = rest.split_once(END).expect("the page says where it ends");
        let seen = format!("{head}{BEGIN}\n{}\n{END}{foot}", self.shown());
        if environment.get(WRITE).is_some() {
            std::fs::write(FILE, seen).expect("the page can be written");
            return;
        }
        assert!(page == seen, "docs/compatibility.md is not what was seen: run `make compatibility`");
    }
}

fn word(cell: Option<&Result<(), String>>) -> &'static str {
    match cell {
        Some(Ok(())) => "ok",
        Some(Err(_)) => "no",
        None => "",
    }
}
