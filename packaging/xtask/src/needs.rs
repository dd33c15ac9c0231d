//! What a build and its tests need beyond `cargo`, and which command brings it: tables and pure functions over them.
//!
//! Debian and Ubuntu are probed by tool where there is a tool to find (a cmake from somewhere else is as good as the
//! packaged one) and by package where there is none. Elsewhere the table is advice.

/// One thing the build needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// What it is called by people.
    pub(crate) name: &'static str,
    /// Any one of these programs on the `PATH` satisfies it; what is no program is named by its whole path.
    pub(crate) tools: &'static [&'static str],
    /// What brings it on Debian and Ubuntu.
    pub(crate) debian: &'static [&'static str],
    /// How to get it on macOS and Windows, in words.
    pub(crate) elsewhere: &'static str,
    /// Whether the build fails without it; otherwise it is only worse.
    pub(crate) required: bool,
    /// Why this build wants it.
    pub(crate) why: &'static str,
    /// The service that the package would start by itself, and that nobody asked for.
    pub(crate) service: Option<&'static str>,
}

/// Everything today's build needs. A new dependency that compiles C or links a library adds a line.
pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "a C compiler",
        tools: &["cc", "cl"],
        debian: &["gcc", "libc6-dev"],
        elsewhere: "`xcode-select --install` on macOS, the Visual Studio C++ build tools on Windows",
        required: true,
        why: "compiles libopus and links everything",
        service: None,
    },
    Need {
        name: "a C++ compiler",
        tools: &["c++", "cl"],
        debian: &["g++"],
        elsewhere: "comes with the C compiler",
        required: true,
        why: "compiles OpenH264, the video codec",
        service: None,
    },
    Need {
        name: "cmake",
        tools: &["cmake"],
        debian: &["cmake"],
        elsewhere: "`brew install cmake` on macOS, `winget install Kitware.CMake` on Windows",
        required: true,
        why: "configures libopus, the sound codec, which is built from source",
        service: None,
    },
    Need {
        name: "make",
        tools: &["make", "gmake", "ninja", "nmake", "msbuild"],
        debian: &["make"],
        elsewhere: "comes with the C compiler",
        required: true,
        why: "runs the build that cmake has configured",
        service: None,
    },
    Need {
        name: "nasm",
        tools: &["nasm"],
        debian: &["nasm"],
        elsewhere: "`brew install nasm` on macOS, `winget install NASM.NASM` on Windows, and put it on the PATH",
        required: false,
        why: "assembles OpenH264's fast paths: without it video costs two to three times the processor time",
        service: None,
    },
];

/// What a build for Linux needs beside that, to hear, speak and see: sound and cameras are reached through the system there.
pub(crate) const LINUX_NEEDS: &[Need] = &[
    Need {
        name: "pkg-config",
        tools: &["pkg-config", "pkgconf"],
        debian: &["pkg-config"],
        elsewhere: "not wanted there",
        required: true,
        why: "finds the system's libraries",
        service: None,
    },
    Need {
        name: "ALSA's headers",
        tools: &["/usr/include/alsa/asoundlib.h"],
        debian: &["libasound2-dev"],
        elsewhere: "not wanted there",
        required: true,
        why: "microphones and loudspeakers",
        service: None,
    },
    Need {
        name: "libclang",
        tools: &["/usr/lib/llvm-*/lib/libclang.so", "/usr/lib64/libclang.so"],
        debian: &["libclang-dev"],
        elsewhere: "not wanted there",
        required: true,
        why: "reads the system's headers for cameras",
        service: None,
    },
];

