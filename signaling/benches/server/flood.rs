//! Strangers that ask without end: the relay's memory stays as it is, and a call that is relayed does not notice.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::Plan;
use crate::process::{Ours, free_port, wait_for_stun};
use crate::traffic::{Flow, pace};
use crate::turn;

/// From how many ports the strangers come.
const STRANGERS: usize = 256;

/// What a call sends: 2.5 Mbit/s of video.
const PACKETS_PER_SECOND: f64 = 300.0;

pub(crate) fn measure(plan: Plan) -> Result<()> {
    let at = free_port()?;
    let ours = Ours::relay(at)?;
    wait_for_stun(at)?;
    let mut call = [Flow::open(at, 1)?];
    let within = plan.pick(Duration::from_secs(15), Duration::from_secs(3));

    let (quiet, before) = (pace(&mut call, 2, PACKETS_PER_SECOND, within)?, ours.process.resident_kib()?);
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let strangers = {
        let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
        thread::Builder::new().name("strangers".to_owned()).spawn(move || flood(at, &stop, &asked))?
    };
    let flooded = pace(&mut call, 2, PACKETS_PER_SECOND, within);
    stop.store(true, Ordering::Relaxed);
    strangers.join().map_err(|_| anyhow!("the strangers fell"))??;
    let (flooded, after) = (flooded?, ours.process.resident_kib()?);

    let rate = asked.load(Ordering::Relaxed) as f64 / within.as_secs_f64();
    println!("{rate:.0} requests a second without credentials, from {STRANGERS} ports, for {within:?}");
    println!("resident memory: {before} KiB before, {after} KiB after");
    println!("{:<18} {:>8} {:>8} {:>8}", "the call", "p50/us", "p99/us", "lost");
    for (name, (took, delivered)) in [("before", quiet), ("meanwhile", flooded)] {
        let lost = 100.0 * (1.0 - delivered.out as f64 / delivered.sent.max(1) as f64);
        println!(
            "{name:<18} {:>8} {:>8} {lost:>7.2}%",
            took.value_at_quantile(0.5),
            took.value_at_quantile(0.99)
        );
    }
    Ok(())
}

fn flood(at: SocketAddr, stop: &AtomicBool, asked: &AtomicU64) -> Result<()> {
    let sockets = (0..STRANGERS)
        .map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(at)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })
        .collect::<Result<Vec<_>>>()?;
    let request = turn::stranger();
    while !stop.load(Ordering::Relaxed) {
        for socket in &sockets {
            // Whatever the kernel does not take would have been lost as well.
            if socket.send(&request).is_ok() {
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    Ok(())
}
