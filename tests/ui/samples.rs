//! How things may stand, one function for each situation: made up, and such that one would show it.
//!
//! Whoever needs another situation starts from the nearest one and changes what is different.

use std::{path::PathBuf, sync::Arc};

use sightline::logic::{
    course::{EndReason, Role, Side, Step},
    desk::{
        Checkup, ContactCard, FirstStart, LinkCard, LinkKind, Me, Notice, NoticeKind, Outcome, Presence,
        Recent, ServerCard, ServerState, Shelf, Snapshot, Who,
    },
    devices::{Choice, Device, DeviceId, DeviceKind, InUse},
    doctor::{About, Diagnosis, Finding, Severity, Verdict},
};
use sightline_protocol::keys::Address;

/// Saturday, 21 November 2026, 15:00 UTC: today, for every sample.
pub(super) const NOW_UNIX_MS: u64 = 1_795_273_200_000;
/// In milliseconds.
pub(super) const MINUTE: u64 = 60_000;
/// In milliseconds.
pub(super) const HOUR: u64 = 60 * MINUTE;
/// In milliseconds.
pub(super) const DAY: u64 = 24 * HOUR;

/// Somebody's key; another for each number.
pub(super) fn key(number: u32) -> Address {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    for tries in 1..=u8::MAX {
        bytes[4] = tries;
        if let Ok(key) = Address::from_bytes(bytes) {
            return key;
        }
    }
    unreachable!("every second number is a point of the curve")
}

/// A link to somebody.
pub(super) fn link_to(number: u32) -> String {
    format!("https://calls.example.org/#{}", key(number))
}

/// Somebody who is a contact.
pub(super) fn contact(number: u32, name: &str, presence: Presence) -> ContactCard {
    ContactCard { key: key(number), name: Some(name.to_owned()), link: Some(link_to(number)), presence }
}

/// Somebody of a call who is a contact.
pub(super) fn known(number: u32, name: &str) -> Who {
    Who { key: key(number), name: Some(name.to_owned()), claimed: None, is_contact: true }
}

/// Somebody of a call who only says what they are called.
pub(super) fn stranger(number: u32, claimed: Option<&str>) -> Who {
    Who { key: key(number), name: None, claimed: claimed.map(str::to_owned), is_contact: false }
}

/// A call that was.
pub(super) fn recent(id: u32, who: Who, outcome: Outcome, ago_ms: u64) -> Recent {
    let talked = outcome == Outcome::Talked;
    Recent {
        id: format!("call-{id}"),
        who,
        role: if id.is_multiple_of(2) { Role::Caller } else { Role::Callee },
        outcome,
        began_unix_ms: NOW_UNIX_MS - ago_ms,
        talked_ms: talked.then_some(u64::from(id) * 211_000 + 42_000),
        path: talked.then(|| match id % 3 {
            0 => "Relayed by calls.example.org over TLS · 61 ms".to_owned(),
            _ => "Direct · 23 ms".to_owned(),
        }),
        can_redial: true,
        is_new: outcome == Outcome::Missed,
    }
}

/// A device.
pub(super) fn device(kind: DeviceKind, id: &str, name: &str, is_default: bool) -> Device {
    Device { kind, id: DeviceId::new(id), name: name.to_owned(), is_default }
}

/// Two of everything.
pub(super) fn shelf() -> Shelf {
    let devices = vec![
        device(DeviceKind::Microphone, "mic-1", "Built-in Audio Analogue Stereo", true),
        device(DeviceKind::Microphone, "mic-2", "Jabra Evolve2 65 Mono", false),
        device(DeviceKind::Speaker, "speaker-1", "Built-in Audio Analogue Stereo", true),
        device(DeviceKind::Speaker, "speaker-2", "Jabra Evolve2 65 Stereo", false),
        device(DeviceKind::Camera, "camera-1", "Integrated Camera", true),
        device(DeviceKind::Camera, "camera-2", "Logitech BRIO", false),
    ];
    let uses = |kind, at: usize| InUse {
        kind,
        device: Some(devices[at].clone()),
        words: format!("The {kind} is {}.", devices[at].name),
        missed: None,
    };
    Shelf {
        in_use: vec![
            uses(DeviceKind::Microphone, 0),
            uses(DeviceKind::Speaker, 2),
            uses(DeviceKind::Camera, 4),
        ]
        .into(),
        devices: devices.into(),
        chosen: [Choice::Default, Choice::Default, Choice::Default],
        previewing: false,
    }
}

/// A server that knows us.
pub(super) fn server() -> ServerCard {
    ServerCard {
        link: "https://calls.example.org/".to_owned(),
        name: "calls.example.org".to_owned(),
        state: ServerState::Up,
        here: false,
    }
}

