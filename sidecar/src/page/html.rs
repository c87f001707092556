//! Markup that cannot be injected into: a template is a literal of this source, and whatever fills its holes is escaped.
//!
//! Pure. `html!("<p>{}</p>", text)` is checked when it is compiled: as many slots as holes, and no hole inside a tag
//! unless between quotes. There is no way from a `String` to `Html` that does not escape. Meets O16, I4.

/// Text that is ready for a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

/// Fills the holes `{}` of a literal, each with a text (which is escaped) or with other `Html`.
macro_rules! html {
    ($template:literal $(, $slot:expr)* $(,)?) => {{
        const SLOTS: &[&str] = &[$(stringify!($slot)),*];
        const _: () = assert!(
            $crate::page::html::holes($template) == SLOTS.len(),
            "a template has as many holes as slots"
        );
        $crate::page::html::fill($template, &[$($crate::page::html::Html::from($slot)),*])
    }};
}
pub(super) use html;

impl Html {
    /// Text of ours as it stands, where escaping would break it: the style sheet.
    pub(super) fn constant(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl From<&str> for Html {
    /// HTML §13.1.2: these five are all that can end a text or a quoted attribute, or begin anything else. Control
    /// characters mean nothing in a page, and parsers differ about them.
    fn from(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
                other => escaped.push(other),
            }
        }
        Self(escaped)
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(parts: I) -> Self {
        Self(parts.into_iter().map(Html::into_string).collect())
    }
}

/// How many holes a template has. Does not compile for a template in which filling one could end a tag.
pub(super) const fn holes(template: &str) -> usize {
    let bytes = template.as_bytes();
    let (mut at, mut count, mut tag, mut quoted) = (0, 0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'<' if !quoted => tag = true,
            b'>' if !quoted => tag = false,
            b'"' if tag => quoted = !quoted,
            b'{' if at + 1 < bytes.len() && bytes[at + 1] == b'}' => {
                assert!(!tag || quoted, "a hole inside a tag stands between quotes");
                count += 1;
            }
            _ => {}
        }
        at += 1;
    }
    assert!(!tag && !quoted, "a template closes the tags that it opens");
    count
}

/// What `html!` calls once the template is known to be sound.
pub(super) fn fill(template: &'static str, slots: &[Html]) -> Html {
    let mut pieces = template.split("{}");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for (slot, piece) in slots.iter().zip(pieces) {
        filled.push_str(&slot.0);
        filled.push_str(piece);
    }
    Html(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hostile text is made of: whole attacks, and the characters between them.
    const PIECES: [&str; 20] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\" autofocus onfocus=alert(1) x=\"",
        "' style='position:fixed",
        "</style><style>*{display:none}",
        "<!--",
        "-->",
        "]]>",
        "&lt;",
        "&#x3c;",
        "javascript:alert(1)",
        "{}",
        "\0",
        "\r\n",
        "`",
        "=",
        "\u{202E}",
        "\u{FF1C}script\u{FF1E}",
        "\u{10FFFF}",
        "é",
    ];

    /// Reads an escaped text as a browser would. `None` where anything in it is not plain text.
    fn read(escaped: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = escaped;
        while let Some(first) = rest.chars().next() {
            let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&#39;", '\'')]
                .into_iter()
                .find(|(entity, _)| rest.starts_with(entity));
            match (entity, first) {
                (Some((entity, character)), _) => {
                    text.push(character);
                    rest = &rest[entity.len()..];
                }
                (None, '&' | '<' | '>' | '"' | '\'') => return None,
                (None, other) => {
                    text.push(other);
                    rest = &rest[other.len_utf8()..];
                }
            }
        }
        Some(text)
    }

    /// The same pieces in ten thousand orders. Not random: a failure is the same for everyone.
    fn hostile_texts() -> impl Iterator<Item = String> {
        let mut state: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut next = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below).expect("it is small")
        };
        (0..10_000).map(move |_| (0..next(12)).map(|_| PIECES[next(PIECES.len() as u64)]).collect())
    }

    #[test]
    fn o16_no_text_gets_out_of_the_hole_it_fills() {
        for hostile in hostile_texts() {
            let shown = read(&Html::from(hostile.as_str()).into_string());
            let expected = hostile.replace(char::is_control, "\u{FFFD}");
            assert_eq!(shown.as_deref(), Some(expected.as_str()), "{hostile:?}");
        }
    }

    #[test]
    fn o16_a_hole_is_filled_once_and_what_fills_it_is_no_template() {
        let page = html!("<a title=\"{}\">{}</a>", "{}\">", "{}<b>");
        assert_eq!(page.into_string(), "<a title=\"{}&quot;&gt;\">{}&lt;b&gt;</a>");
    }

    #[test]
    fn markup_of_ours_goes_into_other_markup_as_it_is() {
        let items = ["a", "<b>"].into_iter().map(|item| html!("<li>{}</li>", item)).collect::<Html>();
        assert_eq!(html!("<ul>{}</ul>", items).into_string(), "<ul><li>a</li><li>&lt;b&gt;</li></ul>");
    }

    #[test]
    fn a_hole_is_counted_between_tags_and_between_quotes() {
        assert_eq!(holes("<p class=\"{}\" id=\"a>b\">{} {</p>"), 2);
    }

    #[test]
    #[should_panic(expected = "stands between quotes")]
    fn a_hole_in_a_tag_without_quotes_is_refused() {
        holes("<p class={}>");
    }

    #[test]
    #[should_panic(expected = "closes the tags")]
    fn a_tag_that_stays_open_is_refused() {
        holes("<p class=\"a\"");
    }
}
