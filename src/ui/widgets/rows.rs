//! A list of which only what can be seen is drawn: ten thousand rows cost as much as ten.
//!
//! It scrolls with whatever it stands in. The list of egui brings a scroll area of its own, which on a narrow page would be
//! one inside another.

use std::{fmt::Debug, hash::Hash};

use egui::{Rect, Ui, UiBuilder, Vec2};

/// Rows that are drawn though they cannot be seen, above and below: where the keyboard goes next.
const BEYOND: usize = 2;

/// Shows `count` rows of one height. `key` tells them apart: what is typed in a row stays with it when others come and go.
pub fn show<K: Hash + Debug>(
    ui: &mut Ui,
    height: f32,
    count: usize,
    key: impl Fn(usize) -> K,
    mut add: impl FnMut(&mut Ui, usize),
) {
    let width = ui.available_width();
    let (_, whole) = ui.allocate_space(Vec2::new(width, height * count as f32));
    let seen = ui.clip_rect();
    let first = (((seen.top() - whole.top()) / height).floor().max(0.0) as usize).saturating_sub(BEYOND);
    let last = ((seen.bottom() - whole.top()) / height).ceil().max(0.0) as usize;
    for index in first..(last + BEYOND).min(count) {
        let top = whole.top() + height * index as f32;
        let place = Rect::from_min_size(egui::pos2(whole.left(), top), Vec2::new(width, height));
        let mut row = ui.new_child(UiBuilder::new().max_rect(place).id_salt(key(index)));
        add(&mut row, index);
    }
}
