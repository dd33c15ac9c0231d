//! What is made of the report of a call: a document, words, a page, a dump; and what comes of two reports of one call.

mod document;
mod dump;
mod page;
mod sides;
mod viewer;

use sightline::logic::{proof::Form, report::CallReport};

use crate::support::reports;

const FORMS: [Form; 4] = [Form::Json, Form::Text, Form::Html, Form::Dump];

fn samples() -> Vec<(&'static str, CallReport)> {
    vec![
        ("direct", reports::direct()),
        ("relayed", reports::relayed()),
        ("failed", reports::failed()),
        ("switched", reports::switched()),
    ]
}

#[test]
fn the_ending_of_a_name_chooses_the_form() {
    for (name, form) in [
        ("a.html", Form::Html),
        ("a.b.HTM", Form::Html),
        ("a.txt", Form::Text),
        ("call.dump", Form::Dump),
        ("call.json", Form::Json),
        ("call", Form::Json),
        ("", Form::Json),
        (".html", Form::Html),
    ] {
        assert_eq!(Form::of_file(name), form, "{name}");
    }
}
