//! A call of two programs, one of them with cameras that come and go.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use sightline::media::frame::Size;

use crate::support::{
    cameras::{Camera, Cameras, as_jpeg, as_yuyv, numbered},
    programs::{Program, ServerProgram, my_turn},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_call_goes_on_whatever_becomes_of_its_camera_and_the_other_side_sees_it() {
    let _turn = my_turn();
    let Some(cameras) = Cameras::for_programs() else { return };
    let film = cameras.film("Desk", numbered(Size::NHD, 0..10).iter().map(as_jpeg));
    let desk = Camera::new("Desk", "MJPG", Size::NHD, &film);
    let film = cameras.film("Door", numbered(Size::NHD, 100..110).iter().map(as_yuyv));
    cameras.plug(0, &desk);
    cameras.plug(1, &Camera::new("Door", "YUYV", Size::NHD, &film));

    let mut list = Command::new(env!("CARGO_BIN_EXE_sightline"));
    cameras.load_into(&mut list);
    let list = String::from_utf8(list.args(["devices", "--json"]).output().unwrap().stdout).unwrap();
    assert!(list.contains("usb-Desk/Desk") && list.contains("usb-Door/Door"), "{list}");

    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let server = ServerProgram::start();
    let mut callee = Program::answer(&server, &b, &["--record", "REC", "--size", "320x180"]);
    let mut caller = Command::new(env!("CARGO_BIN_EXE_sightline"));
    cameras.load_into(&mut caller);
    caller.args(["call", &callee.link(), "--events", "--bind", "127.0.0.1"]).stderr(Stdio::piped());
    let mut caller =
        Program::spawn(&mut caller, &a, &["--video", "camera:usb-Desk/Desk", "--size", "640x360"]);
    let mut told = |words: &str| {
        caller.wait_for(words, |event| {
            event["event"] == "device" && event["words"].as_str().is_some_and(|said| said.contains(words))
        });
    };
    let a_while = || std::thread::sleep(Duration::from_secs(2));

    told("The camera is Desk");
    a_while();
    cameras.unplug(0);
    told("The camera Desk was unplugged; using Door");
    a_while();
    cameras.unplug(1);
    told("no other camera can be used");
    a_while();
    cameras.plug(0, &desk);
    told("Desk is back");
    a_while();
    caller.interrupt();
    assert_eq!(caller.ended(PATIENCE).code, 0);
    assert_eq!(callee.ended(PATIENCE).code, 0);
    assert!(!cameras.is_lit(0) && !cameras.is_lit(1));

    // Of Desk, of Door, cards, and of Desk again.
    let list = fs::read_to_string(b.join("rec/frames.csv")).unwrap();
    let mut order: Vec<_> = list
        .lines()
        .skip(1)
        .map(|line| match line.split(',').next().and_then(|number| number.parse::<u32>().ok()) {
            None => "card",
            Some(..100) => "Desk",
            Some(100..) => "Door",
        })
        .collect();
    order.dedup();
    assert_eq!(order, ["Desk", "Door", "card", "Desk"]);
}
