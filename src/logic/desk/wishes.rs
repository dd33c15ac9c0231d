//! What a person wants, and what follows from it.

use sightline_protocol::{
    call::{Media, display_name},
    keys::Address,
    link::{CallLink, ServerAddress},
};

use crate::logic::{
    contacts::Contact,
    course::{Stage, Status},
    devices::{Choice, DeviceKind},
};

use super::{
    ContactChange, Desk, Dialling, EchoTest, Effect, FileWish, Given, MAX_LINKS, MAX_SERVERS, Moment,
    NewLink, Notify, Order, PlaceInCall, Preferences, ServerWish, Survey, Wish, notices::Undo, pasted,
};

/// The smallest and the largest everything may be.
const SCALES: std::ops::RangeInclusive<f32> = 0.5..=3.0;
/// The longest that a link may hold, in hours: a year.
const MAX_LINK_HOURS: u32 = 24 * 366;
/// The longest text that is written at once, in bytes. A longer one is refused with a sentence.
pub(super) const MAX_TEXT_BYTES: usize = 8 * 1024;
/// The picture is agreed on in any case: the camera can be switched on later.
const BOTH: Media = Media { audio: true, video: true };

const DESK_BUSY: &str = "desk.busy";
const DESK_LINK: &str = "desk.link";
const DESK_CONTACT: &str = "desk.contact";
const DESK_SERVER: &str = "desk.server";
const DESK_FULL: &str = "desk.full";

impl Desk {
    pub(super) fn handle_wish(&mut self, wish: Wish, at: Moment) {
        match wish {
            Wish::CallLink { text, media } => match pasted::call_link(&text) {
                Ok(link) => self.dial(link, media, false),
                Err(error) => self.problem(&error.to_string(), DESK_LINK),
            },
            Wish::CallContact { key, media } => self.call_somebody(key, None, media),
            Wish::Redial { id, media } => {
                if let Some((key, link)) = self.whom_to_redial(&id) {
                    self.call_somebody(key, link, media);
                }
            }
            Wish::EchoTest => self.begin_echo_test(),
            Wish::Answer { media } => self.answer(media),
            Wish::Decline | Wish::HangUp => self.hang_up(),
            Wish::PutAway => {
                self.changed |= self.ended.take().is_some();
            }
            Wish::Microphone { on } => self.switch(|status| status.muted = !on),
            Wish::Camera { on } => self.switch(|status| status.camera_off = !on),
            Wish::Use { kind, choice } => self.use_device(kind, choice),
            Wish::Trial(trial) => self.engine(Order::Trial(trial)),
            Wish::Drawn { width, height } => self.engine(Order::Drawn { width, height }),
            Wish::Preview { on } => self.engine(Order::Preview { on }),
            Wish::TestSound => self.effects.push_back(Effect::TestSound),
            Wish::Examine => self.examine(at),
            Wish::Say { text } => self.say(text),
            Wish::Read => {
                if let Some(call) = &mut self.call {
                    call.said.see();
                    self.changed = true;
                }
            }
            Wish::ChooseFiles => {
                if self.call.is_some() {
                    self.effects.push_back(Effect::ChooseFiles);
                }
            }
            Wish::OfferFiles { paths } => {
                if let Some(call) = self.call.as_ref().map(|call| call.call).filter(|_| !paths.is_empty()) {
                    self.engine(Order::Offer { call, paths });
                }
            }
            Wish::File { id, wish } => self.file(id, wish),
            Wish::Rename { name } => self.rename(&name),
            Wish::Begin => {
                if !std::mem::replace(&mut self.choices.begun, true) {
                    self.keep_choices();
                }
            }
            Wish::MakeLink { kind, note } => self.make_link(kind, note, at),
            Wish::RevokeLink { id } => {
                if let Some(given) = self.links.revoke(&id) {
                    self.keep_links();
                    self.tell_owner();
                    self.notices.done("The link holds no longer.", Some(Undo::Link(given)), at.now);
                }
            }
            Wish::Contact { key, change } => self.change_contact(key, change, at),
            Wish::AddContact { text, name } => self.add_contact(&text, name, at),
            Wish::Forget { id } => self.forget(id.as_deref(), at),
            Wish::SeenMissed => {
                if self.history.see() {
                    self.keep_history();
                }
            }
            Wish::ChooseDownloads => self.effects.push_back(Effect::ChooseDownloads),
            Wish::Prefer(preferences) => self.prefer(*preferences, at),
            Wish::Server(wish) => self.server(wish, at),
            Wish::SaveReport => {
                let report = self.ended.as_ref().and_then(|ended| ended.report.clone());
                self.effects.extend(report.map(Effect::SaveReport));
            }
            Wish::Answered(survey) => self.answered(survey),
            Wish::PutNoticeAway { id } => {
                self.notices.take(id);
                self.changed = true;
            }
            Wish::Undo { id } => {
                if let Some(undo) = self.notices.take(id) {
                    self.undo(undo);
                }
                self.changed = true;
            }
            Wish::CloseWindow => self.close_window(),
            Wish::Quit => self.quit(),
        }
    }

