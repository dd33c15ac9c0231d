//! The tables of the panel, made of what the report says: candidates, pairs, servers, relays, interfaces, codecs, stages, log.

use super::table::{Cell, Column, Mark, Row, Table, id_of};
use crate::{
    logic::{
        candidate::{Kind, priority_in_parts},
        evidence::{CodecFact, LogLevel, LogLine, StageFact},
        path::{
            CandidateRow, EdgeStatus, InterfaceRow, MAX_LEGS, PairRow, PairState, PathReport, Place,
            RelayRow, ServerRow,
        },
    },
    ui::copy::{self, panel as words},
};

const fn text(name: &'static str, rank: u8) -> Column {
    Column { name, rank, is_figure: false }
}

const fn figure(name: &'static str, rank: u8) -> Column {
    Column { name, rank, is_figure: true }
}

const CANDIDATES: [Column; 14] = [
    text(words::TYPE, 0),
    text(words::ADDRESS, 1),
    text(words::PROTOCOL, 5),
    text(words::RELAY_PROTOCOL, 4),
    text(words::SERVER, 6),
    text(words::PRIORITY, 7),
    text(words::FOUNDATION, 12),
    text(words::RELATED, 8),
    text(words::INTERFACE, 3),
    figure(words::TOOK, 2),
    figure(words::LEG, 9),
    figure(words::GENERATION, 13),
    figure(words::AT, 10),
    figure(words::PRIORITY_NUMBER, 11),
];

const PAIRS: [Column; 19] = [
    text(words::STATE, 3),
    text(words::LOCAL, 0),
    text(words::REMOTE, 1),
    figure(words::TRIP_OF_PAIR, 2),
    figure(words::TRIPS_TOTAL, 17),
    figure(words::TRIPS_MEASURED, 18),
    text(words::NOMINATED, 6),
    text(words::IN_USE, 7),
    text(words::LOCAL_TYPE, 8),
    text(words::REMOTE_TYPE, 9),
    figure(words::CHECKS_SENT, 4),
    figure(words::CHECKS_ANSWERED, 5),
    figure(words::CHECKS_HEARD, 12),
    figure(words::CHECKS_REPLIED, 13),
    figure(words::BYTES_SENT, 10),
    figure(words::BYTES_RECEIVED, 11),
    figure(words::LAST_HEARD, 14),
    figure(words::LEG, 15),
    text(words::ROUTE, 16),
];

const SERVERS: [Column; 14] = [
    text(words::SERVER, 0),
    text(words::SERVICE, 2),
    text(words::TRANSPORT, 1),
    text(words::STATE, 3),
    figure(words::ROUND_TRIP, 4),
    text(words::ANSWER, 5),
    figure(words::REACHED, 10),
    figure(words::ASKED, 8),
    figure(words::ANSWERED, 9),
    figure(words::DONE, 11),
    text(words::MAPPED, 6),
    text(words::RELAYED, 7),
    text(words::FROM, 12),
    text(words::RESOLVED, 13),
];

const RELAYS: [Column; 12] = [
    text(words::SERVER, 0),
    text(words::TRANSPORT, 1),
    text(words::RELAYED, 2),
    figure(words::ENDS_IN, 3),
    figure(words::CREDENTIALS_END_IN, 4),
    text(words::PERMITTED, 6),
    text(words::CHANNELS, 9),
    figure(words::BYTES_SENT, 7),
    figure(words::BYTES_RECEIVED, 8),
    text(words::IN_USE, 5),
    text(words::FROM, 10),
    figure(words::LEG, 11),
];

const INTERFACES: [Column; 5] = [
    text(words::INTERFACE, 0),
    text(words::ADDRESS, 1),
    text(words::KIND, 2),
    text(words::USED, 3),
    text(words::WHY_NOT, 4),
];

const CODECS: [Column; 5] = [
    text(words::CODEC, 0),
    text(words::KIND, 3),
    figure(words::PAYLOAD_TYPE, 1),
    figure(words::CLOCK, 2),
    text(words::PARAMETERS, 4),
];

const STAGES: [Column; 3] = [text(words::STAGE, 0), figure(words::MEDIAN, 1), figure(words::NINETY_FIFTH, 2)];

const LOG: [Column; 4] =
    [figure(words::AT, 1), text(words::LEVEL, 2), text(words::PART, 3), text(words::TEXT, 0)];

/// Ways to reach us.
pub(super) fn local(path: &PathReport) -> Table {
    Table::new(words::LOCAL_CANDIDATES, &CANDIDATES, candidates(path, &path.local, &path.interfaces))
}

/// Ways to reach them.
pub(super) fn remote(path: &PathReport) -> Table {
    Table::new(words::REMOTE_CANDIDATES, &CANDIDATES, candidates(path, &path.remote, &[]))
}

fn candidates(path: &PathReport, rows: &[CandidateRow], interfaces: &[InterfaceRow]) -> Vec<Row> {
    rows.iter().map(|row| candidate(path, row, interfaces)).collect()
}

