mod subject;

use super::{held::MAX_HELD, *};
use subject::Subject;

const MOMENT: Duration = Duration::from_millis(100);

fn uses(generation: u32) -> Act {
    Act::Leg(LegEffect::Use { generation })
}

fn orders(generation: u32, order: Order) -> Act {
    Act::Leg(LegEffect::Order { generation, order })
}

fn candidate(line: &str) -> Candidate {
    Candidate { line: line.to_owned(), mid: None, mline: Some(0), ufrag: None }
}

fn generations_added(acts: &[Act]) -> Vec<(u32, String)> {
    let added = |act: &Act| match act {
        Act::Leg(LegEffect::Order { generation, order: Order::AddCandidate(candidate) }) => {
            Some((*generation, candidate.line.clone()))
        }
        Act::Send(_) | Act::Leg(_) => None,
    };
    acts.iter().filter_map(added).collect()
}

#[test]
fn the_callers_generations_are_odd_and_the_callees_even_and_each_is_higher() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    assert_eq!(caller.opened_and_closed().0, [3]);
    caller.takes(DescriptionKind::Offer, 8);
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    assert_eq!(caller.opened_and_closed().0, [8, 9]);

    let mut callee = Subject::talking_callee();
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    assert_eq!(callee.opened_and_closed().0, [2, 4]);
}

#[test]
fn of_two_offers_that_cross_the_higher_stands_at_both_ends() {
    for made_before_by_callee in 1..4 {
        let (mut caller, mut callee) = (Subject::talking_caller(), Subject::talking_callee());
        caller.legs.wish(LegWhy::NetworkChanged, caller.now);
        caller.offered(3);
        let mut theirs = 0;
        for _ in 0..made_before_by_callee {
            callee.legs.wish(LegWhy::NetworkChanged, callee.now);
            theirs += 2;
            callee.offered(theirs);
        }
        caller.acts();
        callee.acts();

        callee.takes(DescriptionKind::Offer, 3);
        for generation in (2..=theirs).step_by(2) {
            caller.takes(DescriptionKind::Offer, generation);
        }

        if theirs < 3 {
            assert_eq!(caller.acts(), []);
            assert_eq!(callee.opened_and_closed(), (vec![3], vec![theirs]));
        } else {
            assert_eq!(callee.acts(), []);
            assert_eq!(caller.opened_and_closed().0.last(), Some(&theirs));
        }
    }
}

#[test]
fn an_offer_by_one_who_saw_ours_and_never_answered_stands() {
    let (mut caller, mut callee) = (Subject::talking_caller(), Subject::talking_callee());
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.offered(3);
    callee.takes(DescriptionKind::Offer, 3);
    callee.acts();
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    assert_eq!(callee.opened_and_closed(), (vec![4], vec![3]));

    caller.acts();
    caller.takes(DescriptionKind::Offer, 4);

    assert_eq!(caller.opened_and_closed(), (vec![4], vec![3]));
}

#[test]
fn an_offer_for_a_better_path_gives_way_to_one_that_is_needed_at_both_ends() {
    let (mut caller, mut callee) = (Subject::talking_caller(), Subject::talking_callee());
    caller.legs.wish(LegWhy::BetterPath, caller.now);
    caller.offered(3);
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    callee.offered(2);
    caller.acts();
    callee.acts();

    callee.takes_direct_offer(3);
    caller.takes(DescriptionKind::Offer, 2);

    assert_eq!(callee.acts(), [], "the callee's stands");
    assert_eq!(caller.opened_and_closed(), (vec![2], vec![3]));
}

#[test]
fn rubbish_generations_are_ignored() {
    let mut caller = Subject::talking_caller();
    for generation in [0, 1, 3, 5, 1 + MAX_AHEAD + 1, u32::MAX - 1, u32::MAX] {
        caller.takes(DescriptionKind::Offer, generation);
        caller.takes(DescriptionKind::Answer, generation);
        assert_eq!(caller.acts(), [], "{generation}");
    }
    let mut callee = Subject::talking_callee();
    for generation in [0, 1, 2, 4, 1 + MAX_AHEAD + 1, u32::MAX] {
        callee.takes(DescriptionKind::Offer, generation);
        callee.takes(DescriptionKind::Rollback, generation);
        assert_eq!(callee.acts(), [], "{generation}");
    }
}

