//! Floods. What they may cost is time while they last, never memory, and never a relayed call.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::TurnClient;
use super::{PATIENCE, Running, setup};
use crate::config::RelayLimits;
use crate::relay_io::Setup;

const CHANNEL: u16 = 0x4004;

/// Everything that might come, from a generator that is the same each time.
struct Rubbish(u64);

impl Rubbish {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn packet(&mut self) -> Vec<u8> {
        let length = match self.next() % 4 {
            0 => self.next() % 8,
            1 => self.next() % 200,
            2 => 20,
            _ => self.next() % 1500,
        };
        let mut packet: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
        match self.next() % 3 {
            // Nearly STUN.
            0 if packet.len() >= 20 => {
                let said = u16::try_from(packet.len() - 20).expect("short");
                packet[..2].copy_from_slice(&[[0, 1], [0, 3], [0, 4], [0, 9]][(self.next() % 4) as usize]);
                packet[2..4].copy_from_slice(&said.to_be_bytes());
                packet[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
            }
            // Nearly ChannelData.
            1 if packet.len() >= 4 => {
                let said = u16::try_from(packet.len() - 4).expect("short");
                packet[0] = 0x40;
                packet[2..4].copy_from_slice(&said.to_be_bytes());
            }
            _ => {}
        }
        packet
    }
}

fn flood(at: &[SocketAddr], seed: u64, stop: &AtomicBool) -> u64 {
    let mut rubbish = Rubbish(seed);
    let packets: Vec<_> = (0..500).map(|_| rubbish.packet()).collect();
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        // A new source each time.
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        for packet in &packets {
            for address in at {
                sent += u64::from(socket.send_to(packet, address).is_ok());
            }
        }
    }
    sent
}

/// Pages of this process, from the system.
#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let resident: usize = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
    resident * 4096
}

/// In a process of its own, since what the other tests take would count.
#[test]
#[cfg(target_os = "linux")]
fn a_flood_costs_no_memory_and_a_call_goes_on() {
    const ALONE: &str = "SIGHTLINE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return flood_a_call();
    }
    let name = "relay_io::tests::hostile::a_flood_costs_no_memory_and_a_call_goes_on";
    let alone = std::process::Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("this program once more");
    let said = [alone.stdout, alone.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(alone.status.success() && said.contains("1 passed"), "{said}");
}

#[cfg(target_os = "linux")]
fn flood_a_call() {
    const LASTS: Duration = Duration::from_secs(2);
    let limits = RelayLimits { answers_per_second: 20, ..setup(1).limits };
    let running = Running::new(Setup { limits, ..setup(2) });
    let mut client = TurnClient::udp(running.address());
    let relayed = client.allocate().expect("an allocation");
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    peer.set_read_timeout(Some(PATIENCE)).expect("a time");
    let address = peer.local_addr().expect("an address");
    assert_eq!(client.bind(CHANNEL, address), 200);
    let stop = AtomicBool::new(false);

    thread::scope(|scope| {
        // Each flood's first round warms up what is kept for good.
        let floods: Vec<_> = (1..=2)
            .map(|seed| {
                let (stop, at) = (&stop, [running.address(), relayed]);
                scope.spawn(move || flood(&at, seed, stop))
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        let before = resident_bytes();
        let until = Instant::now() + LASTS;
        let (mut asked, mut answered) = (0_u32, 0_u32);
        let mut bytes = [0; 2000];
        peer.set_read_timeout(Some(Duration::from_millis(300))).expect("a time");
        while Instant::now() < until {
            asked += 1;
            client.say(CHANNEL, &asked.to_be_bytes());
            // One that was lost in the crowd may still come.
            while let Ok((length, from)) = peer.recv_from(&mut bytes) {
                assert_eq!((length, from), (4, relayed), "nothing of the flood reaches a peer");
                answered += 1;
                if bytes[..4] == asked.to_be_bytes() {
                    break;
                }
            }
        }
        let after = resident_bytes();
        stop.store(true, Ordering::Relaxed);
        let sent: u64 = floods.into_iter().map(|flood| flood.join().expect("a flood")).sum();
        eprintln!(
            "{sent} packets of rubbish; {answered} of {asked} packets of the call; {before} to {after} bytes"
        );
        // The kernel drops where the flood fills a socket's buffer, which is not the relay's doing.
        assert!(answered * 10 >= asked * 8, "{answered} of {asked}");
        assert!(after.saturating_sub(before) < 8 << 20, "from {before} to {after} bytes");
    });
    assert!(running.relay.is_whole());
    client.say(CHANNEL, b"after the flood");
}
