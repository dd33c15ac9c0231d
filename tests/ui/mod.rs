//! The window without a screen.

#[cfg(target_os = "linux")]
mod easel;
#[cfg(target_os = "linux")]
mod glass;
#[cfg(target_os = "linux")]
mod pictures;
