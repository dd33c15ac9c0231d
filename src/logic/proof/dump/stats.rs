//! The statistics of one connection, under the names of the W3C's *Identifiers for WebRTC's Statistics API*.

use serde_json::{Map, Value};

use crate::logic::{
    adapt::Why,
    candidate::Kind,
    evidence::{CodecFact, Moment},
    interfaces::InterfaceKind,
    path::{CandidateRow, PairRow, PairState},
    proof::words,
    report::CallReport,
    servers::Transport,
};

use super::series::{Statistic, summed};

const TRANSPORT: &str = "T1";
/// What was sent by then, and at which rate.
const SENT: [&str; 2] = ["bytesSent", "[bytesSent_in_bits/s]"];
/// The same of what came.
const RECEIVED: [&str; 2] = ["bytesReceived", "[bytesReceived_in_bits/s]"];

/// All statistics of a connection.
pub(super) fn of(report: &CallReport, leg: u32) -> Value {
    let mut all = Map::new();
    let connection = Connection::new(report, leg);
    connection.transport().put(&mut all);
    let ends = connection.candidates(&mut all);
    for (index, pair) in connection.pairs.iter().enumerate() {
        connection.pair(index, pair, &ends).put(&mut all);
    }
    for codec in &report.evidence.media.codecs {
        connection.codec(codec).put(&mut all);
    }
    for kind in ["video", "audio"] {
        connection.inbound(kind).put(&mut all);
        connection.outbound(kind).put(&mut all);
    }
    connection.told_by_them().put(&mut all);
    Value::Object(all)
}

/// An end of pairs, and the id under which it stands.
struct End {
    id: String,
    is_ours: bool,
    address: String,
    port: u16,
}

struct Connection<'a> {
    report: &'a CallReport,
    leg: u32,
    moments: Vec<&'a Moment>,
    /// When the moments were, in milliseconds since 1970.
    times: Vec<u64>,
    /// The time of what is only known at the end.
    end: Vec<u64>,
    pairs: Vec<&'a PairRow>,
    chosen: Option<usize>,
}

impl<'a> Connection<'a> {
    fn new(report: &'a CallReport, leg: u32) -> Self {
        let is_only = report.path.legs.len() <= 1;
        let of_it = |moment: &&Moment| moment.leg.map_or(is_only, |of| of == leg);
        let mut moments: Vec<_> = report.evidence.moments.iter().filter(of_it).collect();
        moments.sort_by_key(|moment| moment.t_ms);
        let since_1970 = |t_ms: u64| report.began_unix_ms.saturating_add(t_ms);
        let times: Vec<_> = moments.iter().map(|moment| since_1970(moment.t_ms)).collect();
        let row = report.path.legs.iter().find(|row| row.leg == leg);
        let closed = row.and_then(|row| row.closed_ms.or(row.up_ms)).unwrap_or(0);
        let end = vec![times.last().copied().unwrap_or(since_1970(closed))];
        let pairs: Vec<_> = report.path.pairs.iter().filter(|pair| pair.leg == leg).collect();
        let works = |pair: &&PairRow| matches!(pair.state, PairState::InUse | PairState::Succeeded);
        let chosen = pairs
            .iter()
            .position(|pair| pair.in_use)
            .or_else(|| pairs.iter().position(|pair| pair.nominated))
            .or_else(|| pairs.iter().position(works));
        Self { report, leg, moments, times, end, pairs, chosen }
    }

    fn values(&self, of: impl Fn(&Moment) -> Option<f32>) -> Vec<Option<f64>> {
        self.moments.iter().map(|moment| of(moment).map(f64::from)).collect()
    }

    fn sums(&self, of: impl Fn(&Moment) -> f64) -> Vec<Option<f64>> {
        summed(self.moments.iter().map(|moment| of(moment)))
    }

    /// Ids of pairs and candidates have no hyphen: viewers look for the name of a property behind the last one.
    fn pair_id(index: usize) -> String {
        format!("CP{}", index + 1)
    }

    fn bytes(&self, into: &mut Statistic) {
        self.bytes_one_way(into, SENT, |moment| moment.sent_bps);
        self.bytes_one_way(into, RECEIVED, |moment| moment.received_bps);
    }

