//! Somebody else's download over the same link: one plain TCP flow each way.

use std::{
    io::Read as _,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::link::{ENDS, Lab};

const PORTS: [u16; 2] = [5_201, 5_202];
/// Until the one that listens does.
const A_MOMENT: Duration = Duration::from_millis(300);

/// Python is what every such machine has; the flow itself is the kernel's.
const LISTEN: &str = "import socket,sys
s=socket.create_server(('0.0.0.0',int(sys.argv[1])))
c=s.accept()[0]
while True:
    d=c.recv(65536)
    if not d: break
    sys.stdout.buffer.write(len(d).to_bytes(4,'big')); sys.stdout.buffer.flush()";
const SEND: &str = "import socket,sys
c=socket.create_connection((sys.argv[1],int(sys.argv[2])))
while True: c.sendall(bytes(16384))";

pub(crate) struct Rival {
    programs: Vec<Child>,
    received: Arc<AtomicU64>,
    began: Instant,
}

impl Rival {
    pub(crate) fn start(lab: &Lab) -> Result<Self, String> {
        let mut rival = Self { programs: Vec::new(), received: Arc::default(), began: Instant::now() };
        for (end, port) in [0, 1].into_iter().zip(PORTS) {
            let port = port.to_string();
            let mut listens = lab.command(end, "python3");
            listens.args(["-c", LISTEN, &port]).stdout(Stdio::piped());
            rival.run(&mut listens)?;
            if let Some(said) = rival.programs.last_mut().and_then(|listens| listens.stdout.take()) {
                count(said, rival.received.clone());
            }
        }
        thread::sleep(A_MOMENT);
        for (end, port) in [1, 0].into_iter().zip(PORTS) {
            let to = ENDS[1 - end].1.to_string();
            rival.run(
                lab.command(end, "python3").args(["-c", SEND, &to, &port.to_string()]).stdout(Stdio::null()),
            )?;
        }
        rival.began = Instant::now();
        Ok(rival)
    }

    fn run(&mut self, command: &mut Command) -> Result<(), String> {
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        self.programs.push(child.map_err(|why| format!("python3, for the download: {why}"))?);
        Ok(())
    }

    /// What it got on average, each way.
    pub(crate) fn kbits(self) -> f64 {
        let bits = self.received.load(Ordering::Relaxed) as f64 * 8.0;
        bits / 1e3 / self.began.elapsed().as_secs_f64() / PORTS.len() as f64
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        for program in &mut self.programs {
            program.kill().ok();
            program.wait().ok();
        }
    }
}

/// Adds up the lengths that are said, until nothing more is said.
fn count(mut said: ChildStdout, received: Arc<AtomicU64>) {
    thread::spawn(move || {
        let mut len = [0; 4];
        while said.read_exact(&mut len).is_ok() {
            received.fetch_add(u32::from_be_bytes(len).into(), Ordering::Relaxed);
        }
    });
}
