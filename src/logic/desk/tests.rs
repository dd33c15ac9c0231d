//! The desk, told by hand what happens; and, in `any.rs`, by dice.

mod any;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sightline_protocol::{
    call::{CallId, Media},
    keys::{Address, Identity},
    link::{CallLink, LinkToken, ServerAddress},
};

use super::*;
use crate::logic::{
    course::{EndReason, Role, Side, Stage},
    doctor::{About, Finding, Severity},
    interfaces::{Flags, judge},
    report::CallReport,
};

const BOTH: Media = Media { audio: true, video: true };
const SOUND: Media = Media { audio: true, video: false };

fn address(seed: u8) -> Address {
    Identity::from_secret_bytes([seed; 32]).address()
}

fn home() -> ServerAddress {
    "https://home.example/".parse().unwrap()
}

fn link(seed: u8) -> CallLink {
    CallLink { server: "https://a.example/".parse().unwrap(), address: address(seed), token: None }
}

fn call(seed: u8) -> CallId {
    CallId([seed; 16])
}

/// A desk whose time passes as it is told, and what it asked for.
struct World {
    desk: Desk,
    at: Moment,
    effects: Vec<Effect>,
}

impl World {
    fn new(change: impl FnOnce(&mut Beginning)) -> Self {
        let mut beginning = Beginning {
            address: address(1),
            choices: Choices { server: Some(home().to_string()), begun: true, ..Choices::default() },
            contacts: Contacts::default(),
            links: Vec::new(),
            history: Vec::new(),
            suggested_name: None,
            profile: None,
            seed: [3; 32],
        };
        change(&mut beginning);
        let at = Moment { now: Instant::now(), unix_ms: 1_800_000_000_000 };
        let mut world = Self { desk: Desk::new(beginning, at), at, effects: Vec::new() };
        world.drain();
        world
    }

    fn drain(&mut self) {
        self.effects.extend(std::iter::from_fn(|| self.desk.poll_effect()));
    }

    fn wish(&mut self, wish: Wish) -> &mut Self {
        self.desk.wish(wish, self.at);
        self.drain();
        self
    }

    fn hear(&mut self, heard: Heard) -> &mut Self {
        self.desk.hear(heard, self.at);
        self.drain();
        self
    }

    fn pass(&mut self, time: Duration) -> &mut Self {
        let until = self.at.now + time;
        while let Some((when, _)) = self.desk.poll_timeout(self.at).filter(|(when, _)| *when <= until) {
            let step = when.saturating_duration_since(self.at.now).max(Duration::from_millis(1));
            self.forward(step);
            self.desk.handle_timeout(self.at);
            self.drain();
        }
        let rest = until.saturating_duration_since(self.at.now);
        self.forward(rest);
        self
    }

    fn forward(&mut self, time: Duration) {
        self.at.now += time;
        self.at.unix_ms += u64::try_from(time.as_millis()).unwrap();
    }

    fn shown(&mut self) -> Snapshot {
        self.desk.snapshot(self.at)
    }

    fn rings(&mut self, seed: u8, token: Option<LinkToken>) -> &mut Self {
        let (call, peer) = (call(seed), address(seed));
        self.hear(Heard::Began { call, peer, role: Role::Callee, media: BOTH, token });
        self.stage(seed, Stage::RingingHere)
    }

    fn dials(&mut self, seed: u8) -> &mut Self {
        self.wish(Wish::CallLink { text: link(seed).to_string(), media: BOTH });
        let (call, peer) = (call(seed), address(seed));
        self.hear(Heard::Began { call, peer, role: Role::Caller, media: BOTH, token: None });
        self.stage(seed, Stage::Inviting)
    }

    fn stage(&mut self, seed: u8, stage: Stage) -> &mut Self {
        let name = Some("Somebody".to_owned());
        self.hear(Heard::Stage { call: call(seed), peer: address(seed), stage, name })
    }

    fn talks(&mut self, seed: u8) -> &mut Self {
        self.stage(seed, Stage::Connecting).stage(seed, Stage::Connected)
    }

