//! The server as a program: `sightline-server` starts it and prints one link; `--help` says what else it can be told.

mod program;

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use program::options::{Action, CommandLine};
use program::settings::{Settings, SettingsError, file_to_write};
use program::{example, run};

/// The codec of STUN warns of every packet that is none, and whoever sends those would fill the log.
const USUALLY: &str = "info,stun_types=off";

/// A mistake in what the program was told; everything else that goes wrong is 1.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let said = CommandLine::read();
    let outcome = match said.action.clone() {
        None => serve(said),
        Some(Action::CheckConfig) => check(said),
        Some(Action::Init { stdout }) => init(&said, stdout),
        Some(Action::Man) => man(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads this either, the exit code has to do.
            writeln!(io::stderr(), "{error:#}").ok();
            if error.is::<SettingsError>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn serve(said: CommandLine) -> Result<()> {
    let settings = gather(said)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUALLY));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("the system gives this program no threads")?.block_on(run::run(settings))
}

fn check(said: CommandLine) -> Result<()> {
    let settings = gather(said)?;
    match settings.file {
        Some(file) => say(&format!("{} and what else was said is in order.\n", file.display())),
        None => say("There is no settings file, and what else was said is in order.\n"),
    }
}

fn init(said: &CommandLine, stdout: bool) -> Result<()> {
    if stdout {
        return say(&example::file());
    }
    let file = file_to_write(said)?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        // The data folder is for its owner alone. A folder that somebody names may be read by the service's user.
        #[cfg(unix)]
        if said.config.is_none() {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        }
        builder.create(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let new = OpenOptions::new().write(true).create_new(true).open(&file);
    let written = new.and_then(|mut new| new.write_all(example::file().as_bytes()));
    match written {
        Ok(()) => say(&format!("{} is written. Nothing is set in it yet.\n", file.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!("{} is there already, and is left as it is", file.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
}

fn man() -> Result<()> {
    // The commands' own pages would repeat every option.
    let command = CommandLine::understood_everywhere().disable_help_subcommand(true);
    let mut page = Vec::new();
    clap_mangen::Man::new(command).section("8").render(&mut page).context("cannot write the page")?;
    say(&String::from_utf8_lossy(&page))
}

fn gather(said: CommandLine) -> Result<Settings> {
    Ok(Settings::gather(said, |name| std::env::var(name).ok())?)
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to the standard output")
}
