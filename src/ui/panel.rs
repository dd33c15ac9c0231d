//! How the call travels, in full: beside the picture or below it, in a window of its own, after the call, and without one.
//!
//! The panel draws a `PathReport` and an `Evidence`, and infers nothing. Whatever it draws (tables, lines of graphs, places on
//! the map) is made when one of the two is another than before, about once a second; a picture in between costs only what can
//! be seen.
//!
//! * `subject` what is shown; [`docking`] where the panel stands.
//! * `map`, `tables`, `relay`, `timeline`, `graphs`, `media`, `log` its parts; `trials` what one can do.
//! * `table` rows to sort, filter and copy; [`copying`] the forms in which they are copied.
//! * `story`, `series` what is drawn, as values; `parts` what parts are made of.

pub mod copying;
pub mod docking;
mod graphs;
mod log;
mod map;
mod media;
mod parts;
mod relay;
mod series;
mod story;
mod subject;
mod table;
mod tables;
mod timeline;
mod trials;

use std::sync::Arc;

use egui::{
    Align, Color32, Frame, Label, Layout, Rect, RichText, ScrollArea, Sense, Ui, WidgetInfo, accesskit::Role,
};

use self::{
    map::Map,
    series::Graph,
    story::Event,
    subject::{Source, Subject},
    table::Table,
};
use super::{
    copy::{call, panel as words},
    icons::Icon,
    scene::Scene,
    screens::checkup,
    theme,
    widgets::{
        arrange,
        button::focus_ring,
        icon_button::IconButton,
        live::{self, Urgency},
    },
};
use crate::logic::evidence::{LogLevel, LogLine, Moment};

/// Less high than this, or less wide, what one can do scrolls with the rest.
const HIGH: f32 = 540.0;
const LEVEL: f32 = 500.0;

/// A part of the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The path, drawn.
    #[default]
    Map,
    /// The ways to reach either side.
    Candidates,
    /// What was tried.
    Pairs,
    /// Whether somebody relays, and which servers were asked.
    Relay,
    /// What happened.
    Timeline,
    /// How it went.
    Graphs,
    /// What goes over the path.
    Media,
    /// What was noted, and what was proposed.
    Log,
    /// This computer and its network.
    Here,
}

impl Part {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Map, words::MAP),
        (Self::Candidates, words::CANDIDATES),
        (Self::Pairs, words::PAIRS),
        (Self::Relay, words::RELAY),
        (Self::Timeline, words::TIMELINE),
        (Self::Graphs, words::GRAPHS),
        (Self::Media, words::MEDIA),
        (Self::Log, words::LOG),
        (Self::Here, words::HERE),
    ];
}

/// What somebody wants of the panel's surroundings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// It shall close.
    pub close: bool,
    /// The page with the servers.
    pub servers: bool,
    /// A window of its own, or none any more.
    pub other_place: bool,
}

/// What is of the panel itself.
#[derive(Debug, Default)]
pub struct State {
    part: Part,
    call: Option<String>,
    source: Option<Source>,
    version: u64,
    map: Map,
    tables: Tables,
    prepared: Prepared,
    timeline: timeline::State,
    graphs: graphs::State,
}

/// What is drawn of a call's history, made once for each new state.
#[derive(Debug, Default)]
struct Prepared {
    events: Vec<Event>,
    left_out: u32,
    moments: Vec<Moment>,
    graphs: Vec<Graph>,
}

/// The tables, and what somebody made of them.
#[derive(Debug)]
struct Tables {
    local: Table,
    of_local: table::State,
    remote: Table,
    of_remote: table::State,
    pairs: Table,
    of_pairs: table::State,
    relays: Table,
    of_relays: table::State,
    servers: Table,
    of_servers: table::State,
    interfaces: Table,
    of_interfaces: table::State,
    codecs: Table,
    of_codecs: table::State,
    stages: Table,
    of_stages: table::State,
    log: Table,
    of_log: table::State,
    least: LogLevel,
}

impl Default for Tables {
    fn default() -> Self {
        let nothing = Source::Here(Arc::default());
        let (path, media) = (nothing.path(), &nothing.evidence().media);
        Self {
            local: tables::local(path),
            of_local: table::State::default(),
            remote: tables::remote(path),
            of_remote: table::State::default(),
            pairs: tables::pairs(path),
            of_pairs: table::State::with_working(),
            relays: tables::relays(path, None),
            of_relays: table::State::default(),
            servers: tables::servers(path),
            of_servers: table::State::default(),
            interfaces: tables::interfaces(&[]),
            of_interfaces: table::State::default(),
            codecs: tables::codecs(&media.codecs),
            of_codecs: table::State::default(),
            stages: tables::stages(&media.stages),
            of_stages: table::State::default(),
            log: tables::log(&[], LogLevel::Info),
            of_log: table::State::default(),
            least: LogLevel::Info,
        }
    }
}

