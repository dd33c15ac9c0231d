//! The map: this computer above, theirs below, and between them every way that was looked at, the one in use drawn thick.
//!
//! It runs from above to below, as it has to be read on a telephone and on paper as well, and causes need whole lines.

use std::fmt::Write as _;

use crate::logic::{
    path::{Edge, EdgeStatus, InterfaceRow, NatView, Node, PathReport, Place},
    servers::Service,
};

use super::markup::Markup;
use crate::logic::proof::words;

const WIDTH: f64 = 460.0;
/// The line on the left, from which each way branches off, and the one on the right, where they meet again.
const LEFT: f64 = 20.0;
const RIGHT: f64 = 440.0;
/// What stands between the two.
const INSIDE: (f64, f64) = (48.0, 412.0);
const LINE: f64 = 15.0;
const GAP: f64 = 12.0;
/// Letters that fit into a line of a box.
const LETTERS: usize = 58;
/// Ways that are drawn; the table below has all of them.
const MOST_WAYS: usize = 24;
/// Lines that a box has for addresses.
const MOST_ADDRESSES: usize = 4;

/// Draws it.
pub(super) fn of(page: &mut Markup, path: &PathReport) {
    let mut drawing = Drawing { page: Markup::default(), y: 2.0 };
    let used = path.in_use.is_some();
    let us = drawing.end("This computer", &interfaces(&path.interfaces));
    drawing.between(us, LEFT, class(of_edge(path, &Node::Us), used));
    let out = drawing.end(nat_title(true, &path.our_nat), &public(&path.our_nat));
    let ways: Vec<_> = ways(path).into_iter().take(MOST_WAYS).collect();
    let boxes: Vec<_> = ways.iter().map(|way| drawing.way(way)).collect();
    let (top, bottom) = (out, drawing.y);
    for (way, middle) in ways.iter().zip(&boxes) {
        if !way.in_use {
            drawing.branch(way, *middle, top, bottom);
        }
    }
    for (way, middle) in ways.iter().zip(&boxes) {
        if way.in_use {
            drawing.branch(way, *middle, top, bottom);
        }
    }
    let into = drawing.end(nat_title(false, &path.their_nat), &public(&path.their_nat));
    let last = of_edge(path, &Node::TheirNat);
    drawing.between(into, RIGHT, class(last, last.is_some_and(|edge| edge.in_use)));
    drawing.end("Their computer", &[]);
    let size = format!("0 0 {WIDTH:.0} {:.0}", drawing.y - GAP + 4.0);
    let label = format!("Map of the path. {}", words::plain(&path.sentence));
    let drawn = drawing.page;
    page.within(
        "svg",
        &[("class", "map"), ("viewBox", &size), ("role", "img"), ("aria-label", &label)],
        |page| {
            page.append(drawn);
        },
    );
}

/// One way from our network to theirs.
struct Way {
    title: String,
    status: EdgeStatus,
    words: String,
    cause: Option<String>,
    in_use: bool,
    /// How it goes on from here to their network; nothing where it leads no further.
    onward: Option<EdgeStatus>,
}

fn ways(path: &PathReport) -> Vec<Way> {
    let from_out = path.edges.iter().filter(|edge| edge.from == Node::OurNat);
    from_out.filter_map(|edge| way(path, edge)).collect()
}

fn way(path: &PathReport, edge: &Edge) -> Option<Way> {
    let over = words::over(edge.over);
    let (title, onward) = match &edge.to {
        Node::TheirNat => (format!("Directly{over}"), Some(edge.status)),
        Node::Server { server, service: Service::Stun } => {
            (format!("{}, tells us our address{over}", words::place(server)), None)
        }
        Node::Server { server, service: Service::Turn } => {
            let lent = path.servers.iter().any(|row| {
                (row.service, Some(row.transport)) == (Service::Turn, edge.over)
                    && row.server == *server
                    && row.relayed.is_some()
            });
            let next = onward(path, server).filter(|_| lent || edge.in_use);
            (format!("{}, relay{over}", words::place(server)), next)
        }
        Node::TheirRelay { address } => {
            let behind = path.edges.iter().find(|behind| behind.from == edge.to);
            (format!("{}, their relay{over}", words::plain(address)), behind.map(|behind| behind.status))
        }
        Node::Us | Node::OurNat | Node::Them => return None,
    };
    let (word, mark) = words::status(edge.status);
    let trip = edge.round_trip_ms.map_or_else(String::new, |ms| format!(" · {}", words::ms(ms)));
    let in_use = if edge.in_use { " · the call goes here" } else { "" };
    Some(Way {
        title,
        status: edge.status,
        words: format!("{mark} {word}{trip}{in_use}"),
        cause: edge.cause.clone(),
        in_use: edge.in_use,
        onward,
    })
}

fn onward(path: &PathReport, server: &Place) -> Option<EdgeStatus> {
    let from_it =
        |edge: &&Edge| matches!(&edge.from, Node::Server { server: from, .. } if from.host == server.host);
    path.edges.iter().find(from_it).map(|edge| edge.status)
}

fn of_edge<'a>(path: &'a PathReport, from: &Node) -> Option<&'a Edge> {
    path.edges.iter().find(|edge| edge.from == *from)
}

fn class(edge: Option<&Edge>, in_use: bool) -> &'static str {
    edge.map_or("idle", |edge| of_status(edge.status, in_use))
}

