//! `package`: one .deb of the app and one of the server, held to what Debian's own tools say of them.
//!
//! The tree of each package is laid out here and given to `dpkg-deb`. cargo-deb was looked at: it takes minutes to install,
//! finds no more of the libraries than `dpkg-shlibdeps` does, and what is opened while the program runs has to be named by
//! hand with it as well. So it would save the hundred lines that lay out the tree, and cost a dependency that nothing else
//! needs.

mod check;
mod tree;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs::{self, PACKAGE_NEEDS};
use crate::setup::{self, on_path};
use crate::steps::{self, cargo, succeed, workspace};
use crate::{Failure, Outcome};

use tree::Tree;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Who answers for the packages: whoever builds others says so in DEBFULLNAME and DEBEMAIL, as Debian's tools have it.
const MAINTAINER: &str = "The Sightline authors";
const ADDRESS: &str = "sightline@users.noreply.github.com";

/// Opened while the app runs, so nothing that reads the program finds them: what the window, its keyboard and its mouse
/// come by on X11 and on Wayland, how it draws, and where it finds letters that its own typeface lacks.
const OPENED_BY_THE_APP: &str = "libegl1, libfontconfig1, libgl1, libwayland-client0, libwayland-cursor0, \
     libwayland-egl1, libx11-6, libx11-xcb1, libxcursor1, libxi6, libxkbcommon-x11-0, libxkbcommon0, libxrandr2";

/// Typefaces within the app whose licence wants to be passed on with them.
const FONTS: [&str; 1] = ["Inter"];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Install, start and remove them on this computer.
    check: bool,
    /// Programs that are built already lie in this folder.
    from: Option<PathBuf>,
}

/// Builds both, and looks at them.
pub(crate) fn package(arguments: &[String]) -> Outcome {
    let wanted = understood(arguments)?;
    if !has_packages() {
        return Err(Failure::new("packages are made on Debian and its like, where there is dpkg-deb."));
    }
    has_tools()?;
    let programs = match wanted.from {
        Some(folder) => folder,
        None => built()?,
    };
    let packages = made_of(&programs)?;
    if wanted.check {
        check::installs(&packages)?;
    }
    for package in &packages {
        println!("{}", package.display());
    }
    Ok(())
}

/// As a test: of the programs that the tests before it have built. They are installed in CI alone: nobody who runs the
/// tests has asked for another program on their computer.
pub(crate) fn test() -> Outcome {
    if !has_packages() {
        println!("– packages: SKIPPED, they are made on Debian and its like");
        return Ok(());
    }
    println!("▶ packages: as `cargo xtask package`, of the programs that were tested");
    has_tools()?;
    let packages = made_of(&target().join("debug"))?;
    if steps::in_ci() {
        check::installs(&packages)?;
    } else {
        println!("– installing: left out, `cargo xtask package --check` does it");
    }
    Ok(())
}

fn has_packages() -> bool {
    cfg!(target_os = "linux") && on_path("dpkg-deb")
}

fn has_tools() -> Outcome {
    setup::bring(PACKAGE_NEEDS);
    let lacking = needs::missing(PACKAGE_NEEDS, on_path);
    match lacking.iter().find(|need| need.required) {
        Some(needed) => Err(Failure::new(format!("there is no {} here; it {}.", needed.name, needed.why))),
        None => Ok(()),
    }
}

fn made_of(programs: &Path) -> Result<Vec<PathBuf>, Failure> {
    let root = workspace();
    let here = target().join("package");
    let plans = [app(&root, programs), server(&root, programs)];
    let packages = plans.iter().map(|plan| make(&root, &here, plan)).collect::<Result<Vec<_>, _>>()?;
    check::looks_right(&packages, &root.join("packaging/linux"))?;
    Ok(packages)
}

fn understood(arguments: &[String]) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--check" => wanted.check = true,
            "--from" => {
                let folder =
                    words.next().ok_or_else(|| Failure::usage("`--from` wants a folder with programs."))?;
                wanted.from = Some(folder.into());
            }
            other => {
                return Err(Failure::usage(format!(
                    "`package` knows --check and --from FOLDER, not `{other}`."
                )));
            }
        }
    }
    Ok(wanted)
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn built() -> Result<PathBuf, Failure> {
    println!("▶ building both programs in release mode");
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--workspace", "--bins"]).current_dir(workspace());
    succeed(&mut command, "The programs could not be built, see above.")?;
    Ok(target().join("release"))
}

