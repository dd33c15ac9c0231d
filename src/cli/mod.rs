//! The command line: the whole app without a window, for scripts, tests and people in terminals. Without a command it is the
//! window that opens.
//!
//! `args` says what can be asked, `session` runs one call for it, `demo` two at once, `doctor` looks at the
//! network, `report` shows what was written of a call, `talk` is chat, `orders` are read from standard input, `tell` prints what
//! happens.

pub mod args;
mod consult;
mod demo;
mod devices;
mod doctor;
mod memory;
mod orders;
mod report;
mod session;
mod talk;
mod tell;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use args::{Action, Args, ContactChange, WindowArgs};
use clap::Parser as _;
use sightline_protocol::link::{CallLink, ServerAddress};

use crate::{
    contacts::{Contact, Contacts},
    desktop::{self, Options},
    settings::Profile,
};

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
    let Args { action, window } = Args::parse();
    let Some(action) = action else { return desktop::run(options(window)) };
    match act(action) {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell::complain(&format!("{error:#}"));
            Exit::Usage.into()
        }
    }
}

fn options(WindowArgs { link, profile, hidden, video, audio, bind }: WindowArgs) -> Options {
    Options { profile, link, hidden, video, audio, bind }
}

fn act(action: Action) -> anyhow::Result<Exit> {
    match action {
        Action::Link { profile, server } => {
            let profile = Profile::at(profile.as_deref())?;
            let address = profile.identity()?.address();
            let link = CallLink { server: server_of(&profile, server)?, address, token: None };
            tell::say(&link.to_string());
            Ok(Exit::Fine)
        }
        Action::Contacts { profile, change } => contacts(&Profile::at(profile.as_deref())?, change),
        Action::Answer { profile, here: true, save, media, out, server: _ } => {
            session::answer_here(&Profile::at(profile.as_deref())?, save, &media, &out)
        }
        Action::Answer { profile, server, here: false, save, media, out } => {
            let profile = Profile::at(profile.as_deref())?;
            let server = server_of(&profile, server)?;
            session::answer(&profile, server, save, &media, &out)
        }
        Action::Call { link, save, profile, media, out } => {
            session::call(&Profile::at(profile.as_deref())?, &link, save, &media, &out)
        }
        Action::Demo { out } => demo::run(&out),
        Action::Devices { json } => devices::run(json),
        Action::Doctor { profile, server, with, json } => {
            let profile = Profile::at(profile.as_deref())?;
            match with {
                Some(link) => doctor::run_with(&profile, &link, json),
                None => doctor::run(server_of(&profile, server)?, json),
            }
        }
        Action::Report(args) => report::run(&args),
    }
}

fn contacts(profile: &Profile, change: Option<ContactChange>) -> anyhow::Result<Exit> {
    let mut contacts = Contacts::load(profile)?;
    match change {
        None => {
            if contacts.iter().next().is_none() {
                tell::say("No contacts yet. Add one with `sightline contacts add LINK --name NAME`.");
            }
            contacts.iter().for_each(|contact| tell::say(&contact.to_string()));
        }
        Some(ContactChange::Add { link, name }) => {
            ensure!(
                link.address != profile.identity()?.address(),
                "this is your own link; add somebody else's"
            );
            contacts.add(Contact { key: link.address, name, link: Some(link) })?;
            contacts.store(profile)?;
        }
        Some(ContactChange::Remove { who }) => {
            let gone = contacts.remove(&who)?;
            contacts.store(profile)?;
            tell::say(&format!("No contact any more: {gone}"));
        }
    }
    Ok(Exit::Fine)
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
