//! The estimator on links that could be anybody's.

mod link;

use self::link::{Conditions, Seen, Simulation};

fn run(name: &str, seconds: u64, conditions: Conditions) -> Seen {
    let seen = Simulation::new(conditions).run(seconds);
    seen.say(name);
    seen
}

#[test]
fn a_good_path_is_known_within_a_second() {
    let seen = run("good", 15, Conditions::default());
    assert!(seen.reaches(2.5e6, 0).unwrap() < 1.0);
    assert!(seen.mean(5..15, |tenth| tenth.delivered_bps) > 2.2e6);
    let seen = run("3 Mbit/s", 20, Conditions { bps: |_| 3e6, ..Conditions::default() });
    assert!(seen.reaches(2.2e6, 0).unwrap() < 3.0);
    assert!(seen.mean(8..20, |tenth| tenth.delivered_bps) > 2.0e6);
    assert!(seen.picture_ms_quantile(0.95) < 120.0);
}

#[test]
fn a_narrow_path_is_filled_without_a_queue() {
    let seen = run("0.5 Mbit/s", 40, Conditions { bps: |_| 0.5e6, ..Conditions::default() });
    assert!(seen.mean(5..40, |tenth| tenth.delivered_bps) > 0.41e6);
    assert!(seen.picture_ms_quantile(0.95) < 180.0);
}

#[test]
fn after_a_dip_the_rate_is_back_within_seconds() {
    let bps = |now_ms| if (20_000..35_000).contains(&now_ms) { 0.5e6 } else { 3e6 };
    let seen = run("3 → 0.5 → 3", 60, Conditions { bps, ..Conditions::default() });
    assert!(seen.mean(22..35, |tenth| tenth.delivered_bps) > 0.38e6);
    assert!(seen.mean(22..35, |tenth| tenth.queue_ms) < 80.0);
    assert!(seen.reaches(2.4e6, 35).unwrap() < 8.0);
}

#[test]
fn plain_loss_is_borne() {
    for (loss, least) in [(0.05, 2.0e6), (0.1, 1.7e6), (0.2, 1.2e6)] {
        for seed in 1..=3 {
            let name = format!("loss {loss}");
            let seen = run(&name, 40, Conditions { loss, seed, ..Conditions::default() });
            assert!(seen.mean(10..40, |tenth| tenth.delivered_bps) > least, "{name}, seed {seed}");
        }
    }
}

#[test]
fn a_short_queue_is_not_driven_into_loss() {
    let conditions = Conditions { bps: |_| 1.5e6, queue_ms: 20.0, ..Conditions::default() };
    let seen = run("short queue", 60, conditions);
    assert!(seen.mean(10..60, |tenth| tenth.delivered_bps) > 0.9e6);
    assert!(seen.mean(10..60, |tenth| f64::from(tenth.lost)) < 0.6, "lost in a tenth of a second");
}

#[test]
fn a_policer_is_obeyed() {
    let conditions = Conditions { policer: Some((1e6, 30_000.0)), ..Conditions::default() };
    let seen = run("policer", 60, conditions);
    assert!(seen.mean(10..60, |tenth| tenth.delivered_bps) > 0.7e6);
    assert!(seen.mean(10..60, |tenth| f64::from(tenth.lost)) < 0.6, "lost in a tenth of a second");
}

#[test]
fn a_narrow_path_that_loses_as_well_is_used_for_what_it_carries() {
    for (kbps, loss, least) in
        [(100, 0.0, 0.06e6), (250, 0.0, 0.18e6), (500, 0.03, 0.37e6), (1000, 0.1, 0.6e6)]
    {
        let bps: fn(u64) -> f64 = match kbps {
            100 => |_| 0.1e6,
            250 => |_| 0.25e6,
            500 => |_| 0.5e6,
            _ => |_| 1e6,
        };
        let name = format!("{kbps} kbit/s, loss {loss}");
        let seen = run(&name, 60, Conditions { bps, loss, ..Conditions::default() });
        assert!(seen.mean(10..60, |tenth| tenth.delivered_bps) > least, "{name}");
        assert!(seen.mean(10..60, |tenth| tenth.queue_ms) < 120.0, "{name}");
    }
}

#[test]
fn jitter_is_no_reason_to_yield() {
    let seen = run("jitter", 30, Conditions { jitter_ms: 30, ..Conditions::default() });
    assert!(seen.mean(10..30, |tenth| tenth.delivered_bps) > 1.8e6);
}

#[test]
fn beside_a_plain_flow_both_have_a_part_and_the_queue_is_not_longer_for_us() {
    let conditions = Conditions { bps: |_| 4e6, tcp_from_ms: Some(10_000), ..Conditions::default() };
    let alone = run("tcp alone", 60, Conditions { ours: false, ..conditions.clone() });
    let beside = run("beside tcp", 60, conditions);
    let queue = |seen: &Seen| seen.mean(20..60, |tenth| tenth.queue_ms);
    let (ours, theirs) =
        (beside.mean(20..60, |tenth| tenth.delivered_bps), beside.mean(20..60, |tenth| tenth.tcp_bps));
    eprintln!(
        "queue {:.0} ms, alone {:.0} ms; ours {ours:.0}, theirs {theirs:.0}",
        queue(&beside),
        queue(&alone)
    );
    assert!(queue(&beside) < queue(&alone) * 1.5);
    assert!(ours > 0.3e6 && theirs > 1.2e6);
}
