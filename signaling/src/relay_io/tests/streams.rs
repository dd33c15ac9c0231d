//! Clients on TCP.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use super::client::{Line, TurnClient};
use super::{PATIENCE, Running, SCOPE, eventually, setup};
use crate::config::{Reach, RelayLimits};
use crate::relay::{News, Party};
use crate::relay_io::{Gate, Pass, Setup, StreamDoor, TcpDoor};

const CHANNEL: u16 = 0x4003;

/// A relay with a TCP port. The runtime goes last.
struct WithTcp {
    running: Running,
    address: SocketAddr,
    _door: TcpDoor,
    _runtime: Runtime,
}

impl WithTcp {
    fn new(setup: Setup) -> Self {
        Self::behind(&(Arc::new(|_: IpAddr| Some(Box::new(()) as Pass)) as Gate), setup)
    }

    fn behind(gate: &Gate, setup: Setup) -> Self {
        let running = Running::new(setup);
        let streams = running.relay.streams();
        Self::with_streams(gate, running, &streams)
    }

    fn with_streams(gate: &Gate, running: Running, streams: &StreamDoor) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let _inside = runtime.enter();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let door = TcpDoor::open(vec![listener], streams, gate, 100);
        drop(_inside);
        Self { running, address, _door: door, _runtime: runtime }
    }

    fn client(&self) -> TurnClient {
        TurnClient::tcp(self.address)
    }
}

fn peer() -> (UdpSocket, SocketAddr) {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    peer.set_read_timeout(Some(PATIENCE)).expect("a time");
    let address = peer.local_addr().expect("an address");
    (peer, address)
}

fn hear(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 65_536];
    let (length, from) = peer.recv_from(&mut bytes).expect("a packet");
    bytes.truncate(length);
    (bytes, from)
}

#[test]
fn a_stream_carries_packets_of_every_size_both_ways() {
    let with = WithTcp::new(setup(2));
    // Two, so that each thread has one.
    for _ in 0..2 {
        let mut client = with.client();
        assert_eq!(client.mapped(), client.local());
        let relayed = client.allocate().expect("an allocation");
        let (peer, address) = peer();
        assert_eq!(client.bind(CHANNEL, address), 200);
        for size in [0, 1, 2, 3, 4, 5, 999, 1100, 4096, 20_000, 65_507] {
            let payload: Vec<u8> = (0..size).map(|place| (place * 7 + size) as u8).collect();
            client.say(CHANNEL, &payload);
            assert_eq!(hear(&peer), (payload.clone(), relayed), "{size} bytes out");
            peer.send_to(&payload, relayed).expect("loopback takes it");
            assert_eq!(client.hear(CHANNEL), payload, "{size} bytes in");
        }
    }
    eventually("the first one's end is counted", || with.running.metrics.relay.streams.get() == 0);
}

#[test]
fn messages_may_be_cut_anywhere() {
    let with = WithTcp::new(setup(1));
    let mut client = with.client();
    let relayed = client.allocate().expect("an allocation");
    let (peer, address) = peer();
    assert_eq!(client.bind(CHANNEL, address), 200);
    let bytes: Vec<u8> =
        (1..=30).flat_map(|size| client.channel_data(CHANNEL, &vec![size; size.into()])).collect();
    for piece in bytes.chunks(13) {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(1));
    }
    for size in 1..=30 {
        assert_eq!(hear(&peer), (vec![size; size.into()], relayed));
    }
}

#[test]
fn a_stream_and_a_datagram_client_meet_in_memory() {
    let with = WithTcp::new(Setup { reach: Reach::Call, allow: Vec::new(), ..setup(2) });
    with.running.relay.news().tell(&News::Opened { scope: SCOPE });
    let mut caller = with.client().of(SCOPE, Party::Lower);
    let mut callee = TurnClient::udp(with.running.address()).of(SCOPE, Party::Higher);
    let (here, there) = (caller.allocate().expect("one"), callee.allocate().expect("another"));
    assert_eq!((caller.bind(CHANNEL, there), callee.bind(CHANNEL, here)), (200, 200));
    for number in 0..50_u8 {
        caller.say(CHANNEL, &[number; 333]);
        assert_eq!(callee.hear(CHANNEL), [number; 333]);
        callee.say(CHANNEL, &[number; 334]);
        assert_eq!(caller.hear(CHANNEL), [number; 334]);
    }
}

#[test]
fn an_allocation_ends_with_its_stream() {
    let with = WithTcp::new(setup(1));
    let mut client = with.client();
    let relayed = client.allocate().expect("an allocation");
    assert_eq!(with.running.relay.allocations(), 1);
    drop(client);
    eventually("it is gone", || with.running.relay.allocations() == 0);
    UdpSocket::bind(relayed).expect("the port is free again");
    eventually("so is the stream", || with.running.metrics.relay.streams.get() == 0);
}

#[test]
fn a_stream_ends_with_its_call() {
    let with = WithTcp::new(Setup { reach: Reach::Call, ..setup(2) });
    let news = with.running.relay.news();
    news.tell(&News::Opened { scope: SCOPE });
    let mut client = with.client();
    client.allocate().expect("an allocation");
    news.tell(&News::Ended { scope: SCOPE });
    assert_eq!(client.receive(), None, "closed by the server");
}

