//! What an installation remembers: its key and a few choices, in one folder.
//!
//! `identity.key` holds the secret key, readable by its owner alone; `settings.toml` is for people. A file that is damaged
//! is reported and left exactly as it is: it may be the only copy.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sightline_protocol::keys::Identity;

use crate::{
    logic::{
        desk::{Appearance, DataUse, Preferences},
        devices::Choice,
        path::PathPolicy,
    },
    media::voice::VoiceSettings,
};

const KEY_FILE: &str = "identity.key";
pub(crate) const SETTINGS_FILE: &str = "settings.toml";
const PREDICTIONS_FILE: &str = "predictions.json";
const SERVER_FOLDER: &str = "server";
const CRASHES_FOLDER: &str = "crashes";

/// The folder of one installation.
#[derive(Clone, Debug)]
pub struct Profile {
    folder: PathBuf,
}

/// What is in `settings.toml`. Keys that are not known here are left to whoever wrote them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What the other side is told as our name.
    pub name: Option<String>,
    /// The server we are reached at.
    pub server: Option<String>,
    /// Other servers to choose from in the window.
    pub servers: Vec<String>,
    /// Call links of those whose `doctor` may ask what this computer's network looks like; `contacts` means all contacts.
    pub may_examine: Vec<String>,
    /// Never to show our addresses to the other side of a call: only relayed paths are taken, unless another is asked for.
    pub always_relay: bool,
    /// How much to spend on pictures: `full`, `less` or `least`.
    pub data_use: DataUse,
    /// Where files that come are put.
    pub downloads: Option<PathBuf>,
    /// Whoever has a link of ours may see whether we can be reached.
    pub show_online: bool,
    /// Tell the system of calls and messages.
    pub notifications: bool,
    /// Ring.
    pub ring: bool,
    /// Keep a report of each of the last calls in the profile.
    pub keep_reports: bool,
    /// The first start is over.
    pub set_up: bool,
    /// What is done to what the microphone hears: `[voice]` with `echo`, `noise` and `gain`, each `true` unless it says `false`.
    pub voice: VoiceSettings,
    /// Which devices the window uses: `[devices]` with `microphone`, `speaker` and `camera`.
    pub devices: DeviceSettings,
    /// How the window looks: `[window]`.
    pub window: WindowSettings,
}

/// Which devices the window uses: an id as `sightline devices` lists it, or `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceSettings {
    /// To be heard with.
    pub microphone: Choice,
    /// To hear with.
    pub speaker: Choice,
    /// To be seen with.
    pub camera: Choice,
}

/// How the window looks, and what becomes of the app when it is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowSettings {
    /// `system`, `light` or `dark`.
    pub appearance: Appearance,
    /// How large everything is: 1 is as designed.
    pub scale: f32,
    /// Our own picture as in a mirror.
    pub mirror: bool,
    /// Start without a window, where an icon keeps the app reachable.
    pub start_hidden: bool,
    /// Closing the window leaves the app running, where an icon keeps it reachable.
    pub keep_running: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let usual = Preferences::default();
        Self {
            name: None,
            server: None,
            servers: Vec::new(),
            may_examine: Vec::new(),
            always_relay: usual.always_relay,
            data_use: usual.data_use,
            downloads: usual.downloads,
            show_online: usual.show_online,
            notifications: usual.notifications,
            ring: usual.ring,
            keep_reports: usual.keep_reports,
            set_up: false,
            voice: VoiceSettings::default(),
            devices: DeviceSettings::default(),
            window: WindowSettings::default(),
        }
    }
}

impl Default for WindowSettings {
    fn default() -> Self {
        let Preferences { appearance, scale, mirror, start_hidden, keep_running, .. } =
            Preferences::default();
        Self { appearance, scale, mirror, start_hidden, keep_running }
    }
}

impl Settings {
    /// The paths that a call may take where nothing else is asked for.
    pub const fn usual_path(&self) -> PathPolicy {
        if self.always_relay { PathPolicy::Relay } else { PathPolicy::Any }
    }
}

