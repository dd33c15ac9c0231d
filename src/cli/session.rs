//! One call, from the command line to the exit code.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use sightline_protocol::{
    call::Media,
    keys::Address,
    link::{CallLink, LinkToken, ServerAddress},
};
use sightline_server::{Server, asked_to_stop};
use tokio::{
    runtime::Runtime,
    time::{sleep_until, timeout},
};

use crate::{
    app::{Installation, may_examine, server_here},
    contacts::{self, Contacts},
    engine::{
        api::{Command, Handle, Update},
        clock::Clock,
    },
    logic::{
        course::{EndReason, Side, Stage},
        doctor::Prediction,
        phone::Owner,
        report::CallReport,
    },
    settings::Profile,
};

use super::{
    Exit,
    args::{MediaArgs, OutArgs},
    memory::Memory,
    orders::{Order, Orders},
    report,
    talk::Talk,
    tell::{Teller, complain},
};

/// How long the server may take to know us before we give up on it.
const SERVER_WITHIN: Duration = Duration::from_secs(10);
/// How long everything may take to be written and said when the call is over.
const CLOSE_WITHIN: Duration = Duration::from_secs(15);

/// Calls somebody.
pub(super) fn call(
    profile: &Profile,
    link: &CallLink,
    save: bool,
    media: &MediaArgs,
    out: &OutArgs,
) -> anyhow::Result<Exit> {
    let clock = Clock::start();
    media.media()?;
    let installation = installation(profile, link.server.clone(), media, out, clock)?;
    ensure!(
        link.address != installation.identity.address(),
        "this is your own link; give it to somebody else, and call theirs"
    );
    if save {
        contacts::remember(profile, link.address, None, Some(link.clone()))?;
    }
    let duty = Duty::Dial { to: link.address, token: link.token.clone() };
    let predicted = Memory::of(profile).recall(link.address, clock.unix_ms());
    run(&runtime()?, installation, duty, media, out, clock, predicted)
}

/// Waits for a call.
pub(super) fn answer(
    profile: &Profile,
    server: ServerAddress,
    save: bool,
    media: &MediaArgs,
    out: &OutArgs,
) -> anyhow::Result<Exit> {
    let clock = Clock::start();
    media.media()?;
    let installation = installation(profile, server, media, out, clock)?;
    run(&runtime()?, installation, answering(profile, save), media, out, clock, None)
}

/// Waits for a call, and is the server for it.
pub(super) fn answer_here(
    profile: &Profile,
    save: bool,
    media: &MediaArgs,
    out: &OutArgs,
) -> anyhow::Result<Exit> {
    let clock = Clock::start();
    media.media()?;
    let runtime = runtime()?;
    let server = runtime.block_on(Server::bind(server_here(profile, &out.bind)))?;
    let address =
        server.links().into_iter().next().context("this computer has no address to be reached at")?;
    let installation = installation(profile, address, media, out, clock)?;
    let exit = run(&runtime, installation, answering(profile, save), media, out, clock, None);
    runtime.block_on(server.close());
    exit
}

fn runtime() -> anyhow::Result<Runtime> {
    Runtime::new().context("the system gives no threads")
}

/// What a session is there for.
pub(super) enum Duty {
    /// To call somebody, as soon as the server knows us.
    Dial {
        /// Whom.
        to: Address,
        /// From the link.
        token: Option<LinkToken>,
    },
    /// To accept whoever calls.
    Answer {
        /// Where they become a contact.
        save_to: Option<Profile>,
    },
}

fn answering(profile: &Profile, save: bool) -> Duty {
    Duty::Answer { save_to: save.then(|| profile.clone()) }
}

fn installation(
    profile: &Profile,
    server: ServerAddress,
    media: &MediaArgs,
    out: &OutArgs,
    clock: Clock,
) -> anyhow::Result<Installation> {
    let settings = profile.settings()?;
    let path = out.path.unwrap_or(settings.usual_path());
    report::check(out)?;
    let contacts = Contacts::load(profile)?.keys();
    Ok(Installation {
        identity: profile.identity()?,
        may_examine: may_examine(&settings.may_examine, &contacts)?,
        owner: Owner { name: settings.name.clone(), contacts, ..Owner::default() },
        server: Some(server),
        hidden: !settings.show_online,
        media: media.check(out, settings.voice, clock)?,
        others: None,
        devices: media.devices(),
        glass: None,
        path,
        bind: out.bind.clone(),
    })
}