#[test]
fn rubbish_ends_a_stream_at_once() {
    let with = WithTcp::new(setup(1));
    for rubbish in [&b"\x80"[..], b"\xff\xff\xff\xff", b"\x00\x01\x00\x01", b"\xc0"] {
        let mut client = with.client();
        let begun = Instant::now();
        client.send(rubbish);
        assert_eq!(client.receive(), None);
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn a_client_that_reads_nothing_loses_packets_and_nobody_else_does() {
    let with = WithTcp::new(setup(1));
    let (mut slow, mut quick) = (with.client(), with.client());
    let (to_slow, to_quick) = (slow.allocate().expect("one"), quick.allocate().expect("another"));
    let (peer, address) = peer();
    assert_eq!((slow.bind(CHANNEL, address), quick.bind(CHANNEL, address)), (200, 200));
    let dropped = || with.running.metrics.relay.dropped.stream_full.get();
    let until = Instant::now() + PATIENCE;
    let mut number = 0_u32;
    while dropped() == 0 {
        assert!(Instant::now() < until, "a full stream drops");
        for _ in 0..50 {
            peer.send_to(&[1; 1200], to_slow).expect("loopback takes it");
        }
        number += 1;
        peer.send_to(&number.to_be_bytes(), to_quick).expect("loopback takes it");
        assert_eq!(quick.hear(CHANNEL), number.to_be_bytes());
    }
    // What it gets late is whole all the same.
    for _ in 0..20 {
        assert_eq!(slow.hear(CHANNEL), [1; 1200]);
    }
}

/// Half a message a byte at a time is silence too.
#[test]
fn a_client_without_an_allocation_that_says_nothing_whole_is_closed() {
    const SHORT: Duration = Duration::from_millis(400);
    let running = Running::new(setup(1));
    let limits = setup(1).limits;
    let mailboxes = running.relay.shared.mailboxes.clone();
    let streams = StreamDoor::new(mailboxes, Arc::clone(&running.metrics), &limits, SHORT);
    let everybody: Gate = Arc::new(|_| Some(Box::new(()) as Pass));
    let with = WithTcp::with_streams(&everybody, running, &streams);
    let (mut silent, mut slow, mut busy, mut allocated) =
        (with.client(), with.client(), with.client(), with.client());
    allocated.allocate().expect("an allocation");
    let mut half = slow.binding_request();
    half.truncate(12);
    let begun = Instant::now();
    for byte in half {
        // It may be closed already.
        if let Line::Stream(stream, _) = &mut slow.line {
            drop(stream.write_all(&[byte]));
        }
        assert_eq!(busy.mapped(), busy.local());
        std::thread::sleep(SHORT / 8);
    }
    assert_eq!((silent.receive(), slow.receive()), (None, None), "closed by the server");
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!((busy.mapped(), allocated.mapped()), (busy.local(), allocated.local()));
}

#[test]
fn there_are_no_more_streams_than_there_may_be() {
    let limits = RelayLimits { streams: 2, ..setup(1).limits };
    let with = WithTcp::new(Setup { limits, ..setup(2) });
    let (mut one, mut two) = (with.client(), with.client());
    assert_eq!((one.mapped(), two.mapped()), (one.local(), two.local()));
    let mut three = with.client();
    assert_eq!(three.receive(), None, "closed by the server");
    drop(one);
    eventually("there is a place again", || with.running.metrics.relay.streams.get() == 1);
    let mut four = with.client();
    assert_eq!(four.mapped(), four.local());
}

#[test]
fn whom_the_gate_turns_away_is_closed_and_a_pass_lasts_as_long_as_its_connection() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let inside = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&inside);
    let gate: Gate = Arc::new(move |_| {
        let one_more = |inside| (inside < 1).then_some(inside + 1);
        counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Box::new(Counted(Arc::clone(&counter))) as Pass)
    });
    let with = WithTcp::behind(&gate, setup(1));
    let mut one = with.client();
    assert_eq!(one.mapped(), one.local());
    assert_eq!(with.client().receive(), None, "turned away");
    drop(one);
    eventually("its pass is given back", || inside.load(Ordering::SeqCst) == 0);
    let mut two = with.client();
    assert_eq!(two.mapped(), two.local());
}

#[test]
fn streams_end_with_the_relay() {
    let WithTcp { running, address, _door, _runtime } = WithTcp::new(setup(2));
    let mut clients = [TurnClient::tcp(address), TurnClient::tcp(address)];
    for client in &mut clients {
        assert_eq!(client.mapped(), client.local());
    }
    let Running { relay, metrics } = running;
    drop(relay);
    for client in &mut clients {
        assert_eq!(client.receive(), None);
    }
    assert_eq!(TurnClient::tcp(address).receive(), None, "nobody serves it any more");
    eventually("all are gone", || metrics.relay.streams.get() == 0);
}

#[test]
fn a_flood_through_one_stream_is_read_as_fast_as_it_is_handled_and_all_of_it() {
    let with = WithTcp::new(setup(1));
    let mut client = with.client();
    let request = client.binding_request();
    let Line::Stream(stream, _) = &client.line else { panic!("a stream") };
    let (mut writer, mut reader): (TcpStream, TcpStream) =
        (stream.try_clone().expect("a handle"), stream.try_clone().expect("a handle"));
    let count = 20_000;
    let writing = std::thread::Builder::new().name("flood".into()).spawn(move || {
        for _ in 0..count / 100 {
            writer.write_all(&request.repeat(100)).expect("the server reads");
        }
    });
    let bindings = || with.running.metrics.relay.bindings.get();
    // Its answers are read, or they would be dropped; how many there are is limited by source.
    let mut bytes = vec![0; 65_536];
    reader.set_read_timeout(Some(Duration::from_millis(500))).expect("a time");
    while reader.read(&mut bytes).is_ok_and(|length| length > 0) {}
    writing.expect("a thread").join().expect("it wrote all");
    let answers = || with.running.metrics.relay.dropped.answers.get();
    eventually("every request was seen", || bindings() + answers() == count);
}
