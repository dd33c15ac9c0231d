//! Files on the disk: those that are given are read, those that are taken are written beside their name until they are whole.
//!
//! Every error is a sentence: it is shown to a person.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;

use crate::logic::files::name;

/// How often another name is tried where one is taken.
const MOST_NAMES: u32 = 9_999;

/// All that is open of one call.
#[derive(Default)]
pub(super) struct Disk {
    given: HashMap<u32, Given>,
    taken: HashMap<u32, Taken>,
}

/// A file that can be given.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) size: u64,
    file: File,
    changed: Option<SystemTime>,
}

struct Given {
    file: File,
    size: u64,
    changed: Option<SystemTime>,
}

struct Taken {
    file: File,
    part: PathBuf,
    folder: PathBuf,
    name: String,
}

impl Disk {
    /// Opens a file that somebody wants to give.
    pub(super) fn look_at(path: &Path) -> Result<Found, String> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let cannot = |error: &io::Error| {
            if error.kind() == ErrorKind::NotFound {
                format!("“{name}” is not there any more.")
            } else if error.kind() == ErrorKind::PermissionDenied {
                format!("“{name}” may not be read. Look at who owns it.")
            } else {
                format!("“{name}” cannot be read: {error}.")
            }
        };
        // Before it is opened: to open a pipe would wait for who writes to it.
        let about = fs::metadata(path).map_err(|error| cannot(&error))?;
        if !about.is_file() {
            return Err(format!("“{name}” is no file. Pack a folder into one file to send it."));
        }
        let file = File::open(path).map_err(|error| cannot(&error))?;
        let about = file.metadata().map_err(|error| cannot(&error))?;
        Ok(Found { size: about.len(), changed: about.modified().ok(), name, file })
    }

    /// It is offered under that number.
    pub(super) fn keep(&mut self, file: u32, found: Found) {
        self.given.insert(file, Given { file: found.file, size: found.size, changed: found.changed });
    }

    pub(super) fn read(&mut self, file: u32, at: u64, len: usize) -> Result<Bytes, String> {
        let changed = || "It was changed while it was being sent. Offer it again.".to_owned();
        let given = self.given.get_mut(&file).ok_or_else(changed)?;
        let cannot = |error: io::Error| format!("It cannot be read any more: {error}.");
        let about = given.file.metadata().map_err(cannot)?;
        if about.len() != given.size || about.modified().ok() != given.changed {
            return Err(changed());
        }
        let mut bytes = vec![0; len];
        given.file.seek(SeekFrom::Start(at)).map_err(cannot)?;
        given.file.read_exact(&mut bytes).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof { changed() } else { cannot(error) }
        })?;
        Ok(bytes.into())
    }

    pub(super) fn close(&mut self, file: u32) {
        self.given.remove(&file);
    }

    /// Begins a part file in that folder.
    pub(super) fn make(&mut self, file: u32, folder: &Path, name: &str) -> Result<(), String> {
        let cannot = |error: &io::Error| cannot_write(error, folder);
        fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
        for attempt in 1..=MOST_NAMES {
            let whole = folder.join(name::numbered(name, attempt));
            let part = part_of(&whole);
            if fs::symlink_metadata(&whole).is_ok() {
                continue;
            }
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(opened) => {
                    let (folder, name) = (folder.to_owned(), name.to_owned());
                    self.taken.insert(file, Taken { file: opened, part, folder, name });
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot(&error)),
            }
        }
        Err(format!("There are too many files of that name in {}.", folder.display()))
    }

    pub(super) fn write(&mut self, file: u32, bytes: &[u8]) -> Result<(), String> {
        let Some(taken) = self.taken.get_mut(&file) else { return Ok(()) };
        let Taken { file, folder, .. } = taken;
        file.write_all(bytes).map_err(|error| cannot_write(&error, folder))
    }

    /// Gives a file its name, one that no other has.
    pub(super) fn finish(&mut self, file: u32) -> Result<PathBuf, String> {
        let Some(taken) = self.taken.get(&file) else { return Err("It is not there any more.".to_owned()) };
        let cannot = |error: io::Error| cannot_write(&error, &taken.folder);
        taken.file.sync_data().map_err(cannot)?;
        for attempt in 1..=MOST_NAMES {
            let whole = taken.folder.join(name::numbered(&taken.name, attempt));
            // Taken first, then replaced by what is ours: nothing of anybody else's can be lost in between.
            match OpenOptions::new().write(true).create_new(true).open(&whole) {
                Ok(_) => {
                    fs::rename(&taken.part, &whole).map_err(|error| {
                        fs::remove_file(&whole).ok();
                        cannot(error)
                    })?;
                    self.taken.remove(&file);
                    return Ok(whole);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot(error)),
            }
        }
        Err(format!("There are too many files of that name in {}.", taken.folder.display()))
    }

    /// Away with what is not whole.
    pub(super) fn discard(&mut self, file: u32) {
        if let Some(Taken { file, part, .. }) = self.taken.remove(&file) {
            drop(file);
            if let Err(error) = fs::remove_file(&part) {
                tracing::warn!(%error, "the part of a file was not deleted");
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let left: Vec<_> = self.taken.keys().copied().collect();
        left.into_iter().for_each(|file| self.discard(file));
    }
}

fn part_of(whole: &Path) -> PathBuf {
    let mut part = whole.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

fn cannot_write(error: &io::Error, folder: &Path) -> String {
    let (folder, kind) = (folder.display(), error.kind());
    if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        format!("There is no room left in {folder}. Make some, and ask for it again.")
    } else if matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) {
        format!("Nothing may be written in {folder}. Choose another folder, and ask for it again.")
    } else {
        format!("It cannot be written in {folder}: {error}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(disk: &mut Disk, file: u32, folder: &Path, name: &str, content: &[u8]) -> PathBuf {
        disk.make(file, folder, name).unwrap();
        disk.write(file, content).unwrap();
        disk.finish(file).unwrap()
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "mine").unwrap();
        let mut disk = Disk::default();
        let first = take(&mut disk, 1, folder.path(), "a.txt", b"theirs");
        let second = take(&mut disk, 3, folder.path(), "a.txt", b"again");
        assert_eq!(first, folder.path().join("a (2).txt"));
        assert_eq!(second, folder.path().join("a (3).txt"));
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"mine");
        assert_eq!(fs::read(first).unwrap(), b"theirs");
    }

    #[test]
    fn a_name_that_is_taken_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::default();
        disk.make(1, folder.path(), "a.txt").unwrap();
        disk.make(3, folder.path(), "a.txt").unwrap();
        disk.write(1, b"one").unwrap();
        disk.write(3, b"three").unwrap();
        fs::write(folder.path().join("a.txt"), "mine").unwrap();
        let [one, three] = [disk.finish(1).unwrap(), disk.finish(3).unwrap()];
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"mine");
        assert_eq!((fs::read(one).unwrap(), fs::read(three).unwrap()), (b"one".to_vec(), b"three".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no part is left");
    }

    #[test]
    fn what_is_not_whole_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::default();
        disk.make(1, folder.path(), "a.txt").unwrap();
        disk.make(3, folder.path(), "b.txt").unwrap();
        disk.discard(1);
        drop(disk);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_changes_is_not_sent_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "12345678").unwrap();
        let mut disk = Disk::default();
        let found = Disk::look_at(&path).unwrap();
        assert_eq!((&*found.name, found.size), ("a.txt", 8));
        disk.keep(1, found);
        assert_eq!(disk.read(1, 2, 3).unwrap(), "345");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"9").unwrap();
        assert!(disk.read(1, 5, 3).unwrap_err().contains("changed"));
    }

    #[test]
    fn what_cannot_be_given_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let why = |path: &Path| Disk::look_at(path).map(|_| ()).unwrap_err();
        assert!(why(folder.path()).contains("is no file"));
        assert!(why(&folder.path().join("gone.txt")).contains("“gone.txt” is not there"));
    }

    #[test]
    fn where_nothing_may_be_written_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let why = Disk::default().make(1, &file, "a.txt").unwrap_err();
        assert!(why.contains("cannot be written in"), "{why}");
    }
}
