//! The program `sightline-server`, as a person or a script meets it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

/// A server that opens no port that another test, or another server on this computer, may want.
const APART: [&str; 10] =
    ["--https", "off", "--turn-udp", "off", "--turn-tcp", "off", "--metrics", "off", "--ask-stun", "off"];

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sightline-server"));
    command
        .args(APART)
        .args(arguments)
        .env("STATE_DIRECTORY", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Its code, and all it said.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = program(arguments).output().expect("the program starts");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

/// The running program, and the address in the line it printed.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut child = program(arguments).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("it says where it listens");
    let url = line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")).map(str::to_owned);
    (child, url.unwrap_or_else(|| panic!("no address in {line:?}")))
}

/// What the running program goes on to print, and where it said that its figures are.
fn figures_of(child: &mut Child) -> (impl Iterator<Item = String> + use<>, String) {
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("/metrics")).expect("it says where its figures are");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    (lines, address.to_owned())
}

#[cfg(unix)]
fn signal(name: &str, child: &Child) {
    let told = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(told.expect("there is a `kill`").success());
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens there");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[cfg(unix)]
#[test]
fn it_says_where_it_listens_and_ends_well_when_asked_to() {
    use std::os::unix::fs::PermissionsExt as _;

    for signal in ["-TERM", "-INT"] {
        let data = std::env::temp_dir().join(format!("sightline-server-{}{signal}", std::process::id()));
        let data_text = data.to_str().expect("a plain path");
        let (mut child, url) = start(&["--data", data_text, "--http", "127.0.0.1:0"]);
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        TcpStream::connect(address).expect("it listens there");
        assert_eq!(data.metadata().expect("made").permissions().mode() & 0o777, 0o700);

        let (code, words) = run(&["--http", address]);
        assert_eq!(code, Some(1));
        assert!(words.contains("in use"), "{words}");

        self::signal(signal, &child);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{signal}");
        std::fs::remove_file(data.join("lock")).expect("held while it ran");
        std::fs::remove_dir(&data).expect("without TLS nothing is kept in it");
    }
}

#[test]
fn what_it_does_not_understand_is_a_usage_error() {
    for wrong in [&["--http", "nonsense"][..], &["--port", "80"], &["extra"]] {
        let (code, words) = run(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {words}");
        assert!(words.contains("--help"), "{words}");
    }
}

#[test]
fn what_cannot_work_ends_it_with_a_sentence() {
    let (code, words) = run(&["--http", "0.0.0.0:0"]);
    assert_eq!(code, Some(1));
    assert!(words.contains("loopback"), "{words}");

    let (code, words) =
        run(&["--http", "127.0.0.1:0", "--data", concat!(env!("CARGO_BIN_EXE_sightline-server"), "/x")]);
    assert_eq!(code, Some(1));
    assert!(words.contains("data folder"), "{words}");
}

#[test]
fn wrong_settings_are_named_by_file_and_line_and_right_ones_are_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("server.toml");
    let path = file.to_str().expect("a plain path");
    std::fs::write(&file, "# nothing\nhtps = [443]\n").expect("writable");
    for command in [&["check-config", "--config", path][..], &["--config", path]] {
        let (code, words) = run(command);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains(path) && words.contains("line 2") && words.contains("`https`"), "{words}");
    }

    std::fs::remove_file(&file).expect("it is ours");
    let (code, words) = run(&["init", "--config", path]);
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = run(&["check-config", "--config", path]);
    assert_eq!(code, Some(0), "{words}");
    let (code, words) = run(&["init", "--config", path]);
    assert_eq!(code, Some(1));
    assert!(words.contains("left as it is"), "{words}");
}

#[test]
fn help_and_the_page_for_man_name_every_option_and_its_variable() {
    let (help, page) = (run(&["--help"]).1, run(&["man"]).1.replace("\\-", "-"));
    let options: Vec<_> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
    assert!(options.len() > 20, "{options:?}");
    for option in options {
        assert!(page.contains(option.trim_end_matches(|c: char| !c.is_ascii_alphabetic())), "{option}");
    }
    assert!(help.contains("[env: SIGHTLINE_HTTPS]") && page.contains("SIGHTLINE_HTTPS"), "{help}");
    assert!(!help.contains("--relay-secret <"), "a secret is never a flag's value");
}

