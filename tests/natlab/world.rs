//! Worlds: two clients, their routers, the public network between, and the servers in it.
//!
//! ```text
//! ca ── ra ══ pub ══ rb ── cb        ── a cable     ══ a link emulator
//!        (ka) │ (kb)                 ka, kb: a carrier's router outside of their own
//!            srv                     xa, xb: a second way out, by another router
//! ```
//!
//! The public network routes; what it has no route for it swallows.

use std::time::Duration;

use link_emulator::{Change, Directions, Emulator, End, Namespace, Setup};

use super::{
    namespaces::{Missing, Namespaces, must, run},
    router::{Nat, Router},
    server::{self, Relay, Servers},
};

/// What a world is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) a: Home,
    pub(crate) b: Home,
    pub(crate) together: Together,
    pub(crate) relay: Relay,
    /// There and back between the two clients' routers.
    pub(crate) round_trip: Duration,
    /// In percent, each way on A's link.
    pub(crate) loss: f64,
    pub(crate) seed: u64,
}

/// How a client is connected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) nat: Nat,
    /// A second router outside of the first.
    pub(crate) carrier: Option<Nat>,
    pub(crate) ipv4: bool,
    pub(crate) ipv6: bool,
    /// A second way out that can be plugged in, behind such a router.
    pub(crate) second: Option<Nat>,
}

/// What the two clients share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Together {
    /// The public network.
    Internet,
    /// One network at home: A's.
    Lan,
    /// One router, and behind it a network for each.
    Router,
}

impl Home {
    pub(crate) const fn behind(nat: Nat) -> Self {
        Self { nat, carrier: None, ipv4: true, ipv6: false, second: None }
    }
}

impl Plan {
    /// Two clients behind such routers, 50 ms from each other.
    pub(crate) const fn of(a: Nat, b: Nat) -> Self {
        Self {
            a: Home::behind(a),
            b: Home::behind(b),
            together: Together::Internet,
            relay: Relay::Ours,
            round_trip: Duration::from_millis(50),
            loss: 0.0,
            seed: 1,
        }
    }
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    A,
    B,
}

/// The names and numbers that differ between the two.
struct Side {
    client: &'static str,
    router: &'static str,
    carrier: &'static str,
    second: &'static str,
    number: u8,
}

const SIDES: [Side; 2] = [
    Side { client: "ca", router: "ra", carrier: "ka", second: "xa", number: 1 },
    Side { client: "cb", router: "rb", carrier: "kb", second: "xb", number: 2 },
];

/// A world that stands until it is dropped.
pub(crate) struct World {
    plan: Plan,
    // In the order in which they have to go.
    pub(crate) servers: Servers,
    links: Vec<(&'static str, Emulator)>,
    routers: Vec<Router>,
    pub(crate) nets: Namespaces,
}

impl World {
    pub(crate) fn build(plan: Plan) -> Result<Self, Missing> {
        let mut building =
            Building { nets: Namespaces::new()?, links: Vec::new(), routers: Vec::new(), plan };
        building.public_network()?;
        for (side, home) in SIDES.iter().zip([plan.a, plan.b]) {
            building.client(side, home)?;
        }
        let Building { nets, links, routers, plan } = building;
        let servers = Servers::start(&nets, plan.relay);
        Ok(Self { plan, servers, links, routers, nets })
    }

    pub(crate) fn client(who: Who) -> &'static str {
        who.side().client
    }

    /// From now on that client's own router is of that kind.
    pub(crate) fn set_nat(&self, who: Who, nat: Nat) {
        self.router(who).become_a(&self.nets, nat);
    }

    /// That client's own router forgets every mapping.
    pub(crate) fn forget_mappings(&self, who: Who) {
        self.router(who).forget(&self.nets);
    }

