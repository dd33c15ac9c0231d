//! Calls that went in one particular way, told from beginning to end.

use sightline::logic::{
    call::PeerEvent,
    course::{EndReason, Link, Side, Stage, Step},
    legs::{LegEffect, LegWhy, Order},
    phone::{Effect, Event, Owner, Phone},
};
use sightline_protocol::{
    PROTOCOL_VERSION,
    call::{CallId, CallMessage, Candidate, DescriptionKind, Frame, RefusalReason},
    link::LinkToken,
};

use crate::support::{
    faults::Faults,
    seals::Envelope,
    world::{Deed, MEDIA, World, address, millis, seconds},
};

const LOW: CallId = CallId([1; 16]);
const HIGH: CallId = CallId([2; 16]);

#[test]
fn a_call_that_is_answered_while_it_is_cancelled_is_cancelled_for_both() {
    let mut world = calm();
    world.act(dial(0, 1, LOW));
    world.run(seconds(2));

    world.act(Deed::Accept(1));
    world.act(Deed::HangUp(0));
    world.run(seconds(2));

    assert_eq!(end(&world, 0, LOW), (EndReason::Cancelled, Side::Us));
    assert_eq!(end(&world, 1, LOW), (EndReason::Cancelled, Side::Them));
}

#[test]
fn of_two_calls_that_cross_the_lower_one_goes_on_whichever_arrives_first() {
    for (first, second) in [((0, LOW), (1, HIGH)), ((0, HIGH), (1, LOW))] {
        for apart_ms in [0, 5, 15, 30, 50] {
            let mut world = calm();
            world.act(dial(first.0, second.0, first.1));
            world.run(millis(apart_ms));
            world.act(dial(second.0, first.0, second.1));
            world.run(seconds(5));
            world.act(Deed::Accept(second.0));
            world.run(seconds(5));

            let [one, other] = [world.standing(0), world.standing(1)];
            assert!(matches!(one, Some((_, Stage::Connected))), "{apart_ms} ms apart: {one:?}");
            assert_eq!(one, other);
            if apart_ms < 20 {
                assert_eq!(one, Some((LOW, Stage::Connected)), "{apart_ms} ms apart");
            }
        }
    }
}

#[test]
fn a_third_party_hears_busy_and_is_shown() {
    let mut world = calm();
    connect(&mut world, LOW);

    world.act(dial(2, 0, HIGH));
    world.run(seconds(2));

    assert_eq!(end(&world, 2, HIGH), (EndReason::Busy, Side::Them));
    assert_eq!(world.devices[0].turned_away, [(address(2), Some("Cas".to_owned()))]);
    assert_eq!(world.stages(0, HIGH), []);
    assert_eq!(world.standing(0), Some((LOW, Stage::Connected)));
}

#[test]
fn whoever_lost_a_call_and_rings_again_replaces_it() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Crash(0));
    world.act(Deed::Restart(0));

    world.act(dial(0, 1, HIGH));
    world.run(seconds(2));

    assert_eq!(end(&world, 1, LOW), (EndReason::Replaced, Side::Us));
    assert_eq!(world.standing(1), Some((HIGH, Stage::RingingHere)));
    world.act(Deed::Accept(1));
    world.run(seconds(5));
    assert_eq!(world.standing(0), Some((HIGH, Stage::Connected)));
}

#[test]
fn a_call_that_nobody_takes_ends_after_a_minute() {
    let mut world = calm();
    world.act(dial(0, 1, LOW));
    world.run(seconds(59));
    assert_eq!(world.standing(0), Some((LOW, Stage::RingingThere)));

    world.run(seconds(2));

    assert_eq!(end(&world, 0, LOW), (EndReason::NoAnswer, Side::Nobody));
    assert_eq!(end(&world, 1, LOW), (EndReason::Cancelled, Side::Them));
}

#[test]
fn a_call_that_does_not_connect_ends_after_fourteen_seconds_and_says_at_which_step() {
    let calm = Faults::none();
    for (step, faults) in [
        (Step::Description, Faults { order_ms: 100_000..100_001, ..calm.clone() }),
        (Step::Candidates, Faults { most_candidates: 0, ..calm.clone() }),
        (Step::Checks, Faults { furthest: Link::Checking, ..calm.clone() }),
        (Step::Encryption, Faults { furthest: Link::PathFound, ..calm.clone() }),
    ] {
        let mut world = World::new(0, faults, 2);
        world.act(dial(0, 1, LOW));
        world.run(seconds(2));
        world.act(Deed::Accept(1));
        world.run(seconds(13));
        assert_eq!(world.standing(0), Some((LOW, Stage::Connecting)), "{step:?}");
        world.run(seconds(2));

        for device in 0..2 {
            assert_eq!(end(&world, device, LOW).0, EndReason::ConnectFailed(step));
        }
    }
}

