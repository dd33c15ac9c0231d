//! The foreign end of a call: a program that is told what to do in JSON, and tells in JSON what happens.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::network::lose_packets;

/// What it has said and nobody has read yet.
const WAITING: usize = 1_024;
/// For one answer of a program on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program; it ends with this.
pub(super) struct ForeignEnd {
    program: Child,
    stdin: ChildStdin,
    /// How a message is put for this program.
    put: Box<dyn FnMut(&Value) -> Value>,
    end: u8,
    said: mpsc::Receiver<Value>,
    /// Kept until the program has ended.
    _folder: Option<tempfile::TempDir>,
}

impl ForeignEnd {
    /// Messages end with `end`; what of them is said by the peer itself, `read` knows.
    pub(super) fn new(
        mut program: Child,
        end: u8,
        put: impl FnMut(&Value) -> Value + 'static,
        read: impl Fn(Value) -> Option<Value> + Send + 'static,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let stdin = program.stdin.take().unwrap();
        let mut stdout = BufReader::new(program.stdout.take().unwrap());
        let (tell, said) = mpsc::channel(WAITING);
        thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(end, &mut line).is_ok_and(|len| len > 0) {
                line.pop();
                let message: Value = serde_json::from_slice(&line).expect("JSON");
                line.clear();
                if let Some(message) = read(message)
                    && tell.blocking_send(message).is_err()
                {
                    return;
                }
            }
        });
        Self { program, stdin, put: Box::new(put), end, said, _folder: folder }
    }

    /// Asks it to do something.
    pub(super) fn ask(&mut self, what: &str, with: Value) {
        let mut message = with;
        message["do"] = json!(what);
        let line = [(self.put)(&message).to_string().as_bytes(), &[self.end]].concat();
        self.stdin.write_all(&line).unwrap();
    }

    /// From now on packets get lost on the way to it, and from it.
    pub(super) fn lose_packets(&self) {
        lose_packets(&self.program);
    }

    /// The next thing that it says.
    pub(super) async fn hear(&mut self) -> Value {
        let said = timeout(PATIENCE, self.said.recv()).await;
        let said = said.expect("it says something").expect("it still runs");
        assert!(said.get("trouble").is_none(), "{said}");
        said
    }
}

impl Drop for ForeignEnd {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}
