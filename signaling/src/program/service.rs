//! What a service manager is told: that the server is ready, how it stands, that it is alive, that it ends. Without one,
//! and elsewhere than on Linux, nobody is told anything.

#[cfg(target_os = "linux")]
mod told {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(crate) fn ready(status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    pub(crate) fn stopping(status: &str) {
        tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    pub(crate) fn alive() {
        tell(&[NotifyState::Watchdog]);
    }

    pub(crate) fn watched_every() -> Option<Duration> {
        // Twice in the time that is allowed: once may come late.
        sd_notify::watchdog_enabled().map(|within| within / 2)
    }

    fn tell(states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod told {
    use std::time::Duration;

    pub(crate) fn ready(_status: &str) {}

    pub(crate) fn stopping(_status: &str) {}

    pub(crate) fn alive() {}

    pub(crate) fn watched_every() -> Option<Duration> {
        None
    }
}

pub(crate) use told::{alive, ready, stopping, watched_every};
