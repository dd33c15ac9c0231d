//! Things in the middle and at the foot of a page. egui lays out from the top, and how high something is shows only when it
//! was laid out: it is remembered, and where it changed the page is laid out once more before anybody sees it.

use egui::{Id, InnerResponse, Rect, ScrollArea, Ui, UiBuilder, Vec2, pos2};

/// What is less than this is not worth another layout.
const NOTICED: f32 = 0.5;

/// A column in the middle of what there is, not wider than that.
pub fn column<R>(ui: &mut Ui, salt: &str, widest: f32, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let id = ui.scope_id().with(salt);
    let room = ui.available_rect_before_wrap();
    let width = room.width().min(widest);
    let known = known(ui, id);
    let place = Rect::from_min_size(
        pos2(room.center().x - width / 2.0, (room.center().y - known / 2.0).max(room.top())),
        Vec2::new(width, room.height()),
    );
    let shown = ui.scope_builder(UiBuilder::new().max_rect(place).id_salt(salt), add);
    remember(ui, id, known, shown.response.rect.height());
    shown
}

/// The same, and to be scrolled where it is higher than what there is.
pub fn scrolled_column(ui: &mut Ui, salt: &str, widest: f32, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(salt);
    let room = ui.available_rect_before_wrap();
    ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
        let known = known(ui, id);
        ui.add_space(((room.height() - known) / 2.0).max(0.0));
        let free = ui.available_rect_before_wrap();
        let width = free.width().min(widest);
        let left = free.center().x - width / 2.0;
        let place = Rect::from_min_size(pos2(left, free.top()), Vec2::new(width, known));
        let shown = ui.scope_builder(UiBuilder::new().max_rect(place).id_salt(salt), add);
        remember(ui, id, known, shown.response.rect.height());
    });
}

/// Something at the foot, as high as it is. Gives the room above it.
pub fn foot(ui: &mut Ui, salt: &str, add: impl FnOnce(&mut Ui)) -> Rect {
    let id = ui.scope_id().with(salt);
    let room = ui.available_rect_before_wrap();
    let known = known(ui, id).min(room.height());
    let (upper, lower) = room.split_top_bottom_at_y(room.bottom() - known);
    let mut child =
        ui.new_child(UiBuilder::new().max_rect(Rect::from_min_size(lower.min, room.size())).id_salt(salt));
    add(&mut child);
    remember(ui, id, known, child.min_rect().height());
    upper
}

/// A row in the middle of a column: its parts must say beforehand how wide they are together.
pub fn row<R>(ui: &mut Ui, width: f32, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    let left = ((ui.available_width() - width) / 2.0).max(0.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(left);
        ui.spacing_mut().item_spacing.x = crate::ui::theme::size().close;
        add(ui)
    })
}

/// Draws into exactly that place, without a trace in the layout of what is around it.
pub fn place<R>(ui: &mut Ui, salt: &str, rect: Rect, add: impl FnOnce(&mut Ui) -> R) -> R {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(salt));
    add(&mut child)
}

fn known(ui: &Ui, id: Id) -> f32 {
    ui.data(|data| data.get_temp(id)).unwrap_or(0.0)
}

fn remember(ui: &Ui, id: Id, known: f32, height: f32) {
    if (height - known).abs() > NOTICED {
        ui.data_mut(|data| data.insert_temp(id, height));
        ui.ctx().request_discard("how high something is that others stand by");
    }
}
