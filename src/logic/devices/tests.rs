use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

struct World {
    keeper: Keeper,
    now: Instant,
}

impl World {
    fn new(wish: Choice) -> Self {
        Self { keeper: Keeper::new(DeviceKind::Microphone, wish), now: Instant::now() }
    }

    fn after(&mut self, wait: Duration) -> &mut Self {
        self.now += wait;
        self.keeper.handle_timeout(self.now);
        self
    }

    fn event(&mut self, event: Event) -> &mut Self {
        self.keeper.handle(event, self.now);
        self
    }

    /// What it asks for, and how it stands in words: opening succeeds at once.
    fn story(&mut self) -> Vec<String> {
        let mut story = Vec::new();
        while let Some(effect) = self.keeper.poll_effect() {
            match effect {
                Effect::Open(device) => {
                    story.push(format!("open {}", device.id));
                    self.keeper.handle(Event::Opened, self.now);
                }
                Effect::Close => story.push("close".to_owned()),
                Effect::Tell(in_use) => story.push(in_use.words),
            }
        }
        story
    }

    fn asks(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.keeper.poll_effect()).collect()
    }
}

fn list(ids: &str) -> Event {
    Event::Listed(devices(ids))
}

/// `a b* c`: three, of which the second is the system's.
fn devices(ids: &str) -> Vec<Device> {
    ids.split_whitespace()
        .map(|word| {
            let id = word.trim_end_matches('*');
            Device {
                kind: DeviceKind::Microphone,
                id: DeviceId::new(id),
                name: id.to_uppercase(),
                is_default: word.ends_with('*'),
            }
        })
        .collect()
}

fn wish(id: &str) -> Choice {
    Choice::Id(DeviceId::new(id))
}

#[test]
fn choices_are_read_and_written() {
    assert_eq!(Choice::from_option("device", "device"), Some(Choice::Default));
    assert_eq!(Choice::from_option("device", "device:pulseaudio:mic"), Some(wish("pulseaudio:mic")));
    assert_eq!(Choice::from_option("device", "device:"), None);
    assert_eq!(Choice::from_option("device", "devices"), None);
    assert_eq!(Choice::from_option("camera", "device"), None);
    for choice in [Choice::Default, wish("a:b c")] {
        assert_eq!(choice.to_string().parse::<Choice>(), Ok(choice));
    }
}

#[test]
fn the_systems_own_is_used_and_followed() {
    let mut world = World::new(Choice::Default);
    assert_eq!(world.event(list("a b*")).story(), ["open b", "The microphone is B."]);
    assert_eq!(world.event(list("a b*")).story(), Vec::<String>::new(), "nothing changed");
    assert_eq!(
        world.event(list("a* b")).story(),
        ["open a", "The microphone is now A, as this is what the system uses."]
    );
}

#[test]
fn what_is_unplugged_is_replaced_and_comes_back() {
    let mut world = World::new(wish("b"));
    assert_eq!(world.event(list("a* b")).story(), ["open b", "The microphone is B."]);
    assert_eq!(
        world.event(list("a*")).story(),
        ["close", "open a", "The microphone B was unplugged; using A."]
    );
    assert_eq!(world.event(list("a* b")).story(), ["open b", "The microphone B is back, and in use again."]);
    world.event(list("a* b")).story();
    assert_eq!(
        world.event(list("")).story(),
        [
            "close",
            "The microphone B was unplugged, and no other microphone can be used. Plug it in again, or another. \
             They hear nothing of you meanwhile."
        ]
    );
    assert_eq!(world.event(list("c*")).story(), ["open c", "The microphone B was unplugged; using C."]);
}

#[test]
fn what_was_never_there_is_named_and_another_stands_in() {
    let mut world = World::new(wish("x"));
    assert_eq!(world.event(list("a*")).story(), ["open a", "The microphone x is not there; using A."]);
    assert_eq!(world.event(list("a* x")).story(), ["open x", "The microphone X is there now, and in use."]);
    let mut world = World::new(Choice::Default);
    assert_eq!(
        world.event(list("")).story(),
        ["There is no microphone; plug one in. They hear nothing of you meanwhile."]
    );
}

