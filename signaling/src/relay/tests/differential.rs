//! The same clients before another server: `turn-server-proto`, written by somebody else from the same documents.
//!
//! What is compared: the code of each answer, lifetimes, and each packet that passes, byte for byte where it is
//! ChannelData. Each server is asked with its own nonce. Where the two differ, the clients here do not go: addresses that
//! only we refuse; moments at which a lifetime ends to the nanosecond; a channel that is bound to one peer and then to
//! another, which RFC 8656 refuses with 400 and the other server lets be.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use stun_types::attribute::Nonce;
use stun_types::message::Message;
use turn_server_proto::api::{SocketAllocateError, TurnServerApi, TurnServerPollRet};
use turn_server_proto::server::TurnServer;
use turn_server_proto::stun::Instant as TheirInstant;
use turn_server_proto::stun::agent::Transmit;
use turn_server_proto::types::TransportType;
use turn_server_proto::types::prelude::DelayedTransmitBuild;

use super::world::*;
use crate::relay::control::REALM;
use crate::relay::credentials::mint;
use crate::relay::{Destination, Party, stun};

const LISTENING: &str = "8.8.8.8:3478";
const CLIENTS: [&str; 2] = ["5.5.5.5:1000", "6.6.6.6:1000"];
const PEERS: [&str; 3] = ["1.1.1.1:1", "1.1.1.1:2", "2.2.2.2:1"];

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Allocate(usize),
    Refresh(usize, u32),
    Permit(usize, usize),
    Bind(usize, u16, usize),
    ChannelData(usize, u16, usize),
    Send(usize, usize, usize),
    FromPeer(usize, usize, usize),
}

fn steps() -> impl Strategy<Value = Step> {
    let (client, peer, length) = (|| 0..CLIENTS.len(), || 0..PEERS.len(), || 0..1200usize);
    let channel = || 0x4000..0x4003u16;
    prop_oneof![
        2 => (0..200u64).prop_map(Step::Wait),
        2 => client().prop_map(Step::Allocate),
        1 => (client(), prop_oneof![Just(0), Just(600), Just(700)]).prop_map(|(c, s)| Step::Refresh(c, s)),
        2 => (client(), peer()).prop_map(|(c, p)| Step::Permit(c, p)),
        // Each peer has its own channel.
        3 => (client(), peer()).prop_map(|(c, p)| Step::Bind(c, 0x4000 + p as u16, p)),
        3 => (client(), channel(), length()).prop_map(|(c, n, l)| Step::ChannelData(c, n, l)),
        3 => (client(), peer(), length()).prop_map(|(c, p, l)| Step::Send(c, p, l)),
        4 => (client(), peer(), length()).prop_map(|(c, p, l)| Step::FromPeer(c, p, l)),
    ]
}

/// What came of a step, in words that both servers share.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Answer {
        code: u16,
        lifetime: Option<u32>,
    },
    ToPeer(SocketAddr, Vec<u8>),
    ToClient(SocketAddr, Vec<u8>),
    /// A Data indication, whose transaction is anybody's choice.
    Indicated(SocketAddr, SocketAddr, Vec<u8>),
    Nothing,
}

fn to_client(client: SocketAddr, bytes: Vec<u8>) -> Outcome {
    if bytes[0] >= 0x40 {
        return Outcome::ToClient(client, bytes);
    }
    assert_eq!(bytes[..2], [0x00, 0x17], "a Data indication");
    let said = Said { client: udp(CLIENTS[0]), bytes };
    let data = said.message().raw_attribute(stun::DATA).unwrap().value.to_vec();
    Outcome::Indicated(client, said.address(stun::XOR_PEER_ADDRESS).unwrap(), data)
}

/// The other server, with a shell.
struct Theirs {
    server: TurnServer,
    now: TheirInstant,
    /// The relayed address that each client has or had last.
    relayed: [Option<SocketAddr>; CLIENTS.len()],
    port: u16,
}

