//! The page: one file of HTML with everything in it, for a screen, for paper, by light and by dark.
//!
//! It asks for nothing: no script, no picture, no type from elsewhere, and it forbids the browser to fetch any. Whatever
//! stands in a report is text and stays text (`markup`).

pub(super) mod graphs;
mod map;
mod markup;
mod pair;
mod tables;

use crate::logic::{
    path::{Edge, EdgeStatus},
    report::CallReport,
};

use super::{
    compare::Comparison,
    figures::{Figure, figure, length_ms, of_the_call},
    words,
};
use markup::Markup;

/// A browser that knows this fetches nothing, whatever stands in the page.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"referrer\" content=\"no-referrer\">\n<style>\n";
/// A title with more letters needs several lines.
const LONG_TITLE: usize = 80;
const STYLE: &str = include_str!("html/page.css");

/// The page of one report.
pub(super) fn of(report: &CallReport) -> String {
    whole(&format!("Call of {}", words::utc(report.began_unix_ms)), |page| {
        head(page, report);
        facts(page, report);
        page.ours("<h2>The way</h2>\n");
        page.within("div", &[("class", "way")], |page| {
            map::of(page, &report.path);
            page.within("div", &[], |page| steps(page, report));
        });
        page.ours("<h2>Second by second</h2>\n");
        graphs::of(page, report);
        page.ours("<h2>What happened</h2>\n");
        tables::story(page, report);
        page.ours("<h2>Addresses, pairs and servers</h2>\n");
        tables::path(page, &report.path);
        page.ours("<h2>Sound and pictures</h2>\n");
        tables::media(page, report);
        page.ours("<h2>To look things up</h2>\n");
        descriptions(page, report);
        log(page, report);
        footer(page, report);
    })
}

/// The page of both ends of a call.
pub(super) fn of_both(ours: &CallReport, theirs: &CallReport, comparison: &Comparison) -> String {
    whole(&format!("Call of {}, by both ends", words::utc(ours.began_unix_ms)), |page| {
        pair::of(page, ours, theirs, comparison);
    })
}

fn whole(title: &str, inside: impl FnOnce(&mut Markup)) -> String {
    let mut page = Markup::default();
    page.ours(HEAD);
    page.ours(STYLE);
    page.ours("</style>\n");
    page.element("title", &[], title);
    page.ours("\n</head>\n<body>\n<main>\n");
    inside(&mut page);
    page.ours("\n</main>\n</body>\n</html>\n");
    page.finish()
}

/// What the page says first. A sentence that gives reasons is set smaller than one that needs none.
fn title(page: &mut Markup, sentence: &str) {
    let class = if sentence.chars().count() > LONG_TITLE { "long" } else { "" };
    page.element("h1", &[("class", class)], sentence);
}

fn head(page: &mut Markup, report: &CallReport) {
    page.element("p", &[("class", "eyebrow")], "Sightline, report of a call");
    title(page, &report.path.sentence);
    let mut about = vec![
        words::utc(report.began_unix_ms),
        format!("written by the {}", words::role(report.role)),
        words::lasted(length_ms(report)),
    ];
    about.extend(report.end.zip(report.ended_by).map(|(reason, by)| words::end(reason, by)));
    about.push(words::policy(report.path.policy).to_owned());
    if report.path.redacted {
        about.push("addresses and names are masked".to_owned());
    }
    page.element("p", &[("class", "quiet")], &about.join(" · "));
    if !report.path.redacted {
        let text = "Addresses stand here as they are. Think before you pass this page on.";
        page.element("p", &[("class", "warn")], text);
    }
    if report.evidence.hindrance.is_on() {
        let text = "This end hindered its own sending on purpose when the call ended.";
        page.element("p", &[("class", "warn")], text);
    }
    page.line();
}

