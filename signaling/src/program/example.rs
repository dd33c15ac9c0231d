//! The commented settings file, made from the sentences of the options and of the limits.

use sightline_server::{Documented, Limits, Value};

use super::options::CommandLine;

const WIDTH: usize = 100;

const HEAD: &str = "Settings of sightline-server. Every line that sets something is switched off by a # before it; what \
                    is written there is the default, or an example. Flags and the environment go before this file. \
                    After a change: `sightline-server check-config`, then start the server again.";

/// The whole file.
pub(crate) fn file() -> String {
    let mut text = String::new();
    comment(&mut text, HEAD);
    let command = CommandLine::understood_everywhere();
    let mut heading = None;
    for option in command.get_arguments() {
        let Some(example) = example(option.get_id().as_str()) else { continue };
        if option.get_help_heading() != heading {
            heading = option.get_help_heading();
            section(&mut text, heading.unwrap_or_default());
        }
        text.push('\n');
        // clap takes the last full stop away.
        comment(&mut text, &option.get_help().map(|help| format!("{help}.")).unwrap_or_default());
        let name = option.get_long().unwrap_or_default();
        text.push_str(&format!("#{name} = {example}\n"));
    }
    section(&mut text, "How much it allows: one more than that, and what happens then. Times are in seconds");
    limits(&mut text, "limits", &Limits::default().documented());
    text
}

/// A value for each option that may stand in the file: the default where there is one.
fn example(id: &str) -> Option<&'static str> {
    Some(match id {
        "https" => "[443]",
        "turn_udp" => "[3478, 3479]",
        "turn_tcp" => "[3478]",
        "http" => "\"127.0.0.1:7480\"",
        "metrics" => "7481",
        "relay_ports" => "\"49152-65535\"",
        "public_ip" => "[\"192.0.2.7\", \"2001:db8::7\"]",
        "ask_stun" => "[\"off\"]",
        "name" => "[\"call.example.org\"]",
        "domain" => "\"call.example.org\"",
        "acme_contact" => "\"you@example.org\"",
        "acme_directory" => "\"https://acme-v02.api.letsencrypt.org/directory\"",
        "acme_root" => "\"/etc/ssl/my-authority.pem\"",
        "cert" => "\"/etc/ssl/call.example.org/fullchain.pem\"",
        "key" => "\"/etc/ssl/call.example.org/privkey.pem\"",
        "data" => "\"/var/lib/sightline-server\"",
        "reach" => "\"call\"",
        "allow_peer" => "[\"10.0.0.0/8\"]",
        "relay_secret_file" => "\"/etc/sightline-server/relay-secret\"",
        "turn_url" => "[\"turn:other.example.org:3478?transport=udp\"]",
        "trusted_proxy" => "[\"127.0.0.1\"]",
        "qr" => "\"auto\"",
        _ => return None,
    })
}

fn limits(text: &mut String, table: &str, fields: &[Documented]) {
    text.push_str(&format!("[{table}]\n"));
    let mut groups = Vec::new();
    for field in fields {
        match &field.value {
            Value::Number(number) => {
                text.push('\n');
                comment(text, field.about);
                text.push_str(&format!("#{} = {number}\n", field.name));
            }
            Value::Group(inner) => groups.push((field, inner)),
        }
    }
    for (group, inner) in groups {
        text.push('\n');
        comment(text, group.about);
        limits(text, &format!("{table}.{}", group.name), inner);
    }
}

fn section(text: &mut String, heading: &str) {
    text.push_str(&format!("\n\n# ---- {heading} ----\n"));
}

/// A text as lines of comment.
fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
            text.push_str(&line);
            text.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::program::options::Options;
    use crate::program::settings::parse;

    /// What is no setting, and so has no place in the file.
    const NO_SETTINGS: [&str; 4] = ["config", "help", "version", "limit"];

    fn switched_on() -> String {
        let is_setting = |line: &str| {
            line.strip_prefix('#').is_some_and(|rest| {
                let name = rest.split(" = ").next().unwrap_or_default();
                rest.contains(" = ")
                    && !name.is_empty()
                    && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            })
        };
        let line = |line| if is_setting(line) { &line[1..] } else { line };
        file().lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_option_has_a_place_in_the_file() {
        for option in CommandLine::understood_everywhere().get_arguments() {
            let id = option.get_id().as_str();
            assert_eq!(example(id).is_none(), NO_SETTINGS.contains(&id), "{id}");
        }
    }

    #[test]
    fn as_it_is_written_the_file_sets_nothing() {
        let read = parse(&file(), Path::new("x")).expect("it is understood");
        assert_eq!(read, Options { limits: Some(Limits::default()), ..Options::default() });
    }

    #[test]
    fn switched_on_every_line_is_understood_and_the_limits_are_the_usual_ones() {
        let read = parse(&switched_on(), Path::new("x")).expect("it is understood");
        assert_eq!(read.limits, Some(Limits::default()));
        let set = format!("{read:?}").matches("Some(").count();
        let nothing = format!("{read:?}").matches("None").count();
        assert_eq!(nothing, 1, "all but `limit`, of {set}: {read:?}");
    }

    #[test]
    fn every_limit_has_its_sentence_in_the_file() {
        fn check(fields: &[Documented], text: &str) {
            for field in fields {
                let first = field.about.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
                assert!(text.contains(&first), "{}: {first}", field.name);
                if let Value::Group(inner) = &field.value {
                    check(inner, text);
                }
            }
        }
        check(&Limits::default().documented(), &file());
    }

    #[test]
    fn the_file_in_the_packaging_is_the_one_that_is_written() {
        let kept = include_str!("../../../packaging/server/sightline-server.toml");
        assert!(
            kept == file(),
            "make it anew: sightline-server init --stdout > packaging/server/sightline-server.toml"
        );
    }
}
