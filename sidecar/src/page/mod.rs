//! All that a person sees: the page on which they agree to a login, those that say why there is nothing to agree to, and what the
//! address of a server shows in a browser.
//!
//! Pure: what to show goes in, bytes and headers come out. No script, no picture, nothing from anywhere else; one style
//! sheet, inline. Meets A9, I2, I4, O01, O16, O19, O20.

mod headers;
mod html;
mod style;
mod text;

pub mod connect;
pub mod consent;
pub mod problem;
pub mod who;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

pub use connect::{Connect, SignIn};
pub use consent::{Consent, Form, Remember};
pub use problem::Problem;
pub use who::{Client, Returns};

use headers::Forms;
use html::{Html, html};

/// A whole answer to a browser.
#[derive(Debug, Clone)]
pub struct Page {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Page {
    /// The page with our form on it.
    fn with_form(title: &str, content: Html) -> Self {
        let body = document(title, Html::constant(headers::SAME_ORIGIN), content);
        Self { status: StatusCode::OK, headers: headers::for_page(Forms::Ours), body }
    }

    /// A page that is only read.
    fn without_form(status: StatusCode, title: &str, content: Html) -> Self {
        let body = document(title, Html::default(), content);
        Self { status, headers: headers::for_page(Forms::Never), body }
    }

    /// Says when it is worth coming back.
    fn retry_after(mut self, seconds: u32) -> Self {
        self.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// The title is ours alone: it stands in tabs and histories, where nothing says whose words they are.
fn document(title: &str, more: Html, content: Html) -> Bytes {
    let document = html!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{}
<title>{}</title>
<style>{}</style>
</head>
<body>
<main>
{}
</main>
</body>
</html>
"#,
        more,
        title,
        Html::constant(style::STYLE),
        content,
    );
    document.into_string().into()
}

#[cfg(test)]
mod tests;
