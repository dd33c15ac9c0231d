//! Files on their way, each with what can be done about it.

use egui::{Label, Rect, RichText, ScrollArea, Sense, Ui, Vec2};

use crate::{
    logic::{
        course::Side,
        desk::{FileWish, Transfer, TransferState, Wish},
    },
    ui::{
        copy::chat as copy,
        icons::Icon,
        scene::Scene,
        theme,
        widgets::{
            button::{Button, Weight},
            icon_button::IconButton,
            progress,
        },
    },
};

/// Draws them, the newest first, not higher than that.
pub(super) fn show(ui: &mut Ui, transfers: &[Transfer], highest: f32, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    ui.separator();
    ui.label(RichText::new(copy::FILES).font(theme::small()).color(palette.quiet.get()));
    ScrollArea::vertical().max_height(highest).auto_shrink([false, true]).id_salt("files").show(ui, |ui| {
        for transfer in transfers.iter().rev() {
            ui.push_id(("file", transfer.from == Side::Us, transfer.id), |ui| one(ui, transfer, scene));
        }
    });
}

fn one(ui: &mut Ui, transfer: &Transfer, scene: &mut Scene<'_>) {
    let (size, palette) = (theme::size(), theme::palette(ui));
    ui.horizontal_top(|ui| {
        let (icon, _) = ui.allocate_exact_size(Vec2::new(size.icon, size.control), Sense::hover());
        let icon = Rect::from_center_size(icon.center(), Vec2::splat(size.icon));
        icon_of(transfer).paint(ui.painter(), icon, palette.quiet.get());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            for (icon, words, wish) in beside(transfer) {
                let name = copy::for_file(words, &transfer.name);
                if ui.add(IconButton::new(*icon, &name)).clicked() {
                    scene.wish(Wish::File { id: transfer.id, wish: wish.clone() });
                }
            }
            let room = Vec2::new(ui.available_width(), 0.0);
            ui.allocate_ui_with_layout(room, egui::Layout::top_down(egui::Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = size.hair;
                ui.add(Label::new(RichText::new(&transfer.name).font(theme::strong())).truncate());
                let Transfer { state, from, done_bytes, size_bytes, bytes_per_s, .. } = transfer;
                let line = copy::transfer(state, *from, *done_bytes, *size_bytes, *bytes_per_s);
                let failed = matches!(state, TransferState::Failed { .. });
                let colour = if failed { palette.poor } else { palette.quiet };
                ui.add(Label::new(RichText::new(line).font(theme::small()).color(colour.get())).wrap());
                if let Some(held) = under_way(state) {
                    let share = *done_bytes as f32 / (*size_bytes).max(1) as f32;
                    progress::bar(ui, &copy::progress(&transfer.name), share, held);
                }
            });
        });
    });
    if transfer.from != Side::Us && transfer.state == TransferState::Offered {
        ui.horizontal(|ui| {
            ui.add_space(size.icon + size.close);
            for (words, weight, wish) in [
                (copy::ACCEPT, Weight::Primary, FileWish::Accept),
                (copy::DECLINE, Weight::Plain, FileWish::Decline),
            ] {
                let name = copy::for_file(words, &transfer.name);
                if ui.add(Button::new(words).weight(weight).name(&name)).clicked() {
                    scene.wish(Wish::File { id: transfer.id, wish });
                }
            }
        });
    }
}

const fn icon_of(transfer: &Transfer) -> Icon {
    match (transfer.from, &transfer.state) {
        (_, TransferState::Failed { .. }) => Icon::Warning,
        (_, TransferState::Done { .. }) => Icon::Check,
        (Side::Us, _) => Icon::Upload,
        (Side::Them | Side::Nobody, _) => Icon::Download,
    }
}

/// Whether there is progress to be seen, and whether it is held.
const fn under_way(state: &TransferState) -> Option<bool> {
    match state {
        TransferState::Going => Some(false),
        TransferState::Paused { .. } | TransferState::Waiting => Some(true),
        TransferState::Offered
        | TransferState::Done { .. }
        | TransferState::Failed { .. }
        | TransferState::Declined
        | TransferState::Cancelled { .. } => None,
    }
}

type Action = (Icon, &'static str, FileWish);

const PAUSE: Action = (Icon::Pause, copy::PAUSE, FileWish::Pause);
const GO_ON: Action = (Icon::Play, copy::GO_ON, FileWish::GoOn);
const CANCEL: Action = (Icon::Close, copy::CANCEL, FileWish::Cancel);
const SHOW: Action = (Icon::Folder, copy::SHOW, FileWish::Show);

/// What can be done about it besides saying yes or no; the outermost first.
const fn beside(transfer: &Transfer) -> &'static [Action] {
    match (&transfer.state, transfer.from) {
        (TransferState::Going, _) => &[CANCEL, PAUSE],
        (TransferState::Paused { by: Side::Us }, _) => &[CANCEL, GO_ON],
        (TransferState::Paused { .. } | TransferState::Waiting, _) | (TransferState::Offered, Side::Us) => {
            &[CANCEL]
        }
        (TransferState::Done { path: Some(_) }, _) => &[SHOW],
        (
            TransferState::Done { path: None }
            | TransferState::Failed { .. }
            | TransferState::Declined
            | TransferState::Cancelled { .. }
            | TransferState::Offered,
            _,
        ) => &[],
    }
}