    fn ends(&mut self, seed: u8, reason: EndReason, by: Side) -> &mut Self {
        self.stage(seed, Stage::Ended { reason, by })
    }

    fn orders(&self) -> Vec<&Order> {
        let mut orders = Vec::new();
        for effect in &self.effects {
            if let Effect::Engine(order) = effect {
                orders.push(order);
            }
        }
        orders
    }

    fn good_tokens(&self) -> usize {
        let owners = self.orders().into_iter().rev();
        let mut tokens =
            owners.filter_map(
                |order| if let Order::Owner(owner) = order { Some(owner.tokens.len()) } else { None },
            );
        tokens.next().expect("the engine was told who we are")
    }

    fn keeps(&self, is: impl Fn(&Kept) -> bool) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Keep(kept) if is(kept))).count()
    }
}

#[test]
fn a_call_by_link_is_dialled_at_its_own_server_and_shown_until_it_is_put_away() {
    let mut world = World::new(|_| ());
    world.dials(2);
    assert!(world.orders().iter().any(|order| matches!(order, Order::Dial { to, server, .. }
        if *to == address(2) && *server == link(2).server)));
    assert_eq!(world.shown().call.unwrap().stage.place(), Some(PlaceInCall::Outgoing));
    world.stage(2, Stage::RingingThere).talks(2).pass(Duration::from_secs(65));
    assert_eq!(world.shown().call.unwrap().stage.place(), Some(PlaceInCall::InCall));
    world.ends(2, EndReason::Normal, Side::Them);
    let shown = world.shown();
    assert!(shown.call.is_none());
    let ended = shown.ended.unwrap();
    assert_eq!((ended.talked_ms, ended.can_redial), (Some(65_000), true));
    assert_eq!(shown.recents[0].outcome, Outcome::Talked);
    assert!(world.wish(Wish::PutAway).shown().ended.is_none());
}

#[test]
fn somebody_who_answers_with_sound_alone_sends_no_picture_and_may_switch_it_on_later() {
    let mut world = World::new(|_| ());
    world.rings(2, None).wish(Wish::Answer { media: SOUND });
    let orders = world.orders();
    let [.., Order::Status(status), Order::Accept { media }] = orders.as_slice() else {
        panic!("told before it is taken: {orders:?}")
    };
    assert!(status.camera_off && media.video);
    world.talks(2).wish(Wish::Camera { on: true });
    assert!(!world.shown().call.unwrap().ours.camera_off);
}

#[test]
fn nobody_calls_twice_at_once_or_oneself() {
    let mut world = World::new(|_| ());
    world.dials(2).wish(Wish::CallLink { text: link(3).to_string(), media: BOTH });
    assert_eq!(world.orders().iter().filter(|order| matches!(order, Order::Dial { .. })).count(), 1);
    assert_eq!(world.shown().notices.last().unwrap().code, Some("desk.busy"));
    let mut world = World::new(|_| ());
    world.wish(Wish::CallLink { text: link(1).to_string(), media: BOTH });
    assert!(world.shown().notices[0].text.contains("your own link"));
}

#[test]
fn a_dial_that_does_not_begin_is_no_call_and_the_next_one_may() {
    let mut world = World::new(|_| ());
    world.wish(Wish::CallLink { text: link(2).to_string(), media: BOTH });
    world.hear(Heard::NotDialled { why: "no randomness".to_owned() });
    assert_eq!(world.shown().notices.last().unwrap().text, "No randomness.");
    world.dials(3);
    assert_eq!(world.shown().call.unwrap().who.key, address(3));
}

#[test]
fn a_call_that_nobody_took_is_missed_until_it_was_seen() {
    let mut world = World::new(|_| ());
    world.rings(2, None).ends(2, EndReason::Cancelled, Side::Them);
    world.hear(Heard::TurnedAway { from: address(3), name: None });
    let shown = world.shown();
    assert_eq!((shown.missed, shown.recents.len()), (2, 2));
    assert!(shown.ended.is_none(), "nobody has to put away what they never saw");
    assert!(shown.recents.iter().all(|recent| recent.outcome == Outcome::Missed && recent.is_new));
    assert_eq!(world.wish(Wish::SeenMissed).shown().missed, 0);
}

