//! aiortc, a stack in Python with ICE, DTLS glue, RTP and SCTP of its own.

use std::io::Write as _;

use serde_json::Value;

use super::{
    foreign_end::ForeignEnd,
    network::{Want, start_beside},
};

/// Debian's, so that the interpreter that has it is Debian's too.
pub(super) const AIORTC: Want =
    Want { program: "/usr/lib/python3/dist-packages/aiortc/__init__.py", package: "python3-aiortc" };

/// A peer at the foreign end of the cable.
pub(super) fn start() -> ForeignEnd {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("peer.py");
    std::fs::File::create(&script).unwrap().write_all(include_bytes!("aiortc.py")).unwrap();
    let program = start_beside(&["/usr/bin/python3", "-u", script.to_str().unwrap()]);
    ForeignEnd::new(program, b'\n', Value::clone, Some, Some(folder))
}
