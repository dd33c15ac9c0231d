//! `lab`: parts of the network laboratory, each on its own.
//!
//! The programs are built in release mode, because a measurement stands on them, and take their arguments as they are.

use std::process::Command;

use crate::run::build;
use crate::{Failure, Outcome};

/// What there is in the laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Link,
    Tell,
    Script,
}

impl Part {
    const ALL: [Self; 3] = [Self::Link, Self::Tell, Self::Script];

    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Tell => "tell",
            Self::Script => "script",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Link => {
                "a link with faults between two network namespaces: --a NETNS:DEVICE --b NETNS:DEVICE …"
            }
            Self::Tell => "changes a link that runs, asks it or ends it: SOCKET both loss=10 | stats | end",
            Self::Script => "reads a script for a link and says what is wrong with it: FILE",
        }
    }

    fn run(self, arguments: &[String]) -> Outcome {
        match self {
            Self::Link => emulator("run", arguments),
            Self::Tell => emulator("tell", arguments),
            Self::Script => emulator("check", arguments),
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
    let program = build("link-emulator", "link-emulator")?;
    become_it(Command::new(&program).arg(verb).args(arguments))
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
    crate::steps::succeed(command, "the emulator did not end well, see above.")
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
    fn a_part_that_there_is_not_is_a_usage_error_with_the_list() {
        let failure = parse(&words("lnik --a x:y")).expect_err("a slip of the pen");
        assert_eq!(failure.code, 2);
        assert!(failure.sentence.contains("cargo xtask lab WHAT"), "{failure}");
    }
}
