//! What the open path panel costs for each picture that is drawn beside it: laid out and cut into triangles, without the
//! graphics card. At 30 pictures a second, one millisecond is 3 % of a core.

#[path = "../ui/panel/reports.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "it is of the tests of the window, which use more of it")]
mod reports;

use std::sync::Arc;

use egui::{Context, Pos2, RawInput, Rect, vec2};
use sightline::{
    logic::{
        course::{EndReason, Role, Side},
        desk::{EndedCard, Snapshot, Survey, Who},
        report::CallReport,
    },
    ui::{
        panel::{Part, docking::Dock},
        scene::{Loudness, Scene},
        theme,
    },
};
use sightline_protocol::keys::Identity;

fn snapshot(path: &str) -> Snapshot {
    let mut report = CallReport::begin("call-7".to_owned(), Role::Caller, 1_795_000_000_000);
    report.path = reports::named(path);
    report.evidence = reports::evidence(600);
    let who = Who {
        key: Identity::from_secret_bytes([7; 32]).address(),
        name: Some("Ada".to_owned()),
        claimed: None,
        is_contact: true,
    };
    let ended = EndedCard {
        who,
        reason: EndReason::Normal,
        by: Side::Them,
        talked_ms: Some(600_000),
        can_redial: true,
        report: Some(Arc::new(report)),
        saved_at: None,
        survey: Survey::default(),
        messages: Arc::new([]),
        transfers: Arc::new([]),
        was_echo_test: false,
    };
    Snapshot { ended: Some(ended), ..Snapshot::default() }
}

fn draw(bencher: divan::Bencher<'_, '_>, part: Part, path: &str) {
    let (context, snapshot, mut dock) = (Context::default(), snapshot(path), Dock::default());
    theme::install(&context);
    dock.open_at(part);
    let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(560.0, 800.0)));
    let mut picture = || {
        let input = RawInput { screen_rect, ..RawInput::default() };
        let mut output = context.run_ui(input, |ui| {
            let mut scene = Scene::new(&snapshot, Loudness::default());
            dock.show(ui, &mut scene);
        });
        output.textures_delta.clear();
        context.tessellate(output.shapes, output.pixels_per_point)
    };
    for _ in 0..5 {
        picture();
    }
    bencher.bench_local(picture);
}

#[divan::bench]
fn map(bencher: divan::Bencher<'_, '_>) {
    draw(bencher, Part::Map, "relayed by TLS");
}

#[divan::bench]
fn pairs_of_60_candidates(bencher: divan::Bencher<'_, '_>) {
    draw(bencher, Part::Pairs, "60 candidates");
}

#[divan::bench]
fn timeline(bencher: divan::Bencher<'_, '_>) {
    draw(bencher, Part::Timeline, "switched thrice");
}

#[divan::bench]
fn graphs(bencher: divan::Bencher<'_, '_>) {
    draw(bencher, Part::Graphs, "direct");
}