/// A package to be made.
struct Plan {
    name: &'static str,
    program: PathBuf,
    /// Libraries that are opened while it runs.
    opened: &'static str,
    /// What goes where, beside the program: where it is, where it goes, whether it can be run.
    files: Vec<(PathBuf, String)>,
    /// Manual page: its name with the section, and its text.
    manual: (&'static str, Manual),
    /// Scripts of the package.
    scripts: &'static [&'static str],
    /// Files that belong to whoever changes them.
    settings: &'static [&'static str],
}

enum Manual {
    File(PathBuf),
    SaidBy(PathBuf),
}

fn app(root: &Path, programs: &Path) -> Plan {
    let linux = root.join("packaging/linux");
    let icons = root.join("assets/icons");
    let mut files = vec![
        (linux.join("sightline.desktop"), "usr/share/applications/sightline.desktop".to_owned()),
        (
            linux.join("sightline.metainfo.xml"),
            format!("usr/share/metainfo/{}.metainfo.xml", check::COMPONENT),
        ),
        (icons.join("sightline.svg"), "usr/share/icons/hicolor/scalable/apps/sightline.svg".to_owned()),
    ];
    files.extend([48, 128, 256].map(|size| {
        let file = icons.join(format!("sightline-{size}.png"));
        (file, format!("usr/share/icons/hicolor/{size}x{size}/apps/sightline.png"))
    }));
    Plan {
        name: "sightline",
        program: programs.join("sightline"),
        opened: OPENED_BY_THE_APP,
        files,
        manual: ("sightline.1", Manual::File(linux.join("sightline.1"))),
        scripts: &[],
        settings: &[],
    }
}

fn server(root: &Path, programs: &Path) -> Plan {
    let folder = root.join("packaging/server");
    let program = programs.join("sightline-server");
    Plan {
        name: "sightline-server",
        files: vec![(folder.join("sightline-server.toml"), "etc/sightline-server/server.toml".to_owned())],
        manual: ("sightline-server.8", Manual::SaidBy(program.clone())),
        program,
        opened: "",
        scripts: &["postinst", "prerm", "postrm"],
        settings: &["/etc/sightline-server/server.toml"],
    }
}

fn make(root: &Path, here: &Path, plan: &Plan) -> Result<PathBuf, Failure> {
    let debian = root.join("packaging/linux/debian");
    let tree = Tree::begin(here.join(plan.name))?;
    let program = format!("usr/bin/{}", plan.name);
    tree.copy(&plan.program, &program, true)?;
    tree.strip(&program)?;
    for (file, place) in &plan.files {
        tree.copy(file, place, false)?;
    }
    if plan.name == "sightline-server" {
        let unit = read(&root.join("packaging/server/sightline-server.service"))?;
        // By hand it is installed beside the distribution's own programs, here among them.
        let unit = unit.replace("/usr/local/bin/", "/usr/bin/");
        tree.write("lib/systemd/system/sightline-server.service", &unit)?;
    }
    let manual = match &plan.manual.1 {
        Manual::File(file) => read(file)?,
        Manual::SaidBy(program) => said_by(Command::new(program).arg("man"))?,
    };
    let section = plan.manual.0.rsplit('.').next().unwrap_or_default();
    tree.write_packed(&format!("usr/share/man/man{section}/{}", plan.manual.0), &manual)?;
    let documents = format!("usr/share/doc/{}", plan.name);
    tree.copy(&debian.join("copyright"), &format!("{documents}/copyright"), false)?;
    tree.write_packed(&format!("{documents}/changelog"), &changelog(root))?;
    if plan.name == "sightline" {
        for font in FONTS {
            let licence = root.join(format!("assets/fonts/LICENSE-{font}.txt"));
            tree.write_packed(&format!("{documents}/LICENSE-{font}.txt"), &read(&licence)?)?;
        }
    }
    let overrides = debian.join(format!("{}.lintian-overrides", plan.name));
    if overrides.is_file() {
        tree.copy(&overrides, &format!("usr/share/lintian/overrides/{}", plan.name), false)?;
    }
    for script in plan.scripts {
        tree.copy(&debian.join(format!("{}.{script}", plan.name)), &format!("DEBIAN/{script}"), true)?;
    }
    if !plan.settings.is_empty() {
        tree.write("DEBIAN/conffiles", &(plan.settings.join("\n") + "\n"))?;
    }
    let depends = depends(&tree, here, &program, plan)?;
    let control = read(&debian.join(format!("{}.control", plan.name)))?;
    let architecture = said_by(Command::new("dpkg").arg("--print-architecture"))?;
    let control = filled(
        &control,
        &[
            ("version", VERSION),
            ("architecture", architecture.trim()),
            ("maintainer", &maintainer()),
            ("size", &tree.kibibytes().to_string()),
            ("depends", &depends),
        ],
    );
    tree.write("DEBIAN/control", &control)?;
    tree.sum()?;
    let package = here.join(format!("{}_{VERSION}_{}.deb", plan.name, architecture.trim()));
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "--build"]).arg(tree.root()).arg(&package);
    succeed(&mut build, "dpkg-deb did not make the package, see above.")?;
    Ok(package)
}