fn candidate(path: &PathReport, row: &CandidateRow, interfaces: &[InterfaceRow]) -> Row {
    // Of a list that is full some were let go, and how many is not known.
    let is_whole = path.legs.len() < MAX_LEGS;
    let before = path.legs.iter().position(|leg| leg.leg == row.leg).filter(|_| is_whole);
    let leg = before.and_then(|before| Some((before, path.legs.get(before)?.why)));
    let one = &row.candidate;
    let place = row.place().to_string();
    let base = one.related.as_deref().filter(|_| one.kind != Kind::Host);
    let is_base = |interface: &&InterfaceRow| {
        interface.address == one.address || base.is_some_and(|base| base.contains(interface.address.as_str()))
    };
    let interface = interfaces.iter().find(is_base);
    let interface = interface.map(|found| words::interface(&found.name, found.kind)).unwrap_or_default();
    let id = id_of(("candidate", row.leg, &place, &one.protocol, one.priority, &row.server));
    Row {
        id,
        mark: Mark::None,
        cells: vec![
            one.kind.name().into(),
            place.into(),
            one.protocol.to_uppercase().into(),
            row.over.map_or("", |over| over.name()).into(),
            row.server.as_ref().map(ToString::to_string).unwrap_or_default().into(),
            priority_in_parts(one.priority).into(),
            one.foundation.clone().into(),
            one.related.clone().unwrap_or_default().into(),
            interface.into(),
            milliseconds(row.took_ms),
            Cell::number(row.leg, row.leg.to_string()),
            Cell::maybe(before.map(|before| before as f64), |before| format!("{before:.0}")),
            at(row.t_ms),
            Cell::number(one.priority, one.priority.to_string()),
        ],
        story: [words::kind_story(one.kind).to_owned()]
            .into_iter()
            .chain(leg.map(|(before, why)| words::generation(before, why)))
            .collect(),
    }
}

/// Both ends, and what became of them.
pub(super) fn pairs(path: &PathReport) -> Table {
    Table::new(words::PAIRS, &PAIRS, path.pairs.iter().map(|row| pair(row, path)).collect())
}

fn pair(row: &PairRow, path: &PathReport) -> Row {
    let mark = match row.state {
        PairState::InUse => Mark::InUse,
        PairState::Succeeded => Mark::Good,
        PairState::OneWay => Mark::Fair,
        PairState::Failed => Mark::Bad,
        PairState::Waiting | PairState::InProgress => Mark::Open,
    };
    let count = |number: u32| Cell::number(number, number.to_string());
    let bytes = |number: u64| Cell::number(number as f64, copy::bytes(number));
    let opened = path.legs.iter().find(|leg| leg.leg == row.leg).map_or(0, |leg| leg.opened_ms);
    let heard = row.last_heard_ms.map(|since| (opened + since) as f64);
    Row {
        id: id_of(("pair", row.leg, &row.local, &row.remote)),
        mark,
        cells: vec![
            words::pair_state(row.state).into(),
            row.local.to_string().into(),
            row.remote.to_string().into(),
            Cell::maybe(row.round_trip_ms, words::figure_ms),
            Cell::maybe((row.round_trips > 0).then_some(row.round_trips_ms), words::figure_ms),
            count(row.round_trips),
            words::yes(row.nominated).into(),
            words::yes(row.in_use).into(),
            row.local_kind.name().into(),
            row.remote_kind.name().into(),
            count(row.checks_sent),
            count(row.checks_answered),
            count(row.checks_heard),
            count(row.checks_replied),
            bytes(row.bytes_sent),
            bytes(row.bytes_received),
            Cell::maybe(heard, |ms| words::moment(ms as u64)),
            Cell::number(row.leg, row.leg.to_string()),
            words::pair_route(row.local_kind, row.remote_kind).into(),
        ],
        story: words::pair_story(row),
    }
}

/// Each way to each server.
pub(super) fn servers(path: &PathReport) -> Table {
    Table::new(words::SERVERS, &SERVERS, path.servers.iter().map(server).collect())
}

fn server(row: &ServerRow) -> Row {
    let mark = match row.status {
        EdgeStatus::Works => Mark::Good,
        EdgeStatus::Failed => Mark::Bad,
        EdgeStatus::Untried | EdgeStatus::Unknown => Mark::Open,
    };
    let count = |number: u32| Cell::number(number, number.to_string());
    let place = |place: &Option<Place>| place.as_ref().map(ToString::to_string).unwrap_or_default();
    let trouble = row.trouble.as_ref().map(words::trouble).unwrap_or_default();
    Row {
        id: id_of(("server", &row.server, row.service, row.transport, &row.from)),
        mark,
        cells: vec![
            row.server.to_string().into(),
            words::service(row.service).into(),
            row.transport.name().into(),
            copy::call::edge(row.status).into(),
            Cell::maybe(row.round_trip_ms, words::figure_ms),
            trouble.clone().into(),
            Cell::maybe(row.reached_ms, words::figure_ms),
            count(row.asked),
            count(row.answered),
            row.done_ms.map_or_else(Cell::default, milliseconds),
            place(&row.mapped).into(),
            place(&row.relayed).into(),
            row.from.clone().unwrap_or_default().into(),
            place(&row.address).into(),
        ],
        story: row
            .trouble
            .as_ref()
            .map(|trouble| words::trouble_story(trouble).to_owned())
            .into_iter()
            .collect(),
    }
}

