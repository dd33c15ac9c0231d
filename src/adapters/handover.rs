//! The second start of the app with the same profile hands what it was given to the first, by way of `interprocess`.
//!
//! Who is first holds a lock on a file, which the system lets go of when the program ends, however it ends. So a socket that
//! somebody left behind is known for what it is, and two starts in the same moment cannot both be first. Both files lie in
//! a folder that nobody else may enter. The lock alone was tried with the socket in the place of it: whether a socket is
//! stale then depends on who answers how fast.
//!
//! What comes in is one short line, and is looked at as if it came from a stranger.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use interprocess::local_socket::{
    ListenerOptions, Name, Stream,
    tokio::{Listener, Stream as TokioStream, prelude::*},
    traits::Stream as _,
};
use sightline_protocol::{limits::MAX_LINK_BYTES, link::CallLink};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    runtime::Handle as Runtime,
    sync::mpsc,
    time::timeout,
};

use crate::engine::clock::Clock;

const FOLDER: &str = "running";
const LOCK: &str = "lock";
const SOCKET: &str = "socket";
/// A line: a word, a space, a link.
const LONGEST_LINE: usize = MAX_LINK_BYTES + 16;
/// How long the other side may take for its line, or its answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the one that is first may take from its lock to its socket.
const TO_BEGIN: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Wait after a connection that could not be taken, so that an error that stays costs nothing.
const AFTER_AN_ERROR: Duration = Duration::from_millis(200);
const RAISE: &str = "raise";
const CALL: &str = "call";
const TAKEN: &[u8] = b"taken\n";
const REFUSED: &[u8] = b"refused\n";

/// What a start of the app was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Nothing: the window is to be seen.
    Raise,
    /// A link: somebody is to be called.
    Call(Box<CallLink>),
}

impl Request {
    fn to_line(&self) -> String {
        match self {
            Self::Raise => format!("{RAISE}\n"),
            Self::Call(link) => format!("{CALL} {}\n", link.to_app_link()),
        }
    }

    fn from_line(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?.strip_suffix('\n')?;
        if line == RAISE {
            return Some(Self::Raise);
        }
        let link = line.strip_prefix(CALL)?.strip_prefix(' ')?;
        link.parse().ok().map(|link| Self::Call(Box::new(link)))
    }
}

/// Which of several starts this one is.
#[derive(Debug)]
pub enum Start {
    /// The first. As long as this is kept, no other is.
    First(First),
    /// Another runs already, and took the request.
    HandedOver,
}

/// It could not be found out, or the other one did not take it.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// A file in the profile could not be used.
    #[error(
        "{path} cannot be used: {reason}; check who may use it, or name another folder with --profile DIR"
    )]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// Somebody holds the lock and answers nothing.
    #[error(
        "Sightline runs with this profile already, but does not answer ({0}); end it, or name another folder with \
         --profile DIR"
    )]
    NoAnswer(io::Error),
    /// The other one does not understand.
    #[error("Sightline runs with this profile already, but is of another version; end it and start again")]
    NotUnderstood,
}

/// The first start of this profile.
#[derive(Debug)]
pub struct First {
    folder: PathBuf,
    lock: File,
}

/// Finds out which start this is, and hands `request` over where there is another. `profile` is the folder of the profile.
/// Takes up to five seconds where the other one does not answer, and no time else.
pub fn start(profile: &Path, request: &Request, clock: Clock) -> Result<Start, HandoverError> {
    let folder = profile.join(FOLDER);
    let troubled = |path: &Path| {
        let path = path.to_owned();
        move |reason| HandoverError::Folder { path, reason }
    };
    make_private(&folder).map_err(troubled(&folder))?;
    let lock_path = folder.join(LOCK);
    let lock = open_private(&lock_path).map_err(troubled(&lock_path))?;
    let until = clock.now() + TO_BEGIN;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Start::First(First { folder, lock })),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(reason)) => return Err(troubled(&lock_path)(reason)),
        }
        match hand_over(&folder, request) {
            Ok(true) => return Ok(Start::HandedOver),
            Ok(false) => return Err(HandoverError::NotUnderstood),
            // It may be about to listen, or about to end.
            Err(_) if clock.now() < until => clock.sleep_until(clock.now() + LOOK_AGAIN),
            Err(error) => return Err(HandoverError::NoAnswer(error)),
        }
    }
}