#[test]
fn the_environment_goes_before_the_file_and_a_flag_before_both() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("server.toml");
    std::fs::write(&file, "http = \"192.0.2.1:1\"\n").expect("writable");
    let refused = |variable: Option<&str>, flags: &[&str]| {
        let mut command = program(flags);
        command.env("SIGHTLINE_CONFIG", &file).envs(variable.map(|value| ("SIGHTLINE_HTTP", value)));
        let output = command.output().expect("the program starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(None, &[]).contains("192.0.2.1:1 can be reached"));
    assert!(refused(Some("192.0.2.2:2"), &[]).contains("192.0.2.2:2 can be reached"));
    assert!(refused(Some("192.0.2.2:2"), &["--http", "192.0.2.3:3"]).contains("192.0.2.3:3 can be reached"));
}

#[test]
fn whoever_watches_is_answered_on_a_port_of_their_own() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_sightline-server"))
        .args(&APART[..6])
        .args(["--ask-stun", "off", "--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
        .arg("--data")
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (_lines, address) = figures_of(&mut child);
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(&address, "/readyz").ends_with("ready\n"));
    assert!(get(&address, "/metrics").contains("\n# TYPE sightline_sessions gauge\n"));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// A service manager: a socket that is told how the service stands.
#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_is_told_that_it_is_ready_alive_and_stopping() {
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a number");
    let heard = || {
        let mut bytes = [0; 1000];
        let length = manager.recv(&mut bytes).expect("something is said in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let mut child = program(&["--http", "127.0.0.1:0"])
        .args(["--data".as_ref(), folder.path().as_os_str()])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000")
        .spawn()
        .expect("the program starts");
    let first = heard();
    assert!(first.contains("READY=1") && first.contains("STATUS=Listening on http://127.0.0.1:"), "{first}");
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1\n");
    }
    signal("-HUP", &child);
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1\n", "it goes on");
    }
    signal("-TERM", &child);
    while !heard().contains("STOPPING=1") {}
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn whoever_reads_the_link_and_goes_does_not_end_the_server() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let port = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let at = port.expect("a free port").to_string();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sightline-server"))
        .args(["--https", "127.0.0.1:0", "--turn-udp", &at, "--turn-tcp", "off", "--ask-stun", "off"])
        .args(["--public-ip", "127.0.0.1", "--metrics", "127.0.0.1:0"])
        .arg("--data")
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (lines, address) = figures_of(&mut child);
    // With what came of its test of itself it meets a closed pipe.
    drop(lines);
    let tested = |page: &str| !page.contains("sightline_relay_bindings_total 0\n");
    let start = std::time::Instant::now();
    while !tested(&get(&address, "/metrics")) {
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "it tests itself");
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(get(&address, "/readyz").ends_with("ready\n"));
    assert_eq!(child.try_wait().expect("ours").map(|ended| ended.code()), None, "it goes on");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[cfg(unix)]
#[test]
fn rubbish_from_strangers_is_not_written_to_the_log() {
    use std::net::UdpSocket;

    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let at = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let (data, wished) = (tempfile::tempdir().expect("a temporary folder"), at.to_string());
    let folder = data.path().to_str().expect("a plain path");
    let quiet = ["--https", "off", "--turn-tcp", "off", "--metrics", "off", "--ask-stun", "off"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_sightline-server"))
        .args(quiet)
        .args(["--http", "127.0.0.1:0", "--turn-udp", &wished, "--data", folder])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");

    // A request whose attribute is longer than itself; then one that is answered, when the first was read.
    let head = |length: u8| [&[0, 1, 0, length, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let rubbish = [&head(8)[..], &[0, 6, 0x40, 0, 1, 2, 3, 4]].concat();
    client.set_read_timeout(Some(std::time::Duration::from_millis(200))).expect("a time");
    let answered = (0..100).any(|_| {
        // Refused until the server listens.
        drop((client.send_to(&rubbish, at), client.send_to(&head(0), at)));
        client.recv(&mut [0; 500]).is_ok_and(|length| length > 20)
    });
    assert!(answered);

    signal("-TERM", &child);
    assert!(child.wait().expect("it ends").success());
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert!(!said.contains("stun_types"), "{said}");
}
