//! The desktop's own dialogs for files and folders, by way of `rfd` and the portal.
//!
//! A dialog is asked for on a thread of its own, and the answer comes when a person has given one. `rfd` does not tell a
//! dialog that was closed from one that never came; but for several files it gives an empty list in the one case and none
//! in the other, so files and folders are always asked for as several. For a file to be saved there is no such difference:
//! there an answer counts as *closed* only when it took longer than a blink.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::engine::{clock::Clock, thread::Thread};

/// Nobody sees a dialog and closes it in so short a time.
const A_BLINK: Duration = Duration::from_millis(300);
/// More files are not taken at once; the rest is left out, and the log says so.
const MOST_FILES: usize = 100;

/// What a person is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Files that are there.
    Files,
    /// A folder that is there.
    Folder,
    /// Where to put a file, and what it may be called.
    Save {
        /// A name to begin with.
        name: String,
    },
}

/// There is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The desktop has no dialogs for files.
    #[error("this desktop has no dialog for files; type the path instead")]
    NoDialog,
    /// One is open already.
    #[error("a dialog for files is open already; answer or close that one first")]
    OneIsOpen,
    /// The system gave no thread.
    #[error("the dialog could not be opened: the system gave no thread; close other programs and try again")]
    NoThread,
}

/// What a person answered: paths, or none where the dialog was closed.
pub type Answer = Result<Vec<PathBuf>, NoAnswer>;

/// Opens dialogs, one at a time.
#[derive(Clone)]
pub struct Pickers {
    clock: Clock,
    is_open: Arc<AtomicBool>,
}

impl Pickers {
    /// None is open yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, is_open: Arc::default() }
    }

    /// Asks; `answer` is called on another thread, once. Never waits. `title` stands above the dialog.
    pub fn ask(&self, question: Question, title: &str, answer: impl FnOnce(Answer) + Send + 'static) {
        if self.is_open.swap(true, Ordering::AcqRel) {
            return answer(Err(NoAnswer::OneIsOpen));
        }
        let closed = Closed(self.is_open.clone());
        let (clock, title) = (self.clock, title.to_owned());
        let answer = Arc::new(std::sync::Mutex::new(Some(answer)));
        let told = answer.clone();
        let tell = move |said| {
            let tell = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(tell) = tell {
                tell(said);
            }
        };
        let started = spawn(move || {
            let said = asked(&question, &title, clock);
            drop(closed);
            tell(said);
        });
        if started.is_err() {
            let tell = answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(tell) = tell {
                tell(Err(NoAnswer::NoThread));
            }
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Thread::spawn("picker", work).map(Thread::leave)
}

/// Says that no dialog is open, however its thread ends.
struct Closed(Arc<AtomicBool>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(not(target_os = "macos"))]
fn asked(question: &Question, title: &str, clock: Clock) -> Answer {
    let dialog = rfd::FileDialog::new().set_title(title);
    let began = clock.now();
    let picked = match question {
        Question::Files => dialog.pick_files(),
        Question::Folder => dialog.pick_folders(),
        Question::Save { name } => dialog.set_file_name(name).save_file().map(|path| vec![path]),
    };
    let took = clock.now().saturating_duration_since(began);
    understood(question, picked, took)
}

/// The system wants its dialogs on the thread of the window there, which does not wait.
#[cfg(target_os = "macos")]
fn asked(_: &Question, _: &str, _: Clock) -> Answer {
    Err(NoAnswer::NoDialog)
}

fn understood(question: &Question, picked: Option<Vec<PathBuf>>, took: Duration) -> Answer {
    let Some(mut paths) = picked else {
        let was_closed = matches!(question, Question::Save { .. }) && took >= A_BLINK;
        return if was_closed { Ok(Vec::new()) } else { Err(NoAnswer::NoDialog) };
    };
    let most = match question {
        Question::Files => MOST_FILES,
        Question::Folder | Question::Save { .. } => 1,
    };
    paths.retain(|path| path.is_absolute());
    if paths.len() > most {
        tracing::warn!(chosen = paths.len(), most, "more was chosen at once than is taken");
        paths.truncate(most);
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3);

    #[test]
    fn a_dialog_that_was_closed_differs_from_one_that_never_came() {
        let save = Question::Save { name: "report.json".to_owned() };
        assert_eq!(understood(&Question::Files, Some(vec![]), LONG), Ok(vec![]));
        assert_eq!(understood(&Question::Files, None, LONG), Err(NoAnswer::NoDialog));
        assert_eq!(understood(&save, None, LONG), Ok(vec![]));
        assert_eq!(understood(&save, None, Duration::from_millis(20)), Err(NoAnswer::NoDialog));
    }

    #[test]
    fn no_more_is_taken_than_was_asked_for() {
        let paths: Vec<PathBuf> = (0..200).map(|i| PathBuf::from(format!("/a/{i}"))).collect();
        assert_eq!(understood(&Question::Folder, Some(paths.clone()), LONG).unwrap(), paths[..1]);
        assert_eq!(understood(&Question::Files, Some(paths.clone()), LONG).unwrap(), paths[..MOST_FILES]);
        let strange = vec![PathBuf::from(""), PathBuf::from("a"), PathBuf::from("/b")];
        assert_eq!(understood(&Question::Files, Some(strange), LONG).unwrap(), [PathBuf::from("/b")]);
    }

    #[test]
    fn only_one_dialog_is_open_at_a_time() {
        let pickers = Pickers::new(Clock::start());
        pickers.is_open.store(true, Ordering::Release);
        let (tell, told) = std::sync::mpsc::channel();
        pickers.ask(Question::Files, "Files", move |answer| tell.send(answer).unwrap());
        assert_eq!(told.recv().unwrap(), Err(NoAnswer::OneIsOpen));
    }
}
