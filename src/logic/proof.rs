//! The proof of a call: its report as something to read, to look at, and to give to other tools.
//!
//! Four forms of one value. The *document* (JSON, `src/logic/proof/README.md`) is what is kept and what everything else is made of;
//! *words* are for a terminal; the *page* is one file of HTML that needs nothing else, with a map, tables, graphs and the
//! story; the *dump* opens in the public viewers of chrome://webrtc-internals. Nothing is inferred here: what there is to
//! judge was judged when the report was made. Two reports of one call can be held against each other (`compare`).
//!
//! None of these masks anything. Whoever passes a report on masks it first (`logic::redact`).

mod compare;
mod dump;
mod figures;
mod html;
mod json;
mod story;
mod text;
mod words;

use serde_json::json;

use super::report::CallReport;

pub use compare::{
    COMPARISON_VERSION, Clocks, Comparison, Direction, NotOneCall, PathChange, Worst, compare,
};
pub use json::{Found, MAX_BYTES, NotAReport, read};

/// What a report is made into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The document itself.
    #[default]
    Json,
    /// Words for a terminal.
    Text,
    /// A page.
    Html,
    /// For viewers of webrtc-internals.
    Dump,
}

impl Form {
    /// The one that the name of a file asks for; the document where it asks for nothing that is known.
    pub fn of_file(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" => Self::Html,
            "txt" | "text" => Self::Text,
            "dump" => Self::Dump,
            _ => Self::Json,
        }
    }
}

/// One report in a form.
pub fn render(report: &CallReport, form: Form) -> String {
    match form {
        Form::Json => json::write(report),
        Form::Text => text::of(report),
        Form::Html => html::of(report),
        Form::Dump => dump::write(&[report]),
    }
}

/// Two reports of one call in a form, with what came of holding them against each other.
pub fn render_both(ours: &CallReport, theirs: &CallReport, comparison: &Comparison, form: Form) -> String {
    match form {
        Form::Json => {
            let both = json!({
                "schema_version": COMPARISON_VERSION,
                "comparison": comparison,
                "reports": [ours, theirs],
            });
            serde_json::to_string_pretty(&both).map_or_else(|_| String::new(), |text| text + "\n")
        }
        Form::Text => text::of_both(comparison),
        Form::Html => html::of_both(ours, theirs, comparison),
        Form::Dump => dump::write(&[ours, theirs]),
    }
}
