//! The desk, told by dice what happens.

use proptest::prelude::*;

use super::*;
use crate::logic::devices::{Choice, DeviceKind};

fn any_wish() -> impl Strategy<Value = Wish> {
    let media = prop_oneof![Just(BOTH), Just(SOUND)];
    let key = (1..5_u8).prop_map(address);
    let id = 0..12_u64;
    prop_oneof![
        (1..5_u8, media.clone())
            .prop_map(|(seed, media)| Wish::CallLink { text: link(seed).to_string(), media }),
        (".{0,20}", media.clone()).prop_map(|(text, media)| Wish::CallLink { text, media }),
        (key.clone(), media.clone()).prop_map(|(key, media)| Wish::CallContact { key, media }),
        (0..5_u8, media.clone()).prop_map(|(seed, media)| Wish::Redial { id: call(seed).to_string(), media }),
        Just(Wish::EchoTest),
        media.prop_map(|media| Wish::Answer { media }),
        Just(Wish::Decline),
        Just(Wish::HangUp),
        Just(Wish::PutAway),
        any::<bool>().prop_map(|on| Wish::Microphone { on }),
        any::<bool>().prop_map(|on| Wish::Camera { on }),
        Just(Wish::Use { kind: DeviceKind::Camera, choice: Choice::Default }),
        Just(Wish::Examine),
        ".{0,20}".prop_map(|text| Wish::Say { text }),
        Just(Wish::Read),
        (id.clone()).prop_map(|id| Wish::File { id, wish: FileWish::Show }),
        ".{0,80}".prop_map(|name| Wish::Rename { name }),
        Just(Wish::MakeLink { kind: NewLink::OneTime, note: None }),
        (0..9_u32)
            .prop_map(|hours| Wish::MakeLink { kind: NewLink::For { hours }, note: Some("x".repeat(200)) }),
        (key.clone(), ".{0,70}")
            .prop_map(|(key, name)| Wish::Contact { key, change: ContactChange::Add { name: Some(name) } }),
        key.clone().prop_map(|key| Wish::Contact { key, change: ContactChange::Add { name: None } }),
        (key.clone(), ".{0,8}")
            .prop_map(|(key, name)| Wish::Contact { key, change: ContactChange::Rename { name } }),
        key.prop_map(|key| Wish::Contact { key, change: ContactChange::Remove }),
        Just(Wish::Forget { id: None }),
        Just(Wish::SeenMissed),
        any::<f32>()
            .prop_map(|scale| Wish::Prefer(Box::new(Preferences { scale, ..Preferences::default() }))),
        Just(Wish::Server(ServerWish::HostHere)),
        (0..60_u8).prop_map(|n| Wish::Server(ServerWish::Add { text: format!("https://s{n}.example/") })),
        (0..60_u8).prop_map(|n| Wish::Server(ServerWish::Choose { link: format!("https://s{n}.example/") })),
        (0..60_u8).prop_map(|n| Wish::Server(ServerWish::Remove { link: format!("https://s{n}.example/") })),
        Just(Wish::SaveReport),
        id.clone().prop_map(|id| Wish::PutNoticeAway { id }),
        id.prop_map(|id| Wish::Undo { id }),
        Just(Wish::CloseWindow),
    ]
}

fn any_stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        Just(Stage::Inviting),
        Just(Stage::RingingThere),
        Just(Stage::RingingHere),
        Just(Stage::Connecting),
        Just(Stage::Connected),
        Just(Stage::Reconnecting),
        Just(Stage::Ended { reason: EndReason::Normal, by: Side::Us }),
        Just(Stage::Ended { reason: EndReason::Cancelled, by: Side::Them }),
        Just(Stage::Ended { reason: EndReason::Replaced, by: Side::Us }),
    ]
}