impl Theirs {
    fn new() -> Self {
        let mut server = TurnServer::new(TransportType::Udp, at(LISTENING), REALM.to_owned());
        for client in 0..CLIENTS.len() {
            let made = made_for(client);
            server.add_user(made.username, made.password);
        }
        Self { server, now: TheirInstant::ZERO, relayed: Default::default(), port: 50000 }
    }

    fn hear_client(&mut self, client: usize, packet: Vec<u8>) -> Option<(SocketAddr, Vec<u8>)> {
        let transmit = Transmit::new(packet, TransportType::Udp, at(CLIENTS[client]), at(LISTENING));
        let passed = self.server.recv(transmit, self.now).map(|sent| (sent.to, sent.data.build()));
        self.poll();
        passed.or_else(|| self.server.poll_transmit(self.now).map(|sent| (sent.to, sent.data)))
    }

    fn hear_peer(&mut self, relayed: SocketAddr, peer: SocketAddr, payload: Vec<u8>) -> Outcome {
        let transmit = Transmit::new(payload, TransportType::Udp, peer, relayed);
        let sent = self.server.recv(transmit, self.now).map(|sent| (sent.to, sent.data.build()));
        sent.map_or(Outcome::Nothing, |(client, bytes)| to_client(client, bytes))
    }

    fn poll(&mut self) {
        for _ in 0..100 {
            match self.server.poll(self.now) {
                TurnServerPollRet::AllocateSocket {
                    transport,
                    listen_addr,
                    client_addr,
                    allocation_transport,
                    family,
                } => {
                    self.port += 1;
                    let relayed = SocketAddr::new(ip(RELAY_IP), self.port);
                    let client = CLIENTS.iter().position(|client| at(client) == client_addr).unwrap();
                    self.relayed[client] = Some(relayed);
                    let socket: Result<_, SocketAllocateError> = Ok(relayed);
                    self.server.allocated_socket(
                        transport,
                        listen_addr,
                        client_addr,
                        allocation_transport,
                        family,
                        socket,
                        self.now,
                    );
                }
                TurnServerPollRet::WaitUntil(until) if until > self.now => return,
                TurnServerPollRet::WaitUntil(_)
                | TurnServerPollRet::TcpConnect { .. }
                | TurnServerPollRet::TcpClose { .. }
                | TurnServerPollRet::SocketClose { .. } => {}
            }
        }
    }

    fn ask(
        &mut self,
        client: usize,
        write: &dyn Fn(Ask) -> Ask,
        method: stun_types::message::Method,
    ) -> Outcome {
        let mut asker = asker_without_nonce(client);
        for transaction in 1..3u128 {
            let id = self.now.as_nanos() as u128 * 4 + transaction;
            let request = asker.sign(write(Ask::new(method, id.into())));
            let (_, bytes) = self.hear_client(client, request).expect("an answer");
            let said = Said { client: asker.client, bytes };
            if !matches!(said.code(), 401 | 438) {
                return answer(&said);
            }
            let message = Message::from_bytes(&said.bytes).unwrap();
            asker.nonce = message.attribute::<Nonce>().unwrap().nonce().to_owned();
        }
        panic!("no nonce was good enough");
    }
}

fn made_for(client: usize) -> crate::relay::credentials::Credentials {
    let party = if client == 0 { Party::Lower } else { Party::Higher };
    mint(SECRET, SCOPE, party, UNIX + 1_000_000)
}

fn asker_without_nonce(client: usize) -> Asker {
    Asker {
        client: udp(CLIENTS[client]),
        credentials: made_for(client),
        nonce: "none yet".to_owned(),
        algorithm: stun_types::message::IntegrityAlgorithm::Sha1,
    }
}

fn answer(said: &Said) -> Outcome {
    Outcome::Answer { code: said.code(), lifetime: said.lifetime() }
}

/// Our server, with the same words.
struct Ours {
    world: World,
    relayed: [Option<SocketAddr>; CLIENTS.len()],
}

