//! The document reads back as it was written, says what each of its fields is, and what is none of it is refused in words.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use serde_json::{Value, json};
use sightline::logic::proof::{Form, MAX_BYTES, NotAReport, compare, read, render, render_both};

use super::{FORMS, samples};
use crate::support::reports;

#[test]
fn a_report_reads_back_as_it_was_written() {
    for (name, report) in samples() {
        let found = read(render(&report, Form::Json).as_bytes()).unwrap();
        assert_eq!((found.report, found.other), (report, None), "{name}");
    }
}

#[test]
fn both_ends_in_one_file_are_found() {
    let (caller, relayed) = (reports::direct(), reports::relayed());
    let both = json!({ "caller": caller, "callee": relayed }).to_string();
    let found = read(both.as_bytes()).unwrap();
    assert_eq!((found.report, found.other), (caller.clone(), Some(relayed)));
    let alone = json!({ "caller": null, "callee": caller }).to_string();
    assert_eq!(read(alone.as_bytes()).unwrap().report, caller);
}

#[test]
fn what_is_no_report_is_refused_with_what_to_do_instead() {
    let report = reports::direct();
    let text = render(&report, Form::Json);
    let with = |change: fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        value.to_string()
    };
    let newer = with(|value| value["schema_version"] = json!(99));
    let newer_path = with(|value| value["path"]["schema_version"] = json!(7));
    let bent = with(|value| value["path"]["pairs"] = json!("many"));
    let huge = with(|value| {
        let moment = value["evidence"]["moments"][0].clone();
        value["evidence"]["moments"] = Value::Array(vec![moment; 10_001]);
    });
    let other = reports::the_other_side_of(&report, 0);
    let comparison = compare(&report, &other).unwrap();
    let both = render_both(&report, &other, &comparison, Form::Json);
    let (page, dump) = (render(&report, Form::Html), render(&report, Form::Dump));
    let cases: [(&str, &[u8], &str); 15] = [
        ("nothing", b"", "empty"),
        ("blanks", b" \n\n ", "empty"),
        ("cut short", &text.as_bytes()[..text.len() / 2], "cut short"),
        ("noise", &[0xff, 0xfe, 0, 1, 2], "not a report"),
        ("another document", b"{\"a\":1}", "not the report of a call"),
        ("a list", b"[1,2,3]", "not the report of a call"),
        ("a doctor's document", b"{\"schema_version\":1,\"verdict\":\"good\"}", "not the report of a call"),
        ("nested without end", &[b'['; 100_000], "not a report"),
        ("newer", newer.as_bytes(), "newer Sightline (schema 99"),
        ("newer inside", newer_path.as_bytes(), "newer Sightline (schema 7"),
        ("bent", bent.as_bytes(), "damaged"),
        ("too many rows", huge.as_bytes(), "damaged"),
        ("a page", page.as_bytes(), "a page made of a report"),
        ("a dump", dump.as_bytes(), "a dump for webrtc-internals"),
        ("a comparison", both.as_bytes(), "a comparison"),
    ];
    for (name, bytes, said) in cases {
        let refused = read(bytes).unwrap_err().to_string();
        assert!(refused.contains(said), "{name}: {refused}");
        let next = ["Choose", "Update", "Save it again"];
        assert!(next.iter().any(|next| refused.contains(next)), "{name}: {refused} says not what to do");
    }
    assert_eq!(read(&vec![b' '; MAX_BYTES + 1]), Err(NotAReport::TooLarge));
    let words = read(render(&report, Form::Text).as_bytes()).unwrap_err().to_string();
    assert!(words.contains("a text made of a report"), "{words}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_number_in_a_report_is_every_form_comes_out(at in any::<prop::sample::Index>(), number in any::<u64>(), is_large: bool) {
        let mut value = small();
        let places = numbers(&value);
        let place = at.get(&places);
        let number = if is_large { json!(1e300) } else { json!(number) };
        *value.pointer_mut(place).unwrap() = number;
        // What cannot be such a number is refused; what can is rendered.
        if let Ok(found) = read(value.to_string().as_bytes()) {
            for form in FORMS {
                prop_assert!(!render(&found.report, form).is_empty());
            }
            let other = reports::the_other_side_of(&reports::direct(), 7);
            let comparison = compare(&found.report, &other).unwrap();
            for form in FORMS {
                prop_assert!(!render_both(&found.report, &other, &comparison, form).is_empty());
            }
        }
    }

    #[test]
    fn no_byte_that_is_changed_makes_reading_fall_over(at in any::<prop::sample::Index>(), byte: u8) {
        let mut text = small().to_string().into_bytes();
        *at.get_mut(&mut text) = byte;
        if let Ok(found) = read(&text) {
            for form in FORMS {
                prop_assert!(!render(&found.report, form).is_empty());
            }
        }
    }
}

/// A report with something in every field, and little of each.
pub(super) fn small() -> Value {
    let mut report = reports::direct();
    report.evidence.moments.truncate(3);
    serde_json::to_value(report).unwrap()
}

fn numbers(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, String::new(), &mut |place, value| {
        if value.is_number() && !place.ends_with("schema_version") {
            found.push(place.to_owned());
        }
    });
    found
}

/// Everything in it, with its place as a JSON pointer.
pub(super) fn walk(value: &Value, place: String, look: &mut impl FnMut(&str, &Value)) {
    look(&place, value);
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{place}/{name}"), look));
        }
        Value::Array(rows) => {
            rows.iter().enumerate().for_each(|(index, row)| walk(row, format!("{place}/{index}"), look));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_page_on_reports_names_every_field() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/logic/proof/README.md"));
    let page = page.unwrap();
    let named = named(&page);
    let mut missing = BTreeSet::new();
    for (_, report) in samples() {
        let other = reports::the_other_side_of(&reports::direct(), 7);
        let comparison = compare(&reports::direct(), &other).unwrap();
        let documents = [
            (String::new(), serde_json::to_value(&report).unwrap()),
            ("comparison".to_owned(), serde_json::to_value(&comparison).unwrap()),
        ];
        for (root, document) in documents {
            walk(&document, String::new(), &mut |place, _| {
                let field = as_named(&format!("{root}{place}"));
                if !field.is_empty()
                    && !field.ends_with("[]")
                    && field != "comparison"
                    && !named.contains(&field)
                {
                    missing.insert(field);
                }
            });
        }
    }
    assert!(missing.is_empty(), "src/logic/proof/README.md does not name {missing:#?}");
}

/// `/path/pairs/0/leg` is `path.pairs[].leg` on the page.
fn as_named(place: &str) -> String {
    let mut name = String::new();
    for part in place.split('/').filter(|part| !part.is_empty()) {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            name.push_str("[]");
        } else {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(part);
        }
    }
    name
}

/// Each heading names an object, each row below it a field of that: `` ## `path.pairs[]` `` and `` | `leg` | … ``.
fn named(page: &str) -> BTreeSet<String> {
    let mut objects: Vec<String> = Vec::new();
    let mut named = BTreeSet::new();
    for line in page.lines() {
        let quoted = || line.split('`').skip(1).step_by(2).map(str::to_owned);
        if line.starts_with('#') {
            objects = quoted().collect();
        } else if line.starts_with("| `") {
            let Some(field) = quoted().next() else { continue };
            let whole = |object: &String| match object.as_str() {
                "report" => field.clone(),
                object => format!("{object}.{field}"),
            };
            named.extend(objects.iter().map(whole));
        }
    }
    named
}