/// The program was started for the first time.
pub(super) fn first_start() -> Snapshot {
    Snapshot {
        first_start: Some(FirstStart { suggested_name: Some("Ada Lovelace".to_owned()) }),
        me: Me { name: None, key: key(1).to_string() },
        ..nobody_yet()
    }
}

/// It is set up, and nobody was called yet.
pub(super) fn nobody_yet() -> Snapshot {
    Snapshot {
        now_unix_ms: NOW_UNIX_MS,
        me: Me { name: Some("Ada Lovelace".to_owned()), key: key(1).to_string() },
        links: vec![LinkCard { link: link_to(1), id: None, kind: LinkKind::Lasting, note: None }].into(),
        server: server(),
        servers: vec![server()].into(),
        shelf: shelf(),
        profile: Some(PathBuf::from("/home/ada/.config/sightline")),
        has_tray: true,
        ..Snapshot::default()
    }
}

/// A person with friends.
pub(super) fn at_home() -> Snapshot {
    Snapshot {
        contacts: vec![
            contact(2, "Annabella Byron", Presence::Online),
            contact(3, "Charles Babbage", Presence::Offline),
            contact(4, "Grace Hopper", Presence::Online),
            contact(5, "Mary Somerville", Presence::Unknown),
            contact(6, "נועה כהן", Presence::Online),
            contact(7, "山田 花子 🌸", Presence::Offline),
        ]
        .into(),
        recents: vec![
            recent(1, known(4, "Grace Hopper"), Outcome::Missed, 12 * MINUTE),
            recent(2, known(2, "Annabella Byron"), Outcome::Talked, 3 * HOUR),
            recent(3, stranger(20, Some("Alan")), Outcome::Missed, 5 * HOUR),
            recent(4, known(3, "Charles Babbage"), Outcome::Declined { by: Side::Them }, DAY + 2 * HOUR),
            recent(5, stranger(21, None), Outcome::Declined { by: Side::Us }, 2 * DAY),
            recent(
                6,
                known(7, "山田 花子 🌸"),
                Outcome::Failed { why: EndReason::ConnectFailed(Step::Checks) },
                3 * DAY,
            ),
            recent(7, known(6, "נועה כהן"), Outcome::Talked, 40 * DAY),
        ]
        .into(),
        missed: 2,
        ..nobody_yet()
    }
}

/// The same with links that were given out for a while.
pub(super) fn with_links() -> Snapshot {
    Snapshot {
        links: vec![
            LinkCard { link: link_to(1), id: None, kind: LinkKind::Lasting, note: None },
            LinkCard {
                link: format!("{}.once", link_to(1)),
                id: Some("one".to_owned()),
                kind: LinkKind::OneTime,
                note: Some("For the plumber".to_owned()),
            },
            LinkCard {
                link: format!("{}.week", link_to(1)),
                id: Some("two".to_owned()),
                kind: LinkKind::Until { unix_ms: NOW_UNIX_MS + 5 * DAY },
                note: None,
            },
        ]
        .into(),
        ..at_home()
    }
}

/// The server does not answer.
pub(super) fn server_down() -> Snapshot {
    let server = ServerCard {
        state: ServerState::Down {
            why: "The server calls.example.org does not answer. It is tried again every few seconds."
                .to_owned(),
        },
        ..server()
    };
    Snapshot { servers: vec![server.clone()].into(), server, ..at_home() }
}

/// There is no server at all.
pub(super) fn no_server() -> Snapshot {
    Snapshot { server: ServerCard::default(), servers: Arc::default(), links: Arc::default(), ..nobody_yet() }
}

/// Many people.
pub(super) fn crowd(people: u32) -> Snapshot {
    let given =
        ["Ada", "Émilie", "Sofia", "Grace", "Hedy", "Katherine", "Lise", "Mary", "Rosalind", "Yvonne"];
    let family = ["Byron", "Châtelet", "Germain", "Hopper", "Lamarr", "Johnson", "Meitner", "Somerville"];
    let contacts = (0..people)
        .map(|number| {
            let name = format!(
                "{} {} {number}",
                given[number as usize % given.len()],
                family[number as usize / given.len() % family.len()],
            );
            let presence = match number % 3 {
                0 => Presence::Online,
                1 => Presence::Offline,
                _ => Presence::Unknown,
            };
            contact(1000 + number, &name, presence)
        })
        .collect::<Vec<_>>();
    Snapshot { contacts: contacts.into(), ..at_home() }
}