#[test]
fn a_busy_device_is_tried_again_without_interrupting_the_one_that_stands_in() {
    let mut world = World::new(wish("b"));
    world.event(list("a* b"));
    assert_eq!(world.asks(), [Effect::Open(devices("b")[0].clone())]);
    assert_eq!(
        world.event(Event::Failed(Cause::Busy)).story(),
        [
            "open a",
            "The microphone B is held by another program; using A. End that program, or its use of it; it is tried \
             again by itself."
        ]
    );
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (at, _) = world.keeper.poll_timeout().expect("it is tried again");
        pauses.push(at - world.now);
        world.now = at;
        world.keeper.handle_timeout(at);
        assert_eq!(world.asks(), [Effect::Open(devices("b")[0].clone())], "and nothing is closed or said");
        world.event(Event::Failed(Cause::Busy));
        assert_eq!(world.asks(), []);
        assert_eq!(world.keeper.in_use().map(|device| device.id.as_str()), Some("a"));
    }
    assert!(pauses.is_sorted() && pauses[0] < Duration::from_secs(1) && pauses[7] == Duration::from_secs(10));
    let (at, _) = world.keeper.poll_timeout().expect("it is tried again");
    world.now = at;
    world.keeper.handle_timeout(at);
    assert_eq!(world.story(), ["open b", "The microphone B works again."]);
}

#[test]
fn what_died_is_tried_once_at_once_and_then_rests() {
    let mut world = World::new(Choice::Default);
    world.event(list("a* b")).story();
    world.after(Duration::from_secs(60));
    assert_eq!(world.event(Event::Died(Cause::Silent)).story(), ["open a", "The microphone A works again."]);
    world.after(Duration::from_secs(1));
    assert_eq!(
        world.event(Event::Died(Cause::Silent)).story(),
        [
            "open b",
            "The microphone A does not answer any more; using B. Unplug it and plug it in again, if it does not \
             come back by itself."
        ]
    );
    let (at, _) = world.keeper.poll_timeout().expect("it is tried again");
    assert_eq!(at - world.now, Duration::from_millis(500));
}

#[test]
fn a_camera_that_is_off_is_closed_and_opened_again() {
    let mut world = World::new(Choice::Default);
    world.event(list("a*")).story();
    assert_eq!(world.event(Event::Rest).story(), ["close"]);
    assert_eq!(world.event(list("a b*")).story(), Vec::<String>::new());
    assert_eq!(world.event(Event::Wake).story(), ["open b", "The microphone is B."]);
    // Switched off while it opens: what was opened is closed.
    world.event(list("a* b"));
    assert!(matches!(world.asks()[..], [Effect::Open(_)]));
    world.event(Event::Rest);
    assert_eq!(world.asks(), [Effect::Close]);
    world.event(Event::Opened);
    assert_eq!(world.asks(), [Effect::Close]);
}

#[test]
fn a_new_wish_is_tried_though_the_device_failed_before() {
    let mut world = World::new(Choice::Default);
    world.event(list("a* b")).story();
    world.event(Event::Wish(wish("b")));
    assert_eq!(world.asks(), [Effect::Open(devices("b")[0].clone())]);
    world.event(Event::Failed(Cause::Forbidden));
    assert_eq!(world.asks(), []);
    assert_eq!(world.event(Event::Wish(wish("b"))).story(), ["open b", "The microphone is now B."]);
}

#[derive(Clone, Debug)]
enum Step {
    List(Vec<(u8, bool)>),
    Wish(Option<u8>),
    Open(bool),
    Die,
    Rest(bool),
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec((0u8..5, any::<bool>()), 0..5).prop_map(Step::List),
        prop::option::of(0u8..5).prop_map(Step::Wish),
        prop::bool::weighted(0.7).prop_map(Step::Open),
        Just(Step::Die),
        any::<bool>().prop_map(Step::Rest),
        (0u16..3000).prop_map(Step::Wait),
    ]
}

