//! The forms of a page, as a browser without scripts sees them.
//!
//! Pure. Not a parser of HTML: it reads the tags of forms and their controls, and knows the entities that templates write.

/// A form, and what it would send if it were submitted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) id: Option<String>,
    pub(super) action: String,
    pub(super) posts: bool,
    pub(super) fields: Vec<Field>,
    pub(super) buttons: Vec<Button>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether it is sent: boxes that are not ticked are not.
    pub(super) sent: bool,
}

/// Sent only when it is the one that was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Button {
    pub(super) name: Option<String>,
    pub(super) value: String,
    pub(super) text: String,
}

struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    /// What stands behind it.
    rest: &'a str,
}

pub(super) fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = false;
    let mut text = page;
    while let Some(tag) = next_tag(text) {
        text = tag.rest;
        match (tag.name.as_str(), forms.last_mut().filter(|_| open)) {
            // HTML §13.2.6.4.7: a form within a form is none.
            ("form", None) => {
                open = true;
                forms.push(form(&tag));
            }
            ("/form", _) => open = false,
            ("input", Some(form)) => input(form, &tag),
            ("button", Some(form)) => button(form, &tag),
            _ => {}
        }
    }
    forms
}

/// HTML §4.2.5.1: what the page itself says of referrers, which counts over the header once it is read.
pub(super) fn referrer_policy(page: &str) -> Option<String> {
    let mut text = page;
    while let Some(tag) = next_tag(text) {
        text = tag.rest;
        let is_it = tag.name == "meta" && tag.attribute("name").is_some_and(|name| name == "referrer");
        if let Some(content) = tag.attribute("content").filter(|_| is_it) {
            return Some(content.to_owned());
        }
    }
    None
}

fn form(tag: &Tag<'_>) -> Form {
    let posts = tag.attribute("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
    let action = tag.attribute("action").unwrap_or_default().to_owned();
    let id = tag.attribute("id").map(ToOwned::to_owned);
    Form { id, action, posts, fields: Vec::new(), buttons: Vec::new() }
}

fn input(form: &mut Form, tag: &Tag<'_>) {
    let kind = tag.attribute("type").unwrap_or("text").to_ascii_lowercase();
    let name = tag.attribute("name").map(ToOwned::to_owned);
    if tag.attribute("disabled").is_some() {
        return;
    }
    if matches!(kind.as_str(), "submit" | "image") {
        let value = tag.attribute("value").unwrap_or_default().to_owned();
        form.buttons.push(Button { name, text: value.clone(), value });
        return;
    }
    let is_box = matches!(kind.as_str(), "checkbox" | "radio");
    let value = tag.attribute("value").unwrap_or(if is_box { "on" } else { "" }).to_owned();
    if let Some(name) = name.filter(|name| !name.is_empty() && !matches!(kind.as_str(), "button" | "reset")) {
        form.fields.push(Field { name, value, sent: !is_box || tag.attribute("checked").is_some() });
    }
}

fn button(form: &mut Form, tag: &Tag<'_>) {
    let kind = tag.attribute("type").unwrap_or("submit");
    if !kind.eq_ignore_ascii_case("submit") || tag.attribute("disabled").is_some() {
        return;
    }
    let inside = tag.rest.split("</button").next().unwrap_or_default();
    form.buttons.push(Button {
        name: tag.attribute("name").map(ToOwned::to_owned),
        value: tag.attribute("value").unwrap_or_default().to_owned(),
        text: decode(without_tags(inside).trim()),
    });
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The next tag; comments and what stands in scripts and styles are none.
fn next_tag(text: &str) -> Option<Tag<'_>> {
    let mut text = text;
    loop {
        let at = text.find('<')?;
        text = &text[at + 1..];
        if let Some(comment) = text.strip_prefix("!--") {
            text = &comment[comment.find("-->")?..];
            continue;
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
            continue;
        }
        let name_end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
        let name = text[..name_end].to_ascii_lowercase();
        let (attributes, rest) = attributes(&text[name_end..]);
        if matches!(name.as_str(), "script" | "style") {
            text = &rest[rest.find(&format!("</{name}"))?..];
            continue;
        }
        return Some(Tag { name, attributes, rest });
    }
}

/// The attributes up to the end of the tag, and what stands behind it.
fn attributes(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut text = text;
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if text.is_empty() || text.starts_with('>') {
            return (found, text.strip_prefix('>').unwrap_or(text));
        }
        let name_end =
            text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(text.len());
        let name = text[..name_end.max(1).min(text.len())].to_ascii_lowercase();
        text = text[name_end.max(1).min(text.len())..].trim_start();
        let Some(value) = text.strip_prefix('=').map(str::trim_start) else {
            found.push((name, String::new()));
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, rest) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => {
                value.split_at(value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len()))
            }
        };
        found.push((name, decode(value)));
        text = rest;
    }
}

fn without_tags(text: &str) -> String {
    text.split('<').map(|part| part.split_once('>').map_or(part, |(_, behind)| behind)).collect()
}

/// The entities that escaping writes: named ones for the five, and numbers.
fn decode(text: &str) -> String {
    const NAMED: [(&str, char); 6] =
        [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("nbsp", '\u{a0}')];
    let mut parts = text.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let entity = part.split_once(';').and_then(|(name, rest)| {
            let named = NAMED.iter().find(|(known, _)| *known == name).map(|(_, found)| *found);
            let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            });
            Some((named.or_else(|| number.and_then(char::from_u32))?, rest))
        });
        match entity {
            Some((found, rest)) => {
                decoded.push(found);
                decoded.push_str(rest);
            }
            None => {
                decoded.push('&');
                decoded.push_str(part);
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_what_stands_in_it_and_nothing_that_is_not_ticked() {
        let page = r#"<!-- <form action=/no> --><script>"<form action='/no'>"</script>
            <FORM id=f action="/go?a=1&amp;b=2" method="POST"><input type=hidden name=token value='a"b&#x27;'>
            <input name="who"><input type=checkbox name=remember><input type=checkbox checked name=known value=yes>
            <input name=off disabled><button name=answer value=allow><b>Go</b> on</button><button>Plain</button>
            <input type=submit value="Send it"></FORM><input name=outside>"#;
        let forms = forms(page);
        let [form] = &forms[..] else { panic!("{forms:?}") };
        assert_eq!((form.id.as_deref(), form.action.as_str(), form.posts), (Some("f"), "/go?a=1&b=2", true));
        let fields: Vec<_> =
            form.fields.iter().map(|f| (f.name.as_str(), f.value.as_str(), f.sent)).collect();
        assert_eq!(
            fields,
            [("token", "a\"b'", true), ("who", "", true), ("remember", "on", false), ("known", "yes", true)]
        );
        let buttons: Vec<_> = form.buttons.iter().map(|b| (b.name.as_deref(), b.text.as_str())).collect();
        assert_eq!(buttons, [(Some("answer"), "Go on"), (None, "Plain"), (None, "Send it")]);
    }

    #[test]
    fn entities_that_are_none_stay_as_they_are() {
        assert_eq!(decode("a&b &amp;lt; &#38; &unknown; &#xD800; &"), "a&b &lt; & &unknown; &#xD800; &");
    }
}
