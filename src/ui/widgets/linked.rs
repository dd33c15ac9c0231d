//! Words with links in them. A link is shown as it is, and nothing happens before it is clicked.
//!
//! What counts as one: web addresses with their scheme, and links that call somebody. Addresses of mail, of files and
//! everything else stay words: a click on words of somebody else should have few surprises.

use egui::{Label, RichText, Ui, Vec2};
use linkify::{LinkFinder, LinkKind};

use crate::ui::theme;

const APP_SCHEME: &str = "sightline:";
const WEB_SCHEMES: [&str; 2] = ["https://", "http://"];

/// A part of some words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Only words.
    Words(&'a str),
    /// Opens in the browser.
    Web(&'a str),
    /// Calls somebody.
    Call(&'a str),
}

/// A link was clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clicked {
    /// One that opens in the browser.
    Web(String),
    /// One that calls somebody.
    Call(String),
}

/// Shows words with their links, wrapped to what room there is. Says which link was clicked.
pub fn show(ui: &mut Ui, text: &str) -> Option<Clicked> {
    let mut clicked = None;
    for line in text.split('\n') {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::ZERO;
            ui.spacing_mut().interact_size.y = 0.0;
            if line.is_empty() {
                ui.add(Label::new(RichText::new(" ").font(theme::body())));
            }
            for piece in pieces(line) {
                match piece {
                    Piece::Words(words) => {
                        ui.add(Label::new(RichText::new(plain(words)).font(theme::body())).selectable(true));
                    }
                    Piece::Web(link) => {
                        if ui.link(RichText::new(link).font(theme::body())).clicked() {
                            clicked = Some(Clicked::Web(link.to_owned()));
                        }
                    }
                    Piece::Call(link) => {
                        if ui.link(RichText::new(plain(link)).font(theme::body())).clicked() {
                            clicked = Some(Clicked::Call(link.to_owned()));
                        }
                    }
                }
            }
        });
    }
    clicked
}

/// Takes a line apart.
pub fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(at) = call_link_at(rest) {
        let (before, from_here) = rest.split_at(at);
        let end = from_here.find(char::is_whitespace).unwrap_or(from_here.len());
        let (link, behind) = from_here.split_at(end);
        web_pieces(before, &mut pieces);
        pieces.push(Piece::Call(link));
        rest = behind;
    }
    web_pieces(rest, &mut pieces);
    pieces
}

/// Where a link that calls somebody begins: at the start of a word, in small letters or large ones.
fn call_link_at(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(APP_SCHEME).map(|(at, _)| at).find(|&at| {
        let starts_a_word = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        let goes_on = text[at + APP_SCHEME.len()..].chars().next().is_some_and(|next| !next.is_whitespace());
        starts_a_word && goes_on
    })
}

fn web_pieces<'a>(text: &'a str, pieces: &mut Vec<Piece<'a>>) {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]).url_can_be_iri(false);
    for span in finder.spans(text).filter(|span| !span.as_str().is_empty()) {
        let words = span.as_str();
        let is_web = span.kind().is_some() && WEB_SCHEMES.iter().any(|scheme| words.starts_with(scheme));
        pieces.push(if is_web { Piece::Web(words) } else { Piece::Words(words) });
    }
}

/// Without the marks that turn the direction of what follows: they can make words look like others.
fn plain(words: &str) -> String {
    words.chars().filter(|mark| !matches!(mark, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_is_a_link_and_the_full_stop_behind_it_is_not() {
        assert_eq!(
            pieces("see https://example.org/a?b=1."),
            [Piece::Words("see "), Piece::Web("https://example.org/a?b=1"), Piece::Words(".")]
        );
    }

    #[test]
    fn nothing_but_the_web_and_calls_is_a_link() {
        for text in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ftp://example.org",
            "ada@example.org",
            "www.example.org",
            "sightline:",
            "nosightline:https",
        ] {
            let is_words = pieces(text).iter().all(|piece| matches!(piece, Piece::Words(_)));
            assert!(is_words, "{text}: {:?}", pieces(text));
        }
    }

    #[test]
    fn a_call_link_is_one_wherever_it_stands() {
        let link = "sightline:https://example.org/#abc.def~ghi";
        let text = format!("call {link} or https://example.org now");
        assert_eq!(
            pieces(&text),
            [
                Piece::Words("call "),
                Piece::Call(link),
                Piece::Words(" or "),
                Piece::Web("https://example.org"),
                Piece::Words(" now"),
            ]
        );
    }

    #[test]
    fn letters_that_look_like_others_end_an_address() {
        assert_eq!(pieces("https://ex\u{0430}mple.org").first(), Some(&Piece::Web("https://ex")));
        assert_eq!(plain("a\u{202E}b\u{2066}c"), "abc");
    }
}
