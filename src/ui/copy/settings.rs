//! The words of the settings, some of which also stand on the page of the first start.

use crate::logic::{devices::DeviceKind, doctor::Diagnosis};

/// Over the page.
pub const SETTINGS: &str = "Settings";
/// Back to home.
pub const BACK: &str = "Back";
/// What the parts of the settings lie in.
pub const PARTS: &str = "Parts of the settings";
/// A part.
pub const YOU: &str = "You";
/// A part.
pub const DEVICES: &str = "Sound and picture";
/// A part.
pub const SERVERS: &str = "Network";
/// A part.
pub const LOOK: &str = "Look";
/// A part.
pub const WINDOW: &str = "Ringing";
/// A part.
pub const FILES: &str = "Files";

/// What we call ourselves.
pub const NAME: &str = "Your name";
/// In the empty field.
pub const NAME_HINT: &str = "How others should see you";
/// Where it goes.
pub const NAME_WHERE: &str =
    "It stays on this computer, and goes sealed to whoever you call or answer. No server sees it.";
/// Others see whether we are there.
pub const SHOW_ONLINE: &str = "Show that I am online";
/// What that means.
pub const SHOW_ONLINE_HINT: &str = "Whoever has your link can see it beside your name, and you see it beside theirs. When it is off neither is shown, and you can still be called.";
/// Whose doctor is told what our network looks like.
pub const CONTACTS_MAY_EXAMINE: &str = "Let contacts see what my network is like";
/// What that means.
pub const CONTACTS_MAY_EXAMINE_HINT: &str = "So that they can find out beforehand how a call with you would travel. They learn the addresses of your network; nobody else does.";
/// Our key.
pub const KEY: &str = "Your key";
/// What it is.
pub const KEY_WHAT: &str =
    "Others know you by it: it stands in your link. The secret half of it never leaves this computer.";
/// Puts it into the clipboard.
pub const COPY_KEY: &str = "Copy key";

/// Over the picture.
pub const CAMERA: &str = "Camera";
/// Our own picture, for whoever cannot see it.
pub const OWN_PICTURE: &str = "Your picture";
/// Opens camera and microphone.
pub const START_PREVIEW: &str = "Try camera and microphone";
/// Closes them again.
pub const STOP_PREVIEW: &str = "Stop";
/// The camera is closed.
pub const NO_PICTURE: &str = "The camera is off";
/// The camera is open, and nothing has come yet.
pub const PICTURE_COMES: &str = "Waiting for the camera…";
/// The camera is open, and this is its picture.
pub const PICTURE_IS_THERE: &str = "This is what others will see";
/// How loud it is.
pub const METER: &str = "Microphone level";
/// While it listens.
pub const METER_HOW: &str = "Speak: the bars should move.";
/// While it does not.
pub const METER_OFF: &str = "The level is shown while you try the microphone.";
/// Plays something.
pub const TEST_SOUND: &str = "Play a test sound";
/// Whatever the system takes, where it has none.
pub const DEFAULT_DEVICE: &str = "As the system has it";
/// The chosen device is not plugged in.
pub const GONE: &str = "A device that is not plugged in now";
/// Over what is done to sound.
pub const SOUND: &str = "What is done to your sound";
/// Echo.
pub const ECHO: &str = "Remove echo";
/// What that means.
pub const ECHO_HINT: &str = "Others do not hear themselves from your speakers.";
/// Noise.
pub const NOISE: &str = "Remove noise";
/// What that means.
pub const NOISE_HINT: &str = "Fans and traffic become quiet. Turn it off for music.";
/// Gain.
pub const GAIN: &str = "Keep my voice at one level";
/// What that means.
pub const GAIN_HINT: &str = "Quiet becomes louder and loud becomes quieter.";
/// Over what is done to pictures.
pub const PICTURE: &str = "Your picture";
/// Left becomes right.
pub const MIRROR: &str = "Mirror my own picture";
/// What that means.
pub const MIRROR_HINT: &str = "Only for you, as in a mirror. Others see you as you are.";
/// How much is spent on pictures.
pub const DATA_USE: &str = "Picture size and data use";
/// All.
pub const FULL: &str = "Full";
/// Less.
pub const LESS: &str = "Less";
/// Least.
pub const LEAST: &str = "Least";
/// What all means.
pub const FULL_HINT: &str =
    "Up to 1280×720, as far as the network carries it: up to about 1 GB an hour each way.";
/// What less means.
pub const LESS_HINT: &str = "Up to 640×360: about a third of the data.";
/// What least means.
pub const LEAST_HINT: &str = "Sound first, and a small picture beside it.";

/// Over the servers.
pub const SERVER_LIST: &str = "Servers";
/// What one is for.
pub const SERVER_WHAT: &str = "A server tells you when somebody rings, and relays what cannot go directly. It cannot see or hear a call.";
/// There is none.
pub const NO_SERVERS: &str = "There is no server yet. Add one by its link, or run one on this computer.";
/// The one in use.
pub const IN_USE: &str = "In use";
/// Another one.
pub const CHOOSE: &str = "Use";
/// Looks whether calls would work over one.
pub const CHECK_SERVER: &str = "Check";
/// Forgets one.
pub const FORGET_SERVER: &str = "Forget";
/// The link of a new one.
pub const SERVER_LINK: &str = "Link of a server";
/// In the empty field.
pub const SERVER_LINK_HINT: &str = "https://… (also somebody's call link)";
/// Takes it in.
pub const ADD_SERVER: &str = "Add";
/// Runs one here.
pub const HOST_HERE: &str = "Run one on this computer";
/// What that means.
pub const HOST_HINT: &str = "Enough for calls in one house or office, without any other server.";
/// Only relayed paths.
pub const ALWAYS_RELAY: &str = "Always relay calls";
/// What that means.
pub const ALWAYS_RELAY_HINT: &str =
    "Whoever you call does not learn your network address. Calls may take longer to arrive.";