#[test]
fn an_end_that_cannot_be_made_ends_the_call_at_once() {
    let our_side = EndReason::ConnectFailed(Step::OurSide);
    for accepted in [false, true] {
        let mut world = World::new(0, Faults::none(), 2);
        world.act(dial(0, 1, LOW));
        world.run(seconds(2));
        if accepted {
            world.act(Deed::Accept(1));
            world.run(millis(1));
        }
        let breaks = usize::from(accepted);

        world.break_peer(breaks, LOW);
        world.run(seconds(2));

        assert_eq!(end(&world, breaks, LOW), (our_side, Side::Nobody));
        let (reason, by) = end(&world, 1 - breaks, LOW);
        assert_eq!(by, Side::Them);
        assert!(matches!(reason, EndReason::Cancelled | EndReason::ConnectFailed(_)), "{reason:?}");
    }
}

#[test]
fn a_program_of_another_age_is_refused_without_a_ring() {
    let (mut phone, now) = (Phone::new(Owner::default()), std::time::Instant::now());
    let version = PROTOCOL_VERSION + 2;
    let invite = CallMessage::Invite { version, name: None, media: MEDIA, token: None };
    phone.handle(frame(LOW, 0, 1, invite), now);

    let refused = CallMessage::Refused { why: RefusalReason::Version };
    assert_eq!(
        effects(&mut phone),
        [Effect::Post { call: LOW, to: address(0), frame: Frame { ack: 1, part: Some((1, refused)) } }]
    );
}

#[test]
fn a_caller_that_is_too_new_or_too_old_is_told_so() {
    let (mut phone, now) = (Phone::new(Owner::default()), std::time::Instant::now());
    phone.handle(Event::Dial { call: LOW, to: address(1), media: MEDIA, token: None }, now);
    effects(&mut phone);

    phone.handle(frame(LOW, 1, 1, CallMessage::Refused { why: RefusalReason::Version }), now);

    let stage = Stage::Ended { reason: EndReason::IncompatibleVersion, by: Side::Them };
    assert!(effects(&mut phone).contains(&Effect::Stage { call: LOW, peer: address(1), stage }));
}

#[test]
fn a_link_that_is_not_known_is_refused_and_a_known_one_rings() {
    let token: LinkToken = "spring".parse().expect("a token");
    let deed = |call| Deed::DialAs { from: 0, to: 1, call, token: Some(token.clone()) };
    let mut world = calm();
    world.act(deed(LOW));
    world.run(seconds(2));
    assert_eq!(end(&world, 0, LOW), (EndReason::RefusedLink, Side::Them));
    assert_eq!(world.stages(1, LOW), []);

    world.set_token(1, token.clone());
    world.act(deed(HIGH));
    world.run(seconds(2));
    assert_eq!(world.standing(1), Some((HIGH, Stage::RingingHere)));
}

#[test]
fn a_refused_invite_that_is_repeated_later_is_not_answered_again() {
    let token = Some("spring".parse().expect("a token"));
    let invite = CallMessage::Invite { version: 1, name: None, media: MEDIA, token };
    let (mut phone, mut now) = (Phone::new(Owner::default()), std::time::Instant::now());
    phone.handle(frame(LOW, 0, 1, invite.clone()), now);
    while let Some((at, _)) = phone.poll_timeout() {
        now = at;
        phone.handle_timeout(now);
    }
    assert_eq!(effects(&mut phone).last(), Some(&Effect::Forget { call: LOW }));

    phone.handle(frame(LOW, 0, 1, invite), now);

    assert_eq!(effects(&mut phone), []);
}

