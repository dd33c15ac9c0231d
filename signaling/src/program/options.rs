//! Everything the program can be told, each thing described once.
//!
//! The same struct is read from flags and the environment (by clap) and from the file (by serde), under the same names.
//! `--help`, the page of `man` and the commented file of `init` are all made from the sentences here.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde::Deserialize;
use sightline_server::Limits;

use super::values::{Ask, Ip, LimitChange, Listen, Ports, Range, ReachWord, When};

/// The server of Sightline: connects calls, and relays them where there is no other way.
///
/// Without any option it makes itself a key, finds out its address, listens, and prints one link. Give that link to those
/// who shall use this server.
#[derive(Debug, Parser)]
#[command(
    name = "sightline-server",
    version,
    after_help = "Each option may stand in the settings file, under the same name without the dashes, and in the \
                  environment as shown. Flags go before the environment, and that before the file. The relay's secret \
                  is never a flag's value: it is read from --relay-secret-file or from SIGHTLINE_RELAY_SECRET. \
                  RUST_LOG=debug shows more of what happens, with addresses."
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,

    /// The settings file, TOML. Without it: `server.toml` in the data folder, if it is there.
    #[arg(long, env = "SIGHTLINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) options: Options,
}

/// What else the program does.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum Action {
    /// Reads the settings as the server would, and says what is wrong with them.
    CheckConfig,
    /// Writes a settings file in which everything is described and nothing is set.
    Init {
        /// Write it to the standard output instead.
        #[arg(long)]
        stdout: bool,
    },
    /// Writes the page for `man` to the standard output.
    #[command(hide = true)]
    Man,
}

/// What can be set. In each of them `None` says nothing, so that a lower layer is heard.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Options {
    /// Where to listen with TLS, for calls, web pages and the relay alike: a port, or address and port; several with
    /// commas; off. Without it: 443, or 8443 where 443 is taken or not allowed.
    #[arg(long, env = "SIGHTLINE_HTTPS", value_name = "PORT", value_delimiter = ',', help_heading = LISTENS)]
    pub(crate) https: Option<Vec<Listen>>,

    /// Where to answer STUN and TURN over UDP, and STUN at a second place. Without it: 3478, 3479.
    #[arg(long, env = "SIGHTLINE_TURN_UDP", value_name = "PORT", value_delimiter = ',', help_heading = LISTENS)]
    pub(crate) turn_udp: Option<Vec<Listen>>,

    /// Where to answer STUN and TURN over TCP. Without it: 3478.
    #[arg(long, env = "SIGHTLINE_TURN_TCP", value_name = "PORT", value_delimiter = ',', help_heading = LISTENS)]
    pub(crate) turn_tcp: Option<Vec<Listen>>,

    /// Where to listen without TLS, for programs on this computer and for a reverse proxy: a loopback address. Port 0
    /// takes any free one. Without it: off.
    #[arg(long, env = "SIGHTLINE_HTTP", value_name = "PORT", help_heading = LISTENS)]
    pub(crate) http: Option<Listen>,

    /// Where to answer /metrics, /healthz and /readyz, in plain HTTP: a port on loopback, address and port, or off.
    /// Without it: 7481, unless that is taken.
    #[arg(long, env = "SIGHTLINE_METRICS", value_name = "PORT", help_heading = LISTENS)]
    pub(crate) metrics: Option<Listen>,

    /// The ports to relay from. Each relayed call takes two to four. Without it: 49152-65535.
    #[arg(long, env = "SIGHTLINE_RELAY_PORTS", value_name = "FIRST-LAST", help_heading = LISTENS)]
    pub(crate) relay_ports: Option<Ports>,

    /// An address at which this computer is reached from elsewhere; several with commas. Without it: found out, from
    /// the interfaces and by asking.
    #[arg(long, env = "SIGHTLINE_PUBLIC_IP", value_name = "ADDRESS", value_delimiter = ',', help_heading = IS)]
    pub(crate) public_ip: Option<Vec<Ip>>,

    /// Whom to ask for our public address where no interface has one: STUN servers, with commas; off asks nobody. They
    /// learn that this address asked, and nothing else. Without it: three public ones.
    #[arg(long, env = "SIGHTLINE_ASK_STUN", value_name = "HOST:PORT", value_delimiter = ',', help_heading = IS)]
    pub(crate) ask_stun: Option<Vec<Ask>>,

    /// A name by which clients reach this server, as it stands in a link; several with commas. The addresses and the
    /// domain are among them anyway.
    #[arg(long, env = "SIGHTLINE_NAME", value_name = "HOST[:PORT]", value_delimiter = ',', help_heading = IS)]
    pub(crate) name: Option<Vec<String>>,

    /// Get and renew a public certificate for this name (ACME). The name has to lead here, and port 443 has to be
    /// reached from outside.
    #[arg(long, env = "SIGHTLINE_DOMAIN", value_name = "NAME", help_heading = IS)]
    pub(crate) domain: Option<String>,

    /// An e-mail address at which the certificate authority may warn of trouble.
    #[arg(long, env = "SIGHTLINE_ACME_CONTACT", value_name = "ADDRESS", help_heading = IS)]
    pub(crate) acme_contact: Option<String>,

    /// The certificate authority's directory. Without it: Let's Encrypt.
    #[arg(long, env = "SIGHTLINE_ACME_DIRECTORY", value_name = "URL", help_heading = IS)]
    pub(crate) acme_directory: Option<String>,

    /// A certificate by which to know the authority itself, PEM: for an authority of your own.
    #[arg(long, env = "SIGHTLINE_ACME_ROOT", value_name = "FILE", help_heading = IS)]
    pub(crate) acme_root: Option<PathBuf>,

    /// A certificate of your own, PEM, with those that vouch for it. Read again when it changes.
    #[arg(long, env = "SIGHTLINE_CERT", value_name = "FILE", help_heading = IS)]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of that certificate, PEM.
    #[arg(long, env = "SIGHTLINE_KEY", value_name = "FILE", help_heading = IS)]
    pub(crate) key: Option<PathBuf>,

    /// The folder for what has to outlive the program: keys and certificates. Made if absent, for its owner alone.
    /// Without it: systemd's STATE_DIRECTORY, or the user's folder for such things.
    #[arg(long, env = "SIGHTLINE_DATA", value_name = "FOLDER", help_heading = IS)]
    pub(crate) data: Option<PathBuf>,

    /// Whom relayed calls may reach: the other party of the call, or every public address, for a relay that serves
    /// other programs as well. Without it: call.
    #[arg(long, env = "SIGHTLINE_REACH", value_name = "WHOM", help_heading = RELAY)]
    pub(crate) reach: Option<ReachWord>,

    /// A range of addresses that may be reached although it is private or reserved; several with commas. For a relay
    /// inside a network of your own.
    #[arg(long, env = "SIGHTLINE_ALLOW_PEER", value_name = "RANGE", value_delimiter = ',', help_heading = RELAY)]
    pub(crate) allow_peer: Option<Vec<Range>>,

    /// A file with the secret that relay credentials are made with, to share it with another TURN server. Without it:
    /// one is made and kept in the data folder.
    #[arg(long, env = "SIGHTLINE_RELAY_SECRET_FILE", value_name = "FILE", help_heading = RELAY)]
    pub(crate) relay_secret_file: Option<PathBuf>,

    /// One more TURN server that takes the same credentials, to tell clients of; several with commas.
    #[arg(long, env = "SIGHTLINE_TURN_URL", value_name = "URL", value_delimiter = ',', help_heading = RELAY)]
    pub(crate) turn_url: Option<Vec<String>>,

    /// A reverse proxy that may say for whom it asks (X-Forwarded-For): an address or a range; several with commas.
    #[arg(long, env = "SIGHTLINE_TRUSTED_PROXY", value_name = "RANGE", value_delimiter = ',', help_heading = ALLOWS)]
    pub(crate) trusted_proxy: Option<Vec<Range>>,

    /// Changes one limit, such as relay.allocations=100; several with commas. In the file they are a table, [limits],
    /// where each is described.
    #[arg(long, env = "SIGHTLINE_LIMIT", value_name = "NAME=NUMBER", value_delimiter = ',', help_heading = ALLOWS)]
    #[serde(skip)]
    pub(crate) limit: Option<Vec<LimitChange>>,

    /// When to draw the link as a QR code: auto draws it on a terminal.
    #[arg(long, env = "SIGHTLINE_QR", value_name = "WHEN", help_heading = SAYS)]
    pub(crate) qr: Option<When>,

    /// How much it allows.
    #[arg(skip)]
    pub(crate) limits: Option<Limits>,
}

