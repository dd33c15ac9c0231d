//! What happened, and what follows from it.

use std::sync::Arc;

use sightline_protocol::{call::CallId, keys::Address, link::CallLink};

use crate::logic::{
    course::{EndReason, Role, Side, Stage},
    report::CallReport,
};

use super::{
    Desk, EchoTest, Effect, Ended, Heard, Kept, Line, Moment, Notify, Ongoing, Order, Past, Presence,
    history, ongoing::Said,
};

const DESK_HOST: &str = "desk.host";
const DESK_ECHO: &str = "desk.echo";
const NOT_DIALLED: &str = "desk.not_dialled";
const SERVER_REFUSED: &str = "server.refused";

impl Desk {
    pub(super) fn handle_heard(&mut self, heard: Heard, at: Moment) {
        match heard {
            Heard::Line { server, line } => {
                let refusal = match &line {
                    Line::Refused { why } => Some(why.clone()),
                    Line::Up | Line::Down { .. } => None,
                };
                let is_up = line == Line::Up;
                if self.places.note_line(&server, line) {
                    self.changed = true;
                    self.cache.servers = None;
                    if is_up {
                        self.begin_asking(at);
                    } else {
                        self.forget_presence();
                    }
                    if let Some(why) = refusal {
                        self.problem(&why, SERVER_REFUSED);
                    }
                }
            }
            Heard::Began { call, peer, role, media, token } => {
                let mut ongoing = Ongoing::new(call, peer, role, media, at.unix_ms);
                ongoing.token = token;
                if let Some((_, status)) = self.early_status.take().filter(|(early, _)| *early == call) {
                    ongoing.theirs.status = status;
                }
                if let Some(dialling) = self.dialling.take_if(|_| role == Role::Caller) {
                    ongoing.ours = dialling.status;
                    ongoing.is_echo_test = dialling.is_echo_test;
                    ongoing.dialled = Some(dialling.link);
                }
                // Of two people who dial each other at once one call gives way: the camera stays as it was wished.
                if let Some(given_way) = self.call.take_if(|_| role == Role::Callee)
                    && given_way.peer == peer
                {
                    ongoing.ours = given_way.ours;
                    ongoing.dialled = given_way.dialled;
                }
                self.ended = None;
                self.call = Some(ongoing);
                self.changed = true;
            }
            Heard::Agreed { call, media } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.media = media;
                }
            }
            Heard::Code { call, code } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.code = Some(code);
                }
            }
            Heard::Stage { call, peer, stage, name } => self.take_stage(call, peer, stage, name, at),
            Heard::Link { call, link } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.link = link;
                }
            }
            Heard::Path { call, path } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.path = Some(path);
                }
            }
            Heard::Standing { call, path, evidence } => {
                if let Some(ongoing) = self.ongoing(call) {
                    (ongoing.path, ongoing.evidence) = (Some(path), evidence);
                }
            }
            Heard::Figures { call, figures } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.note_figures(figures);
                }
            }
            Heard::TheirStatus { call, status } => match self.ongoing(call) {
                Some(ongoing) => ongoing.theirs.status = status,
                None => self.early_status = Some((call, status)),
            },
            Heard::SpeakingWhileMuted { call } => {
                if let Some(ongoing) = self.ongoing(call) {
                    ongoing.note_speaking(at.now);
                }
            }
            Heard::TurnedAway { from, name } => self.turned_away(from, name, at),
            Heard::Over { report } => self.take_report(*report),
            Heard::Chat { call, lines } => {
                let new = self.said_in(call).and_then(|said| said.note_messages(lines).cloned());
                self.changed = true;
                if let Some(message) = new
                    && let Some(peer) = self.call.as_ref().filter(|now| now.call == call).map(|now| now.peer)
                {
                    let who = self.who(peer, None);
                    self.notify(Notify::Message { who, text: message.text });
                }
            }
            Heard::Files { call, files } => {
                if let Some(said) = self.said_in(call) {
                    said.note_transfers(files);
                }
                self.changed = true;
            }
            Heard::Network(interfaces) => {
                self.network = interfaces;
                self.changed = true;
            }
            Heard::Devices(devices) => {
                self.devices = devices.into();
                self.changed = true;
            }
            Heard::Device(in_use) => {
                self.in_use.retain(|known| known.kind != in_use.kind);
                self.in_use.push(in_use);
                self.changed = true;
            }
            Heard::Previewing(on) => {
                self.previewing = on;
                self.changed = true;
            }
            Heard::Present { who, connected } => {
                let presence = if connected { Presence::Online } else { Presence::Offline };
                if self.people.note_presence(who, presence) {
                    self.cache.contacts = None;
                    self.changed = true;
                }
            }
            Heard::Hosting { server } => {
                self.places.note_here(server.clone());
                self.cache.servers = None;
                self.cache.links = None;
                self.changed = true;
                if self.places.is_here() {
                    self.engine(Order::Reach(Some(server)));
                }
            }
            Heard::NotHosting { why } => {
                let text = format!("No server could be started on this computer: {why}");
                self.places.note_not_here(why);
                self.cache.servers = None;
                self.problem(&text, DESK_HOST);
            }
            Heard::EchoReady { to, server } => {
                if self.echo == EchoTest::Starting {
                    self.echo_address = Some(to);
                    let media = sightline_protocol::call::Media { audio: true, video: true };
                    self.dial(CallLink { server, address: to, token: None }, media, true);
                    self.echo = if self.dialling.is_some() { EchoTest::Running } else { EchoTest::Idle };
                }
                if self.echo == EchoTest::Idle {
                    self.effects.push_back(Effect::EndEcho);
                }
            }
            Heard::EchoFailed { why } => {
                self.echo = EchoTest::Idle;
                self.problem(&format!("The echo test could not begin: {why}"), DESK_ECHO);
            }
            Heard::Examined { server, outcome } => {
                self.checks.note(&server, outcome, at.unix_ms);
                self.changed = true;
            }
            Heard::Found { server, findings } => {
                self.checks.note_found(&server, &findings);
                self.changed = true;
            }
            Heard::ReportSaved(path) => {
                if let Some(ended) = &mut self.ended {
                    ended.saved_at = Some(path);
                    self.changed = true;
                }
            }
            Heard::Tray(is_there) => {
                self.has_tray = is_there;
                self.changed = true;
            }
            Heard::Problem { text, code } => self.problem(&text, code),
            Heard::NotDialled { why } => {
                let was_echo_test = self.dialling.take().is_some_and(|dialling| dialling.is_echo_test);
                if was_echo_test {
                    self.end_echo_test();
                }
                self.problem(&why, NOT_DIALLED);
            }
            Heard::Told { text } => {
                self.notices.info(text, at.now);
                self.changed = true;
            }
            Heard::Called => self.raise(),
            Heard::AllDone => {
                self.is_over = true;
                self.changed = true;
            }
        }
    }

    fn ongoing(&mut self, call: CallId) -> Option<&mut Ongoing> {
        let ongoing = self.call.as_mut().filter(|ongoing| ongoing.call == call);
        self.changed |= ongoing.is_some();
        ongoing
    }

    fn said_in(&mut self, call: CallId) -> Option<&mut Said> {
        let ended = self.ended.as_mut().filter(|ended| ended.call == call).map(|ended| &mut ended.said);
        self.call.as_mut().filter(|ongoing| ongoing.call == call).map(|ongoing| &mut ongoing.said).or(ended)
    }

    fn take_stage(&mut self, call: CallId, peer: Address, stage: Stage, name: Option<String>, at: Moment) {
        if let Stage::Ended { reason, by } = stage {
            self.take_end(call, name, reason, by, at);
            return;
        }
        let Some(ongoing) = self.ongoing(call) else { return };
        let was = std::mem::replace(&mut ongoing.stage, stage);
        ongoing.claimed = name.or(ongoing.claimed.take());
        match stage {
            Stage::RingingHere => {
                let (media, claimed) = (ongoing.media, ongoing.claimed.clone());
                let who = self.who(peer, claimed);
                self.raise();
                self.notify(Notify::Incoming { who, video: media.video });
            }
            Stage::Connecting => {
                ongoing.was_taken = true;
                let token = ongoing.token.take().filter(|_| was == Stage::RingingHere);
                if token.is_some_and(|token| self.links.use_up(&token)) {
                    self.keep_links();
                    self.tell_owner();
                }
                self.effects.push_back(Effect::Unnotify);
            }
            Stage::Connected => {
                ongoing.was_taken = true;
                ongoing.connected.get_or_insert((at.now, at.unix_ms));
            }
            Stage::Inviting
            | Stage::Reached
            | Stage::RingingThere
            | Stage::Reconnecting
            | Stage::Ended { .. } => {}
        }
    }

    fn take_end(&mut self, call: CallId, name: Option<String>, reason: EndReason, by: Side, at: Moment) {
        let Some(mut ongoing) = self.call.take_if(|ongoing| ongoing.call == call) else { return };
        self.changed = true;
        self.effects.push_back(Effect::Unnotify);
        ongoing.claimed = name.or(ongoing.claimed.take());
        if ongoing.is_echo_test {
            self.end_echo_test();
        }
        let was_connected = ongoing.connected.is_some();
        let outcome = history::outcome(ongoing.role, ongoing.was_taken, was_connected, reason, by);
        let is_missed = outcome == Some(super::Outcome::Missed);
        if let Some(outcome) = outcome.filter(|_| !ongoing.is_echo_test) {
            self.history.add(Past {
                id: call.to_string(),
                key: ongoing.peer,
                claimed: ongoing.claimed.clone(),
                role: ongoing.role,
                outcome,
                began_unix_ms: ongoing.began_unix_ms,
                talked_ms: ongoing.talked_ms(at.now),
                path: ongoing.path.as_ref().map(|path| path.sentence.clone()),
                link: ongoing.dialled.clone(),
                is_new: is_missed,
            });
            self.keep_history();
        }
        if is_missed {
            let who = self.who(ongoing.peer, ongoing.claimed.clone());
            self.notify(Notify::Missed { who });
        }
        // What a person ended before anybody talked, or never saw, needs no page that says so.
        let is_known = by == Side::Us && !was_connected;
        if outcome.is_some() && !is_missed && !is_known {
            self.ended = Some(Ended::of(ongoing, reason, by, at.now));
        }
    }

    fn end_echo_test(&mut self) {
        if self.echo != EchoTest::Idle {
            self.echo = EchoTest::Idle;
            self.effects.push_back(Effect::EndEcho);
        }
    }

    fn turned_away(&mut self, from: Address, name: Option<String>, at: Moment) {
        let who = self.who(from, name.clone());
        let called = who.shown().map_or_else(|| from.short(), str::to_owned);
        self.notices.info(format!("{called} called, and was told that you are talking."), at.now);
        self.made += 1;
        self.history.add(Past {
            id: format!("away-{}-{}", at.unix_ms, self.made),
            key: from,
            claimed: name,
            role: Role::Callee,
            outcome: super::Outcome::Missed,
            began_unix_ms: at.unix_ms,
            talked_ms: None,
            path: None,
            link: None,
            is_new: true,
        });
        self.keep_history();
    }

    fn take_report(&mut self, mut report: CallReport) {
        let id = report.call.clone();
        let sentence = report.path.sentence.clone();
        if report.firsts.connected_ms.is_some()
            && let Some(past) = self.history.get_mut(&id)
            && past.path.as_ref() != Some(&sentence)
        {
            past.path = Some(sentence);
            self.keep_history();
        }
        let ended = self.ended.as_mut().filter(|ended| ended.call.to_string() == id);
        if let Some(ended) = &ended
            && ended.survey != super::Survey::default()
        {
            report.survey = Some(ended.survey.clone());
        }
        let report = Arc::new(report);
        if let Some(ended) = ended {
            ended.report = Some(report.clone());
            self.changed = true;
        }
        self.keep_report(report);
    }

    pub(super) fn keep_report(&mut self, report: Arc<CallReport>) {
        if self.choices.preferences.keep_reports {
            self.keep(Kept::Report(report));
        }
    }

    fn raise(&mut self) {
        self.raised += 1;
        self.changed = true;
    }

    fn notify(&mut self, what: Notify) {
        if self.choices.preferences.notifications {
            self.effects.push_back(Effect::Notify(what));
        }
    }

    pub(super) fn begin_asking(&mut self, at: Moment) {
        let may = self.places.is_up() && !self.places.is_here() && self.choices.preferences.show_online;
        let server = self.places.home().filter(|_| may).cloned();
        self.people.ask_at(server.as_ref(), at.now);
    }

    pub(super) fn forget_presence(&mut self) {
        if self.people.forget_presence() {
            self.cache.contacts = None;
            self.changed = true;
        }
    }

    pub(super) fn ask_after_somebody(&mut self, at: Moment) {
        if let Some(who) = self.people.ask_next(at.now) {
            self.engine(Order::Ask(who));
        }
    }

    pub(super) fn next_question(&self) -> Option<std::time::Instant> {
        self.people.next_question()
    }
}
