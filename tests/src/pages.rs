//! The YAML that the pages show: whoever follows them copies it, so it is tried as it stands there. Reads the checkout.

use std::path::{Path, PathBuf};

/// A block of YAML on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The page, from the root of the checkout, and the line that the block begins at.
    pub place: String,
    pub text: String,
}

impl Block {
    pub fn is_policy(&self) -> bool {
        self.text.lines().any(|line| line == "kind: McpOAuthPolicy")
    }

    /// Values of `charts/mcp-server`.
    pub fn is_values(&self) -> bool {
        self.text.lines().any(|line| line == "oauth:")
    }
}

/// Every block of the pages below `docs/`, and of the README.
pub fn blocks() -> Vec<Block> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let mut pages = vec![root.join("README.md")];
    collect(&root.join("docs"), &mut pages);
    pages.sort();
    let read = |page: &PathBuf| {
        let name = page.strip_prefix(root).unwrap_or(page).display().to_string();
        std::fs::read_to_string(page).map(|text| blocks_of(&name, &text)).unwrap_or_default()
    };
    pages.iter().flat_map(read).collect()
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

fn blocks_of(page: &str, text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        match (open, line) {
            (false, "```yaml") => {
                open = true;
                blocks.push(Block { place: format!("{page}:{}", at + 1), text: String::new() });
            }
            (true, "```") => open = false,
            (true, line) => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            (false, _) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_yaml_are_found_with_their_line_and_no_others() {
        let page = "# A\n```sh\nkind: McpOAuthPolicy\n```\n```yaml\na: 1\n\nb: 2\n```\n\n```yaml\nkind: McpOAuthPolicy\n```\n";
        let found = blocks_of("docs/a.md", page);
        let expected = [("docs/a.md:5", "a: 1\n\nb: 2\n"), ("docs/a.md:11", "kind: McpOAuthPolicy\n")];
        assert_eq!(found, expected.map(|(place, text)| Block { place: place.into(), text: text.into() }));
        assert_eq!(found.iter().map(Block::is_policy).collect::<Vec<_>>(), [false, true]);
        assert!(!found.iter().any(Block::is_values));
    }

    #[test]
    fn the_pages_of_this_checkout_show_policies() {
        let blocks = blocks();
        assert!(blocks.iter().any(|block| block.is_policy() && block.place.starts_with("docs/")));
        assert!(blocks.iter().any(|block| block.is_policy() && block.place.starts_with("README.md:")));
    }
}
