//! Cameras that are plugged in, pulled out, held by others and stand still, under the real code that asks for them.

use std::time::{Duration, Instant};

use nokhwa::utils::CameraIndex;
use sightline::{
    adapters::camera::{CameraSource, Cameras as OurCameras, Driver, Portable, Video4Linux, native},
    engine::{
        clock::Clock,
        ports::{DeviceNews, PictureSource},
    },
    logic::{
        camera_modes::{PixelFormat, Wanted},
        devices::{Choice, DeviceId},
    },
    media::{
        convert,
        frame::{Frame, Size},
        mjpeg::MjpegDecoder,
        pattern::Pattern,
        pool::Pool,
        psnr::luma_psnr,
        timecode,
    },
};
use tokio::sync::mpsc;

use crate::support::cameras::{Camera, Cameras, as_jpeg, as_nv12, as_yuyv, numbered};

/// Far longer than anything takes, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call's camera, and what is told of it.
struct Watching {
    source: CameraSource,
    news: mpsc::Receiver<DeviceNews>,
    cameras: OurCameras,
    told: Vec<String>,
}

/// What comes from a source.
#[derive(Debug, PartialEq)]
enum Seen {
    /// The numbered picture.
    Picture(u32),
    /// A picture without a number: a card, or black.
    Unnumbered,
    Nothing,
}

impl Watching {
    fn new(choice: Choice) -> Self {
        Self::at(choice, Size::SMALL)
    }

    fn at(choice: Choice, size: Size) -> Self {
        let (sender, news) = mpsc::channel(64);
        let cameras = OurCameras::start(native(), choice, Clock::start(), sender).unwrap();
        Self { source: cameras.source(size, 30), news, cameras, told: Vec::new() }
    }

