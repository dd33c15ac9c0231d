//! What the loop does when the network of this computer is no longer as it was.

use crate::logic::{
    interfaces::InterfaceSeen,
    legs::LegWhy,
    network_change::{self, NetworkVerdict},
    phone::Event,
};

use super::{
    super::{
        api::Update,
        ports::{Mail as _, NetworkEvent},
    },
    Engine,
};

impl Engine {
    pub(super) async fn take_network(&mut self, event: NetworkEvent) {
        let (before, after) = match event {
            NetworkEvent::Changed { before, after } => (before, after),
            NetworkEvent::Listed(seen) => return self.tell_network(seen.interfaces).await,
        };
        let carried_from = self.phone.current().and_then(|call| self.calls.get(&call.id())?.carried_from());
        let verdict = network_change::judge(&before, &after, carried_from);
        tracing::info!(?verdict, "the network changed");
        self.ahead = if self.bind.is_empty() { network_change::ahead(&before, &after) } else { Vec::new() };
        for calling in self.calls.values_mut() {
            calling.note_interfaces(after.interfaces.clone());
        }
        self.tell_network(after.interfaces).await;
        match verdict {
            NetworkVerdict::Nothing => return,
            // The next leg is agreed on over the switchboard, so the line to it goes first, and the new way.
            NetworkVerdict::MustMove => self.lines.redial(),
            NetworkVerdict::MayImprove if before.ways_out != after.ways_out => self.lines.redial(),
            NetworkVerdict::MayImprove => self.lines.probe(),
        }
        self.handle(Event::Around { why: LegWhy::NetworkChanged }).await;
    }

    /// These are the addresses of this computer.
    pub(super) async fn tell_network(&mut self, interfaces: Vec<InterfaceSeen>) {
        self.tell(Update::Network { interfaces: interfaces.into() }).await;
    }
}