#[test]
fn numbers_that_are_used_up_end_in_no_more_legs_and_not_in_a_panic() {
    let mut callee = Subject::talking_callee();
    callee.legs.newest = u32::MAX - 3;
    callee.takes(DescriptionKind::Offer, u32::MAX);
    assert_eq!(callee.opened_and_closed().0, [u32::MAX]);
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    assert_eq!(callee.acts(), []);
}

#[test]
fn candidates_before_their_description_are_held_and_come_in_order() {
    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.offered(1);
    caller.legs.remote_candidates(1, vec![candidate("a"), candidate("b")], false);
    caller.legs.remote_candidates(1, vec![candidate("c")], true);
    assert_eq!(generations_added(&caller.acts()), []);

    caller.takes(DescriptionKind::Answer, 1);

    let lines = ["a", "b", "c"].map(|line| (1, line.to_owned()));
    let acts = caller.acts();
    assert_eq!(generations_added(&acts), lines);
    assert_eq!(acts.last(), Some(&orders(1, Order::EndOfCandidates)));
}

#[test]
fn a_flood_of_candidates_is_bounded_and_counted() {
    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.offered(1);
    for generation in 0..3_000 {
        caller.legs.remote_candidates(generation, vec![candidate("x"); 32], generation % 2 == 0);
    }
    caller.acts();
    caller.takes(DescriptionKind::Answer, 1);
    assert!(generations_added(&caller.acts()).len() <= MAX_HELD);
    assert!(caller.legs.refused_candidates() >= 3_000 * 32 - MAX_HELD as u64);

    // Of a leg that is over.
    let refused = caller.legs.refused_candidates();
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.acts();
    caller.legs.remote_candidates(1, vec![candidate("late")], false);
    assert_eq!(caller.acts(), []);
    assert_eq!(caller.legs.refused_candidates(), refused + 1);
}

#[test]
fn candidates_of_an_offer_that_gave_way_take_no_room() {
    let mut callee = Subject::new(Role::Callee);
    callee.legs.prepare(callee.now);
    for generation in [1, 3, 5, 7, 9] {
        callee.takes(DescriptionKind::Offer, generation);
        callee.legs.remote_candidates(generation, vec![candidate(&generation.to_string()); 30], true);
    }
    callee.legs.take(callee.now);
    assert_eq!(generations_added(&callee.acts()).len(), 30);
}

#[test]
fn a_callee_that_is_prepared_says_nothing_until_the_call_is_taken() {
    let mut callee = Subject::new(Role::Callee);
    callee.takes(DescriptionKind::Offer, 1);
    assert_eq!(callee.acts(), [], "nothing before it rings");

    callee.legs.prepare(callee.now);
    callee.legs.local_description(1, DescriptionKind::Answer, "answer".into());
    callee.legs.local_candidate(1, candidate("ours"));
    callee.legs.local_candidates_done(1);
    callee.legs.remote_candidates(1, vec![candidate("theirs")], false);
    let acts = callee.acts();
    assert!(
        matches!(
            acts[..],
            [
                Act::Leg(LegEffect::Open { generation: 1, .. }),
                Act::Leg(LegEffect::Order { generation: 1, .. })
            ]
        ),
        "{acts:?}"
    );

    callee.legs.take(callee.now);
    let acts = callee.acts();
    let kinds: Vec<_> = acts
        .iter()
        .filter_map(|act| if let Act::Send(said) = act { Some(said.kind()) } else { None })
        .collect();
    assert_eq!(kinds, ["description", "candidates", "candidates"]);
    assert_eq!(generations_added(&acts), [(1, "theirs".to_owned())]);
}

#[test]
fn a_callee_that_knows_its_caller_shows_itself_while_it_rings() {
    let mut callee = Subject::new(Role::Callee);
    callee.takes(DescriptionKind::Offer, 1);
    callee.legs.show(callee.now);
    callee.legs.local_description(1, DescriptionKind::Answer, "answer".into());
    callee.legs.local_candidate(1, candidate("ours"));
    assert_eq!(callee.said().len(), 2);
}

