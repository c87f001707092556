//! How the tables beside this folder are read. The sidecar's suite reads them as well, and sends what they hold.
//!
//! Pure.

/// The rows of a table, in columns; a column that is missing is empty.
pub(super) fn rows(table: &str, columns: usize) -> Vec<Vec<String>> {
    assert!(table.is_ascii());
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| {
        let mut row: Vec<_> = row.split_whitespace().map(unescape).collect();
        assert!((1..=columns).contains(&row.len()), "{row:?}");
        row.resize(columns, String::new());
        row
    })
    .collect()
}

/// `\u{9}` is a tab, `\\` a backslash.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let (character, after) = match after.strip_prefix("u{").and_then(|code| code.split_once('}')) {
            Some((code, after)) => (u32::from_str_radix(code, 16).ok().and_then(char::from_u32), after),
            None => (after.starts_with('\\').then_some('\\'), &after[1..]),
        };
        plain.push(character.expect(text));
        rest = after;
    }
    plain + rest
}
