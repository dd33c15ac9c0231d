//! What stands on the map: the lines of a report, gathered by the boxes that they lead to. Infers nothing.

use crate::{
    logic::{
        path::{Edge, Node, PathReport, Place},
        servers::Service,
    },
    ui::copy::{self, call, panel as words},
};

/// More servers than these are not drawn; the tables tell of all.
const MOST_STATIONS: usize = 8;
/// Of the addresses of this computer so many stand in its box.
const MOST_ADDRESSES: usize = 4;

/// A box with a heading and lines of small type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Box {
    pub title: String,
    pub lines: Vec<String>,
}

/// A server, and the ways to it and on from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Station {
    pub title: String,
    pub doors: Vec<Door>,
    pub onward: Option<Edge>,
}

/// A way to a server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Door {
    pub name: String,
    pub edge: Edge,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    pub us: Box,
    pub our_nat: Box,
    pub stations: Vec<Station>,
    pub their_nat: Box,
    pub them: Box,
    pub out: Option<Edge>,
    pub direct: Option<Edge>,
    pub last: Option<Edge>,
    /// What does not work: from where to where, and why.
    pub closed: Vec<(String, String)>,
}

impl Model {
    /// Of that report.
    pub(super) fn new(path: &PathReport) -> Self {
        let mut model = Self {
            us: Box { title: words::YOU.to_owned(), lines: our_lines(path) },
            our_nat: Box { title: words::YOUR_ROUTER.to_owned(), lines: words::nat_lines(&path.our_nat) },
            their_nat: Box {
                title: words::THEIR_ROUTER.to_owned(),
                lines: words::nat_lines(&path.their_nat),
            },
            them: Box { title: words::THEM.to_owned(), lines: their_lines(path) },
            ..Self::default()
        };
        for edge in &path.edges {
            model.take(edge);
        }
        model.stations.truncate(MOST_STATIONS);
        model.closed = path
            .edges
            .iter()
            .filter_map(|edge| Some((call::step(edge), copy::sentence(edge.cause.as_ref()?))))
            .collect();
        // A server is asked for two things by one way: what closes it closes both.
        model.closed.dedup();
        model
    }

    fn take(&mut self, edge: &Edge) {
        match (&edge.from, &edge.to) {
            (Node::Us, _) => self.out = Some(edge.clone()),
            (_, Node::Them) => self.last = Some(edge.clone()),
            (Node::OurNat, Node::TheirNat) => self.direct = Some(edge.clone()),
            (_, Node::Server { server, service }) => {
                let name = door(edge, server, *service);
                self.station(&server.host).doors.push(Door { name, edge: edge.clone() });
            }
            (_, Node::TheirRelay { address }) => {
                let name = edge.over.map_or(words::THEIR_RELAY, |over| over.name()).to_owned();
                self.station(&their_relay(address)).doors.push(Door { name, edge: edge.clone() });
            }
            (Node::Server { server, .. }, _) => self.station(&server.host).onward = Some(edge.clone()),
            (Node::TheirRelay { address }, _) => {
                self.station(&their_relay(address)).onward = Some(edge.clone());
            }
            (Node::OurNat | Node::TheirNat | Node::Them, Node::Us | Node::OurNat | Node::TheirNat) => {}
        }
    }

    fn station(&mut self, title: &str) -> &mut Station {
        let at = self.stations.iter().position(|station| station.title == title).unwrap_or_else(|| {
            self.stations.push(Station { title: title.to_owned(), doors: Vec::new(), onward: None });
            self.stations.len() - 1
        });
        &mut self.stations[at]
    }
}

fn their_relay(address: &str) -> String {
    format!("{} {address}", words::THEIR_RELAY)
}

fn door(edge: &Edge, server: &Place, service: Service) -> String {
    let over = edge.over.map_or("", |over| over.name());
    format!("{over} {} · {}", server.port, words::service(service))
}

fn our_lines(path: &PathReport) -> Vec<String> {
    let used: Vec<_> = path.interfaces.iter().filter(|one| one.used).collect();
    let mut lines: Vec<_> = used.iter().take(MOST_ADDRESSES).map(|one| one.address.clone()).collect();
    let mut kinds: Vec<_> = used.iter().map(|one| one.kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if !kinds.is_empty() {
        lines.insert(0, kinds.join(", "));
    }
    if used.len() > MOST_ADDRESSES {
        lines.push(words::and_more(used.len() - MOST_ADDRESSES));
    }
    lines
}

fn their_lines(path: &PathReport) -> Vec<String> {
    let end = path.in_use.as_ref().map(|in_use| &in_use.pair.remote);
    end.map(|end| end.kind.name().to_owned()).into_iter().collect()
}
