//! The program `sightline-server`, as a person or a script meets it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sightline-server"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = program(arguments).output().expect("the program starts");
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
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

        let killed =
            Command::new("kill").args([signal, &child.id().to_string()]).status().expect("there is a `kill`");
        assert!(killed.success());
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
