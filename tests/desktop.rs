//! The whole program but its window: two of them in one process, each with a profile and a server of its own, on loopback.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use sightline::{
    adapters::synthetic::{AudioChoice, VideoChoice},
    desktop::{Counter, Options, Prepared, Running},
    engine::api::PictureNews,
    logic::{
        course::Stage,
        desk::{
            CallCard, ContactChange, LinkKind, MessageState, NewLink, Outcome, PlaceInCall, Preferences,
            Presence, ServerState, ServerWish, Snapshot, Wish,
        },
        report::CallReport,
    },
    ui::window::Desk as _,
};
use sightline_protocol::call::Media;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);
const BOTH: Media = Media { audio: true, video: true };
const SOUND: Media = Media { audio: true, video: false };

/// One of them.
struct Desktop {
    running: Running,
}

impl Desktop {
    fn start(runtime: &Runtime, profile: &Path) -> Self {
        let options = Options {
            profile: Some(profile.to_owned()),
            video: Some(VideoChoice::Pattern),
            audio: Some(AudioChoice::Tone),
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            ..Options::default()
        };
        let running = Prepared::new(options).unwrap().start(runtime, Box::new(|| ())).unwrap();
        let desktop = Self { running };
        desktop.wait("to be reached", |shown| shown.server.state == ServerState::Up);
        desktop
    }

    fn counter(&self) -> &Arc<Counter> {
        &self.running.counter
    }

    fn wish(&self, wish: Wish) {
        assert!(self.counter().say(wish));
    }

    fn wait(&self, what: &str, is: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.counter().newest();
            if is(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "waited for {what}: {shown:#?}");
            sleep(Duration::from_millis(10));
        }
    }

    fn wait_in_call(&self, what: &str, is: impl Fn(&CallCard) -> bool) -> CallCard {
        self.wait(what, |shown| shown.call.as_ref().is_some_and(&is)).call.clone().unwrap()
    }

    fn link(&self) -> String {
        self.counter().newest().links[0].link.clone()
    }
}

fn stands(call: &CallCard) -> bool {
    call.stage == Stage::Connected
}

fn rings(call: &CallCard) -> bool {
    call.stage.place() == Some(PlaceInCall::Incoming)
}

