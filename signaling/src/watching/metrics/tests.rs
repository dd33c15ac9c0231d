//! The page, read by a reader written from the format's description and not from the writer.

use std::collections::{HashMap, HashSet};

use super::*;

#[derive(Debug, Default)]
struct Family {
    help: Option<String>,
    kind: Option<String>,
    samples: HashMap<String, f64>,
}

/// Families by name, in the strict reading: HELP and TYPE once and before the samples, all of a family together, no sample
/// twice, names and labels of the letters that are allowed, an end of line at the end.
fn read(page: &str) -> HashMap<String, Family> {
    assert!(page.ends_with('\n'), "the last line has an end");
    let mut families: HashMap<String, Family> = HashMap::new();
    let mut current = String::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (word, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.samples.is_empty(), "{line} stands before its samples");
            let place = match word {
                "HELP" => &mut family.help,
                "TYPE" => &mut family.kind,
                other => panic!("{other} is no word of the format"),
            };
            assert_eq!(place.replace(rest.to_owned()), None, "{line} stands once");
            name.clone_into(&mut current);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("labels are closed")),
            None => (series, ""),
        };
        assert_eq!(name, current, "the samples of a family stand together");
        assert!(is_name(name), "{name}");
        if !labels.is_empty() {
            let (label, value) = labels.split_once('=').expect("a label has a value");
            assert!(is_name(label) && !label.contains(':'), "{label}");
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect("in quotes");
            assert!(
                !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "{value}"
            );
        }
        let value: f64 = value.parse().expect("a value is a number");
        let samples = &mut families.get_mut(name).expect("it has a HELP").samples;
        assert_eq!(samples.insert(labels.to_owned(), value), None, "{series} stands once");
    }
    families
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

#[test]
fn the_page_is_in_the_format_that_prometheus_reads() {
    let families = read(&Metrics::default().text());
    assert!(families.len() > 20, "{}", families.len());
    for (name, family) in families {
        assert!(name.starts_with("sightline_"), "{name}");
        let help = family.help.unwrap_or_default();
        assert!(help.ends_with('.') && !help.contains('\\'), "{name}: {help}");
        let kind = family.kind.unwrap_or_default();
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(["counter", "gauge"].contains(&&*kind), "{name} is a {kind}");
        assert!(!family.samples.is_empty() && family.samples.values().all(|value| *value == 0.0), "{name}");
    }
}

#[test]
fn each_number_stands_under_its_own_name_and_label() {
    let metrics = Metrics::default();
    metrics.switchboard.sessions.set(7);
    metrics.door.turned_away.full.add(3);
    metrics.relay.bytes.r#in.add(u64::from(u32::MAX) + 1);
    let families = read(&metrics.text());
    assert_eq!(families["sightline_sessions"].samples[""], 7.0);
    assert_eq!(families["sightline_connections_turned_away_total"].samples["reason=\"full\""], 3.0);
    assert_eq!(families["sightline_relay_bytes_total"].samples["direction=\"in\""], 4_294_967_296.0);
    let not_nothing: usize =
        families.values().map(|family| family.samples.values().filter(|value| **value != 0.0).count()).sum();
    assert_eq!(not_nothing, 3);
}

#[test]
fn no_label_has_room_for_a_person() {
    let page = Metrics::default().text();
    let labels: HashSet<_> = page
        .lines()
        .filter_map(|line| line.split_once('{')?.1.split_once('='))
        .map(|(label, _)| label)
        .collect();
    let allowed = HashSet::from(["kind", "reason", "result", "direction", "code"]);
    assert!(labels.is_subset(&allowed), "{labels:?}");
}
