//! Enums whose list of words grows with every version.
//!
//! A word from a newer program is kept as it came, so that it can be shown and logged, and never makes the
//! message around it unreadable.

/// Defines an enum of known words and `Other`, with `as_str`, `Display` and serde as one string.
macro_rules! open_enum {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $( $(#[$doc:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$doc])* $variant, )+
            /// A word that this version does not know, cleaned and cut to
            /// [`MAX_WORD_CHARS`](crate::limits::MAX_WORD_CHARS).
            Other(String),
        }

        impl $name {
            /// The word as it is written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Other(word) => word,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <String as serde::Deserialize>::deserialize(deserializer)?;
                Ok(match word.as_str() {
                    $( $word => Self::$variant, )+
                    unknown => Self::Other($crate::text::clean(unknown, $crate::limits::MAX_WORD_CHARS)),
                })
            }
        }
    };
}

pub(crate) use open_enum;
