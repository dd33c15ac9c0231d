//! The switchboard: what an idle session costs in memory, envelopes for each second of processor time, and what happens
//! when everybody comes back at once.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use crate::Plan;
use crate::clients::{Crowd, Order, Target};
use crate::process::Ours;

/// Until what was needed for the beginning alone has been given back.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a crowd may take to connect.
const CONNECTED_WITHIN: Duration = Duration::from_secs(180);

/// Who writes, and as many who are written to.
const WRITERS: u64 = 100;

/// No limit that is there for strangers: all of these come from one computer.
const LIMITS: &str = "sockets=65000,sockets-per-source=65000,connects-per-minute=10000000,connect-burst=1000000,\
                      messages-per-second=1000000,message-burst=1000000,calls-per-minute=1000000,waiting-messages=256,\
                      waiting-bytes=1000000,handshakes=256,\
                      request-within=120";

pub(crate) fn measure(plan: Plan) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let clients = plan.pick(10_000, 500);
    runtime.block_on(async {
        idle(clients, Kind::Plain).await?;
        idle(clients, Kind::Tls).await?;
        envelopes(plan, Kind::Plain).await?;
        envelopes(plan, Kind::Tls).await
    })
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Plain,
    Tls,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "TLS",
        }
    }

    fn start(self) -> Result<(Ours, Target)> {
        let (listen, scheme) = match self {
            Self::Plain => (["--http", "127.0.0.1:0", "--https", "off"], "http://"),
            Self::Tls => (["--https", "127.0.0.1:0", "--http", "off"], "https://"),
        };
        let rest = ["--turn-udp", "off", "--turn-tcp", "off", "--limit", LIMITS];
        let ours = Ours::start(&[&listen[..], &rest[..]].concat())?;
        let target = Target::new(ours.link(scheme).context("the server prints its link")?)?;
        Ok((ours, target))
    }
}

/// Memory of sessions that say nothing; then all of them lose their connection at once, and come back.
async fn idle(clients: u64, kind: Kind) -> Result<()> {
    let (ours, target) = kind.start()?;
    let before = ours.process.resident_kib()?;
    let crowd = Crowd::gather(target, clients)?;
    let took = crowd.until_up(clients, CONNECTED_WITHIN).await?;
    sleep(SETTLE).await;
    let after = ours.process.resident_kib()?;
    let each = after.saturating_sub(before) as f64 / clients as f64;
    println!(
        "{:<6} {clients} idle sessions: {each:.1} KiB each ({before} KiB before, {after} KiB after); \
         connected in {:.1} s",
        kind.name(),
        took.as_secs_f64()
    );

    let cpu = ours.process.cpu()?;
    let start = Instant::now();
    crowd.orders.send_modify(|order| order.round += 1);
    // All of them have to be gone before they can be back.
    while crowd.count.up.load(Ordering::Relaxed) > clients / 2 && start.elapsed() < SETTLE {
        sleep(Duration::from_millis(1)).await;
    }
    crowd.until_up(clients, CONNECTED_WITHIN).await?;
    let took = start.elapsed().as_secs_f64();
    let cpu = ours.process.cpu()?.saturating_sub(cpu).as_secs_f64();
    sleep(SETTLE).await;
    println!(
        "{:<6} {clients} come back at once: all back in {took:.1} s, {} resumed, {} tried again, {} errors; \
         {:.2} ms of processor time each; {} KiB after",
        kind.name(),
        crowd.count.resumed.load(Ordering::Relaxed),
        crowd.count.retries.load(Ordering::Relaxed),
        crowd.count.errors.load(Ordering::Relaxed),
        cpu * 1000.0 / clients as f64,
        ours.process.resident_kib()?
    );
    Ok(())
}

async fn envelopes(plan: Plan, kind: Kind) -> Result<()> {
    let (ours, target) = kind.start()?;
    let crowd = Crowd::gather(target, 2 * WRITERS)?;
    crowd.until_up(2 * WRITERS, CONNECTED_WITHIN).await?;
    crowd.orders.send_replace(Order { round: 0, write: true });
    sleep(Duration::from_secs(1)).await;
    let within = plan.pick(Duration::from_secs(10), Duration::from_secs(2));
    let (cpu, delivered) = (ours.process.cpu()?, crowd.count.delivered.load(Ordering::Relaxed));
    sleep(within).await;
    let cpu = ours.process.cpu()?.saturating_sub(cpu).as_secs_f64();
    let delivered = (crowd.count.delivered.load(Ordering::Relaxed) - delivered) as f64;
    println!(
        "{:<6} envelopes: {:.0} routed for each second of processor time ({:.0} a second, {WRITERS} writers; \
         {} refused because their addressee was slow, {} errors)",
        kind.name(),
        delivered / cpu,
        delivered / within.as_secs_f64(),
        crowd.count.refused.load(Ordering::Relaxed),
        crowd.count.errors.load(Ordering::Relaxed)
    );
    Ok(())
}