#[test]
fn offers_and_candidates_that_overtake_each_other_reach_the_connection_in_order() {
    let (mut phone, now) = (Phone::new(Owner::default()), std::time::Instant::now());
    let line = |line: &str| Candidate { line: line.to_owned(), mid: None, mline: None, ufrag: None };
    let candidates =
        |name: &str, end| CallMessage::Candidates { generation: 1, candidates: vec![line(name)], end };
    let offer = CallMessage::Description {
        kind: DescriptionKind::Offer,
        generation: 1,
        sdp: "offer".into(),
        direct: false,
    };
    let invite = CallMessage::Invite { version: 1, name: None, media: MEDIA, token: None };
    phone.handle(frame(LOW, 0, 1, invite), now);
    for (number, message) in [(4, candidates("b", true)), (3, candidates("a", false)), (2, offer)] {
        phone.handle(frame_with_ack(LOW, 0, number, message, 1), now);
    }
    assert_eq!(orders(&mut phone), [Order::TakeOffer { sdp: "offer".into() }], "made ready while it rings");

    phone.handle(Event::Accept { media: MEDIA }, now);

    assert_eq!(
        orders(&mut phone),
        [Order::AddCandidate(line("a")), Order::AddCandidate(line("b")), Order::EndOfCandidates],
        "and at once, without waiting for another message"
    );
}

#[test]
fn the_offer_is_ordered_while_the_invite_is_still_on_its_way() {
    let mut phone = Phone::new(Owner::default());
    phone.handle(
        Event::Dial { call: LOW, to: address(1), media: MEDIA, token: None },
        std::time::Instant::now(),
    );
    assert_eq!(orders(&mut phone), [Order::MakeOffer]);
}

#[test]
fn a_call_whose_other_end_is_killed_is_lost_after_a_minute() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Crash(0));
    world.run(seconds(5));
    assert_eq!(world.standing(1), Some((LOW, Stage::Reconnecting)));
    world.run(seconds(57));
    assert_eq!(world.standing(1), Some((LOW, Stage::Reconnecting)));
    world.run(seconds(3));
    assert_eq!(end(&world, 1, LOW), (EndReason::Lost, Side::Nobody));
}

#[test]
fn a_path_that_comes_back_leaves_the_call_standing() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Cut(seconds(20)));
    world.run(seconds(5));
    assert_eq!(world.standing(0), Some((LOW, Stage::Reconnecting)));
    world.run(seconds(20));
    stands(&world);
}

#[test]
fn a_call_in_which_everything_is_cut_for_a_minute_is_lost_at_both_ends() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Cut(seconds(70)));
    world.act(Deed::Outage(seconds(70)));
    world.run(seconds(70));
    for device in 0..2 {
        assert_eq!(end(&world, device, LOW), (EndReason::Lost, Side::Nobody));
    }
}

#[test]
fn who_moves_to_another_network_is_heard_again_before_anything_is_said_of_it() {
    for who in [[true, false], [false, true], [true, true]] {
        let mut world = calm();
        connect(&mut world, LOW);
        for (device, moves) in who.into_iter().enumerate() {
            if moves {
                world.act(Deed::NetworkChange(device, Some(millis(50))));
            }
        }
        world.run(millis(2_000));
        stands(&world);
        for device in 0..2 {
            let said = world.stages(device, LOW).into_iter().filter(|stage| *stage == Stage::Reconnecting);
            assert_eq!(said.count(), 0, "{who:?}");
        }
    }
}

#[test]
fn a_path_that_falls_silent_is_replaced_though_nobody_tells_of_it() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Flush(0));
    world.run(millis(2_300));
    stands(&world);
}

#[test]
fn a_call_outlives_its_switchboard_however_often_another_leg_is_wanted_meanwhile() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.act(Deed::Outage(seconds(1_200)));
    for _ in 0..350 {
        world.act(Deed::Around(0, LegWhy::NetworkChanged));
        world.run(seconds(3));
        assert_eq!(world.standing(0), Some((LOW, Stage::Connected)));
    }
    world.run(seconds(170));
    stands(&world);
    world.act(Deed::NetworkChange(1, Some(millis(50))));
    world.run(seconds(3));
    stands(&world);
}

#[test]
fn a_leg_that_breaks_when_another_has_taken_its_place_ends_nothing() {
    let mut world = calm();
    world.act(dial(0, 1, LOW));
    world.run(seconds(2));
    world.act(Deed::Accept(1));
    world.act(Deed::NetworkChange(0, Some(millis(0))));
    world.run(millis(1));
    world.break_peer(0, LOW);
    world.run(seconds(8));
    stands(&world);
}

#[test]
fn who_closes_the_only_connection_and_offers_another_has_not_hung_up() {
    let mut world = calm();
    connect(&mut world, LOW);
    let event = PeerEvent::Link(Link::Closed);
    world.tell(0, Event::Peer { call: LOW, generation: 1, event });
    world.run(millis(500));
    assert_eq!(world.standing(0), Some((LOW, Stage::Connected)), "its last words are waited for");
    world.act(Deed::Around(1, LegWhy::NetworkChanged));
    world.run(seconds(4));
    stands(&world);
}