/// What the program is linked with, as Debian names it, and what it opens by itself.
fn depends(tree: &Tree, here: &Path, program: &str, plan: &Plan) -> Result<String, Failure> {
    // It wants to stand beside a source package's file.
    let beside = here.join("shlibdeps");
    fs::create_dir_all(beside.join("debian")).map_err(|error| cannot("make", &beside, &error))?;
    let control = beside.join("debian/control");
    fs::write(&control, format!("Source: {0}\n\nPackage: {0}\nArchitecture: any\n", plan.name))
        .map_err(|error| cannot("write", &control, &error))?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.arg("-O").arg(tree.root().join(program)).current_dir(&beside);
    let said = said_by(&mut command)?;
    let linked = said.trim().strip_prefix("shlibs:Depends=").unwrap_or_default();
    let all = [linked, plan.opened].into_iter().filter(|part| !part.is_empty());
    Ok(all.collect::<Vec<_>>().join(", "))
}

fn changelog(root: &Path) -> String {
    // When the commit was made, so that two builds of it are the same.
    let mut command = Command::new("git");
    command.args(["log", "-1", "--format=%cD"]).current_dir(root);
    let date = said_by(&mut command).ok().map(|date| date.trim().to_owned()).filter(|date| !date.is_empty());
    let date = date.unwrap_or_else(|| "Thu, 01 Jan 1970 00:00:00 +0000".to_owned());
    format!(
        "sightline ({VERSION}) unstable; urgency=medium\n\n  * What changed is told in CHANGELOG.md of the source.\n\n \
         -- {}  {date}\n",
        maintainer()
    )
}

fn maintainer() -> String {
    let said = |name: &str, usual: &str| env::var(name).unwrap_or_else(|_| usual.to_owned());
    format!("{} <{}>", said("DEBFULLNAME", MAINTAINER), said("DEBEMAIL", ADDRESS))
}

fn filled(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("{{{name}}}"), word))
}

fn said_by(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().display().to_string();
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("`{program}` could not be started: {error}.")))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::new(format!("`{program}` failed: {why}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| cannot("read", file, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        assert_eq!(understood(&[]), Ok(Wanted::default()));
        let both = Wanted { check: true, from: Some("out".into()) };
        assert_eq!(understood(&words("--check --from out")), Ok(both));
        for wrong in ["--from", "--chekc", "now"] {
            assert_eq!(understood(&words(wrong)).expect_err(wrong).code, 2);
        }
    }

    #[test]
    fn the_templates_leave_nothing_open() {
        let words =
            [("version", "1"), ("architecture", "a"), ("maintainer", "m"), ("size", "2"), ("depends", "d")];
        let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("../linux/debian");
        for name in ["sightline.control", "sightline-server.control"] {
            let text = filled(&read(&debian.join(name)).expect("the template is there"), &words);
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(text.contains("Version: 1\n") && text.contains("Depends: d\n"), "{text}");
        }
    }

    #[test]
    fn what_goes_into_the_packages_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for plan in [app(&root, Path::new("programs")), server(&root, Path::new("programs"))] {
            for (file, _) in &plan.files {
                assert!(file.is_file(), "{}", file.display());
            }
        }
        assert!(FONTS.iter().all(|font| root.join(format!("assets/fonts/LICENSE-{font}.txt")).is_file()));
    }
}
