//! The developer's commands: `cargo xtask` lists them.
//!
//! A program rather than a folder of scripts, because it has to work on a machine that has nothing but `cargo` and a C
//! compiler, and the same on three systems. It has no dependencies, so that it is built in seconds before anything
//! else can be.
#![expect(clippy::print_stdout, reason = "printing to a terminal is what this program is for")]

mod fuzz;
mod lab;
mod needs;
mod package;
mod pair;
mod quality;
mod run;
mod setup;
mod snapshots;
mod steps;
mod window;

use std::fmt;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match parse(&arguments) {
        Ok(None) => {
            print!("{}", listing());
            return ExitCode::SUCCESS;
        }
        Ok(Some((command, rest))) => command.run(rest),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code)
        }
    }
}

/// Why a command did not succeed: a sentence for a person, a code for a script.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), code: 1 }
    }

    fn usage(sentence: impl Into<String>) -> Self {
        Self { sentence: format!("{}\n\n{}", sentence.into(), listing()), code: 2 }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "xtask: {}", self.sentence)
    }
}

type Outcome = Result<(), Failure>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Setup,
    Run,
    Test,
    Check,
    Bench,
    Fuzz,
    Pair,
    Lab,
    Package,
    Snapshots,
}

impl Command {
    const ALL: [Self; 10] = [
        Self::Setup,
        Self::Run,
        Self::Test,
        Self::Check,
        Self::Bench,
        Self::Fuzz,
        Self::Pair,
        Self::Lab,
        Self::Package,
        Self::Snapshots,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Run => "run",
            Self::Test => "test",
            Self::Check => "check",
            Self::Bench => "bench",
            Self::Fuzz => "fuzz",
            Self::Pair => "pair",
            Self::Lab => "lab",
            Self::Package => "package",
            Self::Snapshots => "snapshots",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Setup => "find what this machine lacks to build Sightline, and install it",
            Self::Run => {
                "set up, build in release mode and start Sightline with its own server [arguments for it]"
            }
            Self::Test => {
                "set up, then formatting, lints, documentation, every test and the packages: what CI runs"
            }
            Self::Check => {
                "formatting, lints, documentation, and licences and advisories where cargo-deny is here"
            }
            Self::Bench => {
                "set up, then the benchmarks [arguments for cargo bench, or: server [quick] [relay|flood|sessions], quality [PROFILE…] [--ours-only], likeness [PROFILE…], window [starts] [idle] [call]]"
            }
            Self::Fuzz => "random input for everything that reads what strangers send [target and seconds]",
            Self::Pair => {
                "one server and two installations in one call, their output side by side [media arguments]"
            }
            Self::Lab => {
                "parts of the network laboratory, on their own; Linux, root [what, and its arguments]"
            }
            Self::Snapshots => "the pictures of the README, taken of two windows in a call; Linux",
            Self::Package => {
                "a .deb of the app and one of the server, looked at by Debian's tools [--check to install, start and remove them; --from FOLDER with built programs]"
            }
        }
    }

    fn takes_arguments(self) -> bool {
        match self {
            Self::Run | Self::Bench | Self::Fuzz | Self::Pair | Self::Lab | Self::Package => true,
            Self::Setup | Self::Test | Self::Check | Self::Snapshots => false,
        }
    }

    fn run(self, arguments: &[String]) -> Outcome {
        match self {
            Self::Setup => setup::setup(),
            Self::Run => {
                setup::setup()?;
                run::run(arguments)
            }
            Self::Test => {
                setup::setup()?;
                setup::components()?;
                setup::test_tools();
                steps::all(&[steps::FORMAT, steps::LINTS, steps::DOCS, steps::TESTS])?;
                steps::with_time("packages", package::test)
            }
            Self::Check => {
                setup::components()?;
                steps::all(&[steps::FORMAT, steps::LINTS, steps::DOCS])?;
                steps::licences()
            }
            Self::Bench => {
                setup::setup()?;
                if quality::is_meant(arguments) {
                    return quality::bench(arguments);
                }
                if window::is_meant(arguments) {
                    return window::bench(arguments);
                }
                if steps::are_for_the_server(arguments) {
                    // To have something to hold the relay against.
                    setup::test_tools();
                }
                steps::bench(arguments)
            }
            Self::Fuzz => {
                setup::setup()?;
                fuzz::fuzz(arguments)
            }
            Self::Pair => {
                setup::setup()?;
                pair::pair(arguments)
            }
            Self::Lab => lab::lab(arguments),
            Self::Snapshots => {
                setup::setup()?;
                setup::test_tools();
                snapshots::snapshots()
            }
            Self::Package => {
                setup::setup()?;
                package::package(arguments)
            }
        }
    }
}

/// Which command the words ask for, and what is left for it; `None` asks for the list.
fn parse(arguments: &[String]) -> Result<Option<(Command, &[String])>, Failure> {
    let Some((word, rest)) = arguments.split_first() else { return Ok(None) };
    if ["help", "--help", "-h"].contains(&word.as_str()) {
        return Ok(None);
    }
    let Some(command) = Command::ALL.into_iter().find(|command| command.name() == word) else {
        return Err(Failure::usage(format!("there is no command `{word}`.")));
    };
    if !rest.is_empty() && !command.takes_arguments() {
        return Err(Failure::usage(format!(
            "`{word}` takes no arguments, but was given `{}`.",
            rest.join(" ")
        )));
    }
    Ok(Some((command, rest)))
}

fn listing() -> String {
    let mut text = String::from("cargo xtask COMMAND\n\n");
    for command in Command::ALL {
        text.push_str(&format!("  {:<9}  {}\n", command.name(), command.about()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn no_word_asks_for_the_list_and_the_list_names_every_command() {
        assert_eq!(parse(&[]), Ok(None));
        for command in Command::ALL {
            assert!(listing().contains(&format!("\n  {:<9}  ", command.name())), "{command:?}");
        }
    }

    #[test]
    fn every_name_leads_to_its_command() {
        for command in Command::ALL {
            assert_eq!(parse(&words(command.name())), Ok(Some((command, &[][..]))));
        }
    }

    #[test]
    fn arguments_reach_the_commands_that_pass_them_on() {
        let given = words("run demo --events");
        assert_eq!(parse(&given), Ok(Some((Command::Run, &given[1..]))));
    }

    #[test]
    fn a_wrong_word_and_a_word_too_many_are_usage_errors() {
        for wrong in ["tset", "test --fast", "setup now"] {
            let failure = parse(&words(wrong)).expect_err(wrong);
            assert_eq!(failure.code, 2);
            assert!(failure.sentence.contains("cargo xtask COMMAND"), "{failure}");
        }
    }
}
