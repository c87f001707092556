//! `checked_text!`: a string newtype that can only hold what its rules allow.
//!
//! Pure. One declaration gives the constructor, serde in both directions through it, and the OpenAPI of the type.

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, longest: $longest:expr, rules: [$($rule:expr),* $(,)?]) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            const LONGEST: usize = $longest;
            pub(crate) const RULES: &'static [$crate::rule::Rule] = &[$($rule),*];

            /// Takes the text if it obeys every rule of this type.
            pub fn parse(text: &str) -> Result<Self, $crate::rule::Broken> {
                $crate::rule::check(text, Self::LONGEST, Self::RULES)?;
                Ok(Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::rule::Broken;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[cfg(feature = "kube")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::rule::schema(Self::LONGEST, Self::RULES)
            }
        }
    };
}

pub(crate) use checked_text;
