//! My link, large enough to find, and the links that hold only for a while.

use egui::{Color32, Frame, Label, Popup, RichText, Sense, Ui, Vec2, text::LayoutJob};

use crate::{
    logic::desk::{LinkCard, LinkKind, NewLink, Wish},
    ui::{
        copy::home as words,
        icons::Icon,
        scene::Scene,
        screens::settings,
        shell::Page,
        theme,
        widgets::{
            button::{Button, focus_ring},
            card, field,
            icon_button::IconButton,
            qr, segments,
        },
    },
};

/// How long "copied" stays, in seconds.
const COPIED_STAYS_S: f64 = 2.0;
/// How wide the pattern becomes.
const QR_SIDE: f32 = 264.0;
/// So much of a link is shown; the rest is copied along.
const SHOWN_LINES: usize = 3;
const HOURS_A_DAY: u32 = 24;
const MAX_NOTE_CHARS: usize = 60;

/// How long a new link holds.
const HOLDS: [(Option<u32>, &str); 4] = [
    (None, words::ONE_CALL),
    (Some(HOURS_A_DAY), words::ONE_DAY),
    (Some(7 * HOURS_A_DAY), words::ONE_WEEK),
    (Some(30 * HOURS_A_DAY), words::ONE_MONTH),
];

#[derive(Debug, Default)]
pub(super) struct State {
    /// Which link was copied last, and when.
    copied: Option<(Option<String>, f64)>,
    open: bool,
    note: String,
    holds: Option<u32>,
}

impl State {
    /// My lasting link goes into the clipboard.
    pub(super) fn copy(&mut self, ui: &Ui, scene: &Scene<'_>) {
        if let Some(link) = lasting(&scene.snapshot.links) {
            self.put(ui, link);
        }
    }

    fn put(&mut self, ui: &Ui, link: &LinkCard) {
        ui.copy_text(link.link.clone());
        self.copied = Some((link.id.clone(), ui.input(|input| input.time)));
    }

    fn was_copied(&self, ui: &Ui, link: &LinkCard) -> bool {
        let Some((_, at)) = self.copied.as_ref().filter(|(id, _)| *id == link.id) else { return false };
        let left = COPIED_STAYS_S - (ui.input(|input| input.time) - at);
        if left > 0.0 {
            ui.ctx().request_repaint_after_secs(left as f32);
        }
        left > 0.0
    }
}

fn lasting(links: &[LinkCard]) -> Option<&LinkCard> {
    links.iter().find(|link| link.kind == LinkKind::Lasting)
}

pub(super) fn show(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    let links = scene.snapshot.links.clone();
    card::show(ui, |ui| {
        card::heading(ui, words::MY_LINK);
        let Some(link) = lasting(&links) else {
            card::quiet(ui, words::NO_LINK);
            if ui.add(Button::primary(words::CHOOSE_SERVER)).clicked() {
                settings::open_at(ui, settings::Section::Servers);
                *page = Page::Settings;
            }
            return;
        };
        card::quiet(ui, words::MY_LINK_WHAT);
        if whole(ui, &link.link) {
            state.put(ui, link);
        }
        ui.horizontal_wrapped(|ui| {
            let was_copied = state.was_copied(ui, link);
            let (icon, text) =
                if was_copied { (Icon::Check, words::COPIED) } else { (Icon::Copy, words::COPY_LINK) };
            // As wide as the longer of its two texts: it does not jump.
            if ui.add(Button::new(text).icon(icon).min_width(theme::size().control * 3.6)).clicked() {
                state.put(ui, link);
            }
            let button = ui.add(Button::new(words::QR).icon(Icon::Qr));
            pattern(&button, link);
        });
        ui.add_space(theme::size().tight);
        others(ui, state, &links, scene);
    });
}

