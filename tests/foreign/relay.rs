//! Our own server, as a relay for whoever knows its secret.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};
use sightline::logic::servers::{RelayAccess, Servers};
use sightline_server::{Config, Reach, RelayConfig, Server};

use super::network::OURS;

const SECRET: &[u8] = b"a secret that both sides know";

/// At our end of the cable.
pub(super) struct Relay {
    server: Server,
}

impl Relay {
    pub(super) async fn start() -> Self {
        let here = SocketAddr::new(OURS, 0);
        let relay = RelayConfig {
            secret: Some(SECRET.into()),
            reach: Reach::Public,
            allow: vec!["10.77.0.0/24".parse().unwrap()],
            ..RelayConfig::default()
        };
        let config = Config { turn_udp: vec![here], turn_tcp: vec![here], relay, ..Config::loopback() };
        Self { server: Server::bind(config).await.unwrap() }
    }

    /// How a browser is told of it, spoken to by `transport`.
    pub(super) fn as_ice_server(&self, transport: &str) -> Value {
        let (username, password) = credentials("browser");
        json!({ "urls": self.url(transport), "username": username, "credential": password })
    }

    /// How we are told of it.
    pub(super) fn as_servers(&self, transport: &str) -> Servers {
        let (username, password) = credentials("us");
        let doors = Servers::urls(&[self.url(transport)]);
        Servers { stun: Vec::new(), relay: Some(RelayAccess { doors, username, password, pin: None }) }
    }

    fn url(&self, transport: &str) -> String {
        let addresses = self.server.addresses();
        let at = if transport == "udp" { addresses.turn_udp[0] } else { addresses.turn_tcp[0] };
        format!("turn:{at}?transport={transport}")
    }

    pub(super) fn allocations(&self) -> usize {
        self.server.allocations()
    }
}

/// As whoever knows the secret makes them.
fn credentials(whose: &str) -> (String, String) {
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 600;
    let username = format!("{expires}:{whose}");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET);
    let password = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    (username, password)
}
