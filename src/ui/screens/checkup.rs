//! How the network looks from here, in words. Shown at the first start and in the settings.

use egui::{Label, RichText, Sense, Ui, Vec2};

use super::devices::small;
use crate::{
    logic::{
        desk::{Checkup, Wish},
        doctor::{Diagnosis, Finding, Severity, Verdict},
    },
    ui::{
        copy::{self, settings as words},
        icons::Icon,
        scene::Scene,
        theme::{self, Colour, Palette},
        widgets::{
            button::Button,
            card,
            live::{self, Urgency},
        },
    },
};

/// Shows what is known, and the button that looks again.
pub fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    card::heading(ui, words::NETWORK_CHECK);
    let palette = theme::palette(ui);
    let checkup = &scene.snapshot.checkup;
    let is_running = matches!(checkup, Checkup::Running { .. });
    match checkup {
        Checkup::NotYet => verdict(ui, None, words::NOT_CHECKED),
        Checkup::Running { since_unix_ms: _, findings } => {
            verdict(ui, Some((Icon::Clock, palette.quiet)), words::CHECKING);
            for finding in findings.iter() {
                let said = one(ui, finding);
                live::mark(ui, said.id, Urgency::Polite);
            }
        }
        Checkup::Done { diagnosis, at_unix_ms } => {
            let ago = copy::ago(scene.snapshot.now_unix_ms, *at_unix_ms);
            done(ui, diagnosis);
            small(ui, &words::checked(&ago));
        }
        Checkup::Failed { why } => verdict(ui, Some((Icon::Warning, palette.poor)), why),
    }
    ui.add_space(theme::size().tight);
    ui.horizontal(|ui| {
        let has_run = matches!(checkup, Checkup::Done { .. } | Checkup::Failed { .. });
        let text = if has_run { words::CHECK_AGAIN } else { words::CHECK };
        let button = Button::new(text).icon(Icon::Refresh).min_width(theme::size().control * 4.6);
        if ui.add(button.enabled(!is_running)).clicked() {
            scene.wish(Wish::Examine);
        }
        if let Checkup::Done { diagnosis, .. } = checkup
            && ui.add(Button::quiet(words::COPY_RESULT)).clicked()
        {
            ui.copy_text(words::result(diagnosis));
        }
    });
}

/// What one look came to: a sentence, and what can be done about it.
pub fn in_short(ui: &mut Ui, checkup: &Checkup, now_unix_ms: u64) {
    let palette = theme::palette(ui);
    match checkup {
        Checkup::NotYet => {}
        Checkup::Running { .. } => verdict(ui, Some((Icon::Clock, palette.quiet)), words::CHECKING),
        Checkup::Done { diagnosis, at_unix_ms } => {
            verdict(ui, Some(mark_of(palette, diagnosis)), &diagnosis.sentence);
            for finding in diagnosis.findings.iter().filter(|finding| finding.next.is_some()) {
                one(ui, finding);
            }
            small(ui, &words::checked(&copy::ago(now_unix_ms, *at_unix_ms)));
        }
        Checkup::Failed { why } => verdict(ui, Some((Icon::Warning, palette.poor)), why),
    }
}

fn done(ui: &mut Ui, diagnosis: &Diagnosis) {
    verdict(ui, Some(mark_of(theme::palette(ui), diagnosis)), &diagnosis.sentence);
    for finding in &diagnosis.findings {
        one(ui, finding);
    }
}

const fn mark_of(palette: &Palette, diagnosis: &Diagnosis) -> (Icon, Colour) {
    match diagnosis.verdict {
        Verdict::Good => (Icon::Check, palette.good),
        Verdict::Limited => (Icon::Info, palette.fair),
        Verdict::NoMedia | Verdict::NoServer => (Icon::Warning, palette.poor),
    }
}

fn verdict(ui: &mut Ui, mark: Option<(Icon, Colour)>, text: &str) {
    let said = line(ui, mark, RichText::new(text).font(theme::strong()));
    live::mark(ui, said.id, Urgency::Polite);
}

fn one(ui: &mut Ui, finding: &Finding) -> egui::Response {
    let palette = theme::palette(ui);
    let mark = match finding.severity {
        Severity::Fine => (Icon::Check, palette.good),
        Severity::Note => (Icon::Info, palette.quiet),
        Severity::Warning => (Icon::Warning, palette.fair),
        Severity::Fault => (Icon::Warning, palette.poor),
    };
    let said = line(ui, Some(mark), RichText::new(&finding.what));
    if let Some(next) = &finding.next {
        ui.indent(&finding.what, |ui| card::quiet(ui, next));
    }
    said
}

fn line(ui: &mut Ui, mark: Option<(Icon, Colour)>, text: RichText) -> egui::Response {
    ui.horizontal_top(|ui| {
        if let Some((icon, colour)) = mark {
            let (place, _) = ui.allocate_exact_size(Vec2::splat(theme::size().body * 1.3), Sense::hover());
            icon.paint(ui.painter(), place, colour.get());
        }
        ui.add(Label::new(text).wrap())
    })
    .inner
}
