//! The tree of a package as it will lie on a computer, with the modes that it will have.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::steps::succeed;

use super::{cannot, said_by};

/// A tree that is being laid out.
pub(super) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// An empty one; what was there before is gone.
    pub(super) fn begin(root: PathBuf) -> Result<Self, Failure> {
        if root.exists() {
            fs::remove_dir_all(&root).map_err(|error| cannot("remove", &root, &error))?;
        }
        let tree = Self { root };
        tree.folder(&tree.root)?;
        Ok(tree)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn copy(&self, from: &Path, place: &str, runs: bool) -> Result<(), Failure> {
        let to = self.place(place)?;
        fs::copy(from, &to).map_err(|error| cannot("copy", from, &error))?;
        mode(&to, if runs { 0o755 } else { 0o644 })
    }

    pub(super) fn write(&self, place: &str, text: &str) -> Result<(), Failure> {
        let to = self.place(place)?;
        fs::write(&to, text).map_err(|error| cannot("write", &to, &error))?;
        mode(&to, 0o644)
    }

    /// Packed as Debian wants manuals and changelogs: as small as it goes, and the same each time.
    pub(super) fn write_packed(&self, place: &str, text: &str) -> Result<(), Failure> {
        let to = self.place(&format!("{place}.gz"))?;
        let file = fs::File::create(&to).map_err(|error| cannot("write", &to, &error))?;
        let started = Command::new("gzip").args(["-9", "-n"]).stdin(Stdio::piped()).stdout(file).spawn();
        let packed = started.and_then(|mut gzip| {
            // Dropped here: that is the end of what it reads.
            if let Some(mut stdin) = gzip.stdin.take() {
                stdin.write_all(text.as_bytes())?;
            }
            gzip.wait()
        });
        match packed {
            Ok(status) if status.success() => mode(&to, 0o644),
            Ok(_) => Err(Failure::new("gzip failed, see above.")),
            Err(error) => Err(Failure::new(format!("`gzip` did not run: {error}."))),
        }
    }

    /// Leaves out of a program what only a debugger reads.
    pub(super) fn strip(&self, place: &str) -> Result<(), Failure> {
        let mut command = Command::new("strip");
        command.args(["--strip-all", "--remove-section=.comment", "--remove-section=.note"]);
        succeed(command.arg(self.root.join(place)), "`strip` failed, see above.")
    }

    pub(super) fn kibibytes(&self) -> u64 {
        self.files()
            .iter()
            .filter_map(|file| fs::metadata(file).ok())
            .map(|file| file.len().div_ceil(1024))
            .sum()
    }

    /// Notes what every file is to be, so that damage can be told later.
    pub(super) fn sum(&self) -> Result<(), Failure> {
        let mut sums = String::new();
        for file in self.files() {
            let Ok(place) = file.strip_prefix(&self.root) else { continue };
            if !place.starts_with("DEBIAN") {
                sums.push_str(&said_by(Command::new("md5sum").arg(place).current_dir(&self.root))?);
            }
        }
        self.write("DEBIAN/md5sums", &sums)
    }

    fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }

    fn place(&self, place: &str) -> Result<PathBuf, Failure> {
        let to = self.root.join(place);
        let mut folder = self.root.clone();
        for part in Path::new(place).parent().into_iter().flatten() {
            folder.push(part);
            self.folder(&folder)?;
        }
        Ok(to)
    }

    fn folder(&self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder).map_err(|error| cannot("make", folder, &error))?;
        mode(folder, 0o755)
    }
}

/// Whatever the mask of whoever builds it says.
#[cfg(unix)]
fn mode(path: &Path, mode: u32) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| cannot("set the rights of", path, &error))
}

#[cfg(not(unix))]
fn mode(_: &Path, _: u32) -> Result<(), Failure> {
    Ok(())
}
