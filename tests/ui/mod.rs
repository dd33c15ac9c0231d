//! The window, without one: pages are drawn from scripted snapshots, pressed by their accessible names, and asked what the
//! person is said to want. A control without a name fails every one of these tests. `easel` draws them as they will look.

mod calls;
#[cfg(target_os = "linux")]
mod easel;
mod first_start;
#[cfg(target_os = "linux")]
mod glass;
mod help;
mod home;
mod pages;
mod panel;
#[cfg(target_os = "linux")]
mod pictures;
mod samples;
mod settings;