#[test]
fn what_became_of_each_call_is_told_as_a_person_would() {
    use EndReason as E;
    for (role, taken, connected, reason, by, expected) in [
        (Role::Callee, false, false, E::Declined, Side::Us, Some(Outcome::Declined { by: Side::Us })),
        (Role::Caller, false, false, E::Declined, Side::Them, Some(Outcome::Declined { by: Side::Them })),
        (Role::Callee, false, false, E::NoAnswer, Side::Nobody, Some(Outcome::Missed)),
        (Role::Caller, false, false, E::NoAnswer, Side::Nobody, Some(Outcome::Failed { why: E::NoAnswer })),
        (Role::Callee, true, false, E::Lost, Side::Nobody, Some(Outcome::Failed { why: E::Lost })),
        (Role::Callee, true, true, E::Lost, Side::Nobody, Some(Outcome::Talked)),
        (Role::Caller, false, false, E::Replaced, Side::Us, None),
    ] {
        assert_eq!(history::outcome(role, taken, connected, reason, by), expected, "{role:?} {reason:?}");
    }
}

#[test]
fn a_one_time_link_is_used_up_when_a_call_on_it_is_taken_and_not_before() {
    let mut world = World::new(|_| ());
    world.wish(Wish::MakeLink { kind: NewLink::OneTime, note: Some(" for Ada\n".to_owned()) });
    let card = world.shown().links[1].clone();
    assert_eq!((card.kind, card.note.as_deref()), (LinkKind::OneTime, Some("for Ada")));
    let token = card.link.parse::<CallLink>().unwrap().token;
    assert!(token.is_some() && world.good_tokens() == 1);
    world.rings(2, token.clone()).ends(2, EndReason::Cancelled, Side::Them);
    assert_eq!(world.good_tokens(), 1, "nobody took it");
    world.rings(3, token).talks(3);
    assert_eq!((world.good_tokens(), world.shown().links.len()), (0, 1));
}

#[test]
fn an_expiring_link_holds_for_more_than_one_call_and_runs_out_by_the_calendar() {
    let mut world = World::new(|_| ());
    world.wish(Wish::MakeLink { kind: NewLink::For { hours: 2 }, note: None });
    let token = world.shown().links[1].link.parse::<CallLink>().unwrap().token;
    world.rings(2, token).talks(2).ends(2, EndReason::Normal, Side::Us);
    assert_eq!(world.good_tokens(), 1);
    world.pass(Duration::from_secs(3600));
    assert_eq!(world.good_tokens(), 1);
    // The computer sleeps: the even clock stands still, the calendar does not.
    world.at.unix_ms += 3_600_000;
    world.pass(Duration::from_secs(61));
    assert_eq!((world.good_tokens(), world.shown().links.len()), (0, 1));
}

#[test]
fn what_was_let_go_comes_back() {
    let mut world = World::new(|beginning| {
        beginning.links = vec![Given { token: "abc".parse().unwrap(), until_unix_ms: None, note: None }];
        beginning.choices.servers = vec!["https://other.example/".to_owned()];
    });
    world.wish(Wish::AddContact { text: link(2).to_string(), name: Some("Ada".to_owned()) });
    world.dials(2).talks(2).ends(2, EndReason::Normal, Side::Us);
    let before = world.shown();
    let key = address(2);
    world.wish(Wish::Contact { key, change: ContactChange::Remove });
    world.wish(Wish::RevokeLink { id: "abc".to_owned() });
    world.wish(Wish::Forget { id: None });
    world.wish(Wish::Server(ServerWish::Remove { link: "https://other.example/".to_owned() }));
    let gone = world.shown();
    assert!(gone.contacts.is_empty() && gone.links.len() == 1 && gone.recents.is_empty());
    assert_eq!(gone.servers.len(), 1);
    for notice in gone.notices.iter().filter(|notice| notice.can_undo) {
        world.wish(Wish::Undo { id: notice.id });
    }
    let after = world.shown();
    assert_eq!(after.contacts, before.contacts);
    assert_eq!(after.links, before.links);
    assert_eq!(after.recents, before.recents);
    assert_eq!(after.servers.len(), before.servers.len());
}