    pub(super) fn problem(&mut self, text: &str, code: &'static str) {
        self.notices.problem(as_sentence(text), code);
        self.changed = true;
    }

    /// Dials, where nothing stands in the way.
    pub(super) fn dial(&mut self, link: CallLink, media: Media, is_echo_test: bool) {
        if self.call.is_some() || self.dialling.is_some() {
            self.problem("There is a call already; end it before you begin another.", DESK_BUSY);
            return;
        }
        if link.address == self.address {
            self.problem(
                "This is your own link; give it to somebody else, and call theirs. To hear how you sound, take the echo test.",
                DESK_LINK,
            );
            return;
        }
        let status = Status { camera_off: !media.video, muted: !media.audio, sharing: false };
        self.ended = None;
        self.changed = true;
        self.engine(Order::Dial {
            to: link.address,
            server: link.server.clone(),
            token: link.token.clone(),
            media: BOTH,
            status,
        });
        self.dialling = Some(Dialling { link, status, is_echo_test });
    }

    /// Somebody whose key is known, by the best link that there is.
    fn call_somebody(&mut self, key: Address, used: Option<CallLink>, media: Media) {
        match self.way_to(key, used) {
            Some(link) => self.dial(link, media, false),
            None => self.problem(
                "It is not known where they can be reached: they only ever called you. Ask them for their link.",
                DESK_LINK,
            ),
        }
    }

    /// Where somebody can be reached, as far as it is known.
    pub(super) fn way_to(&self, key: Address, used: Option<CallLink>) -> Option<CallLink> {
        let saved = self.people.contacts().get(key).and_then(|contact| contact.link.clone());
        // Whoever called us at a server that others use too is likely to be reached there.
        let shared = || self.places.home().filter(|_| !self.places.is_here()).cloned();
        let at_home = || shared().map(|server| CallLink { server, address: key, token: None });
        saved.or(used).or_else(|| self.history.link_of(key).cloned()).or_else(at_home)
    }

    fn whom_to_redial(&self, id: &str) -> Option<(Address, Option<CallLink>)> {
        let past = self.history.get(id).map(|past| (past.key, past.link.clone()));
        let ended = self.ended.as_ref().filter(|ended| ended.call.to_string() == id);
        past.or_else(|| ended.map(|ended| (ended.peer, ended.dialled.clone())))
    }

    fn begin_echo_test(&mut self) {
        if self.call.is_some() || self.dialling.is_some() {
            self.problem("There is a call already; end it before you call yourself.", DESK_BUSY);
        } else if self.echo == EchoTest::Idle {
            self.echo = EchoTest::Starting;
            self.ended = None;
            self.changed = true;
            self.effects.push_back(Effect::MakeEcho);
        }
    }

