//! `sightline report`, as it is used; and what stands in everything that is made of a real call over a relay.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use sightline::logic::proof::{Form, MAX_BYTES, render};

use crate::support::{
    programs::{Ended, Program, ServerProgram, our_turn},
    reports,
};

const LONGEST_CALL: Duration = Duration::from_secs(40);
/// What each form is asked for by, and how a file of it ends.
const FORMS: [(&str, &str); 4] =
    [("--json", "json"), ("--text", "txt"), ("--html", "html"), ("--dump", "dump")];

fn written(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

fn report(args: &[&str]) -> Ended {
    Program::run(&[&["report"], args].concat())
}

#[test]
fn a_report_is_shown_masked_in_every_form_and_whole_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let sample = reports::switched();
    let file = written(folder.path(), "call.json", render(&sample, Form::Json));
    for (form, ending) in FORMS {
        let shown = report(&[&file, form]);
        assert_eq!((shown.code, shown.errors.as_str()), (0, ""), "{form}");
        for address in ["192.168.1.7", "192.0.2.77", "203.0.113.10", "calls.example.org"] {
            assert!(!shown.output.contains(address), "{form}: {address}");
        }
        for device in ["Headset of Ada", "usb-ada-00"] {
            assert!(!shown.output.contains(device), "{form}: {device}");
        }
        assert!(shown.output.contains("The microphone is device-a."), "{form}");
        let whole = report(&[&file, form, "--full"]);
        assert!(whole.output.contains("203.0.113.10"), "{form}");
        assert!(whole.output.contains("The microphone is Headset of Ada."), "{form}");
        // The ending of a name says the same as the option.
        let out = folder.path().join(format!("out.{ending}"));
        let into = report(&[&file, "--out", out.to_str().unwrap()]);
        assert_eq!((into.code, into.output.as_str()), (0, ""), "{form}");
        assert_eq!(fs::read_to_string(out).unwrap().trim_end(), shown.output.trim_end(), "{form}");
    }
    assert!(report(&[&file]).output.starts_with("Sightline, report of a call\n"), "words are usual");
}

#[test]
fn the_two_sides_of_a_call_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let ours = reports::direct();
    let theirs = reports::the_other_side_of(&ours, 90_000);
    let file = written(folder.path(), "ours.json", render(&ours, Form::Json));
    let other = written(folder.path(), "theirs.json", render(&theirs, Form::Json));
    let words = report(&[&file, "--with", &other]);
    assert_eq!(words.code, 0, "{}", words.errors);
    for said in [
        "Packets were lost from the caller to the callee, and hardly any the other way",
        "The callee's clock was 1 min 30 s ahead",
        "exact to ",
        "The two ends disagree in one thing",
    ] {
        assert!(words.output.contains(said), "{said} is not in {}", words.output);
    }
    let document: Value = serde_json::from_str(&report(&[&file, "--json", "--with", &other]).output).unwrap();
    assert_eq!(document["comparison"]["directions"][0]["from"], "caller");
    assert!(report(&[&file, "--html", "--with", &other]).output.contains("<svg"));
    // Both in one file, as the demonstration writes them.
    let both = json!({ "caller": ours, "callee": theirs }).to_string();
    let both = written(folder.path(), "both.json", both);
    assert_eq!(report(&[&both]).output, words.output);

    let refused = report(&[&file, "--with", &file]);
    assert_eq!(refused.code, 2);
    assert!(refused.errors.contains("written by the caller"), "{}", refused.errors);
}

#[test]
fn a_file_that_is_no_report_is_refused_with_a_sentence_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &[u8]| written(folder.path(), name, content);
    let text = render(&reports::direct(), Form::Json);
    let newer = text.replacen("\"schema_version\": 1", "\"schema_version\": 2", 1);
    let cases = [
        (folder.path().join("nothing.json").to_str().unwrap().to_owned(), "cannot be read"),
        (folder.path().to_str().unwrap().to_owned(), "is not a file"),
        (at("empty.json", b""), "empty"),
        (at("cut.json", &text.as_bytes()[..4_000]), "cut short"),
        (at("foreign.json", b"{\"name\":\"sightline\"}"), "not the report of a call"),
        (at("noise.json", &[0x80; 200]), "not a report"),
        (at("newer.json", newer.as_bytes()), "newer Sightline"),
        (at("page.html", render(&reports::direct(), Form::Html).as_bytes()), "a page made of a report"),
        (at("huge.json", &vec![b' '; MAX_BYTES + 1]), "larger than any report"),
    ];
    for (file, said) in &cases {
        for args in [vec![file.as_str()], vec![file, "--html"]] {
            let refused = report(&args);
            assert_eq!((refused.code, refused.output.as_str()), (2, ""), "{file}");
            assert!(refused.errors.contains(said), "{file}: {}", refused.errors);
            assert_eq!(refused.errors.lines().count(), 1, "{}", refused.errors);
        }
    }
    let whole = at("whole.json", text.as_bytes());
    for (args, said) in [
        (vec![whole.as_str(), "--out", &whole], "would be written over"),
        (vec![&whole, "--out", "/nowhere/at/all.html"], "cannot be written"),
        (vec![&whole, "--with", &cases[2].0], "empty"),
        (vec![&whole, "--json", "--html"], "cannot be used with"),
    ] {
        let refused = report(&args);
        assert_eq!(refused.code, 2, "{args:?}");
        assert!(refused.errors.contains(said), "{args:?}: {}", refused.errors);
    }
    assert_eq!(fs::read_to_string(&whole).unwrap(), text, "it is as it was");
}

