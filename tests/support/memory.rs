//! Counts what each thread asks of the allocator.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static ASKED: Cell<Asked> = const { Cell::new(Asked { times: 0, held_bytes: 0, largest: 0 }) };
}

/// What a thread has asked for so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// For memory, for more of it, or to take some back.
    pub(crate) times: u64,
    /// What it has taken less what it has given back.
    pub(crate) held_bytes: i64,
    /// The largest piece since [`forget_largest`].
    pub(crate) largest: usize,
}

/// What this thread has asked for.
pub(crate) fn asked() -> Asked {
    ASKED.get()
}

/// Looks for the largest piece from now on.
pub(crate) fn forget_largest() {
    ASKED.set(Asked { largest: 0, ..ASKED.get() });
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(taken: usize, given_back: usize) {
    // A thread that is ending has no counter any more, and nobody who would read it.
    let note = |asked: &Cell<Asked>| {
        let Asked { times, held_bytes, largest } = asked.get();
        asked.set(Asked {
            times: times + 1,
            held_bytes: held_bytes + taken as i64 - given_back as i64,
            largest: largest.max(taken),
        });
    };
    ASKED.try_with(note).ok();
}

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: everything is handed on to the system's allocator as it came. Counting asks for no memory: the counter needs none
// and is never dropped.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises, handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises, handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count(len, layout.size());
        // SAFETY: the caller's promises, handed on.
        unsafe { System.realloc(memory, layout, len) }
    }
}
