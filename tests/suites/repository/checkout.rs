//! The checkout as git sees it: which files belong to the repository, what stands in them, and the programs that are
//! asked about them. Reads the working tree.

use std::path::Path;
use std::process::Command;

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie inside the repository")
}

/// A file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    pub(crate) fn is_under(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The lines with their numbers, as `path:number`.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (String, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (format!("{}:{}", self.path, at + 1), line))
    }

    /// The text of a Rust file up to its tests at the bottom.
    pub(crate) fn before_tests(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }
}

/// Every text file that git tracks and that is there.
pub(crate) fn files() -> Vec<File> {
    let listed = run(Command::new("git").args(["-c", "safe.directory=*", "ls-files", "-z"]));
    let read = |path: &str| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    };
    let files: Vec<File> = listed.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect();
    assert!(files.len() > 100, "git lists {} files", files.len());
    files
}

/// One file, which must be there.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// Runs a program in the root; it must succeed. Gives what it says.
pub(crate) fn run(command: &mut Command) -> String {
    let (success, said) = try_run(command);
    assert!(success, "{command:?} failed: {said}");
    said
}

/// Runs a program in the root. Gives whether it succeeded, and its output: of a failure, with its complaints.
pub(crate) fn try_run(command: &mut Command) -> (bool, String) {
    let output = command.current_dir(root()).output().expect("the program starts");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    (output.status.success(), said)
}