impl Tables {
    fn make(&mut self, source: &Source) {
        let (path, evidence) = (source.path(), source.evidence());
        self.local = tables::local(path);
        self.remote = tables::remote(path);
        self.pairs = tables::pairs(path);
        let now_ms = evidence.moments.last().map(|moment| moment.t_ms);
        self.relays = tables::relays(path, now_ms);
        self.servers = tables::servers(path);
        self.interfaces = tables::interfaces(&source.interfaces());
        self.codecs = tables::codecs(&evidence.media.codecs);
        self.stages = tables::stages(&evidence.media.stages);
        self.make_log(&evidence.log);
    }

    fn make_log(&mut self, lines: &[LogLine]) {
        self.log = tables::log(lines, self.least);
    }
}

/// Draws it into all the room that there is.
pub fn show(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>, place: Option<docking::Place>) -> Wants {
    let snapshot = scene.snapshot;
    let subject = Subject::new(snapshot);
    state.take(&subject);
    let (size, palette) = (theme::size(), theme::palette(ui));
    let room = ui.max_rect();
    let mut wants = Wants::default();
    let frame = Frame::new().fill(palette.surface.get()).inner_margin(theme::margin(size.near));
    frame.show(ui, |ui| {
        ui.set_min_size(ui.available_size());
        ui.shrink_clip_rect(room);
        head(ui, &subject, place, &mut wants);
        trials::warning(ui, &subject, scene);
        if subject.has_call {
            tabs(ui, &mut state.part);
        }
        let is_high = room.height() >= HIGH && room.width() >= LEVEL;
        let inner = if is_high {
            arrange::foot(ui, "what one can do", |ui| {
                ui.add_space(size.close);
                wants.servers |= trials::bar(ui, &subject, scene);
            })
        } else {
            ui.available_rect_before_wrap()
        };
        arrange::place(ui, "part", inner, |ui| {
            let part = if subject.has_call { state.part } else { Part::Here };
            ScrollArea::vertical().id_salt(("part", part as u8)).auto_shrink(false).show(ui, |ui| {
                state.part(ui, part, &subject, scene);
                if !is_high {
                    ui.add_space(size.near);
                    wants.servers |= trials::bar(ui, &subject, scene);
                }
                ui.add_space(size.close);
            });
        });
    });
    wants
}

impl State {
    /// Makes what is drawn, where it is another than before.
    fn take(&mut self, subject: &Subject<'_>) {
        if self.source.as_ref().is_some_and(|source| source.is(&subject.source)) {
            return;
        }
        if self.call != subject.call {
            let part = self.part;
            *self = Self { part, call: subject.call.clone(), ..Self::default() };
        }
        self.version += 1;
        self.map = Map::new(subject.path(), subject.evidence().moments.last());
        self.tables.make(&subject.source);
        if !self.graphs.is_paused {
            let evidence = subject.evidence();
            self.prepared = Prepared {
                events: story::merged(subject.path(), evidence),
                left_out: subject.path().timeline_left_out + evidence.happenings_left_out,
                moments: evidence.moments.clone(),
                graphs: series::graphs(&evidence.moments),
            };
        }
        self.source = Some(subject.source.clone());
    }

    fn part(&mut self, ui: &mut Ui, part: Part, subject: &Subject<'_>, scene: &mut Scene<'_>) {
        let (tables, version) = (&mut self.tables, self.version);
        let gap = theme::size().near;
        match part {
            Part::Map => {
                figures(ui, &self.prepared.moments);
                self.map.show(ui);
            }
            Part::Candidates => {
                tables.local.show(ui, &mut tables.of_local, version, words::NO_CANDIDATES);
                ui.add_space(gap);
                tables.remote.show(ui, &mut tables.of_remote, version, words::NO_CANDIDATES);
            }
            Part::Pairs => tables.pairs.show(ui, &mut tables.of_pairs, version, words::NO_PAIRS),
            Part::Relay => relay::show(ui, subject, tables, version),
            Part::Timeline => timeline::show(ui, &mut self.timeline, &self.prepared, &mut self.graphs),
            Part::Graphs => graphs::show(ui, &mut self.graphs, &self.prepared),
            Part::Media => media::show(ui, subject, tables, version),
            Part::Log => log::show(ui, subject, tables, version),
            Part::Here => {
                if !subject.has_call {
                    parts::quiet(ui, words::NO_CALL);
                    ui.add_space(gap);
                }
                checkup::show(ui, scene);
                ui.add_space(gap);
                tables.interfaces.show(ui, &mut tables.of_interfaces, version, words::NO_INTERFACES);
            }
        }
    }
}

