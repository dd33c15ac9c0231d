//! Where the panel stands: beside the page, below it, over it, or in a window of its own where the system has such.
//!
//! A screen reader is told of the first window alone: the library that opens windows makes no other known to it. Docked, the
//! panel is read.

use egui::{Rect, Ui, ViewportBuilder, ViewportId};

use super::{Part, State, Wants, show};
use crate::ui::{copy::panel as words, keys::Hotkey, scene::Scene};

/// From this width on there is room beside the page.
const BESIDE: f32 = 900.0;
/// Then it takes that part of the width, within these bounds.
const SHARE: f32 = 0.45;
const WIDTHS: std::ops::RangeInclusive<f32> = 400.0..=640.0;
/// Below a call it takes that part of the height.
const BELOW: f32 = 0.6;
/// The first size of its own window, and the least.
const WINDOW: [f32; 2] = [940.0, 760.0];
const LEAST: [f32; 2] = [380.0, 400.0];

/// Where it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the window of the call.
    #[default]
    Docked,
    /// In its own.
    OwnWindow,
}

/// The panel with its place.
#[derive(Debug, Default)]
pub struct Dock {
    is_open: bool,
    place: Place,
    state: State,
}

impl Dock {
    /// It is seen, wherever.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// It takes room from the page.
    pub fn is_docked(&self) -> bool {
        self.is_open && self.place == Place::Docked
    }

    /// Opens or closes it.
    pub const fn toggle(&mut self) {
        self.is_open = !self.is_open;
    }

    /// Opens it at that part.
    pub const fn open_at(&mut self, part: Part) {
        self.is_open = true;
        self.state.part = part;
    }

    /// Closes it.
    pub const fn close(&mut self) {
        self.is_open = false;
    }

    /// The page, and the panel beside it or below it. Without a call it covers a narrow page.
    pub fn split(&self, room: Rect, in_call: bool) -> (Rect, Option<Rect>) {
        if !self.is_docked() {
            return (room, None);
        }
        let (page, panel) = if room.width() >= BESIDE {
            let width = (room.width() * SHARE).clamp(*WIDTHS.start(), *WIDTHS.end());
            room.split_left_right_at_x((room.right() - width).round())
        } else if in_call {
            room.split_top_bottom_at_y((room.bottom() - room.height() * BELOW).round())
        } else {
            (Rect::NOTHING, room)
        };
        (page, Some(panel))
    }

    /// Draws it where it is docked. Says whether the page with the servers is wanted.
    pub fn show(&mut self, ui: &mut Ui, scene: &mut Scene<'_>) -> bool {
        let wants = show(ui, &mut self.state, scene, place(ui, Place::Docked));
        self.take(wants)
    }

    /// Draws it in its own window, where it is there.
    pub fn show_window(&mut self, ui: &Ui, scene: &mut Scene<'_>) -> bool {
        if !self.is_open || self.place == Place::Docked {
            return false;
        }
        if ui.ctx().embed_viewports() {
            self.place = Place::Docked;
            return false;
        }
        let window = ViewportBuilder::default()
            .with_title(words::TITLE)
            .with_inner_size(WINDOW)
            .with_min_inner_size(LEAST);
        let state = &mut self.state;
        let wants =
            ui.ctx().show_viewport_immediate(ViewportId::from_hash_of("path panel"), window, |ui, _| {
                let mut wants = show(ui, state, scene, Some(Place::OwnWindow));
                wants.close |= ui.input(|input| input.viewport().close_requested());
                wants.close |= Hotkey::Panel.pressed(ui);
                wants
            });
        self.take(wants)
    }

    fn take(&mut self, wants: Wants) -> bool {
        if wants.close {
            self.close();
        }
        if wants.other_place {
            self.place = match self.place {
                Place::Docked => Place::OwnWindow,
                Place::OwnWindow => Place::Docked,
            };
        }
        wants.servers
    }
}

/// Whether there is another place to go to.
fn place(ui: &Ui, now: Place) -> Option<Place> {
    (!ui.ctx().embed_viewports()).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Pos2, vec2};

    #[test]
    fn the_panel_stands_beside_below_or_over_the_page() {
        let mut dock = Dock::default();
        let room = |width, height| Rect::from_min_size(Pos2::ZERO, vec2(width, height));
        assert_eq!(dock.split(room(1280.0, 800.0), true), (room(1280.0, 800.0), None));
        dock.toggle();
        for (width, height) in [(900.0, 600.0), (1280.0, 800.0), (2560.0, 1400.0)] {
            let (page, panel) = dock.split(room(width, height), true);
            let panel = panel.unwrap();
            assert!(WIDTHS.contains(&panel.width()) && panel.height() == height);
            assert!((page.width() + panel.width() - width).abs() < 0.01 && page.width() >= 480.0);
        }
        let (page, panel) = dock.split(room(480.0, 700.0), true);
        assert!(page.width() == 480.0 && page.height() >= 280.0 && panel.unwrap().height() == 420.0);
        assert_eq!(dock.split(room(480.0, 700.0), false), (Rect::NOTHING, Some(room(480.0, 700.0))));
    }
}