fn of_status(status: EdgeStatus, in_use: bool) -> &'static str {
    match status {
        _ if in_use => "used",
        EdgeStatus::Works => "works",
        EdgeStatus::Failed => "failed",
        EdgeStatus::Untried | EdgeStatus::Unknown => "idle",
    }
}

fn nat_title(ours: bool, view: &NatView) -> &'static str {
    use crate::logic::path::Presence;
    match (view.presence, ours) {
        (Presence::Present, true) => "Our router",
        (Presence::Present, false) => "Their router",
        (Presence::None, true) => "Our way out, without a router that hides it",
        (Presence::None, false) => "Their way in, without a router that hides it",
        (Presence::Unknown, true) => "Our way out",
        (Presence::Unknown, false) => "Their way in",
    }
}

fn public(view: &NatView) -> Vec<String> {
    let mut lines = vec![words::nat(view.presence, view.mapping).to_owned()];
    let mut public: Vec<_> = view.public.iter().map(words::place).collect();
    public.dedup();
    let rest = public.len().saturating_sub(MOST_ADDRESSES);
    lines.extend(public.into_iter().take(MOST_ADDRESSES).map(|at| format!("seen by the world at {at}")));
    if rest > 0 {
        lines.push(format!("and at {rest} more"));
    }
    lines
}

fn interfaces(rows: &[InterfaceRow]) -> Vec<String> {
    let used: Vec<_> = rows.iter().filter(|row| row.used).collect();
    let line = |row: &&InterfaceRow| {
        format!("{}: {} ({})", row.kind.name(), words::plain(&row.address), words::cut(&row.name, 16))
    };
    let mut lines: Vec<_> = used.iter().take(MOST_ADDRESSES).map(line).collect();
    let rest = used.len().saturating_sub(MOST_ADDRESSES);
    if rest > 0 {
        lines.push(format!("and {rest} more"));
    }
    lines
}

struct Drawing {
    page: Markup,
    y: f64,
}

impl Drawing {
    /// One end: its box, and where it ends below.
    fn end(&mut self, title: &str, lines: &[String]) -> f64 {
        let bottom = self.boxed("end", (4.0, WIDTH - 4.0), title, lines, &[]);
        self.y = bottom + GAP;
        bottom
    }

    /// One way between the two: its box, and the middle of it.
    fn way(&mut self, way: &Way) -> f64 {
        let top = self.y;
        let cause = way.cause.as_deref().map_or_else(Vec::new, |cause| wrapped(cause, LETTERS));
        let class = of_status(way.status, way.in_use);
        let bottom = self.boxed(class, INSIDE, &way.title, std::slice::from_ref(&way.words), &cause);
        self.y = bottom + GAP;
        f64::midpoint(top, bottom)
    }

    fn boxed(
        &mut self,
        class: &str,
        (left, right): (f64, f64),
        title: &str,
        lines: &[String],
        cause: &[String],
    ) -> f64 {
        let top = self.y;
        let height = LINE * (1 + lines.len() + cause.len()) as f64 + 12.0;
        let numbers = [left, top, right - left, height].map(|number| format!("{number:.1}"));
        let [x, y, width, tall] = &numbers;
        self.page.leaf(
            "rect",
            &[("class", class), ("x", x), ("y", y), ("width", width), ("height", tall), ("rx", "3")],
        );
        let mut baseline = top + 17.0;
        let texts = [("name", vec![words::cut(title, LETTERS)])].into_iter();
        let rest = [("small", lines.to_vec()), ("cause", cause.to_vec())];
        for (class, lines) in texts.chain(rest) {
            for line in lines {
                let (x, y) = (format!("{:.1}", left + 10.0), format!("{baseline:.1}"));
                self.page.element(
                    "text",
                    &[("class", class), ("x", &x), ("y", &y)],
                    &words::cut(&line, LETTERS + 6),
                );
                baseline += LINE;
            }
        }
        top + height
    }

    fn between(&mut self, top: f64, x: f64, class: &str) {
        self.path(class, &format!("M{x:.1} {top:.1}V{:.1}", top + GAP));
    }

    fn branch(&mut self, way: &Way, middle: f64, top: f64, bottom: f64) {
        let ((left, right), (first, last)) = ((LEFT, RIGHT), INSIDE);
        let class = of_status(way.status, way.in_use);
        let trunk = if way.in_use { "used" } else { "faint" };
        self.path(trunk, &format!("M{left:.1} {top:.1}V{middle:.1}"));
        self.path(class, &format!("M{left:.1} {middle:.1}H{first:.1}"));
        if let Some(onward) = way.onward {
            let class = of_status(onward, way.in_use);
            self.path(class, &format!("M{last:.1} {middle:.1}H{right:.1}"));
            self.path(trunk, &format!("M{right:.1} {middle:.1}V{bottom:.1}"));
        }
        if way.in_use {
            // One stroke, so that the corners are whole.
            let mut whole = format!("M{left:.1} {top:.1}V{middle:.1}H{first:.1}");
            write!(whole, "M{last:.1} {middle:.1}H{right:.1}V{bottom:.1}").expect("a text takes everything");
            self.path("used", &whole);
        }
    }

    fn path(&mut self, class: &str, way: &str) {
        self.page.leaf("path", &[("class", class), ("d", way)]);
    }
}

/// Cut into lines between words.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words::plain(text).split(' ') {
        let line = lines.last_mut().expect("there is one from the beginning");
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > most {
            lines.push(word.to_owned());
        } else {
            if length > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    // What does not fit stands in the list beside the map.
    lines.truncate(5);
    lines
}
