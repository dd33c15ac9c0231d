//! Call links: one meaning each, and a sentence for every way to be malformed.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sightline_protocol::keys::AddressError;
use sightline_protocol::{CallLink, Identity, LinkError, LinkToken, Pin, Scheme, ServerAddress};

const KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";
const PIN: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM";

fn parse(link: &str) -> Result<CallLink, LinkError> {
    link.parse()
}

#[test]
fn a_link_says_server_key_token_and_pin() {
    let link = parse(&format!("https://calls.example:8443/#{KEY}.tea-time_5~{PIN}")).unwrap();
    assert_eq!(link.server.scheme, Scheme::Https);
    assert_eq!(link.server.host, "calls.example");
    assert_eq!(link.server.port, 8443);
    assert_eq!(link.server.pin, Some(Pin([3; 32])));
    assert_eq!(link.address, Identity::from_secret_bytes([1; 32]).address());
    assert_eq!(link.token.unwrap().as_str(), "tea-time_5");
}

#[test]
fn every_form_of_a_link_is_the_same_link() {
    let link = parse(&format!("https://calls.example/#{KEY}")).unwrap();
    for form in [
        format!("https://calls.example:443/#{KEY}"),
        format!("https://calls.example#{KEY}"),
        format!("HTTPS://Calls.Example/#{KEY}"),
        format!("sightline:https://calls.example/#{KEY}"),
        format!("sightline://calls.example/#{KEY}"),
        format!("SightLine://calls.example:443#{KEY}"),
        format!("  \n\thttps://calls.example/#{KEY} \r\n"),
        link.to_string(),
        link.to_app_link(),
    ] {
        assert_eq!(parse(&form), Ok(link.clone()), "{form}");
    }
    assert_eq!(link.to_string(), format!("https://calls.example/#{KEY}"));
    assert_eq!(link.to_app_link(), format!("sightline:https://calls.example/#{KEY}"));
}

