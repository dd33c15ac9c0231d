//! What the server is for.

use sightline_protocol::{CallId, Identity, Sealed, ToClient, ToServer};
use sightline_server::Limits;

use crate::client::{CALL, Client, name, server};

fn person() -> Identity {
    Identity::generate().expect("randomness")
}

#[tokio::test]
async fn two_clients_exchange_envelopes_both_ways() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    // As many as may be begun at once.
    for number in 1..=20_u8 {
        let sealed = Sealed(vec![number; 1000 * usize::from(number)]);
        let call = CallId([number; 16]);
        let (id, n) = (number.into(), number.into());
        let send = |to| ToServer::Send { id, to, call, sealed: sealed.clone(), ack: None };
        let deliver = |from| ToClient::Deliver { n, from, call, sealed: sealed.clone() };
        ada_there.say(&send(bob.address())).await;
        assert_eq!(bob_there.hear().await, deliver(ada.address()));
        bob_there.say(&send(ada.address())).await;
        assert_eq!(ada_there.hear().await, deliver(bob.address()));
    }
}

#[tokio::test]
async fn the_largest_envelope_passes() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.post(bob.address(), sightline_protocol::limits::MAX_SEALED_BYTES).await;
    let ToClient::Deliver { sealed, .. } = bob_there.hear().await else { panic!("not delivered") };
    assert_eq!(sealed.0.len(), sightline_protocol::limits::MAX_SEALED_BYTES);
}

#[tokio::test]
async fn that_somebody_is_offline_is_said_at_once_and_stays_true_after_they_leave() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    ada_there.post(bob.address(), 10).await;
    assert_eq!(ada_there.hear().await, ToClient::Offline { n: 1, id: 1, to: bob.address(), call: CALL });

    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
    // Else the envelope just heard would count as one that did not arrive.
    bob_there.say(&ToServer::Ack { n: 1 }).await;
    bob_there.web.close(None).await.expect("the connection holds");
    while bob_there.hear_anything().await.is_some() {}
    ada_there.post(bob.address(), 10).await;
    assert_eq!(ada_there.hear().await, ToClient::Offline { n: 2, id: 3, to: bob.address(), call: CALL });
}

#[tokio::test]
async fn a_newer_connection_of_a_key_replaces_the_older() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut older = Client::connect(&server, &bob).await;
    let mut newer = Client::connect(&server, &bob).await;
    assert_eq!(older.hear().await, ToClient::Replaced);
    assert_eq!(older.close_code().await, 4000);
    ada_there.reaches(&mut newer, bob.address()).await;
}

#[tokio::test]
async fn what_was_sent_while_a_connection_was_broken_is_there_afterwards() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
    bob_there.breaks();
    for _ in 0..5 {
        ada_there.post(bob.address(), 300).await;
    }
    let mut back = Client::resume(&server, &bob, &bob_there, 1).await;
    for number in 2..=6 {
        let heard = back.hear().await;
        assert!(matches!(heard, ToClient::Deliver { n, .. } if n == number), "{heard:?}");
    }
    ada_there.reaches(&mut back, bob.address()).await;
    back.reaches(&mut ada_there, ada.address()).await;
}

#[tokio::test]
async fn whoever_does_not_come_back_in_time_is_offline_and_the_sender_is_told() {
    let resume_within = std::time::Duration::from_millis(300);
    let server = server(Limits { resume_within, ..Limits::default() }).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
    bob_there.breaks();
    let offline = |n, id| ToClient::Offline { n, id, to: bob.address(), call: CALL };
    assert_eq!(ada_there.hear().await, offline(1, 1), "the one it did not acknowledge");
    ada_there.post(bob.address(), 10).await;
    assert_eq!(ada_there.hear().await, offline(2, 2), "from now on at once");
}

#[tokio::test]
async fn a_client_that_moved_to_another_network_resumes_before_its_old_connection_is_missed() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
    let mut back = Client::resume(&server, &bob, &bob_there, 1).await;
    assert_eq!(bob_there.hear_anything().await, None, "ended without a word");
    ada_there.reaches(&mut back, bob.address()).await;
}

#[tokio::test]
async fn goodbye_is_answered_with_a_close() {
    let server = server(Limits::default()).await;
    let mut client = Client::connect(&server, &person()).await;
    client.say(&ToServer::Bye).await;
    assert_eq!(client.close_code().await, 1000);
}

#[tokio::test]
async fn a_client_may_dial_any_spelling_of_this_computer() {
    let server = server(Limits::default()).await;
    let port = server.addresses().http.expect("it listens on loopback").port();
    for spelling in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        let mut client = Client::open_as(&name(&server)).await;
        let hello = client.hello(&person(), &spelling);
        client.say(&hello).await;
        let heard = client.hear().await;
        assert!(matches!(heard, ToClient::Ready { .. }), "{spelling}: {heard:?}");
    }
}
