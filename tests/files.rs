//! Chat and files between two programs on loopback, each a process of its own.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::support::programs::{Program, ServerProgram, my_turn};

/// Until some megabytes are there, on a machine that builds meanwhile.
const PATIENCE: Duration = Duration::from_secs(90);
const SMALL: &[&str] = &["--size", "320x180", "--fps", "15"];

/// Bytes of which no stretch is like another.
pub(crate) fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

fn write(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn is_done(event: &Value, from: &str) -> bool {
    event["event"] == "file" && event["from"] == from && event["state"] == "done"
}

/// Waits until that many files of each side are whole, and gives how fast theirs came, at best.
fn all_done(program: &mut Program, ours: u32, theirs: u32) -> f64 {
    let (of_us, of_them, best) = (Cell::new(0), Cell::new(0), Cell::new(0.0_f64));
    let is_all = |event: &Value| {
        of_us.set(of_us.get() + u32::from(is_done(event, "us")));
        of_them.set(of_them.get() + u32::from(is_done(event, "them")));
        best.set(best.get().max(event["bytes_per_s"].as_f64().unwrap_or_default()));
        assert_ne!(event["state"], "failed", "{event}");
        of_us.get() >= ours && of_them.get() >= theirs
    };
    program.wait_within(PATIENCE, is_all).unwrap_or_else(|why| panic!("the files are not whole {why}"));
    best.get()
}

fn give_both_ways(server: &ServerProgram, len: usize, path: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let contents = [content(len, 7), content(len - 1, 8), content(0, 9)];
    let given: Vec<_> = contents
        .iter()
        .zip(["ä plan.bin", "b.bin", "empty"])
        .map(|(c, name)| write(folder.path(), name, c))
        .collect();
    let given: Vec<_> = given.iter().map(|path| path.to_str().unwrap()).collect();
    let common = [SMALL, path, &["--save-files", "SAVED"]].concat();
    let mut callee = Program::answer(server, &b, &[&common[..], &["--send-file", given[1]]].concat());
    let caller =
        [&common[..], &["--send-file", given[0], "--send-file", given[2], "--say", "Here they are."]];
    let mut caller = Program::call(&callee.link(), &a, &caller.concat());

    all_done(&mut caller, 2, 1);
    all_done(&mut callee, 1, 2);
    caller.interrupt();
    let (caller, callee) = (caller.ended(PATIENCE), callee.ended(PATIENCE));

    assert_eq!((caller.code, callee.code), (0, 0), "{}{}", caller.errors, callee.errors);
    assert!(callee.output.contains("Here they are."), "{}", callee.output);
    let saved = |profile: &Path, name: &str| fs::read(profile.join("saved").join(name)).unwrap();
    assert!(
        saved(&b, "ä plan.bin") == contents[0] && saved(&a, "b.bin") == contents[1],
        "as they were given"
    );
    assert_eq!(saved(&b, "empty"), b"");
    assert_eq!(fs::read_dir(b.join("saved")).unwrap().count(), 2, "no part of a file is left");
}

#[test]
fn files_go_both_ways_at_once_while_two_write_to_each_other() {
    let _turn = my_turn();
    give_both_ways(&ServerProgram::start(), 6_000_000, &[]);
}

#[test]
fn files_go_over_a_relay() {
    let _turn = my_turn();
    give_both_ways(&ServerProgram::start_relaying(), 1_500_000, &["--path", "relay"]);
}

#[test]
fn a_file_that_nobody_takes_is_offered_and_not_sent() {
    let _turn = my_turn();
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let given = write(folder.path(), "a.bin", &content(100_000, 1));
    let mut callee = Program::answer(&server, &folder.path().join("b"), SMALL);
    let args = [SMALL, &["--send-file", given.to_str().unwrap()]].concat();
    let caller = Program::call(&callee.link(), &folder.path().join("a"), &args);

    let offered = callee.wait_for("the offer", |event| event["event"] == "file");
    assert_eq!((&offered["state"], &offered["name"]), (&"offered".into(), &"a.bin".into()));
    callee.wait_for("a while", |event| event["event"] == "statistics");
    caller.interrupt();
    let callee = callee.ended(PATIENCE);

    assert!(callee.output.contains("call ended before it was whole"), "{}", callee.output);
    let files = callee.output.lines().filter(|line| line.contains(r#""event":"file""#));
    assert!(files.count() > 0 && !callee.output.contains(r#""state":"going""#), "{}", callee.output);
    caller.ended(PATIENCE);
}

#[test]
fn a_file_that_is_not_there_is_said_before_anybody_is_rung() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProgram::start();
    let link = server.link_of(&folder.path().join("b"));
    let profile = folder.path().join("a");
    let ended =
        Program::run(&["call", &link, "--profile", profile.to_str().unwrap(), "--send-file", "/nowhere/a"]);
    assert_eq!(ended.code, 2);
    assert!(ended.errors.contains("--send-file /nowhere/a"), "{}", ended.errors);
}