    /// What is sent from an address goes out where that address is, as other systems have it; Linux by itself sends
    /// everything by the best way out, and what comes from another address's sockets does not return.
    pub(crate) fn route_by_source(&self, who: Who) {
        let (client, n) = (who.side().client, who.side().number);
        let host = n + 1;
        self.nets.ip(
            client,
            &format!(
                "rule add from 192.168.{n}.{host} lookup 100\nroute add default via 192.168.{n}.1 dev eth0 table 100"
            ),
        );
    }

    /// The second way out comes up beside the first, and is the better one.
    pub(crate) fn plug_in(&self, who: Who) {
        let (client, n) = (who.side().client, who.side().number);
        self.nets.ip(
            client,
            &format!(
                "address replace 10.64.{n}.2/24 dev eth1\nlink set eth1 up\nroute replace default via 10.64.{n}.1 metric 10"
            ),
        );
    }

    /// The first way out goes away, with notice.
    pub(crate) fn unplug(&self, who: Who) {
        self.nets.ip(who.side().client, "link set eth0 down");
    }

    /// The only address of a client becomes another one.
    pub(crate) fn replace_address(&self, who: Who) {
        let (client, n) = (who.side().client, who.side().number);
        let host = n + 1;
        self.nets.ip(
            client,
            &format!(
                "address del 192.168.{n}.{host}/24 dev eth0\naddress add 192.168.{n}.77/24 dev eth0\n\
                 route replace default via 192.168.{n}.1 metric 100"
            ),
        );
    }

    /// Changes every link of that client, both ways.
    pub(crate) fn link(&self, who: Who, change: &str) {
        let side = who.side();
        for (_, link) in
            self.links.iter().filter(|(at, _)| [side.router, side.carrier, side.second].contains(at))
        {
            let change: Change = change.parse().unwrap();
            link.set(Directions::Both, change).unwrap();
        }
    }

    /// The streams that stand from that client to such an address: to port 3478, and to 443.
    pub(crate) fn streams(&self, who: Who, to: &str) -> (usize, usize) {
        let mut command = self.nets.command(who.side().client, "ss");
        let told = must(run(command.args(["-Htn", "state", "established"]), ""));
        let lead_to = |port: u16| {
            let there = format!("{to}:{port}");
            told.lines().filter(|line| line.split_whitespace().any(|word| word == there)).count()
        };
        (lead_to(3478), lead_to(443))
    }

    /// Where the public network sees that client's own router.
    pub(crate) fn router_outside(who: Who) -> String {
        format!("203.0.113.{}", who.side().number + 20)
    }

    pub(crate) fn restart_server(&mut self) {
        self.servers.restart(&self.nets);
    }

    fn router(&self, who: Who) -> &Router {
        let at = match self.plan.together {
            Together::Internet => who.side().router,
            Together::Lan | Together::Router => Who::A.side().router,
        };
        self.routers.iter().find(|router| router.at == at).unwrap()
    }
}

impl Who {
    const fn side(self) -> &'static Side {
        match self {
            Self::A => &SIDES[0],
            Self::B => &SIDES[1],
        }
    }
}

/// A world in the making; what is there already goes when it fails.
struct Building {
    plan: Plan,
    links: Vec<(&'static str, Emulator)>,
    routers: Vec<Router>,
    nets: Namespaces,
}

impl Building {
    fn add(&mut self, name: &'static str) -> Result<(), Missing> {
        self.nets.add(name).map_err(Missing)
    }

