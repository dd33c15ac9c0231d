//! What can be asked for, and what of it makes sense.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use sightline_protocol::{
    call::Media,
    link::{CallLink, ServerAddress},
};

use crate::{
    adapters::{
        headless::Headless,
        recorder,
        synthetic::{AudioChoice, Hears, VideoChoice},
    },
    app::DeviceWishes,
    engine::clock::Clock,
    logic::{devices::Choice, path::PathPolicy},
    media::{frame::Size, voice::VoiceSettings, y4m},
};

use super::{doctor::server_in, talk::TalkArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0  connected and ended as meant
  2  asked for something that cannot be
  3  not answered: declined, busy, unreachable or refused
  4  accepted, but never connected
  5  connected, and lost
  6  of doctor: calls will work, but there is something to look at";

/// One-to-one video calls that show the path they take.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct Args {
    /// What to do; nothing for the window.
    #[command(subcommand)]
    pub action: Option<Action>,
    /// What the window begins with.
    #[command(flatten)]
    pub window: WindowArgs,
}

/// What the window begins with.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct WindowArgs {
    /// A call link to call at once
    pub link: Option<String>,
    /// The folder with key and settings
    #[arg(long, value_name = "DIR")]
    pub profile: Option<PathBuf>,
    /// Start without showing the window, where the desktop has a place for an icon
    #[arg(long)]
    pub hidden: bool,
    /// What to show in place of a camera, as with `call`
    #[arg(long, value_name = "SOURCE", value_parser = video_choice, hide = true)]
    pub video: Option<VideoChoice>,
    /// What to say in place of a microphone, as with `call`
    #[arg(long, value_name = "SOURCE", value_parser = audio_choice, hide = true)]
    pub audio: Option<AudioChoice>,
    /// Use only this address of this computer
    #[arg(long, value_name = "IP", hide = true)]
    pub bind: Vec<IpAddr>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print my call link
    Link {
        /// The folder with key and settings
        #[arg(long, value_name = "DIR")]
        profile: Option<PathBuf>,
        /// The server I am reached at
        #[arg(long, value_name = "URL")]
        server: Option<ServerAddress>,
    },
    /// Show my contacts, or change them. Contacts alone may learn my addresses before I take their call
    Contacts {
        /// The folder with key and settings
        #[arg(long, value_name = "DIR", global = true)]
        profile: Option<PathBuf>,
        /// How.
        #[command(subcommand)]
        change: Option<ContactChange>,
    },
    /// Wait for a call and accept it
    Answer {
        /// The folder with key and settings
        #[arg(long, value_name = "DIR")]
        profile: Option<PathBuf>,
        /// The server I am reached at
        #[arg(long, value_name = "URL")]
        server: Option<ServerAddress>,
        /// Be the server as well, for calls within this network: nothing else has to be set up
        #[arg(long, conflicts_with = "server")]
        here: bool,
        /// Make whoever I talk to a contact
        #[arg(long)]
        save: bool,
        /// What to send.
        #[command(flatten)]
        media: MediaArgs,
        /// What to keep.
        #[command(flatten)]
        out: OutArgs,
    },
    /// Call somebody
    Call {
        /// Their call link
        link: CallLink,
        /// Make them a contact
        #[arg(long)]
        save: bool,
        /// The folder with key and settings
        #[arg(long, value_name = "DIR")]
        profile: Option<PathBuf>,
        /// What to send.
        #[command(flatten)]
        media: MediaArgs,
        /// What to keep.
        #[command(flatten)]
        out: OutArgs,
    },
    /// Have two installations on this computer call each other, and say how it went
    Demo {
        /// What to keep.
        #[command(flatten)]
        out: OutArgs,
    },
    /// List microphones, speakers and cameras
    Devices {
        /// Print one JSON document in place of words
        #[arg(long)]
        json: bool,
    },
    /// Look at the network from here, within ten seconds, and say what it means for calls
    Doctor {
        /// The folder with key and settings
        #[arg(long, value_name = "DIR")]
        profile: Option<PathBuf>,
        /// The server to go through; a call link will do as well
        #[arg(long, value_name = "LINK", value_parser = server_in)]
        server: Option<ServerAddress>,
        /// Ask somebody who lets you what their network looks like, and say how a call would go
        #[arg(long, value_name = "LINK", conflicts_with = "server")]
        with: Option<CallLink>,
        /// Print one JSON document in place of words
        #[arg(long)]
        json: bool,
    },
    /// Show the report of a call, or hold the reports of its two ends against each other
    Report(ReportArgs),
}