proptest! {
    /// One device is opened at a time, one that is there; what is open is known; and where nothing fails any more, what is
    /// wished (or the system's own, or anything) is in use in the end.
    #[test]
    fn whatever_happens_the_right_device_is_used_in_the_end(steps in prop::collection::vec(step(), 0..60)) {
        let mut keeper = Keeper::new(DeviceKind::Speaker, Choice::Default);
        let mut now = Instant::now();
        let (mut wished, mut there) = (Choice::Default, Vec::new());
        let (mut open, mut opening): (Option<Device>, Option<Device>) = (None, None);
        keeper.handle(Event::Listed(Vec::new()), now);
        let rest = [Step::Rest(false), Step::Open(true), Step::Wait(20_000), Step::Open(true), Step::Open(true)];
        for step in steps.into_iter().chain(rest) {
            match step {
                Step::List(ids) => {
                    there.clear();
                    for (number, is_default) in ids {
                        let id = DeviceId::new(number.to_string());
                        if there.iter().all(|device: &Device| device.id != id) {
                            let is_default = is_default && there.iter().all(|device| !device.is_default);
                            let name = id.to_string();
                            there.push(Device { kind: DeviceKind::Speaker, id, name, is_default });
                        }
                    }
                    keeper.handle(Event::Listed(there.clone()), now);
                }
                Step::Wish(id) => {
                    wished = id.map_or(Choice::Default, |id| Choice::Id(DeviceId::new(id.to_string())));
                    keeper.handle(Event::Wish(wished.clone()), now);
                }
                Step::Open(works) => if let Some(device) = opening.take() {
                    if works {
                        open = Some(device);
                        keeper.handle(Event::Opened, now);
                    } else {
                        keeper.handle(Event::Failed(Cause::Busy), now);
                    }
                },
                Step::Die => if open.take().is_some() {
                    keeper.handle(Event::Died(Cause::Silent), now);
                },
                Step::Rest(true) => keeper.handle(Event::Rest, now),
                Step::Rest(false) => keeper.handle(Event::Wake, now),
                Step::Wait(ms) => {
                    now += Duration::from_millis(ms.into());
                    keeper.handle_timeout(now);
                }
            }
            while let Some(effect) = keeper.poll_effect() {
                match effect {
                    Effect::Open(device) => {
                        prop_assert!(opening.is_none() && there.contains(&device));
                        opening = Some(device);
                    }
                    Effect::Close => open = None,
                    Effect::Tell(in_use) => prop_assert!(!in_use.words.is_empty()),
                }
            }
            prop_assert_eq!(keeper.in_use().map(|device| &device.id), open.as_ref().map(|device| &device.id));
            prop_assert!(keeper.poll_timeout().is_none_or(|(at, _)| at > now), "it would be woken for ever");
        }
        let used = open.map(|device| device.id);
        let usual = there.iter().find(|device| device.is_default).map(|device| device.id.clone());
        let wished = match wished {
            Choice::Id(id) if there.iter().any(|device| device.id == id) => Some(id),
            Choice::Default | Choice::Id(_) => usual,
        };
        prop_assert!(used.is_some() || there.is_empty());
        prop_assert!(wished.is_none() || used == wished);
    }
}

#[test]
fn devices_that_are_called_the_same_are_told_apart() {
    let mut listed = devices("a b c d");
    for (device, name) in listed.iter_mut().zip(["Headset", "Built-in", "Headset", "Headset"]) {
        name.clone_into(&mut device.name);
    }
    tell_apart(&mut listed);
    let names: Vec<&str> = listed.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["Headset", "Built-in", "Headset 2", "Headset 3"]);
}
