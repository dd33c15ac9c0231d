//! What must be true of every call, however the world behaved.

use std::time::{Duration, Instant};

use sightline::logic::course::{EndReason, Role, Side, Stage};

use super::world::{Seen, Whose, World};

/// How long the news of an end may take in a world that behaves badly within limits: the message is lost twice, waits
/// for a switchboard that is away, and travels slowly.
pub(crate) const NEWS_LIMIT: Duration = Duration::from_secs(20);

/// How far a world may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// No message is lost more than twice in a row, and the switchboard is never away for long: both ends must tell
    /// the same story.
    Mild,
    /// Nothing is certain to arrive. Both ends must still come to an end, each with one story.
    Harsh,
}

/// A bell rings: then its caller is there, or was a moment ago.
pub(crate) fn check_ring(world: &mut World, callee: Whose) {
    let caller_device = world.seen.get(&callee).map(|seen| seen.with);
    let caller = world.seen.iter().find(|(whose, seen)| {
        whose.call == callee.call && Some(whose.device) == caller_device && seen.role == Role::Caller
    });
    let now = world.now;
    let long_ago = |at: Instant| now.saturating_duration_since(at) > NEWS_LIMIT;
    let why = match caller {
        None => Some("nobody dialled"),
        Some((_, seen)) if seen.crashed.is_some_and(long_ago) => Some("whose caller is long gone"),
        Some((_, Seen { ended: Some((at, ..)), .. })) if long_ago(*at) => Some("that is long over"),
        Some((_, Seen { ended: Some(_), has_heard: false, .. })) => {
            Some("that was over before its caller heard anything")
        }
        Some(_) => None,
    };
    if let Some(why) = why {
        world.wrongs.push(format!("{} rings for {}, a call {why}", callee.device, callee.call));
    }
}

/// Everything is over: what is wrong with how it went?
pub(crate) fn check_calls(world: &World, temper: Temper) -> Vec<String> {
    let mut wrongs = world.wrongs.clone();
    for (whose, seen) in &world.seen {
        wrongs.extend(check_one(whose, seen));
        wrongs.extend(check_candidates(world, whose, seen));
        wrongs.extend(check_connections(whose, seen));
        if seen.role == Role::Caller {
            wrongs.extend(check_pair(world, whose, seen, temper));
        }
    }
    wrongs
}

fn check_one(whose: &Whose, seen: &Seen) -> Option<String> {
    let ends = seen.stages.iter().filter(|(_, stage)| matches!(stage, Stage::Ended { .. })).count();
    let may_lack_it = seen.stages.is_empty() || seen.crashed.is_some();
    let is_right = ends == 1 || (ends == 0 && may_lack_it);
    (!is_right).then(|| format!("{} shows {ends} ends of {}: {:?}", whose.device, whose.call, seen.stages))
}

/// What one connection found, the other was given: the same candidates in the same order, and none is missing in the
/// middle. The last ones may still have been under way when the connection was closed.
fn check_candidates(world: &World, whose: &Whose, seen: &Seen) -> Option<String> {
    let others =
        || world.seen.iter().filter(|(other, _)| other.call == whose.call && other.device != whose.device);
    seen.got.iter().find_map(|(generation, got)| {
        let named: Vec<_> = others().filter_map(|(_, other)| other.named.get(generation)).collect();
        let is_right = got.is_empty() || named.iter().any(|named| named.starts_with(got));
        (!is_right).then(|| {
            format!(
                "{} was given {got:?} in {}, connection {generation}, of {named:?}",
                whose.device, whose.call
            )
        })
    })
}

/// Whatever was opened is closed when the call is over.
fn check_connections(whose: &Whose, seen: &Seen) -> Option<String> {
    let left: Vec<_> = seen.opened.difference(&seen.closed).collect();
    let is_right = left.is_empty() || seen.crashed.is_some();
    (!is_right).then(|| format!("{} left {left:?} of {} open", whose.device, whose.call))
}