    fn bytes_one_way(&self, into: &mut Statistic, [sum, rate]: [&'static str; 2], bps: fn(&Moment) -> u32) {
        let bytes = |moment: &Moment| (f64::from(bps(moment)) * f64::from(moment.for_ms) / 8000.0).round();
        into.values(sum, self.sums(bytes));
        into.values(rate, self.moments.iter().map(|moment| Some(f64::from(bps(moment)))).collect());
    }

    /// Older reports know nothing of one stream alone.
    fn bytes_of_stream(&self, into: &mut Statistic, names: [&'static str; 2], bps: fn(&Moment) -> u32) {
        if self.moments.iter().any(|moment| bps(moment) > 0) {
            self.bytes_one_way(into, names, bps);
        }
    }

    fn transport(&self) -> Statistic {
        let times = if self.times.is_empty() { &self.end } else { &self.times };
        let mut transport = Statistic::new(TRANSPORT.to_owned(), "transport", times.clone());
        if !self.times.is_empty() {
            self.bytes(&mut transport);
        }
        let media = &self.report.evidence.media;
        let encryption = &self.report.encryption;
        let was_up = self.report.path.legs.iter().any(|row| row.leg == self.leg && row.up_ms.is_some());
        transport.always("dtlsState", if was_up { "connected" } else { "new" });
        transport.where_known("dtlsRole", media.dtls_role.as_deref().map(words::plain));
        let cipher = |of: &Option<String>, other: &Option<String>| {
            of.as_deref().or(other.as_deref()).map(words::plain)
        };
        transport.where_known("dtlsCipher", cipher(&encryption.dtls, &media.encryption.dtls));
        transport.where_known("srtpCipher", cipher(&encryption.srtp, &media.encryption.srtp));
        transport.where_known("selectedCandidatePairId", self.chosen.map(Self::pair_id));
        transport
    }

    fn candidates(&self, into: &mut Map<String, Value>) -> Vec<End> {
        let mut ends: Vec<End> = Vec::new();
        let path = &self.report.path;
        for (is_ours, rows) in [(true, &path.local), (false, &path.remote)] {
            for row in rows.iter().filter(|row| row.leg == self.leg) {
                let end = self.end(&ends, is_ours, &row.candidate.address, row.candidate.port);
                self.candidate(&end, row.candidate.kind, Some(row)).put(into);
                ends.push(end);
            }
        }
        // Ends that nobody named: they showed only when something came from there.
        for pair in &self.pairs {
            let both = [(true, &pair.local, pair.local_kind), (false, &pair.remote, pair.remote_kind)];
            for (is_ours, place, kind) in both {
                if find(&ends, is_ours, &place.host, place.port).is_none() {
                    let end = self.end(&ends, is_ours, &place.host, place.port);
                    self.candidate(&end, kind, None).put(into);
                    ends.push(end);
                }
            }
        }
        ends
    }

    fn end(&self, ends: &[End], is_ours: bool, address: &str, port: u16) -> End {
        let before = ends.iter().filter(|end| end.is_ours == is_ours).count();
        let id = format!("{}{}", if is_ours { "L" } else { "R" }, before + 1);
        End { id, is_ours, address: address.to_owned(), port }
    }

    fn candidate(&self, end: &End, kind: Kind, row: Option<&CandidateRow>) -> Statistic {
        let type_ = if end.is_ours { "local-candidate" } else { "remote-candidate" };
        let mut candidate = Statistic::new(end.id.clone(), type_, self.end.clone());
        candidate.always("transportId", TRANSPORT);
        candidate.always("isRemote", !end.is_ours);
        candidate.always("candidateType", words::kind_in_line(kind));
        candidate.always("address", words::plain(&end.address));
        candidate.always("ip", words::plain(&end.address));
        candidate.always("port", end.port);
        let Some(CandidateRow { candidate: line, server, over, .. }) = row else {
            candidate.always("protocol", "udp");
            return candidate;
        };
        candidate.always("protocol", words::plain(&line.protocol));
        candidate.always("priority", line.priority);
        candidate.always("foundation", words::plain(&line.foundation));
        if let Some((address, port)) = line.related.as_deref().and_then(|related| related.rsplit_once(':')) {
            candidate.always("relatedAddress", words::plain(address));
            candidate.where_known("relatedPort", port.parse::<u16>().ok());
        }
        if kind == Kind::Relay {
            candidate.where_known("relayProtocol", over.map(protocol));
        }
        candidate.where_known("url", server.as_ref().map(words::place));
        if end.is_ours {
            candidate.where_known("networkType", self.network(&end.address, line.related.as_deref()));
        }
        candidate
    }

    /// What the address that a candidate starts from is.
    fn network(&self, address: &str, related: Option<&str>) -> Option<&'static str> {
        let base = related.and_then(|related| related.rsplit_once(':')).map(|(base, _)| base);
        let rows = &self.report.path.interfaces;
        let row = rows.iter().find(|row| row.address == address || Some(row.address.as_str()) == base)?;
        Some(match row.kind {
            InterfaceKind::Ethernet => "ethernet",
            InterfaceKind::Wifi => "wifi",
            InterfaceKind::Cellular => "cellular",
            InterfaceKind::Vpn => "vpn",
            InterfaceKind::Virtual
            | InterfaceKind::Loopback
            | InterfaceKind::LinkLocal
            | InterfaceKind::Unknown => "unknown",
        })
    }

    fn pair(&self, index: usize, row: &PairRow, ends: &[End]) -> Statistic {
        let carries = self.chosen == Some(index) && !self.times.is_empty();
        let times = if carries { &self.times } else { &self.end };
        let mut pair = Statistic::new(Self::pair_id(index), "candidate-pair", times.clone());
        let id = |is_ours, place: &crate::logic::path::Place| find(ends, is_ours, &place.host, place.port);
        pair.always("transportId", TRANSPORT);
        pair.where_known("localCandidateId", id(true, &row.local));
        pair.where_known("remoteCandidateId", id(false, &row.remote));
        pair.always("state", state(row.state));
        pair.always("nominated", row.nominated || row.in_use);
        pair.always("requestsSent", row.checks_sent);
        pair.always("responsesReceived", row.checks_answered);
        pair.always("requestsReceived", row.checks_heard);
        pair.always("responsesSent", row.checks_replied);
        // They are among the requests above; viewers add the two.
        pair.always("consentRequestsSent", 0);
        let total_seconds = (row.round_trips > 0).then_some(row.round_trips_ms / 1000.0);
        if carries {
            self.bytes(&mut pair);
            let seconds = |moment: &Moment| moment.round_trip_ms.map(|ms| ms / 1000.0);
            pair.values("currentRoundTripTime", self.values(seconds));
            // Known at the end alone.
            let mut total = vec![None; self.times.len()];
            if let Some(last) = total.last_mut() {
                *last = total_seconds;
            }
            pair.values("totalRoundTripTime", total);
            let target = |moment: &&Moment| moment.target_bps.map(f64::from);
            pair.values("availableOutgoingBitrate", self.moments.iter().map(target).collect());
        } else {
            pair.always("bytesSent", row.bytes_sent);
            pair.always("bytesReceived", row.bytes_received);
            let seconds = row.round_trip_ms.filter(|ms| ms.is_finite()).map(|ms| ms / 1000.0);
            pair.values("currentRoundTripTime", vec![seconds]);
            pair.values("totalRoundTripTime", vec![total_seconds]);
        }
        pair
    }

    fn codec_id(&self, kind: &str) -> Option<String> {
        let codec = self.report.evidence.media.codecs.iter().find(|codec| codec.kind == kind)?;
        Some(format!("C{}", codec.payload_type))
    }

    fn codec(&self, fact: &CodecFact) -> Statistic {
        let mut codec = Statistic::new(format!("C{}", fact.payload_type), "codec", self.end.clone());
        codec.always("transportId", TRANSPORT);
        codec.always("mimeType", words::plain(&fact.mime));
        codec.always("payloadType", fact.payload_type);
        codec.always("clockRate", fact.clock_hz);
        codec.always("sdpFmtpLine", words::plain(&fact.parameters));
        codec
    }

    fn stream(&self, id: String, type_: &'static str, kind: &'static str) -> Statistic {
        let mut stream = Statistic::new(id, type_, self.times.clone());
        stream.always("kind", kind);
        stream.always("mediaType", kind);
        stream.always("transportId", TRANSPORT);
        stream.where_known("codecId", self.codec_id(kind));
        stream
    }

    fn inbound(&self, kind: &'static str) -> Statistic {
        let mut stream = self.stream(format!("I{}", letter(kind)), "inbound-rtp", kind);
        stream.values("[packetsLost_in_percent]", self.values(|moment| Some(moment.lost_of_theirs_percent)));
        let seconds = |for_ms: u32| f64::from(for_ms) / 1000.0;
        if kind == "audio" {
            self.bytes_of_stream(&mut stream, RECEIVED, |moment| moment.sound_received_bps);
            let held = "[jitterBufferDelay/jitterBufferEmittedCount_in_ms]";
            let samples = |moment: &Moment| 48.0 * f64::from(moment.for_ms);
            let share = |moment: &Moment| f64::from(moment.concealed_percent) / 100.0;
            stream.values("jitter", self.values(|moment| moment.jitter_ms.map(|ms| ms / 1000.0)));
            stream.values(held, self.values(|moment| moment.sound_held_ms));
            stream.values("totalSamplesReceived", self.sums(samples));
            stream.values("concealedSamples", self.sums(|moment| (samples(moment) * share(moment)).round()));
        } else {
            self.bytes_of_stream(&mut stream, RECEIVED, |moment| moment.picture_received_bps);
            let shown = |moment: &Moment| f64::from(moment.frames_shown_per_s) * seconds(moment.for_ms);
            let decoding = |moment: &Moment| f64::from(moment.decode_ms.unwrap_or(0.0)) / 1000.0;
            stream.values("framesPerSecond", self.values(|moment| Some(moment.frames_shown_per_s)));
            stream.values("framesDecoded", self.sums(|moment| shown(moment).round()));
            stream
                .values("frameWidth", self.values(|moment| moment.their_size.map(|(width, _)| width.into())));
            stream.values(
                "frameHeight",
                self.values(|moment| moment.their_size.map(|(_, height)| height.into())),
            );
            stream.values("totalDecodeTime", self.sums(|moment| decoding(moment) * shown(moment)));
            stream.values("totalFreezesDuration", self.sums(|moment| seconds(moment.frozen_ms)));
            stream.values("freezeCount", self.sums(|moment| f64::from(u8::from(moment.frozen_ms > 0))));
        }
        stream
    }

    fn outbound(&self, kind: &'static str) -> Statistic {
        let mut stream = self.stream(format!("O{}", letter(kind)), "outbound-rtp", kind);
        if kind == "audio" {
            self.bytes_of_stream(&mut stream, SENT, |moment| moment.sound_sent_bps);
            return stream;
        }
        self.bytes_of_stream(&mut stream, SENT, |moment| moment.picture_sent_bps);
        let seconds = |moment: &Moment| f64::from(moment.for_ms) / 1000.0;
        let sent = |moment: &Moment| f64::from(moment.frames_sent_per_s) * seconds(moment);
        let encoding = |moment: &Moment| f64::from(moment.encode_ms.unwrap_or(0.0)) / 1000.0;
        stream.values("framesPerSecond", self.values(|moment| Some(moment.frames_sent_per_s)));
        stream.values("framesEncoded", self.sums(|moment| sent(moment).round()));
        stream.values("frameWidth", self.values(|moment| moment.our_size.map(|(width, _)| width.into())));
        stream.values("frameHeight", self.values(|moment| moment.our_size.map(|(_, height)| height.into())));
        stream
            .values("targetBitrate", self.moments.iter().map(|one| one.target_bps.map(f64::from)).collect());
        stream.values("totalEncodeTime", self.sums(|moment| encoding(moment) * sent(moment)));
        stream
            .words("qualityLimitationReason", self.moments.iter().map(|moment| self.limit(moment)).collect());
        stream
    }

    /// What we were told of our pictures by whoever receives them.
    fn told_by_them(&self) -> Statistic {
        let mut stream = self.stream("RIV".to_owned(), "remote-inbound-rtp", "video");
        stream.always("localId", "OV");
        stream.values("fractionLost", self.values(|moment| Some(moment.lost_of_ours_percent / 100.0)));
        stream.values("roundTripTime", self.values(|moment| moment.round_trip_ms.map(|ms| ms / 1000.0)));
        stream
    }

    fn limit(&self, moment: &Moment) -> &'static str {
        let plan = self.report.plans.iter().rev().find(|plan| plan.t_ms <= moment.t_ms);
        match plan.map(|plan| plan.what.why) {
            None | Some(Why::Camera) => "none",
            Some(Why::Network { .. }) => "bandwidth",
            Some(Why::Encoder { .. }) => "cpu",
            Some(Why::Drawn { .. } | Why::Wished { .. }) => "other",
        }
    }
}

fn find(ends: &[End], is_ours: bool, address: &str, port: u16) -> Option<String> {
    let is_it = |end: &&End| end.is_ours == is_ours && end.port == port && end.address == address;
    ends.iter().find(is_it).map(|end| end.id.clone())
}

fn letter(kind: &str) -> &'static str {
    if kind == "audio" { "A" } else { "V" }
}

const fn protocol(over: Transport) -> &'static str {
    match over {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    }
}

const fn state(state: PairState) -> &'static str {
    match state {
        PairState::Waiting => "waiting",
        PairState::InProgress | PairState::OneWay => "in-progress",
        PairState::Succeeded | PairState::InUse => "succeeded",
        PairState::Failed => "failed",
    }
}
