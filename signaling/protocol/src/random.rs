//! Random bytes from the operating system.
//!
//! A key, a challenge or a call identity that could be guessed is worse than none, so a system that gives no
//! randomness is an error for the caller to show, not something to paper over.

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system gave no random numbers ({0}); keys cannot be made without them")]
pub struct NoRandomness(#[from] getrandom::Error);

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
