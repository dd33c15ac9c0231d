//! The tables of the page.

use crate::logic::{
    candidate::priority_in_parts,
    path::{
        CandidateRow, ChannelRow, EdgeStatus, LegRow, PairRow, PairState, PathReport, RelayRow, RelayUse,
        ServerRow,
    },
    report::CallReport,
    servers::Service,
};

use super::markup::Markup;
use crate::logic::proof::words;

/// A column: its heading, and how it is set.
type Column = (&'static str, &'static str);

/// Set to the right.
const NUMBER: &str = "n";
/// Takes more lines where it has to.
const LONG: &str = "long";
/// As it comes.
const PLAIN: &str = "";
/// How something stands.
const STATE: &str = "state";

/// A row: what it is marked as, and its cells.
pub(super) type Row = (&'static str, Vec<String>);

/// A table; nothing where there is nothing.
pub(super) fn table(page: &mut Markup, class: &str, columns: &[Column], rows: &[Row]) {
    page.within("div", &[("class", "wide")], |page| {
        page.within("table", &[("class", class)], |page| {
            page.within("thead", &[], |page| {
                page.within("tr", &[], |page| {
                    for (name, class) in columns {
                        page.element("th", &[("class", class), ("scope", "col")], name);
                    }
                });
            });
            page.within("tbody", &[], |page| {
                for (class, cells) in rows {
                    page.within("tr", &[("class", class)], |page| {
                        for (cell, (_, class)) in cells.iter().zip(columns) {
                            page.element("td", &[("class", class)], cell);
                        }
                    });
                    page.line();
                }
            });
        });
    });
}

fn titled(page: &mut Markup, title: &str, columns: &[Column], rows: &[Row], nothing: &str) {
    page.element("h3", &[], title);
    if rows.is_empty() {
        page.element("p", &[("class", "quiet")], nothing);
    } else {
        table(page, "", columns, rows);
    }
    page.line();
}

/// What happened.
pub(super) fn story(page: &mut Markup, report: &CallReport) {
    let lines = crate::logic::proof::story::of(report);
    let row = |line: &crate::logic::proof::story::Line| {
        let leg = line.leg.map_or_else(String::new, |leg| leg.to_string());
        ("", vec![words::at(line.t_ms), line.topic.to_owned(), leg, line.sentence.clone()])
    };
    let rows: Vec<Row> = lines.iter().map(row).collect();
    table(page, "story", &[("Time", NUMBER), ("About", PLAIN), ("Leg", NUMBER), ("What", LONG)], &rows);
    let left_out = crate::logic::proof::story::left_out(report);
    if left_out > 0 {
        page.element("p", &[("class", "quiet")], &format!("{left_out} more were not kept."));
    }
}

/// Everything about addresses.
pub(super) fn path(page: &mut Markup, path: &PathReport) {
    candidates(page, "Our addresses (local candidates)", &path.local, true);
    candidates(page, "Their addresses (remote candidates)", &path.remote, false);
    pairs(page, path);
    servers(page, path);
    relays(page, path);
    legs(page, &path.legs);
    interfaces(page, path);
}

fn candidates(page: &mut Markup, title: &str, rows: &[CandidateRow], ours: bool) {
    let row = |row: &CandidateRow| {
        let line = &row.candidate;
        let mut cells = vec![
            row.leg.to_string(),
            line.kind.name().to_owned(),
            words::place(&row.place()),
            words::plain(&line.protocol),
            priority_in_parts(line.priority),
            words::plain(&line.foundation),
            line.related.as_deref().map_or_else(String::new, words::plain),
        ];
        if ours {
            let server = row.server.as_ref().map_or_else(String::new, words::place);
            cells.push(format!("{server}{}", words::over(row.over)));
        }
        cells.push(words::at(row.t_ms));
        cells.push(words::ms(row.took_ms as f64));
        ("", cells)
    };
    let mut columns = vec![
        ("Leg", NUMBER),
        ("Type", PLAIN),
        ("Address", PLAIN),
        ("By", PLAIN),
        ("Priority (type · local · component)", PLAIN),
        ("Foundation", PLAIN),
        ("Behind it", PLAIN),
    ];
    if ours {
        columns.push(("From", PLAIN));
    }
    columns.extend([("Known at", NUMBER), ("Took", NUMBER)]);
    let rows: Vec<Row> = rows.iter().map(row).collect();
    titled(page, title, &columns, &rows, "None was named.");
}

fn pairs(page: &mut Markup, path: &PathReport) {
    let optional = |value: Option<f64>| value.map_or_else(String::new, words::ms);
    let row = |row: &PairRow| {
        let class = match (row.in_use, row.state) {
            (true, _) | (false, PairState::InUse) => "used",
            (false, PairState::Failed) => "failed",
            (
                false,
                PairState::Waiting | PairState::InProgress | PairState::OneWay | PairState::Succeeded,
            ) => "",
        };
        let end = |place: &crate::logic::path::Place, kind| {
            format!("{} ({})", words::place(place), words::kind_in_line(kind))
        };
        let chosen = if row.nominated { ", chosen" } else { "" };
        let cells = vec![
            row.leg.to_string(),
            format!("{}{chosen}", words::pair(row.state)),
            end(&row.local, row.local_kind),
            end(&row.remote, row.remote_kind),
            optional(row.round_trip_ms),
            format!("{} / {}", row.checks_sent, row.checks_answered),
            format!("{} / {}", row.checks_heard, row.checks_replied),
            words::bytes(row.bytes_sent),
            words::bytes(row.bytes_received),
            row.last_heard_ms.map_or_else(String::new, |t_ms| words::ms(t_ms as f64)),
        ];
        (class, cells)
    };
    let mut rows: Vec<&PairRow> = path.pairs.iter().collect();
    rows.sort_by_key(|row| (!row.in_use, row.leg, rank(row.state)));
    let rows: Vec<Row> = rows.into_iter().map(row).collect();
    let columns = [
        ("Leg", NUMBER),
        ("State", STATE),
        ("Ours", PLAIN),
        ("Theirs", PLAIN),
        ("Round trip", NUMBER),
        ("Checks / answered", NUMBER),
        ("Heard / replied", NUMBER),
        ("Sent", NUMBER),
        ("Received", NUMBER),
        ("Last heard", NUMBER),
    ];
    titled(page, "Pairs of addresses", &columns, &rows, "None was tried.");
}

const fn rank(state: PairState) -> u8 {
    match state {
        PairState::InUse => 0,
        PairState::Succeeded => 1,
        PairState::OneWay => 2,
        PairState::InProgress => 3,
        PairState::Waiting => 4,
        PairState::Failed => 5,
    }
}

fn servers(page: &mut Markup, path: &PathReport) {
    let place =
        |place: &Option<crate::logic::path::Place>| place.as_ref().map_or_else(String::new, words::place);
    let row = |row: &ServerRow| {
        let (word, mark) = words::status(row.status);
        let failed = row.status == EdgeStatus::Failed;
        let gave = match row.service {
            Service::Stun => place(&row.mapped),
            Service::Turn => place(&row.relayed),
        };
        let cells = vec![
            words::place(&row.server),
            format!("{}{}", words::service(row.service), words::over(Some(row.transport))),
            row.from.as_deref().map_or_else(String::new, words::plain),
            format!("{mark} {word}"),
            row.reached_ms.map_or_else(String::new, words::ms),
            format!("{} / {}", row.asked, row.answered),
            row.round_trip_ms.map_or_else(String::new, words::ms),
            row.done_ms.map_or_else(String::new, |t_ms| words::ms(t_ms as f64)),
            gave,
            row.trouble.as_ref().map_or_else(String::new, words::trouble),
        ];
        (if failed { "failed" } else { "" }, cells)
    };
    let rows: Vec<Row> = path.servers.iter().map(row).collect();
    let columns = [
        ("Server", PLAIN),
        ("For", PLAIN),
        ("Asked from", PLAIN),
        ("State", STATE),
        ("Reached in", NUMBER),
        ("Asked / answered", NUMBER),
        ("Round trip", NUMBER),
        ("Done after", NUMBER),
        ("Gave", PLAIN),
        ("What stands in the way", LONG),
    ];
    titled(page, "Servers", &columns, &rows, "None was asked.");
}

fn relays(page: &mut Markup, path: &PathReport) {
    let row = |(whose, relay): (&str, &RelayUse)| {
        let port = relay.port.map_or_else(String::new, |port| format!(", port {port}"));
        ("", vec![whose.to_owned(), words::plain(&relay.server), format!("{}{port}", over(relay))])
    };
    let in_use = path.in_use.as_ref();
    let ours = in_use.and_then(|in_use| in_use.our_relay.as_ref()).map(|relay| ("this end", relay));
    let theirs = in_use.and_then(|in_use| in_use.their_relay.as_ref()).map(|relay| ("the other end", relay));
    let rows: Vec<Row> = ours.into_iter().chain(theirs).map(row).collect();
    let columns = [("Used by", PLAIN), ("Relay", PLAIN), ("Reached", LONG)];
    titled(page, "Relays on the way", &columns, &rows, "The call went over none.");
    let rows: Vec<Row> = path.relays.iter().map(lent).collect();
    let columns = [
        ("Leg", NUMBER),
        ("Relay", PLAIN),
        ("Lends us", PLAIN),
        ("Asked from", PLAIN),
        ("Until", NUMBER),
        ("Our right until", NUMBER),
        ("Lets through", LONG),
        ("Channels", LONG),
        ("Sent", NUMBER),
        ("Received", NUMBER),
    ];
    titled(page, "What relays lent us", &columns, &rows, "Nothing that was still lent in the end.");
}

fn lent(row: &RelayRow) -> Row {
    let at = |t_ms: Option<u64>| t_ms.map_or_else(String::new, words::at);
    let permitted: Vec<_> = row.permitted.iter().map(|peer| words::plain(peer)).collect();
    let channel = |channel: &ChannelRow| format!("{:#06x} {}", channel.number, words::place(&channel.peer));
    let channels: Vec<_> = row.channels.iter().map(channel).collect();
    let cells = vec![
        row.leg.to_string(),
        format!("{} over {}", words::place(&row.server), row.over.name()),
        words::place(&row.relayed),
        words::plain(&row.from),
        at(row.until_ms),
        at(row.credentials_until_ms),
        permitted.join(", "),
        channels.join(", "),
        words::bytes(row.bytes_sent),
        words::bytes(row.bytes_received),
    ];
    (if row.in_use { "used" } else { "" }, cells)
}

fn over(relay: &RelayUse) -> String {
    relay.over.map_or_else(|| "not known from here".to_owned(), |over| format!("over {}", over.name()))
}

fn legs(page: &mut Markup, legs: &[LegRow]) {
    let at = |t_ms: Option<u64>| t_ms.map_or_else(String::new, words::at);
    let row = |row: &LegRow| {
        let only = if row.only_direct { ", only if it needs no relay" } else { "" };
        let cells = vec![
            row.leg.to_string(),
            format!("{}{only}", words::leg(row.why)),
            words::at(row.opened_ms),
            at(row.up_ms),
            at(row.in_use_ms),
            at(row.closed_ms),
            words::link(row.link).to_owned(),
            words::route(row.route).to_owned(),
        ];
        ("", cells)
    };
    let rows: Vec<Row> = legs.iter().map(row).collect();
    let columns = [
        ("Leg", NUMBER),
        ("Built because", LONG),
        ("Opened", NUMBER),
        ("Up", NUMBER),
        ("In use", NUMBER),
        ("Closed", NUMBER),
        ("State", PLAIN),
        ("Route", PLAIN),
    ];
    titled(page, "Connections of the call (legs)", &columns, &rows, "None was built.");
}

fn interfaces(page: &mut Markup, path: &PathReport) {
    let row = |row: &crate::logic::path::InterfaceRow| {
        let why_not = row.why_not.map_or("", |why| why.sentence());
        let used = if row.used { "yes".to_owned() } else { format!("no: {why_not}") };
        ("", vec![words::plain(&row.name), row.kind.name().to_owned(), words::plain(&row.address), used])
    };
    let rows: Vec<Row> = path.interfaces.iter().map(row).collect();
    let columns = [("Interface", PLAIN), ("Kind", PLAIN), ("Address", PLAIN), ("Used", LONG)];
    titled(page, "Addresses of this computer", &columns, &rows, "They are not known.");
}

/// What went over the path.
pub(super) fn media(page: &mut Markup, report: &CallReport) {
    let media = &report.evidence.media;
    let codec = |codec: &crate::logic::evidence::CodecFact| {
        let cells = vec![
            words::plain(&codec.kind),
            words::plain(&codec.mime),
            codec.payload_type.to_string(),
            format!("{} Hz", codec.clock_hz),
            words::plain(&codec.parameters),
        ];
        ("", cells)
    };
    let rows: Vec<Row> = media.codecs.iter().map(codec).collect();
    let columns =
        [("For", PLAIN), ("Codec", PLAIN), ("Number", NUMBER), ("Clock", NUMBER), ("Parameters", LONG)];
    titled(page, "Codecs", &columns, &rows, "They were not noted.");
    let stage = |stage: &crate::logic::evidence::StageFact| {
        let p95 = stage.p95_ms.map_or_else(String::new, |ms| words::ms(ms.into()));
        ("", vec![words::plain(&stage.name), words::ms(stage.median_ms.into()), p95])
    };
    let rows: Vec<Row> = media.stages.iter().map(stage).collect();
    let columns = [("Stage", PLAIN), ("Mostly", NUMBER), ("95 of 100 within", NUMBER)];
    titled(page, "How long each stage took", &columns, &rows, "It was not noted.");
    let plan = |plan: &crate::logic::report::At<crate::logic::adapt::Plan>| {
        let crate::logic::adapt::Plan { width, height, fps, bitrate_bps, why } = plan.what;
        let size = format!("{width}×{height} at {fps}");
        ("", vec![words::at(plan.t_ms), size, words::rate(bitrate_bps.into()), why.to_string()])
    };
    let rows: Vec<Row> = report.plans.iter().map(plan).collect();
    let columns = [("Time", NUMBER), ("Our pictures", PLAIN), ("At most", NUMBER), ("Because", LONG)];
    titled(page, "How our pictures were sent", &columns, &rows, "None was sent.");
    counters(page, report);
}

fn counters(page: &mut Markup, report: &CallReport) {
    let (counted, pictures, sound) = (&report.counters, &report.pictures, &report.sound);
    let sent = [
        ("pictures from the camera", counted.frames_captured),
        ("overtaken before they were encoded", counted.frames_overtaken),
        ("left out to keep to the rate", counted.frames_left_out),
        ("pictures sent", counted.frames_sent),
        ("key frames among them", counted.key_frames_sent),
        ("key frames they asked for", counted.key_frames_asked_of_us),
        ("packets of pictures", counted.video_packets_sent),
        ("packets of sound", counted.audio_packets_sent),
        ("packets not taken in time", counted.packets_not_taken),
        ("packets a relay's stream was too slow for", counted.relay_packets_dropped),
    ];
    let received = [
        ("packets of pictures", counted.video_packets_received),
        ("packets of sound", counted.audio_packets_received),
        ("pictures whole", counted.frames_received),
        ("pictures shown", counted.frames_shown),
        ("pictures that could not be decoded", counted.frames_undecodable),
        ("key frames we asked for", pictures.key_frames_asked),
        ("times the picture stood still", pictures.freezes),
        ("pieces of sound played (20 ms each)", sound.played),
        ("recovered from the next packet", sound.recovered),
        ("made up", sound.concealed),
        ("packets of sound that came too late", sound.late),
        ("packets while a queue was full", counted.packets_overrun),
    ];
    let rows = |counts: &[(&str, u64)]| -> Vec<Row> {
        counts.iter().map(|(name, count)| ("", vec![(*name).to_owned(), count.to_string()])).collect()
    };
    page.within("div", &[("class", "two")], |page| {
        for (title, counts) in [("Counted, sent", rows(&sent)), ("Counted, received", rows(&received))] {
            page.within("div", &[], |page| {
                titled(page, title, &[("What", LONG), ("How many", NUMBER)], &counts, "Nothing.");
            });
        }
    });
}

/// What the program noted.
pub(super) fn log(page: &mut Markup, report: &CallReport) {
    let row = |line: &crate::logic::evidence::LogLine| {
        let cells = vec![
            words::at(line.t_ms),
            line.level.name().to_owned(),
            words::plain(&line.from),
            words::plain(&line.text),
        ];
        ("", cells)
    };
    let rows: Vec<Row> = report.evidence.log.iter().map(row).collect();
    table(page, "story", &[("Time", NUMBER), ("Level", PLAIN), ("Part", PLAIN), ("What", LONG)], &rows);
}
