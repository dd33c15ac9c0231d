//! How a server starts and ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sightline_protocol::{ErrorCode, Identity, ToClient};
use sightline_server::{BindError, Config, Limits, Server};
use tokio::net::TcpStream;

use crate::client::{Client, PATIENCE, server};

#[tokio::test]
async fn a_server_that_is_closed_tells_everybody_and_frees_its_port() {
    let server = server(Limits::default()).await;
    let http = server.addresses().http.expect("it listens on loopback");
    let mut bound = Client::connect(&server, &Identity::generate().expect("randomness")).await;
    let mut greeting = Client::open(&server).await;
    let start = Instant::now();
    let told = async {
        let heard = bound.hear().await;
        assert!(matches!(heard, ToClient::Drain { come_back_in_ms: 1000..3000 }), "{heard:?}");
        bound.close_code().await
    };
    let (bound, greeting, ()) = tokio::join!(told, greeting.last_words(), server.close());
    assert_eq!((bound, greeting), (1001, (ErrorCode::ServerClosing, 1001)));
    assert!(start.elapsed() < Duration::from_secs(2), "clients that answer are not waited for");
    let again = Server::bind(Config::new(http)).await.expect("the port is free again");
    assert_eq!(again.addresses().http, Some(http));
}

#[tokio::test]
async fn a_client_that_does_not_answer_cannot_keep_a_server_from_closing() {
    let server = server(Limits::default()).await;
    let _silent = crate::client::Raw::upgraded(&server).await;
    tokio::time::timeout(PATIENCE / 2, server.close()).await.expect("closing takes a few seconds at most");
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_its_connections() {
    let server = server(Limits::default()).await;
    let http = server.addresses().http.expect("it listens on loopback");
    let mut client = Client::open(&server).await;
    drop(server);
    assert_eq!(client.hear_anything().await, None);
    assert!(TcpStream::connect(http).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_a_sentence() {
    let everywhere: SocketAddr = "0.0.0.0:0".parse().expect("an address");
    let refused = Server::bind(Config::new(everywhere)).await.expect_err("not loopback");
    assert!(
        matches!(refused, BindError::NotLoopback(_)) && refused.to_string().contains("without TLS"),
        "{refused}"
    );

    let running = server(Limits::default()).await;
    let refused = Server::bind(Config::new(running.addresses().http.expect("it listens on loopback")))
        .await
        .expect_err("the port is taken");
    assert!(matches!(refused, BindError::InUse(_)) && refused.to_string().contains("in use"), "{refused}");

    let names = vec!["https://call.example.org/".to_owned()];
    let refused = Server::bind(Config { names, ..Config::loopback() }).await.expect_err("not a name");
    assert!(matches!(refused, BindError::BadName(_)), "{refused}");

    let data = Some(std::env::current_exe().expect("this program").join("below-a-file"));
    let refused = Server::bind(Config { data, ..Config::loopback() }).await.expect_err("not a folder");
    assert!(
        matches!(refused, BindError::Data { .. }) && refused.to_string().contains("below-a-file"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_link_to_a_server_can_be_made_from_where_it_listens() {
    let server = server(Limits::default()).await;
    let url = server.addresses().url();
    let address: sightline_protocol::ServerAddress = url.parse().expect("a server's address");
    let mut client = Client::open_as(&address.name()).await;
    let hello = client.hello(&Identity::generate().expect("randomness"), &address.name());
    client.say(&hello).await;
    assert!(matches!(client.hear().await, ToClient::Ready { .. }));
}