    fn public_network(&mut self) -> Result<(), Missing> {
        self.add("srv")?;
        self.nets.sysctl("pub", &["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
        self.nets.cable(("pub", "to-srv"), ("srv", "wan"));
        let (ours, ours6) = (server::IPV4, server::IPV6);
        let [coturn, second] = server::COTURN;
        self.nets.ip(
            "pub",
            &format!(
                "address add 203.0.113.1/32 dev to-srv\naddress add 2001:db8::1/128 dev to-srv nodad\n\
                 link set to-srv up\nroute add {ours} dev to-srv\nroute add {coturn} dev to-srv\nroute add {second} dev to-srv\n\
                 route add {ours6}/128 dev to-srv\nroute add blackhole default\n\
                 route add blackhole ::/0"
            ),
        );
        self.nets.ip(
            "srv",
            &format!(
                "address add {ours}/32 dev wan\naddress add {coturn}/32 dev wan\naddress add {second}/32 dev wan\n\
                 address add {ours6}/128 dev wan nodad\n\
                 link set wan up\nroute add default via 203.0.113.1 dev wan onlink\n\
                 route add ::/0 via 2001:db8::1 dev wan onlink"
            ),
        );
        Ok(())
    }

    fn client(&mut self, side: &'static Side, home: Home) -> Result<(), Missing> {
        self.add(side.client)?;
        if !home.ipv6 {
            let off = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
            self.nets.sysctl(side.client, &off);
        }
        let known = |at| format!("{at} {}\n", server::NAME);
        self.nets.hosts(side.client, &(known(server::IPV4) + &known(server::IPV6)));

        let shares = self.plan.together != Together::Internet && side.number == 2;
        let lan = Segment::of(home.nat, side.number);
        let (router, inside) = match self.plan.together {
            Together::Lan if shares => (SIDES[0].router, "port2"),
            Together::Router if shares => (SIDES[0].router, "lan2"),
            Together::Internet | Together::Lan | Together::Router => (side.router, "port1"),
        };
        if !shares {
            self.own_router(side, home, &lan)?;
        }
        self.nets.cable((router, inside), (side.client, "eth0"));
        match inside {
            "lan2" => self.nets.ip(router, &lan.gateway_on("lan2")),
            port => self.nets.ip(router, &format!("link set {port} master lan\nlink set {port} up")),
        }
        let at_home = if self.plan.together == Together::Lan { Segment::of(home.nat, 1) } else { lan };
        self.nets.ip(side.client, &at_home.client_on("eth0", side.number, home));
        if let Some(nat) = home.second {
            self.second_router(side, nat)?;
        }
        Ok(())
    }

    fn own_router(&mut self, side: &'static Side, home: Home, lan: &Segment) -> Result<(), Missing> {
        let n = side.number;
        self.router(side.router)?;
        self.nets.ip(side.router, &format!("link add lan type bridge\n{}", lan.gateway_on("lan")));
        let mut behind = vec![format!("2001:db8:{n}::/64")];
        behind.extend(lan.is_public.then(|| lan.network4.clone()));
        match home.carrier {
            None => self.uplink(side.router, n + 20, &behind)?,
            Some(nat) => {
                self.router(side.carrier)?;
                self.uplink(side.carrier, n + 20, &[])?;
                self.nets.cable((side.carrier, "lan"), (side.router, "wan"));
                self.nets.ip(side.carrier, &format!("address add 100.64.{n}.1/24 dev lan\nlink set lan up"));
                self.nets.ip(
                    side.router,
                    &format!(
                        "address add 100.64.{n}.2/24 dev wan\nlink set wan up\nroute add default via 100.64.{n}.1"
                    ),
                );
                self.rules(side.carrier, nat, vec!["lan"], format!("100.64.{n}.2"));
            }
        }
        let inside = if self.plan.together == Together::Router { vec!["lan", "lan2"] } else { vec!["lan"] };
        self.rules(side.router, home.nat, inside, lan.client4(n));
        Ok(())
    }

    fn second_router(&mut self, side: &'static Side, nat: Nat) -> Result<(), Missing> {
        let n = side.number;
        self.router(side.second)?;
        self.uplink(side.second, n + 30, &[])?;
        self.nets.cable((side.second, "lan"), (side.client, "eth1"));
        self.nets.ip(side.second, &format!("address add 10.64.{n}.1/24 dev lan\nlink set lan up"));
        self.rules(side.second, nat, vec!["lan"], format!("10.64.{n}.2"));
        Ok(())
    }

    fn router(&mut self, name: &'static str) -> Result<(), Missing> {
        self.add(name)?;
        self.nets.sysctl(name, &["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
        Ok(())
    }

    fn rules(&mut self, at: &'static str, nat: Nat, inside: Vec<&'static str>, client: String) {
        let router = Router { at, inside, client };
        router.become_a(&self.nets, nat);
        self.routers.push(router);
    }

    /// A link from a router to the public network, which routes to it what is behind.
    fn uplink(&mut self, router: &'static str, number: u8, behind: &[String]) -> Result<(), Missing> {
        let end = |name, device: String| End::new(Namespace::Named(self.nets.full(name)), device);
        let address = |text: String| text.parse().expect("an address");
        let (own4, own6) = (format!("203.0.113.{number}/32"), format!("2001:db8::{number}/128"));
        let inner =
            end(router, "wan".to_owned()).address(address(own4.clone())).address(address(own6.clone()));
        let outer = end("pub", format!("to-{router}"));
        let Plan { round_trip, loss, seed, .. } = self.plan;
        let loss = if router == SIDES[0].router { loss } else { 0.0 };
        let begin = format!("at 0s both delay={}us loss={loss}", round_trip.as_micros() / 4);
        let script = begin.parse().map_err(|error| Missing(format!("`{begin}`: {error}")))?;
        let seed = seed.wrapping_mul(100).wrapping_add(number.into());
        let link = Emulator::between(inner, outer, Setup { seed, script, ..Setup::default() })
            .map_err(|error| Missing(error.to_string()))?;
        self.links.push((router, link));
        self.nets.ip(router, "route add default dev wan\nroute add ::/0 dev wan");
        let routes: String = [own4, own6]
            .iter()
            .chain(behind)
            .map(|network| format!("route add {network} dev to-{router}\n"))
            .collect();
        self.nets.ip("pub", &routes);
        Ok(())
    }
}

/// A network at home.
struct Segment {
    network4: String,
    /// The public network knows the way to it.
    is_public: bool,
    /// Its first three numbers and a dot.
    prefix4: &'static str,
    length4: u8,
    /// What is added to a computer's number.
    base4: u8,
    number: u8,
}

impl Segment {
    /// Public addresses behind a router that translates nothing, private ones behind any other.
    fn of(nat: Nat, number: u8) -> Self {
        let (prefix4, length4, base4) = match (nat, number) {
            (Nat::Open, _) => ("198.51.100.", 26, 64 * number),
            (_, 1) => ("192.168.1.", 24, 0),
            (_, _) => ("192.168.2.", 24, 0),
        };
        let (network4, is_public) = (format!("{prefix4}{base4}/{length4}"), nat == Nat::Open);
        Self { network4, is_public, prefix4, length4, base4, number }
    }

    fn host4(&self, host: u8) -> String {
        format!("{}{}", self.prefix4, self.base4 + host)
    }

    fn client4(&self, client: u8) -> String {
        self.host4(client + 1)
    }

    fn gateway_on(&self, device: &str) -> String {
        let (gateway, length, n) = (self.host4(1), self.length4, self.number);
        format!(
            "address add {gateway}/{length} dev {device}\naddress add 2001:db8:{n}::1/64 dev {device} nodad\n\
             link set {device} up"
        )
    }

    fn client_on(&self, device: &str, client: u8, home: Home) -> String {
        let (own, length, n, gateway) = (self.client4(client), self.length4, self.number, self.host4(1));
        let mut lines = format!("link set {device} up\n");
        if home.ipv4 {
            lines += &format!(
                "address add {own}/{length} dev {device}\nroute add default via {gateway} metric 100\n"
            );
        }
        if home.ipv6 {
            let host = client + 1;
            lines += &format!(
                "address add 2001:db8:{n}::{host}/64 dev {device} nodad\nroute add ::/0 via 2001:db8:{n}::1\n"
            );
        }
        lines
    }
}
