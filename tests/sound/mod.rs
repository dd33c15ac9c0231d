//! Real programs with real devices, as far as a sound server can make some: a PulseAudio of the test's own, in which each
//! end of a call has a speaker and a microphone. What is fed to one end's microphone is listened for at the other's speaker.
//!
//! `lab` is that sound server, `ears` listens in it. The time of everything is real.

mod calls;
mod ears;
mod lab;
