//! Two ends of a call, and what carries their words to each other.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sightline::logic::{
    course::{Link, Role},
    negotiation::Order,
};
use sightline_protocol::call::Candidate;
use tokio::time::timeout;

use super::{
    foreign_end::ForeignEnd,
    our_end::{OurEnd, Tell},
};

/// For one thing to become so.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ours, theirs, and all that was said.
pub(super) struct Meeting {
    pub(super) ours: OurEnd,
    pub(super) theirs: ForeignEnd,
    /// Our candidates are kept from them, so they cannot begin.
    pub(super) keep_ours: bool,
    /// Ours that came before our description: the signaling would hold them.
    held: Option<Vec<Value>>,
    /// Their candidates, as they came.
    pub(super) candidates: Vec<String>,
    /// How their connection stands.
    pub(super) state: String,
    /// The last of each answer and of each thing that happened there, by its name.
    pub(super) said: Value,
    generation: u32,
}

impl Meeting {
    pub(super) fn new(role: Role, mut theirs: ForeignEnd, open: Value) -> Self {
        theirs.ask("open", open);
        Self {
            ours: OurEnd::open(role),
            theirs,
            keep_ours: false,
            held: Some(Vec::new()),
            candidates: Vec::new(),
            state: String::new(),
            said: json!({}),
            generation: 1,
        }
    }

    pub(super) fn we_offer(&mut self) {
        self.ours.order(Order::MakeOffer { generation: self.generation, restart: false });
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
        println!("{what}: {:?}", started.elapsed());
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
        let (what, with) = match tell {
            Tell::Offer(sdp) => ("take_offer", json!({ "sdp": self.shown(&sdp) })),
            Tell::Answer(sdp) => ("take_answer", json!({ "sdp": self.shown(&sdp) })),
            Tell::Candidate(_) | Tell::NoMoreCandidates if self.keep_ours => return,
            Tell::Candidate(candidate) => {
                return self.tell_candidate(&json!({
                    "candidate": candidate.line,
                    "sdpMid": candidate.mid,
                    "sdpMLineIndex": candidate.mline,
                    "usernameFragment": candidate.ufrag,
                }));
            }
            Tell::NoMoreCandidates => return self.tell_candidate(&Value::Null),
        };
        self.theirs.ask(what, with);
        for candidate in self.held.take().unwrap_or_default() {
            self.tell_candidate(&candidate);
        }
    }

    /// A description of ours, without candidates where they are kept.
    fn shown(&self, sdp: &str) -> String {
        let lines = sdp.split_inclusive('\n');
        lines.filter(|line| !(self.keep_ours && line.starts_with("a=candidate"))).collect()
    }

    fn tell_candidate(&mut self, candidate: &Value) {
        match &mut self.held {
            Some(held) => held.push(candidate.clone()),
            None => self.theirs.ask("add_candidate", json!({ "candidate": candidate })),
        }
    }

    fn take(&mut self, said: Value) {
        let generation = self.generation;
        let (name, what) = said.as_object().unwrap().iter().next().unwrap();
        match name.as_str() {
            "offer" => self.ours.order(Order::TakeOffer { generation, sdp: text(what) }),
            "answer" => self.ours.order(Order::TakeAnswer { generation, sdp: text(what) }),
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
