//! `lab`: parts of the network laboratory, each on its own.
//!
//! The programs are built in release mode, because a measurement stands on them, and take their arguments as they are.

use std::process::Command;

use crate::run::build;
use crate::steps::{cargo, succeed};
use crate::{Failure, Outcome, setup};

/// How often each row is gone through where nobody says so: enough for a median.
const ROUNDS: u32 = 5;

/// What there is in the laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Link,
    Tell,
    Script,
    Rows,
}

impl Part {
    const ALL: [Self; 4] = [Self::Link, Self::Tell, Self::Script, Self::Rows];

    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Tell => "tell",
            Self::Script => "script",
            Self::Rows => "rows",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Link => {
                "a link with faults between two network namespaces: --a NETNS:DEVICE --b NETNS:DEVICE …"
            }
            Self::Tell => "changes a link that runs, asks it or ends it: SOCKET both loss=10 | stats | end",
            Self::Script => "reads a script for a link and says what is wrong with it: FILE",
            Self::Rows => {
                "how soon a call connects in each kind of network, and how long it is silent when that changes: [NAME…] [--rounds 5]"
            }
        }
    }

    fn run(self, arguments: &[String]) -> Outcome {
        match self {
            Self::Link => emulator("run", arguments),
            Self::Tell => emulator("tell", arguments),
            Self::Script => emulator("check", arguments),
            Self::Rows => rows(arguments),
        }
    }
}

/// Runs what the first word names.
pub(crate) fn lab(arguments: &[String]) -> Outcome {
    let Some((part, rest)) = parse(arguments)? else {
        print!("{}", listing());
        return Ok(());
    };
    part.run(rest)
}

/// `None` asks for the list.
fn parse(arguments: &[String]) -> Result<Option<(Part, &[String])>, Failure> {
    let Some((word, rest)) = arguments.split_first() else { return Ok(None) };
    if ["help", "--help", "-h"].contains(&word.as_str()) {
        return Ok(None);
    }
    match Part::ALL.into_iter().find(|part| part.name() == word) {
        Some(part) => Ok(Some((part, rest))),
        None => {
            let sentence = format!("there is no `{word}` in the laboratory.\n\n{}", listing());
            Err(Failure { sentence, code: 2 })
        }
    }
}

fn listing() -> String {
    let mut text = String::from("cargo xtask lab WHAT\n\n");
    for part in Part::ALL {
        text.push_str(&format!("  {:<6}  {}\n", part.name(), part.about()));
    }
    text.push_str("\n`--help` after one of them says more.\n");
    text
}

/// Without the set-up: it needs none of what that brings, and what a script reads should be the emulator's words alone.
fn emulator(verb: &str, arguments: &[String]) -> Outcome {
    let program = build("link-emulator")?;
    become_it(Command::new(&program).arg(verb).args(arguments))
}

/// The laboratory's tests, each row so often: they tell the figures.
fn rows(arguments: &[String]) -> Outcome {
    let wish = RowsWish::parse(arguments)?;
    setup::test_tools();
    // The tests look for it beside the app.
    build("sightline-server")?;
    let mut command = cargo();
    command
        .args(["test", "--quiet", "--release", "--workspace", "--test", "tests", "--"])
        .args(["--nocapture", "--test-threads=1"])
        .args(wish.filters())
        .env("SIGHTLINE_LAB_ROUNDS", wish.rounds.to_string());
    succeed(&mut command, "a row did not end as it has to, see above.")
}

/// Which rows, and how often each.
#[derive(Debug, PartialEq, Eq)]
struct RowsWish {
    names: Vec<String>,
    rounds: u32,
}

impl RowsWish {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut wish = Self { names: Vec::new(), rounds: ROUNDS };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--rounds" {
                let rounds = words.next().and_then(|rounds| rounds.parse().ok()).filter(|rounds| *rounds > 0);
                wish.rounds = rounds.ok_or_else(|| Failure {
                    sentence: "`--rounds` wants a number above 0.".to_owned(),
                    code: 2,
                })?;
            } else if word.starts_with('-') {
                let sentence = format!("rows takes [NAME…] [--rounds {ROUNDS}], but was given `{word}`.");
                return Err(Failure { sentence, code: 2 });
            } else {
                wish.names.push(word.clone());
            }
        }
        Ok(wish)
    }

    /// What the test program is told; a name is as much of a test's name as somebody cares to write.
    fn filters(&self) -> Vec<String> {
        const TABLES: [&str; 2] = ["natlab::rows::", "natlab::changes::"];
        if self.names.is_empty() {
            return TABLES.map(str::to_owned).to_vec();
        }
        self.names.iter().flat_map(|name| TABLES.map(|table| format!("{table}{name}"))).collect()
    }
}

/// In our place, so that whoever ends us ends it.
#[cfg(unix)]
fn become_it(command: &mut Command) -> Outcome {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(Failure::new(format!("{} could not be started: {error}.", command.get_program().display())))
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> Outcome {
    succeed(command, "the emulator did not end well, see above.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_part_is_listed_and_found_by_its_name() {
        for part in Part::ALL {
            assert!(listing().contains(&format!("\n  {:<6}  ", part.name())), "{part:?}");
            let given = words(&format!("{} a b", part.name()));
            assert_eq!(parse(&given), Ok(Some((part, &given[1..]))));
        }
        assert_eq!(parse(&[]), Ok(None));
    }

    #[test]
    fn rows_are_chosen_by_name_and_gone_through_as_often_as_wished() {
        let wish = RowsWish::parse(&words("same_lan --rounds 7")).unwrap();
        assert_eq!(wish, RowsWish { names: words("same_lan"), rounds: 7 });
        assert_eq!(wish.filters(), ["natlab::rows::same_lan", "natlab::changes::same_lan"]);
        let all = RowsWish::parse(&[]).unwrap();
        assert_eq!((all.rounds, all.filters().len()), (ROUNDS, 2));
        for wrong in ["--rounds", "--rounds 0", "--rounds many", "--fast"] {
            assert_eq!(RowsWish::parse(&words(wrong)).expect_err(wrong).code, 2);
        }
    }

    #[test]
    fn a_part_that_there_is_not_is_a_usage_error_with_the_list() {
        let failure = parse(&words("lnik --a x:y")).expect_err("a slip of the pen");
        assert_eq!(failure.code, 2);
        assert!(failure.sentence.contains("cargo xtask lab WHAT"), "{failure}");
    }
}
