//! Numbers as text, in the format that Prometheus reads: a family begins with what it is, then its numbers follow.
//!
//! A writer of our own, since the crates for it bring a registry behind a lock, where all we have is a struct.

use std::fmt::Write as _;

use super::{Counter, Gauge};

/// The text as it grows.
#[derive(Default)]
pub(crate) struct Page(String);

/// Something with a place on the page.
pub(crate) trait Figure {
    /// What Prometheus calls its kind.
    const TYPE: &'static str;

    /// Its numbers under this name.
    fn write(&self, name: &str, page: &mut Page);
}

impl Page {
    /// A whole family: what it is, and its numbers.
    pub(super) fn family<F: Figure>(&mut self, name: &str, help: &str, figure: &F) {
        // In a comment a line's end and a backslash have to be masked; our sentences have neither.
        self.line(format_args!("# HELP {name} {}", help.trim()));
        self.line(format_args!("# TYPE {name} {}", F::TYPE));
        figure.write(name, self);
    }

    pub(super) fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing to a string does not fail");
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

impl Figure for Counter {
    const TYPE: &'static str = "counter";

    fn write(&self, name: &str, page: &mut Page) {
        page.line(format_args!("{name} {}", self.get()));
    }
}

impl Figure for Gauge {
    const TYPE: &'static str = "gauge";

    fn write(&self, name: &str, page: &mut Page) {
        page.line(format_args!("{name} {}", self.get()));
    }
}

/// A struct of figures, each with its sentence and its name outside.
macro_rules! figures {
    ($(#[doc = $about:literal])+ $group:ident { $(#[doc = $help:literal] $field:ident: $kind:ty = $name:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Default)]
        pub(crate) struct $group {
            $(#[doc = $help] pub(crate) $field: $kind,)+
        }

        impl $group {
            fn write(&self, page: &mut Page) {
                $(page.family($name, $help, &self.$field);)+
            }
        }
    };
}

/// Counters of one family, told apart by the value of one label: the field's name.
macro_rules! kinds {
    ($group:ident by $label:literal { $($field:ident),+ $(,)? }) => {
        #[derive(Debug, Default)]
        pub(crate) struct $group {
            $(pub(crate) $field: Counter,)+
        }

        impl Figure for $group {
            const TYPE: &'static str = "counter";

            fn write(&self, name: &str, page: &mut Page) {
                $(
                    let value = stringify!($field).trim_start_matches("r#");
                    page.line(format_args!("{name}{{{}=\"{value}\"}} {}", $label, self.$field.get()));
                )+
            }
        }
    };
}

pub(super) use {figures, kinds};
