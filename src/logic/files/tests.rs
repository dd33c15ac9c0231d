//! Two ends, the mail between them, a channel that comes and goes, and disks: on a clock that nobody waits for.

use std::{collections::HashMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::logic::desk::{Transfer, TransferState};

/// How long anything is on its way.
const WAY: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Disk {
    given: HashMap<u32, Bytes>,
    parts: HashMap<u32, Vec<u8>>,
    whole: HashMap<u32, Vec<u8>>,
    is_full: bool,
}

struct End {
    files: Files,
    disk: Disk,
    transfers: Arc<[Transfer]>,
    told: Vec<Instant>,
    /// On their way to this end.
    words: VecDeque<(Instant, u32, FileStep)>,
    frames: VecDeque<(Instant, Bytes)>,
    said: Vec<(u32, FileStep)>,
    frames_taken: u64,
}

struct World {
    now: Instant,
    ends: [End; 2],
    channel: Option<u32>,
    generation: u32,
    /// Every so manyth frame is not taken by the channel.
    full_every: u64,
    damage: bool,
}

impl World {
    fn new() -> Self {
        let end = |role| End {
            files: Files::new(role),
            disk: Disk::default(),
            transfers: Arc::default(),
            told: Vec::new(),
            words: VecDeque::new(),
            frames: VecDeque::new(),
            said: Vec::new(),
            frames_taken: 0,
        };
        let ends = [end(Role::Caller), end(Role::Callee)];
        let mut world = Self {
            now: Instant::now(),
            ends,
            channel: None,
            generation: 0,
            full_every: u64::MAX,
            damage: false,
        };
        for end in 0..2 {
            world.tell(end, Event::Media(8_000_000));
        }
        world.connect();
        world
    }

    fn connect(&mut self) {
        self.generation += 1;
        self.change_channel(Some(self.generation));
    }

    /// What is under way is lost with a channel.
    fn change_channel(&mut self, channel: Option<u32>) {
        self.channel = channel;
        for end in 0..2 {
            self.ends[end].frames.clear();
        }
        for end in 0..2 {
            self.tell(end, Event::Channel(channel));
        }
    }

    fn offer(&mut self, end: usize, name: &str, content: Vec<u8>) -> u32 {
        let file = self.ends[end].files.offer(name, content.len() as u64, self.now).unwrap();
        self.ends[end].disk.given.insert(file, content.into());
        self.carry_out(end);
        file
    }

    fn order(&mut self, end: usize, file: u32, order: FileOrder) {
        self.tell(end, Event::Order(file.into(), order));
    }

    fn accept(&mut self, end: usize, file: u32) {
        self.order(end, file, FileOrder::Accept { folder: "/downloads".into() });
    }

    fn tell(&mut self, end: usize, event: Event) {
        let now = self.now;
        self.ends[end].files.handle(event, now);
        self.carry_out(end);
    }

    fn carry_out(&mut self, number: usize) {
        let now = self.now;
        let [first, second] = &mut self.ends;
        let (end, other) = if number == 0 { (first, second) } else { (second, first) };
        while let Some(effect) = end.files.poll_effect() {
            let disk = &mut end.disk;
            let answer = match effect {
                Effect::Say(file, step) => {
                    end.said.push((file, step.clone()));
                    other.words.push_back((now + WAY, file, step));
                    None
                }
                Effect::Send(frame) => {
                    assert!(self.channel.is_some(), "nothing is sent where there is no channel");
                    end.frames_taken += 1;
                    if end.frames_taken.is_multiple_of(self.full_every) {
                        Some(Event::NotTaken(frame))
                    } else {
                        let mut frame = frame.to_vec();
                        if self.damage && frame[0] == 1 {
                            frame[13] ^= 1;
                        }
                        other.frames.push_back((now + WAY, frame.into()));
                        None
                    }
                }
                Effect::Make { file, folder, name } => {
                    assert_eq!(folder, PathBuf::from("/downloads"));
                    assert_eq!(name::clean(&name), name);
                    assert!(disk.parts.insert(file, Vec::new()).is_none());
                    Some(Event::Made(file))
                }
                Effect::Write { file, .. } if disk.is_full => {
                    Some(Event::Trouble { file, why: "There is no room left.".to_owned() })
                }
                Effect::Write { file, bytes } => {
                    disk.parts.get_mut(&file).expect("a part that was begun").extend(bytes);
                    None
                }
                Effect::Finish { file } => {
                    let part = disk.parts.remove(&file).expect("a part that was begun");
                    disk.whole.insert(file, part);
                    Some(Event::Finished { file, path: "/downloads/x".into() })
                }
                Effect::Discard { file } => {
                    disk.parts.remove(&file).expect("a part that was begun");
                    None
                }
                Effect::Read { file, at, len } => {
                    let from = usize::try_from(at).unwrap();
                    let bytes = disk.given[&file].slice(from..from + len);
                    Some(Event::Read { file, at, bytes })
                }
                Effect::Close { file } => {
                    disk.given.remove(&file).expect("a file that was given");
                    None
                }
                Effect::Tell(transfers) => {
                    end.transfers = transfers;
                    end.told.push(now);
                    None
                }
            };
            if let Some(event) = answer {
                end.files.handle(event, now);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        let mut spins = 0;
        loop {
            let due = |end: &End| {
                let timer = end.files.poll_timeout().map(|(at, _)| at);
                let word = end.words.front().map(|(at, ..)| *at);
                let frame = end.frames.front().map(|(at, _)| *at);
                [timer, word, frame].into_iter().flatten().min()
            };
            let Some((at, number)) =
                (0..2).filter_map(|number| Some((due(&self.ends[number])?, number))).min()
            else {
                break;
            };
            if at > until {
                break;
            }
            spins = if at > self.now { 0 } else { spins + 1 };
            assert!(spins < 500, "it spins: {:?}", self.ends[number].files.poll_timeout());
            self.now = self.now.max(at);
            let end = &mut self.ends[number];
            if let Some((_, file, step)) = end.words.pop_front_if(|(at, ..)| *at <= self.now) {
                self.tell(number, Event::Said(file, step));
            } else if let Some((_, frame)) = end.frames.pop_front_if(|(at, _)| *at <= self.now) {
                self.tell(number, Event::Frame(frame));
            } else {
                end.files.handle_timeout(self.now);
                self.carry_out(number);
            }
        }
        self.now = until;
    }

    fn state(&self, end: usize, file: u32) -> TransferState {
        let transfers = &self.ends[end].transfers;
        let found = transfers.iter().find(|transfer| transfer.id == u64::from(file));
        found.unwrap_or_else(|| panic!("{file} is not shown: {transfers:?}")).state.clone()
    }

    fn is_done(&self, giver: usize, file: u32) -> bool {
        matches!(self.state(giver, file), TransferState::Done { path: None })
            && matches!(self.state(1 - giver, file), TransferState::Done { path: Some(_) })
    }
}

fn content(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8) ^ seed).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn files_go_both_ways_at_once_and_arrive_whole() {
    let mut world = World::new();
    let (a, b) = (content(2_000_000, 1), content(1_500_001, 2));
    let (one, two) = (world.offer(0, "a.bin", a.clone()), world.offer(1, "b.bin", b.clone()));
    world.run(seconds(1));
    assert_eq!((world.state(1, one), world.state(0, two)), (TransferState::Offered, TransferState::Offered));
    world.accept(1, one);
    world.accept(0, two);
    world.run(seconds(1));
    assert_eq!(world.state(0, one), TransferState::Going);
    world.run(seconds(20));
    assert!(world.is_done(0, one) && world.is_done(1, two));
    assert_eq!((&world.ends[1].disk.whole[&one], &world.ends[0].disk.whole[&two]), (&a, &b));
    let told = &world.ends[0].told;
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= TELL_EVERY), "told some times a second");
}

