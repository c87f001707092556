//! HTTP as a person would do it by hand: curl, its command shown with the token cut, its answer taken apart.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::tell::Teller;
use crate::lab::command::check;
use crate::lab::{Cluster, Error};

const BOUND: Duration = Duration::from_secs(30);

/// Where curl runs: on this machine, or in the network of the lab's node.
#[derive(Debug, Clone)]
pub(super) enum Network {
    Here,
    Node(Box<Cluster>),
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) url: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) headers: Vec<String>,
    pub(super) body: Option<String>,
    /// The cookies of the browser that asks, where one does.
    pub(super) jar: Option<&'a Path>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl<'a> Request<'a> {
    pub(super) fn get(url: &'a str) -> Self {
        Self { url, token: None, headers: Vec::new(), body: None, jar: None }
    }

    fn arguments(&self, token: Option<&str>) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
        for header in bearer.iter().chain(&self.headers) {
            arguments.extend(["-H".to_owned(), header.clone()]);
        }
        if let Some(body) = &self.body {
            arguments.extend(["-d".to_owned(), body.clone()]);
        }
        if let Some(jar) = self.jar {
            let jar = jar.to_string_lossy().into_owned();
            arguments.extend(["-b".to_owned(), jar.clone(), "-c".to_owned(), jar]);
        }
        arguments.push(self.url.to_owned());
        arguments
    }

    /// The command with its token cut short, quoted for a shell.
    pub(super) fn shown(&self) -> String {
        let short = self.token.map(|token| format!("{}…", &token[..token.len().min(12)]));
        let quote = |text: String| if text.contains([' ', '{', '"']) { format!("'{text}'") } else { text };
        let words: Vec<_> = self.arguments(short.as_deref()).into_iter().map(quote).collect();
        format!("curl -i {}", words.join(" "))
    }
}

impl Answer {
    pub(super) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The status line, one header if it is there, and the body.
    pub(super) fn show(&self, header: &str, teller: &Teller) {
        teller.output(self.head.lines().next().unwrap_or("no answer"));
        if let Some(value) = self.header(header) {
            teller.output(format_args!("{header}: {value}"));
        }
        teller.output(&self.body);
    }
}

impl Network {
    fn command(&self, program: &str) -> Command {
        match self {
            Self::Here => Command::new(program),
            Self::Node(cluster) => cluster.exec(program),
        }
    }

    /// Sends a request; an answer of any status is an answer.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let mut curl = self.command("curl");
        // Not one proxy of the person's environment, and no waiting for ever.
        curl.args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "20"]);
        let text = check(curl.args(request.arguments(request.token)), BOUND).await?;
        Ok(Answer::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = Answer::parse("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer x\r\n\r\n{}");
        assert_eq!(
            (answer.status, answer.header("www-authenticate"), answer.body.as_str()),
            (401, Some("Bearer x"), "{}")
        );
    }

    #[test]
    fn a_shown_command_has_no_whole_token() {
        let request = Request { token: Some("abcdefghijklmnop"), ..Request::get("http://h/mcp") };
        assert_eq!(request.shown(), "curl -i -H 'Authorization: Bearer abcdefghijkl…' http://h/mcp");
    }
}
