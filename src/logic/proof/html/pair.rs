//! The page of both ends of one call: what they say together first, then each direction on one clock, then both maps.

use crate::logic::{course::Role, evidence::Moment, report::CallReport};

use super::{
    graphs::{Line, Unit, graph, points},
    map,
    markup::Markup,
    tables::{Row, table},
};
use crate::logic::proof::{
    compare::{Comparison, Direction, signed_at},
    figures::{figure, length_ms, of_the_call},
    words,
};

/// What of a moment a curve shows.
type Of = fn(&Moment) -> Option<f64>;

pub(super) fn of(page: &mut Markup, ours: &CallReport, theirs: &CallReport, comparison: &Comparison) {
    page.element("p", &[("class", "eyebrow")], "Sightline, report of a call, by both ends");
    super::title(page, &comparison.sentence);
    let about = [
        words::utc(ours.began_unix_ms),
        words::lasted(length_ms(ours)),
        format!("times are those of the {}", words::role(ours.role)),
    ];
    page.element("p", &[("class", "quiet")], &about.join(" · "));
    page.element("p", &[], &format!("{}.", comparison.clocks.sentence));
    for report in [ours, theirs] {
        if !report.path.redacted {
            let text = "Addresses stand here as they are. Think before you pass this page on.";
            page.element("p", &[("class", "warn")], text);
            break;
        }
    }
    page.ours("<h2>What was lost</h2>\n");
    losses(page, &comparison.directions);
    page.ours("<h2>In what the two ends disagree</h2>\n");
    list(page, &comparison.disagreements, "In nothing that both know of.");
    if !comparison.notes.is_empty() {
        page.ours("<h3>To be borne in mind</h3>\n");
        list(page, &comparison.notes, "");
    }
    page.ours("<h2>Where the path changed</h2>\n");
    let row = |change: &crate::logic::proof::compare::PathChange| -> Row {
        ("", vec![signed_at(change.t_ms), words::role(change.at).to_owned(), change.sentence.clone()])
    };
    let rows: Vec<Row> = comparison.changes.iter().map(row).collect();
    table(page, "story", &[("Time", "n"), ("Told by", ""), ("What", "long")], &rows);
    page.ours("<h2>Second by second, on one clock</h2>\n");
    curves(page, ours, theirs, comparison);
    page.ours("<h2>The way, as each end saw it</h2>\n");
    page.within("div", &[("class", "two")], |page| {
        for report in [ours, theirs] {
            page.within("div", &[], |page| {
                page.element(
                    "h3",
                    &[],
                    &format!("The {}: {}", words::role(report.role), report.path.sentence),
                );
                map::of(page, &report.path);
            });
        }
    });
    let text = format!("{} · call {}", ours.program, ours.call);
    page.element("footer", &[], &text);
}

fn list(page: &mut Markup, items: &[String], nothing: &str) {
    if items.is_empty() {
        page.element("p", &[("class", "quiet")], nothing);
        return;
    }
    page.within("ul", &[], |page| {
        for item in items {
            page.element("li", &[], &format!("{item}."));
        }
    });
}

fn losses(page: &mut Markup, directions: &[Direction]) {
    let share = |share: Option<f64>| share.map_or_else(String::new, words::percent);
    let row = |one: &Direction| -> Row {
        let worst = one.worst.map_or_else(String::new, |at| {
            format!("{} at {}", words::percent(at.lost_percent), signed_at(at.t_ms))
        });
        let cells = vec![
            way(one.from).to_owned(),
            one.sent_packets.to_string(),
            one.received_packets.to_string(),
            share(one.missing_percent),
            share(one.lost_percent),
            share(one.lost_as_told_percent),
            worst,
        ];
        ("", cells)
    };
    let rows: Vec<Row> = directions.iter().map(row).collect();
    let columns = [
        ("Direction", ""),
        ("Packets sent", "n"),
        ("Packets received", "n"),
        ("Missing in the end", "n"),
        ("Lost on the way", "n"),
        ("As the sender was told", "n"),
        ("Worst", ""),
    ];
    table(page, "", &columns, &rows);
    for direction in directions {
        page.element("p", &[], &format!("{}.", direction.sentence));
    }
}

const fn way(from: Role) -> &'static str {
    match from {
        Role::Caller => "caller to callee",
        Role::Callee => "callee to caller",
    }
}

fn curves(page: &mut Markup, ours: &CallReport, theirs: &CallReport, comparison: &Comparison) {
    let shift = |report: &CallReport| if report.role == ours.role { 0 } else { comparison.clocks.shift_ms };
    let (caller, callee) = if ours.role == Role::Caller { (ours, theirs) } else { (theirs, ours) };
    let line = |name: &str, report: &CallReport, unit, of: Of| {
        let known = figure(&report.evidence.moments, of).is_some();
        let points = points(&report.evidence.moments, of, shift(report));
        known.then(|| (Line { name: name.to_owned(), unit, points }, figure(of_the_call(report), of)))
    };
    let (sent, received): (Of, Of) = (|one| Some(one.sent_bps.into()), |one| Some(one.received_bps.into()));
    let (lost, told): (Of, Of) =
        (|one| Some(one.lost_of_theirs_percent.into()), |one| Some(one.lost_of_ours_percent.into()));
    let trip: Of = |one| one.round_trip_ms.map(f64::from);
    let mut graphs = Vec::new();
    for (sender, receiver) in [(caller, callee), (callee, caller)] {
        let way = way(sender.role);
        let (from, to) = (words::role(sender.role), words::role(receiver.role));
        graphs.push((
            format!("From {way}, bit/s"),
            vec![
                line(&format!("sent by the {from}"), sender, Unit::BitsPerSecond, sent),
                line(&format!("received by the {to}"), receiver, Unit::BitsPerSecond, received),
            ],
        ));
        graphs.push((
            format!("Lost from {way}, %"),
            vec![
                line(&format!("as the {to} saw it"), receiver, Unit::Percent, lost),
                line(&format!("as the {from} was told"), sender, Unit::Percent, told),
            ],
        ));
    }
    graphs.push((
        "Round trip, ms".to_owned(),
        vec![
            line("measured by the caller", caller, Unit::Milliseconds, trip),
            line("measured by the callee", callee, Unit::Milliseconds, trip),
        ],
    ));
    let end = [ours, theirs].map(|report| length_ms(report) as f64 + shift(report) as f64);
    let until_ms = end[0].max(end[1]);
    let marks: Vec<_> = comparison.changes.iter().map(|change| change.t_ms as f64).collect();
    page.within("div", &[("class", "graphs")], |page| {
        for (title, lines) in graphs {
            let known: Vec<_> = lines.into_iter().flatten().collect();
            let figures: Vec<_> = known.iter().map(|(line, figure)| (line.name.clone(), *figure)).collect();
            let lines: Vec<_> = known.into_iter().map(|(line, _)| line).collect();
            let usual = |line: &Line| {
                let (_, figure) = figures.iter().find(|(name, _)| *name == line.name)?;
                let figure = (*figure)?;
                Some((line.unit.words(figure.median), line.unit.words(figure.most)))
            };
            if !lines.is_empty() {
                graph(page, &title, &lines, usual, (0.0, until_ms), &marks);
            }
        }
    });
}
