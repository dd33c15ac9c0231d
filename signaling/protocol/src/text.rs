//! Text that somebody else wrote and that will be shown to a person.
//!
//! A name that reaches a ringing window, or an error that reaches a log, must not be able to break lines,
//! turn the reading direction round or push everything else off the screen.

/// `text` without characters that draw nothing or change how their neighbours are drawn, trimmed, and cut
/// after `max_chars` characters. Cleaning twice changes nothing more.
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    let visible: String = text.chars().filter(|c| !is_hostile(*c)).collect();
    let cut: String = visible.trim().chars().take(max_chars).collect();
    cut.trim_end().to_owned()
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_direction_marks_are_removed() {
        assert_eq!(clean(" A\u{202E}d\na\u{0}\u{2028} L. \u{7f}", 64), "Ada L.");
    }

    #[test]
    fn joined_emoji_stay_joined() {
        assert_eq!(clean("👩\u{200D}🚀", 64), "👩\u{200D}🚀");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clean("ääääää", 3), "äää");
        assert_eq!(clean("ab cdef", 3), "ab");
    }
}