/// Something is wrong with a profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The system names no folder for settings.
    #[error("the system names no folder for settings; name one with --profile DIR")]
    NoFolder,
    /// A file or folder cannot be used.
    #[error(
        "{path} cannot be {doing}: {reason}; check who may use it, or name another folder with --profile DIR"
    )]
    Io {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why not.
        reason: io::Error,
    },
    /// The key file holds no key.
    #[error(
        "{0} is damaged and holds no key. It is left as it is: put back a copy if you have one. To start anew as \
         somebody that your contacts do not know yet, move it away"
    )]
    DamagedKey(PathBuf),
    /// The settings are not what they should be.
    #[error("{path} cannot be understood: {reason}. It is left as it is: correct it, or move it away")]
    DamagedSettings {
        /// Which.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// No randomness for a key.
    #[error(transparent)]
    NoRandomness(#[from] sightline_protocol::NoRandomness),
}

impl Profile {
    /// The folder `wished`, or the platform's own for settings. It is made when something is written.
    pub fn at(wished: Option<&Path>) -> Result<Self, ProfileError> {
        let folder = match wished {
            Some(folder) => folder.to_owned(),
            None => directories::ProjectDirs::from("", "", "sightline")
                .ok_or(ProfileError::NoFolder)?
                .config_dir()
                .to_owned(),
        };
        Ok(Self { folder })
    }

    /// The installation's key; made at the first time.
    pub fn identity(&self) -> Result<Identity, ProfileError> {
        let path = self.folder.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                keep_private(&path).map_err(io_error(&path, "kept private"))?;
                let secret = URL_SAFE_NO_PAD.decode(text.trim()).ok();
                let secret: Option<[u8; 32]> = secret.and_then(|bytes| bytes.try_into().ok());
                secret.map(Identity::from_secret_bytes).ok_or(ProfileError::DamagedKey(path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Identity::generate()?;
                let text = URL_SAFE_NO_PAD.encode(identity.secret_bytes().as_slice()) + "\n";
                self.write_new(&path, text.as_bytes())?;
                Ok(identity)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(ProfileError::DamagedKey(path)),
            Err(error) => Err(io_error(&path, "read")(error)),
        }
    }

    /// The choices; the defaults where there is no file.
    pub fn settings(&self) -> Result<Settings, ProfileError> {
        let Some((path, text)) = self.read(SETTINGS_FILE)? else { return Ok(Settings::default()) };
        toml::from_str(&text).map_err(|error| ProfileError::DamagedSettings {
            path,
            reason: error.to_string().trim().to_owned(),
        })
    }

    /// Where reports of faults in the program are kept.
    pub fn crashes_folder(&self) -> PathBuf {
        self.folder.join(CRASHES_FOLDER)
    }

    /// Where the doctor's last predictions are kept.
    pub fn predictions_file(&self) -> PathBuf {
        self.folder.join(PREDICTIONS_FILE)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a server keeps that this installation runs itself: its certificate, so that links to it go on to hold.
    pub fn server_folder(&self) -> PathBuf {
        self.folder.join(SERVER_FOLDER)
    }

    /// A file of the profile, and where it is; `None` where there is none.
    pub(crate) fn read(&self, file: &str) -> Result<Option<(PathBuf, String)>, ProfileError> {
        let path = self.folder.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(&path, "read")(error)),
        }
    }

    /// Puts another file in the place of one, or leaves the old one as it was.
    pub(crate) fn replace(&self, file: &str, text: &str) -> Result<(), ProfileError> {
        let (path, beside) = (self.folder.join(file), self.folder.join(format!("{file}.new")));
        // One that was left when the power went.
        fs::remove_file(&beside).ok();
        self.write_new(&beside, text.as_bytes())?;
        fs::rename(&beside, &path).map_err(io_error(&path, "written"))
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> Result<(), ProfileError> {
        fs::create_dir_all(&self.folder).map_err(io_error(&self.folder, "made"))?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io_error(path, "written"))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error(path, "written"))
    }
}

fn io_error(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ProfileError {
    move |reason| ProfileError::Io { path: path.to_owned(), doing, reason }
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    // The platform's own folder for settings belongs to one user there.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> (tempfile::TempDir, Profile) {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::at(Some(&folder.path().join("made on demand"))).unwrap();
        (folder, profile)
    }

    #[test]
    fn an_installation_stays_who_it_is() {
        let (_folder, profile) = profile();
        let first = profile.identity().unwrap().address();
        assert_eq!(profile.identity().unwrap().address(), first);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, profile) = profile();
        profile.identity().unwrap();
        let path = profile.folder.join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        profile.identity().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "tightened again");
    }

    #[test]
    fn a_damaged_file_is_reported_and_left_as_it_is() {
        let (_folder, profile) = profile();
        fs::create_dir_all(&profile.folder).unwrap();
        let (key, settings) = (profile.folder.join(KEY_FILE), profile.folder.join(SETTINGS_FILE));
        for content in [&b"too short"[..], &[0xff; 40], b""] {
            fs::write(&key, content).unwrap();
            assert!(matches!(profile.identity(), Err(ProfileError::DamagedKey(_))));
            assert_eq!(fs::read(&key).unwrap(), content);
        }
        fs::write(&settings, "name = 7").unwrap();
        assert!(matches!(profile.settings(), Err(ProfileError::DamagedSettings { .. })));
        assert_eq!(fs::read_to_string(&settings).unwrap(), "name = 7");
    }

    #[test]
    fn settings_are_read() {
        let (_folder, profile) = profile();
        assert_eq!(profile.settings().unwrap(), Settings::default());
        fs::create_dir_all(&profile.folder).unwrap();
        fs::write(
            profile.folder.join(SETTINGS_FILE),
            "name = \"Ada\"\nserver = \"http://127.0.0.1:7480/\"\n",
        )
        .unwrap();
        let settings = profile.settings().unwrap();
        assert_eq!((settings.name.as_deref(), settings.usual_path()), (Some("Ada"), PathPolicy::Any));
        fs::write(profile.folder.join(SETTINGS_FILE), "always_relay = true\n").unwrap();
        assert_eq!(profile.settings().unwrap().usual_path(), PathPolicy::Relay);
        assert_eq!(profile.settings().unwrap().voice, VoiceSettings { echo: true, noise: true, gain: true });
        fs::write(profile.folder.join(SETTINGS_FILE), "[voice]\nnoise = false\n").unwrap();
        assert_eq!(profile.settings().unwrap().voice, VoiceSettings { echo: true, noise: false, gain: true });
    }
}
