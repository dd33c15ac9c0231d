//! The desk: everything that a window shows, and everything that a person may want of it.
//!
//! A window draws a [`Snapshot`] and says [`Wish`]es. Between them and the engine stands the desk: it alone knows which call
//! there is, who the contacts are, what was missed and which settings hold. It decides; files, sounds and notifications are
//! somebody else's job, and come back as [`Effect`]s and [`Heard`].
//!
//! ```text
//!  window ──Wish──▶ ┌──────┐ ──Effect──▶ engine, files, desktop
//!         ◀─Snapshot │ Desk │ ◀──Heard──
//!                   └──────┘
//! ```

mod checks;
mod effect;
mod given;
mod heard;
mod history;
mod news;
mod notices;
mod ongoing;
mod pasted;
mod people;
mod places;
mod show;
mod snapshot;
#[cfg(test)]
mod tests;
mod wish;
mod wishes;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use sightline_protocol::{
    call::CallId,
    keys::Address,
    link::{CallLink, LinkToken},
};

use super::{
    contacts::Contacts,
    course::Status,
    devices::{Device, InUse},
    interfaces::InterfaceSeen,
    phone::Owner,
};

pub use effect::{Bell, Choices, Effect, Kept, Notify, Order};
pub use given::{Given, MAX_LINKS};
pub use heard::{Figures, Heard, Line};
pub use history::{MAX_RECENTS, Past};
pub use notices::MAX_NOTICES;
pub use pasted::{call_link, server as server_link};
pub use people::MAX_CONTACTS;
pub use places::MAX_SERVERS;
pub use snapshot::{
    CallCard, Checkup, ContactCard, EchoTest, EndedCard, FirstStart, LinkCard, LinkKind, Me, Message,
    MessageState, Notice, NoticeKind, Outcome, PlaceInCall, Presence, Quality, QualityWord, Recent,
    ServerCard, ServerState, Shelf, Snapshot, Theirs, Transfer, TransferState, Who,
};
pub use wish::{
    Appearance, Complaint, ContactChange, DataUse, FileWish, NewLink, Preferences, ServerWish, Survey, Wish,
};

use checks::Checks;
use given::GivenLinks;
use history::History;
use notices::Notices;
use ongoing::{Ended, Ongoing};
use people::People;
use places::Places;
use show::Cache;

/// How long a call with oneself may take.
const ECHO_FOR: Duration = Duration::from_secs(60);
/// Links run out by the calendar, which may be set and goes on while the computer sleeps: it is looked so often.
const LOOK_AT_CALENDAR: Duration = Duration::from_secs(60);

/// A moment: by a clock that runs evenly, and by the calendar.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For how long something takes.
    pub now: Instant,
    /// For people, since 1970.
    pub unix_ms: u64,
}

/// What a desk begins with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Who we are.
    pub address: Address,
    /// What was chosen.
    pub choices: Choices,
    /// Who the contacts are.
    pub contacts: Contacts,
    /// Links that were given out.
    pub links: Vec<Given>,
    /// Calls that were.
    pub history: Vec<Past>,
    /// What the system says that this person is called.
    pub suggested_name: Option<String>,
    /// Shown in the settings.
    pub profile: Option<std::path::PathBuf>,
    /// Random: tokens of links are made of it.
    pub seed: [u8; 32],
}

/// See the head of this file.
#[derive(Debug)]
pub struct Desk {
    address: Address,
    choices: Choices,
    suggested_name: Option<String>,
    profile: Option<std::path::PathBuf>,
    seed: [u8; 32],
    made: u64,
    people: People,
    links: GivenLinks,
    history: History,
    notices: Notices,
    places: Places,
    call: Option<Ongoing>,
    /// A dial of which the engine has not told yet.
    dialling: Option<Dialling>,
    /// What they said of themselves before their call was shown.
    early_status: Option<(CallId, Status)>,
    ended: Option<Ended>,
    echo: EchoTest,
    echo_address: Option<Address>,
    checks: Checks,
    network: Arc<[InterfaceSeen]>,
    devices: Arc<[Device]>,
    in_use: Vec<InUse>,
    previewing: bool,
    has_tray: bool,
    raised: u64,
    is_over: bool,
    told_still_here: bool,
    bell: Bell,
    /// Camera and microphone were opened because it rings there.
    mirror: bool,
    awake: bool,
    cache: Cache,
    changed: bool,
    effects: VecDeque<Effect>,
}

/// A dial of which the engine has not told yet.
#[derive(Clone, Debug)]
struct Dialling {
    link: CallLink,
    status: Status,
    is_echo_test: bool,
}

impl Desk {
    /// As it was left.
    pub fn new(beginning: Beginning, at: Moment) -> Self {
        let Beginning { address, choices, contacts, links, history, suggested_name, profile, seed } =
            beginning;
        let mut desk = Self {
            address,
            places: Places::new(&choices),
            choices,
            suggested_name,
            profile,
            seed,
            made: 0,
            people: People::new(contacts),
            links: GivenLinks::new(links),
            history: History::new(history),
            notices: Notices::default(),
            call: None,
            dialling: None,
            early_status: None,
            ended: None,
            echo: EchoTest::Idle,
            echo_address: None,
            checks: Checks::default(),
            network: Arc::default(),
            devices: Arc::default(),
            in_use: Vec::new(),
            previewing: false,
            has_tray: false,
            raised: 0,
            is_over: false,
            told_still_here: false,
            bell: Bell::Silent,
            mirror: false,
            awake: false,
            cache: Cache::default(),
            changed: true,
            effects: VecDeque::new(),
        };
        if desk.links.expire(at.unix_ms) {
            desk.keep_links();
        }
        desk.tell_owner();
        desk.tell_preferences();
        desk.begin_reaching();
        desk
    }