    fn answer(&mut self, media: Media) {
        let Some(call) = self.call.as_mut().filter(|call| call.stage == Stage::RingingHere) else { return };
        call.ours = Status { muted: !media.audio, camera_off: !media.video, sharing: false };
        let (status, media) = (call.ours, BOTH);
        self.changed = true;
        // Before the call is taken: not one picture is sent that nobody wanted to send.
        self.engine(Order::Status(status));
        self.engine(Order::Accept { media });
        self.effects.push_back(Effect::Unnotify);
    }

    fn hang_up(&mut self) {
        if self.call.is_some() || self.dialling.is_some() {
            self.engine(Order::HangUp);
            self.effects.push_back(Effect::Unnotify);
        } else if self.echo != EchoTest::Idle {
            self.echo = EchoTest::Idle;
            self.changed = true;
            self.effects.push_back(Effect::EndEcho);
        }
    }

    fn switch(&mut self, change: impl FnOnce(&mut Status)) {
        let Some(call) = &mut self.call else { return };
        let before = call.ours;
        change(&mut call.ours);
        let status = call.ours;
        if !status.muted {
            call.speaking_until = None;
        }
        if status != before {
            self.changed = true;
            self.engine(Order::Status(status));
        }
    }

    fn use_device(&mut self, kind: DeviceKind, choice: Choice) {
        let place = &mut self.choices.devices[place_of(kind)];
        if *place != choice {
            *place = choice.clone();
            self.keep_choices();
        }
        self.engine(Order::Use { kind, choice });
    }

    fn examine(&mut self, at: Moment) {
        self.changed = true;
        let home = self.places.home().cloned();
        self.effects.extend(self.checks.begin_at_home(home, at.unix_ms).map(Effect::Examine));
    }

    fn say(&mut self, text: String) {
        let Some(call) = self.call.as_ref().map(|call| call.call) else { return };
        if text.len() > MAX_TEXT_BYTES {
            let kib = MAX_TEXT_BYTES / 1024;
            self.problem(
                &format!("A message has at most {kib} KiB; send the rest in another one."),
                DESK_FULL,
            );
        } else if !text.trim().is_empty() {
            self.engine(Order::Say { call, text });
        }
    }

    fn file(&mut self, id: u64, wish: FileWish) {
        let said = self.call.as_ref().map(|call| &call.said).or(self.ended.as_ref().map(|ended| &ended.said));
        if wish == FileWish::Show {
            let place = said.and_then(|said| said.place_of(id));
            self.effects.extend(place.map(Effect::ShowFile));
        } else if let Some(call) = self.call.as_ref().map(|call| call.call) {
            self.engine(Order::File { call, id, wish });
        }
    }

    fn rename(&mut self, name: &str) {
        let name = display_name(name);
        if name != self.choices.name {
            self.choices.name = name;
            self.keep_choices();
            self.tell_owner();
        }
    }

    fn make_link(&mut self, kind: NewLink, note: Option<String>, at: Moment) {
        let until_unix_ms = match kind {
            NewLink::OneTime => None,
            NewLink::For { hours } => {
                Some(at.unix_ms + u64::from(hours.clamp(1, MAX_LINK_HOURS)) * 3_600_000)
            }
        };
        let token = self.new_token();
        if self.links.add(Given { token, until_unix_ms, note }) {
            self.keep_links();
            self.tell_owner();
        } else {
            let text = format!("There are {MAX_LINKS} links already. Revoke one to make another.");
            self.problem(&text, DESK_FULL);
        }
    }

    fn change_contact(&mut self, key: Address, change: ContactChange, at: Moment) {
        let outcome = match change {
            ContactChange::Add { name: Some(name) } => {
                let link = self.link_used(key);
                self.people.add(Contact { key, name: Some(name), link })
            }
            ContactChange::Add { name: None } => {
                let (link, claimed) = (self.link_used(key), self.claimed_by(key));
                self.people.remember(key, claimed.as_deref(), link)
            }
            ContactChange::Rename { name } => match self.people.contacts().get(key) {
                Some(_) => self.people.add(Contact { key, name: Some(name), link: None }),
                None => Ok(()),
            },
            ContactChange::Remove => {
                if let Some(gone) = self.people.remove(key) {
                    let name = gone.name.clone().unwrap_or_else(|| key.short());
                    self.notices.done(
                        format!("{name} is no contact any more."),
                        Some(Undo::Contact(gone)),
                        at.now,
                    );
                }
                Ok(())
            }
        };
        self.after_people_changed(outcome, at);
    }