fn any_heard() -> impl Strategy<Value = Heard> {
    let seed = 1..5_u8;
    let message =
        |id, text| Message { id, from: Side::Them, text, at_unix_ms: 0, state: MessageState::Delivered };
    let transfer = |id| Transfer {
        id,
        from: Side::Us,
        name: "a".to_owned(),
        size_bytes: 1,
        done_bytes: 1,
        bytes_per_s: None,
        state: TransferState::Done { path: Some("/a".into()) },
    };
    prop_oneof![
        (seed.clone(), any::<bool>()).prop_map(|(seed, calls)| Heard::Began {
            call: call(seed),
            peer: address(seed),
            role: if calls { Role::Caller } else { Role::Callee },
            media: BOTH,
            token: None,
        }),
        (seed.clone(), any_stage()).prop_map(|(seed, stage)| Heard::Stage {
            call: call(seed),
            peer: address(seed),
            stage,
            name: None,
        }),
        seed.clone().prop_map(|seed| Heard::Agreed { call: call(seed), media: SOUND }),
        seed.clone().prop_map(|seed| Heard::Code { call: call(seed), code: "1 2".to_owned() }),
        seed.clone().prop_map(|seed| Heard::Figures { call: call(seed), figures: Figures::default() }),
        seed.clone().prop_map(|seed| Heard::SpeakingWhileMuted { call: call(seed) }),
        seed.clone().prop_map(|seed| Heard::TurnedAway { from: address(seed), name: None }),
        seed.clone().prop_map(|seed| Heard::Over {
            report: Box::new(CallReport::begin(call(seed).to_string(), Role::Caller, 0)),
        }),
        (seed.clone(), 0..600_u64, ".{0,5}").prop_map(move |(seed, id, text)| Heard::Chat {
            call: call(seed),
            lines: [message(id, text.clone()), message(id + 1, text)].into(),
        }),
        (seed.clone(), 0..300_u64)
            .prop_map(move |(seed, id)| Heard::Files { call: call(seed), files: [transfer(id)].into() }),
        (seed.clone(), any::<bool>())
            .prop_map(|(seed, connected)| Heard::Present { who: address(seed), connected }),
        Just(Heard::Line { server: home(), line: Line::Up }),
        Just(Heard::Line { server: home(), line: Line::Down { why: "x".to_owned() } }),
        Just(Heard::Hosting { server: "https://192.168.1.7:7443/".parse().unwrap() }),
        Just(Heard::NotHosting { why: "x".to_owned() }),
        seed.prop_map(|seed| Heard::EchoReady { to: address(seed + 10), server: home() }),
        Just(Heard::EchoFailed { why: "x".to_owned() }),
        Just(Heard::NotDialled { why: "x".to_owned() }),
        any::<bool>().prop_map(Heard::Tray),
        (0..30_u8).prop_map(|n| Heard::Problem { text: format!("p{n}"), code: "x" }),
        Just(Heard::Called),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Wish(Wish),
    Heard(Box<Heard>),
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any_wish().prop_map(Step::Wish),
        4 => any_heard().prop_map(|heard| Step::Heard(Box::new(heard))),
        1 => (0..100_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn in_any_order_nothing_grows_without_bound_and_what_is_shown_belongs_together(
        steps in proptest::collection::vec(any_step(), 0..400)
    ) {
        let mut world = World::new(|_| ());
        for step in steps {
            match step {
                Step::Wish(wish) => world.wish(wish),
                Step::Heard(heard) => world.hear(*heard),
                Step::Pass(ms) => world.pass(Duration::from_millis(ms)),
            };
            let shown = world.shown();
            prop_assert!(shown.recents.len() <= MAX_RECENTS);
            prop_assert!(shown.notices.len() <= MAX_NOTICES);
            prop_assert!(shown.contacts.len() <= MAX_CONTACTS);
            prop_assert!(shown.links.len() <= MAX_LINKS + 1);
            prop_assert!(shown.servers.len() <= MAX_SERVERS + 1);
            prop_assert!((0.5..=3.0).contains(&shown.preferences.scale));
            prop_assert!(shown.contacts.iter().all(|contact| contact.key != address(1)) || shown.contacts.len() <= 5);
            if let Some(call) = &shown.call {
                prop_assert!(call.stage.place().is_some(), "a call that is over is no call");
                prop_assert!(call.unread <= call.messages.len());
            }
            prop_assert_eq!(shown.missed, shown.recents.iter().filter(|recent| recent.is_new).count());
        }
    }

    #[test]
    fn any_text_is_a_link_or_a_sentence(text in ".{0,200}") {
        let mut world = World::new(|_| ());
        world.wish(Wish::AddContact { text, name: None });
        let shown = world.shown();
        prop_assert!(shown.notices.iter().all(|notice| notice.text.ends_with(['.', '!', '?'])));
    }
}
