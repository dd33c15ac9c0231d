//! Where pictures' buffers come from and go back to.
//!
//! A 720p picture is 1.4 MB; at 30 a second, taking each from the system means page faults that cost as much as the
//! scaling does. The pool never waits and never refuses: when it is empty it makes a new buffer, when it is full it lets
//! one go. How many pictures are alive at once is bounded by the queues they travel through, not here.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use super::frame::{FrameMut, Size};

/// A shelf of buffers. Cloning shares the shelf.
#[derive(Clone)]
pub struct Pool {
    shelf: Arc<Shelf>,
}

struct Shelf {
    most: usize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// Enough for one stage with a picture in hand, one waiting on each side, and one being shown.
    pub const USUAL: usize = 4;

    /// A pool that keeps at most `most` buffers that nobody uses; more than that are given back to the system.
    pub fn new(most: usize) -> Self {
        Self { shelf: Arc::new(Shelf { most, spare: Mutex::new(Vec::with_capacity(most)) }) }
    }

    /// A picture to be drawn. What is in it is whatever was there before: the caller writes every pixel.
    pub fn frame(&self, size: Size) -> FrameMut {
        FrameMut::new(size, self.buffer(size.i420_len()))
    }

    /// Bytes, for a stage that needs more of them than the picture it makes.
    pub(super) fn buffer(&self, len: usize) -> PooledBuffer {
        let spare = self.shelf.lock().pop();
        // Growing keeps what is there; only a buffer that never was this long gets zeroes.
        let mut bytes = spare.unwrap_or_default();
        bytes.resize(len, 0);
        PooledBuffer { bytes, shelf: Arc::clone(&self.shelf) }
    }

    #[cfg(test)]
    fn spare(&self) -> usize {
        self.shelf.lock().len()
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(Self::USUAL)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool(of {})", self.shelf.most)
    }
}

impl Shelf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        // A list of spare buffers is sound whatever happened to the thread that held it.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that go back to their shelf when dropped.
pub(super) struct PooledBuffer {
    bytes: Vec<u8>,
    shelf: Arc<Shelf>,
}

impl PooledBuffer {
    /// Lets the end go.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }
}

impl Deref for PooledBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let mut spare = self.shelf.lock();
        if spare.len() < self.shelf.most {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::units::MediaTime;

    #[test]
    fn a_buffer_comes_back_with_the_last_clone_of_its_frame() {
        let pool = Pool::new(2);
        let first = pool.frame(Size::SMALL).freeze(MediaTime(0));
        let second = first.clone();
        drop(first);
        assert_eq!(pool.spare(), 0);
        drop(second);
        assert_eq!(pool.spare(), 1);
        let again = pool.frame(Size::SMALL);
        assert_eq!(pool.spare(), 0);
        drop(again);
    }

    #[test]
    fn a_full_pool_lets_buffers_go() {
        let pool = Pool::new(2);
        let frames: Vec<_> = (0..5).map(|_| pool.frame(Size::SMALL)).collect();
        drop(frames);
        assert_eq!(pool.spare(), 2);
    }

    #[test]
    fn a_buffer_is_reused_at_another_size() {
        let pool = Pool::new(1);
        drop(pool.frame(Size::HD));
        assert_eq!(pool.frame(Size::SMALL).planes().y.len(), Size::SMALL.luma_len());
        assert_eq!(pool.frame(Size::HD).planes().u.len(), Size::HD.chroma_len());
    }
}