    fn add_contact(&mut self, text: &str, name: Option<String>, at: Moment) {
        let link = match pasted::call_link(text) {
            Ok(link) => link,
            Err(error) => {
                self.problem(&error.to_string(), DESK_LINK);
                return;
            }
        };
        if link.address == self.address {
            self.problem("This is your own link; add somebody else's.", DESK_LINK);
            return;
        }
        let key = link.address;
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let outcome = match name {
            Some(name) => self.people.add(Contact { key, name: Some(name), link: Some(link) }),
            None => {
                let claimed = self.claimed_by(key);
                self.people.remember(key, claimed.as_deref(), Some(link))
            }
        };
        self.after_people_changed(outcome, at);
    }

    fn after_people_changed(&mut self, outcome: Result<(), String>, at: Moment) {
        match outcome {
            Ok(()) => {
                self.keep_people();
                self.begin_asking(at);
            }
            Err(why) => self.problem(&why, DESK_CONTACT),
        }
    }

    fn link_used(&self, key: Address) -> Option<CallLink> {
        let call = self.call.as_ref().filter(|call| call.peer == key).and_then(|call| call.dialled.clone());
        let ended =
            || self.ended.as_ref().filter(|ended| ended.peer == key).and_then(|ended| ended.dialled.clone());
        call.or_else(ended).or_else(|| self.history.link_of(key).cloned())
    }

    pub(super) fn claimed_by(&self, key: Address) -> Option<String> {
        let call = self.call.as_ref().filter(|call| call.peer == key).and_then(|call| call.claimed.clone());
        let ended =
            || self.ended.as_ref().filter(|ended| ended.peer == key).and_then(|ended| ended.claimed.clone());
        call.or_else(ended).or_else(|| self.history.claimed_by(key).map(str::to_owned))
    }

    fn forget(&mut self, id: Option<&str>, at: Moment) {
        let gone = self.history.forget(id);
        let text = match gone.len() {
            0 => return,
            1 => "The call is forgotten.".to_owned(),
            many => format!("{many} calls are forgotten."),
        };
        self.notices.done(text, Some(Undo::History(gone)), at.now);
        self.keep_history();
    }

    fn prefer(&mut self, mut preferences: Preferences, at: Moment) {
        let (least, most) = SCALES.into_inner();
        let scale = preferences.scale;
        preferences.scale = if scale.is_finite() { scale.clamp(least, most) } else { 1.0 };
        if preferences != self.choices.preferences {
            let was_shown = std::mem::replace(&mut self.choices.preferences, preferences).show_online;
            self.cache.preferences = None;
            self.keep_choices();
            self.tell_preferences();
            match self.choices.preferences.show_online {
                true if !was_shown => self.begin_asking(at),
                true => {}
                false => self.forget_presence(),
            }
        }
    }

