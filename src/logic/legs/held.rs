//! Candidates of theirs that must wait: for their description, or until checks may show where this end is.

use sightline_protocol::call::Candidate;

/// How many are held. An end that sends more before its description gains nothing: the rest is dropped and counted.
pub(super) const MAX_HELD: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: Vec<(u32, Vec<Candidate>, bool)>,
    refused: u64,
}

impl Held {
    pub(super) fn hold(&mut self, generation: u32, mut candidates: Vec<Candidate>, end: bool) {
        let held: usize = self.waiting.iter().map(|(_, held, end)| held.len() + usize::from(*end)).sum();
        let room = MAX_HELD.saturating_sub(held);
        self.refuse(candidates.len().saturating_sub(room));
        candidates.truncate(room);
        let end = end && candidates.len() < room;
        if !candidates.is_empty() || end {
            self.waiting.push((generation, candidates, end));
        }
    }

    /// Those of that leg, in the order in which they came. What belongs to an older one has lost its meaning.
    pub(super) fn release(&mut self, generation: u32) -> Vec<(Vec<Candidate>, bool)> {
        self.forget_before(generation);
        let (released, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|(of, ..)| *of == generation);
        self.waiting = waiting;
        released.into_iter().map(|(_, candidates, end)| (candidates, end)).collect()
    }

    /// Makes room for a newer leg.
    pub(super) fn forget_before(&mut self, generation: u32) {
        let forgotten = self.waiting.iter().filter(|(of, ..)| *of < generation);
        let candidates = forgotten.map(|(_, candidates, _)| candidates.len()).sum();
        self.refuse(candidates);
        self.waiting.retain(|(of, ..)| *of >= generation);
    }

    pub(super) fn refuse(&mut self, candidates: usize) {
        self.refused += candidates as u64;
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }
}

/// Takes the candidates out of a description. Whoever is not to show itself yet must not be given any: it would check them,
/// and the checks would tell where it is.
pub(super) fn without_candidates(sdp: &str) -> (String, Vec<Candidate>) {
    let (mut rest, mut candidates) = (String::with_capacity(sdp.len()), Vec::new());
    let mut sections = 0_u16;
    for line in sdp.split_inclusive('\n') {
        if line.starts_with("m=") {
            sections = sections.saturating_add(1);
        }
        match line.strip_prefix("a=").map(str::trim_end) {
            Some(found) if found.starts_with("candidate:") => candidates.push(Candidate {
                line: found.to_owned(),
                mid: None,
                mline: Some(sections.saturating_sub(1)),
                ufrag: None,
            }),
            Some("end-of-candidates") => {}
            Some(_) | None => rest.push_str(line),
        }
    }
    (rest, candidates)
}