#[test]
fn a_strangers_candidates_are_kept_from_its_description_until_the_call_is_taken() {
    let sdp = "v=0\r\nm=audio 9 x 111\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=mid:0\r\nm=video 9 x 96\r\n\
               a=candidate:2 1 udp 1 192.0.2.1 10 typ host\r\na=end-of-candidates\r\na=mid:1\r\n";
    let mut callee = Subject::new(Role::Callee);
    callee.legs.prepare(callee.now);
    callee.legs.remote_description(DescriptionKind::Offer, 1, sdp.into(), false, callee.now);

    let without = "v=0\r\nm=audio 9 x 111\r\na=mid:0\r\nm=video 9 x 96\r\na=mid:1\r\n".to_owned();
    assert_eq!(callee.acts()[1..], [orders(1, Order::TakeOffer { sdp: without })]);

    callee.legs.take(callee.now);
    let lines = ["candidate:1 1 udp 1 192.0.2.1 9 typ host", "candidate:2 1 udp 1 192.0.2.1 10 typ host"];
    assert_eq!(generations_added(&callee.acts()), lines.map(|line| (1, line.to_owned())));
}

#[test]
fn who_changes_network_while_prepared_makes_another_leg_when_the_call_is_taken() {
    let mut callee = Subject::new(Role::Callee);
    callee.legs.prepare(callee.now);
    callee.takes(DescriptionKind::Offer, 1);
    callee.acts();
    callee.legs.wish(LegWhy::NetworkChanged, callee.now);
    assert_eq!(callee.acts(), []);
    callee.legs.take(callee.now);
    assert_eq!(callee.opened_and_closed(), (vec![2], vec![1]));
}

#[test]
fn silence_counts_only_where_media_came_steadily() {
    let mut caller = Subject::talking_caller();
    for _ in 0..10 {
        caller.legs.heard(1, caller.now, caller.now);
        caller.wait(Duration::from_secs(1));
    }
    assert_eq!(caller.acts(), [], "a report now and then is no media");

    caller.hear(1, STEADY_FOR + MOMENT * 2);
    caller.wait(SILENT_AFTER - MOMENT * 2);
    assert_eq!(caller.acts(), []);
    caller.wait(MOMENT * 2);
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![]));
    assert_eq!(caller.legs.carriage(), Carriage::Up, "nobody has to be told yet");
}

#[test]
fn the_callee_holds_back_and_takes_the_callers_leg() {
    let mut callee = Subject::talking_callee();
    callee.hear(1, STEADY_FOR + MOMENT * 2);
    callee.wait(SILENT_AFTER);
    assert_eq!(callee.acts(), []);
    callee.takes(DescriptionKind::Offer, 3);
    callee.wait(Duration::from_secs(2));
    assert_eq!(callee.opened_and_closed().0, [3]);

    let mut alone = Subject::talking_callee();
    alone.hear(1, STEADY_FOR + MOMENT * 2);
    alone.wait(SILENT_AFTER + CALLEE_HOLDS_BACK);
    assert_eq!(alone.opened_and_closed().0, [2], "where the caller does nothing it acts itself");
}

#[test]
fn a_leg_that_does_not_come_up_in_time_is_followed_by_another() {
    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.offered(1);
    caller.wait(Duration::from_secs(30));
    assert_eq!(
        caller.opened_and_closed(),
        (vec![1], vec![]),
        "before the call is taken it waits for a person"
    );

    caller.legs.take(caller.now);
    caller.wait(LEG_LIMIT - MOMENT);
    assert_eq!(caller.acts(), []);
    caller.wait(MOMENT);
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![1]));
}

#[test]
fn a_first_leg_that_failed_while_it_rang_is_replaced_when_the_call_is_taken() {
    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.offered(1);
    caller.legs.link(1, Link::Failed, caller.now);
    caller.acts();
    caller.legs.take(caller.now);
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![1]));
}

#[test]
fn what_falls_silent_again_and_again_is_rebuilt_more_and_more_rarely() {
    let mut caller = Subject::talking_caller();
    let began = caller.now;
    let mut opened_s = Vec::new();
    for _ in 0..6 {
        let newest = caller.legs.newest;
        caller.legs.link(newest, Link::Interrupted, caller.now);
        while caller.legs.newest == newest {
            caller.wait(Duration::from_secs(1));
        }
        opened_s.push((caller.now - began).as_secs());
        let newest = caller.legs.newest;
        caller.offered(newest);
        caller.takes(DescriptionKind::Answer, newest);
        caller.legs.link(newest, Link::Up, caller.now);
    }
    assert_eq!(opened_s, [1, 2, 6, 14, 22, 30], "looked at every second");
}

