//! The glass: what a person sees and touches.
//!
//! A window draws the desk's newest [`Snapshot`](crate::logic::desk::Snapshot) and tells it what the person wants, as
//! [`Wish`](crate::logic::desk::Wish)es. It keeps only what is of the window itself: which page is open, what is being typed.
//! Nothing in here waits, opens a file or decides about a call.
//!
//! * [`window`] the program's window, and the loop in which it is drawn.
//! * [`shell`] which page is shown; [`screens`] the pages; [`widgets`] what they are made of.
//! * [`panel`] how the call travels: beside every page.
//! * [`scene`] what a page is given and what it may say.
//! * [`theme`], [`fonts`], [`copy`] how it looks and what it says: no other file names a colour or holds a sentence.
//! * [`icons`] our own; [`picture`] video, drawn from its planes.
//! * [`keys`] what the keyboard does.

pub mod copy;
pub mod fonts;
pub mod icons;
pub mod keys;
pub mod panel;
pub mod picture;
pub mod scene;
pub mod screens;
pub mod shell;
pub mod theme;
pub mod widgets;
pub mod window;
