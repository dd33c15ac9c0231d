use sightline_protocol::{keys::Identity, link::Pin, switchboard::Password};

use super::*;

const CALL: CallId = CallId([7; 16]);
const TTL: Duration = Duration::from_secs(600);

/// A machine, its time, and what it asked for.
struct Story {
    access: Access,
    now: Instant,
    asked: Vec<u64>,
    began: Instant,
}

impl Story {
    fn begin(policy: PathPolicy) -> Self {
        let now = Instant::now();
        let mut story =
            Self { access: Access::new(server(None), policy), now, asked: Vec::new(), began: now };
        story.tell(up(false));
        story
    }

    fn tell(&mut self, event: Event) {
        self.access.handle(event, self.now);
        self.note();
    }

    fn speak_both_ways(&mut self) {
        self.tell(Event::Posted { call: CALL, with: them() });
        self.tell(Event::Received { call: CALL, with: them() });
    }

    /// Lets time pass, each thing done when it is due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((due, _)) = self.access.poll_timeout().filter(|(due, _)| *due <= end) {
            self.now = self.now.max(due);
            self.access.handle_timeout(self.now);
            self.note();
        }
        self.now = end;
    }

    fn note(&mut self) {
        while let Some(effect) = self.access.poll_effect() {
            if let Effect::Ask { call, with } = effect {
                assert_eq!((call, with), (CALL, them()));
                self.asked.push((self.now - self.began).as_millis() as u64);
            }
        }
    }

    fn grant(&mut self) {
        self.tell(Event::Granted { call: CALL, credentials: credentials(TTL) });
    }

    fn refuse(&mut self, code: ErrorCode) {
        self.tell(Event::Refused { call: CALL, code });
    }

    fn has_relay(&self) -> bool {
        self.access.servers(CALL, self.now).relay.is_some()
    }
}

fn them() -> Address {
    Identity::from_secret_bytes([9; 32]).address()
}

fn server(pin: Option<Pin>) -> ServerAddress {
    ServerAddress { scheme: Scheme::Https, host: "call.example.org".to_owned(), port: 443, pin }
}

fn up(resumed: bool) -> Event {
    Event::Up { stun: vec!["stun:192.0.2.1:3478".to_owned()], resumed }
}

fn credentials(ttl: Duration) -> RelayCredentials {
    let urls = ["turn:192.0.2.1:3478?transport=udp", "turns:call.example.org:443?transport=tcp"];
    RelayCredentials {
        urls: urls.map(str::to_owned).to_vec(),
        username: "u".to_owned(),
        password: Password("p".to_owned()),
        ttl,
    }
}

#[test]
fn the_relay_is_asked_for_as_soon_as_envelopes_went_both_ways() {
    let mut story = Story::begin(PathPolicy::Any);
    story.tell(Event::Posted { call: CALL, with: them() });
    story.pass(Duration::from_secs(30));
    assert!(story.asked.is_empty(), "nobody has answered");
    story.tell(Event::Received { call: CALL, with: them() });
    assert_eq!(story.asked, [30_000]);
    assert!(!story.access.is_decided(CALL) && !story.has_relay());
    story.grant();
    assert!(story.access.is_decided(CALL) && story.has_relay());
    assert_eq!(story.access.servers(CALL, story.now).stun.len(), 1);
}

#[test]
fn credentials_are_renewed_before_they_end_and_not_used_after() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    story.grant();
    story.pass(Duration::from_secs(470));
    assert_eq!(story.asked, [0]);
    story.pass(Duration::from_secs(11));
    assert_eq!(story.asked, [0, 480_000]);
    story.pass(Duration::from_secs(118));
    assert!(story.has_relay(), "the server is silent, but they hold");
    assert!(story.asked.len() > 50, "and it is asked again");
    story.pass(Duration::from_secs(2));
    assert!(!story.has_relay());
}

