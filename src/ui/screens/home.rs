//! Home: my link, a link to call, people, and calls that were.
//!
//! Two columns where there is room: on the left what one does, on the right a list that scrolls by itself. In a narrow window
//! everything stands in one column, and all of it scrolls. How the server does stands in a line at the foot that is always
//! there, so that nothing moves when it goes away.

mod call;
mod foot;
mod links;
mod people;
mod recents;

use egui::{CentralPanel, Frame, Label, Margin, Panel, RichText, ScrollArea, Ui};
use sightline_protocol::call::Media;

use crate::{
    logic::desk::Wish,
    ui::{
        copy::{self, home as words},
        icons::Icon,
        keys::Hotkey,
        scene::Scene,
        shell::Page,
        theme,
        widgets::{avatar, icon_button::IconButton, page, segments},
    },
};

pub(super) const VIDEO: Media = Media { audio: true, video: true };
pub(super) const SOUND: Media = Media { audio: true, video: false };

/// How wide the left column is.
const LEFT: f32 = 392.0;
/// Wider than this no page becomes.
const WIDEST: f32 = 1160.0;
/// Below this there is one column.
const TWO_COLUMNS: f32 = 820.0;

/// What is of the page itself.
#[derive(Debug, Default)]
pub struct State {
    call: call::State,
    links: links::State,
    people: people::State,
    list: List,
    saw_missed: bool,
    stopped_preview: bool,
}

/// Which list is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    #[default]
    Contacts,
    Recent,
}

/// Draws it.
pub fn show(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    stop_preview(&mut state.stopped_preview, scene);
    if Hotkey::CopyLink.pressed(ui) {
        state.links.copy(ui, scene);
    }
    header(ui, page, scene);
    foot::show(ui, page, scene);
    CentralPanel::default().frame(Frame::new()).show(ui, |ui| {
        if ui.available_width() < TWO_COLUMNS {
            page::scrolled(ui, "home", WIDEST, |ui| {
                left(ui, state, page, scene);
                ui.add_space(theme::size().near);
                tabs(ui, state, scene);
                list(ui, state, scene);
            });
        } else {
            page::column(ui, WIDEST, |ui| columns(ui, state, page, scene));
        }
    });
}

fn columns(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    let size = theme::size();
    let side = size.far as i8;
    Panel::left("what one does")
        .frame(Frame::new().inner_margin(Margin { left: side, right: 0, top: 0, bottom: 0 }))
        .resizable(false)
        .show_separator_line(false)
        .exact_size(LEFT + size.far + size.near)
        .show(ui, |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                // The bar stands beside the cards, not on them.
                ui.set_max_width(LEFT);
                left(ui, state, page, scene);
                ui.add_space(size.far);
            });
        });
    CentralPanel::default()
        .frame(Frame::new().inner_margin(Margin { left: size.close as i8, right: 0, top: 0, bottom: 0 }))
        .show(ui, |ui| {
            ui.scope(|ui| {
                ui.set_max_width(ui.available_width() - size.far);
                tabs(ui, state, scene);
            });
            ScrollArea::vertical().id_salt(("list", state.list == List::Contacts)).auto_shrink(false).show(
                ui,
                |ui| {
                    ui.set_max_width(ui.available_width() - size.far);
                    list(ui, state, scene);
                },
            );
        });
}

fn header(ui: &mut Ui, page: &mut Page, scene: &Scene<'_>) {
    let size = theme::size();
    let frame = Frame::new().inner_margin(page::side(ui));
    Panel::top("home header").frame(frame).show_separator_line(false).show(ui, |ui| {
        page::column(ui, WIDEST - 2.0 * size.far, |ui| {
            egui::Sides::new().shrink_left().truncate().show(
                ui,
                |ui| {
                    let name = scene.snapshot.me.name.as_deref();
                    avatar::show(ui, name, size.control);
                    let shown = name.unwrap_or(copy::APP);
                    let label = ui.add(Label::new(RichText::new(shown).font(theme::heading())).truncate());
                    label.on_hover_text(shown);
                },
                |ui| {
                    let keys = Hotkey::Help.keys(ui);
                    if ui.add(IconButton::new(Icon::Help, words::HELP).tip(&keys)).clicked() {
                        *page = Page::Help;
                    }
                    let keys = Hotkey::Settings.keys(ui);
                    if ui.add(IconButton::new(Icon::Settings, words::SETTINGS).tip(&keys)).clicked() {
                        *page = Page::Settings;
                    }
                },
            );
        });
    });
}

fn left(ui: &mut Ui, state: &mut State, page: &mut Page, scene: &mut Scene<'_>) {
    let gap = theme::size().near;
    call::show(ui, &mut state.call, scene);
    ui.add_space(gap);
    links::show(ui, &mut state.links, page, scene);
    ui.add_space(gap);
    call::echo(ui, scene);
}

fn tabs(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let snapshot = scene.snapshot;
    let (contacts, recents) = (words::contacts(snapshot.contacts.len()), words::recents(snapshot.missed));
    let all = [(List::Contacts, contacts.as_str()), (List::Recent, recents.as_str())];
    if let Some(chosen) = segments::tabs(ui, words::LISTS, state.list, &all) {
        state.list = chosen;
    }
    if state.list == List::Recent && snapshot.missed > 0 {
        if !state.saw_missed {
            scene.wish(Wish::SeenMissed);
        }
        state.saw_missed = true;
    } else {
        state.saw_missed = false;
    }
    ui.add_space(theme::size().tight);
    match state.list {
        List::Contacts => people::head(ui, &mut state.people, scene),
        List::Recent => recents::head(ui, scene),
    }
    ui.add_space(theme::size().tight);
}

fn list(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    match state.list {
        List::Contacts => people::rows(ui, &mut state.people, scene),
        List::Recent => recents::rows(ui, scene),
    }
}

/// Nobody looks at themselves on a page without a place for it: the camera is let go.
pub(super) fn stop_preview(stopped: &mut bool, scene: &mut Scene<'_>) {
    let previewing = scene.snapshot.shelf.previewing;
    if previewing && !*stopped {
        scene.wish(Wish::Preview { on: false });
    }
    *stopped = previewing;
}

/// What stands where a list is empty: what is so, and the next step.
fn empty(ui: &mut Ui, icon: Icon, what: &str, next: &str) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.add_space(size.wide);
    ui.vertical_centered(|ui| {
        let side = egui::Vec2::splat(size.control);
        let (place, _) = ui.allocate_exact_size(side, egui::Sense::hover());
        icon.paint(ui.painter(), place, palette.quiet.get());
        ui.add_space(size.close);
        ui.add(Label::new(RichText::new(what).font(theme::heading())).wrap());
        ui.add(Label::new(RichText::new(next).color(palette.quiet.get())).wrap());
    });
    ui.add_space(size.wide);
}