#[test]
fn what_can_be_taken_back_can_be_so_only_for_a_while() {
    let mut world = World::new(|_| ());
    world.wish(Wish::AddContact { text: link(2).to_string(), name: None });
    world.wish(Wish::Contact { key: address(2), change: ContactChange::Remove });
    let id = world.shown().notices[0].id;
    world.pass(Duration::from_secs(30)).wish(Wish::Undo { id });
    assert!(world.shown().contacts.is_empty() && world.shown().notices.is_empty());
}

#[test]
fn contacts_at_our_server_are_asked_after_one_at_a_time_and_nobody_where_it_is_not_wished() {
    let mut world = World::new(|_| ());
    for seed in 2..5 {
        let server = if seed == 4 { link(2).server } else { home() };
        let text = CallLink { server, address: address(seed), token: None }.to_string();
        world.wish(Wish::AddContact { text, name: None });
    }
    world.hear(Heard::Line { server: home(), line: Line::Up }).pass(Duration::from_secs(30));
    let asked: Vec<_> = world
        .orders()
        .into_iter()
        .filter_map(|order| if let Order::Ask(who) = order { Some(*who) } else { None })
        .collect();
    assert!((10..=11).contains(&asked.len()), "one in three seconds: {}", asked.len());
    assert!(asked.contains(&address(2)) && asked.contains(&address(3)) && !asked.contains(&address(4)));
    world.hear(Heard::Present { who: address(2), connected: true });
    assert!(world.shown().contacts.iter().any(|contact| contact.presence == Presence::Online));
    world.hear(Heard::Line { server: home(), line: Line::Down { why: "gone".to_owned() } });
    assert!(world.shown().contacts.iter().all(|contact| contact.presence == Presence::Unknown));
    let hidden = Preferences { show_online: false, ..Preferences::default() };
    world.wish(Wish::Prefer(Box::new(hidden)));
    world.effects.clear();
    world.hear(Heard::Line { server: home(), line: Line::Up }).pass(Duration::from_secs(30));
    assert!(!world.orders().iter().any(|order| matches!(order, Order::Ask(_))));
    world.wish(Wish::Prefer(Box::default())).pass(Duration::from_secs(3));
    assert!(
        world.orders().iter().any(|order| matches!(order, Order::Ask(_))),
        "from the moment it is wished again"
    );
}

#[test]
fn without_a_server_one_is_run_here_and_another_one_takes_its_place_after_the_call() {
    let mut world = World::new(|beginning| beginning.choices.server = None);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Host)));
    let here: ServerAddress = "https://192.168.1.7:7443/".parse().unwrap();
    world.hear(Heard::Hosting { server: here.clone() });
    world.hear(Heard::Line { server: here, line: Line::Up });
    let shown = world.shown();
    assert!(shown.server.here && shown.server.state == ServerState::Up);
    assert!(shown.links[0].link.starts_with("https://192.168.1.7:7443/#"));
    world.rings(2, None).talks(2);
    world.wish(Wish::Server(ServerWish::Choose { link: home().to_string() }));
    let stops = |world: &World| world.effects.iter().any(|effect| matches!(effect, Effect::StopHosting));
    assert!(!stops(&world), "the call stands on it");
    assert!(world.shown().call.is_some() && !world.shown().server.here);
    world.ends(2, EndReason::Normal, Side::Us);
    assert!(stops(&world));
    world.wish(Wish::Server(ServerWish::HostHere));
    assert!(world.effects.iter().filter(|effect| matches!(effect, Effect::Host)).count() == 2);
}