fn run(
    runtime: &Runtime,
    installation: Installation,
    duty: Duty,
    media: &MediaArgs,
    out: &OutArgs,
    clock: Clock,
    predicted: Option<Prediction>,
) -> anyhow::Result<Exit> {
    let teller = Teller::new(clock, out.events, "");
    let wish = media.media()?;
    runtime.block_on(async {
        let address = installation.identity.address();
        let link = installation.server.clone().map(|server| CallLink { server, address, token: None });
        let handle = installation.start();
        let mut session = Session::new(handle, duty, wish, out.duration, teller, clock);
        session.link = link;
        session.talk = Talk::new(media.talk.clone());
        if media.talk.orders {
            session.orders = Some(Orders::of_standard_input().context("the system gives no threads")?);
        }
        if let Err(exit) = session.wait_for_server().await {
            return Ok(exit);
        }
        let (exit, mut report) = session.serve().await;
        if let (Some(report), Some(predicted)) = (&mut report, predicted) {
            report.note_prediction(predicted);
        }
        if let Some(report) = &report {
            report::write(report, out)?;
        }
        Ok(exit)
    })
}

/// One installation doing its duty.
pub(super) struct Session {
    handle: Handle,
    duty: Duty,
    wish: Media,
    duration: Option<Duration>,
    teller: Teller,
    clock: Clock,
    /// Printed by who waits for a call, once it can be reached.
    pub(super) link: Option<CallLink>,
    /// What is to be said besides sound and picture.
    pub(super) talk: Talk,
    orders: Option<Orders>,
    hang_up_at: Option<Instant>,
    closing: bool,
    /// There is no relay, and nothing else was allowed.
    no_relay: bool,
}

impl Session {
    pub(super) fn new(
        handle: Handle,
        duty: Duty,
        wish: Media,
        duration: Option<Duration>,
        teller: Teller,
        clock: Clock,
    ) -> Self {
        Self {
            handle,
            duty,
            wish,
            duration,
            teller,
            clock,
            link: None,
            talk: Talk::default(),
            orders: None,
            hang_up_at: None,
            closing: false,
            no_relay: false,
        }
    }

    /// Does its duty to the end of the call, or of the hope for one. The server has to know us before.
    pub(super) async fn serve(mut self) -> (Exit, Option<CallReport>) {
        match &self.duty {
            Duty::Dial { to, token } => {
                self.handle.say(Command::Dial {
                    to: *to,
                    server: None,
                    token: token.clone(),
                    media: self.wish,
                });
            }
            Duty::Answer { .. } => {
                let link = self.link.as_ref().map(ToString::to_string).unwrap_or_default();
                self.teller.note(
                    "waiting",
                    &format!("Waiting for a call to {link}"),
                    json!({ "link": link }),
                );
            }
        }
        let report = self.follow_call().await;
        let exit = match &report {
            Some(_) if self.no_relay => Exit::NeverConnected,
            Some(report) => exit_of(report),
            None => Exit::NotAnswered,
        };
        if report.is_none() {
            complain("It ended before there was a call.");
        }
        self.close().await;
        (exit, report)
    }

    /// Waits until the server knows us.
    pub(super) async fn wait_for_server(&mut self) -> Result<(), Exit> {
        let deadline = self.clock.now() + SERVER_WITHIN;
        let mut stop = pin!(stopped());
        loop {
            let update = tokio::select! {
                update = self.handle.next() => update,
                () = sleep_until(deadline.into()) => None,
                () = &mut stop => return Err(Exit::NotAnswered),
            };
            match update {
                Some(update @ Update::SwitchboardUp) => {
                    self.teller.tell(&update);
                    return Ok(());
                }
                Some(Update::SwitchboardRefused { why }) => {
                    complain(&format!("The server cannot be used: {why}."));
                    return Err(Exit::NotAnswered);
                }
                Some(update) => self.teller.tell(&update),
                None => {
                    complain("The server does not answer. Check its address, and whether it runs.");
                    return Err(Exit::NotAnswered);
                }
            }
        }
    }