    fn next(&mut self) -> (Seen, Option<Frame>) {
        let frame = self.source.next().unwrap();
        while let Ok(news) = self.news.try_recv() {
            if let DeviceNews::InUse(in_use) = news {
                self.told.push(in_use.words);
            }
        }
        let seen = match &frame {
            None => Seen::Nothing,
            Some(frame) => timecode::read(frame).map_or(Seen::Unnumbered, |code| Seen::Picture(code.number)),
        };
        (seen, frame)
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Frame {
        let begun = Instant::now();
        loop {
            if let (seen, Some(frame)) = self.next()
                && wanted(&seen)
            {
                return frame;
            }
            assert!(begun.elapsed() < PATIENCE, "{what} never came; told: {:#?}", self.told);
        }
    }

    fn until_picture_of(&mut self, numbers: std::ops::Range<u32>) -> Frame {
        self.until("a picture of that camera", |seen| matches!(seen, Seen::Picture(n) if numbers.contains(n)))
    }

    fn until_card(&mut self) -> Frame {
        self.until("a card", |seen| *seen == Seen::Unnumbered)
    }

    fn until_told(&mut self, words: &str) {
        let begun = Instant::now();
        while !self.told.iter().any(|told| told.contains(words)) {
            assert!(begun.elapsed() < PATIENCE, "nothing was told of “{words}”: {:#?}", self.told);
            self.next();
        }
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A small camera in YUYV whose pictures have these numbers.
fn small(cameras: &Cameras, name: &'static str, numbers: std::ops::Range<u32>) -> Camera {
    let film = cameras.film(name, numbered(Size::SMALL, numbers).iter().map(as_yuyv));
    Camera::new(name, "YUYV", Size::SMALL, &film)
}

fn id(name: &str) -> Choice {
    Choice::Id(DeviceId::new(format!("usb-{name}/{name}")))
}

/// The camera Desk, and a call that has seen it; nothing where no camera can be stood in for.
fn desk_in_sight(test: &str) -> Option<(Cameras, Camera, Watching)> {
    let cameras = Cameras::within(test)?;
    let desk = small(&cameras, "Desk", 0..10);
    cameras.plug(0, &desk);
    let mut watching = Watching::new(Choice::Default);
    watching.until_picture_of(0..10);
    Some((cameras, desk, watching))
}

#[test]
fn cameras_are_listed_by_what_they_are_and_nodes_without_pictures_are_hidden() {
    let Some(cameras) =
        Cameras::within("camera::cameras_are_listed_by_what_they_are_and_nodes_without_pictures_are_hidden")
    else {
        return;
    };
    let infrared = Camera { format: "GREY", ..small(&cameras, "Infrared", 0..1) };
    let desk = small(&cameras, "Desk", 0..1);
    cameras.plug(0, &infrared);
    cameras.plug(2, &desk);
    cameras.plug(3, &Camera { kind: "metadata", ..desk.clone() });
    cameras.plug(10, &Camera { name: "Door", ..desk.clone() });
    cameras.plug(11, &Camera { name: "Closed", state: "forbidden", ..desk });

    let listed = Video4Linux::default().list();

    let names: Vec<_> =
        listed.iter().map(|device| (device.name.as_str(), device.id.as_str(), device.is_default)).collect();
    assert_eq!(
        names,
        [
            ("Infrared", "usb-Infrared/Infrared", false),
            ("Desk", "usb-Desk/Desk", true),
            ("Door", "usb-Door/Door", false),
            ("video11", "/dev/video11", false),
        ]
    );
}

#[test]
fn a_camera_gives_720p30_as_it_was_taken_in_each_format() {
    let Some(cameras) = Cameras::within("camera::a_camera_gives_720p30_as_it_was_taken_in_each_format")
    else {
        return;
    };
    let originals = numbered(Size::HD, 0..8);
    let pattern = Pattern::new(Size::HD, Pool::default());
    let films = [
        ("YUYV", 0, cameras.film("yuyv", originals.iter().map(as_yuyv))),
        ("MJPG", 0, cameras.film("jpeg", originals.iter().map(as_jpeg))),
        ("NV12", 48, cameras.film("nv12", originals.iter().map(|frame| as_nv12(frame, 48)))),
    ];
    for (format, padding, film) in films {
        cameras.plug(0, &Camera { padding, ..Camera::new("Desk", format, Size::HD, &film) });
        let mut watching = Watching::at(Choice::Default, Size::HD);
        watching.until_picture_of(0..8);

        let begun = Instant::now();
        let mut numbers = Vec::new();
        while begun.elapsed() < Duration::from_secs(3) {
            if let (Seen::Picture(number), Some(frame)) = watching.next() {
                if number == 3 {
                    let original = pattern.render(number, sightline::logic::units::MediaTime(0));
                    let psnr = luma_psnr(&original, &frame).unwrap();
                    assert!(psnr > 34.0, "{format}: {psnr:.1} dB");
                }
                numbers.push(number);
            }
        }
        let in_order = numbers.windows(2).filter(|two| (two[0] + 1) % 8 == two[1]).count();
        // 90, where the machine has nothing else to do.
        assert!((60..=93).contains(&numbers.len()), "{format}: {} pictures in 3 s", numbers.len());
        assert!(in_order > numbers.len() * 4 / 5, "{format}: {numbers:?}");
        drop(watching);
        until("the light stays on", || !cameras.is_lit(0));
        cameras.unplug(0);
    }
}

#[test]
fn the_portable_way_gives_the_same_pictures() {
    let Some(cameras) = Cameras::within("camera::the_portable_way_gives_the_same_pictures") else { return };
    let originals = numbered(Size::HD, 0..8);
    let films = [
        ("YUYV", PixelFormat::Yuyv, cameras.film("yuyv", originals.iter().map(as_yuyv))),
        ("MJPG", PixelFormat::Mjpeg, cameras.film("jpeg", originals.iter().map(as_jpeg))),
    ];
    for (name, format, film) in films {
        cameras.plug(0, &Camera::new("Desk", name, Size::HD, &film));
        assert_eq!(Portable.list().len(), 1);
        let wanted = Wanted { width: 1280, height: 720, fps: 30 };
        let mut lens = Portable::open_at(CameraIndex::Index(0), wanted).unwrap();
        assert_eq!((lens.mode().format, lens.mode().width, lens.mode().height), (format, 1280, 720));
        let (pool, mut jpeg) = (Pool::default(), MjpegDecoder::new(Pool::default()).unwrap());

        let begun = Instant::now();
        for expected in 0..60 {
            let raw = lens.next().unwrap().unwrap();
            let frame = match format {
                PixelFormat::Mjpeg => jpeg.decode(&raw.bytes).unwrap(),
                PixelFormat::Yuyv => convert::from_yuyv(&raw.bytes, raw.stride, raw.size, &pool).unwrap(),
                PixelFormat::Nv12 | PixelFormat::Grey => unreachable!("not among these"),
            };
            let code = timecode::read(&frame.freeze(sightline::logic::units::MediaTime(0))).unwrap();
            assert_eq!(code.number, expected % 8);
        }
        let per_second = 60.0 / begun.elapsed().as_secs_f64();
        assert!((10.0..32.0).contains(&per_second), "{name}: {per_second:.1} a second");
        drop(lens);
        assert!(!cameras.is_lit(0));
        cameras.unplug(0);
    }
}

#[test]
fn when_the_only_camera_is_pulled_a_card_is_seen_until_it_is_back() {
    let Some((cameras, desk, mut watching)) =
        desk_in_sight("camera::when_the_only_camera_is_pulled_a_card_is_seen_until_it_is_back")
    else {
        return;
    };

    cameras.unplug(0);
    let card = watching.until_card();
    assert_eq!(card.size(), Size::SMALL);
    assert!(card.planes().y.iter().any(|&luma| luma > 150), "the card has words");
    watching.until_told("The camera Desk was unplugged");

    // Another port, so another node; and then the same again.
    cameras.plug(4, &desk);
    watching.until_picture_of(0..10);
    watching.until_told("Desk is back");
}

#[test]
fn a_camera_that_stands_still_is_opened_again_when_it_can_be() {
    let Some((cameras, desk, mut watching)) =
        desk_in_sight("camera::a_camera_that_stands_still_is_opened_again_when_it_can_be")
    else {
        return;
    };

    cameras.plug(0, &Camera { state: "stalled", ..desk.clone() });
    watching.until_card();
    watching.until_told("does not answer any more");

    cameras.plug(0, &desk);
    watching.until_picture_of(0..10);
    watching.until_told("Desk works again");
}

#[test]
fn another_camera_is_used_as_soon_as_somebody_wants_it() {
    let Some(cameras) = Cameras::within("camera::another_camera_is_used_as_soon_as_somebody_wants_it") else {
        return;
    };
    cameras.plug(0, &small(&cameras, "Desk", 0..10));
    cameras.plug(1, &small(&cameras, "Door", 100..110));
    let mut watching = Watching::new(Choice::Default);
    watching.until_picture_of(0..10);
    assert!(!cameras.is_lit(1));

    watching.cameras.choose(id("Door"));
    watching.until_picture_of(100..110);
    until("the other camera's light stays on", || !cameras.is_lit(0));

    watching.cameras.choose(id("Desk"));
    watching.until_picture_of(0..10);
    until("the other camera's light stays on", || !cameras.is_lit(1));
}

#[test]
fn the_usual_camera_stands_in_for_the_chosen_one_until_that_is_back() {
    let Some(cameras) =
        Cameras::within("camera::the_usual_camera_stands_in_for_the_chosen_one_until_that_is_back")
    else {
        return;
    };
    let door = small(&cameras, "Door", 100..110);
    cameras.plug(0, &small(&cameras, "Desk", 0..10));
    cameras.plug(1, &door);
    let mut watching = Watching::new(id("Door"));
    watching.until_picture_of(100..110);

    cameras.unplug(1);
    watching.until_picture_of(0..10);
    watching.until_told("The camera Door was unplugged; using Desk");

    cameras.plug(1, &door);
    watching.until_picture_of(100..110);
    watching.until_told("Door is back");
}

#[test]
fn a_camera_that_is_held_or_forbidden_is_named_and_tried_again() {
    let Some(cameras) =
        Cameras::within("camera::a_camera_that_is_held_or_forbidden_is_named_and_tried_again")
    else {
        return;
    };
    let desk = small(&cameras, "Desk", 0..10);
    for (state, words) in
        [("busy", "Desk is held by another program"), ("forbidden", "does not let Sightline use")]
    {
        cameras.plug(0, &Camera { state, ..desk.clone() });
        let mut watching = Watching::new(Choice::Default);
        watching.until_told(words);
        assert_eq!(watching.next().0, Seen::Nothing, "no picture was ever seen, so there is no card either");

        cameras.plug(0, &desk);
        watching.until_picture_of(0..10);
    }
}

#[test]
fn a_camera_that_is_off_is_closed() {
    let Some(cameras) = Cameras::within("camera::a_camera_that_is_off_is_closed") else { return };
    let desk = small(&cameras, "Desk", 0..10);
    cameras.plug(0, &desk);
    let mut watching = Watching::new(Choice::Default);
    assert!(!cameras.is_lit(0), "no light before a picture is wanted");
    watching.until_picture_of(0..10);
    assert!(cameras.is_lit(0));

    for state in ["fine", "stalled"] {
        cameras.plug(0, &Camera { state, ..desk.clone() });
        watching.source.rest();
        until("the light stays on", || !cameras.is_lit(0));
        // And off it stays, whatever else happens.
        watching.cameras.choose(Choice::Default);
        for _ in 0..20 {
            watching.source.rest();
            std::thread::sleep(Duration::from_millis(20));
            assert!(!cameras.is_lit(0));
        }
        cameras.plug(0, &desk);
        watching.until_picture_of(0..10);
        assert!(cameras.is_lit(0));
    }

    drop(watching);
    assert!(!cameras.is_lit(0), "no light after the call");
}

#[test]
fn without_a_camera_there_is_no_picture_until_one_is_plugged_in() {
    let Some(cameras) =
        Cameras::within("camera::without_a_camera_there_is_no_picture_until_one_is_plugged_in")
    else {
        return;
    };
    let mut watching = Watching::new(Choice::Default);
    watching.until_told("There is no camera; plug one in");
    for _ in 0..20 {
        assert_eq!(watching.next().0, Seen::Nothing);
    }

    cameras.plug(0, &small(&cameras, "Desk", 0..10));
    watching.until_picture_of(0..10);
    watching.until_told("The camera is Desk");
}

#[test]
fn a_black_picture_is_a_picture() {
    let Some((cameras, desk, mut watching)) = desk_in_sight("camera::a_black_picture_is_a_picture") else {
        return;
    };

    let black = cameras.film("black", [[16, 128].repeat(Size::SMALL.luma_len())]);
    cameras.plug(0, &Camera { frames: Some(black), ..desk.clone() });
    let frame = watching.until("black", |seen| *seen == Seen::Unnumbered);
    assert!(frame.planes().y.iter().all(|&luma| luma == 16));
    assert_eq!(watching.told.len(), 1, "{:?}", watching.told);

    cameras.plug(0, &desk);
    watching.until_picture_of(0..10);
}

#[test]
fn damaged_pictures_are_left_out_and_a_camera_with_no_others_is_broken() {
    let Some(cameras) =
        Cameras::within("camera::damaged_pictures_are_left_out_and_a_camera_with_no_others_is_broken")
    else {
        return;
    };
    let whole: Vec<_> = numbered(Size::SMALL, 0..10).iter().map(as_jpeg).collect();
    // The even ones are cut, and a buffer still holds the end of an older one.
    let cut = |number: usize, jpeg: &Vec<u8>| {
        jpeg[..if number.is_multiple_of(2) { jpeg.len() * 2 / 3 } else { jpeg.len() }].to_vec()
    };
    let some = cameras.film("some", whole.iter().enumerate().map(|(number, jpeg)| cut(number, jpeg)));
    let none = cameras.film("none", whole.iter().map(|jpeg| cut(0, jpeg)));
    let desk = Camera::new("Desk", "MJPG", Size::SMALL, &some);
    cameras.plug(0, &desk);
    let mut watching = Watching::new(Choice::Default);
    for _ in 0..20 {
        let (seen, _) = watching.next();
        assert!(!matches!(seen, Seen::Picture(number) if number % 2 == 0), "{seen:?}");
        assert_ne!(seen, Seen::Unnumbered);
    }
    watching.until_picture_of(0..10);

    cameras.plug(0, &Camera { frames: Some(none), ..desk });
    watching.until_told("The camera Desk does not");
}