#[test]
fn an_empty_file_is_a_file() {
    let mut world = World::new();
    let file = world.offer(0, "empty", Vec::new());
    world.run(seconds(1));
    world.accept(1, file);
    world.run(seconds(1));
    assert!(world.is_done(0, file));
    assert_eq!(world.ends[1].disk.whole[&file], b"");
}

#[test]
fn it_goes_on_where_it_was_on_another_channel() {
    let mut world = World::new();
    let whole = content(3_000_000, 3);
    let file = world.offer(0, "a.bin", whole.clone());
    world.run(seconds(1));
    world.accept(1, file);
    world.run(seconds(1));
    let there = world.ends[1].disk.parts[&file].len();
    assert!((100_000..2_900_000).contains(&there), "{there}");
    world.change_channel(None);
    world.run(seconds(5));
    assert_eq!(world.state(0, file), TransferState::Waiting);
    assert_eq!(world.ends[1].disk.parts[&file].len(), there);
    let said = world.ends[0].frames_taken;
    world.connect();
    world.run(seconds(20));
    assert!(world.is_done(0, file));
    assert_eq!(world.ends[1].disk.whole[&file], whole);
    let again = (world.ends[0].frames_taken - said) * frame::MOST_IN_A_PIECE as u64;
    assert!(again < 3_300_000 * 2, "not from the beginning: {again}");
}