/// Whatever somebody may be given of a call: in every form, of one end and of both, searched for what must not be in it.
#[test]
fn nothing_that_is_made_of_a_relayed_call_holds_a_credential_a_key_or_an_address() {
    let _turn = our_turn();
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    let server = ServerProgram::start_relaying();
    let relayed = ["--path", "relay-udp", "--report", "REPORT"];
    let mut callee = Program::answer(&server, &b, &relayed);
    let link = callee.link();
    let caller = Program::call(&link, &a, &[&relayed[..], &["--duration", "3"]].concat());
    assert_eq!(caller.ended(LONGEST_CALL).code, 0);
    assert_eq!(callee.ended(Duration::from_secs(10)).code, 0);

    let file = |profile: &Path| profile.join("report.json").to_str().unwrap().to_owned();
    let (ours, theirs) = (file(&a), file(&b));
    let whole = fs::read_to_string(&ours).unwrap();
    let document: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(document["path"]["route"], "relayed_by_both");
    assert!(!document["evidence"]["moments"].as_array().unwrap().is_empty(), "it was noted second by second");
    assert!(!document["evidence"]["descriptions"].as_array().unwrap().is_empty(), "descriptions were noted");

    let secrets = secrets(&[&a, &b], &link);
    let mut shown = Vec::new();
    for (form, _) in FORMS {
        shown.push(report(&[&ours, form]).output);
        shown.push(report(&[&theirs, form]).output);
        shown.push(report(&[&ours, form, "--with", &theirs]).output);
    }
    for text in &shown {
        assert!(text.len() > 500, "{text}");
        for address in ["127.0.0.1", "localhost"] {
            assert!(!text.contains(address), "{address} in {text}");
        }
    }
    // Credentials and keys stand in none, masked or not.
    let full = FORMS.map(|(form, _)| report(&[&ours, form, "--full", "--with", &theirs]).output);
    for text in shown.iter().chain(&full).chain([&whole]) {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        for line in text.replace("\\r\\n", "\n").replace("\\n", "\n").lines() {
            let password = line.split_once("ice-pwd:").map_or("", |(_, password)| password);
            let word: String = password.chars().take_while(char::is_ascii_alphanumeric).collect();
            assert!(word.len() < 8, "a password of ICE: {line}");
            let print = line.split_once("fingerprint:").map_or("", |(_, print)| print);
            assert!(print.matches(':').count() < 8, "a fingerprint: {line}");
            assert!(!names_a_relay_user(line), "the user name of a relay: {line}");
        }
    }
}

/// Keys of both ends, secret and public, in the forms in which they are written.
fn secrets(profiles: &[&Path], link: &str) -> Vec<String> {
    let public = link.split_once("/#").unwrap().1.split(['.', '~']).next().unwrap().to_owned();
    let mut secrets = vec![public];
    for profile in profiles {
        let key = fs::read_to_string(profile.join("identity.key")).unwrap();
        secrets.extend(key.split_whitespace().filter(|word| word.len() >= 32).map(str::to_owned));
    }
    assert!(secrets.len() >= 3 && secrets.iter().all(|secret| secret.len() >= 32), "{}", secrets.len());
    secrets
}

/// `1795273800:SCOPE-1`: the time until which it holds, and whose it is.
fn names_a_relay_user(line: &str) -> bool {
    line.match_indices(':').any(|(at, _)| {
        let before = line[..at].chars().rev().take_while(char::is_ascii_digit).count();
        let scope = line[at + 1..]
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "_-".contains(*letter));
        before == 10 && scope.count() >= 12
    })
}
