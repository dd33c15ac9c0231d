//! What the program noted while the call ran, and what the two sides proposed to each other.

use egui::{CollapsingHeader, Label, RichText, Ui};

use super::{Subject, Tables, parts};
use crate::{
    logic::evidence::{Description, LogLevel},
    ui::{
        copy::panel as words,
        icons::Icon,
        theme,
        widgets::{button::Button, segments},
    },
};

const LEVELS: [LogLevel; 4] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];

/// Draws it.
pub(super) fn show(ui: &mut Ui, subject: &Subject<'_>, tables: &mut Tables, version: u64) {
    let size = theme::size();
    parts::heading(ui, words::DESCRIPTIONS);
    let descriptions = &subject.evidence().descriptions;
    if descriptions.is_empty() {
        parts::quiet(ui, words::NO_DESCRIPTIONS);
    } else {
        parts::quiet(ui, words::DESCRIPTIONS_HINT);
    }
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = size.far;
        ui.spacing_mut().item_spacing.y = size.hair;
        for (index, one) in descriptions.iter().enumerate() {
            description(ui, index, one);
        }
    });
    ui.add_space(size.near);
    let all = LEVELS.map(|level| (level, words::levels(level)));
    if let Some(level) = segments::show(ui, words::LEVELS, tables.least, &all) {
        tables.least = level;
        tables.make_log(&subject.evidence().log);
    }
    ui.add_space(size.tight);
    // Another level is another table to whoever remembers the order of its rows.
    let version = version.wrapping_mul(8).wrapping_add(tables.least as u64);
    tables.log.show(ui, &mut tables.of_log, version, words::NO_LOG);
}

fn description(ui: &mut Ui, index: usize, one: &Description) {
    let heading = words::description(&words::moment(one.t_ms), one.is_ours, one.is_offer, one.leg);
    CollapsingHeader::new(RichText::new(&heading).font(theme::figures())).id_salt(("sdp", index)).show(
        ui,
        |ui| {
            let name = words::copy_cell(&heading);
            if ui.add(Button::quiet(words::COPY).icon(Icon::Copy).name(&name)).clicked() {
                ui.copy_text(one.sdp.clone());
            }
            parts::sunken(ui, |ui| {
                ui.add(Label::new(RichText::new(&one.sdp).font(theme::figures())).wrap().selectable(true));
            });
        },
    );
}
