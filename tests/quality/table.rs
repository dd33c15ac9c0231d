//! How it is told: medians of all runs and both directions, ours beside Chromium's, and how they compare.

use std::fmt;

use serde_json::{Value, json};

use super::{
    figures::{Figure, Figures, at_percent},
    link::LinkStory,
    profiles::Profile,
    wish::Wish,
};

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    Ours,
    Chromium,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "ours",
            Self::Chromium => "Chromium",
        })
    }
}

/// One call that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// As it came to B, and to A.
    pub(crate) directions: [Figures; 2],
    pub(crate) link: LinkStory,
}

impl Run {
    pub(crate) fn in_short(&self) -> String {
        let shown = [
            Figure::DelayMedian,
            Figure::DelayP95,
            Figure::TimeToHd,
            Figure::Sent,
            Figure::Frozen,
            Figure::Concealed,
            Figure::MouthToEar,
            Figure::Cores,
        ];
        let words = shown.map(|figure| {
            let values: Vec<_> =
                self.directions.iter().map(|figures| told(figure, figures.get(figure))).collect();
            format!("{} {}", figure.name(), values.join(" and "))
        });
        format!("{}; load {:.1}", words.join("; "), self.link.load)
    }
}

struct Row {
    profile: &'static Profile,
    pair: Pair,
    runs: Vec<Run>,
    failures: Vec<String>,
}

/// Everything that was measured.
pub(crate) struct Table {
    seconds: u32,
    rows: Vec<Row>,
}

impl Table {
    pub(crate) const fn new(wish: &Wish) -> Self {
        Self { seconds: wish.seconds, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, profile: &'static Profile, pair: Pair, done: Result<Run, String>) {
        let at = self.rows.iter().position(|row| row.profile == profile && row.pair == pair);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row { profile, pair, runs: Vec::new(), failures: Vec::new() });
            self.rows.len() - 1
        });
        match done {
            Ok(run) => self.rows[at].runs.push(run),
            Err(why) => self.rows[at].failures.push(why),
        }
    }

    /// What could not be measured, and why.
    pub(crate) fn failures(&self) -> Vec<String> {
        let of_row = |row: &Row| {
            let head = format!("{}, {}", row.profile.name, row.pair);
            row.failures.iter().map(move |why| format!("{head}: {why}")).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of_row).collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (profile, ours, theirs) in self.compared() {
            text += &format!(
                "\n### {}: {}; {} s\n\n| | ours | Chromium | ratio |\n|---|---|---|---|\n",
                profile.name,
                profile.about,
                profile.length(self.seconds).as_secs()
            );
            for figure in Figure::ALL {
                let [ours, theirs] = [ours, theirs].map(|row| row.and_then(|row| row.median(figure)));
                if ours.is_none() && theirs.is_none() {
                    continue;
                }
                let ratio = ours.zip(theirs).filter(|(ours, theirs)| ours.is_finite() && theirs.is_finite());
                let ratio = ratio.filter(|(_, theirs)| *theirs > 0.0);
                let ratio =
                    ratio.map_or_else(|| "–".to_owned(), |(ours, theirs)| format!("{:.2}", ours / theirs));
                let (ours, theirs) = (told(figure, ours), told(figure, theirs));
                text += &format!("| {} | {ours} | {theirs} | {ratio} |\n", figure.name());
            }
            for row in [ours, theirs].into_iter().flatten() {
                text += &row.caveats();
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({ "seconds": self.seconds, "rows": rows })
    }

    fn compared(&self) -> Vec<(&'static Profile, Option<&Row>, Option<&Row>)> {
        let mut profiles: Vec<&'static Profile> = Vec::new();
        for row in &self.rows {
            if !profiles.contains(&row.profile) {
                profiles.push(row.profile);
            }
        }
        let find = |profile, pair| self.rows.iter().find(|row| row.profile == profile && row.pair == pair);
        profiles
            .into_iter()
            .map(|profile| (profile, find(profile, Pair::Ours), find(profile, Pair::Chromium)))
            .collect()
    }
}

impl Row {
    fn values(&self, figure: Figure) -> Vec<f64> {
        self.runs.iter().flat_map(|run| run.directions.iter().filter_map(|one| one.get(figure))).collect()
    }

    fn median(&self, figure: Figure) -> Option<f64> {
        at_percent(&self.values(figure), 50.0)
    }

    /// Why these figures might not be what they seem.
    fn caveats(&self) -> String {
        let mut text = String::new();
        let astray: u64 = self.runs.iter().map(|run| run.link.astray).sum();
        let load = self.runs.iter().map(|run| run.link.load).fold(0.0, f64::max);
        if astray > 0 {
            text += &format!("\n{}: {astray} packets were lost by the emulator itself.\n", self.pair);
        }
        if load > BUSY {
            text += &format!("\n{}: the machine was busy, up to a load of {load:.1}.\n", self.pair);
        }
        if !self.failures.is_empty() {
            text += &format!("\n{}: calls that could not be measured: {}.\n", self.pair, self.failures.len());
        }
        text
    }

    fn json(&self) -> Value {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .map(|run| {
                let directions =
                    run.directions.each_ref().map(|figures| all_of(|figure| figures.get(figure)));
                json!({
                    "seed": run.seed, "directions": directions, "load": run.link.load,
                    "astray": run.link.astray, "late": run.link.late,
                })
            })
            .collect();
        json!({
            "profile": self.profile.name, "link": self.profile.link, "pair": self.pair.to_string(),
            "median": all_of(|figure| self.median(figure)), "runs": runs, "failures": self.failures,
        })
    }
}

/// A load above this is somebody else's work.
const BUSY: f64 = 2.5;

fn all_of(value: impl Fn(Figure) -> Option<f64>) -> Value {
    let fields = Figure::ALL.into_iter().filter_map(|figure| {
        let value = value(figure)?;
        // JSON knows no infinity.
        Some((figure.name().to_owned(), if value.is_finite() { json!(value) } else { json!("never") }))
    });
    Value::Object(fields.collect())
}

fn told(figure: Figure, value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value.is_infinite() => "never".to_owned(),
        Some(value) => format!("{value:.*}", figure.decimals()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::{profiles::PROFILES, story::Story};

    #[test]
    fn ours_and_theirs_stand_side_by_side_and_what_failed_is_told() {
        let wish = Wish {
            profiles: vec![&PROFILES[0]],
            seeds: 1,
            seconds: 15,
            ours_only: false,
            voice: None,
            out: "".into(),
        };
        let mut table = Table::new(&wish);
        let timeline = PROFILES[0].timeline(PROFILES[0].length(15));
        let run = |waits| {
            let story = Story { sound_buffer_ms: Some(waits), ..Story::default() };
            let figures = Figures::of(&story, &LinkStory::default(), &timeline);
            Ok(Run { seed: 1, directions: [figures.clone(), figures], link: LinkStory::default() })
        };
        table.add(&PROFILES[0], Pair::Ours, run(20.0));
        table.add(&PROFILES[0], Pair::Chromium, run(80.0));
        table.add(&PROFILES[0], Pair::Chromium, Err("it fell over".to_owned()));

        let words = table.markdown();
        assert!(words.contains("| sound waits, ms | 20 | 80 | 0.25 |"), "{words}");
        assert!(words.contains("| time to 1280 wide, s | never | never | – |"), "{words}");
        assert!(words.contains("Chromium: calls that could not be measured: 1"), "{words}");
        assert_eq!(table.json()["rows"][1]["failures"][0], "it fell over");
        assert_eq!(table.failures(), ["lan, Chromium: it fell over"]);
    }
}