    async fn follow_call(&mut self) -> Option<CallReport> {
        let mut in_call = false;
        let mut stop = pin!(stopped());
        loop {
            let update = tokio::select! {
                update = self.handle.next() => update?,
                () = at(self.hang_up_at) => {
                    self.hang_up_at = None;
                    self.handle.say(Command::HangUp);
                    continue;
                }
                () = &mut stop => {
                    // Asked twice is asked in earnest.
                    if self.closing {
                        return None;
                    }
                    self.closing = true;
                    self.handle.say(Command::Close);
                    stop.set(stopped());
                    continue;
                }
                order = ordered(self.orders.as_mut()) => {
                    self.obey(order);
                    continue;
                }
            };
            self.teller.tell(&update);
            match update {
                Update::Stage { stage: Stage::RingingHere, peer, name, .. }
                    if let Duty::Answer { save_to } = &self.duty =>
                {
                    in_call = true;
                    if let Some(profile) = save_to
                        && let Err(error) = contacts::remember(profile, peer, name.as_deref(), None)
                    {
                        complain(&error.to_string());
                    }
                    self.handle.say(Command::Accept { media: self.wish });
                }
                Update::Stage { stage: Stage::Connected, .. } => {
                    in_call = true;
                    self.talk.begin(&self.handle);
                    let duration = self.duration;
                    self.hang_up_at =
                        self.hang_up_at.or_else(|| duration.map(|wait| self.clock.now() + wait));
                }
                // Our own call gave way to theirs, which is the one to follow.
                Update::Over { report }
                    if report.end == Some(EndReason::Replaced) && report.ended_by == Some(Side::Us) => {}
                Update::Over { report } => return Some(*report),
                Update::Files { files, .. } => self.talk.take(&files, &self.handle),
                Update::NoRelay { why, .. } => {
                    complain(&why);
                    self.no_relay = true;
                    self.handle.say(Command::HangUp);
                }
                // A call that stands needs no switchboard.
                Update::SwitchboardRefused { .. } if !in_call => return None,
                // It was told as a sentence.
                Update::NotDialled { .. } => return None,
                Update::SwitchboardUp
                | Update::Home { .. }
                | Update::Network { .. }
                | Update::Began { .. }
                | Update::Agreed { .. }
                | Update::Present { .. }
                | Update::SwitchboardRefused { .. }
                | Update::SwitchboardDown { .. }
                | Update::Stage { .. }
                | Update::Link { .. }
                | Update::Path { .. }
                | Update::Standing { .. }
                | Update::Statistics { .. }
                | Update::TheirStatus { .. }
                | Update::Chat { .. }
                | Update::SpeakingWhileMuted { .. }
                | Update::TurnedAway { .. }
                | Update::Consulted { .. }
                | Update::Devices(_)
                | Update::Device(_)
                | Update::Previewing(_)
                | Update::Problem { .. } => {}
            }
        }
    }

    fn obey(&mut self, order: Result<Order, String>) {
        let command = match order {
            Ok(Order::Trial(trial)) => Command::Trial(trial),
            Ok(Order::HangUp) => Command::HangUp,
            Err(text) => return self.teller.tell(&Update::Problem { text }),
        };
        self.handle.say(command);
    }

    /// Lets the last words go out.
    async fn close(mut self) {
        self.handle.say(Command::Close);
        let ended = async { while self.handle.next().await.is_some() {} };
        if timeout(CLOSE_WITHIN, ended).await.is_err() {
            complain("The program did not end cleanly in time.");
        }
    }
}

/// What a finished call means for a script.
pub(super) fn exit_of(report: &CallReport) -> Exit {
    let was_connected = report.firsts.connected_ms.is_some();
    match report.end {
        None => Exit::NotAnswered,
        Some(EndReason::Normal) if was_connected => Exit::Fine,
        Some(EndReason::Lost | EndReason::Replaced) if was_connected => Exit::Lost,
        Some(EndReason::Normal | EndReason::ConnectFailed(_) | EndReason::Lost) => Exit::NeverConnected,
        Some(
            EndReason::Declined
            | EndReason::Busy
            | EndReason::Cancelled
            | EndReason::NoAnswer
            | EndReason::Unreachable
            | EndReason::RefusedLink
            | EndReason::IncompatibleVersion
            | EndReason::Replaced,
        ) => Exit::NotAnswered,
    }
}

/// Resolves when the system or a person asks the program to stop. Listens from its first poll on.
async fn stopped() {
    match asked_to_stop() {
        Ok(asked) => asked.await,
        Err(error) => {
            tracing::warn!(%error, "signals cannot be heard; the program can only be killed");
            std::future::pending::<()>().await;
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

async fn ordered(orders: Option<&mut Orders>) -> Result<Order, String> {
    match orders {
        Some(orders) => orders.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use sightline_protocol::keys::Identity;

    #[test]
    fn who_may_examine_is_named_one_by_one_or_as_all_contacts() {
        let somebody = || Identity::generate().unwrap().address();
        let contacts = HashSet::from([somebody(), somebody()]);
        let one = somebody();
        let may = |named: &[&str]| {
            may_examine(&named.iter().map(ToString::to_string).collect::<Vec<_>>(), &contacts)
        };
        assert!(may(&[]).unwrap().is_empty());
        assert_eq!(may(&["contacts"]).unwrap(), contacts);
        assert_eq!(may(&[&one.to_string(), "contacts"]).unwrap().len(), 3);
        assert!(may(&["somebody"]).unwrap_err().to_string().contains("somebody"));
    }
}
