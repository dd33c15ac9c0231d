//! The last lines that the program noted, whoever asks for them: a call has them in its report.
//!
//! They are kept whatever `SIGHTLINE_LOG` says, down to `debug`, which is a decision and never a packet. What is noted
//! names no key, no password and nothing that people wrote; addresses it may name, and a report that is passed on masks them.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use crate::{
    engine::{
        clock::Clock,
        ports::program::{Journal, Noted},
    },
    logic::evidence::LogLevel,
};

/// How many lines are kept. When there are more the oldest are let go.
const MOST_LINES: usize = 2000;
/// Longer than this no line is; the rest is cut off.
const LONGEST: usize = 600;

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    last: u64,
    lines: VecDeque<Noted>,
}

impl Journal for Kept {
    fn after(&self, number: u64) -> Vec<Noted> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lines.lines.partition_point(|line| line.number <= number);
        lines.lines.iter().skip(known).cloned().collect()
    }
}

/// Takes what is noted.
pub(crate) struct Keeping {
    kept: Arc<Kept>,
    clock: Clock,
}

impl Keeping {
    pub(crate) fn new(kept: Arc<Kept>) -> Self {
        Self { kept, clock: Clock::start() }
    }
}

impl<S: Subscriber> Layer<S> for Keeping {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let mut lines = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.last += 1;
        if lines.lines.len() >= MOST_LINES {
            lines.lines.pop_front();
        }
        let number = lines.last;
        lines.lines.push_back(Noted {
            number,
            at: self.clock.now(),
            level: level(*metadata.level()),
            from: metadata.target().into(),
            text: text.whole().into(),
        });
    }
}

fn level(level: Level) -> LogLevel {
    if level == Level::ERROR {
        LogLevel::Error
    } else if level == Level::WARN {
        LogLevel::Warn
    } else if level == Level::INFO {
        LogLevel::Info
    } else {
        LogLevel::Debug
    }
}

/// The message, and behind it what was named.
#[derive(Default)]
struct Text {
    message: String,
    named: String,
}

impl Text {
    fn whole(self) -> String {
        let mut whole = self.message + &self.named;
        if whole.len() > LONGEST {
            whole.truncate(whole.floor_char_boundary(LONGEST));
            whole.push('…');
        }
        whole
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.named, " {name}={value:?}"),
        };
        written.expect("a string takes everything");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let written = match field.name() {
            "message" => self.message.write_str(value),
            name => write!(self.named, " {name}={value}"),
        };
        written.expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn kept(note: impl FnOnce()) -> Arc<Kept> {
        let kept = Arc::<Kept>::default();
        let subscriber = tracing_subscriber::registry().with(Keeping::new(kept.clone()));
        tracing::subscriber::with_default(subscriber, note);
        kept
    }

    #[test]
    fn a_line_has_its_message_first_and_then_what_was_named() {
        let kept = kept(|| tracing::warn!(count = 3, why = "it is so", "something {}", "happened"));
        let [line] = kept.after(0).try_into().unwrap();
        assert_eq!(&*line.text, "something happened count=3 why=it is so");
        assert_eq!(line.level, LogLevel::Warn);
        assert!(line.from.ends_with("journal::tests"), "{}", line.from);
    }

    #[test]
    fn only_what_is_new_is_given_and_never_more_than_is_kept() {
        let kept = kept(|| (0..5000).for_each(|number| tracing::debug!("{number}")));
        assert_eq!(kept.after(0).len(), MOST_LINES);
        assert_eq!(kept.after(4998).iter().map(|line| &*line.text).collect::<Vec<_>>(), ["4998", "4999"]);
        assert_eq!(kept.after(5000), []);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let kept = kept(|| tracing::error!("{}", "ü".repeat(10_000)));
        assert!(kept.after(0)[0].text.len() <= LONGEST + '…'.len_utf8());
    }
}
