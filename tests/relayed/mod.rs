//! Calls over relays that are reached in every way, and relays that cannot be reached: what is said of them, and that the
//! search for ways comes to its end all the same.

mod ends;
mod relays;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use sightline::{
    adapters::{line::dial_through, proxy::Proxies},
    logic::{
        candidate::Kind,
        legs::Order,
        path::PathPolicy,
        servers::{RelayAccess, ServerUrl, Servers, Transport},
        sightings::Trouble,
    },
};
use sightline_protocol::{Pin, ServerAddress};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UdpSocket},
};

use ends::{End, HERE, Pair};
use relays::{Between, Coturn, Proxy, access, door, door_of, for_both, on, pin, server};

/// The library gives up after eight seconds what it is not told of; whoever is told is quicker.
const AT_ONCE: Duration = Duration::from_secs(4);

/// A call over that door: it comes about soon, packets pass without delay, and it is said how.
#[expect(clippy::print_stdout, reason = "what was measured is for whoever looks at it")]
async fn carries_a_call(door: &ServerUrl, pin: Option<Pin>) {
    let began = Instant::now();
    let mut pair = Pair::connect(for_both(door, pin), &Proxies::none()).await;
    let connected = began.elapsed();
    assert!(connected < AT_ONCE, "{door}: {connected:?}");
    let took = pair.send(100, 500, Duration::from_millis(5)).await;
    // The first may find the other end without its keys as yet.
    assert!(took.len() >= 90, "{door}: {} of 100 packets came", took.len());
    let mut sorted: Vec<_> = took.iter().map(|(_, took)| *took).collect();
    sorted.sort();
    let median = sorted[sorted.len() / 2];
    println!("{door}: up after {connected:?}; a packet took {median:?}, most {:?}", sorted.last().unwrap());
    assert!(median < Duration::from_millis(50), "{door}: {median:?}");

    let is_told = |end: &End| end.path.is_some() && end.seen.pairs.iter().any(|pair| pair.answered > 0);
    let media = |end: &End| end.seen.pairs.iter().map(|pair| pair.bytes_received).max().unwrap_or_default();
    pair.until("path and media are told", |pair| {
        is_told(&pair.caller) && is_told(&pair.callee) && media(&pair.callee) > 90 * 500
    })
    .await;
    for end in [&pair.caller, &pair.callee] {
        let path = end.path.as_ref().unwrap();
        assert_eq!(path.local.kind, Kind::Relay);
        let named = format!("{} over {} {}", door.host, door.transport.name(), door.port);
        assert_eq!(path.local.server.as_deref(), Some(named.as_str()));
        let server = end.server(door).unwrap();
        assert_eq!((server.trouble.as_ref(), server.from), (None, HERE), "{server:?}");
        assert_eq!(server.reached_ms.is_some(), door.transport != Transport::Udp, "{server:?}");
        assert!(
            server.relayed.is_some() && server.mapped.is_some() && server.done_ms.is_some(),
            "{server:?}"
        );
        assert!(server.asked >= server.answered && server.answered >= 3, "{server:?}");
        let checked = end.seen.pairs.iter().find(|pair| pair.answered > 0).unwrap();
        assert_eq!(Some(checked.local), server.relayed);
        assert!(checked.heard > 0 && checked.replied > 0 && checked.last_heard_ms.is_some(), "{checked:?}");
        assert!(checked.round_trip_ms.is_some_and(|ms| ms < 1000.0), "{checked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_relayed_over_udp_tcp_and_tls() {
    let server = server().await;
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        carries_a_call(&door_of(&server, transport), pin(&server)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_relayed_by_coturn_over_udp_tcp_and_tls() {
    let Some(coturn) = Coturn::start().await else { return };
    for (transport, port) in
        [(Transport::Udp, coturn.port), (Transport::Tcp, coturn.port), (Transport::Tls, coturn.tls_port)]
    {
        carries_a_call(&door(transport, (HERE, port).into()), Some(coturn.pin)).await;
    }
}

/// Looks for ways over these doors alone, until the search is over; gives how long that took.
async fn search(relay: RelayAccess, stun: Vec<ServerUrl>, proxies: &Proxies) -> (End, Duration) {
    let began = Instant::now();
    let policy = if stun.is_empty() { PathPolicy::Relay } else { PathPolicy::Any };
    let mut end = End::open(Servers { stun, relay: Some(relay) }, policy, proxies.clone());
    end.order(Order::MakeOffer);
    end.gather("the search is over", |end| end.has_gathered).await;
    let took = began.elapsed();
    (end, took)
}

/// Looks for ways over that door, and gives what is in the way of it.
async fn trouble_with(relay: RelayAccess, proxies: &Proxies) -> (Trouble, Duration) {
    let door = relay.doors[0].clone();
    let (mut end, took) = search(relay, Vec::new(), proxies).await;
    end.gather("there is trouble", |end| end.trouble(&door).is_some()).await;
    assert_eq!(end.candidates, Vec::<String>::new());
    (end.trouble(&door).cloned().unwrap(), took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_shows_another_key_is_not_believed_and_the_key_is_named() {
    let server = server().await;
    let door = door_of(&server, Transport::Tls);
    let (trouble, took) = trouble_with(access("ada", &door, Some(Pin([1; 32]))), &Proxies::none()).await;
    let Trouble::WrongCertificate { came, why } = trouble else { panic!("{trouble:?}") };
    assert_eq!(came, pin(&server).map(|pin| pin.to_string()));
    assert!(why.contains("another certificate"), "{why}");
    assert!(took < AT_ONCE, "{took:?}");

    let (trouble, _) = trouble_with(access("ada", &door, None), &Proxies::none()).await;
    assert!(matches!(trouble, Trouble::WrongCertificate { .. }), "nobody vouches for it: {trouble:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_where_nothing_listens_is_called_so() {
    let at = TcpListener::bind(on("127.0.0.1:0")).await.unwrap().local_addr().unwrap();
    for transport in [Transport::Tcp, Transport::Tls] {
        let (trouble, took) = trouble_with(access("ada", &door(transport, at), None), &Proxies::none()).await;
        assert!(trouble == Trouble::NothingListens && took < AT_ONCE, "{trouble:?} {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_says_nothing_is_given_up() {
    let (udp, tcp) = (
        UdpSocket::bind(on("127.0.0.1:0")).await.unwrap(),
        TcpListener::bind(on("127.0.0.1:0")).await.unwrap(),
    );
    let listens = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = tcp.accept().await {
            streams.push(stream);
        }
    });
    let silent = door(Transport::Udp, udp.local_addr().unwrap());
    let (trouble, took) = trouble_with(access("ada", &silent, None), &Proxies::none()).await;
    assert!(trouble == Trouble::NoAnswer && took < Duration::from_secs(10), "{trouble:?} {took:?}");
    listens.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_on_which_nothing_is_said_is_given_up() {
    let listener = TcpListener::bind(on("127.0.0.1:0")).await.unwrap();
    let at = listener.local_addr().unwrap();
    let (trouble, took) =
        trouble_with(access("ada", &door(Transport::Tcp, at), None), &Proxies::none()).await;
    assert!(trouble == Trouble::NoAnswer && took < Duration::from_secs(10), "{trouble:?} {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_refused_with_the_servers_code() {
    let server = server().await;
    for transport in [Transport::Udp, Transport::Tcp] {
        let access =
            RelayAccess { password: "guessed".into(), ..access("ada", &door_of(&server, transport), None) };
        let (trouble, took) = trouble_with(access, &Proxies::none()).await;
        assert!(matches!(trouble, Trouble::Refused { code: 401, .. }), "{trouble:?}");
        assert!(took < AT_ONCE, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_means_nothing_ends_the_search_all_the_same() {
    let server = server().await;
    let named = |url: &str| url.parse::<ServerUrl>().unwrap();
    let nowhere = named("stun:no-such-name.invalid:3478");
    let relay = access("ada", &named("turn:no-such-name.invalid:3478"), None);
    let real = format!("stun:{}", server.addresses().turn_udp[0]);
    let (mut end, took) = search(relay, vec![nowhere.clone(), named(&real)], &Proxies::none()).await;
    assert!(took < Duration::from_secs(8), "{took:?}");
    end.gather("both are known", |end| {
        end.trouble(&nowhere).is_some()
            && end.server(&named(&real)).is_some_and(|server| server.mapped.is_some())
    })
    .await;
    assert_eq!(end.trouble(&nowhere), Some(&Trouble::NameUnknown));
    assert_eq!(end.trouble(&named("turn:no-such-name.invalid:3478")), Some(&Trouble::NameUnknown));
    assert!(end.candidates.iter().any(|line| line.contains("typ host")), "{:?}", end.candidates);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_may_both_say_where_we_are_and_relay() {
    let server = server().await;
    let turn = door_of(&server, Transport::Udp);
    let stun: ServerUrl = format!("stun:{}:{}", turn.host, turn.port).parse().unwrap();
    let (mut end, took) = search(access("ada", &turn, None), vec![stun.clone()], &Proxies::none()).await;
    assert!(took < AT_ONCE, "{took:?}");
    end.gather("both gave something", |end| {
        let gave = |url| end.server(url).is_some_and(|server| server.done_ms.is_some());
        gave(&stun) && gave(&turn)
    })
    .await;
    assert_eq!((end.trouble(&stun), end.trouble(&turn)), (None, None));
    let relayed = end.candidates.iter().filter(|line| line.contains("typ relay")).count();
    assert_eq!(relayed, 1, "{:?}", end.candidates);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_proxy_is_on_the_way_it_leads_to_the_relay_or_says_why_not() {
    let server = server().await;
    for transport in [Transport::Tcp, Transport::Tls] {
        let real = door_of(&server, transport);
        let leads = Proxy::start(Some((HERE, real.port).into())).await;
        // Only the proxy knows that name.
        let known = ServerUrl { host: "relay.of.the.proxy.invalid".into(), ..real };
        let proxies = Proxies::named(Some(&format!("http://ada:p%40ss@{}", leads.at)), None);
        let mut pair = Pair::connect(for_both(&known, pin(&server)), &proxies).await;
        assert!(pair.send(20, 300, Duration::from_millis(5)).await.len() >= 18);
        let asked = leads.asked.lock().unwrap().clone();
        let first = format!("CONNECT relay.of.the.proxy.invalid:{} HTTP/1.1\r\n", known.port);
        assert!(asked.len() == 2 && asked.iter().all(|head| head.starts_with(&first)), "{asked:?}");
        // `ada:p@ss`.
        assert!(asked[0].contains("Proxy-Authorization: Basic YWRhOnBAc3M=\r\n"), "{asked:?}");
        pair.caller.leave();

        let refuses = Proxy::start(None).await;
        let proxies = Proxies::named(Some(&refuses.at.to_string()), None);
        let (trouble, took) = trouble_with(access("ada", &known, None), &proxies).await;
        let Trouble::ProxyRefused { why } = trouble else { panic!("{trouble:?}") };
        assert!(why.contains("403 Not through me") && took < AT_ONCE, "{why} {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_not_there_is_what_is_in_the_way() {
    let at = TcpListener::bind(on("127.0.0.1:0")).await.unwrap().local_addr().unwrap();
    let proxies = Proxies::named(Some(&at.to_string()), None);
    let far = "turns:relay.example.invalid:443".parse().unwrap();
    let (trouble, _) = trouble_with(access("ada", &far, None), &proxies).await;
    assert!(
        matches!(&trouble, Trouble::ProxyRefused { why } if why.contains("cannot be reached")),
        "{trouble:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_to_the_switchboard_goes_through_the_proxy_too() {
    let server = server().await;
    let here = server.links().remove(0);
    let leads = Proxy::start(Some(server.addresses().https[0])).await;
    let proxies = Proxies::named(Some(&leads.at.to_string()), None);
    let known = ServerAddress { host: "switchboard.of.the.proxy.invalid".into(), ..here };
    let mut line = dial_through(&known, &proxies).await.unwrap();
    line.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let refuses = Proxy::start(None).await;
    let proxies = Proxies::named(Some(&refuses.at.to_string()), None);
    let Err(error) = dial_through(&known, &proxies).await else { panic!("it was let through") };
    assert!(error.may_pass() && error.to_string().contains("403 Not through me"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_ways_to_a_relay_datagrams_are_taken() {
    let server = server().await;
    for _ in 0..5 {
        let doors = [Transport::Tls, Transport::Tcp, Transport::Udp].map(|way| door_of(&server, way));
        let relays =
            for_both(&doors[0], pin(&server)).map(|one| RelayAccess { doors: doors.to_vec(), ..one });
        let mut pair = Pair::connect(relays, &Proxies::none()).await;
        pair.until("the path is told", |pair| pair.caller.path.is_some() && pair.callee.path.is_some()).await;
        for end in [&pair.caller, &pair.callee] {
            let by = end.path.as_ref().and_then(|path| path.local.server.clone()).unwrap();
            assert!(by.contains("over UDP"), "{by}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_is_called_broken_and_made_again() {
    let server = server().await;
    let real = door_of(&server, Transport::Tcp);
    let between = Between::start((HERE, real.port).into(), None).await;
    let door = door(Transport::Tcp, between.at);
    let mut pair = Pair::connect(for_both(&door, None), &Proxies::none()).await;
    assert_eq!(between.streams.load(Ordering::SeqCst), 2);

    between.cut();
    pair.until("it is called broken", |pair| pair.caller.trouble(&door) == Some(&Trouble::Broken)).await;
    let streams = between.streams.clone();
    pair.until("there are streams again", |_| streams.load(Ordering::SeqCst) >= 4).await;
    // What the server says to what goes on as before is no news: it cannot know us on another stream.
    assert_eq!(pair.caller.trouble(&door), Some(&Trouble::Broken));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_from_a_server_harms_nobody() {
    let tcp = TcpListener::bind(on("127.0.0.1:0")).await.unwrap();
    let udp = UdpSocket::bind(on("127.0.0.1:0")).await.unwrap();
    let doors =
        [door(Transport::Tcp, tcp.local_addr().unwrap()), door(Transport::Udp, udp.local_addr().unwrap())];
    let talks = tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = tcp.accept().await else { return };
            let mut asked = [0; 20];
            stream.read_exact(&mut asked).await.ok();
            stream.write_all(b"\xff\xfe\xfd this is no TURN").await.ok();
        }
    });
    let babbles = tokio::spawn(async move {
        let mut bytes = [0; 1500];
        let mut number = 0_u8;
        while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
            // Its own words, a little wrong: another one each time.
            number = number.wrapping_add(1);
            let place = usize::from(number) % length;
            bytes[0] ^= 1;
            bytes[place] ^= number;
            udp.send_to(&bytes[..length], from).await.ok();
            udp.send_to(&bytes[..length / 2], from).await.ok();
            udp.send_to(&[], from).await.ok();
        }
    });
    let [stream, datagrams] = &doors;
    let (trouble, took) = trouble_with(access("ada", stream, None), &Proxies::none()).await;
    assert!(trouble == Trouble::Broken && took < Duration::from_secs(20), "{trouble:?} {took:?}");
    let (end, _) = search(access("ada", datagrams, None), Vec::new(), &Proxies::none()).await;
    assert_eq!(end.candidates, Vec::<String>::new());
    talks.abort();
    babbles.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "what was measured is for whoever looks at it")]
async fn a_relay_that_is_too_slow_loses_packets_and_the_call_goes_on() {
    // 1 Mbit/s, and more than that to send.
    let server = server().await;
    let real = door_of(&server, Transport::Tcp);
    let between = Between::start((HERE, real.port).into(), Some(125_000)).await;
    let slow = access("ada", &door(Transport::Tcp, between.at), None);
    let mut pair = Pair::connect([slow, access("bob", &real, None)], &Proxies::none()).await;
    let mut took: Vec<_> =
        pair.send(1200, 1000, Duration::from_millis(5)).await.into_iter().map(|(_, took)| took).collect();
    took.sort();
    let (came, dropped) = (took.len(), pair.caller.tally.counters().relay_packets_dropped);
    // Half of them are repairs of what was lost, and late by nature.
    println!(
        "1.6 Mbit/s over 1 Mbit/s: {came} of 1200 came, {dropped} dropped; a quarter within {:?}",
        took[came / 4]
    );
    assert!(dropped > 100, "{dropped}");
    assert!(came > 500, "{came}");
    assert!(took[came / 4] < Duration::from_secs(1), "{took:?}");
}
