//! A socket by which other programs change a link that runs, and ask for its figures.
//!
//! Unix datagrams: one holds one line, and one answer comes back. Standard input was the other choice; but then only
//! whoever started the emulator could speak to it, and a shell script that starts it in the background could not.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::notation::Misread;
use crate::script::{Directions, change_for};
use crate::stats::Stats;

/// The longest line that is read; what is beyond it is cut off.
const LONGEST: usize = 4096;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the emulator answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It was done.
    Done,
    /// What was asked for.
    Stats(Box<Stats>),
    /// It was not understood: a sentence.
    Refused(String),
}

/// Says one line to the emulator that listens there: `both loss=10 delay=25`, `stats` or `end`.
pub fn tell(socket: &Path, line: &str) -> io::Result<Reply> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut own = socket.as_os_str().to_owned();
    own.push(format!(".{}.{number}", std::process::id()));
    let own = Bound::new(own.into())?;
    own.socket.set_read_timeout(Some(PATIENCE))?;
    own.socket.send_to(line.as_bytes(), socket)?;
    let mut answer = [0; LONGEST];
    let length = loop {
        // With a time limit the call is not taken up again by itself.
        match own.socket.recv(&mut answer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            received => break received?,
        }
    };
    serde_json::from_slice(&answer[..length]).map_err(io::Error::from)
}

pub(crate) struct Control(Bound);

/// A line that was understood.
pub(crate) enum Request {
    Set(Directions, Change),
    Stats,
    End,
}

impl Control {
    /// Listens there. Where an emulator has died and left its socket, the name is taken over.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let refuses = || {
            let attempt = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
            attempt.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        // What is no socket refuses as well.
        let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
        if is_socket && refuses() {
            std::fs::remove_file(path)?;
        }
        let bound = Bound::new(path.to_owned())?;
        bound.socket.set_nonblocking(true)?;
        Ok(Self(bound))
    }

    /// The next line, and who said it.
    pub(crate) fn receive(&self) -> Option<(Result<Request, Misread>, SocketAddr)> {
        let mut line = [0; LONGEST];
        let (length, sender) = self.0.socket.recv_from(&mut line).ok()?;
        Some((understand(&String::from_utf8_lossy(&line[..length])), sender))
    }

    /// Whoever has no name, or does not wait any more, gets none.
    pub(crate) fn answer(&self, sender: &SocketAddr, reply: &Reply) {
        let text = serde_json::to_vec(reply).expect("a reply is plain data");
        if sender.as_pathname().is_some() {
            self.0.socket.send_to_addr(&text, sender).ok();
        }
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.socket.as_fd()
    }
}

fn understand(line: &str) -> Result<Request, Misread> {
    match line.trim() {
        "stats" => Ok(Request::Stats),
        "end" => Ok(Request::End),
        "" => Err(Misread::new("`stats`, `end`, or a direction with changes", line)),
        said => change_for(said).map(|(directions, change)| Request::Set(directions, change)),
    }
}

/// A socket whose name goes with it.
struct Bound {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Bound {
    fn new(path: PathBuf) -> io::Result<Self> {
        Ok(Self { socket: UnixDatagram::bind(&path)?, path })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_left_over_is_taken_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        drop(UnixDatagram::bind(&path).unwrap());
        let first = Control::open(&path).unwrap();
        assert!(Control::open(&path).is_err());
        drop(first);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        std::fs::write(&path, "mine").unwrap();
        assert!(Control::open(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