/// What relays lend us. `now_ms` is how old the call is, by which one sees how long that still holds.
pub(super) fn relays(path: &PathReport, now_ms: Option<u64>) -> Table {
    let left = |until: Option<u64>| {
        let left = until.zip(now_ms).map(|(until, now)| until.saturating_sub(now) / 1000);
        Cell::maybe(left.map(|left| left as f64), |left| copy::clock(left as u64))
    };
    let bytes = |number: u64| Cell::number(number as f64, copy::bytes(number));
    let row = |row: &RelayRow| Row {
        id: id_of(("relay", row.leg, &row.server, row.over, &row.from, &row.relayed)),
        mark: if row.in_use { Mark::InUse } else { Mark::Good },
        cells: vec![
            row.server.to_string().into(),
            row.over.name().into(),
            row.relayed.to_string().into(),
            left(row.until_ms),
            left(row.credentials_until_ms),
            row.permitted.join(", ").into(),
            row.channels.iter().map(words::channel).collect::<Vec<_>>().join(", ").into(),
            bytes(row.bytes_sent),
            bytes(row.bytes_received),
            words::yes(row.in_use).into(),
            row.from.clone().into(),
            Cell::number(row.leg, row.leg.to_string()),
        ],
        story: vec![words::RELAY_STORY.to_owned()],
    };
    Table::new(words::RELAYS, &RELAYS, path.relays.iter().map(row).collect())
}

/// The addresses of this computer.
pub(super) fn interfaces(rows: &[InterfaceRow]) -> Table {
    let row = |row: &InterfaceRow| Row {
        id: id_of(("interface", &row.name, &row.address)),
        mark: if row.used { Mark::Good } else { Mark::None },
        cells: vec![
            row.name.clone().into(),
            row.address.clone().into(),
            row.kind.name().into(),
            words::yes(row.used).into(),
            row.why_not.map_or("", |why| why.sentence()).into(),
        ],
        story: Vec::new(),
    };
    Table::new(words::INTERFACES, &INTERFACES, rows.iter().map(row).collect())
}

/// What was agreed on.
pub(super) fn codecs(codecs: &[CodecFact]) -> Table {
    let row = |codec: &CodecFact| Row {
        id: id_of(("codec", &codec.mime, codec.payload_type)),
        mark: Mark::None,
        cells: vec![
            codec.mime.clone().into(),
            codec.kind.clone().into(),
            Cell::number(codec.payload_type, codec.payload_type.to_string()),
            Cell::number(codec.clock_hz, codec.clock_hz.to_string()),
            codec.parameters.clone().into(),
        ],
        story: Vec::new(),
    };
    Table::new(words::CODECS, &CODECS, codecs.iter().map(row).collect())
}

/// How long each stage takes.
pub(super) fn stages(stages: &[StageFact]) -> Table {
    let row = |stage: &StageFact| Row {
        id: id_of(("stage", &stage.name)),
        mark: Mark::None,
        cells: vec![
            stage.name.clone().into(),
            Cell::number(stage.median_ms, words::figure_ms(f64::from(stage.median_ms))),
            Cell::maybe(stage.p95_ms.map(f64::from), words::figure_ms),
        ],
        story: Vec::new(),
    };
    Table::new(words::STAGES, &STAGES, stages.iter().map(row).collect())
}

/// What the program noted, as grave as that and graver.
pub(super) fn log(lines: &[LogLine], least: LogLevel) -> Table {
    let row = |(index, line): (usize, &LogLine)| Row {
        id: id_of((index, line.t_ms, &line.text)),
        mark: match line.level {
            LogLevel::Error => Mark::Bad,
            LogLevel::Warn => Mark::Fair,
            LogLevel::Info | LogLevel::Debug => Mark::None,
        },
        cells: vec![
            at(line.t_ms),
            line.level.name().into(),
            line.from.clone().into(),
            line.text.clone().into(),
        ],
        story: Vec::new(),
    };
    let wanted = lines.iter().enumerate().filter(|(_, line)| line.level <= least);
    Table::new(words::LOG, &LOG, wanted.map(row).collect())
}

fn milliseconds(ms: u64) -> Cell {
    Cell::number(ms as f64, words::figure_ms(ms as f64))
}

fn at(ms: u64) -> Cell {
    Cell::number(ms as f64, words::moment(ms))
}
