//! What is said to the files of a call, and what they ask for.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use sightline_protocol::call::FileStep;

use crate::logic::desk::Transfer;

/// What may be done about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOrder {
    /// Take it, into that folder.
    Accept {
        /// Where it is put, under its own name or one like it.
        folder: PathBuf,
    },
    /// Not take it.
    Decline,
    /// Hold it.
    Pause,
    /// Go on.
    GoOn,
    /// Stop it for good.
    Cancel,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody here wants something done about a file.
    Order(u64, FileOrder),
    /// The other side says something of a file, sealed.
    Said(u32, FileStep),
    /// Something came over the channel for files.
    Frame(Bytes),
    /// The channel did not take this.
    NotTaken(Bytes),
    /// The channel in use is another, or none.
    Channel(Option<u32>),
    /// Media may send this much.
    Media(u32),
    /// The part file was begun.
    Made(u32),
    /// What was to be read.
    Read {
        /// Of which file.
        file: u32,
        /// From where on.
        at: u64,
        /// All of it.
        bytes: Bytes,
    },
    /// A file is whole and has its name.
    Finished {
        /// Which.
        file: u32,
        /// Where it is.
        path: PathBuf,
    },
    /// The disk does not do what it should.
    Trouble {
        /// With which file.
        file: u32,
        /// What is wrong and what can be done, in words.
        why: String,
    },
    /// The call is over.
    Over,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Say this to the other side, sealed.
    Say(u32, FileStep),
    /// Send this over the channel; what it does not take comes back.
    Send(Bytes),
    /// Begin a part file.
    Make {
        /// Which.
        file: u32,
        /// Where.
        folder: PathBuf,
        /// What it shall be called when it is whole: cleaned.
        name: String,
    },
    /// Write this behind what is there.
    Write {
        /// Which.
        file: u32,
        /// What.
        bytes: Bytes,
    },
    /// It is whole: give it its name.
    Finish {
        /// Which.
        file: u32,
    },
    /// It will not be whole: away with the part file.
    Discard {
        /// Which.
        file: u32,
    },
    /// Read some of a file that is given.
    Read {
        /// Which.
        file: u32,
        /// From where on.
        at: u64,
        /// How much; there is so much.
        len: usize,
    },
    /// Nothing more is read of it.
    Close {
        /// Which.
        file: u32,
    },
    /// How all files stand.
    Tell(Arc<[Transfer]>),
}