/// Over what the doctor says.
pub const NETWORK_CHECK: &str = "Network check";
/// Nobody has looked.
pub const NOT_CHECKED: &str = "See whether calls will work from here.";
/// Being looked at.
pub const CHECKING: &str = "Looking at the network. This takes up to ten seconds.";
/// Looks.
pub const CHECK: &str = "Check the network";
/// Looks again.
pub const CHECK_AGAIN: &str = "Check again";
/// Puts it into the clipboard.
pub const COPY_RESULT: &str = "Copy the result";

/// Light or dark.
pub const THEME: &str = "Theme";
/// As the system has it.
pub const THEME_SYSTEM: &str = "As the system";
/// Light.
pub const THEME_LIGHT: &str = "Light";
/// Dark.
pub const THEME_DARK: &str = "Dark";
/// How large everything is.
pub const SCALE: &str = "Size of everything";

/// Over who draws pictures.
pub const RENDERER: &str = "What draws pictures";
/// Nothing was drawn yet.
pub const RENDERER_UNKNOWN: &str =
    "Known as soon as there was a picture: in a call, or when you try the camera.";

/// The sound of a call that comes.
pub const RING: &str = "Ring when somebody calls";
/// Notifications.
pub const NOTIFY: &str = "Show calls and messages as notifications";
/// What that means.
pub const NOTIFY_HINT: &str = "With buttons to answer and decline, where the desktop has them.";
/// Closing the window leaves the app running.
pub const KEEP_RUNNING: &str = "Stay reachable when the window is closed";
/// What that means.
pub const KEEP_RUNNING_HINT: &str = "An icon in the tray brings the window back, and quits.";
/// Start without a window.
pub const START_HIDDEN: &str = "Start without a window";
/// What that means.
pub const START_HIDDEN_HINT: &str = "Only the icon in the tray is there until somebody rings.";
/// There is no place for an icon.
pub const NO_TRAY: &str = "This desktop has no tray for icons: when the window is closed, Sightline ends.";

/// Where files go.
pub const DOWNLOADS: &str = "Folder for files you are sent";
/// The system's own.
pub const DOWNLOADS_DEFAULT: &str = "Your folder for downloads";
/// Another one.
pub const CHOOSE_FOLDER: &str = "Choose…";
/// The system's own again.
pub const DEFAULT_FOLDER: &str = "Use the usual one";
/// Reports.
pub const REPORTS: &str = "Keep a report of each call";
/// What that means.
pub const REPORTS_HINT: &str = "How the last twenty calls travelled and how good they were, on this computer alone. It helps when something went wrong. They hold addresses; what you save or send from them does not.";
/// Where everything lies.
pub const PROFILE: &str = "Where your settings are";
/// What can be done with them.
pub const PROFILE_WHAT: &str =
    "They are text files. You may read and change them while Sightline does not run.";
/// Puts it into the clipboard.
pub const COPY_PATH: &str = "Copy path";

/// The name of a picker.
pub const fn device(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Microphone => "Microphone",
        DeviceKind::Speaker => "Speaker",
        DeviceKind::Camera => "Camera",
    }
}

/// There is none of that kind.
pub const fn none_there(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Microphone => "No microphone; plug one in",
        DeviceKind::Speaker => "No speaker; plug one in",
        DeviceKind::Camera => "No camera; plug one in",
    }
}

/// Whatever the system takes.
pub fn default_device(name: &str) -> String {
    format!("{DEFAULT_DEVICE}: {name}")
}

/// The graphics card does it.
pub fn renderer_card(renderer: &str) -> String {
    format!("The graphics card: {renderer}")
}

/// A driver does it that stands in for a graphics card.
pub fn renderer_stand_in(renderer: &str) -> String {
    format!("The processor, in place of a graphics card that there is none of ({renderer}).")
}

/// The processor does it.
pub fn renderer_processor(why: &str) -> String {
    format!("The processor, which takes more of it than a graphics card would ({why}).")
}

/// Looks whether calls would work over this one.
pub fn check_server(name: &str) -> String {
    format!("{CHECK_SERVER} {name}")
}

/// When it was looked at.
pub fn checked(ago: &str) -> String {
    format!("Checked {ago}.")
}

/// A size, in hundredths.
pub fn percent(scale: f32) -> String {
    format!("{:.0} %", scale * 100.0)
}

/// All that was found, for whoever asks for help.
pub fn result(diagnosis: &Diagnosis) -> String {
    let mut text = diagnosis.sentence.clone();
    for finding in &diagnosis.findings {
        text.push('\n');
        text.push_str(&finding.what);
        if let Some(next) = &finding.next {
            text.push(' ');
            text.push_str(next);
        }
    }
    text
}
