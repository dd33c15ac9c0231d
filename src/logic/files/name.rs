//! The name of a file as it may be shown and written: the other side may call it anything.

/// The longest name that every usual file system takes, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// What may be put behind a name: ` (9999)` and `.part`.
const SUFFIXES: usize = 12;
/// An ending is kept where a name is cut, if it is one.
const LONGEST_ENDING: usize = 16;
/// What a file is called of whose name nothing is left.
const NAMELESS: &str = "file";

/// `name` without what is no part of a name, or would do something elsewhere: folders, control and direction marks, characters
/// that some systems refuse, leading dots, names of devices. Never empty, and short enough for what may be put behind it.
/// Cleaning twice changes nothing more.
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let visible: String = last
        .chars()
        .filter(|c| !is_hidden(*c))
        .map(|c| if matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c })
        .collect();
    let name = match trim(&visible) {
        "" => NAMELESS.to_owned(),
        name if is_device(name) => format!("_{name}"),
        name => name.to_owned(),
    };
    trim(&cut(&name, MAX_NAME_BYTES - SUFFIXES)).to_owned()
}

/// The name that is tried for the `attempt`th time, counted from 1: `a.txt`, `a (2).txt`, `a (3).txt`.
pub fn numbered(name: &str, attempt: u32) -> String {
    if attempt <= 1 {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    format!("{stem} ({attempt}){ending}")
}

/// Neither at the beginning nor at the end: a leading dot hides a file, and Windows drops dots and spaces at the end.
fn trim(name: &str) -> &str {
    name.trim_start_matches(|c: char| c == '.' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

fn cut(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let (stem, ending) = split(name);
    let room = most - ending.len();
    let end = (0..=room).rev().find(|at| stem.is_char_boundary(*at)).unwrap_or_default();
    format!("{}{ending}", &stem[..end])
}

/// A name, and its ending with the dot: `.tar.gz` counts as `.gz`.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= LONGEST_ENDING => name.split_at(at),
        Some(_) | None => (name, ""),
    }
}

/// Draws nothing, or changes how its neighbours are drawn. `photo\u{202E}gpj.exe` would look like a picture.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Windows opens a device by these, whatever their ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!(rest.next(), Some('0'..='9' | '¹' | '²' | '³')) && rest.next().is_none()
        })
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_usual_name_stays() {
        for name in ["Übersicht 2026 (1).tar.gz", "写真.jpg", "a", "📎 note.txt", "no ending"] {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn a_name_leads_to_no_other_place() {
        for (name, cleaned) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/", "file"),
            ("..", "file"),
            ("C:secret.txt", "C_secret.txt"),
            ("a.txt:stream", "a.txt_stream"),
            (".bashrc", "bashrc"),
            ("folder/", "folder"),
            ("", "file"),
        ] {
            assert_eq!(clean(name), cleaned, "{name}");
        }
    }

    #[test]
    fn a_name_is_what_it_looks_like() {
        assert_eq!(clean("photo\u{202E}gpj.exe"), "photogpj.exe");
        assert_eq!(clean("a\u{200B}\u{0}b\n.txt"), "ab.txt");
        assert_eq!(clean("invoice.pdf   . ."), "invoice.pdf");
    }

    #[test]
    fn a_device_is_no_file() {
        for name in ["CON", "nul.txt", "Com1.log", "LPT³", "aux .h", "conin$"] {
            assert!(clean(name).starts_with('_'), "{name}");
        }
        for name in ["CONSOLE", "com10", "nullable.txt"] {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let cleaned = clean(&format!("{}.jpeg", "ä".repeat(300)));
        assert!(cleaned.ends_with("ä.jpeg") && cleaned.len() <= MAX_NAME_BYTES - SUFFIXES, "{cleaned}");
    }

    #[test]
    fn further_ones_are_numbered_before_the_ending() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 2), "a (2).txt");
        assert_eq!(numbered("a", 12), "a (12)");
    }

    proptest! {
        #[test]
        fn whatever_it_is_called_it_is_one_name_that_fits(name in "([\\PC\\x00-\\x1f./\\\\ ]|CON|\u{202E}|\u{0301}){0,400}") {
            let cleaned = clean(&name);
            prop_assert!(!cleaned.is_empty() && !cleaned.starts_with('.'));
            prop_assert!(!cleaned.chars().any(|c| c.is_control() || "/\\:".contains(c)));
            let longest = numbered(&cleaned, 9999) + ".part";
            prop_assert!(longest.len() <= MAX_NAME_BYTES);
            prop_assert!(!is_device(&cleaned));
            prop_assert_eq!(clean(&cleaned), cleaned);
        }
    }
}
