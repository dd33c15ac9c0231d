//! `setup`: looks at this machine, says what is missing and why, and installs it where it knows how.
//!
//! It knows `apt-get`. On other Linux systems it stops with the list when something required is missing; on macOS and
//! Windows, where the C compiler's own tools are often off the `PATH`, it gives advice and goes on.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::needs::{self, LINUX_NEEDS, NEEDS, Need, TEST_NEEDS};
use crate::steps::cargo;
use crate::{Failure, Outcome};

/// Package lists older than this name versions that the mirrors may have dropped.
const LISTS_ARE_OLD_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Finds what is missing and installs it.
pub(crate) fn setup() -> Outcome {
    let missing = missing_for_the_build();
    if missing.is_empty() {
        println!("✔ set-up: everything the build needs is here\n");
        return Ok(());
    }
    println!("Missing for the build:\n{}", needs::explain(&missing));
    if !cfg!(target_os = "linux") {
        for need in &missing {
            println!("  {}: {}", need.name, need.elsewhere);
        }
        return Ok(());
    }
    let Err(why) = install(&missing) else {
        println!("\n✔ set-up: everything the build needs is here now\n");
        return Ok(());
    };
    let still = missing_for_the_build();
    let packages = needs::packages(&still);
    if still.iter().any(|need| need.required) {
        return Err(Failure::new(format!("{why} {}", needs::by_hand(on_path("apt-get"), &packages))));
    }
    println!("{why} Going on without: {}\n", packages.join(" "));
    Ok(())
}

fn missing_for_the_build() -> Vec<&'static Need> {
    let mut missing = needs::missing(NEEDS, on_path);
    if cfg!(target_os = "linux") {
        missing.extend(needs::missing(LINUX_NEEDS, on_path));
    }
    missing
}

/// Finds what only the tests want, and installs it where that goes. A test whose program stays absent skips and says so.
pub(crate) fn test_tools() {
    bring(TEST_NEEDS);
}

/// Finds what of these is missing, and installs it where that goes.
pub(crate) fn bring(wanted: &'static [Need]) {
    let missing = needs::missing(wanted, on_path);
    if missing.is_empty() || !cfg!(target_os = "linux") {
        return;
    }
    println!("Missing:\n{}", needs::explain(&missing));
    // One by one: not every system has every package, and apt-get installs all of a list or nothing.
    for need in missing {
        match install(&[need]) {
            Ok(()) => silence(need),
            Err(why) => println!("{why} What needs {} will say that it skips.", need.name),
        }
    }
    println!();
}

/// Stops a service that a package has started unasked: only its tools are wanted.
fn silence(need: &Need) {
    let Some(service) = need.service else { return };
    if !Path::new("/run/systemd/system").is_dir() {
        return;
    }
    let mut words = if is_root() { vec![] } else { vec!["sudo"] };
    words.extend(["systemctl", "disable", "--now", service]);
    if !show_and_run(&words) {
        println!("The service {service} came with {} and may be running; nothing here needs it.", need.name);
    }
}

/// Adds rustfmt and clippy where a minimal toolchain came without them.
pub(crate) fn components() -> Outcome {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let there = quiet(cargo().args([subcommand, "--version"]))
            || (on_path("rustup") && show_and_run(&["rustup", "component", "add", component]));
        if !there {
            return Err(Failure::new(format!(
                "`cargo {subcommand}` is missing. Install it with `rustup component add {component}`."
            )));
        }
    }
    Ok(())
}

fn install(missing: &[&Need]) -> Result<(), String> {
    if !on_path("apt-get") {
        return Err("This system has no apt-get, and no other package manager is known here.".to_owned());
    }
    let is_root = is_root();
    if !is_root && !on_path("sudo") {
        return Err("Installing packages needs root, and there is no sudo.".to_owned());
    }
    if lists_are_old(Path::new("/var/lib/apt/lists"), SystemTime::now())
        && !show_and_run(&needs::apt_get(is_root, "update", &[]))
    {
        println!("apt-get could not refresh its lists; trying with what it has.");
    }
    if !show_and_run(&needs::apt_get(is_root, "install", &needs::packages(missing))) {
        return Err("apt-get did not install the packages; its own words are above.".to_owned());
    }
    match missing.iter().find(|need| !need.tools.iter().any(|tool| on_path(tool))) {
        Some(need) => Err(format!("apt-get succeeded, but {} is still not on the PATH.", need.name)),
        None => Ok(()),
    }
}

/// Whether `apt-get update` has never run here, or not for a day.
fn lists_are_old(folder: &Path, now: SystemTime) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return true };
    if !entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages")) {
        return true;
    }
    // A list keeps the mirror's own date; the folder's says when apt-get last wrote here.
    let updated = fs::metadata(folder).and_then(|folder| folder.modified());
    updated.is_ok_and(|updated| now.duration_since(updated).is_ok_and(|age| age > LISTS_ARE_OLD_AFTER))
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    answer.is_ok_and(|answer| answer.stdout.trim_ascii() == b"0")
}

/// Whether a program of this name is on the `PATH`.
///
/// What is named by its whole path may hold one `*` for a version: `/usr/lib/llvm-*/lib/libclang.so`.
pub(crate) fn on_path(program: &str) -> bool {
    if let Some((before, after)) = program.split_once('*') {
        return some_version(before, after);
    }
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(&file).is_file()))
}

fn some_version(before: &str, after: &str) -> bool {
    let (folder, begins) = before.rsplit_once('/').unwrap_or((".", before));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(begins));
    named.map(|entry| entry.path()).any(|path| Path::new(&format!("{}{after}", path.display())).is_file())
}

fn show_and_run<S: AsRef<OsStr>>(words: &[S]) -> bool {
    let shown: Vec<_> = words.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    println!("$ {}", shown.join(" "));
    let Some((program, arguments)) = words.split_first() else { return false };
    Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
}

fn quiet(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_old_when_absent_empty_or_a_day_unchanged() {
        let folder = env::temp_dir().join(format!("xtask-lists-{}", std::process::id()));
        let now = SystemTime::now();
        assert!(lists_are_old(&folder, now), "absent");

        fs::create_dir(&folder).expect("the temporary folder is writable");
        fs::write(folder.join("lock"), "").expect("the temporary folder is writable");
        assert!(lists_are_old(&folder, now), "holds no list");

        fs::write(folder.join("deb.example_main_binary-amd64_Packages"), "").expect("the folder is writable");
        assert!(!lists_are_old(&folder, SystemTime::now()), "fresh");
        assert!(lists_are_old(&folder, SystemTime::now() + 2 * LISTS_ARE_OLD_AFTER), "two days later");
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn a_whole_path_may_leave_a_version_open() {
        let folder = env::temp_dir().join(format!("xtask-versions-{}", std::process::id()));
        fs::create_dir_all(folder.join("llvm-21/lib")).expect("the temporary folder is writable");
        fs::write(folder.join("llvm-21/lib/libclang.so"), "").expect("the folder is ours");
        let any = |file: &str| on_path(&format!("{}/llvm-*/lib/{file}", folder.display()));
        assert!(any("libclang.so"));
        assert!(!any("libllvm.so"));
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn a_program_that_nobody_has_is_not_on_the_path() {
        assert!(!on_path("no-program-has-this-name-sightline"));
    }
}
