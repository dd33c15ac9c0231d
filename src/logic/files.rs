//! The files of one call, both ways: what was offered and taken, what goes next, and what is whole.
//!
//! What is decided goes with the call's sealed messages ([`FileStep`]), each once and in order: the offer, the answer, holding
//! and ending. What is in the file goes over a channel of its own, on whatever connection carries the call, and is lost with
//! it. Three rules make that harmless:
//!
//! * **The receiver's count is the truth.** It takes the piece that follows what it has, and no other; so whatever is said
//!   twice, left out or mixed up on the way, the file grows as it was meant or not at all.
//! * **Both ends speak up on a new channel:** the sender begins again where the last count stood, the receiver says its own.
//! * **The end is agreed on in sealed messages:** when the sum over the whole file was right, and not before, it is done.
//!
//! Of several files that were taken, one goes at a time in each direction, the oldest first. See `files/pace.rs` for how fast.

mod card;
mod frame;
mod incoming;
pub mod name;
mod outgoing;
mod pace;
mod words;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sightline_protocol::{
    call::{FileEnd, FileStep},
    limits::MAX_FILE_BYTES,
};

use self::{
    card::{Card, Over, Phase},
    frame::Frame,
    incoming::{Incoming, Judged},
    outgoing::Outgoing,
    pace::Pace,
};
use super::course::{Role, Side};

pub use words::{Effect, Event, FileOrder};

/// Files of one direction that are not over. One more is refused, and whoever offers it is told.
pub const MAX_AT_ONCE: usize = 16;
/// Files that are shown. Of more, the oldest that are over are forgotten.
const MAX_SHOWN: usize = 64;
/// How often it is told how files stand, at most.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// When what the channel did not take is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// The files of one call.
#[derive(Debug)]
pub struct Files {
    role: Role,
    offered: u32,
    offered_to_us: u32,
    cards: BTreeMap<u32, Card>,
    outgoing: BTreeMap<u32, Outgoing>,
    incoming: BTreeMap<u32, Incoming>,
    channel: Option<u32>,
    pace: Pace,
    /// The channel takes nothing before this.
    full_until: Option<Instant>,
    changed: bool,
    told_at: Option<Instant>,
    effects: VecDeque<Effect>,
}