impl First {
    /// Takes requests from now on; they go there, and wait where there is no room. Ends when nobody takes them any more.
    pub fn listen(self, runtime: &Runtime, requests: mpsc::Sender<Request>) {
        runtime.spawn(async move {
            let listener = match named(&self.folder).and_then(listen) {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::warn!(%error, "a second start of Sightline will not find this one");
                    requests.closed().await;
                    return;
                }
            };
            tokio::select! {
                () = take_all(&listener, &requests) => {}
                () = requests.closed() => {}
            }
            // Until here nobody else may be first.
            drop(self.lock);
        });
    }
}

async fn take_all(listener: &Listener, requests: &mpsc::Sender<Request>) {
    loop {
        match listener.accept().await {
            // One after the other: a person starts no two at once, and whoever is slow is waited for two seconds.
            Ok(stream) => match timeout(PATIENCE, take(&stream)).await {
                Ok(Ok(Some(request))) => {
                    if requests.send(request).await.is_err() {
                        return;
                    }
                    answer(&stream, TAKEN).await;
                }
                Ok(Ok(None)) => {
                    tracing::info!("a second start said something that is no link");
                    answer(&stream, REFUSED).await;
                }
                Ok(Err(_)) | Err(_) => tracing::debug!("a second start said nothing"),
            },
            Err(error) => {
                tracing::debug!(%error, "a second start was not let in");
                tokio::time::sleep(AFTER_AN_ERROR).await;
            }
        }
    }
}

async fn take(mut stream: &TokioStream) -> io::Result<Option<Request>> {
    let mut line = Vec::with_capacity(LONGEST_LINE);
    let mut part = [0; LONGEST_LINE];
    while !line.ends_with(b"\n") {
        let count = stream.read(&mut part).await?;
        if count == 0 || line.len() + count > LONGEST_LINE {
            return Ok(None);
        }
        line.extend_from_slice(&part[..count]);
    }
    Ok(Request::from_line(&line))
}

async fn answer(mut stream: &TokioStream, answer: &[u8]) {
    timeout(PATIENCE, stream.write_all(answer)).await.ok();
}

/// Whether it was taken.
fn hand_over(folder: &Path, request: &Request) -> io::Result<bool> {
    let mut stream = Stream::connect(named(folder)?)?;
    // Not every system has these; there one waits for as long as it takes.
    stream.set_send_timeout(Some(PATIENCE)).ok();
    stream.set_recv_timeout(Some(PATIENCE)).ok();
    stream.write_all(request.to_line().as_bytes())?;
    let mut answer = [0; TAKEN.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer == TAKEN)
}

#[cfg(unix)]
fn named(folder: &Path) -> io::Result<Name<'static>> {
    use interprocess::local_socket::{GenericFilePath, ToFsName as _};
    let socket = folder.join(SOCKET);
    if socket.as_os_str().len() > LONGEST_PATH {
        let why = format!("a path of {} bytes is too long for a socket", socket.as_os_str().len());
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, why));
    }
    socket.to_fs_name::<GenericFilePath>()
}

/// What every Unix has room for.
#[cfg(unix)]
const LONGEST_PATH: usize = 100;