impl Ours {
    fn ask(
        &mut self,
        client: usize,
        write: &dyn Fn(Ask) -> Ask,
        method: stun_types::message::Method,
    ) -> Outcome {
        let asker = self.world.asker(udp(CLIENTS[client]), made_for(client));
        let ask = write(self.world.new_ask(method));
        let said = self.world.ask(&asker, ask);
        if let Some(relayed) = said.address(stun::XOR_RELAYED_ADDRESS) {
            self.relayed[client] = Some(relayed);
        }
        answer(&said)
    }

    fn passed(sent: Option<Sent>) -> Outcome {
        match sent {
            None => Outcome::Nothing,
            Some(Sent { to: Destination::Peer { to, .. }, bytes }) => Outcome::ToPeer(to, bytes),
            Some(Sent { to: Destination::Client(client), bytes }) => to_client(client.remote, bytes),
            Some(Sent { to: Destination::Neighbour { .. }, .. }) => panic!("there is no neighbour"),
        }
    }
}

fn both(ours: &mut Ours, theirs: &mut Theirs, step: &Step) -> (Outcome, Outcome) {
    let request = |ours: &mut Ours, theirs: &mut Theirs, client, write: &dyn Fn(Ask) -> Ask, method| {
        (ours.ask(client, write, method), theirs.ask(client, write, method))
    };
    let data = |ours: &mut Ours, theirs: &mut Theirs, client: usize, packet: Vec<u8>| {
        let sent = ours.world.send(udp(CLIENTS[client]), &packet);
        let passed = theirs.hear_client(client, packet);
        (Ours::passed(sent), passed.map_or(Outcome::Nothing, |(to, bytes)| Outcome::ToPeer(to, bytes)))
    };
    match *step {
        Step::Wait(seconds) => {
            // Never exactly when something ends.
            let time = Duration::from_secs(seconds) + Duration::from_millis(1);
            ours.world.wait(time);
            theirs.now += time;
            theirs.poll();
            (Outcome::Nothing, Outcome::Nothing)
        }
        Step::Allocate(client) => request(ours, theirs, client, &|ask| ask.transport(17), stun::ALLOCATE),
        Step::Refresh(client, seconds) => {
            let write = |ask: Ask| ask.bytes(stun::LIFETIME, &seconds.to_be_bytes());
            request(ours, theirs, client, &write, stun::REFRESH)
        }
        Step::Permit(client, peer) => {
            request(ours, theirs, client, &|ask| ask.peer(at(PEERS[peer])), stun::CREATE_PERMISSION)
        }
        Step::Bind(client, number, peer) => {
            let write = |ask: Ask| ask.channel(number).peer(at(PEERS[peer]));
            request(ours, theirs, client, &write, stun::CHANNEL_BIND)
        }
        Step::ChannelData(client, number, length) => {
            data(ours, theirs, client, channel_data(number, &vec![9; length]))
        }
        Step::Send(client, peer, length) => {
            data(ours, theirs, client, send_indication(at(PEERS[peer]), &vec![9; length]))
        }
        Step::FromPeer(client, peer, length) => {
            let (Some(here), Some(there)) = (ours.relayed[client], theirs.relayed[client]) else {
                return (Outcome::Nothing, Outcome::Nothing);
            };
            let sent = ours.world.peer_sends(here, PEERS[peer], &vec![9; length]);
            (Ours::passed(sent), theirs.hear_peer(there, at(PEERS[peer]), vec![9; length]))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_server_says_the_same(steps in prop::collection::vec(steps(), 1..60)) {
        let mut ours = Ours { world: World::public(), relayed: Default::default() };
        let mut theirs = Theirs::new();
        for (n, step) in steps.iter().enumerate() {
            let (mine, other) = both(&mut ours, &mut theirs, step);
            prop_assert_eq!(mine, other, "step {}: {:?}", n, step);
        }
    }
}
