//! A client's side of the switchboard, word by word. That it gets on with a server whatever happens is shown there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sightline_protocol::session::{Effect, Event, NotTaken, Parting, Post, Session, Why};
use sightline_protocol::switchboard::{decode, encode};
use sightline_protocol::{
    Address, CallId, Challenge, ErrorCode, Identity, Limits, Resume, Sealed, ToClient, ToServer, Token,
};

const CALL: CallId = CallId([7; 16]);

struct Line {
    session: Session,
    now: Instant,
}

fn bob() -> Address {
    Identity::from_secret_bytes([2; 32]).address()
}

fn post() -> Post {
    Post::Envelope { to: bob(), call: CALL, sealed: Sealed(vec![1]) }
}

fn send(id: u64, ack: Option<u64>) -> ToServer {
    ToServer::Send { id, to: bob(), call: CALL, sealed: Sealed(vec![1]), ack }
}

fn deliver(n: u64) -> ToClient {
    ToClient::Deliver { n, from: bob(), call: CALL, sealed: Sealed(vec![1]) }
}

fn ready(resumed: bool, received: u64) -> ToClient {
    let (session, token) = ("k3x9".to_owned(), Some(Token([8; 32])));
    ToClient::Ready { session, token, resumed, received, resume_within: 30, stun: Vec::new() }
}

impl Line {
    fn new() -> Self {
        let identity = Arc::new(Identity::from_secret_bytes([1; 32]));
        Self { session: Session::new(identity, "calls.example".to_owned()), now: Instant::now() }
    }

    fn up() -> Self {
        let mut line = Self::new();
        line.greeted();
        line.hear(&ready(false, 0));
        line
    }

    /// Connected and welcomed; the `resume` of the hello that was said.
    fn greeted(&mut self) -> Option<Resume> {
        self.hello().0
    }

    /// The same, and whether the hello hides.
    fn hello(&mut self) -> (Option<Resume>, bool) {
        self.session.handle(Event::Connected, self.now);
        let welcome =
            ToClient::Welcome { version: 1, challenge: Challenge([9; 32]), limits: Limits::default() };
        let said = self.hear(&welcome).pop();
        let Some(Effect::Say(text)) = said else { panic!("{said:?}") };
        let Ok(ToServer::Hello { resume, hidden, .. }) = decode(&text) else { panic!("{text}") };
        (resume, hidden)
    }

    fn hear(&mut self, message: &ToClient) -> Vec<Effect> {
        self.session.handle(Event::Heard(&encode(message)), self.now);
        self.effects()
    }

    fn wait(&mut self, time: Duration) -> Vec<Effect> {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.effects()
    }

    fn breaks(&mut self) {
        self.session.handle(Event::Broken, self.now);
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.session.poll_effect()).collect()
    }
}

fn say(message: &ToServer) -> Effect {
    Effect::Say(encode(message))
}

#[test]
fn nothing_is_taken_before_there_is_a_session() {
    let mut line = Line::new();
    assert_eq!(line.session.post(post()), Err(NotTaken::NoSession));
    assert_eq!(line.greeted(), None);
    assert_eq!(line.session.post(post()), Err(NotTaken::NoSession));
    line.hear(&ready(false, 0));
    assert_eq!(line.session.post(post()), Ok(1));
    assert_eq!(line.effects(), [say(&send(1, None))]);
}

#[test]
fn what_is_posted_while_the_connection_is_broken_is_said_when_it_is_back() {
    let mut line = Line::up();
    assert_eq!((line.session.post(post()), line.session.post(post())), (Ok(1), Ok(2)));
    line.effects();
    line.breaks();
    assert_eq!(line.session.post(post()), Ok(3));
    assert_eq!(line.effects(), []);
    let resume = Resume { session: "k3x9".to_owned(), token: Token([8; 32]), received: 0 };
    assert_eq!(line.greeted(), Some(resume));
    let effects = line.hear(&ready(true, 1));
    let up = Effect::Up { session: "k3x9".to_owned(), resumed: true, stun: Vec::new() };
    assert_eq!(
        effects,
        [up, say(&send(2, None)), say(&send(3, None))],
        "what the server has is not said again"
    );
}

#[test]
fn what_may_have_arrived_is_never_said_again_in_a_new_session() {
    let mut line = Line::up();
    line.session.post(post()).unwrap();
    line.breaks();
    line.effects();
    line.greeted();
    let effects = line.hear(&ready(false, 0));
    assert!(
        matches!(effects[..], [Effect::Lost { id: 1 }, Effect::Up { resumed: false, .. }]),
        "{effects:?}"
    );
    assert_eq!(line.session.post(post()), Ok(1), "numbers begin anew");
}

#[test]
fn a_session_is_given_up_when_the_server_no_longer_waits() {
    let mut line = Line::up();
    line.session.post(post()).unwrap();
    line.effects();
    line.breaks();
    let due = line.now + Duration::from_secs(30);
    assert_eq!(line.session.poll_timeout(), Some((due, Why::GivenUp)));
    assert_eq!(line.wait(Duration::from_secs(30)), [Effect::Lost { id: 1 }]);
    assert_eq!(line.session.post(post()), Err(NotTaken::NoSession));
    assert_eq!(line.greeted(), None, "it is not asked for again");
}

