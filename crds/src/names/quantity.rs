//! How much a quantity is: `1Gi`, `1024Mi` and `1073741824` are the same.
//!
//! Pure.

use super::Quantity;

/// A billionth of a unit is the least that Kubernetes tells apart.
const WHOLE: u128 = 1_000_000_000;
/// More digits behind the point say nothing, whatever the suffix.
const DIGITS: usize = 15;

impl Quantity {
    /// So many billionths, up to the largest number that there is here.
    pub fn billionths(&self) -> u128 {
        let text = self.as_str();
        let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = &fraction[..fraction.len().min(DIGITS)];
        let unit = unit(suffix);
        let whole = whole.parse().unwrap_or(u128::MAX).saturating_mul(unit);
        let part = fraction.parse::<u128>().unwrap_or(0) * unit / 10_u128.pow(length(fraction));
        whole.saturating_add(part)
    }
}

fn length(digits: &str) -> u32 {
    u32::try_from(digits.len()).unwrap_or(u32::MAX)
}

/// The suffixes that the rule of the type lets through.
fn unit(suffix: &str) -> u128 {
    match suffix {
        "m" => WHOLE / 1_000,
        "k" => WHOLE * 1_000,
        "M" => WHOLE * 1_000_000,
        "G" => WHOLE * 1_000_000_000,
        "T" => WHOLE * 1_000_000_000_000,
        "Ki" => WHOLE << 10,
        "Mi" => WHOLE << 20,
        "Gi" => WHOLE << 30,
        "Ti" => WHOLE << 40,
        _ => WHOLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u128 {
        Quantity::parse(text).expect("a quantity").billionths()
    }

    #[test]
    fn one_amount_in_two_spellings_is_one_amount() {
        for (one, other) in [
            ("1", "1000m"),
            ("0.1", "100m"),
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1M", "1000k"),
            ("1Mi", "1048576"),
            ("0.50", "0.5"),
            ("2T", "2000G"),
            ("1Ti", "1024Gi"),
        ] {
            assert_eq!(of(one), of(other), "{one} and {other}");
        }
    }

    #[test]
    fn amounts_are_ordered_by_how_much_they_are_and_not_by_their_text() {
        for (less, more) in [("9m", "10m"), ("128Mi", "1Gi"), ("999Mi", "1Gi"), ("1M", "1Mi"), ("0", "1m")] {
            assert!(of(less) < of(more), "{less} and {more}");
        }
    }

    #[test]
    fn a_number_that_is_too_large_is_the_largest_one() {
        assert_eq!(of("99999999999999999999999999999999"), u128::MAX);
        assert_eq!(of("9999999999999999999999999999Ti"), u128::MAX);
        assert!(of("0.99999999999999999999999999Ti") < of("1Ti"));
    }
}
