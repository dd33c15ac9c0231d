//! `snapshots`: the pictures of the README, taken of two windows in a call.
//!
//! The test that drives them takes pictures on its way; here it is told where to put them. So a picture is never of
//! something that does not work.

use std::fs;

use crate::steps::{cargo, succeed, workspace};
use crate::{Failure, Outcome};

const TEST: &str = "window::two_windows_hold_a_call_by_keyboard_and_pointer";
const FOLDER: &str = "assets/pictures";
/// What the README shows; the test takes more, which go.
const SHOWN: [&str; 5] = ["1-home.png", "2-rings.png", "4-call.png", "6-chat.png", "7-path.png"];

/// Takes them.
pub(crate) fn snapshots() -> Outcome {
    let folder = workspace().join(FOLDER);
    let mut command = cargo();
    command
        .args(["test", "--workspace", "--test", "tests", "--", "--exact", TEST, "--nocapture"])
        .current_dir(workspace())
        .env("SIGHTLINE_PICTURES", &folder)
        // What it needs is wanted here, not skipped.
        .env("CI", "snapshots");
    succeed(
        &mut command,
        "The windows did not get through their call, see above; no picture is to be trusted.",
    )?;
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !SHOWN.iter().any(|shown| name == *shown) {
            fs::remove_file(entry.path()).ok();
        }
    }
    if let Some(missing) = SHOWN.iter().find(|shown| !folder.join(shown).is_file()) {
        return Err(Failure::new(format!("{FOLDER}/{missing} was not taken.")));
    }
    println!("✔ {} pictures are in {FOLDER}", SHOWN.len());
    Ok(())
}
