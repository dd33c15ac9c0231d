//! A still picture with words, for when there is nothing else to show.
//!
//! The other side sees it: a frozen face, or black, leaves people guessing. The letters are our own, five by seven dots,
//! capitals alone, because a font file and a renderer for two sentences would be the larger part of the work. What has
//! no letter here is drawn as a dot.

use super::{
    frame::{FrameMut, Size},
    pool::Pool,
};

/// Dots from one letter to the next, and from one line to the next.
const CELL: (usize, usize) = (6, 10);
/// Letters in a line, where the words allow it: more lines are easier to read than small letters.
const LINE: usize = 18;

const GROUND: u8 = 40;
const INK: u8 = 200;

/// Draws `words` in the middle of a picture.
pub fn draw(words: &str, size: Size, pool: &Pool) -> FrameMut {
    let mut frame = pool.frame(size);
    frame.fill(GROUND);
    let lines = broken(words, LINE);
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(1);
    // A margin of a line's height above and below, and of two letters at the sides.
    let dot = (size.width() / ((longest + 4) * CELL.0)).min(size.height() / ((lines.len() + 2) * CELL.1));
    if dot == 0 {
        return frame;
    }
    let top = (size.height() - lines.len() * CELL.1 * dot) / 2;
    let planes = frame.planes_mut();
    for (number, line) in lines.iter().enumerate() {
        let left = (size.width() - line.chars().count() * CELL.0 * dot) / 2;
        write(line, planes.y, size, (left, top + number * CELL.1 * dot), dot);
    }
    frame
}