/// Names as nobody expects them: without end, from right to left, of one picture, of nothing but spaces.
pub(super) fn strange_names() -> Snapshot {
    let endless = "Pablo Diego José Francisco de Paula Juan Nepomuceno María de los Remedios ".repeat(4);
    let unbroken =
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
    Snapshot {
        me: Me { name: Some(endless.clone()), key: key(1).to_string() },
        contacts: vec![
            contact(2, &endless, Presence::Online),
            contact(3, &unbroken, Presence::Offline),
            contact(4, "محمد عبد الرحمن بن خالد", Presence::Online),
            contact(5, "鈴木一郎太郎左衛門", Presence::Unknown),
            contact(6, "🦊", Presence::Online),
            ContactCard { name: None, ..contact(7, "", Presence::Unknown) },
            contact(8, "   ", Presence::Unknown),
        ]
        .into(),
        recents: vec![
            recent(1, known(2, &endless), Outcome::Missed, MINUTE),
            recent(2, stranger(21, Some(&unbroken)), Outcome::Talked, HOUR),
            recent(3, known(4, "محمد عبد الرحمن بن خالد"), Outcome::Talked, DAY),
        ]
        .into(),
        missed: 1,
        ..at_home()
    }
}

/// Devices with names without end, one of which is gone.
pub(super) fn strange_devices() -> Snapshot {
    let name = "USB Audio Device with a name that its maker never read aloud ".repeat(5);
    let mut shelf = shelf();
    let endless = device(DeviceKind::Microphone, "mic-3", &name[..300], false);
    shelf.devices = shelf.devices.iter().cloned().chain([endless.clone()]).collect();
    shelf.chosen[0] = Choice::Id(endless.id.clone());
    shelf.chosen[2] = Choice::Id(DeviceId::new("camera-that-was"));
    shelf.in_use = vec![
        InUse {
            kind: DeviceKind::Microphone,
            words: format!("The microphone is {}.", endless.name),
            device: Some(endless),
            missed: None,
        },
        InUse {
            kind: DeviceKind::Camera,
            device: None,
            words: "The camera Logitech BRIO was unplugged, and no other camera can be used. Plug it in again, or \
                    another. They see no picture of you meanwhile."
                .to_owned(),
            missed: Some("Logitech BRIO".to_owned()),
        },
    ]
    .into();
    Snapshot { shelf, ..at_home() }
}

/// No device of any kind.
pub(super) fn no_devices() -> Snapshot {
    Snapshot { shelf: Shelf::default(), ..at_home() }
}

/// The network was looked at, and calls will work.
pub(super) fn checkup_good() -> Checkup {
    let fine =
        |about, what: &str| Finding { severity: Severity::Fine, about, what: what.to_owned(), next: None };
    Checkup::Done {
        diagnosis: Arc::new(Diagnosis {
            verdict: Verdict::Good,
            sentence: "Calls will work from here.".to_owned(),
            findings: vec![
                fine(About::Switchboard, "The server calls.example.org answered after 41 ms."),
                fine(About::Udp, "UDP gets out."),
                fine(About::Relay, "The relay works by UDP, TCP and TLS."),
            ],
        }),
        at_unix_ms: NOW_UNIX_MS - 20_000,
    }
}

/// The network was looked at, and there is something to be done.
pub(super) fn checkup_limited() -> Checkup {
    Checkup::Done {
        diagnosis: Arc::new(Diagnosis {
            verdict: Verdict::Limited,
            sentence: "Calls will work from here, but over the relay by TLS alone: UDP does not get through."
                .to_owned(),
            findings: vec![
                Finding {
                    severity: Severity::Warning,
                    about: About::Udp,
                    what: "UDP does not get out of this network, so no call will be direct.".to_owned(),
                    next: Some("Ask whoever runs the network to let UDP out, or use another one.".to_owned()),
                },
                Finding {
                    severity: Severity::Note,
                    about: About::Vpn,
                    what: "A VPN is in use; calls travel through it.".to_owned(),
                    next: None,
                },
            ],
        }),
        at_unix_ms: NOW_UNIX_MS - 3 * MINUTE,
    }
}

/// Something was done that can be taken back, and something went wrong.
pub(super) fn notices() -> Arc<[Notice]> {
    vec![
        Notice {
            id: 7,
            kind: NoticeKind::Done,
            text: "Charles Babbage is no longer a contact.".to_owned(),
            code: None,
            can_undo: true,
        },
        Notice {
            id: 8,
            kind: NoticeKind::Problem,
            text: "The contacts could not be written: the disk is full. Free some space; it is tried again by itself."
                .to_owned(),
            code: Some("store-full"),
            can_undo: false,
        },
    ]
    .into()
}
