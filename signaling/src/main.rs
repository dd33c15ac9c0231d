//! The server as a program: `sightline-server --http 127.0.0.1:7480`.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use sightline_server::{Config, Server, asked_to_stop};
use tracing_subscriber::EnvFilter;

/// A switchboard for Sightline's calls: it hands sealed envelopes from one client to another.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The folder for what has to outlive the program; made if absent, for its owner alone. Nothing is kept yet.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where to listen for plain HTTP and WebSocket: a loopback address, port 0 for any free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7480")]
    http: SocketAddr,

    /// A name by which clients reach this server, as it stands in a link; may be given several times. Without it: the
    /// ways to spell this computer.
    #[arg(long = "name", value_name = "HOST[:PORT]")]
    names: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads this either, the exit code has to do.
            writeln!(io::stderr(), "{error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let Arguments { data, http, names } = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();

    // Before anything is printed: a script may send the signal as soon as it has read the line.
    let asked_to_stop = asked_to_stop().context("cannot listen for the signals that end this program")?;
    let server = Server::bind(Config { data, names, ..Config::new(http) }).await?;
    writeln!(io::stdout(), "Sightline server, listening on {}", server.addresses().url())
        .context("cannot say where this server listens")?;
    asked_to_stop.await;
    server.close().await;
    Ok(())
}