#[test]
fn what_came_before_a_channel_went_is_not_waited_for_on_the_next() {
    let mut world = World::new();
    let file = world.offer(0, "a.bin", content(3_000_000, 13));
    world.run(seconds(1));
    world.accept(1, file);
    world.run(seconds(1));
    // The pieces arrive, and what is answered does not.
    let pieces = std::mem::take(&mut world.ends[1].frames);
    for (_, frame) in pieces {
        world.tell(1, Event::Frame(frame));
    }
    world.change_channel(None);
    for end in 0..2 {
        world.tell(end, Event::Media(400_000));
    }
    let there = world.ends[1].disk.parts[&file].len();
    world.connect();
    world.run(seconds(2));
    assert!(world.ends[1].disk.parts[&file].len() > there + 10_000, "it stands still at {there}");
}

#[test]
fn either_side_holds_it_and_lets_it_go_on() {
    let mut world = World::new();
    let file = world.offer(0, "a.bin", content(2_000_000, 4));
    world.run(seconds(1));
    world.accept(1, file);
    world.run(seconds(1));
    world.order(1, file, FileOrder::Pause);
    world.order(0, file, FileOrder::Pause);
    world.run(seconds(1));
    let there = world.ends[1].disk.parts[&file].len();
    assert_eq!(world.state(0, file), TransferState::Paused { by: Side::Us });
    world.order(0, file, FileOrder::GoOn);
    world.run(seconds(30));
    assert_eq!(world.state(0, file), TransferState::Paused { by: Side::Them });
    assert_eq!(world.ends[1].disk.parts[&file].len(), there, "the other side still holds it");
    world.order(1, file, FileOrder::GoOn);
    world.run(seconds(20));
    assert!(world.is_done(0, file));
}

#[test]
fn what_is_not_wanted_is_not_sent_and_leaves_nothing() {
    let mut world = World::new();
    let [declined, cancelled, taken_back] = [5, 6, 7].map(|seed| world.offer(0, "a", content(900_000, seed)));
    world.run(seconds(1));
    world.order(1, declined, FileOrder::Decline);
    world.accept(1, cancelled);
    world.run(seconds(1));
    world.order(1, cancelled, FileOrder::Cancel);
    world.order(0, taken_back, FileOrder::Cancel);
    world.run(seconds(1));
    world.accept(1, taken_back);
    world.run(seconds(2));
    assert_eq!(
        (world.state(0, declined), world.state(1, declined)),
        (TransferState::Declined, TransferState::Declined)
    );
    assert_eq!(world.state(0, cancelled), TransferState::Cancelled { by: Side::Them });
    assert_eq!(world.state(1, taken_back), TransferState::Cancelled { by: Side::Them });
    let disks = [&world.ends[0].disk, &world.ends[1].disk];
    assert!(disks.iter().all(|disk| disk.given.is_empty() && disk.parts.is_empty() && disk.whole.is_empty()));
}

#[test]
fn what_arrives_damaged_is_deleted_and_said() {
    let mut world = World::new();
    world.damage = true;
    let file = world.offer(0, "a", content(10_000, 8));
    world.run(seconds(1));
    world.accept(1, file);
    world.run(seconds(5));
    for end in 0..2 {
        assert!(
            matches!(world.state(end, file), TransferState::Failed { why } if why.contains("did not arrive as it"))
        );
    }
    assert!(world.ends[1].disk.parts.is_empty() && world.ends[1].disk.whole.is_empty());
}

#[test]
fn a_full_disk_is_said_and_the_next_file_goes() {
    let mut world = World::new();
    let [first, second] = [9, 10].map(|seed| world.offer(0, "a", content(50_000, seed)));
    world.run(seconds(1));
    world.ends[1].disk.is_full = true;
    world.accept(1, first);
    world.run(seconds(3));
    world.ends[1].disk.is_full = false;
    world.accept(1, second);
    world.run(seconds(3));
    assert!(matches!(world.state(1, first), TransferState::Failed { why } if why.contains("no room")));
    assert!(
        matches!(world.state(0, first), TransferState::Failed { why } if why.contains("could not store"))
    );
    assert!(world.is_done(0, second));
}

