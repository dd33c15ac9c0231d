//! What pages are made of. A widget is a function of plain data: it has a name and a state that a screen reader says, and it
//! knows nothing of calls.

pub mod avatar;
pub mod button;
pub mod card;
pub mod field;
pub mod toggle;
