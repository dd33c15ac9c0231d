//! `run`: builds Sightline in release mode and starts it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use crate::steps::{cargo, succeed};
use crate::{Failure, Outcome};

/// Builds and starts `sightline`; its exit code becomes ours.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let app = build("sightline")?;
    let (arguments, notice) = choose(arguments, has_display());
    if let Some(notice) = notice {
        println!("{notice}");
    }
    let status = Command::new(&app).args(&arguments).status();
    pass_through(
        status.map_err(|error| Failure::new(format!("{} could not be started: {error}.", app.display())))?,
    )
}

/// Builds one program in release mode and says where it is. Always of the whole workspace: cargo unites the features of what
/// is chosen, so one package alone would have most dependencies built once more.
pub(crate) fn build(program: &str) -> Result<PathBuf, Failure> {
    succeed(
        cargo().args(["build", "--release", "--workspace", "--bin", program]),
        &format!("{program} did not build; the compiler's words are above."),
    )?;
    let ours =
        env::current_exe().map_err(|error| Failure::new(format!("cannot find my own program: {error}.")))?;
    // cargo put this program into TARGET/PROFILE/, and that one into TARGET/release/.
    let built = ours
        .ancestors()
        .nth(2)
        .map(|target| target.join("release").join(format!("{program}{}", env::consts::EXE_SUFFIX)));
    built
        .filter(|built| built.is_file())
        .ok_or_else(|| Failure::new(format!("{program} was built, but is not beside {}.", ours.display())))
}

/// Nothing for success; otherwise the program's own code, and no sentence beyond the program's own.
fn pass_through(status: ExitStatus) -> Outcome {
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { sentence: format!("sightline ended with {status}."), code })
}

/// What to start, and what to tell the person first.
fn choose(arguments: &[String], has_display: bool) -> (Vec<String>, Option<&'static str>) {
    if !arguments.is_empty() || has_display {
        return (arguments.to_vec(), None);
    }
    let notice =
        "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): running `sightline demo`.";
    (vec!["demo".to_owned()], Some(notice))
}

fn has_display() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_opens_where_there_is_one_and_a_display() {
        assert_eq!(choose(&[], true), (vec![], None));
    }

    #[test]
    fn without_a_display_the_demo_runs_and_says_why() {
        let (arguments, notice) = choose(&[], false);
        assert_eq!(arguments, ["demo"]);
        assert!(notice.is_some_and(|notice| notice.contains("display")), "{notice:?}");
    }

    #[test]
    fn a_person_who_says_what_to_start_gets_it() {
        let asked = ["link".to_owned()];
        assert_eq!(choose(&asked, false), (asked.to_vec(), None));
    }
}