#[test]
fn a_session_asked_for_in_the_last_moment_is_not_given_up_before_the_answer() {
    let mut line = Line::up();
    line.session.post(post()).unwrap();
    line.hear(&deliver(1));
    line.breaks();
    line.wait(Duration::from_millis(29_999));
    assert!(line.greeted().is_some());
    assert_eq!(line.wait(Duration::from_secs(1)), []);
    let effects = line.hear(&ready(true, 1));
    assert!(matches!(effects[..], [Effect::Up { resumed: true, .. }]), "{effects:?}");
    assert!(matches!(line.hear(&deliver(2))[..], [Effect::Delivered { .. }]));
}

#[test]
fn what_comes_twice_is_given_on_once_and_what_is_missing_ends_the_session() {
    let mut line = Line::up();
    assert!(matches!(line.hear(&deliver(1))[..], [Effect::Delivered { .. }]));
    assert_eq!(line.hear(&deliver(1)), []);
    assert!(matches!(line.hear(&deliver(3))[..], [Effect::Close(Parting::Nonsense(_))]));
    assert_eq!(line.greeted(), None, "such a session is not come back to");
}

#[test]
fn an_acknowledgement_of_what_was_not_said_ends_the_session() {
    let mut line = Line::up();
    assert!(matches!(line.hear(&ToClient::Ack { id: 1 })[..], [Effect::Close(Parting::Nonsense(_))]));
}

#[test]
fn what_comes_is_acknowledged_with_the_next_envelope_or_after_a_second() {
    let mut line = Line::up();
    line.hear(&deliver(1));
    line.session.post(post()).unwrap();
    assert_eq!(line.effects(), [say(&send(1, Some(1)))]);
    assert_eq!(line.session.poll_timeout(), None);
    line.hear(&deliver(2));
    assert_eq!(line.session.poll_timeout(), Some((line.now + Duration::from_secs(1), Why::Acknowledge)));
    assert_eq!(line.wait(Duration::from_secs(1)), [say(&ToServer::Ack { n: 2 })]);
}

#[test]
fn an_envelope_said_again_takes_no_acknowledgement_back() {
    let mut line = Line::up();
    line.hear(&deliver(1));
    line.session.post(post()).unwrap();
    assert_eq!(line.effects(), [say(&send(1, Some(1)))]);
    line.breaks();
    line.greeted();
    assert_eq!(line.hear(&ready(true, 0))[1..], [say(&send(1, None))]);
}

#[test]
fn too_much_that_is_unacknowledged_is_refused() {
    let mut line = Line::up();
    for id in 1..=128 {
        assert_eq!(line.session.post(post()), Ok(id));
    }
    assert_eq!(line.session.post(post()), Err(NotTaken::Full));
    line.hear(&ToClient::Ack { id: 16 });
    assert_eq!(line.session.post(post()), Ok(129));

    let mut line = Line::up();
    let large = || Post::Envelope { to: bob(), call: CALL, sealed: Sealed(vec![0; 32_000]) };
    let taken = (0..100).take_while(|_| line.session.post(large()).is_ok()).count();
    assert_eq!(taken, 16, "half a mebibyte");
}

#[test]
fn whoever_leaves_acknowledges_what_came_and_says_goodbye() {
    let mut line = Line::up();
    line.hear(&deliver(1));
    line.session.handle(Event::Leave, line.now);
    assert_eq!(
        line.effects(),
        [say(&ToServer::Ack { n: 1 }), say(&ToServer::Bye), Effect::Close(Parting::Left)]
    );
}

#[test]
fn a_server_that_ends_the_line_says_whether_to_come_back() {
    let error = |code| ToClient::Error { n: None, code, text: "No.".to_owned(), fatal: true, id: None };
    let cases = [
        (ToClient::Replaced, Parting::Replaced),
        (ToClient::Drain { come_back_in_ms: 2500 }, Parting::Drain(Duration::from_millis(2500))),
        (
            error(ErrorCode::AuthFailed),
            Parting::Refused { code: ErrorCode::AuthFailed, text: "No.".to_owned() },
        ),
        (
            error(ErrorCode::ServerClosing),
            Parting::Ended { code: ErrorCode::ServerClosing, text: "No.".to_owned() },
        ),
    ];
    for (message, parting) in cases {
        let mut line = Line::up();
        line.session.post(post()).unwrap();
        line.effects();
        assert_eq!(line.hear(&message), [Effect::Lost { id: 1 }, Effect::Close(parting)]);
        assert_eq!(line.greeted(), None, "its session is gone");
    }
}

#[test]
fn a_server_of_another_time_is_not_greeted() {
    let mut line = Line::new();
    line.session.handle(Event::Connected, line.now);
    let welcome = ToClient::Welcome { version: 9, challenge: Challenge([9; 32]), limits: Limits::default() };
    assert_eq!(line.hear(&welcome), [Effect::Close(Parting::Incompatible { version: 9 })]);
}

#[test]
fn whoever_hides_says_so_in_the_next_hello_and_stays_in_its_session() {
    let mut line = Line::new();
    assert!(!line.session.hide(false) && !line.session.hide(true), "no hello was said yet");
    assert_eq!(line.hello(), (None, true));
    line.hear(&ready(false, 0));
    assert!(!line.session.hide(true), "it is said");
    assert!(line.session.hide(false), "another hello has to say it");
    line.breaks();
    let (resume, hidden) = line.hello();
    assert!(resume.is_some() && !hidden);
}