#[test]
fn a_server_that_does_not_know_the_call_yet_is_asked_again_with_growing_pauses() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    for _ in 0..7 {
        story.refuse(ErrorCode::CallUnknown);
        story.pass(Duration::from_secs(10));
        story.tell(Event::Posted { call: CALL, with: them() });
    }
    let pauses: Vec<_> = story.asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Each came after its pause; what follows of the ten seconds are questions that nobody answered.
    assert_eq!(pauses[0], 100);
    assert!(story.access.is_decided(CALL), "after so many refusals there is nothing to wait for");
    let before = story.asked.len();
    story.pass(Duration::from_secs(100));
    assert_eq!(story.asked.len(), before, "it keeps still");
    story.speak_both_ways();
    assert_eq!(story.asked.len(), before + 1, "until something new is said");
}

#[test]
fn each_refusal_doubles_the_pause() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    for refusals in 0..MAX_REFUSALS {
        let asked = story.asked.len();
        story.refuse(ErrorCode::RateLimited);
        let pause = FIRST_PAUSE * (1 << refusals);
        story.pass(pause - Duration::from_millis(1));
        assert_eq!(story.asked.len(), asked, "too early");
        story.pass(Duration::from_millis(1));
        assert_eq!(story.asked.len(), asked + 1);
    }
}

#[test]
fn a_server_without_a_relay_is_not_asked_again_until_it_is_another() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    story.refuse(ErrorCode::RelayNone);
    assert!(story.access.is_decided(CALL));
    story.speak_both_ways();
    story.pass(Duration::from_secs(1000));
    assert_eq!(story.asked.len(), 1);
    story.tell(Event::Down);
    story.tell(up(false));
    assert_eq!(story.asked.len(), 2);
}

#[test]
fn a_new_session_is_asked_at_once_and_again_when_the_server_knows_the_call() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    story.grant();
    story.pass(Duration::from_secs(60));
    story.tell(Event::Down);
    story.pass(Duration::from_secs(3));
    assert_eq!(story.asked.len(), 1, "nobody is there to be asked");
    story.tell(up(false));
    assert_eq!(story.asked.len(), 2, "perhaps only we were away");
    story.refuse(ErrorCode::CallUnknown);
    story.pass(Duration::from_secs(30));
    assert_eq!(story.asked.len(), 2, "it was started anew and knows no calls");
    assert!(story.has_relay(), "what it granted before holds");
    story.speak_both_ways();
    assert_eq!(story.asked.len(), 3);
}

#[test]
fn a_session_that_goes_on_needs_no_new_question() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    story.tell(Event::Down);
    story.pass(Duration::from_secs(20));
    story.tell(up(true));
    story.pass(ANSWER_WITHIN - Duration::from_millis(1));
    assert_eq!(story.asked, [0]);
    story.pass(Duration::from_millis(2));
    assert_eq!(story.asked.len(), 2, "but its answer has to come");
}

#[test]
fn who_allows_direct_paths_alone_never_asks() {
    let mut story = Story::begin(PathPolicy::Direct);
    story.speak_both_ways();
    story.tell(up(false));
    story.pass(Duration::from_secs(100));
    assert!(story.asked.is_empty() && story.access.is_decided(CALL));
    story.grant();
    assert!(!story.has_relay(), "not even where it is offered");
}

#[test]
fn a_call_that_is_over_is_not_asked_for_and_nobody_else_can_ask_for_it() {
    let mut story = Story::begin(PathPolicy::Any);
    story.tell(Event::Posted { call: CALL, with: them() });
    let stranger = Identity::from_secret_bytes([3; 32]).address();
    story.tell(Event::Received { call: CALL, with: stranger });
    assert!(story.asked.is_empty());
    story.tell(Event::Received { call: CALL, with: them() });
    story.tell(Event::Over { call: CALL });
    story.grant();
    story.pass(Duration::from_secs(1000));
    assert_eq!(story.asked.len(), 1);
    assert!(!story.has_relay());
}

