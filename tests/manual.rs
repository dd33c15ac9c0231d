//! The manual page names everything that the command line does.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

#[test]
fn the_manual_names_every_command_and_every_option() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/linux/sightline.1"))
        .unwrap();
    let page = page.replace("\\-", "-");
    let mut missing = BTreeSet::new();
    let mut ways = vec![vec![]];
    while let Some(way) = ways.pop() {
        let help = help(&way);
        for command in commands(&help) {
            if !page.contains(&command) {
                missing.insert(command.clone());
            }
            // `help` can be asked about everything, itself included.
            if command != "help" && !way.contains(&"help".to_owned()) {
                ways.push(way.iter().cloned().chain([command]).collect());
            }
        }
        missing.extend(options(&help).filter(|option| !page.contains(option)));
    }
    assert!(missing.is_empty(), "packaging/linux/sightline.1 does not know {missing:?}");
}

fn help(way: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sightline")).args(way).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn commands(help: &str) -> Vec<String> {
    let after = help.split_once("Commands:\n").map_or("", |(_, after)| after);
    let lines = after.lines().take_while(|line| !line.is_empty());
    // What goes on from the line before stands further in.
    let begins = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    begins.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn options(help: &str) -> impl Iterator<Item = String> {
    let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let words = lines.flat_map(|line| line.split_whitespace().take(2));
    words.filter(|word| word.starts_with("--")).map(|word| word.trim_end_matches(',').to_owned())
}
