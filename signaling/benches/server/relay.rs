//! The relay: packets for each second of its processor time, beside coturn's, and how long a packet is under way.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Plan;
use crate::process::{Ours, Process, confine, coturn, free_port, wait_for_stun};
use crate::traffic::{Flow, PAYLOAD_BYTES, pace, saturate};

const FLOWS: u64 = 16;

/// How many packets come at once: those of a picture, and those of a quiet moment.
const BURSTS: [usize; 2] = [10, 2];

struct Candidate {
    process: Process,
    flows: Vec<Flow>,
}

pub(crate) fn measure(plan: Plan) -> Result<()> {
    let at = free_port()?;
    let ours = Ours::relay(at)?;
    wait_for_stun(at)?;
    let mut candidates = vec![Candidate { process: ours.process, flows: flows(at)? }];
    let at = free_port()?;
    match coturn(at)? {
        Some(process) => candidates.push(Candidate { process, flows: flows(at)? }),
        None => {
            println!("coturn is not installed, so there is nothing to compare with (apt-get install coturn)");
        }
    }
    let (rounds, within) = plan.pick((7, Duration::from_secs(4)), (3, Duration::from_secs(1)));
    println!(
        "{FLOWS} flows, {PAYLOAD_BYTES} bytes, out and back; {rounds} rounds of {within:?}, taking turns"
    );
    println!(
        "{:<18} {:>6} {:>22} {:>14} {:>8}",
        "relay", "burst", "forwards per CPU-s", "forwards/s", "lost"
    );
    let mut per_core = 0.0_f64;
    for burst in BURSTS {
        let mut medians = Vec::new();
        let mut figures = vec![Vec::new(); candidates.len()];
        // The first round warms up, and is not counted.
        for round in 0..=rounds {
            for (candidate, figures) in candidates.iter_mut().zip(&mut figures) {
                let before = candidate.process.cpu()?;
                let delivered = saturate(&mut candidate.flows, burst, within)?;
                let cpu = candidate.process.cpu()?.saturating_sub(before).as_secs_f64();
                let forwards = delivered.forwards() as f64;
                let lost = 1.0 - delivered.out as f64 / delivered.sent.max(1) as f64;
                if round > 0 {
                    figures.push([forwards / cpu.max(1e-9), forwards / within.as_secs_f64(), lost * 100.0]);
                }
            }
        }
        for (candidate, figures) in candidates.iter().zip(&figures) {
            let column = |index: usize| median(figures.iter().map(|figure| figure[index]).collect());
            println!(
                "{:<18} {burst:>6} {:>22.0} {:>14.0} {:>7.2}%",
                candidate.process.name,
                column(0),
                column(1),
                column(2)
            );
            medians.push(column(0));
            if candidate.process.name != "coturn" {
                per_core = per_core.max(column(0));
            }
        }
        if let [ours, theirs] = medians[..] {
            println!("{:<18} {burst:>6} {:>21.2}x", "ratio", ours / theirs);
        }
    }
    latency(plan, candidates.first_mut().context("ours is the first")?, per_core)
}

/// At about half the load, from the client to its peer, beside the same packets without a relay.
///
/// The load spins, so that it is never late. It has a processor to itself, and the relay another: where the two share one,
/// what is measured is how long the system lets the one run while the other waits.
fn latency(plan: Plan, ours: &mut Candidate, per_core: f64) -> Result<()> {
    let within = plan.pick(Duration::from_secs(10), Duration::from_secs(2));
    // Paced packets come in smaller heaps than those of a load without a pace, and cost about twice as much each.
    let per_second = per_core / 4.0;
    let last = std::thread::available_parallelism().map_or(0, |count| count.get() - 1);
    let apart = last > 0 && confine(std::process::id(), "0") && ours.process.confine("1");
    println!(
        "\nhow long a packet takes, at {per_second:.0} packets a second, in microseconds{}",
        if apart { "" } else { "; load and relay share processors, which spoils it" }
    );
    println!("{:<18} {:>8} {:>8} {:>8} {:>8}", "way", "p50", "p99", "p99.9", "lost");
    let mut direct = (0..FLOWS).map(|_| Flow::direct()).collect::<Result<Vec<_>>>()?;
    let (mut middle, mut busy) = (Vec::new(), 0.0);
    for (name, flows) in [("direct", &mut direct), ("relayed", &mut ours.flows)] {
        let before = ours.process.cpu()?;
        let (took, delivered) = pace(flows, BURSTS[0], per_second, within)?;
        busy = ours.process.cpu()?.saturating_sub(before).as_secs_f64() / within.as_secs_f64();
        let lost = 100.0 * (1.0 - delivered.out as f64 / delivered.sent.max(1) as f64);
        let at = |quantile| took.value_at_quantile(quantile);
        println!("{name:<18} {:>8} {:>8} {:>8} {lost:>7.2}%", at(0.5), at(0.99), at(0.999));
        middle.push((at(0.5), at(0.99)));
    }
    if let [(p50, p99), (relayed_p50, relayed_p99)] = middle[..] {
        println!(
            "{:<18} {:>8} {:>8}",
            "added",
            relayed_p50.saturating_sub(p50),
            relayed_p99.saturating_sub(p99)
        );
    }
    println!("the relay used {:.0} % of a processor meanwhile", busy * 100.0);
    if apart {
        confine(std::process::id(), &format!("0-{last}"));
    }
    Ok(())
}

fn flows(at: std::net::SocketAddr) -> Result<Vec<Flow>> {
    (0..FLOWS).map(|number| Flow::open(at, number + 1)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
