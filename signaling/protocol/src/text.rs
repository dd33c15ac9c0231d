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

/// The same for a text of several lines: line breaks stay, in one form and at most `max_breaks` in a row, and a tab becomes a
/// space.
pub(crate) fn clean_lines(text: &str, max_chars: usize, max_breaks: usize) -> String {
    let mut breaks = 0;
    let one_form = text.replace("\r\n", "\n");
    let visible = one_form.chars().filter_map(|c| match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' => Some(' '),
        c if is_hostile(c) => None,
        c => Some(c),
    });
    let bounded: String = visible
        .filter(|c| {
            match c {
                '\n' => breaks += 1,
                c if c.is_whitespace() => {}
                _ => breaks = 0,
            }
            *c != '\n' || breaks <= max_breaks
        })
        .collect();
    let cut: String = bounded.trim().chars().take(max_chars).collect();
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
    fn lines_stay_and_nothing_else_that_is_hostile() {
        assert_eq!(
            clean_lines("one\r\ntwo\rthree\u{2028}\tfour\u{202E}\u{0}\n", 64, 3),
            "one\ntwo\nthree\n four"
        );
    }

    #[test]
    fn nobody_pushes_everything_off_the_screen() {
        assert_eq!(clean_lines("\n\na\n\u{200E}\n\n\n\n\nb", 64, 3), "a\n\n\nb");
        assert_eq!(clean_lines("a\n \n \n \n \nb", 64, 2), "a\n \n   b");
        assert_eq!(clean_lines("\n \n", 64, 3), "");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(clean("ääääää", 3), "äää");
        assert_eq!(clean("ab cdef", 3), "ab");
    }
}
