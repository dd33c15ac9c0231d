//! Which device of a kind to use, when to try one again, and what to say of it.
//!
//! A device is opened *beside* the one in use, which goes only when the new one works: a busy device that is tried again
//! every few seconds never interrupts the one that stands in for it. One that died is tried once more at once, as most
//! deaths (a sound server that starts anew, a computer that slept) are over as soon as they are noticed; after that it has
//! to wait longer each time, and another stands in.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{Choice, Device, DeviceId, DeviceKind, words};

/// How long a device rests after its first failure; twice as long after each further one.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// A device that worked for so long is as good as one that never failed.
const STEADY: Duration = Duration::from_secs(10);
/// Devices whose failures are remembered. When there are more, the one that may be tried the soonest is forgotten.
const MAX_REMEMBERED: usize = 32;

/// Why a device cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Another program has it.
    Busy,
    /// The system does not let us.
    Forbidden,
    /// It is no longer there.
    Unplugged,
    /// It was not there when it was wanted.
    Absent,
    /// It gives or takes nothing any more.
    Silent,
    /// Something else, in words.
    Broken(String),
}

/// What happens to the devices of a kind.
#[derive(Clone, Debug)]
pub enum Event {
    /// These are there (of this kind alone).
    Listed(Vec<Device>),
    /// Somebody wants this one.
    Wish(Choice),
    /// None is to be open, whatever was wished: a camera that is off is closed.
    Rest,
    /// One may be open again.
    Wake,
    /// The device that was to be opened is open.
    Opened,
    /// The device that was to be opened cannot be.
    Failed(Cause),
    /// The device in use works no longer, and is closed.
    Died(Cause),
}

/// What should be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open this one; `Opened` or `Failed` is the answer. Only when it is open is the one in use closed.
    Open(Device),
    /// Close the one in use.
    Close,
    /// Say how it stands.
    Tell(InUse),
}

/// Which device is in use, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// Of which kind.
    pub kind: DeviceKind,
    /// Which; `None` where none is.
    pub device: Option<Device>,
    /// In a sentence.
    pub words: String,
    /// The device that is missed, as the sentence names it, where it names one.
    pub missed: Option<String>,
}

/// Why the keeper wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A device has rested long enough to be tried again.
    TryAgain,
}

#[derive(Debug)]
struct Trouble {
    failures: u32,
    rests_until: Instant,
    cause: Cause,
}

/// What we had, or wanted, and have not.
#[derive(Clone, Debug)]
struct Lost {
    id: DeviceId,
    name: String,
    cause: Cause,
}

/// Keeps a device of one kind in use.
#[derive(Debug)]
pub struct Keeper {
    kind: DeviceKind,
    wish: Choice,
    rests: bool,
    /// `None` until the first list.
    listed: Option<Vec<Device>>,
    in_use: Option<(Device, Instant)>,
    opening: Option<Device>,
    troubles: BTreeMap<DeviceId, Trouble>,
    lost: Option<Lost>,
    /// What was said last; the same is not said twice.
    said: Option<InUse>,
    effects: VecDeque<Effect>,
}

impl Keeper {
    /// Of that kind, with that wish.
    pub fn new(kind: DeviceKind, wish: Choice) -> Self {
        Self {
            kind,
            wish,
            rests: false,
            listed: None,
            in_use: None,
            opening: None,
            troubles: BTreeMap::new(),
            lost: None,
            said: None,
            effects: VecDeque::new(),
        }
    }

