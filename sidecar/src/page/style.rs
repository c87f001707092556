//! How the pages look: one style sheet, in every page, and the only thing that a page may use.
//!
//! Pure. The policy of a page names the sheet by its hash (`headers`). Sizes follow the reader's own font size, both colour
//! schemes can be read (WCAG 2.2 AA), and nothing moves.

pub(super) const STYLE: &str = include_str!("style.css");

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2 §1.4.3 and §1.4.11: 4.5 to 1 for text, 3 to 1 for the edges of what one can press.
    #[test]
    fn every_colour_can_be_read_on_what_lies_behind_it_in_both_schemes() {
        let (light, dark) = STYLE.split_once("prefers-color-scheme: dark").expect("there are two schemes");
        for (scheme, style) in [("light", light), ("dark", dark)] {
            let pairs = [
                ("text", "card", 7.0),
                ("text", "well", 7.0),
                ("soft", "card", 4.5),
                ("soft", "well", 4.5),
                ("good", "well", 4.5),
                ("warn", "warn-well", 4.5),
                ("stop", "stop-well", 4.5),
                ("go-text", "go", 4.5),
                ("go", "card", 3.0),
                ("edge", "card", 3.0),
                ("edge", "well", 3.0),
                ("warn-edge", "card", 3.0),
                ("stop-edge", "card", 3.0),
            ];
            for (front, back, least) in pairs {
                let (front_light, back_light) = (luminance(style, front), luminance(style, back));
                let ratio = (front_light.max(back_light) + 0.05) / (front_light.min(back_light) + 0.05);
                assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2} to 1");
            }
        }
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(style: &str, name: &str) -> f64 {
        let hex = {
            let (_, rest) = style.split_once(&format!("--{name}: #")).expect("the colour has a name");
            &rest[..6]
        };
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("it is a colour")) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }
}
