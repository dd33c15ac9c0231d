//! What the server is for.

use sightline_protocol::{CallId, Identity, Sealed, ToClient, ToServer};
use sightline_server::Limits;

use crate::client::{CALL, Client, envelope, name, server};

fn person() -> Identity {
    Identity::generate().expect("randomness")
}

#[tokio::test]
async fn two_clients_exchange_envelopes_both_ways() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    for number in 0..20_u8 {
        let sealed = Sealed(vec![number; 1000 * usize::from(number)]);
        let call = CallId([number; 16]);
        ada_there.say(&ToServer::Send { id: 1, to: bob.address(), call, sealed: sealed.clone() }).await;
        let there = ToClient::Deliver { from: ada.address(), call, sealed: sealed.clone() };
        assert_eq!(bob_there.hear().await, there);
        bob_there.say(&ToServer::Send { id: 1, to: ada.address(), call, sealed: sealed.clone() }).await;
        assert_eq!(ada_there.hear().await, ToClient::Deliver { from: bob.address(), call, sealed });
    }
}

#[tokio::test]
async fn the_largest_envelope_passes() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    let mut bob_there = Client::connect(&server, &bob).await;
    let largest = envelope(1, bob.address(), sightline_protocol::limits::MAX_SEALED_BYTES);
    ada_there.say(&largest).await;
    let ToClient::Deliver { sealed, .. } = bob_there.hear().await else { panic!("not delivered") };
    assert_eq!(sealed.0.len(), sightline_protocol::limits::MAX_SEALED_BYTES);
}

#[tokio::test]
async fn that_somebody_is_offline_is_said_at_once_and_stays_true_after_they_leave() {
    let server = server(Limits::default()).await;
    let (ada, bob) = (person(), person());
    let mut ada_there = Client::connect(&server, &ada).await;
    ada_there.say(&envelope(3, bob.address(), 10)).await;
    assert_eq!(ada_there.hear().await, ToClient::Offline { id: 3, to: bob.address(), call: CALL });

    let mut bob_there = Client::connect(&server, &bob).await;
    ada_there.reaches(&mut bob_there, bob.address()).await;
    bob_there.web.close(None).await.expect("the connection holds");
    while bob_there.hear_anything().await.is_some() {}
    ada_there.say(&envelope(4, bob.address(), 10)).await;
    assert_eq!(ada_there.hear().await, ToClient::Offline { id: 4, to: bob.address(), call: CALL });
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
