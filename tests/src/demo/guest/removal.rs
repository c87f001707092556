//! One command that removes something from a user's cluster: run by the demo, or shown to the person who is to run it.

use super::Place;
use super::found::is_unknown_kind;
use crate::lab::Error;

/// A command of helm or kubectl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removal {
    tool: Tool,
    words: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Helm,
    Kubectl,
}

impl Removal {
    pub(super) fn helm(words: &[&str]) -> Self {
        Self::new(Tool::Helm, words)
    }

    pub(super) fn kubectl(words: &[&str]) -> Self {
        Self::new(Tool::Kubectl, words)
    }

    fn new(tool: Tool, words: &[&str]) -> Self {
        Self { tool, words: words.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// As a person types it.
    pub(super) fn shown(&self, context: &str) -> String {
        let tool = match self.tool {
            Tool::Helm => "helm --kube-context",
            Tool::Kubectl => "kubectl --context",
        };
        format!("{tool} {context} {}", self.words.join(" "))
    }

    pub(super) async fn run(&self, place: &Place) -> Result<(), Error> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match self.tool {
            Tool::Helm => place.helm(&words).await.map(drop),
            Tool::Kubectl => {
                let output = place.kubectl().run(&words).await?;
                if output.success() || is_unknown_kind(&output) {
                    return Ok(());
                }
                let program = format!("kubectl {}", words.join(" "));
                Err(Error::Failed { program, status: output.status, output: output.stderr })
            }
        }
    }
}