fn check_pair(world: &World, whose: &Whose, caller: &Seen, temper: Temper) -> Option<String> {
    let (Some((at, reason, by)), None, Temper::Mild) = (caller.ended, caller.crashed, temper) else {
        return None;
    };
    let callees = world.seen.iter().filter(|(other, seen)| {
        other.call == whose.call && other.device == caller.with && seen.role == Role::Callee
    });
    let mut was_shown = false;
    for (_, callee) in callees {
        if callee.crashed.is_some() {
            return None;
        }
        let Some((their_at, their_reason, their_by)) = callee.ended else { continue };
        was_shown = true;
        let apart = if at > their_at { at - their_at } else { their_at - at };
        if apart > NEWS_LIMIT || !agree((reason, by), (their_reason, their_by)) {
            return Some(format!(
                "the caller of {} says {reason:?} by {by:?}, the callee {their_reason:?} by {their_by:?} {apart:?} apart",
                whose.call
            ));
        }
    }
    let is_right = was_shown || may_end_unseen(reason, by);
    (!is_right).then(|| format!("{} ended as {reason:?} by {by:?}, and nobody was rung", whose.call))
}

/// The ends that may stand on the two sides of one call.
pub(crate) fn agree(caller: (EndReason, Side), callee: (EndReason, Side)) -> bool {
    use EndReason::{Cancelled, ConnectFailed, Declined, Lost, NoAnswer, Normal, Replaced};
    use Side::{Nobody, Them, Us};

    match (caller, callee) {
        // Before it was taken.
        ((Cancelled, Us) | (NoAnswer, Nobody) | (Replaced, Us), (Cancelled, Them))
        | ((Declined, Them), (Declined, Us)) => true,
        // It rang in vain, and the *cancel* was slower than the callee's own limit.
        ((Cancelled, Us) | (NoAnswer, Nobody), (NoAnswer, Nobody)) => true,
        // Afterwards, or while another call takes its place.
        ((Normal, Us), (Normal, Them)) | ((Normal, Them), (Normal, Us)) => true,
        ((Replaced, Us), (Replaced, Them)) | ((Replaced, Them), (Replaced, Us)) => true,
        // One side gives up and says so; what the other calls it depends on how far that one had come.
        ((ConnectFailed(_) | Lost, Nobody), (ConnectFailed(_) | Lost, Them))
        | ((ConnectFailed(_) | Lost, Them), (ConnectFailed(_) | Lost, Nobody)) => true,
        // The connection was seen to close, and the reason came too late.
        ((Cancelled | Replaced, Us) | (ConnectFailed(_) | Lost | NoAnswer, Nobody), (Normal, Them))
        | ((Normal, Them), (Replaced, Us) | (ConnectFailed(_) | Lost, Nobody)) => true,
        // Both decided before they heard of the other.
        ((Cancelled | Replaced, Us) | (NoAnswer, Nobody), (Declined | Replaced | Normal, Us))
        | ((Cancelled | Replaced, Us) | (NoAnswer, Nobody), (ConnectFailed(_), Nobody))
        | (
            (Normal | Replaced, Us) | (ConnectFailed(_) | Lost, Nobody),
            (Normal | Replaced, Us) | (ConnectFailed(_) | Lost, Nobody),
        ) => true,
        _ => false,
    }
}

/// How a call may end for its caller without having been seen by its callee.
fn may_end_unseen(reason: EndReason, by: Side) -> bool {
    match reason {
        EndReason::Cancelled | EndReason::Replaced => by == Side::Us,
        EndReason::NoAnswer | EndReason::Unreachable => by == Side::Nobody,
        EndReason::Busy | EndReason::RefusedLink | EndReason::IncompatibleVersion => by == Side::Them,
        EndReason::Normal | EndReason::Declined | EndReason::ConnectFailed(_) | EndReason::Lost => false,
    }
}