/// What the tests want beside that: other people's programs, to be held against ours. A test that finds its program
/// absent says that it skipped, and why.
pub(crate) const TEST_NEEDS: &[Need] = &[
    Need {
        name: "ip",
        tools: &["ip"],
        debian: &["iproute2"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "makes the network namespaces that links, routers and foreign peers are tested in",
        service: None,
    },
    Need {
        name: "coturn's tools",
        tools: &["turnutils_uclient"],
        debian: &["coturn"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a foreign STUN and TURN client, to test the relay with",
        service: Some("coturn"),
    },
    Need {
        name: "pebble",
        tools: &["pebble"],
        debian: &["pebble"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a certificate authority for tests, to ask it for certificates by ACME",
        service: None,
    },
    Need {
        name: "Chromium",
        tools: &["chromium"],
        debian: &["chromium"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a browser, to call and be called by",
        service: None,
    },
    Need {
        name: "aiortc",
        tools: &["/usr/lib/python3/dist-packages/aiortc/__init__.py"],
        debian: &["python3-aiortc"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a WebRTC stack that shares no line with a browser's or ours, to call and be called by",
        service: None,
    },
    Need {
        name: "nftables",
        tools: &["nft"],
        debian: &["nftables"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "makes the network laboratory's routers",
        service: None,
    },
    Need {
        name: "conntrack",
        tools: &["conntrack"],
        debian: &["conntrack"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "makes the network laboratory's routers forget",
        service: None,
    },
    Need {
        name: "PulseAudio",
        tools: &["pulseaudio"],
        debian: &["pulseaudio"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a sound server of the tests' own, to speak and be heard in",
        service: None,
    },
    Need {
        name: "PulseAudio's tools",
        tools: &["pactl", "pacmd"],
        debian: &["pulseaudio-utils"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "play, record and plug in the sound server's devices",
        service: None,
    },
    Need {
        name: "Mesa's EGL",
        tools: &["/usr/lib/*/libEGL_mesa.so.0", "/usr/lib64/libEGL_mesa.so.0"],
        debian: &["libegl1", "libgl1-mesa-dri"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "draws the window's pages without a screen",
        service: None,
    },
    Need {
        name: "Xvfb",
        tools: &["Xvfb"],
        debian: &[
            "xvfb",
            "libgl1-mesa-dri",
            "libegl1",
            "libgl1",
            "libxkbcommon-x11-0",
            "libxcursor1",
            "libxi6",
            "libxrandr2",
            "libx11-xcb1",
        ],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a screen in memory, and drawing without a graphics card, for the window",
        service: None,
    },
    Need {
        name: "xdotool",
        tools: &["xdotool"],
        debian: &["xdotool"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "keys and pointer for the window",
        service: None,
    },
    Need {
        name: "scrot",
        tools: &["scrot"],
        debian: &["scrot"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "pictures of the window",
        service: None,
    },
    Need {
        name: "AT-SPI",
        tools: &["/usr/libexec/at-spi-bus-launcher"],
        debian: &["at-spi2-core"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "what a screen reader hears of the window",
        service: None,
    },
    Need {
        name: "AT-SPI from Python",
        tools: &[
            "/usr/lib/x86_64-linux-gnu/girepository-1.0/Atspi-2.0.typelib",
            "/usr/lib/*/girepository-1.0/Atspi-2.0.typelib",
        ],
        debian: &["gir1.2-atspi-2.0", "python3-gi"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "reads and presses the window by its names",
        service: None,
    },
    Need {
        name: "dbus-run-session",
        tools: &["dbus-run-session"],
        debian: &["dbus"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a desktop's message bus of the tests' own",
        service: None,
    },
    Need {
        name: "weston",
        tools: &["weston"],
        debian: &["weston"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "a screen in memory on which windows are shown by way of Wayland",
        service: None,
    },
    Need {
        name: "rsvg-convert",
        tools: &["rsvg-convert"],
        debian: &["librsvg2-bin"],
        elsewhere: "the tests that use it are for Linux",
        required: false,
        why: "draws the icon's file, to be held against the icon in the program",
        service: None,
    },
];

/// What packages are made and looked at with.
pub(crate) const PACKAGE_NEEDS: &[Need] = &[
    Need {
        name: "dpkg-shlibdeps",
        tools: &["dpkg-shlibdeps"],
        debian: &["dpkg-dev"],
        elsewhere: "packages are made on Linux",
        required: true,
        why: "says which libraries a package depends on",
        service: None,
    },
    Need {
        name: "strip",
        tools: &["strip"],
        debian: &["binutils"],
        elsewhere: "packages are made on Linux",
        required: true,
        why: "leaves out of a program what only a debugger reads",
        service: None,
    },
    Need {
        name: "lintian",
        tools: &["lintian"],
        debian: &["lintian"],
        elsewhere: "packages are made on Linux",
        required: false,
        why: "knows what Debian wants of a package",
        service: None,
    },
    Need {
        name: "desktop-file-validate",
        tools: &["desktop-file-validate"],
        debian: &["desktop-file-utils"],
        elsewhere: "packages are made on Linux",
        required: false,
        why: "knows what a desktop wants of an entry",
        service: None,
    },
    Need {
        name: "appstreamcli",
        tools: &["appstreamcli"],
        debian: &["appstream"],
        elsewhere: "packages are made on Linux",
        required: false,
        why: "knows what a software centre wants of a description",
        service: None,
    },
];

/// The needs that `has` does not answer for.
pub(crate) fn missing(needs: &[Need], has: impl Fn(&str) -> bool) -> Vec<&Need> {
    needs.iter().filter(|need| !need.tools.iter().any(|tool| has(tool))).collect()
}

/// The packages that bring them, each once.
pub(crate) fn packages(missing: &[&Need]) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for package in missing.iter().flat_map(|need| need.debian) {
        if !packages.contains(package) {
            packages.push(*package);
        }
    }
    packages
}

/// What a person reads about the missing things: one line each, with the reason.
pub(crate) fn explain(missing: &[&Need]) -> String {
    missing
        .iter()
        .map(|need| {
            let weight = if need.required { "" } else { " (works without it)" };
            format!("  {}: {}{weight}\n", need.name, need.why)
        })
        .collect()
}

/// The words of a command that runs `apt-get` as root.
pub(crate) fn apt_get(is_root: bool, verb: &str, packages: &[&str]) -> Vec<String> {
    let mut words: Vec<&str> = if is_root { vec![] } else { vec!["sudo"] };
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", verb, "--yes"]);
    if !packages.is_empty() {
        words.push("--no-install-recommends");
        words.extend(packages);
    }
    words.into_iter().map(str::to_owned).collect()
}

/// What to do where this program cannot install: a line to paste where there is `apt-get`, names to look for elsewhere.
pub(crate) fn by_hand(has_apt_get: bool, packages: &[&str]) -> String {
    if has_apt_get {
        let command = apt_get(true, "install", packages).join(" ");
        return format!("Let somebody who is root run this, and try again:\n  {command}");
    }
    format!("Install these, and try again (their names on Debian and Ubuntu): {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(tools: &'static [&'static str]) -> impl Fn(&str) -> bool {
        move |tool| tools.contains(&tool)
    }

    #[test]
    fn a_machine_with_everything_misses_nothing() {
        assert!(missing(NEEDS, with(&["cc", "c++", "cmake", "make", "nasm"])).is_empty());
    }

    #[test]
    fn a_bare_debian_with_only_a_c_compiler_is_told_the_exact_packages() {
        let lacks = missing(NEEDS, with(&["cc"]));
        assert_eq!(packages(&lacks), ["g++", "cmake", "make", "nasm"]);
        assert_eq!(
            apt_get(false, "install", &packages(&lacks)).join(" "),
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends g++ cmake make nasm"
        );
    }

    #[test]
    fn root_needs_no_sudo_and_an_update_names_no_package() {
        assert_eq!(
            apt_get(true, "update", &[]).join(" "),
            "env DEBIAN_FRONTEND=noninteractive apt-get update --yes"
        );
    }

    #[test]
    fn who_cannot_install_is_given_a_line_to_paste_or_the_names() {
        assert_eq!(
            by_hand(true, &["cmake", "make"]),
            "Let somebody who is root run this, and try again:\n  env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends cmake make"
        );
        assert!(by_hand(false, &["cmake", "make"]).ends_with(": cmake make"));
    }

    #[test]
    fn any_one_of_the_tools_will_do() {
        let lacks = missing(NEEDS, with(&["cl", "cmake", "nmake", "nasm"]));
        assert!(lacks.is_empty(), "{lacks:?}");
    }

    #[test]
    fn a_package_that_brings_two_things_is_asked_for_once() {
        let need = |name| Need {
            name,
            tools: &["x"],
            debian: &["both"],
            elsewhere: "",
            required: true,
            why: "",
            service: None,
        };
        let needs = [need("one"), need("two")];
        assert_eq!(packages(&missing(&needs, |_| false)), ["both"]);
    }

    #[test]
    fn what_only_tests_want_is_never_required() {
        assert!(TEST_NEEDS.iter().all(|need| !need.required && !need.why.is_empty()));
    }

    #[test]
    fn each_missing_thing_is_explained_and_only_nasm_can_be_done_without() {
        let lacks = missing(NEEDS, |_| false);
        let text = explain(&lacks);
        assert_eq!(text.lines().count(), NEEDS.len());
        assert_eq!(text.lines().filter(|line| line.contains("works without")).count(), 1);
        assert!(lacks.iter().all(|need| !need.why.is_empty() && !need.elsewhere.is_empty()));
    }
}
