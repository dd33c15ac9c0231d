//! What goes over the path: pictures and sound, codecs, stages, encryption.

use egui::Ui;

use super::{Subject, Tables, parts};
use crate::ui::{
    copy::{call, panel as words},
    theme,
};

/// Draws it.
pub(super) fn show(ui: &mut Ui, subject: &Subject<'_>, tables: &mut Tables, version: u64) {
    let size = theme::size();
    let media = &subject.evidence().media;
    parts::heading(ui, words::SENDING);
    parts::sunken(ui, |ui| {
        if let Some(sending) = subject.sending {
            parts::fact(ui, words::YOUR_PICTURE, &words::sending(sending));
            parts::fact(ui, words::MAY_SEND, &words::rate(sending.target_bps));
        }
        let last = subject.evidence().moments.last();
        if let Some((width, height)) = last.and_then(|moment| moment.their_size) {
            let shown = last.map_or(0.0, |moment| moment.frames_shown_per_s);
            parts::fact(ui, words::THEIR_PICTURE, &words::picture(width, height, shown));
        }
        for (index, device) in media.devices.iter().enumerate() {
            parts::fact(ui, if index == 0 { words::DEVICES } else { "" }, device);
        }
        let is_empty = subject.sending.is_none() && last.is_none() && media.devices.is_empty();
        if is_empty {
            parts::quiet(ui, words::NOT_KNOWN);
        }
    });
    ui.add_space(size.near);
    tables.codecs.show(ui, &mut tables.of_codecs, version, words::NO_CODECS);
    ui.add_space(size.near);
    tables.stages.show(ui, &mut tables.of_stages, version, words::NO_STAGES);
    ui.add_space(size.near);
    parts::heading(ui, words::ENCRYPTION);
    parts::sunken(ui, |ui| {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| call::NOT_KNOWN_YET.to_owned());
        parts::fact(ui, words::DTLS, &known(&media.encryption.dtls));
        if let Some(role) = &media.dtls_role {
            parts::fact(ui, words::DTLS_ROLE, role);
        }
        parts::fact(ui, words::SRTP, &known(&media.encryption.srtp));
        let code = media.code.as_deref().or(subject.code);
        parts::fact(ui, words::CODE, code.unwrap_or(call::NOT_KNOWN_YET));
    });
}