const LISTENS: &str = "Where it listens";
const IS: &str = "Who it is";
const RELAY: &str = "What it relays";
const ALLOWS: &str = "Whom it believes, and how much it allows";
const SAYS: &str = "What it says";

impl CommandLine {
    /// What the command line and the environment say. Ends the program where they make no sense, and for `--help`.
    pub(crate) fn read() -> Self {
        let matches = Self::understood_everywhere().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Every option is understood before and after a command.
    pub(crate) fn understood_everywhere() -> clap::Command {
        Self::command().mut_args(|option| {
            let global = !matches!(option.get_id().as_str(), "help" | "version");
            option.global(global).hide_env_values(true)
        })
    }
}

impl Options {
    /// These, and where they say nothing those.
    pub(crate) fn over(self, below: Self) -> Self {
        Self {
            https: self.https.or(below.https),
            turn_udp: self.turn_udp.or(below.turn_udp),
            turn_tcp: self.turn_tcp.or(below.turn_tcp),
            http: self.http.or(below.http),
            metrics: self.metrics.or(below.metrics),
            relay_ports: self.relay_ports.or(below.relay_ports),
            public_ip: self.public_ip.or(below.public_ip),
            ask_stun: self.ask_stun.or(below.ask_stun),
            name: self.name.or(below.name),
            domain: self.domain.or(below.domain),
            acme_contact: self.acme_contact.or(below.acme_contact),
            acme_directory: self.acme_directory.or(below.acme_directory),
            acme_root: self.acme_root.or(below.acme_root),
            cert: self.cert.or(below.cert),
            key: self.key.or(below.key),
            data: self.data.or(below.data),
            reach: self.reach.or(below.reach),
            allow_peer: self.allow_peer.or(below.allow_peer),
            relay_secret_file: self.relay_secret_file.or(below.relay_secret_file),
            turn_url: self.turn_url.or(below.turn_url),
            trusted_proxy: self.trusted_proxy.or(below.trusted_proxy),
            limit: self.limit.or(below.limit),
            qr: self.qr.or(below.qr),
            limits: self.limits.or(below.limits),
        }
    }
}