#[test]
fn a_call_with_oneself_ends_by_itself_and_is_nowhere_written_down() {
    let mut world = World::new(|_| ());
    world.wish(Wish::EchoTest);
    assert_eq!(world.shown().echo_test, EchoTest::Starting);
    world.hear(Heard::EchoReady { to: address(9), server: home() });
    world.hear(Heard::Began {
        call: call(9),
        peer: address(9),
        role: Role::Caller,
        media: BOTH,
        token: None,
    });
    world.talks(9);
    assert!(world.shown().call.unwrap().is_echo_test);
    world.pass(Duration::from_secs(61));
    assert!(world.orders().iter().any(|order| matches!(order, Order::HangUp)));
    world.ends(9, EndReason::Normal, Side::Us);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::EndEcho)));
    let shown = world.shown();
    assert!(shown.recents.is_empty() && shown.echo_test == EchoTest::Idle);
    assert!(shown.ended.unwrap().was_echo_test);
}

#[test]
fn it_rings_while_it_rings_and_the_computer_stays_awake_while_there_is_a_call() {
    let mut world = World::new(|_| ());
    world.rings(2, None);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Ring(Bell::Here))));
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Awake(true))));
    assert_eq!(world.shown().raised, 1, "the window comes to the front");
    world.effects.clear();
    world.wish(Wish::Answer { media: BOTH }).talks(2);
    assert!(world.effects.iter().any(|effect| matches!(effect, Effect::Ring(Bell::Silent))));
    world.ends(2, EndReason::Normal, Side::Us);
    assert!(matches!(
        world.effects.iter().rev().find(|effect| matches!(effect, Effect::Awake(_))),
        Some(Effect::Awake(false))
    ));
}

#[test]
fn a_report_is_kept_with_what_was_said_of_the_call() {
    let mut world = World::new(|_| ());
    world.dials(2).talks(2).ends(2, EndReason::Normal, Side::Us);
    let report = CallReport::begin(call(2).to_string(), Role::Caller, 0);
    world.hear(Heard::Over { report: Box::new(report) });
    let survey = Survey { was_good: Some(false), complaints: vec![Complaint::Echo] };
    world.wish(Wish::Answered(survey.clone()));
    assert_eq!(
        world.keeps(|kept| matches!(kept, Kept::Report(report) if report.survey == Some(survey.clone()))),
        1
    );
    world.effects.clear();
    let none = Preferences { keep_reports: false, ..Preferences::default() };
    world.wish(Wish::Prefer(Box::new(none))).wish(Wish::Answered(survey));
    assert_eq!(world.keeps(|kept| matches!(kept, Kept::Report(_))), 0);
}

#[test]
fn closing_the_window_ends_the_app_unless_something_keeps_it_reachable() {
    let quits = |world: &World| world.effects.iter().any(|effect| matches!(effect, Effect::Quit));
    let mut world = World::new(|_| ());
    assert!(quits(world.wish(Wish::CloseWindow)));
    let mut world = World::new(|_| ());
    world.hear(Heard::Tray(true)).wish(Wish::CloseWindow).wish(Wish::CloseWindow);
    assert!(!quits(&world));
    let told = world.effects.iter().filter(|effect| matches!(effect, Effect::Notify(Notify::StillHere)));
    assert_eq!(told.count(), 1, "told once");
}

#[test]
fn ten_thousand_contacts_are_no_burden() {
    let mut contacts = Contacts::default();
    for n in 0..10_000_u32 {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(&n.to_be_bytes());
        let key = Identity::from_secret_bytes(secret).address();
        contacts.remember(key, None, None);
    }
    let mut world = World::new(|beginning| beginning.contacts = contacts);
    assert_eq!(world.shown().contacts.len(), 10_000);
    assert!(Arc::ptr_eq(&world.shown().contacts, &world.shown().contacts), "not made anew");
}