    /// Takes what a person wants.
    pub fn wish(&mut self, wish: Wish, at: Moment) {
        self.handle_wish(wish, at);
        self.settle();
    }

    /// Takes what happened.
    pub fn hear(&mut self, heard: Heard, at: Moment) {
        self.handle_heard(heard, at);
        self.settle();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, at: Moment) {
        self.changed |= self.notices.expire(at.now);
        if self.links.expire(at.unix_ms) {
            self.keep_links();
            self.tell_owner();
        }
        if let Some(call) = &mut self.call {
            if call.speaking_until.is_some_and(|until| until <= at.now) {
                call.speaking_until = None;
                self.changed = true;
            }
            let is_long = call.connected.is_some_and(|(since, _)| at.now >= since + ECHO_FOR);
            if call.is_echo_test && is_long && !std::mem::replace(&mut call.is_ending, true) {
                self.engine(Order::HangUp);
            }
        }
        self.ask_after_somebody(at);
        self.settle();
    }

    /// When to come back, and why.
    pub fn poll_timeout(&self, at: Moment) -> Option<(Instant, &'static str)> {
        let call = self.call.as_ref();
        let speaking = call.and_then(|call| call.speaking_until);
        let echo = call
            .filter(|call| call.is_echo_test && !call.is_ending)
            .and_then(|call| Some(call.connected?.0 + ECHO_FOR));
        let links = self.links.next_expiry().map(|until| {
            at.now + Duration::from_millis(until.saturating_sub(at.unix_ms)).min(LOOK_AT_CALENDAR)
        });
        [
            (self.notices.next_expiry(), "put notices away"),
            (links, "let links run out"),
            (speaking, "nobody speaks while muted any more"),
            (echo, "end the call with oneself"),
            (self.next_question(), "ask whether a contact is there"),
        ]
        .into_iter()
        .filter_map(|(when, why)| Some((when?, why)))
        .min_by_key(|(when, _)| *when)
    }

    /// What to do; drain until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether there is more to be seen than when this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// What the sounds, the sleep of the computer and a look at oneself follow from, and not from single events.
    fn settle(&mut self) {
        let place = self.call.as_ref().and_then(|call| call.stage.place());
        let bell = match place {
            Some(PlaceInCall::Incoming) if self.choices.preferences.ring => Bell::Here,
            Some(PlaceInCall::Outgoing)
                if self.call.as_ref().is_some_and(|call| {
                    call.stage == super::course::Stage::RingingThere && !call.is_echo_test
                }) =>
            {
                Bell::There
            }
            Some(PlaceInCall::Incoming | PlaceInCall::Outgoing | PlaceInCall::InCall) | None => Bell::Silent,
        };
        if std::mem::replace(&mut self.bell, bell) != bell {
            self.effects.push_back(Effect::Ring(bell));
        }
        let awake = place.is_some();
        if std::mem::replace(&mut self.awake, awake) != awake {
            self.effects.push_back(Effect::Awake(awake));
        }
        let mirror = self.call.as_ref().is_some_and(Ongoing::shows_us_early);
        if std::mem::replace(&mut self.mirror, mirror) != mirror {
            // A call that stands has taken both from the preview.
            let is_taken = self.call.as_ref().is_some_and(|call| call.connected.is_some());
            if mirror || !is_taken {
                self.engine(Order::Preview { on: mirror });
            }
        }
        if self.call.is_none() && self.places.take_idle_hosting() {
            self.effects.push_back(Effect::StopHosting);
        }
    }

    fn engine(&mut self, order: Order) {
        self.effects.push_back(Effect::Engine(order));
    }

    fn keep(&mut self, kept: Kept) {
        self.effects.push_back(Effect::Keep(kept));
    }

    fn keep_links(&mut self) {
        self.changed = true;
        self.cache.links = None;
        self.keep(Kept::Links(self.links.to_keep()));
    }

    fn keep_people(&mut self) {
        self.changed = true;
        self.cache.forget_people();
        self.keep(Kept::Contacts(self.people.contacts().clone()));
        self.tell_owner();
    }

    fn keep_history(&mut self) {
        self.changed = true;
        self.cache.recents = None;
        self.keep(Kept::History(self.history.to_keep()));
    }

    fn keep_choices(&mut self) {
        self.changed = true;
        self.keep(Kept::Choices(Box::new(self.choices.clone())));
    }

    fn tell_owner(&mut self) {
        let owner = Owner {
            name: self.choices.name.clone(),
            tokens: self.links.tokens().cloned().collect(),
            contacts: self.people.contacts().keys(),
        };
        self.engine(Order::Owner(owner));
    }

    fn tell_preferences(&mut self) {
        self.engine(Order::Prefer(Arc::new(self.choices.preferences.clone())));
    }

    /// A token that nobody can guess and that was never made before.
    fn new_token(&mut self) -> LinkToken {
        const CHARS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        self.made += 1;
        let mut digest = Sha256::new_with_prefix(self.seed);
        digest.update(self.made.to_be_bytes());
        let bytes = digest.finalize();
        let text: String =
            bytes.iter().take(22).map(|byte| char::from(CHARS[usize::from(byte % 32)])).collect();
        text.parse().expect("letters and digits")
    }
}