/// Which report, and what to make of it.
#[derive(Clone, Debug, clap::Args)]
pub struct ReportArgs {
    /// What `--report` or *Save report* wrote
    pub file: PathBuf,
    /// The report of the other end: say which direction lost packets, where the path changed, and in what the two disagree
    #[arg(long, value_name = "OTHER")]
    pub with: Option<PathBuf>,
    /// Words (usual, where no file is written)
    #[arg(long, group = "form")]
    pub text: bool,
    /// One page that needs nothing else: map, graphs, tables, and what happened
    #[arg(long, group = "form")]
    pub html: bool,
    /// The document
    #[arg(long, group = "form")]
    pub json: bool,
    /// A dump for the public viewers of chrome://webrtc-internals
    #[arg(long, group = "form")]
    pub dump: bool,
    /// Write it there; a name that ends in .html, .txt, .dump or .json says as what
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Leave addresses and names as they are, which are masked otherwise
    #[arg(long)]
    pub full: bool,
}

/// How to change who my contacts are.
#[derive(Clone, Debug, Subcommand)]
pub enum ContactChange {
    /// Add somebody
    Add {
        /// Their call link
        link: CallLink,
        /// What I call them
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove somebody
    Remove {
        /// Their name, or their key
        #[arg(value_name = "NAME|KEY")]
        who: String,
    },
}

/// What to send.
#[derive(Clone, Debug, clap::Args)]
pub struct MediaArgs {
    /// What to show: camera, camera:ID, pattern, y4m:FILE or none
    #[arg(long, value_name = "SOURCE", default_value = "pattern", value_parser = video_choice)]
    pub video: VideoChoice,
    /// The size of pictures
    #[arg(long, value_name = "WxH", default_value = "1280x720")]
    pub size: Size,
    /// Pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub fps: u32,
    /// What to say: tone, wav:FILE, device (the microphone, and the speaker with it), device:ID or none
    #[arg(long, value_name = "SOURCE", default_value = "tone", value_parser = audio_choice)]
    pub audio: AudioChoice,
    /// Play their sound on a speaker: device or device:ID [default: device with --audio device, otherwise nowhere]
    #[arg(long, value_name = "SPEAKER", value_parser = speaker_choice)]
    pub speaker: Option<Choice>,
    /// What to do to it.
    #[command(flatten)]
    pub voice: VoiceArgs,
    /// What to say besides.
    #[command(flatten)]
    pub talk: TalkArgs,
}

/// What to do to our sound. `settings.toml` may say it too: `[voice]` with `echo`, `noise` and `gain`.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct VoiceArgs {
    /// Leave the loudspeaker's echo in what the microphone hears
    #[arg(long)]
    pub no_echo_cancelling: bool,
    /// Leave noise in what the microphone hears
    #[arg(long)]
    pub no_noise_suppression: bool,
    /// Leave the microphone's level as it is
    #[arg(long)]
    pub no_gain_control: bool,
    /// Clean tone and wav:FILE too: a microphone's sound always is, theirs is otherwise sent exactly as it is
    #[arg(long)]
    pub clean_voice: bool,
}

/// What to keep, and how to go about it.
#[derive(Clone, Debug, clap::Args)]
pub struct OutArgs {
    /// Record what comes in: remote.y4m, remote.wav and frames.csv
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Leave the pictures themselves out of that: remote.wav and frames.csv alone
    #[arg(long, requires = "record")]
    pub no_film: bool,
    /// Write a report of the call: JSON, or what the name's ending says (.html, .txt, .dump)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Mask addresses and names in that report, so that it can be passed on
    #[arg(long, requires = "report")]
    pub redact: bool,
    /// Print what happens as JSON, one object a line
    #[arg(long)]
    pub events: bool,
    /// Hang up after so many seconds of being connected
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Which paths to allow: any, direct, relay, relay-udp, relay-tcp or relay-tls
    /// [default: any, or relay where settings.toml says always_relay = true]
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathPolicy>,
    /// Use only this address of this computer; can be given more than once
    #[arg(long, value_name = "IP")]
    pub bind: Vec<IpAddr>,
}

impl MediaArgs {
    /// Looks at the files before anybody is rung.
    pub fn check(&self, out: &OutArgs, usual: VoiceSettings, clock: Clock) -> anyhow::Result<Headless> {
        check_recording(out)?;
        self.talk.check()?;
        if let VideoChoice::File(path) = &self.video {
            y4m::check(path).context("--video")?;
        }
        let hears = match &self.audio {
            AudioChoice::Tone => Some(Hears::Tone),
            AudioChoice::File(path) => Some(Hears::file(path).context("--audio")?),
            AudioChoice::Device(_) | AudioChoice::None => None,
        };
        Ok(Headless {
            video: self.video.clone(),
            hears,
            voice: self.voice.settings(usual, self.audio.is_exact()),
            size: self.size,
            fps: self.fps,
            record: out.record.clone(),
            film: !out.no_film,
            clock,
        })
    }

