//! How the text of a stranger is shown: the name that a client gave itself, a scope, an address.
//!
//! Pure. What cannot be seen, turns the direction of a line or piles up on it is taken out, and the rest is cut. Escaping is
//! another matter and happens in `html`. Meets O16, A9.
//!
//! Look-alike letters (a Cyrillic «С» in «Сlaude») are not hunted for. A word written wholly in look-alikes passes every
//! test for mixed scripts, honest names mix scripts, and nothing here hangs on it: a page never asks anybody to trust a name
//! that a client gave itself. A name that is known comes from our own catalogue, and the address is plain ASCII.

use super::html::Html;

/// A text that may be shown. It still has to be escaped, which `Html` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown(String);

/// In characters, and so at most two lines.
const LONGEST: usize = 80;
/// Addresses and scopes are shown whole: these are longer than any that is used.
const LONGEST_ASCII: usize = 300;
/// Vietnamese, decomposed, needs two on one letter; a dozen cover the line above.
const MOST_MARKS: usize = 2;

impl Shown {
    /// A name or a word. `None` where nothing of it can be seen.
    pub(super) fn new(text: &str) -> Option<Self> {
        let visible: String = text.chars().filter(|c| c.is_whitespace() || !is_unseen(*c)).collect();
        let words: Vec<_> = visible.split_whitespace().collect();
        let text = cut(without_piles(&words.join(" ")));
        (!text.is_empty()).then_some(Self(text))
    }

    /// A host, with its port. One that is too long keeps its end: who owns it is written there.
    pub(super) fn host(host: &str) -> Self {
        let ascii = ascii(host);
        match ascii.len().checked_sub(LONGEST) {
            None | Some(0) => Self(ascii.into_iter().collect()),
            Some(over) => Self(std::iter::once('…').chain(ascii.into_iter().skip(over + 1)).collect()),
        }
    }

    /// What is ASCII by its grammar: a whole address (its host is shown beside it), or a scope.
    pub(super) fn ascii(text: &str) -> Self {
        let ascii = ascii(text);
        let cut = ascii.len() > LONGEST_ASCII;
        Self(ascii.into_iter().take(LONGEST_ASCII).chain(cut.then_some('…')).collect())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Shown> for Html {
    fn from(shown: &Shown) -> Self {
        Self::from(shown.as_str())
    }
}

/// Addresses arrive in ASCII (a name in other letters as `xn--`); whatever else there is does not pass for a letter.
fn ascii(text: &str) -> Vec<char> {
    let seen = |c: char| if c.is_ascii_graphic() { c } else { char::REPLACEMENT_CHARACTER };
    text.chars().map(seen).collect()
}

fn cut(text: String) -> String {
    if text.chars().nth(LONGEST).is_none() {
        return text;
    }
    let kept: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", kept.trim_end())
}

/// No letter carries more marks than languages need, and no quotation mark ends the quotation that the name stands in.
fn without_piles(text: &str) -> String {
    let mut marks = 0;
    let keep = |c: &char| {
        marks = if is_mark(*c) { marks + 1 } else { 0 };
        marks <= MOST_MARKS
    };
    let plain = |c| if matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»') { '\'' } else { c };
    text.chars().filter(keep).map(plain).collect()
}

/// The marks that go on any letter (Unicode blocks of combining diacritical marks).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
        | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Controls, formats (the bidirectional ones among them), fillers that look like nothing, selectors of variants, private use
/// (fonts put logos there) and the plane of tags. Scripts that use joiners (Persian, some emoji) stay readable without.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}'
            | '\u{890}' | '\u{891}' | '\u{8E2}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFF}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1345F}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Shown::new(text).map(|shown| shown.as_str().to_owned()).unwrap_or_default()
    }

    #[test]
    fn an_honest_name_is_shown_as_it_is_in_every_script() {
        for name in ["Claude Code", "Trợ lý ảo", "مساعد", "עוזר", "小助手", "C++ & <tools>", "🦀 crab"]
        {
            assert_eq!(shown(name), name);
        }
    }

    #[test]
    fn o16_what_turns_hides_or_tags_a_text_is_taken_out() {
        let ranges = [
            0x00..=0x08,
            0x0E..=0x1F,
            0x7F..=0x84,
            0x86..=0x9F,
            0x200B..=0x200F,
            0x202A..=0x202E,
            0x2060..=0x206F,
        ];
        let more =
            [0xAD, 0x34F, 0x61C, 0x180E, 0x2800, 0x3164, 0xFEFF, 0xFE0F, 0xF8FF, 0xFFFD, 0xE0001, 0xE0041];
        for code in ranges.into_iter().flatten().chain(more) {
            let unseen = char::from_u32(code).expect("it is a character");
            assert_eq!(shown(&format!("evil{unseen}.example")), "evil.example", "U+{code:04X}");
        }
        assert_eq!(shown("evil-example"), "evil-example");
    }

    #[test]
    fn white_space_of_every_kind_is_one_space() {
        assert_eq!(shown("  a\r\n\tb\u{2028}\u{2029}c\u{85}d\u{3000}\u{A0}e "), "a b c d e");
    }

    #[test]
    fn a_text_of_which_nothing_can_be_seen_is_none() {
        for nothing in ["", " ", "\u{200B}\u{202E}", "\u{3164}\u{2800}", "\u{E0041}\n"] {
            assert_eq!(Shown::new(nothing), None, "{nothing:?}");
        }
        assert!(Shown::new(".").is_some());
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark_and_one_that_just_fits_is_not() {
        assert_eq!(shown(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(79)));
        assert_eq!(shown(&"x".repeat(60_000)).chars().count(), 80);
    }

    #[test]
    fn marks_do_not_pile_up_and_quotation_marks_do_not_close_ours() {
        assert_eq!(shown(&format!("Z{}algo", "\u{301}".repeat(50))), "Z\u{301}\u{301}algo");
        assert_eq!(shown("Claude” is known, “x"), "Claude' is known, 'x");
    }

    #[test]
    fn a9_a_host_that_is_too_long_keeps_the_end_that_says_whose_it_is() {
        let host = format!("claude.ai.{}.evil.example", "a".repeat(200));
        let shown = Shown::host(&host);
        assert!(shown.as_str().starts_with('…') && shown.as_str().ends_with("aaa.evil.example"));
        assert_eq!(shown.as_str().chars().count(), LONGEST);
        assert_eq!(Shown::host(&"a".repeat(80)).as_str(), "a".repeat(80));
    }

    #[test]
    fn an_address_shows_no_letter_that_is_not_ascii() {
        assert_eq!(Shown::host("сlaude.ai").as_str(), "\u{FFFD}laude.ai");
        assert_eq!(
            Shown::ascii("https://claude.ai/\u{202E}cb x").as_str(),
            "https://claude.ai/\u{FFFD}cb\u{FFFD}x"
        );
        assert_eq!(Shown::host("xn--laude-6ve.ai").as_str(), "xn--laude-6ve.ai");
        assert_eq!(Shown::ascii(&"a".repeat(301)).as_str(), format!("{}…", "a".repeat(300)));
    }
}
