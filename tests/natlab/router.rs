//! Routers as people have them: what they translate, what they let through, and what they forget.

use super::namespaces::Namespaces;

/// What a router does to those behind it. Each filters by address and port, as home routers do, but where it says otherwise.
/// IPv6 is never translated; what comes in unasked is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// Passes everything on as it is, both ways.
    Open,
    /// One outside port for each inside one, whoever is spoken to (endpoint-independent), and the same number.
    Cone,
    /// So too, and whatever comes to the router by UDP is passed on to the client.
    FullCone,
    /// Another outside port for each one spoken to.
    Symmetric,
    /// As `Cone`, but no UDP at all.
    NoUdp,
    /// As `Cone`, but only TCP to port 443.
    Only443,
}

/// A router of a world.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    /// The namespace it stands for.
    pub(crate) at: &'static str,
    /// Its interfaces to those behind it.
    pub(crate) inside: Vec<&'static str>,
    /// The address of the client that `FullCone` opens to everybody.
    pub(crate) client: String,
}

impl Router {
    /// Is such a router from now on. Connections that are let through go on.
    pub(crate) fn become_a(&self, nets: &Namespaces, nat: Nat) {
        nets.nft(self.at, &self.rules(nat));
    }

    /// Every mapping is lost.
    pub(crate) fn forget(&self, nets: &Namespaces) {
        nets.forget_connections(self.at);
    }

    fn rules(&self, nat: Nat) -> String {
        let inside = self.inside.join(", ");
        let (masquerade, incoming, let_in, keep_in) = match nat {
            Nat::Open => return String::new(),
            Nat::Cone => ("masquerade", String::new(), "", String::new()),
            Nat::FullCone => (
                "masquerade",
                format!("iifname wan meta l4proto udp dnat ip to {}", self.client),
                "iifname wan meta l4proto udp accept",
                String::new(),
            ),
            Nat::Symmetric => ("masquerade fully-random", String::new(), "", String::new()),
            Nat::NoUdp => {
                ("masquerade", String::new(), "", format!("iifname {{ {inside} }} meta l4proto udp drop"))
            }
            Nat::Only443 => (
                "masquerade",
                String::new(),
                "",
                format!(
                    "iifname {{ {inside} }} meta l4proto udp drop\n    iifname {{ {inside} }} tcp dport != 443 drop"
                ),
            ),
        };
        format!(
            "table ip nat {{
  chain out {{
    type nat hook postrouting priority srcnat
    oifname wan {masquerade}
  }}
  chain in {{
    type nat hook prerouting priority dstnat
    {incoming}
  }}
}}
table inet filter {{
  chain itself {{
    type filter hook input priority filter
    iifname wan ct state established,related accept
    iifname wan ip protocol icmp accept
    iifname wan meta l4proto ipv6-icmp accept
    iifname wan drop
  }}
  chain through {{
    type filter hook forward priority filter
    iifname {{ {inside} }} oifname {{ {inside} }} accept
    {keep_in}
    iifname wan ct state established,related accept
    {let_in}
    iifname wan drop
  }}
}}
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        natlab::{
            measure::skipped,
            namespaces::{Missing, run},
            server::{COTURN, Relay},
            world::{Plan, Who, World},
        },
        support::programs::our_turn,
    };

    #[test]
    fn each_kind_is_what_a_foreign_program_takes_it_for() {
        const PROGRAM: &str = "turnutils_natdiscovery";
        let _turn = our_turn();
        let world = match World::build(Plan { relay: Relay::Coturn, ..Plan::of(Nat::Cone, Nat::Cone) }) {
            Ok(world) => world,
            Err(missing) => return skipped(&missing),
        };
        let finds = |nat, what: &[&str]| {
            world.set_nat(Who::A, nat);
            world.forget_mappings(Who::A);
            run(world.nets.command(World::client(Who::A), PROGRAM).args(what).arg(COTURN[0]), "")
        };
        for (nat, what, verdicts) in [
            (Nat::Symmetric, &["-m"][..], &["Address and Port Dependent Mapping!"][..]),
            (
                Nat::FullCone,
                &["-m", "-f"],
                &["Endpoint Independent Mapping!", "Endpoint Independent Filtering!"],
            ),
            (
                Nat::Cone,
                &["-m", "-f"],
                &["Endpoint Independent Mapping!", "Address and Port Dependent Filtering!"],
            ),
            (Nat::NoUdp, &["-m"], &["timeout"]),
        ] {
            let said = match finds(nat, what) {
                Ok(said) => said,
                Err(error) if error.contains("No such file") => {
                    return skipped(&Missing(format!(
                        "there is no `{PROGRAM}` here (Debian: apt-get install coturn)"
                    )));
                }
                Err(error) => panic!("{error}"),
            };
            for verdict in verdicts {
                assert!(said.contains(verdict), "{nat:?} is to be “{verdict}”, but is taken for:\n{said}");
            }
        }
    }
}