    fn server(&mut self, wish: ServerWish, at: Moment) {
        match wish {
            ServerWish::HostHere => {
                if !self.places.is_here() {
                    self.places.choose_here();
                    self.after_server_changed(at);
                }
            }
            ServerWish::Choose { link } => match pasted::server(&link) {
                Ok(server) if !self.places.is_here() && self.places.home() == Some(&server) => {}
                Ok(server) => {
                    self.places.choose(server);
                    self.after_server_changed(at);
                }
                Err(error) => self.problem(&error.to_string(), DESK_SERVER),
            },
            ServerWish::Add { text } => match pasted::server(&text) {
                Ok(server) => {
                    if self.places.add(server) {
                        self.keep_servers();
                    } else {
                        let text =
                            format!("There are {MAX_SERVERS} servers already. Remove one to add another.");
                        self.problem(&text, DESK_FULL);
                    }
                }
                Err(error) => self.problem(&error.to_string(), DESK_SERVER),
            },
            ServerWish::Check { link } => {
                let Ok(server) = link.parse::<ServerAddress>() else { return };
                self.changed = true;
                self.effects.extend(self.checks.begin(server, at.unix_ms).map(Effect::Examine));
            }
            ServerWish::Remove { link } => {
                let Ok(server) = link.parse::<ServerAddress>() else { return };
                self.checks.forget(&server);
                if let Some(was_in_use) = self.places.remove(&server) {
                    let undo = Undo::Server(link, was_in_use);
                    self.notices.done(format!("{} is forgotten.", server.name()), Some(undo), at.now);
                    if was_in_use {
                        self.places.choose_here();
                        self.after_server_changed(at);
                    } else {
                        self.keep_servers();
                    }
                }
            }
        }
    }

    fn keep_servers(&mut self) {
        (self.choices.server, self.choices.servers) = self.places.to_keep();
        self.cache.servers = None;
        self.cache.links = None;
        self.keep_choices();
    }

    fn after_server_changed(&mut self, at: Moment) {
        self.keep_servers();
        self.forget_presence();
        self.begin_reaching();
        if self.call.is_some() {
            let text = "From now on you are reached at the other server. The call goes on as it is.";
            self.notices.info(text, at.now);
        }
    }

    /// Says where we are to be reached, or has a server made for it.
    pub(super) fn begin_reaching(&mut self) {
        if !self.places.is_here() || self.places.home().is_some() {
            self.engine(Order::Reach(self.places.home().cloned()));
        } else if self.places.begin_hosting() {
            self.places.choose_here();
            self.effects.push_back(Effect::Host);
        }
    }

    fn answered(&mut self, survey: Survey) {
        let Some(ended) = &mut self.ended else { return };
        ended.survey = survey.clone();
        self.changed = true;
        if let Some(report) = &mut ended.report {
            std::sync::Arc::make_mut(report).survey = Some(survey);
            let report = report.clone();
            self.keep_report(report);
        }
    }

    fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Contact(contact) => {
                let (key, name, link) = (contact.key, contact.name.clone(), contact.link.clone());
                // Somebody else may have taken the name meanwhile.
                let outcome =
                    self.people.add(contact).or_else(|_| self.people.remember(key, name.as_deref(), link));
                match outcome {
                    Ok(()) => self.keep_people(),
                    Err(why) => self.problem(&why, DESK_CONTACT),
                }
            }
            Undo::Link(given) => {
                if self.links.add(given) {
                    self.keep_links();
                    self.tell_owner();
                }
            }
            Undo::History(gone) => {
                self.history.put_back(gone);
                self.keep_history();
            }
            Undo::Server(link, was_in_use) => {
                let Ok(server) = link.parse::<ServerAddress>() else { return };
                if was_in_use {
                    self.places.choose(server);
                    self.begin_reaching();
                    self.keep_servers();
                } else if self.places.add(server) {
                    self.keep_servers();
                }
            }
        }
    }

    fn close_window(&mut self) {
        let preferences = &self.choices.preferences;
        if !(self.has_tray && preferences.keep_running) {
            self.quit();
            return;
        }
        if !std::mem::replace(&mut self.told_still_here, true) {
            self.effects.push_back(Effect::Notify(Notify::StillHere));
        }
    }

    fn quit(&mut self) {
        if self.call.as_ref().is_some_and(|call| call.stage.place() != Some(PlaceInCall::Incoming)) {
            self.engine(Order::HangUp);
        }
        self.effects.push_back(Effect::Quit);
    }
}

/// Where a kind stands among the devices that were chosen.
pub(super) const fn place_of(kind: DeviceKind) -> usize {
    match kind {
        DeviceKind::Microphone => 0,
        DeviceKind::Speaker => 1,
        DeviceKind::Camera => 2,
    }
}

/// Beginning large, with a full stop.
fn as_sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten().collect::<String>();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}
