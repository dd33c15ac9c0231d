//! Somebody in a list: their disc, their name, what is to be said of them, and on the right what one may do.

use egui::{Label, Rect, RichText, Stroke, StrokeKind, Ui, UiBuilder, Vec2, pos2};

use super::avatar;
use crate::ui::{
    icons::Icon,
    theme::{self, Colour},
};

/// How high a row is.
pub fn height() -> f32 {
    let size = theme::size();
    size.control_large + size.near
}

/// What a row says.
#[derive(Debug)]
pub struct Person<'a> {
    /// What they are called.
    pub name: &'a str,
    /// Of whom the initials are; nothing where nobody knows a name.
    pub disc: Option<&'a str>,
    /// Said below the name.
    pub below: &'a str,
    /// Drawn before what is said below.
    pub mark: Option<(Icon, Colour)>,
    /// What is said below stands out.
    pub stands_out: bool,
}

/// Shows a row in the whole of `ui`, and on its right what `add` adds, from right to left.
pub fn row<R>(ui: &mut Ui, person: &Person<'_>, add: impl FnOnce(&mut Ui) -> R) -> R {
    let (size, palette) = (theme::size(), theme::palette(ui));
    let whole = ui.max_rect();
    if ui.rect_contains_pointer(whole) {
        let lit = whole.shrink2(Vec2::new(0.0, size.hair));
        let line = Stroke::NONE;
        ui.painter().rect(lit, theme::corner(size.corner), palette.hover.get(), line, StrokeKind::Inside);
    }
    let inner = whole.shrink2(Vec2::new(size.close, size.tight));
    let side = size.control + size.tight;
    let disc = Rect::from_center_size(pos2(inner.left() + side / 2.0, inner.center().y), Vec2::splat(side));
    avatar::paint(ui, disc, person.disc);

    let middle = egui::Layout::right_to_left(egui::Align::Center);
    let mut right = ui.new_child(UiBuilder::new().max_rect(inner).layout(middle).id_salt("right"));
    right.spacing_mut().item_spacing.x = size.hair;
    let result = add(&mut right);

    let left = disc.right() + size.near;
    let until = (right.min_rect().left() - size.close).max(left);
    let high = size.body * 1.35 + size.small * 1.35 + size.hair;
    let top = inner.center().y - high / 2.0;
    let place = Rect::from_min_max(pos2(left, top), pos2(until, top + high));
    let mut text = ui.new_child(UiBuilder::new().max_rect(place).id_salt("text"));
    text.spacing_mut().item_spacing = Vec2::new(size.tight, size.hair);
    text.spacing_mut().interact_size.y = size.small;
    let name = Label::new(RichText::new(person.name).font(theme::strong())).truncate();
    text.add(name);
    text.horizontal(|ui| {
        if let Some((icon, colour)) = person.mark {
            let (place, _) =
                ui.allocate_exact_size(Vec2::splat(size.small + size.hair), egui::Sense::hover());
            icon.paint(ui.painter(), place, colour.get());
        }
        let colour = if person.stands_out { palette.poor } else { palette.quiet };
        let below = RichText::new(person.below).font(theme::small()).color(colour.get());
        ui.add(Label::new(below).truncate());
    });
    result
}