#[test]
fn what_is_too_much_is_refused_in_words() {
    let mut world = World::new();
    let now = world.now;
    let why = world.ends[0].files.offer("film.mkv", MAX_FILE_BYTES + 1, now).unwrap_err();
    assert!(why.contains("“film.mkv” is too large") && why.contains("2 GiB"), "{why}");
    for _ in 0..MAX_AT_ONCE {
        world.offer(0, "a", vec![1]);
    }
    assert!(world.ends[0].files.offer("b", 1, now).unwrap_err().contains("16 files"));
    world.run(seconds(1));
    for file in [41, 43] {
        let size = if file == 41 { MAX_FILE_BYTES + 1 } else { 1 };
        world.tell(1, Event::Said(file, FileStep::Offer { name: "b".into(), size }));
    }
    let said: Vec<_> = world.ends[1].said.iter().map(|(file, step)| (*file, step.clone())).collect();
    let end = |why| FileStep::End { why };
    assert_eq!(said, [(41, end(FileEnd::TooLarge)), (43, end(FileEnd::TooMany))]);
}

#[test]
fn files_that_are_over_are_forgotten_one_by_one() {
    let mut world = World::new();
    for _ in 0..MAX_SHOWN + 10 {
        let file = world.offer(0, "a", vec![1]);
        world.order(0, file, FileOrder::Cancel);
    }
    world.run(seconds(1));
    assert_eq!((world.ends[0].transfers.len(), world.ends[1].transfers.len()), (MAX_SHOWN, MAX_SHOWN));
}

#[test]
fn with_the_call_everything_ends_that_is_not_whole() {
    let mut world = World::new();
    let [going, offered] = [11, 12].map(|seed| world.offer(0, "a", content(900_000, seed)));
    world.run(seconds(1));
    world.accept(1, going);
    world.run(seconds(1));
    for end in 0..2 {
        world.tell(end, Event::Over);
        for file in [going, offered] {
            assert!(
                matches!(world.state(end, file), TransferState::Failed { why } if why.contains("call ended"))
            );
        }
        assert!(world.ends[end].disk.given.is_empty() && world.ends[end].disk.parts.is_empty());
        assert_eq!(world.ends[end].files.poll_timeout(), None);
    }
}

#[derive(Clone, Debug)]
enum Deed {
    Offer { by: usize, len: usize },
    Accept(usize),
    Hold { by: usize, held: bool },
    Cut(u64),
    Move,
    Repeat(usize),
    Lose(usize),
    Full(u64),
}