/// Lines of at most `most` letters; a word that is longer has a line to itself.
fn broken(words: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let fits = |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= most;
        match lines.last_mut().filter(fits) {
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn write(line: &str, luma: &mut [u8], size: Size, (left, top): (usize, usize), dot: usize) {
    for (number, letter) in line.chars().enumerate() {
        for (y, row) in shape(letter).split(' ').enumerate() {
            for x in row.bytes().enumerate().filter(|(_, ink)| *ink == b'#').map(|(x, _)| x) {
                let at = left + (number * CELL.0 + x) * dot;
                for line in luma.chunks_exact_mut(size.width()).skip(top + y * dot).take(dot) {
                    line[at..at + dot].fill(INK);
                }
            }
        }
    }
}

fn shape(letter: char) -> &'static str {
    match letter.to_ascii_uppercase() {
        ' ' => "..... ..... ..... ..... ..... ..... .....",
        'A' => ".###. #...# #...# ##### #...# #...# #...#",
        'B' => "####. #...# #...# ####. #...# #...# ####.",
        'C' => ".###. #...# #.... #.... #.... #...# .###.",
        'D' => "####. #...# #...# #...# #...# #...# ####.",
        'E' => "##### #.... #.... ####. #.... #.... #####",
        'F' => "##### #.... #.... ####. #.... #.... #....",
        'G' => ".###. #...# #.... #.### #...# #...# .###.",
        'H' => "#...# #...# #...# ##### #...# #...# #...#",
        'I' => ".###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.",
        'J' => "..### ...#. ...#. ...#. ...#. #..#. .##..",
        'K' => "#...# #..#. #.#.. ##... #.#.. #..#. #...#",
        'L' => "#.... #.... #.... #.... #.... #.... #####",
        'M' => "#...# ##.## #.#.# #.#.# #...# #...# #...#",
        'N' => "#...# ##..# ##..# #.#.# #..## #..## #...#",
        'O' => ".###. #...# #...# #...# #...# #...# .###.",
        'P' => "####. #...# #...# ####. #.... #.... #....",
        'Q' => ".###. #...# #...# #...# #.#.# #..#. .##.#",
        'R' => "####. #...# #...# ####. #.#.. #..#. #...#",
        'S' => ".#### #.... #.... .###. ....# ....# ####.",
        'T' => "##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..",
        'U' => "#...# #...# #...# #...# #...# #...# .###.",
        'V' => "#...# #...# #...# #...# .#.#. .#.#. ..#..",
        'W' => "#...# #...# #...# #.#.# #.#.# ##.## #...#",
        'X' => "#...# #...# .#.#. ..#.. .#.#. #...# #...#",
        'Y' => "#...# #...# .#.#. ..#.. ..#.. ..#.. ..#..",
        'Z' => "##### ....# ...#. ..#.. .#... #.... #####",
        '0' => ".###. #...# #..## #.#.# ##..# #...# .###.",
        '1' => "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
        '2' => ".###. #...# ....# ..##. .#... #.... #####",
        '3' => ".###. #...# ....# ..##. ....# #...# .###.",
        '4' => "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
        '5' => "##### #.... ####. ....# ....# #...# .###.",
        '6' => "..##. .#... #.... ####. #...# #...# .###.",
        '7' => "##### ....# ...#. ..#.. .#... .#... .#...",
        '8' => ".###. #...# #...# .###. #...# #...# .###.",
        '9' => ".###. #...# #...# .#### ....# ...#. .##..",
        '.' => "..... ..... ..... ..... ..... .##.. .##..",
        ',' => "..... ..... ..... ..... .##.. ..#.. .#...",
        ':' => "..... .##.. .##.. ..... .##.. .##.. .....",
        '-' => "..... ..... ..... .###. ..... ..... .....",
        '\'' | '’' => "..#.. ..#.. .#... ..... ..... ..... .....",
        '!' => "..#.. ..#.. ..#.. ..#.. ..#.. ..... ..#..",
        '?' => ".###. #...# ....# ..##. ..#.. ..... ..#..",
        _ => "..... ..... ..#.. .###. ..#.. ..... .....",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn inked(words: &str, size: Size) -> usize {
        draw(words, size, &Pool::new(1)).planes().y.iter().filter(|&&luma| luma == INK).count()
    }

    #[test]
    fn every_letter_has_its_own_shape_of_five_by_seven() {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:-'!?";
        let shapes: HashSet<_> = letters.chars().map(shape).collect();
        assert_eq!(shapes.len(), letters.chars().count());
        for shape in shapes {
            let rows: Vec<_> = shape.split(' ').collect();
            assert_eq!(rows.len(), 7, "{shape}");
            assert!(rows.iter().all(|row| row.len() == 5), "{shape}");
        }
    }

    #[test]
    fn words_are_seen_at_every_size_that_has_room_and_never_panic() {
        for size in ["1280x720", "640x360", "320x180", "160x120", "180x320", "3840x2160"] {
            assert!(inked("The camera was unplugged", size.parse().unwrap()) > 100, "{size}");
        }
        for size in ["16x16", "64x16"] {
            assert_eq!(inked("The camera was unplugged", size.parse().unwrap()), 0, "{size}");
        }
        assert_eq!(inked("", Size::SMALL), 0);
    }

    #[test]
    fn a_letter_is_drawn_as_it_is_written() {
        let size: Size = "128x96".parse().unwrap();
        let frame = draw("T", size, &Pool::new(1));
        let rows: Vec<_> = frame.planes().y.chunks_exact(size.width()).map(|row| row.to_vec()).collect();
        let (top, bottom) = (
            rows.iter().position(|row| row.contains(&INK)).unwrap(),
            rows.iter().rposition(|row| row.contains(&INK)).unwrap(),
        );
        let across = |row: &[u8]| row.iter().filter(|&&luma| luma == INK).count();
        assert_eq!(across(&rows[top]), 5 * across(&rows[bottom]));
        assert_eq!((bottom + 1 - top) / 7, across(&rows[bottom]));
    }

    #[test]
    fn long_words_are_broken_between_words_alone() {
        assert_eq!(
            broken("The camera is used by another program", 24),
            ["The camera is used by", "another program"]
        );
        assert_eq!(broken("a Donaudampfschifffahrtsgesellschaft b", 10).len(), 3);
        assert!(broken("  ", 24).is_empty());
    }

    #[test]
    fn small_letters_count_as_capitals_and_what_is_unknown_is_marked() {
        assert_eq!(shape('q'), shape('Q'));
        assert_eq!(shape('Ж'), shape('€'));
        assert_ne!(shape('Ж'), shape(' '));
    }
}