#[cfg(unix)]
fn listen(name: Name<'_>) -> io::Result<Listener> {
    use interprocess::{TryClone as _, os::unix::local_socket::ListenerOptionsExt as _};
    // We hold the lock: whatever lies there was left behind.
    let options = ListenerOptions::new().name(name).try_overwrite(true).max_spin_time(PATIENCE);
    match options.try_clone()?.mode(0o600).create_tokio() {
        // The folder is private anyway.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => options.create_tokio(),
        made => made,
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// A pipe's name is one for the whole computer, and lets in nobody but its user.
#[cfg(not(unix))]
fn named(folder: &Path) -> io::Result<Name<'static>> {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use interprocess::local_socket::{GenericNamespaced, ToNsName as _};
    let mut hasher = DefaultHasher::new();
    folder.canonicalize()?.join(SOCKET).hash(&mut hasher);
    format!("sightline-{:016x}", hasher.finish()).to_ns_name::<GenericNamespaced>()
}

#[cfg(not(unix))]
fn listen(name: Name<'_>) -> io::Result<Listener> {
    ListenerOptions::new().name(name).create_tokio()
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn link() -> Request {
        let key = sightline_protocol::keys::Identity::from_secret_bytes([7; 32]).address();
        Request::Call(Box::new(format!("https://calls.example.org/#{key}").parse().unwrap()))
    }

    fn first(profile: &Path) -> First {
        match start(profile, &Request::Raise, Clock::start()).unwrap() {
            Start::First(first) => first,
            Start::HandedOver => panic!("nobody else runs"),
        }
    }

    async fn second(profile: &Path, request: Request) -> Result<Start, HandoverError> {
        let profile = profile.to_owned();
        tokio::task::spawn_blocking(move || start(&profile, &request, Clock::start())).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_start_hands_its_link_over() {
        let profile = tempfile::tempdir().unwrap();
        let (requests, mut taken) = mpsc::channel(4);
        first(profile.path()).listen(&Runtime::current(), requests);
        for request in [link(), Request::Raise] {
            let start = second(profile.path(), request.clone()).await.unwrap();
            assert!(matches!(start, Start::HandedOver));
            assert_eq!(taken.recv().await, Some(request));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_dead_one_left_is_put_aside() {
        let profile = tempfile::tempdir().unwrap();
        let (requests, taken) = mpsc::channel(4);
        first(profile.path()).listen(&Runtime::current(), requests);
        second(profile.path(), Request::Raise).await.unwrap();
        drop(taken);
        // As after a crash: a socket that nobody listens at.
        let next = loop {
            match second(profile.path(), Request::Raise).await {
                Ok(Start::First(next)) => break next,
                Ok(Start::HandedOver) | Err(_) => {}
            }
        };
        let socket = profile.path().join(FOLDER).join(SOCKET);
        fs::remove_file(&socket).ok();
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let (requests, mut taken) = mpsc::channel(4);
        next.listen(&Runtime::current(), requests);
        assert!(matches!(second(profile.path(), link()).await, Ok(Start::HandedOver)));
        assert_eq!(taken.recv().await, Some(link()));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_else_may_enter() {
        let profile = tempfile::tempdir().unwrap();
        let folder = profile.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let (requests, _taken) = mpsc::channel(4);
        first(profile.path()).listen(&Runtime::current(), requests);
        second(profile.path(), Request::Raise).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(SOCKET))), (0o700, 0o600));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nonsense_is_refused_and_the_next_one_heard() {
        use std::os::unix::net::UnixStream;
        let profile = tempfile::tempdir().unwrap();
        let (requests, mut taken) = mpsc::channel(4);
        first(profile.path()).listen(&Runtime::current(), requests);
        second(profile.path(), Request::Raise).await.unwrap();
        assert_eq!(taken.recv().await, Some(Request::Raise));
        let socket = profile.path().join(FOLDER).join(SOCKET);
        let long = [b'x'; 4 * LONGEST_LINE];
        let wrong: [&[u8]; 5] = [b"call https://example.org/\n", b"\xff\n", b"raise", b"quit\n", &long];
        for said in wrong {
            let socket = socket.clone();
            let said = said.to_owned();
            tokio::task::spawn_blocking(move || {
                let mut stream = UnixStream::connect(socket).unwrap();
                stream.write_all(&said).ok();
                stream.shutdown(std::net::Shutdown::Write).ok();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).ok();
                assert_ne!(answer, TAKEN);
            })
            .await
            .unwrap();
        }
        assert!(matches!(second(profile.path(), link()).await, Ok(Start::HandedOver)));
        assert_eq!(taken.recv().await, Some(link()), "and nothing before it");
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for request in [Request::Raise, link()] {
            assert_eq!(Request::from_line(request.to_line().as_bytes()), Some(request));
        }
        assert_eq!(Request::from_line(b"raise"), None, "cut");
        assert_eq!(Request::from_line(b"call \n"), None);
    }
}
