//! The data folder: the few things that have to outlive the program, each in a file of its own, for its owner alone.
//!
//! A file that is there is used or complained about, never written over: whoever loses the certificate's key loses every
//! link that was given away, and a disk that is failing is no reason to make a new one in silence. A new file is written
//! beside its place and then moved there, so that a power cut leaves the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Held for as long as the server runs: two servers in one folder would each believe in their own certificate.
const LOCK: &str = "lock";

/// No file here is larger. A longer one is not ours, and is not read.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// A data folder in use.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The folder itself.
    #[error("the data folder {} cannot be used: {error}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// The system's own words.
        error: io::Error,
    },
    /// Another server has it.
    #[error("the data folder {} is used by another server that runs now; stop it, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// One file in it.
    #[error("{} in the data folder cannot be used: {error}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// The system's own words.
        error: io::Error,
    },
    /// One file in it is not what it should be.
    #[error(
        "{} is damaged: it does not hold {expected}. Put it back from a copy; or move it away, and a new one is made, \
         after which links that were given away may not work any more", file.display()
    )]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// Nothing can be made that is to be kept.
    #[error("the system gives no random numbers: {0}")]
    NoRandomness(getrandom::Error),
}

impl DataFolder {
    /// Makes the folder if it is not there, and takes it for this server alone.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let refused = |error| DataError::Folder { folder: path.to_owned(), error };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(refused)?;
        let lock =
            private().write(true).create(true).truncate(false).open(path.join(LOCK)).map_err(refused)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(DataError::InUse(path.to_owned())),
            // Some network file systems know no locks. Nothing is worse there than without one.
            Err(fs::TryLockError::Error(error)) => {
                tracing::debug!(%error, "the data folder cannot be locked");
            }
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where a file of this name is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What a file holds; `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, DataError> {
        let file = self.file(name);
        match read_bounded(&file) {
            Ok(bytes) => {
                warn_if_open_to_others(&file);
                Ok(Some(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataError::File { file, error }),
        }
    }

    /// Writes a file, whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DataError> {
        let file = self.file(name);
        let beside = self.file(&format!("{name}.new"));
        let written = || {
            let mut new = private().write(true).create(true).truncate(true).open(&beside)?;
            new.write_all(bytes)?;
            new.sync_all()?;
            fs::rename(&beside, &file)
        };
        written().map_err(|error| DataError::File { file: file.clone(), error })
    }

    /// The error for a file that was read and makes no sense.
    pub(crate) fn damaged(&self, name: &str, expected: &'static str) -> DataError {
        DataError::Damaged { file: self.file(name), expected }
    }
}

/// The file with the secret that the relay's credentials are made with.
const SECRET_FILE: &str = "relay.secret";

/// The secret that the relay's credentials are made with, as text: so it can be copied into another TURN server's
/// configuration. It is made if it is not there, and without a folder at each start.
pub(crate) fn relay_secret(folder: Option<&DataFolder>) -> Result<Vec<u8>, DataError> {
    if let Some(kept) = folder.map_or(Ok(None), |folder| folder.read(SECRET_FILE))? {
        let secret = kept.trim_ascii().to_vec();
        let good = secret.len() >= 16 && secret.iter().all(u8::is_ascii_graphic);
        return match folder {
            Some(folder) if !good => {
                Err(folder.damaged(SECRET_FILE, "a secret: one line of at least 16 letters and digits"))
            }
            Some(_) | None => Ok(secret),
        };
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(DataError::NoRandomness)?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = folder {
        folder.write(SECRET_FILE, format!("{secret}\n").as_bytes())?;
    }
    Ok(secret.into_bytes())
}

/// Reads a small file.
pub(crate) fn read_bounded(file: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large to be what is expected"));
    }
    Ok(bytes)
}

/// Options for files that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn warn_if_open_to_others(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let others = fs::metadata(file).is_ok_and(|known| known.permissions().mode() & 0o077 != 0);
    if others {
        tracing::warn!("{} can be read by other users of this computer; run: chmod 600 {0}", file.display());
    }
}

#[cfg(not(unix))]
const fn warn_if_open_to_others(_file: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_what_was_not_is_absent() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = DataFolder::open(&home.path().join("a/b")).expect("a folder");
        assert_eq!(folder.read("x").expect("readable"), None);
        folder.write("x", b"one").expect("writable");
        folder.write("x", b"two").expect("writable");
        assert_eq!(folder.read("x").expect("readable").as_deref(), Some(&b"two"[..]));
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_and_its_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("data");
        let folder = DataFolder::open(&path).expect("a folder");
        folder.write("x", b"secret").expect("writable");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("x")), mode(&path.join(LOCK))), (0o700, 0o600, 0o600));
    }

    #[test]
    fn two_servers_do_not_share_a_folder() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let first = DataFolder::open(home.path()).expect("a folder");
        let second = DataFolder::open(home.path()).expect_err("it is in use");
        assert!(matches!(second, DataError::InUse(_)), "{second}");
        drop(first);
        DataFolder::open(home.path()).expect("it is free again");
    }

    #[test]
    fn the_relays_secret_is_made_once_and_a_damaged_one_stays_as_it_is() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = DataFolder::open(home.path()).expect("a folder");
        let secret = relay_secret(Some(&folder)).expect("made");
        assert_eq!(relay_secret(Some(&folder)).expect("kept"), secret);
        assert_ne!(relay_secret(None).expect("made"), relay_secret(None).expect("made"));
        folder.write(SECRET_FILE, b"of-another-turn-server\r\n").expect("writable");
        assert_eq!(relay_secret(Some(&folder)).expect("kept"), b"of-another-turn-server");
        for damage in [&b""[..], b"short", b"sixteen letters and a space", &[0xff; 40]] {
            folder.write(SECRET_FILE, damage).expect("writable");
            let error = relay_secret(Some(&folder)).expect_err("damaged");
            assert!(error.to_string().contains("relay.secret is damaged"), "{error}");
            assert_eq!(folder.read(SECRET_FILE).expect("readable").as_deref(), Some(damage));
        }
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = DataFolder::open(home.path()).expect("a folder");
        folder.write("x", &vec![0; 300 * 1024]).expect("writable");
        let error = folder.read("x").expect_err("too large");
        assert!(error.to_string().contains("too large"), "{error}");
    }
}