/// The heading with its buttons, and the whole in one sentence.
fn head(ui: &mut Ui, subject: &Subject<'_>, place: Option<docking::Place>, wants: &mut Wants) {
    let size = theme::size();
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            wants.close = ui.add(IconButton::new(Icon::Close, call::CLOSE_PANEL)).clicked();
            if let Some(place) = place {
                let (icon, name) = match place {
                    docking::Place::Docked => (Icon::FullScreen, words::OWN_WINDOW),
                    docking::Place::OwnWindow => (Icon::LeaveFullScreen, words::BESIDE),
                };
                wants.other_place = ui.add(IconButton::new(icon, name)).clicked();
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let heading = RichText::new(subject.heading).font(theme::heading());
                ui.add(Label::new(heading).truncate());
            });
        });
    });
    if subject.has_call {
        let sentence = &subject.path().sentence;
        let sentence = if sentence.is_empty() { call::NO_PATH_YET } else { sentence };
        live::label(ui, RichText::new(sentence).font(theme::body()), Urgency::Polite);
    }
    ui.add_space(size.tight);
}

/// The parts, in as many lines as they need.
fn tabs(ui: &mut Ui, open: &mut Part) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let builder = egui::UiBuilder::new()
        .id_salt(words::PARTS)
        .accessibility_role(Role::TabList)
        .accessibility_label(words::PARTS);
    ui.scope_builder(builder, |ui| {
        ui.spacing_mut().item_spacing = egui::vec2(size.hair, size.hair);
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal_wrapped(|ui| {
            for (part, name) in Part::ALL {
                let galley =
                    ui.painter().layout_no_wrap(name.to_owned(), theme::small(), Color32::PLACEHOLDER);
                let whole = galley.size() + egui::vec2(2.0 * size.close, 2.0 * size.tight + size.hair);
                let (rect, response) = ui.allocate_exact_size(whole, Sense::click());
                let is_open = *open == part;
                response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_open, name));
                let (fill, ink) = match (is_open, response.hovered()) {
                    (true, _) => (palette.accent_soft.get(), palette.on_accent_soft),
                    (false, true) => (palette.hover.get(), palette.text),
                    (false, false) => (Color32::TRANSPARENT, palette.quiet),
                };
                ui.painter().rect_filled(rect, theme::corner(size.corner), fill);
                if is_open {
                    let line = Rect::from_min_max(
                        egui::pos2(rect.left() + size.close, rect.bottom() - size.hair),
                        egui::pos2(rect.right() - size.close, rect.bottom()),
                    );
                    ui.painter().rect_filled(line, 0.0, palette.accent.get());
                }
                let at = egui::Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect);
                ui.painter().galley_with_override_text_color(at.min, galley, ink.get());
                focus_ring(ui, &response);
                if response.clicked() {
                    *open = part;
                }
            }
        });
    });
    ui.add_space(size.close);
}

/// How it goes just now, at a glance.
fn figures(ui: &mut Ui, moments: &[Moment]) {
    const POOR_PERCENT: f32 = 5.0;
    const POOR_MS: f32 = 300.0;
    let Some(now) = moments.last() else { return };
    let tile = |name, value: String, is_poor| parts::Tile { name, value, is_poor };
    let trip = now.round_trip_ms;
    let (ours, theirs) = (now.lost_of_ours_percent, now.lost_of_theirs_percent);
    let shown = trip.map_or_else(|| words::NOTHING.to_owned(), |ms| words::figure_ms(f64::from(ms)));
    parts::tiles(
        ui,
        &[
            tile(words::ROUND_TRIP, shown, trip.is_some_and(|ms| ms >= POOR_MS)),
            tile(words::YOU_SEND, words::rate(now.sent_bps), false),
            tile(words::YOU_GET, words::rate(now.received_bps), false),
            tile(words::LOST, words::lost(ours, theirs), ours.max(theirs) >= POOR_PERCENT),
        ],
    );
    ui.add_space(theme::size().near);
}
