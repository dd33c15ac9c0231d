//! The window, without one: pages are drawn from scripted snapshots, pressed by their accessible names, and asked what the
//! person is said to want. A control without a name fails every one of these tests.

mod calls;
