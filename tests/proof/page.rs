//! The page needs nothing but itself, says everything, and keeps whatever stands in a report from being more than text.

use std::{collections::BTreeSet, sync::OnceLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use sightline::logic::{
    proof::{Form, compare, read, render, render_both},
    report::CallReport,
};

use super::{
    document::{small, walk},
    samples,
};
use crate::support::reports;

/// The elements that our pages are made of.
const ELEMENTS: &[&str] = &[
    "!doctype",
    "b",
    "body",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "head",
    "html",
    "i",
    "li",
    "main",
    "meta",
    "ol",
    "p",
    "path",
    "pre",
    "rect",
    "small",
    "span",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

fn pages() -> Vec<(&'static str, String)> {
    let mut pages: Vec<_> =
        samples().into_iter().map(|(name, report)| (name, render(&report, Form::Html))).collect();
    let (ours, theirs) = (reports::direct(), reports::the_other_side_of(&reports::direct(), 1_234));
    let comparison = compare(&ours, &theirs).unwrap();
    pages.push(("both", render_both(&ours, &theirs, &comparison, Form::Html)));
    pages
}

fn elements(page: &str) -> BTreeSet<String> {
    let names = page.split('<').skip(1).map(|rest| {
        let name = rest.trim_start_matches('/');
        name.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '!').collect::<String>()
    });
    names.collect()
}

#[test]
fn a_page_asks_for_nothing_and_runs_nothing() {
    for (name, page) in pages() {
        assert!(page.contains("default-src 'none'"), "{name}");
        let markup = page.split("</style>").nth(1).unwrap();
        for tag in markup.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()) {
            // Names of elements and attributes stand outside of quotes.
            let names: String = tag.split('"').step_by(2).collect();
            for foreign in ["src", "href", "style", " on", "action", "data"] {
                assert!(!names.contains(foreign), "{name}: {tag}");
            }
        }
        let style = page.split("</style>").next().unwrap();
        for foreign in ["url(", "@import", "http"] {
            assert!(!style.replace("http-equiv", "").contains(foreign), "{name}: {foreign}");
        }
        let foreign: Vec<_> =
            elements(&page).into_iter().filter(|name| !ELEMENTS.contains(&name.as_str())).collect();
        assert!(foreign.is_empty(), "{name} has {foreign:?}");
    }
}

#[test]
fn every_element_that_is_opened_is_closed_in_its_place() {
    for (name, page) in pages() {
        let mut open = Vec::new();
        for tag in page.split("</style>").nth(1).unwrap().split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            if let Some(closed) = tag.strip_prefix('/') {
                // The head and what stands around it were opened before.
                let was = open.pop().unwrap_or(closed);
                assert_eq!(was, closed, "{name}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "{name} leaves {open:?} open");
    }
}

#[test]
fn a_page_says_what_was_found() {
    let (failed, switched) =
        (render(&reports::failed(), Form::Html), render(&reports::switched(), Form::Html));
    for said in [
        "it has no room for another allocation of this call",
        "Office Proxy CA",
        "no pair of addresses answered",
        "192.168.1.7:40000",
        "126 · 65535 · 1",
        "it leads to virtual machines or containers inside this computer",
    ] {
        assert!(failed.contains(said), "the failed call does not say: {said}");
    }
    for said in [
        "to do without the relay",
        "Media moved to the new path",
        "Headset of Ada",
        "(prflx)",
        "profile-level-id=42e01f",
        "a=rtpmap:102 H264/90000",
        "Round trip, ms",
        "not good",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ] {
        assert!(switched.contains(said), "the call that changed its path does not say: {said}");
    }
}

#[test]
fn every_cause_of_the_path_is_said_whole() {
    for (name, report) in samples() {
        let (page, text) = (render(&report, Form::Html), render(&report, Form::Text));
        for cause in report.path.edges.iter().filter_map(|edge| edge.cause.as_ref()) {
            assert!(page.contains(&format!("<p>{cause}</p>")), "{name}: {cause}");
            assert!(text.contains(cause), "{name}: {cause}");
        }
    }
}

/// Where a report has room for any text: found by trying, so that a field that is new is not forgotten.
fn free_texts() -> &'static (Value, Vec<String>) {
    static FOUND: OnceLock<(Value, Vec<String>)> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut whole = small();
        let failed = serde_json::to_value(reports::failed()).unwrap();
        whole["path"]["servers"] = failed["path"]["servers"].clone();
        whole["path"]["edges"] = failed["path"]["edges"].clone();
        let mut texts = Vec::new();
        walk(&whole, String::new(), &mut |place, value| {
            if value.is_string() {
                texts.push(place.to_owned());
            }
        });
        let takes_any = |place: &String| {
            let mut tried = whole.clone();
            *tried.pointer_mut(place).unwrap() = json!("<any text>");
            serde_json::from_value::<CallReport>(tried).is_ok()
        };
        let texts: Vec<_> = texts.into_iter().filter(takes_any).collect();
        assert!(texts.len() > 100, "only {texts:?}");
        (whole, texts)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_stands_in_a_report_is_more_than_text(
        before in "[a-z<>&\"'\\x00-\\x1f\u{202e}]{0,6}",
        name in "(script|img|iframe|a|object)",
        after in "[a-z =/\"'<>&\u{1b}\u{9b}]{0,12}",
    ) {
        let (whole, texts) = free_texts();
        let hostile = format!("{before}<{name} {after}>\"'&\u{1b}[31m");
        let mut report = whole.clone();
        for place in texts {
            *report.pointer_mut(place).unwrap() = json!(hostile);
        }
        let report = read(report.to_string().as_bytes()).unwrap().report;
        let page = render(&report, Form::Html);
        let body = page.split("</style>").nth(1).unwrap();
        let raw = format!("<{name} {after}");
        prop_assert!(!body.contains(&raw), "it stands there as it is");
        let foreign: Vec<_> = elements(&page).into_iter().filter(|name| !ELEMENTS.contains(&name.as_str())).collect();
        prop_assert!(foreign.is_empty(), "{foreign:?}");
        // An attribute that is ours never holds a quote of theirs: between two tags the quotes are even.
        for tag in body.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            prop_assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        }
        for form in [Form::Html, Form::Text] {
            let shown = render(&report, form);
            let moves = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
            prop_assert!(!shown.contains(moves), "{form:?} has something that moves a cursor");
        }
    }
}