fn facts(page: &mut Markup, report: &CallReport) {
    let moments = of_the_call(report);
    let firsts = report.firsts;
    let after = |t_ms: Option<u64>| {
        let (t_ms, accepted) = t_ms.zip(firsts.accepted_ms)?;
        Some((words::ms(t_ms.saturating_sub(accepted) as f64), "after it was taken".to_owned()))
    };
    let usual = |figure: Option<Figure>, words: fn(f64) -> String| {
        figure.map(|figure| (words(figure.median), format!("at most {}", words(figure.most))))
    };
    let share = |figure: Option<Figure>| {
        figure.map(|figure| (words::percent(figure.mean), format!("at most {}", words::percent(figure.most))))
    };
    let way = report.latency.whole_way;
    let whole_way = (way.count > 0).then(|| {
        let p95 = format!("95 of 100 within {}", words::ms(way.p95_us as f64 / 1000.0));
        (words::ms(way.median_us as f64 / 1000.0), p95)
    });
    let frozen = (firsts.picture_ms.is_some())
        .then(|| (words::lasted(report.pictures.frozen_ms), words::times(report.pictures.freezes)));
    let said = report.survey.as_ref().and_then(|survey| survey.was_good).map(|good| {
        let complaints = report.survey.iter().flat_map(|survey| &survey.complaints);
        let complaints: Vec<_> = complaints.map(|complaint| words::complaint(*complaint)).collect();
        (if good { "good" } else { "not good" }.to_owned(), complaints.join(", "))
    });
    let rows: [(&str, Option<(String, String)>); 11] = [
        ("Connected", after(firsts.connected_ms)),
        ("First picture", after(firsts.picture_ms)),
        ("First sound", after(firsts.sound_ms)),
        ("Round trip", usual(figure(moments, |moment| moment.round_trip_ms.map(f64::from)), words::ms)),
        ("Sent", usual(figure(moments, |moment| Some(moment.sent_bps.into())), words::rate)),
        ("Received", usual(figure(moments, |moment| Some(moment.received_bps.into())), words::rate)),
        ("Lost of ours", share(figure(moments, |moment| Some(moment.lost_of_ours_percent.into())))),
        ("Lost of theirs", share(figure(moments, |moment| Some(moment.lost_of_theirs_percent.into())))),
        ("Their camera to our screen", whole_way),
        ("Picture stood still", frozen),
        ("Somebody said it was", said),
    ];
    let known: Vec<_> = rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if known.is_empty() {
        return;
    }
    page.within("dl", &[("class", "facts")], |page| {
        for (name, (value, more)) in known {
            page.within("div", &[], |page| {
                page.element("dt", &[], name);
                page.within("dd", &[], |page| {
                    page.text(&value);
                    page.ours(" ");
                    page.element("small", &[], &more);
                });
            });
        }
    });
    page.line();
}

fn steps(page: &mut Markup, report: &CallReport) {
    page.within("ol", &[("class", "steps")], |page| {
        for edge in &report.path.edges {
            step(page, edge);
        }
    });
    for nat in [&report.path.our_nat, &report.path.their_nat] {
        page.element("p", &[("class", "quiet")], &nat.sentence);
    }
    let said = |closed: &&String| report.path.sentence.contains(closed.as_str());
    if let Some(closed) = report.path.closed.as_ref().filter(|closed| !said(closed)) {
        page.element("p", &[("class", "warn")], &format!("What is closed: {closed}."));
    }
}

fn step(page: &mut Markup, edge: &Edge) {
    let class = match (edge.in_use, edge.status) {
        (true, _) => "used",
        (false, EdgeStatus::Failed) => "failed",
        (false, EdgeStatus::Works | EdgeStatus::Untried | EdgeStatus::Unknown) => "",
    };
    let (word, mark) = words::status(edge.status);
    page.within("li", &[("class", class)], |page| {
        page.element("span", &[("class", "mark"), ("aria-hidden", "true")], mark);
        let way =
            format!("{} → {}{}", words::node(&edge.from), words::node(&edge.to), words::over(edge.over));
        page.element("span", &[], &way);
        let trip = edge.round_trip_ms.map_or_else(|| word.to_owned(), words::ms);
        page.element("span", &[], &if edge.in_use { format!("{trip}, in use") } else { trip });
        if let Some(cause) = &edge.cause {
            page.element("p", &[], cause);
        }
    });
    page.line();
}

fn descriptions(page: &mut Markup, report: &CallReport) {
    for description in &report.evidence.descriptions {
        let whose = if description.is_ours { "Ours" } else { "Theirs" };
        let part = if description.is_offer { "an offer" } else { "an answer" };
        let title =
            format!("{whose}, {part}, at {}, of leg {}", words::at(description.t_ms), description.leg);
        page.within("details", &[], |page| {
            page.element("summary", &[], &title);
            page.within("pre", &[], |page| {
                for line in description.sdp.lines() {
                    page.text(line);
                    page.line();
                }
            });
        });
        page.line();
    }
}

fn log(page: &mut Markup, report: &CallReport) {
    if report.evidence.log.is_empty() {
        page.element("p", &[("class", "quiet")], "The program's log was not kept.");
        return;
    }
    page.within("details", &[], |page| {
        page.element("summary", &[], &format!("The program's log ({} lines)", report.evidence.log.len()));
        tables::log(page, report);
    });
}

fn footer(page: &mut Markup, report: &CallReport) {
    let CallReport { program, call, schema_version, .. } = report;
    let encryption = &report.encryption;
    let of = |name: &str, what: &Option<String>| what.as_ref().map(|what| format!("{name} {what}"));
    let mut about = vec![program.clone(), format!("call {call}"), format!("schema {schema_version}")];
    about.extend([of("DTLS", &encryption.dtls), of("SRTP", &encryption.srtp)].into_iter().flatten());
    page.element("footer", &[], &about.join(" · "));
}
