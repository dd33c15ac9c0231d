//! The command line: the whole app without a window, for scripts, tests and people in terminals.
//!
//! `args` says what can be asked, `session` runs one call for it, `demo` two at once, `doctor` looks at the
//! network, `tell` prints what happens.

pub mod args;
mod consult;
mod demo;
mod doctor;
mod memory;
mod session;
mod tell;

use std::process::ExitCode;

use anyhow::Context as _;
use args::{Action, Args};
use clap::Parser as _;
use sightline_protocol::link::{CallLink, ServerAddress};

use crate::settings::Profile;

/// How a command ended. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Connected, and ended as meant.
    Fine = 0,
    /// Asked for something that cannot be.
    Usage = 2,
    /// Declined, busy, unreachable or refused.
    NotAnswered = 3,
    /// Accepted, but never connected.
    NeverConnected = 4,
    /// Connected, and lost.
    Lost = 5,
    /// Of the doctor: calls will work, but there is something to look at.
    Limited = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Runs what the command line asks for.
pub fn run() -> ExitCode {
    let args = Args::parse();
    match act(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell::complain(&format!("{error:#}"));
            Exit::Usage.into()
        }
    }
}

fn act(args: Args) -> anyhow::Result<Exit> {
    match args.action {
        Action::Link { profile, server } => {
            let profile = Profile::at(profile.as_deref())?;
            let address = profile.identity()?.address();
            let link = CallLink { server: server_of(&profile, server)?, address, token: None };
            tell::say(&link.to_string());
            Ok(Exit::Fine)
        }
        Action::Answer { profile, here: true, media, out, server: _ } => {
            session::answer_here(&Profile::at(profile.as_deref())?, &media, &out)
        }
        Action::Answer { profile, server, here: false, media, out } => {
            let profile = Profile::at(profile.as_deref())?;
            let server = server_of(&profile, server)?;
            session::answer(&profile, server, &media, &out)
        }
        Action::Call { link, profile, media, out } => {
            session::call(&Profile::at(profile.as_deref())?, &link, &media, &out)
        }
        Action::Demo { out } => demo::run(&out),
        Action::Doctor { profile, server, with, json } => {
            let profile = Profile::at(profile.as_deref())?;
            match with {
                Some(link) => doctor::run_with(&profile, &link, json),
                None => doctor::run(server_of(&profile, server)?, json),
            }
        }
    }
}

fn server_of(profile: &Profile, wished: Option<ServerAddress>) -> anyhow::Result<ServerAddress> {
    if let Some(server) = wished {
        return Ok(server);
    }
    let remembered = profile.settings()?.server.context(
        "no server is known; give the link that a server printed with --server, or write it into settings.toml \
         (server = \"…\"). For a call within this network `answer --here` needs none",
    )?;
    remembered.parse().context("the server in settings.toml")
}
