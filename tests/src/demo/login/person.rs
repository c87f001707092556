//! Somebody at a browser: curl with a jar of cookies, and the two forms that a login meets. Runs curl.

use std::path::PathBuf;

use tempfile::TempDir;

use super::super::curl::{Answer, Network, Request};
use crate::lab::Error;

const MOST_STEPS: usize = 10;
const WIDEST: usize = 110;

/// A person with a browser of their own.
pub(super) struct Person {
    folder: TempDir,
}

/// A page, and where it came from.
pub(super) struct Page {
    url: String,
    answer: Answer,
}

impl Person {
    pub(super) fn new() -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", "a temporary folder"))?;
        Ok(Self { folder })
    }

    pub(super) async fn open(&self, url: &str) -> Result<Page, Error> {
        self.request(Request::get(url)).await
    }

    /// Presses the button of the consent page: from there it goes to the provider.
    pub(super) async fn agree(&self, page: &Page) -> Result<Page, Error> {
        let fields = format!("ask={}&csrf={}&decision=allow", page.field("ask")?, page.field("csrf")?);
        let sent = self.submit(page, fields).await?;
        self.follow(&sent).await
    }

    /// Follows the provider's pages, filling in what they ask, until the browser is sent to `callback`; gives that address.
    pub(super) async fn sign_in(&self, first: &Page, callback: &str) -> Result<String, Error> {
        let mut page = Page { url: first.url.clone(), answer: first.answer.clone() };
        for _ in 0..MOST_STEPS {
            page = match page.next() {
                Some(next) if next.starts_with(callback) => return Ok(next),
                Some(next) => self.open(&next).await?,
                None => self.submit(&page, "username=ada&answer=allow".to_owned()).await?,
            };
        }
        Err(page.unexpected("the end of the login"))
    }

    /// Where a page sends the browser on.
    pub(super) async fn follow(&self, page: &Page) -> Result<Page, Error> {
        self.open(&page.next().ok_or_else(|| page.unexpected("a redirect"))?).await
    }

    async fn submit(&self, page: &Page, fields: String) -> Result<Page, Error> {
        let action = between(&page.answer.body, "action=\"", "\"");
        let url = page.absolute(action.ok_or_else(|| page.unexpected("a form"))?);
        // A browser says from where a form comes.
        let origin = format!("Origin: {}", page.origin());
        self.request(Request { headers: vec![origin], body: Some(fields), ..Request::get(&url) }).await
    }

    async fn request(&self, request: Request<'_>) -> Result<Page, Error> {
        let jar = self.jar();
        let answer = Network::Here.send(&Request { jar: Some(&jar), ..request.clone() }).await?;
        Ok(Page { url: request.url.to_owned(), answer })
    }

    fn jar(&self) -> PathBuf {
        self.folder.path().join("jar")
    }
}

impl Page {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What a person reads first: the title and the sentence below it, and where the answer goes.
    pub(super) fn says(&self) -> Vec<String> {
        let header = between(&self.answer.body, "<h1>", "</header>").unwrap_or(&self.answer.body);
        let lines = header.lines().map(without_tags).filter(|line| !line.trim().is_empty());
        lines.map(|line| format!("│ {}", line.trim())).collect()
    }

    pub(super) fn text(&self) -> String {
        without_tags(&self.answer.body)
    }

    /// Where the browser is sent on.
    fn next(&self) -> Option<String> {
        self.answer.header("location").map(|location| self.absolute(location))
    }

    fn field(&self, name: &str) -> Result<&str, Error> {
        let value = between(&self.answer.body, &format!("name=\"{name}\" value=\""), "\"");
        value.ok_or_else(|| self.unexpected("the consent page"))
    }

    fn absolute(&self, address: &str) -> String {
        if address.starts_with('/') { format!("{}{address}", self.origin()) } else { address.to_owned() }
    }

    fn origin(&self) -> &str {
        let host = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url[host..].find(['/', '?']).map_or(self.url.len(), |at| host + at);
        &self.url[..end]
    }

    fn unexpected(&self, what: &str) -> Error {
        let said = without_tags(&self.answer.body);
        Error::Missing(format!(
            "expected {what} from {}, got {}: {said}",
            short(&self.url),
            self.answer.status
        ))
    }
}

/// An address as it is shown.
pub(super) fn short(url: &str) -> String {
    let cut: String = url.chars().take(WIDEST).collect();
    if cut.len() < url.len() { format!("{cut}…") } else { cut }
}

/// What stands between the first `start` and the next `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

fn without_tags(html: &str) -> String {
    let mut parts = html.split('<');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once('>')).fold(first, |text, (_, after)| text + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_a_person_reads_it() {
        assert_eq!(without_tags("Connect <b>a <i>tool</i></b>?"), "Connect a tool?");
        assert_eq!(between("a=\"1\" b=\"2\"", "b=\"", "\""), Some("2"));
        assert_eq!(between("a=\"1", "a=\"", "\""), None);
    }

    #[test]
    fn an_address_of_a_page_is_taken_from_where_the_page_is() {
        let answer = Answer::parse("HTTP/1.1 303 See Other\r\nLocation: /next\r\n\r\n");
        let page = Page { url: "http://127.0.0.1:1/a?b=/c".to_owned(), answer };
        assert_eq!(page.next().as_deref(), Some("http://127.0.0.1:1/next"));
        assert_eq!(page.absolute("https://h/x"), "https://h/x");
    }
}