#[test]
fn two_desktops_call_write_and_hang_up_and_know_of_it_the_next_time() {
    let runtime = Runtime::new().unwrap();
    let (ada_folder, bob_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ada = Desktop::start(&runtime, ada_folder.path());
    let bob = Desktop::start(&runtime, bob_folder.path());
    assert!(ada.counter().newest().server.here && ada.link() != bob.link());
    ada.wish(Wish::Rename { name: "Ada".to_owned() });

    // Each runs a server of its own, and the call goes over that of the one who is called.
    ada.wish(Wish::CallLink { text: format!("Bob: <{}>", bob.link()), media: BOTH });
    let ringing = bob.wait_in_call("a ring", rings);
    assert_eq!((ringing.who.claimed.as_deref(), ringing.who.is_contact), (Some("Ada"), false));
    bob.wish(Wish::Answer { media: SOUND });
    let has_code = |call: &CallCard| stands(call) && call.code.is_some();
    let there = ada.wait_in_call("a call that stands, and its code", has_code);
    let here = bob.wait_in_call("a call that stands, and its code", has_code);
    assert_eq!(there.code, here.code, "both ends read the same");
    ada.wait_in_call("word of a camera that is off", |call| call.theirs.status.camera_off);
    bob.wait_in_call("a picture", |call| call.theirs.has_picture);
    bob.wait_in_call("a path", |call| call.path.as_ref().is_some_and(|path| path.in_use.is_some()));

    ada.wish(Wish::Microphone { on: false });
    bob.wait_in_call("word of a microphone that is off", |call| call.theirs.status.muted);
    ada.wish(Wish::Say { text: "hello".to_owned() });
    bob.wait_in_call("a message", |call| call.unread == 1 && call.messages[0].text == "hello");
    ada.wait_in_call("its mark", |call| {
        call.messages.first().is_some_and(|message| message.state == MessageState::Delivered)
    });
    let bobs_key = there.who.key;
    ada.wish(Wish::Contact { key: bobs_key, change: ContactChange::Add { name: Some("Bob".to_owned()) } });
    ada.wait_in_call("a name", |call| call.who.name.as_deref() == Some("Bob"));

    bob.wish(Wish::HangUp);
    for desktop in [&ada, &bob] {
        let shown =
            desktop.wait("the end", |shown| shown.ended.as_ref().is_some_and(|ended| ended.report.is_some()));
        assert_eq!(shown.recents[0].outcome, Outcome::Talked);
        assert_eq!(shown.ended.as_ref().unwrap().messages.len(), 1);
    }
    runtime.block_on(ada.running.end());

    let contacts = fs::read_to_string(ada_folder.path().join("contacts.toml")).unwrap();
    assert!(contacts.contains("Bob") && contacts.contains(&bobs_key.to_string()), "{contacts}");
    let settings = fs::read_to_string(ada_folder.path().join("settings.toml")).unwrap();
    assert!(settings.contains("name = \"Ada\""), "{settings}");
    let reports: Vec<_> = fs::read_dir(ada_folder.path().join("reports"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert_eq!(reports.len(), 1);
    serde_json::from_str::<CallReport>(&fs::read_to_string(&reports[0]).unwrap()).unwrap();

    let again = Desktop::start(&runtime, ada_folder.path());
    let shown = again.counter().newest();
    assert_eq!(shown.me.name.as_deref(), Some("Ada"));
    assert_eq!(shown.recents[0].who.name.as_deref(), Some("Bob"));
    again.wish(Wish::Redial { id: shown.recents[0].id.clone(), media: BOTH });
    bob.wait_in_call("another ring", rings);
    bob.wish(Wish::Decline);
    again.wait("to be declined", |shown| shown.call.is_none() && shown.recents.len() == 2);
    runtime.block_on(again.running.end());
    runtime.block_on(bob.running.end());
}

#[test]
fn a_one_time_link_is_good_for_one_call_that_is_taken() {
    let runtime = Runtime::new().unwrap();
    let (ada_folder, bob_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ada = Desktop::start(&runtime, ada_folder.path());
    let bob = Desktop::start(&runtime, bob_folder.path());
    bob.wish(Wish::MakeLink { kind: NewLink::OneTime, note: None });
    let shown = bob.wait("a link", |shown| shown.links.len() == 2);
    assert_eq!(shown.links[1].kind, LinkKind::OneTime);
    let text = shown.links[1].link.clone();
    ada.wish(Wish::CallLink { text: text.clone(), media: BOTH });
    bob.wait_in_call("a ring", rings);
    bob.wish(Wish::Answer { media: BOTH });
    bob.wait_in_call("a call that stands", stands);
    bob.wait("the link to be used up", |shown| shown.links.len() == 1);
    ada.wish(Wish::HangUp);
    for desktop in [&ada, &bob] {
        desktop.wait("the end", |shown| shown.ended.is_some());
    }
    ada.wish(Wish::CallLink { text, media: BOTH });
    ada.wait("to be refused", |shown| {
        matches!(shown.recents.first(), Some(recent) if matches!(recent.outcome, Outcome::Failed { .. }))
    });
    for desktop in [ada, bob] {
        runtime.block_on(desktop.running.end());
    }
}

#[test]
fn the_echo_test_is_answered_over_the_real_path_and_ends_when_it_is_hung_up() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ada = Desktop::start(&runtime, folder.path());
    ada.wish(Wish::EchoTest);
    let call = ada.wait_in_call("the echo", |call| stands(call) && call.theirs.has_picture);
    assert!(call.is_echo_test);
    ada.wish(Wish::HangUp);
    let shown = ada.wait("the end", |shown| shown.ended.is_some());
    assert!(shown.recents.is_empty() && shown.ended.as_ref().unwrap().was_echo_test);
    runtime.block_on(ada.running.end());
}

#[test]
fn another_server_is_reached_while_a_call_goes_on_over_the_old_one() {
    let runtime = Runtime::new().unwrap();
    let (ada_folder, bob_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ada = Desktop::start(&runtime, ada_folder.path());
    let bob = Desktop::start(&runtime, bob_folder.path());
    ada.wish(Wish::CallLink { text: bob.link(), media: BOTH });
    bob.wait_in_call("a ring", rings);
    bob.wish(Wish::Answer { media: BOTH });
    bob.wait_in_call("a call that stands", stands);
    let theirs = ada.counter().newest().server.link.clone();
    bob.wish(Wish::Server(ServerWish::Choose { link: theirs }));
    let shown =
        bob.wait("another server", |shown| !shown.server.here && shown.server.state == ServerState::Up);
    assert!(shown.call.as_ref().is_some_and(stands), "the call goes on");
    bob.wish(Wish::HangUp);
    ada.wait("the end", |shown| shown.ended.is_some());
    bob.wait("the end", |shown| shown.ended.is_some());
    ada.wish(Wish::CallLink { text: bob.link(), media: BOTH });
    bob.wait_in_call("a ring at the other server", rings);
    for desktop in [ada, bob] {
        runtime.block_on(desktop.running.end());
    }
}

#[test]
fn whoever_calls_sees_themselves_while_it_rings_and_the_call_takes_the_camera_over() {
    let runtime = Runtime::new().unwrap();
    let (ada_folder, bob_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ada = Desktop::start(&runtime, ada_folder.path());
    let bob = Desktop::start(&runtime, bob_folder.path());
    let sees_herself = |what: &str| {
        let glass = ada.counter().glass().unwrap();
        ada.wait(what, |_| matches!(glass.ours(), PictureNews::New(_)));
    };
    let is_closed = |what: &str| {
        let glass = ada.counter().glass().unwrap();
        ada.wait(what, |shown| !shown.shelf.previewing && matches!(glass.ours(), PictureNews::Gone));
    };
    let calls = |media| {
        ada.wish(Wish::CallLink { text: bob.link(), media });
        bob.wait_in_call("a ring", rings)
    };

    calls(BOTH);
    ada.wait("a look at herself", |shown| shown.shelf.previewing);
    sees_herself("her own picture while it rings");
    let shown = bob.counter().newest();
    assert!(shown.call.as_ref().is_some_and(|call| rings(call) && !call.theirs.has_picture));
    ada.wish(Wish::Camera { on: false });
    is_closed("a camera that is off");
    ada.wish(Wish::Camera { on: true });
    sees_herself("her own picture again");
    bob.wish(Wish::Answer { media: BOTH });
    ada.wait_in_call("a call that stands", stands);
    ada.wait("the call to have the camera", |shown| !shown.shelf.previewing);
    sees_herself("her own picture in the call");
    bob.wait_in_call("a picture", |call| call.theirs.has_picture);
    ada.wish(Wish::HangUp);
    bob.wait("the end", |shown| shown.ended.is_some());

    calls(BOTH);
    sees_herself("her own picture while it rings again");
    ada.wish(Wish::HangUp);
    is_closed("a camera that nobody needs");
    bob.wait("nothing to ring for", |shown| shown.call.is_none());
    calls(SOUND);
    assert!(!ada.counter().newest().shelf.previewing, "a call without pictures opens no camera");
    for desktop in [ada, bob] {
        runtime.block_on(desktop.running.end());
    }
}

#[test]
fn whoever_hides_is_seen_by_nobody_and_can_be_called() {
    let runtime = Runtime::new().unwrap();
    let (ada_folder, bob_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ada = Desktop::start(&runtime, ada_folder.path());
    let bob = Desktop::start(&runtime, bob_folder.path());
    let theirs = ada.counter().newest().server.link.clone();
    bob.wish(Wish::AddContact { text: ada.link(), name: Some("Ada".to_owned()) });
    bob.wish(Wish::Server(ServerWish::Choose { link: theirs }));
    let sees = |what: &str, presence: Presence| {
        bob.wait(what, |shown| shown.contacts.iter().any(|contact| contact.presence == presence));
    };
    sees("Ada online", Presence::Online);
    let hidden =
        Preferences { show_online: false, ..Preferences::clone(&ada.counter().newest().preferences) };
    ada.wish(Wish::Prefer(Box::new(hidden.clone())));
    sees("nobody", Presence::Offline);
    bob.wish(Wish::CallLink { text: ada.link(), media: SOUND });
    ada.wait_in_call("a ring", rings);
    ada.wish(Wish::Decline);
    ada.wish(Wish::Prefer(Box::new(Preferences { show_online: true, ..hidden })));
    sees("Ada online again", Presence::Online);
    for desktop in [ada, bob] {
        runtime.block_on(desktop.running.end());
    }
}

#[test]
fn a_damaged_file_is_told_of_and_left_as_it_is() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        ("settings.toml", "name = 7"),
        ("contacts.toml", "[[contact"),
        ("links.toml", "x"),
        ("recent-calls.json", "{"),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let ada = Desktop::start(&runtime, folder.path());
    assert_eq!(ada.counter().newest().notices.len(), 4);
    ada.wish(Wish::Rename { name: "Ada".to_owned() });
    ada.wish(Wish::MakeLink { kind: NewLink::OneTime, note: None });
    ada.wait("a link that lasts until the end", |shown| shown.links.len() == 2);
    runtime.block_on(ada.running.end());
    assert_eq!(fs::read_to_string(folder.path().join("settings.toml")).unwrap(), "name = 7");
    assert_eq!(fs::read_to_string(folder.path().join("links.toml")).unwrap(), "x");
}
