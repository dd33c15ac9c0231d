//! Structs whose sentences can be read while the program runs.
//!
//! Each limit has one sentence, above its field. A person who sets it reads the same sentence in the commented settings
//! that the program writes: this hands it on, so that there is no second list to forget something in.

use std::time::Duration;

/// One field of such a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Documented {
    /// Its name, as it is written in settings.
    pub name: String,
    /// What it means and what happens beyond it. Several lines, as in the source.
    pub about: &'static str,
    /// How it stands.
    pub value: Value,
}

/// How a field stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, as it is written in settings; a time is in seconds.
    Number(String),
    /// A struct of its own.
    Group(Vec<Documented>),
}

/// What can be a field.
pub(crate) trait Written {
    fn written(&self) -> Value;
}

impl Written for usize {
    fn written(&self) -> Value {
        Value::Number(self.to_string())
    }
}

impl Written for u32 {
    fn written(&self) -> Value {
        Value::Number(self.to_string())
    }
}

impl Written for u64 {
    fn written(&self) -> Value {
        Value::Number(self.to_string())
    }
}

impl Written for Duration {
    fn written(&self) -> Value {
        Value::Number(self.as_secs_f64().to_string())
    }
}

/// The struct as it is written, and its fields with their sentences.
macro_rules! documented {
    (
        $(#[$outer:meta])*
        pub struct $name:ident {
            $($(#[doc = $about:literal])+ $(#[serde($($serde:tt)+)])? pub $field:ident: $kind:ty,)+
        }
    ) => {
        $(#[$outer])*
        pub struct $name {
            $($(#[doc = $about])+ $(#[serde($($serde)+)])? pub $field: $kind,)+
        }

        impl $name {
            /// Every field with its sentence, in the order of the source.
            pub fn documented(&self) -> Vec<$crate::documented::Documented> {
                vec![$($crate::documented::Documented {
                    name: stringify!($field).replace('_', "-"),
                    about: concat!($($about, "\n"),+),
                    value: $crate::documented::Written::written(&self.$field),
                },)+]
            }
        }

        impl $crate::documented::Written for $name {
            fn written(&self) -> $crate::documented::Value {
                $crate::documented::Value::Group(self.documented())
            }
        }
    };
}

pub(crate) use documented;