    /// Which devices stand in for files and tones.
    pub fn devices(&self) -> DeviceWishes {
        let microphone = match &self.audio {
            AudioChoice::Device(choice) => Some(choice.clone()),
            AudioChoice::Tone | AudioChoice::File(_) | AudioChoice::None => None,
        };
        let speaker = self.speaker.clone().or_else(|| microphone.is_some().then(Choice::default));
        let camera = match &self.video {
            VideoChoice::Camera(choice) => Some(choice.clone()),
            VideoChoice::Pattern | VideoChoice::File(_) | VideoChoice::None => None,
        };
        DeviceWishes { microphone, speaker, camera }
    }

    /// What of a call is wished for.
    pub fn media(&self) -> anyhow::Result<Media> {
        let media = Media { audio: self.audio != AudioChoice::None, video: self.video != VideoChoice::None };
        ensure!(
            media.audio || media.video,
            "a call needs sound or pictures: give --audio or --video a source"
        );
        Ok(media)
    }
}

impl VoiceArgs {
    /// What is asked for here goes before what is usual, and a source that is `exact` is left alone.
    fn settings(self, usual: VoiceSettings, exact: bool) -> VoiceSettings {
        if exact && !self.clean_voice {
            return VoiceSettings::NOTHING;
        }
        VoiceSettings {
            echo: usual.echo && !self.no_echo_cancelling,
            noise: usual.noise && !self.no_noise_suppression,
            gain: usual.gain && !self.no_gain_control,
        }
    }
}

/// Finds out before anybody is rung that nothing could be recorded there.
pub(super) fn check_recording(out: &OutArgs) -> anyhow::Result<()> {
    if let Some(folder) = &out.record {
        recorder::check(folder)?;
    }
    Ok(())
}

fn video_choice(text: &str) -> Result<VideoChoice, String> {
    if let Some(choice) = Choice::from_option("camera", text) {
        return Ok(VideoChoice::Camera(choice));
    }
    match (text, text.strip_prefix("y4m:")) {
        ("pattern", _) => Ok(VideoChoice::Pattern),
        ("none", _) => Ok(VideoChoice::None),
        (_, Some(file)) if !file.is_empty() => Ok(VideoChoice::File(file.into())),
        _ => Err(
            "a source of pictures is camera, camera:ID, pattern, y4m:FILE or none (`sightline devices` lists ids)"
                .to_owned(),
        ),
    }
}

fn audio_choice(text: &str) -> Result<AudioChoice, String> {
    if let Some(choice) = Choice::from_option("device", text) {
        return Ok(AudioChoice::Device(choice));
    }
    match (text, text.strip_prefix("wav:")) {
        ("tone", _) => Ok(AudioChoice::Tone),
        ("none", _) => Ok(AudioChoice::None),
        (_, Some(file)) if !file.is_empty() => Ok(AudioChoice::File(file.into())),
        _ => Err(
            "a source of sound is tone, wav:FILE, device, device:ID or none (`sightline devices` lists ids)"
                .to_owned(),
        ),
    }
}

fn speaker_choice(text: &str) -> Result<Choice, String> {
    Choice::from_option("device", text)
        .ok_or_else(|| "a speaker is device or device:ID (`sightline devices` lists ids)".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a duration is a number of seconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::devices::DeviceId;

    #[test]
    fn the_command_line_is_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_microphone_is_cleaned_unless_it_is_said_otherwise_and_a_file_only_where_it_is_said() {
        let (usual, nothing) = (VoiceSettings::default(), VoiceSettings::NOTHING);
        let (none, asked) = (VoiceArgs::default(), VoiceArgs { clean_voice: true, ..VoiceArgs::default() });
        assert_eq!(none.settings(usual, false), usual);
        assert_eq!(none.settings(usual, true), nothing);
        assert_eq!(asked.settings(usual, true), usual);
        let loud = VoiceArgs { no_gain_control: true, ..none };
        assert_eq!(loud.settings(usual, false), VoiceSettings { gain: false, ..usual });
        assert_eq!(none.settings(nothing, false), nothing, "as settings.toml has it");
        assert!(AudioChoice::Tone.is_exact() && AudioChoice::File("a.wav".into()).is_exact());
        assert!(!AudioChoice::Device(Choice::Default).is_exact());
    }

    #[test]
    fn sources_are_understood() {
        assert_eq!(video_choice("y4m:a b.y4m"), Ok(VideoChoice::File("a b.y4m".into())));
        assert!(video_choice("y4m:").is_err() && video_choice("camera:").is_err());
        assert_eq!(video_choice("camera"), Ok(VideoChoice::Camera(Choice::Default)));
        let desk = Choice::Id(DeviceId::new("usb-1/Desk"));
        assert_eq!(video_choice("camera:usb-1/Desk"), Ok(VideoChoice::Camera(desk)));
        assert!(audio_choice("y4m:x").is_err() && audio_choice("device:").is_err());
        assert_eq!(audio_choice("device"), Ok(AudioChoice::Device(Choice::Default)));
        assert!(speaker_choice("device:pulseaudio:a").is_ok() && speaker_choice("a").is_err());
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        assert!(seconds("-1").is_err() && seconds("NaN").is_err() && seconds("1e300").is_err());
    }
}
