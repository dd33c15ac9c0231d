//! HTML as it is put together. Names of elements and attributes stand in this program; everything else is escaped, and
//! there is no way past that.

use std::fmt::Write as _;

use crate::logic::proof::words;

/// What has been put together so far.
#[derive(Default)]
pub(super) struct Markup(String);

/// An attribute. Its value is escaped.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Markup {
    /// Our own words as they stand, tags and all.
    pub(super) fn ours(&mut self, html: &'static str) {
        self.0.push_str(html);
    }

    /// A text.
    pub(super) fn text(&mut self, text: &str) {
        for letter in words::plain(text).chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                letter => self.0.push(letter),
            }
        }
    }

    /// An element with something in it.
    pub(super) fn within(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        self.0.push('>');
        inside(self);
        write!(self.0, "</{name}>").expect("a text takes everything");
    }

    /// An element with a text in it.
    pub(super) fn element(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.within(name, attributes, |inside| inside.text(text));
    }

    /// An element that has nothing in it: a line of a drawing.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(name, attributes);
        self.0.push_str("/>");
    }

    fn begin(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        write!(self.0, "<{name}").expect("a text takes everything");
        for (attribute, value) in attributes {
            write!(self.0, " {attribute}=\"").expect("a text takes everything");
            self.text(value);
            self.0.push('"');
        }
    }

    /// What was put together apart.
    pub(super) fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// A new line, so that the file can be read.
    pub(super) fn line(&mut self) {
        self.0.push('\n');
    }

    /// The whole.
    pub(super) fn finish(self) -> String {
        self.0
    }
}
