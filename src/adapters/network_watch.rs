//! Notices that the network of this computer changed.
//!
//! Linux rings a bell (netlink) for every address, link and route; what changed is found by looking again, as a bell that
//! nobody heard in time tells nothing. Elsewhere, and where Linux gives no bell, it is looked every second.
//!
//! A network that changes does so in several steps: an address goes, another comes, then a route. It is looked when all has
//! been quiet for a moment, and what is then as it was before is no change.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    engine::ports::{NetworkEvent, NetworkWatch},
    logic::network_change::{self, NetworkSeen},
};

use super::interfaces;

/// How long nothing may change before it is looked.
const QUIET: Duration = Duration::from_millis(150);
/// When it is looked at the latest, though it goes on changing.
const AT_LATEST: Duration = Duration::from_millis(600);
/// How often it is looked where the system says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The watch. It ends when it is dropped.
pub struct Watch {
    wished: Vec<IpAddr>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Starts watching, and reports to `events`. Where addresses are wished for, only those count.
    pub fn start(runtime: &Handle, wished: Vec<IpAddr>, events: mpsc::Sender<NetworkEvent>) -> Self {
        // Here and not in the task: what happens from now on is noticed.
        let bell = {
            let _inside = runtime.enter();
            Bell::hang()
        };
        let seen = interfaces::look(&wished);
        let task = runtime.spawn(watch(wished.clone(), seen, bell, events));
        Self { wished, task }
    }
}

impl NetworkWatch for Watch {
    fn look(&self) -> NetworkSeen {
        interfaces::look(&self.wished)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    wished: Vec<IpAddr>,
    mut before: NetworkSeen,
    mut bell: Bell,
    events: mpsc::Sender<NetworkEvent>,
) {
    loop {
        bell.rung().await;
        let first = Instant::now();
        while first.elapsed() < AT_LATEST && timeout(QUIET, bell.rung()).await.is_ok() {}
        let after = interfaces::look(&wished);
        let changes = network_change::changes(&before, &after);
        if after == before {
            continue;
        }
        let before = std::mem::replace(&mut before, after.clone());
        let event = if changes.is_empty() {
            NetworkEvent::Listed(after)
        } else {
            tracing::debug!(what = network_change::sentence(&changes), "the network changed");
            NetworkEvent::Changed { before, after }
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

/// What says that something may have changed.
enum Bell {
    #[cfg(target_os = "linux")]
    Kernel(netlink::Bell),
    Clock,
}

impl Bell {
    #[cfg(target_os = "linux")]
    fn hang() -> Self {
        netlink::Bell::hang().map_or_else(
            |error| {
                tracing::warn!(%error, "the system does not tell of changes of the network; it is looked for them");
                Self::Clock
            },
            Self::Kernel,
        )
    }

    #[cfg(not(target_os = "linux"))]
    const fn hang() -> Self {
        Self::Clock
    }

    async fn rung(&mut self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(bell) => {
                if let Err(error) = bell.rung().await {
                    tracing::warn!(%error, "the system no longer tells of changes of the network; it is looked for them");
                    *self = Self::Clock;
                }
            }
            Self::Clock => sleep(LOOK_EVERY).await,
        }
    }
}

#[cfg(target_os = "linux")]
mod netlink {
    //! The kernel's own bell. What it says is not read: that it says anything is enough.

    use std::io;

    use netlink_sys::{
        AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE,
    };

    /// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV4_ROUTE`, `RTMGRP_IPV6_IFADDR`, `RTMGRP_IPV6_ROUTE`.
    const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
    /// More than was heard is waiting, and a part of it is lost: `ENOBUFS`. It rang all the same.
    const TOO_MUCH: i32 = 105;

    pub(super) struct Bell(TokioSocket);

    impl Bell {
        pub(super) fn hang() -> io::Result<Self> {
            let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
            socket.socket_mut().bind(&SocketAddr::new(0, GROUPS))?;
            Ok(Self(socket))
        }

        pub(super) async fn rung(&mut self) -> io::Result<()> {
            // A longer message is cut, which does not matter here.
            let mut heard = Vec::with_capacity(256);
            match self.0.recv(&mut heard).await {
                Err(error) if error.raw_os_error() == Some(TOO_MUCH) => Ok(()),
                outcome => outcome,
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_network_that_does_not_change_is_not_told_of() {
        let (events, mut told) = mpsc::channel(1);
        let watch = Watch::start(&Handle::current(), vec![IpAddr::from([127, 0, 0, 1])], events);
        assert_eq!(watch.look().usable().count(), 1);
        assert!(timeout(QUIET * 2, told.recv()).await.is_err(), "nothing happened");
        drop(watch);
        assert!(told.recv().await.is_none(), "nobody watches any more");
    }

    #[tokio::test]
    async fn the_kernel_has_a_bell_for_us() {
        assert!(matches!(Bell::hang(), Bell::Kernel(_)));
    }
}