impl Files {
    /// Of a call that this end plays that role in.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            offered: 0,
            offered_to_us: 0,
            cards: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            incoming: BTreeMap::new(),
            channel: None,
            pace: Pace::new(),
            full_until: None,
            changed: false,
            told_at: None,
            effects: VecDeque::new(),
        }
    }

    /// Offers a file, and says which it is from now on; or why not, in words.
    pub fn offer(&mut self, name: &str, size: u64, now: Instant) -> Result<u32, String> {
        let name = name::clean(name);
        if size > MAX_FILE_BYTES {
            return Err(format!(
                "“{name}” is too large: a file has at most {} GiB. Split it, or send it another way.",
                MAX_FILE_BYTES >> 30
            ));
        }
        if self.not_over(Side::Us) >= MAX_AT_ONCE {
            return Err(format!("{MAX_AT_ONCE} files are on their way already. Offer “{name}” again later."));
        }
        // The caller's are odd, so that no two files share a number.
        let first = if self.role == Role::Caller { 1 } else { 2 };
        let file = if self.offered == 0 { first } else { self.offered + 2 };
        self.offered = file;
        self.add(file, Card::new(file, Side::Us, name.clone(), size));
        self.outgoing.insert(file, Outgoing::new(file, size, now));
        self.effects.push_back(Effect::Say(file, FileStep::Offer { name, size }));
        Ok(file)
    }

    /// Takes what happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Order(id, order) => self.obey(id, order),
            Event::Said(file, step) => self.hear(file, step, now),
            Event::Frame(frame) => self.take_frame(&frame, now),
            Event::NotTaken(frame) => self.take_back(&frame, now),
            Event::Channel(channel) => self.use_channel(channel, now),
            Event::Media(bps) => self.pace.note_media(bps),
            Event::Made(file) => self.begin_taking(file, now),
            Event::Read { file, at, bytes } => self.send_read(file, at, bytes, now),
            Event::Finished { file, path } => self.finish(file, path),
            Event::Trouble { file, why } => self.fail(file, why, FileEnd::Failed),
            Event::Over => self.end_all(),
        }
        self.carry_on(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for outgoing in self.outgoing.values_mut() {
            if self.channel.is_some() && outgoing.stalls_at().is_some_and(|at| now >= at) {
                self.pace.forget_pieces();
                outgoing.say_again(now);
            }
        }
        self.carry_on(now);
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let tell = self
            .changed
            .then_some(self.told_at)
            .flatten()
            .map(|at| (at + TELL_EVERY, "tell how files stand"));
        if self.channel.is_none() {
            return tell;
        }
        if let Some(full) = self.full_until {
            let full = Some((full, "try the channel again"));
            return [tell, full].into_iter().flatten().min_by_key(|(at, _)| *at);
        }
        let current = self.current().and_then(|file| self.outgoing.get(&file));
        let has_more = current.is_some_and(|outgoing| outgoing.to_read(1).is_some()) && !self.is_held_up();
        let next = self.pace.due().filter(|_| has_more).map(|at| (at, "send the next piece"));
        let stalled = self.outgoing.values().filter_map(Outgoing::stalls_at).min();
        let quiet = self.taking().filter_map(|file| self.incoming.get(&file)).map(Incoming::quiet_at).min();
        let stalled = stalled.map(|at| (at, "say again what did not arrive"));
        let quiet = quiet.map(|at| (at, "say again what is there"));
        [tell, next, stalled, quiet].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn obey(&mut self, id: u64, order: FileOrder) {
        let Ok(file) = u32::try_from(id) else { return };
        let Some(card) = self.cards.get_mut(&file).filter(|card| !card.is_over()) else { return };
        let is_theirs = card.from == Side::Them;
        match order {
            FileOrder::Accept { folder } => {
                if is_theirs && card.phase == Phase::Offered {
                    card.phase = Phase::Making;
                    let name = card.name.clone();
                    self.effects.push_back(Effect::Make { file, folder, name });
                }
            }
            FileOrder::Decline => {
                if is_theirs && card.phase == Phase::Offered {
                    self.say_end(file, FileEnd::Declined);
                    self.close(file, Over::Declined);
                }
            }
            FileOrder::Pause | FileOrder::GoOn => {
                let held = order == FileOrder::Pause;
                if card.held_by_us != held {
                    card.held_by_us = held;
                    self.effects.push_back(Effect::Say(file, FileStep::Hold { held }));
                }
            }
            FileOrder::Cancel => {
                self.say_end(file, FileEnd::Cancelled);
                self.close(file, Over::Cancelled { by: Side::Us });
            }
        }
        self.changed = true;
    }

    fn hear(&mut self, file: u32, step: FileStep, now: Instant) {
        if let FileStep::Offer { name, size } = step {
            self.hear_offer(file, &name, size);
            return;
        }
        let Some(card) = self.cards.get_mut(&file).filter(|card| !card.is_over()) else { return };
        match step {
            FileStep::Take { from } => {
                if let Some(outgoing) = self.outgoing.get_mut(&file) {
                    if card.phase == Phase::Offered {
                        card.phase = Phase::Taken;
                    }
                    outgoing.go_on_from(from, now);
                    self.pace.forget_pieces();
                }
            }
            FileStep::Hold { held } => card.held_by_them = held,
            FileStep::End { why } => self.hear_end(file, &why),
            FileStep::Offer { .. } | FileStep::Unknown => {}
        }
        self.changed = true;
    }

    fn hear_offer(&mut self, file: u32, name: &str, size: u64) {
        let is_theirs = (file % 2 == 1) != (self.role == Role::Caller);
        if !is_theirs || file <= self.offered_to_us {
            return;
        }
        self.offered_to_us = file;
        if size > MAX_FILE_BYTES {
            self.say_end(file, FileEnd::TooLarge);
        } else if self.not_over(Side::Them) >= MAX_AT_ONCE {
            self.say_end(file, FileEnd::TooMany);
        } else {
            self.add(file, Card::new(file, Side::Them, name::clean(name), size));
        }
    }

    fn hear_end(&mut self, file: u32, why: &FileEnd) {
        let Some(card) = self.cards.get(&file) else { return };
        let was_offered = card.phase == Phase::Offered;
        let can_be_whole = self.outgoing.get(&file).is_some_and(Outgoing::can_be_whole);
        let failed = |why: &str| Over::Failed { why: why.to_owned() };
        let over = match (why, card.from) {
            (FileEnd::Done, Side::Us) if can_be_whole => Over::Done { path: None },
            (FileEnd::Declined, Side::Us) if was_offered => Over::Declined,
            (FileEnd::Cancelled, _) => Over::Cancelled { by: Side::Them },
            (FileEnd::TooLarge, _) => failed("It is too large for the other side."),
            (FileEnd::TooMany, _) => {
                failed("The other side has too many files on their way. Offer it again later.")
            }
            (FileEnd::Mismatch, Side::Us) => {
                failed("It did not arrive as it is here; perhaps it was changed meanwhile. Offer it again.")
            }
            (FileEnd::Failed, Side::Us) => {
                failed("The other side could not store it. Ask them whether there is room.")
            }
            (FileEnd::Failed, _) => {
                failed("The other side cannot read it any more. Ask them to offer it again.")
            }
            (FileEnd::Done | FileEnd::Declined | FileEnd::Mismatch | FileEnd::Other(_), _) => {
                failed("The other side stopped it.")
            }
        };
        self.close(file, over);
    }

    fn take_frame(&mut self, frame: &Bytes, now: Instant) {
        match Frame::decode(frame) {
            Some(Frame::Piece { file, at, bytes }) => {
                if self.is_taken(file)
                    && let Some(incoming) = self.incoming.get_mut(&file)
                    && incoming.take(at, &bytes, now)
                {
                    self.changed = true;
                    self.effects.push_back(Effect::Write { file, bytes });
                }
            }
            Some(Frame::Sum { file, size, sha256 }) => {
                if self.is_taken(file)
                    && let Some(incoming) = self.incoming.get_mut(&file)
                {
                    match incoming.judge(size, sha256) {
                        Judged::Right => self.effects.push_back(Effect::Finish { file }),
                        Judged::Wrong => {
                            let why = "It did not arrive as it was sent, and was deleted. Ask for it again.";
                            self.fail(file, why.to_owned(), FileEnd::Mismatch);
                        }
                        Judged::Nothing => {}
                    }
                }
            }
            Some(Frame::Have { file, at }) => {
                if let Some(outgoing) = self.outgoing.get_mut(&file)
                    && outgoing.note_have(at, now)
                {
                    self.pace.note_have(at, now);
                    self.changed = true;
                }
            }
            None => tracing::debug!("no frame of a file"),
        }
    }

    fn take_back(&mut self, frame: &Bytes, now: Instant) {
        self.full_until = Some(now + TRY_AGAIN);
        match Frame::decode(frame) {
            Some(Frame::Piece { file, at, .. }) => {
                self.pace.forget_pieces();
                self.outgoing.entry(file).and_modify(|outgoing| outgoing.take_back_piece(at));
            }
            Some(Frame::Sum { file, .. }) => {
                self.outgoing.entry(file).and_modify(Outgoing::take_back_sum);
            }
            Some(Frame::Have { file, .. }) => {
                self.incoming.entry(file).and_modify(Incoming::owe_have);
            }
            None => {}
        }
    }

    fn use_channel(&mut self, channel: Option<u32>, now: Instant) {
        if self.channel == channel {
            return;
        }
        self.channel = channel;
        self.full_until = None;
        self.changed = true;
        self.pace.begin_anew();
        self.outgoing.values_mut().for_each(|outgoing| outgoing.say_again(now));
        self.incoming.values_mut().for_each(Incoming::owe_have);
    }

    fn begin_taking(&mut self, file: u32, now: Instant) {
        match self.cards.get_mut(&file) {
            Some(card) if card.phase == Phase::Making => {
                card.phase = Phase::Taken;
                self.incoming.insert(file, Incoming::new(card.size, now));
                self.effects.push_back(Effect::Say(file, FileStep::Take { from: 0 }));
                self.changed = true;
            }
            // It was cancelled meanwhile.
            Some(_) | None => self.effects.push_back(Effect::Discard { file }),
        }
    }

    fn send_read(&mut self, file: u32, at: u64, bytes: Bytes, now: Instant) {
        let may_go = self.channel.is_some() && self.full_until.is_none() && self.is_going(file);
        let Some(outgoing) = self.outgoing.get_mut(&file) else { return };
        outgoing.note_reading(false);
        if !may_go {
            return;
        }
        let len = bytes.len();
        if let Some(piece) = outgoing.take_read(at, bytes, now) {
            self.pace.note_sent(at + len as u64, len, now);
            self.effects.push_back(Effect::Send(piece.encode()));
        }
    }

    fn finish(&mut self, file: u32, path: PathBuf) {
        if self.incoming.contains_key(&file) {
            self.say_end(file, FileEnd::Done);
            self.incoming.remove(&file);
            self.end(file, Over::Done { path: Some(path) });
        }
    }

    fn fail(&mut self, file: u32, why: String, said: FileEnd) {
        if self.cards.get(&file).is_some_and(|card| !card.is_over()) {
            self.say_end(file, said);
            self.close(file, Over::Failed { why });
        }
    }

    fn end_all(&mut self) {
        let not_over: Vec<_> =
            self.cards.iter().filter(|(_, card)| !card.is_over()).map(|(file, _)| *file).collect();
        for file in not_over {
            self.close(file, Over::Failed { why: "The call ended before it was whole.".to_owned() });
        }
        self.channel = None;
        self.told_at = None;
    }

    /// It is over, and the disk may let go of it.
    fn close(&mut self, file: u32, over: Over) {
        if self.outgoing.remove(&file).is_some() {
            self.effects.push_back(Effect::Close { file });
        } else if self.incoming.remove(&file).is_some() {
            self.effects.push_back(Effect::Discard { file });
        }
        self.end(file, over);
    }

    fn end(&mut self, file: u32, over: Over) {
        if let Some(card) = self.cards.get_mut(&file) {
            card.phase = Phase::Over(over);
            self.changed = true;
        }
    }

    fn say_end(&mut self, file: u32, why: FileEnd) {
        self.effects.push_back(Effect::Say(file, FileStep::End { why }));
    }

    fn add(&mut self, file: u32, card: Card) {
        self.cards.insert(file, card);
        self.changed = true;
        if self.cards.len() > MAX_SHOWN
            && let Some(oldest) = self.cards.iter().find(|(_, card)| card.is_over()).map(|(file, _)| *file)
        {
            self.cards.remove(&oldest);
        }
    }

    fn carry_on(&mut self, now: Instant) {
        if self.full_until.is_some_and(|until| now >= until) {
            self.full_until = None;
        }
        if self.channel.is_some() && self.full_until.is_none() {
            self.say_what_is_there(now);
            self.say_more(now);
        }
        self.tell(now);
    }

    fn say_what_is_there(&mut self, now: Instant) {
        for (&file, incoming) in &mut self.incoming {
            if let Some(at) = incoming.take_have(now) {
                self.effects.push_back(Effect::Send(Frame::Have { file, at }.encode()));
            }
        }
    }

    fn say_more(&mut self, now: Instant) {
        let Some(file) = self.current() else { return };
        let is_held_up = self.is_held_up();
        let Some(outgoing) = self.outgoing.get_mut(&file) else { return };
        if let Some(sum) = outgoing.take_sum(now) {
            self.effects.push_back(Effect::Send(sum.encode()));
            return;
        }
        let Some((at, len)) = outgoing.to_read(self.pace.piece()) else { return };
        if is_held_up {
            self.pace.note_held_up();
        } else if self.pace.due().is_none_or(|due| now >= due) {
            outgoing.note_reading(true);
            self.effects.push_back(Effect::Read { file, at, len });
        }
    }

    fn tell(&mut self, now: Instant) {
        let may_tell = self.told_at.is_none_or(|at| now >= at + TELL_EVERY);
        if !self.changed || !may_tell {
            return;
        }
        self.changed = false;
        self.told_at = Some(now);
        let going: Vec<_> = self.taking().chain(self.current()).collect();
        for (file, card) in &mut self.cards {
            let ours = self.outgoing.get(file).map(Outgoing::acked);
            let done = ours.or_else(|| self.incoming.get(file).map(Incoming::at));
            card.note_done(done, going.contains(file) && self.channel.is_some(), now);
        }
        let transfers = self.cards.values().map(Card::transfer).collect();
        self.effects.push_back(Effect::Tell(transfers));
    }

    /// The one of ours that goes: the oldest that may and is not said.
    fn current(&self) -> Option<u32> {
        let said = |file: &u32| self.outgoing.get(file).is_none_or(Outgoing::is_said);
        self.outgoing.keys().copied().find(|file| self.is_going(*file) && !said(file))
    }

    /// Those of theirs that may come.
    fn taking(&self) -> impl Iterator<Item = u32> {
        self.incoming.keys().copied().filter(|file| self.is_going(*file))
    }

    fn is_held_up(&self) -> bool {
        let under_way: u64 = self.outgoing.values().map(Outgoing::under_way).sum();
        under_way + self.pace.piece() as u64 > self.pace.window()
    }

    fn is_taken(&self, file: u32) -> bool {
        self.cards.get(&file).is_some_and(|card| card.phase == Phase::Taken)
    }

    fn is_going(&self, file: u32) -> bool {
        self.cards.get(&file).is_some_and(|card| card.phase == Phase::Taken && card.held_by().is_none())
    }

    fn not_over(&self, from: Side) -> usize {
        self.cards.values().filter(|card| card.from == from && !card.is_over()).count()
    }
}
