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
pub mod notices;
pub mod progress;
pub mod quality;
pub mod toggle;