#[test]
fn a_flood_of_calls_is_not_remembered() {
    let mut access = Access::new(server(None), PathPolicy::Any);
    for number in 0..200 {
        access.handle(Event::Posted { call: CallId([number; 16]), with: them() }, Instant::now());
    }
    assert_eq!(access.calls.len(), MAX_CALLS);
}

#[test]
fn a_server_that_grants_for_no_time_is_not_asked_all_the_time() {
    let mut story = Story::begin(PathPolicy::Any);
    story.speak_both_ways();
    for _ in 0..100 {
        story.tell(Event::Granted { call: CALL, credentials: credentials(Duration::ZERO) });
        story.pass(Duration::from_millis(100));
    }
    assert!(story.asked.len() <= 3, "{:?}", story.asked);
}

#[test]
fn the_links_pin_is_for_the_doors_of_its_server() {
    let pin = Some(Pin([5; 32]));
    let urls = |urls: &[&str]| Servers::urls(&urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>());
    let own = urls(&["turns:call.example.org:443", "turns:[2001:db8::1]:443", "turn:other.example:1"]);
    let (doors, found) = known_doors(&server(pin), own.clone());
    assert_eq!((doors, found), (own, pin));

    let foreign = urls(&["turns:192.0.2.1:443", "turns:other.example:443"]);
    let (doors, found) = known_doors(&server(pin), foreign);
    assert_eq!((doors, found), (urls(&["turns:192.0.2.1:443"]), pin), "it would never be believed");

    let only_foreign = urls(&["turns:other.example:443"]);
    assert_eq!(known_doors(&server(pin), only_foreign.clone()), (only_foreign.clone(), None));
    assert_eq!(known_doors(&server(None), only_foreign.clone()), (only_foreign, None));
}

#[test]
fn who_may_only_be_relayed_hears_why_that_cannot_be() {
    let mut story = Story::begin(PathPolicy::RelayTcp);
    story.speak_both_ways();
    assert_eq!(story.access.why_no_relay(CALL, story.now), None, "not known yet");
    story.grant();
    let why = story.access.why_no_relay(CALL, story.now).unwrap();
    assert!(why.contains("relays over TCP no calls, but over TLS and UDP"), "{why}");
    assert!(!story.has_relay());

    let mut story = Story::begin(PathPolicy::Relay);
    story.speak_both_ways();
    story.refuse(ErrorCode::RelayNone);
    let why = story.access.why_no_relay(CALL, story.now).unwrap();
    assert!(why.contains("relays no calls; use --path any"), "{why}");

    let mut story = Story::begin(PathPolicy::RelayTls);
    story.speak_both_ways();
    story.grant();
    assert_eq!(story.access.why_no_relay(CALL, story.now), None);
}

#[test]
fn what_one_call_may_take_is_its_own_affair() {
    let mut story = Story::begin(PathPolicy::Direct);
    story.speak_both_ways();
    assert_eq!(story.asked, [] as [u64; 0]);
    story.access.set_call_policy(CALL, PathPolicy::RelayTls, story.now);
    story.note();
    assert_eq!(story.asked.len(), 1, "what was not needed is asked for now");
    assert!(!story.access.is_decided(CALL));
    story.grant();
    assert!(story.has_relay() && story.access.is_decided(CALL));
    assert_eq!(story.access.relay_until(CALL), Some(story.now + TTL));
    story.access.set_call_policy(CALL, PathPolicy::RelayTcp, story.now);
    assert!(!story.has_relay());
    let why = story.access.why_no_relay(CALL, story.now).expect("there is none by TCP");
    assert!(why.contains("relays over TCP no calls"), "{why}");
    story.access.set_call_policy(CALL, PathPolicy::Direct, story.now);
    assert!(!story.has_relay());
    let other = CallId([8; 16]);
    assert!(story.access.is_decided(other), "others stay direct");
}