#[test]
fn a_connection_that_is_closed_without_a_word_is_a_normal_end() {
    let mut world = calm();
    connect(&mut world, LOW);
    world.censor = |_| true;
    world.act(Deed::HangUp(0));
    world.run(seconds(2));
    assert_eq!(end(&world, 1, LOW), (EndReason::Normal, Side::Them));
}

#[test]
fn a_call_given_up_before_its_invite_was_acknowledged_does_not_ring() {
    let mut world = World::new(0, Faults { delay_ms: 500..501, ..Faults::none() }, 2);
    world.act(dial(0, 1, LOW));
    world.run(millis(600));
    world.act(Deed::HangUp(0));
    world.run(seconds(20));
    assert_eq!(world.stages(1, LOW), []);
}

#[test]
fn an_invite_that_arrived_before_its_addressee_went_offline_does_not_ring() {
    let mut world = World::new(0, Faults { delay_ms: 500..501, ..Faults::none() }, 2);
    world.act(dial(0, 1, LOW));
    world.run(millis(600));
    world.tell(0, Event::Offline { call: LOW, to: address(1) });
    assert!(world.devices[0].phone.is_settled(), "nobody there is waited for");
    world.run(seconds(20));
    assert_eq!(end(&world, 0, LOW), (EndReason::Unreachable, Side::Nobody));
    assert_eq!(world.stages(1, LOW), []);
}

#[test]
fn a_caller_that_was_kept_waiting_rings_only_if_it_is_still_there() {
    let is_low = |envelope: &Envelope| envelope.call == LOW;
    for is_gone in [false, true] {
        let mut world = calm();
        world.censor = is_low;
        world.act(dial(0, 1, LOW));
        world.act(dial(1, 0, HIGH));
        world.run(seconds(30));
        assert_eq!(world.stages(0, HIGH), [], "the lower call takes precedence");
        if is_gone {
            world.act(Deed::Crash(1));
        }
        world.act(Deed::HangUp(0));
        world.run(seconds(2));

        let rings: &[Stage] = if is_gone { &[] } else { &[Stage::RingingHere] };
        assert_eq!(world.stages(0, HIGH), rings);
    }
}

fn calm() -> World {
    World::new(0, Faults::none(), 3)
}

fn dial(from: usize, to: usize, call: CallId) -> Deed {
    Deed::DialAs { from, to, call, token: None }
}

fn connect(world: &mut World, call: CallId) {
    world.act(dial(0, 1, call));
    world.run(seconds(1));
    world.act(Deed::Accept(1));
    world.run(seconds(5));
    assert_eq!(world.standing(0), Some((call, Stage::Connected)));
    assert_eq!(world.standing(1), Some((call, Stage::Connected)));
}

/// Connected, and media comes at both ends on the same connection, the only one.
fn stands(world: &World) {
    assert_eq!(world.wrongs, [""; 0]);
    for device in 0..2 {
        assert_eq!(world.standing(device), Some((LOW, Stage::Connected)));
        assert_eq!(world.is_settled(device), Ok(()));
    }
}

fn end(world: &World, device: usize, call: CallId) -> (EndReason, Side) {
    assert_eq!(world.wrongs, [""; 0]);
    match world.stages(device, call).last() {
        Some(Stage::Ended { reason, by }) => (*reason, *by),
        other => panic!("{device} did not end {call}: {other:?}"),
    }
}

fn frame(call: CallId, from: usize, number: u32, message: CallMessage) -> Event {
    frame_with_ack(call, from, number, message, 0)
}

fn frame_with_ack(call: CallId, from: usize, number: u32, message: CallMessage, ack: u32) -> Event {
    Event::Frame { call, from: address(from), frame: Frame { ack, part: Some((number, message)) } }
}

fn orders(phone: &mut Phone) -> Vec<Order> {
    effects(phone)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Leg { leg: LegEffect::Order { order, .. }, .. } => Some(order),
            Effect::Leg { .. }
            | Effect::Post { .. }
            | Effect::Stage { .. }
            | Effect::Status { .. }
            | Effect::Drawn { .. }
            | Effect::Chat { .. }
            | Effect::File { .. }
            | Effect::TurnedAway { .. }
            | Effect::Forget { .. } => None,
        })
        .collect()
}

fn effects(phone: &mut Phone) -> Vec<Effect> {
    std::iter::from_fn(|| phone.poll_effect()).collect()
}
