//! Two ends of a call, and what carries their words to each other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sightline::logic::{course::Link, legs::Order};
use sightline_protocol::call::Candidate;
use tokio::time::timeout;

use super::{
    foreign_end::ForeignEnd,
    our_end::{OurEnd, Tell},
};

/// For one thing to become so.
const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of our candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// They are told one by one, after the description.
    Trickled,
    /// They are told in the description, when all are known.
    Whole,
    /// They are not told at all, so the other end cannot begin.
    Kept,
}

/// Ours, theirs, and all that was said.
pub(super) struct Meeting {
    pub(super) ours: OurEnd,
    pub(super) theirs: ForeignEnd,
    pub(super) manner: Manner,
    /// Our candidates that cannot be told yet: the signaling would hold them.
    held: Vec<Option<Candidate>>,
    /// Our description that cannot be told yet.
    unfinished: Option<(&'static str, String)>,
    has_described: bool,
    /// Their candidates, as they came.
    pub(super) candidates: Vec<String>,
    /// How their connection stands.
    pub(super) state: String,
    /// The last of each answer and of each thing that happened there, by its name.
    pub(super) said: Value,
}

impl Meeting {
    pub(super) fn new(theirs: ForeignEnd, open: Value) -> Self {
        Self::with(OurEnd::open(), theirs, open)
    }

    /// With an end of ours that was opened for it.
    pub(super) fn with(ours: OurEnd, mut theirs: ForeignEnd, open: Value) -> Self {
        theirs.ask("open", open);
        Self {
            ours,
            theirs,
            manner: Manner::Trickled,
            held: Vec::new(),
            unfinished: None,
            has_described: false,
            candidates: Vec::new(),
            state: String::new(),
            said: json!({}),
        }
    }

    /// Offered by one of the two, and until both ends are up.
    pub(super) async fn up(mut self, offer: fn(&mut Self)) -> Self {
        offer(&mut self);
        self.until_up().await;
        self
    }

    pub(super) fn we_offer(&mut self) {
        self.ours.order(Order::MakeOffer);
    }

    pub(super) fn they_offer(&mut self) {
        self.theirs.ask("make_offer", json!({}));
    }

    /// Hands words over until it is so.
    pub(super) async fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        let run = async {
            while !is_so(self) {
                tokio::select! {
                    report = self.ours.report() => {
                        if let Some(tell) = self.ours.take(report) {
                            self.tell_them(tell);
                        }
                    }
                    said = self.theirs.hear() => self.take(said),
                    () = tokio::time::sleep(Duration::from_millis(50)) => {}
                }
            }
        };
        let is_so = timeout(PATIENCE, run).await.is_ok();
        assert!(
            is_so,
            "not so within {PATIENCE:?}: {what}; we: {:?}, {:?}, {:#?}; they: {:#}",
            self.ours.link,
            self.ours.seen,
            self.ours.tally.counters(),
            self.said
        );
        eprintln!("{what}: {:?}", started.elapsed());
    }

    /// Gives us a candidate that is not theirs.
    pub(super) fn add_candidate(&self, line: &str) {
        let line = line.to_owned();
        self.ours.order(Order::AddCandidate(Candidate { line, mid: None, mline: Some(0), ufrag: None }));
    }

    pub(super) async fn until_up(&mut self) {
        self.until("both ends are up", |call| call.ours.link == Link::Up && call.state == "connected").await;
    }

    /// Their statistics of that type and kind.
    pub(super) async fn stats(&mut self, wanted: &str, kind: &str) -> Value {
        self.said["stats"] = Value::Null;
        self.theirs.ask("stats", json!({}));
        self.until("they give their statistics", |call| !call.said["stats"].is_null()).await;
        let stats = self.said["stats"].as_array().unwrap();
        let found =
            stats.iter().find(|entry| entry["type"] == wanted && (kind.is_empty() || entry["kind"] == kind));
        found.cloned().unwrap_or_else(|| panic!("no {wanted} {kind} in {stats:#?}"))
    }

    fn tell_them(&mut self, tell: Tell) {
        match tell {
            Tell::Offer(sdp) => self.unfinished = Some(("take_offer", sdp)),
            Tell::Answer(sdp) => self.unfinished = Some(("take_answer", sdp)),
            Tell::Candidate(candidate) => self.held.push(Some(candidate)),
            Tell::NoMoreCandidates => self.held.push(None),
        }
        let is_whole = self.held.last().is_some_and(Option::is_none);
        if self.manner != Manner::Whole || is_whole {
            self.describe();
        }
        if self.has_described && self.manner == Manner::Trickled {
            for candidate in std::mem::take(&mut self.held) {
                let candidate = candidate.map(|candidate| {
                    json!({
                        "candidate": candidate.line,
                        "sdpMid": candidate.mid,
                        "sdpMLineIndex": candidate.mline,
                        "usernameFragment": candidate.ufrag,
                    })
                });
                self.theirs.ask("add_candidate", json!({ "candidate": candidate }));
            }
        }
    }

    /// Tells our description, without the candidates that are in it by chance; with all of them where they are told so.
    fn describe(&mut self) {
        let Some((what, sdp)) = self.unfinished.take() else { return };
        let mut lines: Vec<_> =
            sdp.lines().filter(|line| !line.starts_with("a=candidate")).map(str::to_owned).collect();
        if self.manner == Manner::Whole {
            let held = self.held.drain(..).flatten().map(|candidate| format!("a={}", candidate.line));
            // At the end of the first medium, which the others share a path with.
            let media = lines.iter().enumerate().filter(|(_, line)| line.starts_with("m="));
            let end = media.map(|(at, _)| at).nth(1).unwrap_or(lines.len());
            lines.splice(end..end, held.chain(["a=end-of-candidates".to_owned()]));
        }
        let sdp: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        self.theirs.ask(what, json!({ "sdp": sdp }));
        self.has_described = true;
    }

    fn take(&mut self, said: Value) {
        let (name, what) = said.as_object().unwrap().iter().next().unwrap();
        match name.as_str() {
            "offer" => self.ours.order(Order::TakeOffer { sdp: text(what) }),
            "answer" => self.ours.order(Order::TakeAnswer { sdp: text(what) }),
            "candidate" if what.is_null() => self.ours.order(Order::EndOfCandidates),
            "candidate" => {
                self.candidates.push(text(&what["candidate"]));
                self.ours.order(Order::AddCandidate(Candidate {
                    line: text(&what["candidate"]),
                    mid: what["sdpMid"].as_str().map(str::to_owned),
                    mline: what["sdpMLineIndex"].as_u64().map(|mline| mline as u16),
                    ufrag: what["usernameFragment"].as_str().map(str::to_owned),
                }));
            }
            "state" => self.state = text(what),
            _ => self.said[name] = what.clone(),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
