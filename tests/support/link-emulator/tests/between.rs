//! The emulator between two real network namespaces. Linux, root, and `ip`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

mod program;
mod world;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use link_emulator::{Directions, Emulator, End, Error, Namespace, Reply, Setup};

use world::{World, ip};

/// How long a packet may be under way that nobody delays, on a busy computer.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_packet_arrives_at_the_other_end_after_its_delay_and_not_before() {
    let Some(world) = World::new("delay") else { return };
    let link = world.link("at 0s up delay=80\nat 0s down delay=40");
    for addresses in [world::IPV4, world::IPV6] {
        let (a, b) = world.sockets(addresses);
        assert!(flight(&a, &b) >= Duration::from_millis(80));
        assert!(flight(&b, &a) >= Duration::from_millis(40));
    }
    let stats = link.stats().unwrap();
    assert_eq!((stats.up.delivered, stats.up.dropped.total()), (2, 0));
    assert_eq!((stats.down.delivered, stats.down.dropped.total()), (2, 0));
}

#[test]
fn a_change_counts_from_the_moment_that_set_returns_and_every_drop_is_written_down() {
    let Some(world) = World::new("change") else { return };
    let folder = tempfile::tempdir().unwrap();
    let drops = folder.path().join("drops.csv");
    let link = world.link_with(Setup { drop_log: Some(drops.clone()), ..Setup::default() });
    let (a, b) = world.sockets(world::IPV4);
    let send = |count| (0..count).for_each(|_| assert_eq!(a.send(&[7; 100]).unwrap(), 100));

    link.set(Directions::Up, "loss=100".parse().unwrap()).unwrap();
    send(20);
    await_arrivals(&link, 20);
    link.set(Directions::Both, "clear mtu=127".parse().unwrap()).unwrap();
    send(3);
    await_arrivals(&link, 23);
    link.set(Directions::Up, "mtu=128".parse().unwrap()).unwrap();
    assert!(flight(&a, &b) < SOON);

    let dropped = link.stats().unwrap().up.dropped;
    assert_eq!((dropped.loss, dropped.too_long, dropped.total()), (20, 3, 23));
    let log = std::fs::read_to_string(drops).unwrap();
    let causes: Vec<_> = log.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(causes, [["up,128,loss"; 20].as_slice(), &["up,128,too_long"; 3]].concat());
}

#[test]
fn a_burst_passes_at_the_rate_and_the_tail_of_the_queue_is_lost() {
    let Some(world) = World::new("rate") else { return };
    // A packet of 1000 bytes takes 10 ms, so 20 wait up to 200 ms, beside the one that is being sent.
    let link = world.link("at 0s up rate=800 queue=200");
    let (a, b) = world.sockets(world::IPV4);
    let begun = Instant::now();
    for _ in 0..100 {
        a.send(&[0; 972]).unwrap();
    }
    await_arrivals(&link, 100);
    let sent_meanwhile = begun.elapsed().as_millis() / 10;
    let stats = link.stats().unwrap();
    let kept = 100 - stats.up.dropped.queue;
    assert!((21..=21 + sent_meanwhile).contains(&kept.into()), "{stats:?}");
    for _ in 0..kept {
        receive(&b);
    }
    assert!(begun.elapsed() >= Duration::from_millis(10) * u32::try_from(kept).unwrap());
    assert!(link.stats().unwrap().up.longest_queue_us <= 200_000);
}

#[test]
fn nothing_is_left_of_a_link_that_was_dropped() {
    let Some(world) = World::new("gone") else { return };
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let setup = Setup { control: Some(control.clone()), ..Setup::default() };
    drop(world.link_with(setup.clone()));
    assert!(!control.exists());
    for namespace in [&world.a, &world.b] {
        assert!(!ip(&["-netns", namespace, "link"]).contains(world::DEVICE));
    }
    drop(world.link_with(setup));
}

#[test]
fn a_device_that_is_taken_away_ends_the_link_with_a_sentence() {
    let Some(world) = World::new("taken") else { return };
    let link = world.link("");
    ip(&["-netns", &world.b, "link", "delete", world::DEVICE]);
    let error = link.wait(Some(SOON)).expect_err("the device is gone");
    assert!(error.to_string().contains("the device `link0` is gone"), "{error}");
    assert!(matches!(link.stats(), Err(Error::Ended)));
}

#[test]
fn a_link_that_cannot_be_says_why() {
    let Some(world) = World::new("why") else { return };
    let between = |a: End, setup| Emulator::between(a, world.end_b(), setup).expect_err("it cannot be");
    let nowhere = End::new(Namespace::Named("no-such-namespace".into()), "x");
    let error = between(nowhere, Setup::default());
    assert!(error.to_string().contains("/run/netns/no-such-namespace"), "{error}");
    assert_eq!(error.missing_right(), None);

    let _link = world.link("");
    let error = between(world.end_a(), Setup::default());
    assert!(matches!(error, Error::DeviceTaken { .. }), "{error}");

    let setup = Setup { control: Some("/proc/control".into()), ..Setup::default() };
    assert!(matches!(between(world.end_a(), setup), Error::Control { .. }));
    let setup = Setup { drop_log: Some("/proc/drops".into()), ..Setup::default() };
    assert!(matches!(between(world.end_a(), setup), Error::Log(_)));
}

#[test]
fn another_program_changes_it_asks_it_and_ends_it_by_the_socket() {
    let Some(world) = World::new("told") else { return };
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let link = world.link_with(Setup { control: Some(control.clone()), ..Setup::default() });
    let tell = |line| link_emulator::tell(&control, line).unwrap();
    let (a, _b) = world.sockets(world::IPV4);

    assert_eq!(tell("both blackout"), Reply::Done);
    a.send(&[0; 100]).unwrap();
    await_arrivals(&link, 1);
    let Reply::Stats(stats) = tell("stats") else { panic!("no figures") };
    assert_eq!(stats.up.dropped.blackout, 1);
    let Reply::Refused(sentence) = tell("both blakout") else { panic!("it was understood") };
    assert!(sentence.contains("found `blakout`"), "{sentence}");
    assert_eq!(tell("end"), Reply::Done);
    assert!(link.wait(Some(SOON)).unwrap());
}

/// How long one packet was under way.
fn flight(from: &UdpSocket, to: &UdpSocket) -> Duration {
    let begun = Instant::now();
    from.send(&[1; 100]).unwrap();
    receive(to);
    begun.elapsed()
}

/// A call with a time limit is not taken up again by itself when a debugger or a pause of the computer interrupts it.
fn receive(socket: &UdpSocket) {
    while let Err(error) = socket.recv(&mut [0; 2000]) {
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
    }
}

fn await_arrivals(link: &Emulator, count: u64) {
    let begun = Instant::now();
    while link.stats().unwrap().up.arrived < count {
        assert!(begun.elapsed() < SOON, "{:?}", link.stats());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn connected(own: SocketAddr, other: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(own).unwrap();
    socket.connect(other).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket
}