#[test]
fn never_are_more_legs_open_than_there_may_be_however_often_the_network_changes() {
    let mut caller = Subject::talking_caller();
    let mut open: std::collections::BTreeSet<u32> = [1].into();
    for _ in 0..20 {
        caller.legs.wish(LegWhy::NetworkChanged, caller.now);
        let newest = caller.legs.newest;
        caller.offered(newest);
        caller.takes(DescriptionKind::Answer, newest);
        caller.legs.link(newest, Link::Up, caller.now);
        let (opened, closed) = caller.opened_and_closed();
        open.extend(opened);
        for generation in closed {
            assert!(open.remove(&generation), "{generation} is closed once");
        }
        assert!(open.len() <= MAX_LEGS && open.contains(&newest), "{open:?}");
        caller.wait(MOMENT);
    }
}

#[test]
fn an_old_leg_goes_soon_after_media_came_on_the_new_one_and_not_before() {
    let mut caller = Subject::talking_caller();
    caller.hear(1, STEADY_FOR);
    caller.takes(DescriptionKind::Offer, 2);
    caller.legs.local_description(2, DescriptionKind::Answer, "answer".into());
    caller.legs.link(2, Link::Up, caller.now);
    assert!(caller.acts().contains(&uses(2)));
    caller.hear(1, RETIRE_LIMIT * 2);
    assert_eq!(caller.opened_and_closed().1, [0; 0], "they still send on the old one");

    caller.hear(2, LINGER - MOMENT);
    assert_eq!(caller.opened_and_closed().1, [0; 0]);
    caller.hear(2, MOMENT * 2);
    assert_eq!(caller.opened_and_closed().1, [1]);
}

#[test]
fn where_no_media_comes_at_all_the_old_leg_goes_after_a_while() {
    let mut callee = Subject::talking_callee();
    callee.takes(DescriptionKind::Offer, 3);
    callee.legs.local_description(3, DescriptionKind::Answer, "answer".into());
    callee.legs.link(3, Link::Up, callee.now);
    callee.acts();
    callee.wait(RETIRE_LIMIT - MOMENT);
    assert_eq!(callee.acts(), []);
    callee.wait(MOMENT);
    assert_eq!(callee.opened_and_closed().1, [1]);
}

#[test]
fn media_goes_back_to_an_older_leg_that_is_up_when_the_newer_falls_silent() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.offered(3);
    caller.takes(DescriptionKind::Answer, 3);
    caller.legs.link(3, Link::Up, caller.now);
    caller.acts();

    caller.legs.link(3, Link::Interrupted, caller.now);
    assert_eq!(caller.acts(), [uses(1)]);
    assert_eq!(caller.legs.carriage(), Carriage::Up);
    caller.legs.link(1, Link::Interrupted, caller.now);
    assert_eq!(caller.legs.carriage(), Carriage::None);
    caller.legs.link(3, Link::Up, caller.now);
    assert_eq!(caller.acts(), [uses(3)]);
}

#[test]
fn an_older_leg_that_comes_up_again_is_used_where_the_newer_is_down() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.offered(3);
    caller.takes(DescriptionKind::Answer, 3);
    caller.legs.link(3, Link::Up, caller.now);
    caller.legs.link(1, Link::Interrupted, caller.now);
    caller.legs.link(3, Link::Interrupted, caller.now);
    caller.acts();
    caller.legs.link(1, Link::Up, caller.now);
    assert_eq!(caller.acts(), [uses(1)]);
}

#[test]
fn a_better_path_is_looked_for_by_the_caller_and_only_where_it_is_relayed() {
    let mut direct = Subject::talking_caller();
    direct.legs.route(1, false, direct.now);
    direct.wait(LONGEST_LOOK);
    assert_eq!(direct.acts(), []);

    let mut callee = Subject::talking_callee();
    callee.legs.route(1, true, callee.now);
    callee.wait(LONGEST_LOOK);
    assert_eq!(callee.acts(), []);

    let mut relayed = Subject::talking_caller();
    relayed.legs.route(1, true, relayed.now);
    relayed.wait(FIRST_LOOK);
    let better = Act::Leg(LegEffect::Open { generation: 3, why: LegWhy::BetterPath, only_direct: true });
    assert!(relayed.acts().contains(&better));
    relayed.wait(LEG_LIMIT);
    assert_eq!(relayed.opened_and_closed(), (vec![], vec![3]), "given up, and not followed at once");
    relayed.wait(LONGEST_LOOK * 2);
    let looks = relayed.opened_and_closed().0.len();
    assert!((5..9).contains(&looks), "more and more rarely: {looks}");
}