#[test]
fn whoever_calls_sees_themselves_while_it_rings_and_until_the_call_has_the_camera() {
    let looks = |world: &mut World| -> Vec<bool> {
        let looks = world
            .orders()
            .into_iter()
            .filter_map(|order| if let Order::Preview { on } = order { Some(*on) } else { None })
            .collect();
        world.effects.clear();
        looks
    };
    let mut world = World::new(|_| ());
    world.dials(2).stage(2, Stage::RingingThere);
    assert_eq!(looks(&mut world), [true]);
    world.wish(Wish::Camera { on: false });
    assert_eq!(looks(&mut world), [false], "a camera that is off is off");
    world.wish(Wish::Camera { on: true });
    assert_eq!(looks(&mut world), [true]);
    world.talks(2);
    assert_eq!(looks(&mut world), Vec::<bool>::new(), "the call takes it");
    world.ends(2, EndReason::Normal, Side::Us).dials(3);
    assert_eq!(looks(&mut world), [true]);
    world.stage(3, Stage::Connecting).ends(3, EndReason::Declined, Side::Them);
    assert_eq!(looks(&mut world), [false], "nobody is left to be seen by");
    world.rings(4, None);
    assert_eq!(looks(&mut world), Vec::<bool>::new(), "whoever is called is not seen before they answer");
}

#[test]
fn what_a_look_finds_is_shown_as_it_is_found_in_that_order_and_goes_with_the_verdict() {
    let found = |what: &str| Finding {
        severity: Severity::Fine,
        about: About::Udp,
        what: what.to_owned(),
        next: None,
    };
    let told = |world: &mut World| -> Vec<String> {
        match world.shown().checkup {
            Checkup::Running { findings, .. } => {
                findings.iter().map(|finding| finding.what.clone()).collect()
            }
            Checkup::NotYet | Checkup::Done { .. } | Checkup::Failed { .. } => Vec::new(),
        }
    };
    let mut world = World::new(|_| ());
    let of = |findings: &[&str]| Heard::Found {
        server: home(),
        findings: findings.iter().map(|what| found(what)).collect(),
    };
    world.hear(of(&["too early"]));
    assert_eq!(told(&mut world), Vec::<String>::new(), "nobody has asked");
    world.wish(Wish::Examine);
    world.hear(of(&["b"]));
    world.hear(of(&["a", "b", "c"]));
    assert_eq!(told(&mut world), ["b", "a", "c"], "what is read does not move");
    world.hear(Heard::Examined { server: home(), outcome: Err("no network".to_owned()) });
    world.hear(of(&["too late"]));
    assert_eq!(told(&mut world), Vec::<String>::new());
}

#[test]
fn the_addresses_of_this_computer_are_shown_without_a_call() {
    let mut world = World::new(|_| ());
    let wifi = judge("wlan0", Flags { up: true, ..Flags::default() }, [192, 168, 1, 7].into());
    world.hear(Heard::Network([wifi.clone()].into()));
    assert_eq!(*world.shown().network, [wifi]);
}

#[test]
fn any_server_can_be_looked_at_one_at_a_time_and_each_keeps_its_own_verdict() {
    let mut world = World::new(|_| ());
    let other: ServerAddress = "https://other.example/".parse().unwrap();
    let check = |server: &ServerAddress| Wish::Server(ServerWish::Check { link: server.to_string() });
    let asked = |world: &mut World| -> Vec<ServerAddress> {
        let effects = std::mem::take(&mut world.effects);
        effects
            .into_iter()
            .filter_map(|effect| if let Effect::Examine(server) = effect { Some(server) } else { None })
            .collect()
    };
    world.wish(Wish::Server(ServerWish::Add { text: other.to_string() }));
    world.wish(check(&other)).wish(check(&home()));
    assert_eq!(asked(&mut world), std::slice::from_ref(&other), "one at a time");
    world.wish(Wish::Examine);
    assert_eq!(asked(&mut world), [home()], "our own network is another matter");
    world.hear(Heard::Examined { server: other.clone(), outcome: Err("nobody answers".to_owned()) });
    let shown = world.shown();
    assert!(matches!(shown.checkup, Checkup::Running { .. }), "{:?}", shown.checkup);
    assert!(
        matches!(&shown.server_checks[..], [(link, Checkup::Failed { .. })] if *link == other.to_string()),
        "{:?}",
        shown.server_checks
    );
    world.hear(Heard::Examined { server: home(), outcome: Err("no network".to_owned()) });
    assert!(matches!(world.shown().checkup, Checkup::Failed { .. }));
    world.wish(Wish::Server(ServerWish::Remove { link: other.to_string() }));
    assert!(world.shown().server_checks.is_empty(), "nothing is left of a server that is forgotten");
}