#[test]
fn a_server_has_one_name_for_sockets_headers_and_signatures() {
    for (written, name, websocket) in [
        ("https://calls.example/", "calls.example", "wss://calls.example/ws"),
        ("https://calls.example:8443", "calls.example:8443", "wss://calls.example:8443/ws"),
        ("https://192.0.2.7:443/", "192.0.2.7", "wss://192.0.2.7/ws"),
        ("https://[2001:DB8::0:1]:8443", "[2001:db8::1]:8443", "wss://[2001:db8::1]:8443/ws"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("http://127.9.9.9:80", "127.9.9.9", "ws://127.9.9.9/ws"),
        ("http://[::1]:443", "[::1]:443", "ws://[::1]:443/ws"),
        ("http://LOCALHOST:8080", "localhost:8080", "ws://localhost:8080/ws"),
        ("https://bücher.example", "xn--bcher-kva.example", "wss://xn--bcher-kva.example/ws"),
    ] {
        let server: ServerAddress = written.parse().unwrap();
        assert_eq!(server.name(), name, "{written}");
        assert_eq!(server.websocket_url(), websocket, "{written}");
        assert_eq!(server.to_string().parse(), Ok(server), "{written}");
    }
}

#[test]
fn a_servers_address_may_carry_a_pin_but_no_key() {
    let written = format!("https://calls.example/#~{PIN}");
    let server: ServerAddress = written.parse().unwrap();
    assert_eq!(server.pin, Some(Pin([3; 32])));
    assert_eq!(server.to_string(), written);
    let link: Result<ServerAddress, _> = format!("https://calls.example/#{KEY}").parse();
    assert_eq!(link, Err(LinkError::NotOnlyServer));
}

#[test]
fn every_malformed_link_gets_its_own_sentence() {
    let long = "x".repeat(600);
    let cases: Vec<(String, LinkError)> = vec![
        (String::new(), LinkError::Empty),
        (" \n\t ".into(), LinkError::Empty),
        (format!("https://{long}/#{KEY}"), LinkError::TooLong),
        (format!("https://calls.example/ #{KEY}"), LinkError::Broken),
        (format!("https://calls.exa\nmple/#{KEY}"), LinkError::Broken),
        (format!("https:\\\\calls.example/#{KEY}"), LinkError::Broken),
        ("hello".into(), LinkError::NotALink),
        (KEY.into(), LinkError::NotALink),
        (format!("https:calls.example/#{KEY}"), LinkError::NotALink),
        (format!("sightline:calls.example/#{KEY}"), LinkError::NotALink),
        (format!("sightline:sightline://calls.example/#{KEY}"), LinkError::WrongScheme),
        (format!("ftp://calls.example/#{KEY}"), LinkError::WrongScheme),
        (format!("sightline:wss://calls.example/#{KEY}"), LinkError::WrongScheme),
        (format!("https:///#{KEY}"), LinkError::NoHost),
        ("https://".into(), LinkError::NoHost),
        (format!("https://#{KEY}"), LinkError::NoHost),
        (format!("https:////calls.example/#{KEY}"), LinkError::NoHost),
        (format!("https://:8443/#{KEY}"), LinkError::NoHost),
        (format!("https://calls<example/#{KEY}"), LinkError::BadHost),
        (format!("https://300.1.1.1/#{KEY}"), LinkError::BadHost),
        (format!("https://[::g]/#{KEY}"), LinkError::BadHost),
        (format!("https://{}/#{KEY}", "a.".repeat(130)), LinkError::BadHost),
        (format!("https://calls.example:99999/#{KEY}"), LinkError::BadPort),
        (format!("https://calls.example:x/#{KEY}"), LinkError::BadPort),
        (format!("https://calls.example:0/#{KEY}"), LinkError::BadPort),
        (format!("http://calls.example/#{KEY}"), LinkError::PlainHttp),
        (format!("http://192.168.0.1/#{KEY}"), LinkError::PlainHttp),
        (format!("http://127.0.0.1.example/#{KEY}"), LinkError::PlainHttp),
        (format!("sightline:http://calls.example/#{KEY}"), LinkError::PlainHttp),
        (format!("http://127.0.0.1/#{KEY}~{PIN}"), LinkError::PinWithoutTls),
        (format!("https://ada@calls.example/#{KEY}"), LinkError::UserInfo),
        (format!("https://ada:secret@calls.example/#{KEY}"), LinkError::UserInfo),
        (format!("https://@calls.example/#{KEY}"), LinkError::UserInfo),
        (format!("https://calls.example/?room=1#{KEY}"), LinkError::Query),
        (format!("https://calls.example?#{KEY}"), LinkError::Query),
        (format!("https://calls.example/room#{KEY}"), LinkError::Path),
        (format!("https://calls.example/{KEY}"), LinkError::Path),
        ("https://calls.example/".into(), LinkError::NoKey),
        ("https://calls.example/#".into(), LinkError::NoKey),
        (format!("https://calls.example/#~{PIN}"), LinkError::NoKey),
        (format!("https://calls.example/#{}", &KEY[..30]), AddressError::Length { found: 30 }.into()),
        (format!("https://calls.example/#{}+", &KEY[..42]), AddressError::Alphabet.into()),
        (format!("https://calls.example/#{}", "B".repeat(42) + "A"), AddressError::NotAPoint.into()),
        (format!("https://calls.example/#{KEY}."), LinkError::BadToken),
        (format!("https://calls.example/#{KEY}.a.b"), LinkError::BadToken),
        (format!("https://calls.example/#{KEY}.{}", "t".repeat(65)), LinkError::BadToken),
        (format!("https://calls.example/#{KEY}~"), LinkError::BadPin),
        (format!("https://calls.example/#{KEY}~{}", &PIN[..42]), LinkError::BadPin),
        (format!("https://calls.example/#{KEY}~{PIN}~{PIN}"), LinkError::BadPin),
        (format!("https://calls.example/#{KEY}~{PIN}.token"), LinkError::BadPin),
    ];
    for (link, expected) in &cases {
        assert_eq!(parse(link).as_ref(), Err(expected), "{link}");
    }
    let errors: BTreeSet<String> = cases.iter().map(|(_, e)| format!("{e:?}")).collect();
    let sentences: BTreeSet<String> = cases.iter().map(|(_, e)| e.to_string()).collect();
    assert_eq!(errors.len(), sentences.len());
    assert_eq!(sentences.len(), 19, "an error without a case, or without a sentence of its own");
}

#[test]
fn a_token_is_not_printed_by_debug() {
    let link = parse(&format!("https://calls.example/#{KEY}.very-secret")).unwrap();
    assert!(!format!("{link:?}").contains("very-secret"));
}

fn hosts() -> impl Strategy<Value = (Scheme, String)> {
    let name = "[a-z][a-z0-9-]{0,20}[a-z]\\.[a-z]{2,10}";
    prop_oneof![
        name.prop_map(|name| (Scheme::Https, name)),
        any::<std::net::Ipv4Addr>().prop_map(|ip| (Scheme::Https, ip.to_string())),
        any::<std::net::Ipv6Addr>().prop_map(|ip| (Scheme::Https, ip.to_string())),
        any::<[u8; 3]>().prop_map(|[b, c, d]| (Scheme::Http, format!("127.{b}.{c}.{d}"))),
        Just((Scheme::Http, "::1".to_owned())),
        Just((Scheme::Http, "localhost".to_owned())),
    ]
}

proptest! {
    #[test]
    fn a_link_survives_being_written_in_every_form(
        (scheme, host) in hosts(),
        port in 1..=u16::MAX,
        secret: [u8; 32],
        token in prop::option::of("[A-Za-z0-9_-]{1,64}"),
        pin: Option<[u8; 32]>,
    ) {
        // A name of letters may still be none (`xn--`); what `url` makes of names is not under test here.
        let pin = if scheme == Scheme::Https { pin.map(Pin) } else { None };
        let server = ServerAddress { scheme, host, port, pin };
        prop_assume!(!server.host.contains("xn--"));
        let address = Identity::from_secret_bytes(secret).address();
        let token: Option<LinkToken> = token.map(|token| token.parse().unwrap());
        let link = CallLink { server: server.clone(), address, token };
        prop_assert!(link.to_app_link().len() <= sightline_protocol::limits::MAX_LINK_BYTES);
        prop_assert_eq!(link.to_string().parse(), Ok(link.clone()));
        prop_assert_eq!(link.to_app_link().parse(), Ok(link.clone()));
        prop_assert_eq!(format!("\n {link} ").parse(), Ok(link.clone()));
        prop_assert_eq!(server.to_string().parse(), Ok(server));
        if scheme == Scheme::Https {
            prop_assert_eq!(link.to_string().replace("https:", "sightline:").parse(), Ok(link));
        }
    }
}
