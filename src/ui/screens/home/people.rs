//! The contacts: who they are, whether they are there, and what one may do about them.

use std::sync::Arc;

use egui::{Key, Ui};
use sightline_protocol::{keys::Address, limits::MAX_NAME_CHARS};

use super::{SOUND, VIDEO, call::MAX_TYPED_CHARS, empty};
use crate::{
    logic::desk::{ContactCard, ContactChange, Presence, Wish, call_link},
    ui::{
        copy::{self, home as words},
        icons::Icon,
        scene::Scene,
        screens::devices,
        theme,
        widgets::{
            button::Button,
            card, field,
            icon_button::IconButton,
            menu,
            person::{self, Person},
            rows,
        },
    },
};

/// With fewer people than this nobody searches.
const SEARCH_FROM: usize = 8;

#[derive(Debug, Default)]
pub(super) struct State {
    search: String,
    adding: Option<Adding>,
    renaming: Option<(Address, String)>,
    found: Found,
}

#[derive(Debug, Default)]
struct Adding {
    link: String,
    name: String,
    is_new: bool,
}

/// What a search found, kept for as long as neither the words nor the people change.
#[derive(Debug, Default)]
struct Found {
    search: String,
    /// Which list was searched. It is shared and never changed, so where it lies tells whether it is the same.
    of: Option<Arc<[ContactCard]>>,
    indexes: Vec<usize>,
}

impl Found {
    fn refresh(&mut self, search: &str, contacts: &Arc<[ContactCard]>) {
        let is_same = self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, contacts));
        if is_same && self.search == search {
            return;
        }
        let wanted = search.trim().to_lowercase();
        let matches = |contact: &ContactCard| {
            wanted.is_empty()
                || contact.name.as_ref().is_some_and(|name| name.to_lowercase().contains(&wanted))
        };
        self.indexes = (0..contacts.len()).filter(|&index| matches(&contacts[index])).collect();
        search.clone_into(&mut self.search);
        self.of = Some(Arc::clone(contacts));
    }
}

/// What stands over the list: the search, and the form for somebody new.
pub(super) fn head(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let size = theme::size();
    let has_search = scene.snapshot.contacts.len() >= SEARCH_FROM;
    if !has_search {
        state.search.clear();
    }
    ui.horizontal(|ui| {
        let add = Button::new(words::ADD).icon(Icon::Plus).enabled(state.adding.is_none());
        if ui.add(add).clicked() {
            state.adding = Some(Adding { is_new: true, ..Adding::default() });
        }
        if has_search {
            field::bare(ui, words::SEARCH, &mut state.search, MAX_NAME_CHARS).accessible_name(words::SEARCH);
        }
    });
    if let Some(mut adding) = state.adding.take() {
        ui.add_space(size.tight);
        if card::show(ui, |ui| form(ui, &mut adding, scene)).inner {
            state.adding = Some(adding);
        }
    }
}

/// Whether the form stays open.
fn form(ui: &mut Ui, adding: &mut Adding, scene: &mut Scene<'_>) -> bool {
    let link = field::line(ui, words::THEIR_LINK, words::THEIR_LINK_HINT, &mut adding.link, MAX_TYPED_CHARS);
    if std::mem::take(&mut adding.is_new) {
        link.request_focus();
    }
    let read = call_link(&adding.link);
    devices::wrong(ui, &adding.link, read.as_ref().err());
    let name = field::line(ui, words::THEIR_NAME, words::THEIR_NAME_HINT, &mut adding.name, MAX_NAME_CHARS);
    let entered = (link.lost_focus() || name.lost_focus()) && ui.input(|input| input.key_pressed(Key::Enter));
    ui.horizontal(|ui| {
        let done = ui.add(Button::primary(words::ADD_DONE).enabled(read.is_ok())).clicked();
        if read.is_ok() && (done || entered) {
            let name = Some(adding.name.trim().to_owned()).filter(|name| !name.is_empty());
            scene.wish(Wish::AddContact { text: adding.link.trim().to_owned(), name });
            return false;
        }
        !ui.add(Button::quiet(words::CANCEL)).clicked()
    })
    .inner
}

