//! What pages are made of. A widget is a function of plain data: it has a name and a state that a screen reader says, and it
//! knows nothing of calls.

pub mod arrange;
pub mod avatar;
pub mod button;
pub mod card;
pub mod chip;
pub mod control;
pub mod field;
pub mod icon_button;
pub mod linked;
pub mod live;
pub mod menu;
pub mod meter;
pub mod nav;
pub mod notices;
pub mod page;
pub mod person;
pub mod picker;
pub mod progress;
pub mod qr;
pub mod quality;
pub mod rows;
pub mod segments;
pub mod toggle;