/// The link as it stands, in as many lines as it takes up to a few. A click copies it. True when it was clicked.
fn whole(ui: &mut Ui, link: &str) -> bool {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let frame = Frame::new()
        .fill(palette.sunken.get())
        .corner_radius(theme::corner(size.corner))
        .inner_margin(theme::margin(size.near));
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        let mut job =
            LayoutJob::simple(link.to_owned(), theme::code(), Color32::PLACEHOLDER, ui.available_width());
        job.wrap.max_rows = SHOWN_LINES;
        job.wrap.break_anywhere = true;
        ui.add(Label::new(job).selectable(false));
    });
    let response = ui.interact(inner.response.rect, inner.response.id.with("copy"), Sense::click());
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::labeled(egui::accesskit::Role::Button, true, words::COPY_LINK);
        info.current_text_value = Some(link.to_owned());
        info
    });
    focus_ring(ui, &response);
    response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(words::COPY_LINK).clicked()
}

fn pattern(button: &egui::Response, link: &LinkCard) {
    Popup::from_toggle_button_response(button).gap(theme::size().close).accessible_name(words::QR_NAME).show(
        |ui| {
            ui.vertical_centered(|ui| {
                qr::show(ui, words::QR_NAME, &link.link, QR_SIDE);
                card::quiet(ui, words::QR_HOW);
            });
        },
    );
}

fn others(ui: &mut Ui, state: &mut State, links: &[LinkCard], scene: &mut Scene<'_>) {
    let count = links.iter().filter(|link| link.kind != LinkKind::Lasting).count();
    let title = words::other_links(count);
    let icon = if state.open { Icon::ChevronUp } else { Icon::ChevronDown };
    let button = ui.add(Button::quiet(&title).icon(icon));
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_expanded(state.open));
    if button.clicked() {
        state.open = !state.open;
    }
    if !state.open {
        return;
    }
    card::quiet(ui, words::OTHER_LINKS_WHAT);
    for link in links.iter().filter(|link| link.kind != LinkKind::Lasting) {
        ui.push_id(&link.id, |ui| given(ui, state, link, scene));
    }
    ui.add_space(theme::size().tight);
    if let Some(holds) = segments::show(ui, words::HOLDS, state.holds, &HOLDS) {
        state.holds = holds;
    }
    field::bare(ui, words::NOTE_HINT, &mut state.note, MAX_NOTE_CHARS).accessible_name(words::NOTE);
    if ui.add(Button::new(words::MAKE_LINK).icon(Icon::Plus)).clicked() {
        let kind = state.holds.map_or(NewLink::OneTime, |hours| NewLink::For { hours });
        let note = Some(state.note.trim().to_owned()).filter(|note| !note.is_empty());
        scene.wish(Wish::MakeLink { kind, note });
        state.note.clear();
    }
}

/// One link that holds for a while: how long, for whom, and what can be done with it.
fn given(ui: &mut Ui, state: &mut State, link: &LinkCard, scene: &mut Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let kind = words::link_kind(link.kind, scene.snapshot.now_unix_ms);
    let called = link.note.as_deref().unwrap_or(&kind);
    egui::Sides::new().height(size.control_large).shrink_left().truncate().show(
        ui,
        |ui| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing = Vec2::ZERO;
                ui.add(Label::new(RichText::new(called).font(theme::strong())).truncate());
                let below = if link.note.is_some() { kind.as_str() } else { "" };
                let quiet = RichText::new(below).font(theme::small()).color(palette.quiet.get());
                ui.add(Label::new(quiet).truncate());
            });
        },
        |ui| {
            let name = format!("{}: {called}", words::REVOKE);
            if ui.add(IconButton::new(Icon::Trash, &name)).clicked()
                && let Some(id) = link.id.clone()
            {
                scene.wish(Wish::RevokeLink { id });
            }
            let name = format!("{}: {called}", words::QR);
            let button = ui.add(IconButton::new(Icon::Qr, &name));
            pattern(&button, link);
            let was_copied = state.was_copied(ui, link);
            let (icon, text) =
                if was_copied { (Icon::Check, words::COPIED) } else { (Icon::Copy, words::COPY_LINK) };
            if ui.add(IconButton::new(icon, &format!("{text}: {called}"))).clicked() {
                state.put(ui, link);
            }
        },
    );
}