fn deeds() -> impl Strategy<Value = Vec<(u64, usize, Deed)>> {
    let end = 0..2_usize;
    let deed = prop_oneof![
        3 => (end.clone(), 0..400_000_usize).prop_map(|(by, len)| Deed::Offer { by, len }),
        4 => end.clone().prop_map(Deed::Accept),
        2 => (end.clone(), any::<bool>()).prop_map(|(by, held)| Deed::Hold { by, held }),
        2 => (10..6_000_u64).prop_map(Deed::Cut),
        2 => Just(Deed::Move),
        1 => end.clone().prop_map(Deed::Repeat),
        1 => end.prop_map(Deed::Lose),
        1 => (2..40_u64).prop_map(Deed::Full),
    ];
    prop::collection::vec((0..1_500_u64, any::<usize>(), deed), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_happens_on_the_way_what_was_taken_arrives_as_it_was(deeds in deeds()) {
        let mut world = World::new();
        let mut offered: Vec<(usize, u32, Vec<u8>)> = Vec::new();
        for (wait, which, deed) in deeds {
            world.run(Duration::from_millis(wait));
            let file = (!offered.is_empty()).then(|| offered[which % offered.len()].1);
            match deed {
                Deed::Offer { by, len } => {
                    let content = content(len, offered.len() as u8);
                    let file = world.offer(by, "a", content.clone());
                    offered.push((by, file, content));
                }
                Deed::Accept(by) => file.into_iter().for_each(|file| world.accept(by, file)),
                Deed::Hold { by, held } => {
                    let order = if held { FileOrder::Pause } else { FileOrder::GoOn };
                    file.into_iter().for_each(|file| world.order(by, file, order.clone()));
                }
                Deed::Cut(time) => {
                    world.change_channel(None);
                    world.run(Duration::from_millis(time));
                    world.connect();
                }
                Deed::Move => world.connect(),
                Deed::Repeat(end) => {
                    let again = world.ends[end].frames.front().cloned();
                    world.ends[end].frames.extend(again);
                }
                Deed::Lose(end) => {
                    world.ends[end].frames.pop_front();
                }
                Deed::Full(every) => world.full_every = every,
            }
        }
        world.run(seconds(1));
        for (giver, file, _) in &offered {
            world.accept(1 - giver, *file);
            for end in 0..2 {
                world.order(end, *file, FileOrder::GoOn);
            }
        }
        world.run(seconds(240));
        for (giver, file, content) in &offered {
            prop_assert!(world.is_done(*giver, *file), "{file}: {:?}", world.state(*giver, *file));
            prop_assert_eq!(&world.ends[1 - giver].disk.whole[file], content);
        }
    }

    #[test]
    fn whatever_the_other_side_sends_nothing_is_written_that_was_not_taken(
        sizes in prop::collection::vec(0..200_u64, 1..4),
        frames in prop::collection::vec((0..4_u8, 0..8_u32, prop_oneof![0..220_u64, any::<u64>()], 0..80_usize, any::<bool>()), 0..60),
        steps in prop::collection::vec((0..8_u32, 0..5_u8, any::<u64>()), 0..20),
        taken in 0..4_usize,
    ) {
        let mut now = Instant::now();
        let mut files = Files::new(Role::Callee);
        files.handle(Event::Channel(Some(1)), now);
        for (index, size) in sizes.iter().enumerate() {
            let file = 2 * index as u32 + 1;
            files.handle(Event::Said(file, FileStep::Offer { name: "a".into(), size: *size }), now);
            if index < taken {
                files.handle(Event::Order(file.into(), FileOrder::Accept { folder: "/d".into() }), now);
                files.handle(Event::Made(file), now);
            }
        }
        for (file, kind, number) in steps {
            let step = match kind {
                0 => FileStep::Take { from: number },
                1 => FileStep::Hold { held: number % 2 == 0 },
                2 => FileStep::End { why: FileEnd::Done },
                _ => FileStep::Unknown,
            };
            files.handle(Event::Said(file, step), now);
        }
        for (kind, file, at, len, follows) in frames {
            let at = if follows { files.incoming.get(&file).map_or(at, Incoming::at) } else { at };
            let mut frame = vec![kind];
            frame.extend(file.to_be_bytes());
            frame.extend(at.to_be_bytes());
            frame.extend(vec![7; len]);
            files.handle(Event::Frame(frame.into()), now);
            now += Duration::from_millis(7);
        }
        let mut written = HashMap::<u32, u64>::new();
        while let Some(effect) = files.poll_effect() {
            if let Effect::Write { file, bytes } = effect {
                *written.entry(file).or_default() += bytes.len() as u64;
            }
        }
        for (file, bytes) in written {
            let index = file as usize / 2;
            prop_assert!(file % 2 == 1 && index < taken && bytes <= sizes[index], "{bytes} of {file}");
        }
    }

    #[test]
    fn whatever_is_asked_for_nothing_is_read_beyond_what_is_given(
        asked in prop::collection::vec((any::<bool>(), 0..6_u32, prop_oneof![0..6_000_u64, any::<u64>()]), 0..60),
    ) {
        let mut now = Instant::now();
        let mut files = Files::new(Role::Caller);
        files.handle(Event::Channel(Some(1)), now);
        let size = 5_000;
        prop_assert_eq!(files.offer("a", size, now), Ok(1));
        for (sealed, file, at) in asked {
            let event = if sealed {
                Event::Said(file, FileStep::Take { from: at })
            } else {
                Event::Frame(Frame::Have { file, at }.encode())
            };
            files.handle(event, now);
            now += Duration::from_millis(40);
            while let Some(effect) = files.poll_effect() {
                if let Effect::Read { file, at, len } = effect {
                    prop_assert!(file == 1 && at + len as u64 <= size);
                    files.handle(Event::Read { file, at, bytes: vec![1; len].into() }, now);
                }
            }
        }
    }
}