#[test]
fn a_look_for_a_better_path_does_not_stand_in_the_way_of_one_that_is_needed() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::BetterPath, caller.now);
    caller.legs.wish(LegWhy::Silence, caller.now);
    assert_eq!(caller.opened_and_closed(), (vec![3, 5], vec![3]));
    caller.legs.wish(LegWhy::Silence, caller.now);
    assert_eq!(caller.acts(), [], "it is being built already");
}

#[test]
fn the_last_leg_closed_by_them_is_a_goodbye() {
    let mut caller = Subject::talking_caller();
    caller.legs.link(1, Link::Closed, caller.now);
    assert_eq!(caller.legs.carriage(), Carriage::ClosedByThem);
    caller.wait(Duration::from_secs(60));
    assert_eq!(caller.opened_and_closed(), (vec![], vec![1]), "nothing is built for who has gone");
}

#[test]
fn a_goodbye_is_believed_when_what_was_being_built_does_not_come_up_either() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::BetterPath, caller.now);
    caller.legs.link(1, Link::Closed, caller.now);
    assert_eq!(caller.legs.carriage(), Carriage::None);
    caller.wait(LEG_LIMIT);
    assert_eq!(caller.legs.carriage(), Carriage::ClosedByThem);
}

#[test]
fn who_offers_again_has_not_gone() {
    let mut caller = Subject::talking_caller();
    caller.legs.link(1, Link::Closed, caller.now);
    caller.takes(DescriptionKind::Offer, 2);
    assert_eq!(caller.legs.carriage(), Carriage::None);
    caller.acts();
    caller.wait(LEG_LIMIT);
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![2]), "and is built for");
}

#[test]
fn an_old_leg_that_they_close_is_no_goodbye() {
    let mut callee = Subject::talking_callee();
    callee.takes(DescriptionKind::Offer, 3);
    callee.legs.local_description(3, DescriptionKind::Answer, "answer".into());
    callee.legs.link(3, Link::Up, callee.now);
    callee.legs.link(1, Link::Closed, callee.now);
    assert_eq!(callee.legs.carriage(), Carriage::Up);
    assert_eq!(callee.opened_and_closed(), (vec![3], vec![1]));
}

#[test]
fn only_a_first_connection_that_cannot_be_made_ends_everything() {
    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.legs.broken(7, caller.now);
    assert!(!caller.legs.is_broken(), "one that was never opened");
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.legs.broken(1, caller.now);
    assert!(!caller.legs.is_broken(), "another had taken its place");
    caller.legs.broken(3, caller.now);
    assert!(!caller.legs.is_broken(), "not the first");

    let mut caller = Subject::new(Role::Caller);
    caller.legs.begin(caller.now);
    caller.legs.broken(1, caller.now);
    assert!(caller.legs.is_broken());
}

#[test]
fn when_the_call_is_over_every_leg_is_closed_once() {
    let mut caller = Subject::talking_caller();
    caller.legs.wish(LegWhy::NetworkChanged, caller.now);
    caller.acts();
    caller.legs.close();
    caller.legs.close();
    assert_eq!(caller.opened_and_closed().1, [1, 3]);
    assert_eq!(caller.legs.poll_timeout(), None);
}

#[test]
fn a_leg_that_somebody_asks_for_is_built_beside_the_one_in_use_and_not_twice_at_once() {
    let mut caller = Subject::talking_caller();
    assert_eq!(caller.legs.ask(false, caller.now), Some(3));
    assert_eq!(caller.legs.ask(false, caller.now), None, "one is being built");
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![]));
    caller.offered(3);
    caller.takes(DescriptionKind::Answer, 3);
    caller.legs.link(3, Link::Up, caller.now);
    assert!(caller.acts().contains(&uses(3)));
    let mut ringing = Subject::new(Role::Callee);
    assert_eq!(ringing.legs.ask(false, ringing.now), None, "nobody talks yet");
}

#[test]
fn where_nothing_comes_of_a_leg_that_somebody_asked_for_the_one_in_use_goes_on_alone() {
    let mut caller = Subject::talking_caller();
    caller.hear(1, STEADY_FOR + MOMENT);
    caller.legs.ask(true, caller.now);
    caller.offered(3);
    caller.hear(1, LEG_LIMIT + MOMENT);
    assert_eq!(caller.opened_and_closed(), (vec![3], vec![3]));
    assert_eq!(caller.legs.carriage(), Carriage::Up);
}
