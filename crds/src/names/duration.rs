//! A length of time between two bounds, as users of Kubernetes write one: `15m`, `30d`.
//!
//! Pure. One unit and no fraction, so that one text is read in one way. Meets A13 (what we issue ends).

use crate::rule::{self, Broken, Rule};

/// A whole number of seconds, not less than `LEAST` and not more than `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration<const LEAST: u32, const MOST: u32>(u32);

/// How long an access token of ours lives: for as long a revocation may go unnoticed on another replica.
pub type TokenLifetime = Duration<MINUTE, HOUR>;
/// How long a refresh token of ours lives.
pub type RefreshLifetime = Duration<HOUR, { 365 * DAY }>;

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;
const UNITS: [(char, u32); 4] = [('d', DAY), ('h', HOUR), ('m', MINUTE), ('s', 1)];
/// A year in seconds, and the unit.
const LONGEST: usize = 9;
const SPELLED: &str = "^[1-9][0-9]*[smhd]$";
const RULES: &[Rule] =
    &[Rule::matches(SPELLED, "must be a length of time such as 15m: a whole number and s, m, h or d")];

impl<const LEAST: u32, const MOST: u32> Duration<LEAST, MOST> {
    pub fn parse(text: &str) -> Result<Self, Broken> {
        rule::check(text, LONGEST, RULES)?;
        let within = seconds(text).filter(|seconds| (LEAST..=MOST).contains(seconds));
        within.map(Self).ok_or_else(|| Broken(Self::bounds()))
    }

    pub fn seconds(self) -> u32 {
        self.0
    }

    fn bounds() -> String {
        format!("must be from {} to {}", spelled(LEAST), spelled(MOST))
    }
}

fn seconds(text: &str) -> Option<u32> {
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
    text.strip_suffix(unit)?.parse::<u32>().ok()?.checked_mul(seconds)
}

/// So many seconds, in the largest unit that leaves no rest.
pub fn spelled(seconds: u32) -> String {
    let unit = UNITS.into_iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    unit.map_or_else(String::new, |(unit, length)| format!("{}{unit}", seconds / length))
}

#[cfg(feature = "kube")]
impl<const LEAST: u32, const MOST: u32> schemars::JsonSchema for Duration<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Duration{LEAST}To{MOST}").into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = rule::schema(LONGEST, RULES);
        // What is not spelled as a length of time has been told so, and cannot be read here.
        let bounds = serde_json::json!({
            "rule": format!(
                "!self.matches(r'{SPELLED}') || [int(self.substring(0, size(self) - 1)) * \
                 (self.endsWith('s') ? 1 : self.endsWith('m') ? {MINUTE} : self.endsWith('h') ? {HOUR} : {DAY})\
                 ].all(n, n >= {LEAST} && n <= {MOST})"
            ),
            "message": Self::bounds(),
        });
        if let Some(serde_json::Value::Array(rules)) = schema.get_mut("x-kubernetes-validations") {
            rules.push(bounds);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<const LEAST: u32, const MOST: u32>(parsed: Result<Duration<LEAST, MOST>, Broken>) -> String {
        parsed.expect_err("it is refused").0
    }

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit_within_its_bounds() {
        for (text, seconds) in [("60s", 60), ("1m", 60), ("15m", 900), ("1h", 3600), ("3600s", 3600)] {
            assert_eq!(TokenLifetime::parse(text).map(Duration::seconds), Ok(seconds), "{text}");
        }
        for (text, seconds) in [("1h", 3600), ("60m", 3600), ("30d", 2_592_000), ("365d", 31_536_000)] {
            assert_eq!(RefreshLifetime::parse(text).map(Duration::seconds), Ok(seconds), "{text}");
        }
        for text in ["59s", "61m", "3601s", "2h", "1d", "99999999d"] {
            assert_eq!(refusal(TokenLifetime::parse(text)), "must be from 1m to 1h", "{text}");
        }
        for text in ["59m", "3599s", "366d", "31536001s"] {
            assert_eq!(refusal(RefreshLifetime::parse(text)), "must be from 1h to 365d", "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_in_none_is_refused() {
        for text in
            ["15", "15min", "1h30m", "1.5h", "015m", "0m", "-1m", "15 m", "15M", "PT15M", "m", "\u{661}m"]
        {
            assert!(
                refusal(TokenLifetime::parse(text)).contains("a whole number and s, m, h or d"),
                "{text}"
            );
        }
        assert!(refusal(RefreshLifetime::parse("3600000000s")).contains("at most 9 bytes"));
    }
}