    /// The device in use.
    pub fn in_use(&self) -> Option<&Device> {
        self.in_use.as_ref().map(|(device, _)| device)
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Listed(devices) => self.take_list(devices),
            Event::Wish(wish) => {
                if let Choice::Id(id) = &wish {
                    // Whoever asks for a device by name wants it tried now.
                    self.troubles.remove(id);
                }
                self.lost = None;
                self.said = None;
                self.wish = wish;
            }
            Event::Rest => {
                self.rests = true;
                self.close();
            }
            Event::Wake => self.rests = false,
            Event::Opened => self.take_opened(now),
            Event::Failed(cause) => {
                if let Some(device) = self.opening.take() {
                    self.note_trouble(&device, cause, now);
                }
            }
            Event::Died(cause) => {
                if let Some((device, since)) = self.in_use.take() {
                    if now.saturating_duration_since(since) >= STEADY {
                        self.troubles.remove(&device.id);
                    }
                    self.note_death(&device, cause, now);
                }
            }
        }
        self.decide(now);
    }

    /// A device may be tried again.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.decide(now);
    }

    /// When to wake it, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Why)> {
        if self.rests || self.opening.is_some() {
            return None;
        }
        self.by_preference()
            .filter(|device| self.is_better(device))
            .filter_map(|device| self.troubles.get(&device.id))
            .map(|trouble| (trouble.rests_until, Why::TryAgain))
            .min_by_key(|(at, _)| *at)
    }

    /// What should be done, until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn take_list(&mut self, devices: Vec<Device>) {
        // What comes back after it was away starts anew.
        self.troubles.retain(|id, _| devices.iter().any(|device| device.id == *id));
        self.listed = Some(devices);
        if let Some((device, since)) = self.in_use.take() {
            if self.is_listed(&device.id) {
                self.in_use = Some((device, since));
            } else {
                self.lose(&device, Cause::Unplugged);
                self.effects.push_back(Effect::Close);
            }
        }
    }

    fn take_opened(&mut self, now: Instant) {
        let Some(device) = self.opening.take() else { return };
        if self.rests || !self.is_listed(&device.id) {
            // It came too late: it took the place of what was in use only to go as well.
            self.in_use = None;
            self.effects.push_back(Effect::Close);
            return;
        }
        let before = self.in_use.replace((device.clone(), now)).map(|(before, _)| before);
        let is_wished = matches!(&self.wish, Choice::Id(id) if *id == device.id);
        let missed = self.lost.as_ref().map(|lost| lost.name.clone());
        let words = match self.lost.take() {
            Some(lost) if lost.id == device.id => words::again(self.kind, &device.name, &lost.cause),
            Some(lost) => {
                let words = words::instead(self.kind, &lost.name, &lost.cause, &device.name);
                if matches!(&self.wish, Choice::Id(id) if *id == lost.id) {
                    self.lost = Some(lost);
                }
                words
            }
            None if before.is_some() => words::changed(self.kind, &device.name, is_wished),
            None => words::uses(self.kind, &device.name),
        };
        self.tell(Some(device), missed, words);
    }

    /// It may be tried again at once, if it did not die of that very attempt.
    fn note_death(&mut self, device: &Device, cause: Cause, now: Instant) {
        self.lose(device, cause.clone());
        let died_before = self.troubles.contains_key(&device.id);
        if died_before {
            self.note_trouble(device, cause, now);
        } else {
            self.remember(device.id.clone(), Trouble { failures: 0, rests_until: now, cause });
        }
    }

    fn note_trouble(&mut self, device: &Device, cause: Cause, now: Instant) {
        let failures = self.troubles.get(&device.id).map_or(0, |trouble| trouble.failures);
        let rest = FIRST_REST.saturating_mul(1 << failures.min(8)).min(LONGEST_REST);
        let trouble = Trouble { failures: failures + 1, rests_until: now + rest, cause: cause.clone() };
        self.remember(device.id.clone(), trouble);
        let is_preferred = self.by_preference().next().is_some_and(|first| first.id == device.id);
        if self.in_use.is_none() || is_preferred {
            self.lose(device, cause);
        }
    }

    fn remember(&mut self, id: DeviceId, trouble: Trouble) {
        self.troubles.insert(id, trouble);
        if self.troubles.len() > MAX_REMEMBERED {
            let soonest = self.troubles.iter().min_by_key(|(_, trouble)| trouble.rests_until);
            if let Some(id) = soonest.map(|(id, _)| id.clone()) {
                self.troubles.remove(&id);
            }
        }
    }

    /// The first loss is what explains all that follows from it.
    fn lose(&mut self, device: &Device, cause: Cause) {
        let wished = matches!(&self.wish, Choice::Id(id) if *id == device.id);
        if wished || self.lost.is_none() || self.in_use.is_some() {
            self.lost = Some(Lost { id: device.id.clone(), name: device.name.clone(), cause });
        }
    }

    /// The wished one first, then the system's, then the rest as listed.
    fn by_preference(&self) -> impl Iterator<Item = &Device> {
        let listed = self.listed.as_deref().unwrap_or_default();
        let wished = listed.iter().filter(|device| self.is_wished(device));
        let usual = listed.iter().filter(|device| device.is_default && !self.is_wished(device));
        let others = listed.iter().filter(|device| !device.is_default && !self.is_wished(device));
        wished.chain(usual).chain(others)
    }

    fn is_listed(&self, id: &DeviceId) -> bool {
        self.listed.iter().flatten().any(|device| device.id == *id)
    }

    fn is_wished(&self, device: &Device) -> bool {
        matches!(&self.wish, Choice::Id(id) if *id == device.id)
    }

    fn decide(&mut self, now: Instant) {
        if self.rests || self.opening.is_some() || self.listed.is_none() {
            return;
        }
        if let Choice::Id(id) = &self.wish
            && self.lost.is_none()
            && !self.is_listed(id)
        {
            self.lost = Some(Lost { id: id.clone(), name: id.to_string(), cause: Cause::Absent });
        }
        let best = self
            .by_preference()
            .find(|device| self.troubles.get(&device.id).is_none_or(|trouble| trouble.rests_until <= now));
        match best.cloned() {
            Some(best) if self.is_better(&best) => {
                self.effects.push_back(Effect::Open(best.clone()));
                self.opening = Some(best);
            }
            Some(_) => {}
            None if self.in_use.is_none() => {
                let first = self.by_preference().next();
                let lost = self.lost.as_ref().map(|lost| &lost.name);
                let missed = lost.or(first.map(|first| &first.name)).cloned();
                let words = match (&self.lost, first) {
                    (Some(lost), _) => words::nothing(self.kind, Some((&lost.name, &lost.cause))),
                    (None, Some(first)) => {
                        let cause =
                            self.troubles.get(&first.id).map_or(&Cause::Silent, |trouble| &trouble.cause);
                        words::nothing(self.kind, Some((&first.name, cause)))
                    }
                    (None, None) => words::nothing(self.kind, None),
                };
                self.tell(None, missed, words);
            }
            None => {}
        }
    }

    fn is_better(&self, best: &Device) -> bool {
        let Some(in_use) = self.in_use() else { return true };
        let rank = |id: &DeviceId| self.by_preference().position(|device| device.id == *id);
        // Where the system's own choice is wished for, or missing, no change among the others is worth a gap.
        in_use.id != best.id && rank(&best.id) < rank(&in_use.id) && (self.is_wished(best) || best.is_default)
    }

    fn close(&mut self) {
        if self.in_use.take().is_some() {
            self.effects.push_back(Effect::Close);
        }
        self.said = None;
    }

    fn tell(&mut self, device: Option<Device>, missed: Option<String>, words: String) {
        let told = InUse { kind: self.kind, device, words, missed };
        if self.said.as_ref() != Some(&told) {
            self.said = Some(told.clone());
            self.effects.push_back(Effect::Tell(told));
        }
    }
}