pub(super) fn rows(ui: &mut Ui, state: &mut State, scene: &mut Scene<'_>) {
    let contacts = Arc::clone(&scene.snapshot.contacts);
    state.found.refresh(&state.search, &contacts);
    if state.found.indexes.is_empty() {
        if contacts.is_empty() {
            empty(ui, Icon::People, words::NO_CONTACTS, words::NO_CONTACTS_NEXT);
        } else {
            empty(ui, Icon::Search, words::NOBODY_FOUND, words::NOBODY_FOUND_NEXT);
        }
        return;
    }
    let State { found, renaming, .. } = state;
    let at = |row: usize| &contacts[found.indexes[row]];
    rows::show(
        ui,
        person::height(),
        found.indexes.len(),
        |row| at(row).key,
        |ui, row| {
            let contact = at(row);
            match renaming.take() {
                Some((key, name)) if key == contact.key => *renaming = rename(ui, key, name, scene),
                other => {
                    *renaming = other;
                    if show(ui, contact, scene) {
                        *renaming = Some((contact.key, contact.name.clone().unwrap_or_default()));
                    }
                }
            }
        },
    );
}

/// One of them. Whether they are to be called something else.
fn show(ui: &mut Ui, contact: &ContactCard, scene: &mut Scene<'_>) -> bool {
    let palette = theme::palette(ui);
    let name = shown(contact);
    let (icon, colour) = match contact.presence {
        Presence::Online => (Icon::Check, palette.good),
        Presence::Offline => (Icon::Close, palette.quiet),
        Presence::Unknown => (Icon::Person, palette.quiet),
    };
    let line = Person {
        name,
        disc: contact.name.as_deref(),
        below: words::presence(contact.presence),
        mark: Some((icon, colour)),
        stands_out: false,
    };
    let can_call = contact.link.is_some();
    let why_not = (!can_call).then_some(words::NO_WAY_BACK);
    person::row(ui, &line, |ui| {
        let more = words::more_about(name);
        let button = ui.add(IconButton::new(Icon::More, &more));
        let renames =
            menu::show(ui, &button, &more, |ui| about(ui, contact, scene)).is_some_and(|shown| shown.inner);
        for (icon, text, media) in [
            (Icon::Answer, words::call_with_sound(name), SOUND),
            (Icon::Camera, words::call_with_video(name), VIDEO),
        ] {
            let button = IconButton::new(icon, &text).enabled(can_call);
            let button = why_not.map_or_else(|| IconButton::new(icon, &text), |why| button.tip(why));
            if ui.add(button).clicked() {
                scene.wish(Wish::CallContact { key: contact.key, media });
            }
        }
        renames
    })
}

/// What else can be done. Whether they are to be called something else.
fn about(ui: &mut Ui, contact: &ContactCard, scene: &mut Scene<'_>) -> bool {
    let renames = menu::item(ui, Some(Icon::Edit), words::RENAME, true).clicked();
    let copies = menu::item(ui, Some(Icon::Copy), words::COPY_LINK, contact.link.is_some()).clicked();
    let removes = menu::item(ui, Some(Icon::Trash), words::REMOVE, true).clicked();
    if copies && let Some(link) = &contact.link {
        ui.copy_text(link.clone());
    }
    if removes {
        scene.wish(Wish::Contact { key: contact.key, change: ContactChange::Remove });
    }
    if renames || copies || removes {
        ui.close();
    }
    renames
}

/// Their row while a new name is typed. What is left to be typed.
fn rename(ui: &mut Ui, key: Address, mut name: String, scene: &mut Scene<'_>) -> Option<(Address, String)> {
    let size = theme::size();
    let mut stays = true;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let cancelled = ui.add(IconButton::new(Icon::Close, words::CANCEL)).clicked();
        let kept =
            ui.add(IconButton::new(Icon::Check, words::SAVE_NAME).enabled(!name.trim().is_empty())).clicked();
        ui.add_space(size.tight);
        let field = field::bare(ui, words::THEIR_NAME_HINT, &mut name, MAX_NAME_CHARS)
            .accessible_name(words::THEIR_NAME);
        let (enter, escape) =
            ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
        if kept || (field.lost_focus() && enter && !name.trim().is_empty()) {
            let change = ContactChange::Rename { name: name.trim().to_owned() };
            scene.wish(Wish::Contact { key, change });
            stays = false;
        } else if cancelled || (field.lost_focus() && escape) {
            stays = false;
        } else if !field.has_focus() && !field.lost_focus() && ui.memory(|memory| memory.focused().is_none())
        {
            field.request_focus();
        }
    });
    stays.then_some((key, name))
}

fn shown(contact: &ContactCard) -> &str {
    contact.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(copy::NO_NAME)
}
