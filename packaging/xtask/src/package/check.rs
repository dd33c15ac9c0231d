//! What Debian's tools say of the packages, and whether they install, start and go away again.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::setup::on_path;
use crate::steps::{in_ci, succeed};
use crate::{Failure, Outcome};

use super::said_by;

/// The app's name among all apps, as `sightline.metainfo.xml` has it.
pub(super) const COMPONENT: &str = "io.github.sightline.sightline";

/// How long a server may take to print its link.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks at them with every tool that is here.
pub(super) fn looks_right(packages: &[PathBuf], entries: &Path) -> Outcome {
    let desktop = entries.join("sightline.desktop");
    let component = entries.join("sightline.metainfo.xml");
    run("desktop-file-validate", &[], &[desktop], "the desktop entry is not as it should be")?;
    run(
        "appstreamcli",
        &["validate", "--no-net", "--pedantic"],
        &[component],
        "the app's description is not as it should be",
    )?;
    run(
        "lintian",
        &["--allow-root", "--fail-on", "error,warning"],
        packages,
        "lintian complains of a package",
    )
}

fn run(tool: &str, words: &[&str], files: &[PathBuf], if_not: &str) -> Outcome {
    if !on_path(tool) {
        if in_ci() {
            return Err(Failure::new(format!("there is no `{tool}` here, and in CI nothing is skipped.")));
        }
        println!("– {tool}: SKIPPED, it is not installed");
        return Ok(());
    }
    let mut command = Command::new(tool);
    succeed(command.args(words).args(files), &format!("{if_not}, see above."))?;
    println!("✔ {tool}");
    Ok(())
}

/// Installs both on this computer, starts what is in them, and removes them.
pub(super) fn installs(packages: &[PathBuf]) -> Outcome {
    if said_by(Command::new("id").arg("-u")).ok().is_none_or(|user| user.trim() != "0") {
        println!("– installing: SKIPPED, only root may");
        return Ok(());
    }
    for name in ["sightline", "sightline-server"] {
        // In CI it is one that a run before this was cut off with.
        if is_installed(name) && !in_ci() {
            return Err(Failure::new(format!("{name} is installed here already; remove it first.")));
        }
    }
    let mut install = apt_get("install");
    succeed(install.args(packages), "The packages could not be installed, see above.")?;
    let started = starts();
    let mut remove = apt_get("purge");
    succeed(remove.args(["sightline", "sightline-server"]), "The packages could not be removed, see above.")?;
    started?;
    for left in ["/usr/bin/sightline", "/usr/bin/sightline-server", "/etc/sightline-server"] {
        if Path::new(left).exists() {
            return Err(Failure::new(format!("{left} is still there after the packages were removed.")));
        }
    }
    println!("✔ installed, started and removed");
    Ok(())
}

fn apt_get(verb: &str) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args([verb, "--yes", "--no-install-recommends"]);
    command
}

fn is_installed(name: &str) -> bool {
    let said = said_by(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", name]));
    said.is_ok_and(|status| status == "installed")
}

fn starts() -> Outcome {
    for (words, says) in [(&["--version"][..], super::VERSION), (&["doctor", "--help"], "--server")] {
        let said = said_by(Command::new("/usr/bin/sightline").args(words))?;
        if !said.contains(says) {
            return Err(Failure::new(format!("`sightline {}` does not say `{says}`.", words.join(" "))));
        }
    }
    for page in ["/usr/share/man/man1/sightline.1.gz", "/usr/share/man/man8/sightline-server.8.gz"] {
        // Some systems are set up to leave manuals out.
        if !Path::new(page).is_file() {
            println!("– {page} was not installed: this system leaves manuals out");
        }
    }
    server_prints_its_link()
}

fn server_prints_its_link() -> Outcome {
    let data = env::temp_dir().join(format!("sightline-package-{}", std::process::id()));
    let mut child = Command::new("/usr/bin/sightline-server")
        .args(["--https", "off", "--http", "127.0.0.1:0", "--turn-udp", "127.0.0.1:0", "--turn-tcp", "off"])
        .args([
            "--metrics",
            "off",
            "--ask-stun",
            "off",
            "--public-ip",
            "127.0.0.1",
            "--qr",
            "never",
            "--data",
        ])
        .arg(&data)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("the installed server did not start: {error}.")))?;
    let (tell, told) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            let line =
                BufReader::new(output).lines().map_while(Result::ok).find(|line| line.contains("http"));
            tell.send(line).ok();
        });
    }
    let link = told.recv_timeout(PATIENCE).ok().flatten();
    // It may have ended by itself; then there is no link.
    child.kill().ok();
    child.wait().ok();
    fs::remove_dir_all(&data).ok();
    match link {
        Some(link) => {
            println!("✔ the installed server says: {}", link.trim());
            Ok(())
        }
        None => Err(Failure::new("the installed server printed no link.")),
    }
}
