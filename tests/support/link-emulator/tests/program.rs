//! The program: what it prints, and what it says when it cannot.

use std::fs::Permissions;
use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
use std::process::{Command, Output};

use link_emulator::Stats;

use crate::world::{DEVICE, World};

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_link-emulator"));
    command.args(words);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_of_some_time_says_that_it_has_begun_and_ends_with_its_figures() {
    let Some(world) = World::new("run") else { return };
    let (a, b) = (format!("{}:{DEVICE}", world.a), format!("{}:{DEVICE}", world.b));
    let words = ["run", "--a", &a, "--b", &b, "--begin", "both delay=5", "--seed", "9", "--for", "300ms"];
    let output = program(&words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    let (first, figures) = printed.split_once('\n').unwrap();
    assert_eq!(first, format!("link-emulator: {a} ⇄ {b}, seed 9"));
    let stats: Stats = serde_json::from_str(figures).unwrap();
    assert!(stats.at_ms >= 300);
}

#[test]
fn who_lacks_a_right_is_told_which() {
    let Some(world) = World::new("right") else { return };
    // Whoever has no rights may not even look into the folder where programs are built.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let within_reach = folder.path().join("link-emulator");
    std::fs::copy(env!("CARGO_BIN_EXE_link-emulator"), &within_reach).unwrap();
    let nobody = |a: &str| {
        let mut command = Command::new(&within_reach);
        command.args(["run", "--a", a, "--b", "x:y"]);
        command.current_dir("/").uid(65_534).gid(65_534).output().unwrap()
    };
    let entering = nobody(&format!("{}:{DEVICE}", world.a));
    assert!(said(&entering).contains("needs the right CAP_SYS_ADMIN"), "{}", said(&entering));
    assert_eq!(entering.status.code(), Some(1));
}

#[test]
fn a_script_is_checked_without_starting_anything() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let check = |text: &str| {
        std::fs::write(&script, text).unwrap();
        program(&["check"]).arg(&script).output().unwrap()
    };
    assert!(check("at 1s both loss=3 # fine").status.success());
    let wrong = check("at 1s both loss=3\nat 2s both loss=300");
    assert!(said(&wrong).contains("line 2: expected a number from 0 to 100"), "{}", said(&wrong));
    assert_eq!(wrong.status.code(), Some(1));
}

#[test]
fn whoever_tells_a_socket_at_which_nobody_listens_hears_so() {
    let output = program(&["tell", "/nowhere/control", "stats"]).output().unwrap();
    assert!(said(&output).contains("nothing answers at /nowhere/control"), "{}", said(&output));
}
