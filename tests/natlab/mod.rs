//! The network laboratory: real programs, real sockets, and every kind of network between them.
//!
//! Two installations, a server, and routers that translate, filter or forget, each in a network namespace of its own; between
//! a router and the public network lies a link emulator. Nothing leaves the namespaces. It needs Linux and root, and some
//! programs that Debian has (`cargo xtask setup` names them); where one of these is missing a test says so and skips, and
//! fails where `CI` is set.
//!
//! * `namespaces.rs` what the kernel is asked for, and that it is given back
//! * `router.rs` the kinds of routers
//! * `world.rs` who is connected to whom by what; `server.rs` the servers in it
//! * `call.rs` a call between two programs, and what they told of it
//! * `rows.rs` which networks end in which path · `changes.rs` what happens to a call when its network changes
//! * `files.rs` what becomes of a file then
//! * `trials.rs` what somebody tries with the path of a call
//! * `measure.rs` figures, and how they are told
//!
//! Two mistakes cost others an hour each. A router has to drop what comes unasked *to itself*: otherwise a packet that
//! comes before its hole is open leaves a trace that takes the port away from the client behind. And the public network has
//! to swallow what is sent to private addresses: a server whose own system says "unreachable" gives the relayed call up.

mod call;
mod changes;
mod files;
pub(crate) mod measure;
pub(crate) mod namespaces;
mod router;
mod rows;
pub(crate) mod server;
mod trials;
mod world;
