use clap::FromArgMatches as _;
use sightline_server::Reach;

use super::*;

/// What the program would make of these arguments, this file and this secret, in a folder that holds nothing else.
fn settings(arguments: &[&str], file: Option<&str>, secret: Option<&str>) -> Result<Settings, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    if let Some(text) = file {
        fs::write(folder.path().join(FILE), text).map_err(|error| error.to_string())?;
    }
    let data = folder.path().to_string_lossy();
    let whole = ["sightline-server", "--data", &data];
    let matches = CommandLine::understood_everywhere()
        .try_get_matches_from(whole.iter().chain(arguments))
        .map_err(|error| error.to_string())?;
    let said = CommandLine::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    let var = |name: &str| (name == SECRET).then(|| secret.map(str::to_owned)).flatten();
    Settings::gather(said, var).map_err(|error| error.to_string())
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

#[test]
fn nothing_said_is_a_server_for_everybody() {
    let settings = settings(&[], None, None).expect("nothing is wrong");
    assert_eq!(texts(&settings.config.https), ["0.0.0.0:443", "[::]:443"]);
    assert_eq!(settings.config.https_instead, [8443]);
    let udp = ["0.0.0.0:3478", "[::]:3478", "0.0.0.0:3479", "[::]:3479"];
    assert_eq!(texts(&settings.config.turn_udp), udp);
    assert_eq!(texts(&settings.config.turn_tcp), udp[..2]);
    assert_eq!((settings.config.http, settings.file), (None, None));
    assert_eq!(settings.config.certificate, Certificate::SelfSigned);
    assert_eq!(settings.config.limits, Limits::default());
    assert_eq!(settings.ask, STUN_SERVERS);
    let metrics = settings.metrics.expect("on");
    assert_eq!((metrics.at.to_string().as_str(), metrics.asked_for), ("127.0.0.1:7481", false));
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
    let file = "https = [9443]\nturn-udp = [\"127.0.0.1:4000\"]\nreach = \"public\"\n[limits]\nsockets = 7\n\
                [limits.relay]\nallocations = 8\n";
    let settings = settings(
        &["--https", "[::1]:1,127.0.0.1:2", "--limit", "relay.channels=9,sockets=10"],
        Some(file),
        None,
    );
    let config = settings.expect("nothing is wrong").config;
    assert_eq!(texts(&config.https), ["[::1]:1", "127.0.0.1:2"]);
    assert!(config.https_instead.is_empty(), "who names a port means that port");
    assert_eq!(texts(&config.turn_udp), ["127.0.0.1:4000"]);
    assert_eq!(texts(&config.turn_tcp), ["0.0.0.0:3478", "[::]:3478"]);
    assert_eq!(config.relay.reach, Reach::Public);
    assert_eq!(
        (config.limits.sockets, config.limits.relay.allocations, config.limits.relay.channels),
        (10, 8, 9)
    );
}

#[test]
fn options_are_understood_before_and_after_a_command() {
    for arguments in [["--http", "127.0.0.1:1", "check-config"], ["check-config", "--http", "127.0.0.1:1"]] {
        let settings = settings(&arguments, None, None).expect("nothing is wrong");
        assert_eq!(texts(settings.config.http.as_slice()), ["127.0.0.1:1"]);
    }
}

#[test]
fn off_is_nowhere_and_nobody() {
    let off =
        ["--https", "off", "--turn-udp", "off", "--turn-tcp", "off", "--metrics", "off", "--ask-stun", "off"];
    let settings = settings(&off, None, None).expect("nothing is wrong");
    assert!(settings.config.https.is_empty() && settings.config.turn_udp.is_empty());
    assert!(settings.config.turn_tcp.is_empty() && settings.ask.is_empty());
    assert_eq!(settings.metrics, None);
}

#[test]
fn a_wrong_file_is_told_by_name_line_and_what_would_be_right() {
    let wrong = [
        ("https = [443]\nhtps = 1\n", 2, "expected one of"),
        ("\nrelay-ports = \"5-4\"\n", 2, "such as 49152-65535"),
        ("https = [\"here\"]\n", 1, "such as 8443"),
        ("trusted-proxy = [\"10.0.0.0/40\"]\n", 1, "10.0.0.0/8"),
        ("reach = \"all\"\n", 1, "expected"),
        ("[limits]\nsocket = 1\n", 2, "sockets"),
        ("[limits]\nsockets = \"many\"\n", 2, "usize"),
        ("[limits]\nhello-within = -1\n", 2, "0.001 to 31536000"),
        ("[limits.relay]\n\nlifetime = \"long\"\n", 3, "f64"),
        ("domain = \n", 1, "string"),
    ];
    for (text, line, right) in wrong {
        let error = settings(&[], Some(text), None).expect_err(text);
        assert!(error.contains(FILE), "{error}");
        assert!(error.contains(&format!("line {line}")), "{error}");
        assert!(error.contains(right), "{error}");
    }
}

#[test]
fn a_wrong_flag_is_told_with_what_would_be_right() {
    for (flag, value, right) in [
        ("--https", "localhost:1", "8443"),
        ("--relay-ports", "9", "49152-65535"),
        ("--reach", "all", "call"),
        ("--limit", "sockets", "sockets=1000"),
        ("--limit", "relay.sockets=1", "there is `sockets`"),
        ("--limit", "channels=1", "there is `relay.channels`"),
        ("--limit", "nonsense=1", "init --stdout"),
        ("--limit", "relay=1", "init --stdout"),
        ("--limit", "sockets=-1", "cannot be -1"),
        ("--limit", "ping-every=0", "0.001"),
        ("--domain", "https://example.org/", "call.example.org"),
        ("--domain", "192.0.2.7", "call.example.org"),
        ("--cert", "x", "--key"),
        ("--acme-contact", "a@example.org", "--domain"),
    ] {
        let error = settings(&[flag, value], None, None).expect_err(value);
        assert!(error.contains(right), "{flag} {value}: {error}");
    }
    let both = settings(&["--domain", "a.example", "--cert", "x", "--key", "y"], None, None);
    assert!(both.expect_err("two certificates").contains("choose one"));
}

#[test]
fn the_secret_comes_from_a_file_or_the_environment_and_is_no_short_word() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("secret");
    fs::write(&path, "  0123456789abcdef\n").expect("writable");
    let flag = ["--relay-secret-file", path.to_str().expect("a plain path")];
    let secret = |settings: Settings| settings.config.relay.secret;

    let from_file = settings(&flag, None, Some("another secret of the environment")).map(secret);
    assert_eq!(from_file, Ok(Some(b"0123456789abcdef".to_vec())), "the file is the more private place");
    let from_environment = settings(&[], None, Some("0123456789abcdef")).map(secret);
    assert_eq!(from_environment, Ok(Some(b"0123456789abcdef".to_vec())));
    let short = settings(&[], None, Some("short")).map(secret).expect_err("too short");
    assert!(short.contains(SECRET) && !short.contains("\"short\""), "{short}");
    assert!(settings(&["--relay-secret", "x"], None, None).is_err(), "there is no flag for it");
}

#[test]
fn the_folder_of_a_service_is_the_data_folder() {
    let var = |name: &str| (name == "STATE_DIRECTORY").then(|| "/var/lib/a:/var/lib/b".to_owned());
    assert_eq!(data_folder(var), Some(PathBuf::from("/var/lib/a")));
}

#[test]
fn a_file_that_is_named_has_to_be_there() {
    let error = settings(&["--config", "no/such/file.toml"], None, None).expect_err("it is not there");
    assert!(error.contains("no/such/file.toml"), "{error}");
}
