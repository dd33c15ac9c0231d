//! A report in words, for a terminal: what one would say first comes first.

use std::fmt::Write as _;

use crate::logic::{
    path::{EdgeStatus, ServerRow},
    report::CallReport,
};

use super::{
    compare::{Comparison, signed_at},
    figures::{figure, length_ms, of_the_call},
    html::graphs::{CURVES, Unit},
    story, words,
};

/// How the words begin.
pub(super) const TITLE: &str = "Sightline, report of a call";
/// So many entries of the story are shown; the page has all of them.
const MOST_OF_THE_STORY: usize = 60;

/// One report.
pub(super) fn of(report: &CallReport) -> String {
    let mut text = Text(format!("{TITLE}\n\n{}\n", words::plain(&report.path.sentence)));
    head(&mut text, report);
    edges(&mut text, report);
    course(&mut text, report);
    figures(&mut text, report);
    tell(&mut text, report);
    text.0
}

/// Two reports of one call.
pub(super) fn of_both(comparison: &Comparison) -> String {
    let mut text = Text(format!("{TITLE}, by both ends\n\n{}\n\n", comparison.sentence));
    text.line(&comparison.clocks.sentence);
    text.title("What was lost");
    for direction in &comparison.directions {
        text.line(&direction.sentence);
    }
    text.title("In what the two ends disagree");
    if comparison.disagreements.is_empty() {
        text.line("In nothing that both know of");
    }
    comparison.disagreements.iter().for_each(|found| text.line(found));
    text.title("Where the path changed (by the first report's clock)");
    for change in &comparison.changes {
        text.line(&format!("{:>8}  {}  {}", signed_at(change.t_ms), words::role(change.at), change.sentence));
    }
    if !comparison.notes.is_empty() {
        text.title("To be borne in mind");
        comparison.notes.iter().for_each(|note| text.line(note));
    }
    text.0
}

struct Text(String);

impl Text {
    fn title(&mut self, title: &str) {
        write!(self.0, "\n{title}\n").expect("a text takes everything");
    }

    fn line(&mut self, line: &str) {
        writeln!(self.0, "  {}", words::plain(line)).expect("a text takes everything");
    }

    fn row(&mut self, name: &str, value: &str) {
        self.line(&format!("{name:<22} {value}"));
    }
}

fn head(text: &mut Text, report: &CallReport) {
    text.0.push('\n');
    text.row("began", &words::utc(report.began_unix_ms));
    text.row("this end", &format!("{}, {}", words::role(report.role), report.program));
    text.row("lasted", &words::lasted(length_ms(report)));
    if let Some((reason, by)) = report.end.zip(report.ended_by) {
        text.row("ended", &words::end(reason, by));
    }
    text.row("allowed", words::policy(report.path.policy));
    text.row(
        "addresses",
        if report.path.redacted { "masked" } else { "as they are: think before you pass this on" },
    );
}

fn edges(text: &mut Text, report: &CallReport) {
    text.title("The way");
    for edge in &report.path.edges {
        let (_, mark) = words::status(edge.status);
        let in_use = if edge.in_use { ", in use" } else { "" };
        let trip = edge.round_trip_ms.map_or_else(String::new, |ms| format!(", {}", words::ms(ms)));
        text.line(&format!(
            "{mark} {} → {}{}{trip}{in_use}",
            words::node(&edge.from),
            words::node(&edge.to),
            words::over(edge.over)
        ));
        if let Some(cause) = edge.cause.as_deref().filter(|_| edge.status != EdgeStatus::Works) {
            text.line(&format!("    {cause}"));
        }
    }
    let troubled = |server: &&ServerRow| server.trouble.is_some();
    for server in report.path.servers.iter().filter(troubled) {
        let trouble = server.trouble.as_ref().map_or_else(String::new, words::trouble);
        text.line(&format!("  {} over {}: {trouble}", words::place(&server.server), server.transport.name()));
    }
}

fn course(text: &mut Text, report: &CallReport) {
    text.title("How it began");
    let firsts = report.firsts;
    let since = |t_ms: Option<u64>| {
        let (t_ms, accepted) = t_ms.zip(firsts.accepted_ms)?;
        Some(format!("{} after it was taken", words::ms(t_ms.saturating_sub(accepted) as f64)))
    };
    text.row("taken", &firsts.accepted_ms.map_or_else(|| "never".to_owned(), words::lasted));
    for (name, t_ms) in [
        ("connected", firsts.connected_ms),
        ("first sound", firsts.sound_ms),
        ("first picture", firsts.picture_ms),
    ] {
        text.row(name, &since(t_ms).unwrap_or_else(|| "never".to_owned()));
    }
}

fn figures(text: &mut Text, report: &CallReport) {
    let rows = CURVES;
    let moments = of_the_call(report);
    let known: Vec<_> = rows
        .iter()
        .filter_map(|curve| Some((curve, figure(moments, |moment| (curve.of)(moment))?)))
        .collect();
    if known.is_empty() {
        return;
    }
    text.title("How it went                         usual       worst");
    for (curve, figure) in known {
        let unit = curve.unit;
        let usual = if unit == Unit::Percent { figure.mean } else { figure.median };
        let worst = if unit.higher_is_better() { figure.least } else { figure.most };
        text.line(&format!("{:<28} {:>12} {:>12}", curve.name, unit.words(usual), unit.words(worst)));
    }
}

fn tell(text: &mut Text, report: &CallReport) {
    text.title("What happened");
    let story = story::of(report);
    let left_out = story.len().saturating_sub(MOST_OF_THE_STORY);
    for line in story.iter().take(MOST_OF_THE_STORY) {
        text.line(&format!("{:>8}  {:<10}  {}", words::at(line.t_ms), line.topic, line.sentence));
    }
    if left_out > 0 {
        text.line(&format!("… and {left_out} more; the page (--html) has all of it"));
    }
    let unkept = story::left_out(report);
    if unkept > 0 {
        text.line(&format!("{unkept} more were not kept"));
    }
}
