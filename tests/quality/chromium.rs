//! Two Chromiums, each at its end of the link, spoken to over their debugging pipes.
//!
//! Their signaling is ours to carry: two descriptions with all candidates in them, handed over by this process. A page from a
//! file may use the camera, which is our film; `about:blank` may not.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    film::Film,
    link::{Lab, LinkStory},
    processor::Meter,
    story::{Seen, Story, Volume, mouth_to_ear_ms},
};
use crate::foreign::chromium::{FLAGS, START};

const MORE_FLAGS: &[&str] = &[
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
];

/// For one answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(50);
/// What a browser has said and nobody has read yet.
const WAITING: usize = 1_024;

/// Whether there is one here.
pub(crate) fn is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("chromium").is_file())
}

pub(crate) fn call(lab: &Lab, film: &Film, length: Duration) -> Result<([Story; 2], LinkStory), String> {
    let [mut a, mut b] = [Browser::start(lab, 0, film)?, Browser::start(lab, 1, film)?];
    let offer = a.run("offer()")?;
    let answer = b.run(&format!("answer({offer})"))?;
    a.run(&format!("take({answer})"))?;
    let deadline = Instant::now() + PATIENCE;
    for browser in [&mut a, &mut b] {
        while browser.run("connection()")? == 0 {
            if Instant::now() > deadline {
                return Err("the browsers do not connect".to_owned());
            }
            thread::sleep(A_MOMENT);
        }
    }
    let (mut of_a, mut of_b) = (Meter::of(a.program.id()), Meter::of(b.program.id()));
    let link = lab.watch(length, || {
        of_a.look();
        of_b.look();
    })?;
    let (told_by_a, told_by_b) = (a.run("story()")?, b.run("story()")?);
    Ok(([direction(&told_by_a, &told_by_b, &of_b)?, direction(&told_by_b, &told_by_a, &of_a)?], link))
}

/// A browser with our page; it ends with this.
struct Browser {
    program: Child,
    stdin: ChildStdin,
    said: Receiver<Value>,
    session: Option<String>,
    number: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    fn start(lab: &Lab, end: usize, film: &Film) -> Result<Self, String> {
        let profile = tempfile::tempdir().map_err(|why| why.to_string())?;
        let page = profile.path().join("page.html");
        let (width, height) = (film.size.width(), film.size.height());
        let sound: Vec<u8> = film
            .sound
            .iter()
            .flat_map(|sample| ((sample * f32::from(i16::MAX)) as i16).to_le_bytes())
            .collect();
        let script = include_str!("page.js")
            .replace("WIDTH", &width.to_string())
            .replace("HEIGHT", &height.to_string());
        let sound = BASE64_STANDARD.encode(sound);
        let script = format!("const SOUND = '{sound}';\n{script}");
        fs::write(&page, format!("<!doctype html><meta charset=utf-8><body><script>{script}</script>"))
            .map_err(|why| why.to_string())?;
        let mut command = lab.command(end, "sh");
        command
            .args(["-c", START, "sh"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--use-file-for-fake-video-capture={}", film.pictures.display()))
            .args(FLAGS)
            .args(MORE_FLAGS)
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Lab::log(profile.path()));
        let mut program = command.spawn().map_err(|why| format!("chromium: {why}"))?;
        let stdin = program.stdin.take().ok_or("no pipe to chromium")?;
        let said = listen(program.stdout.take().ok_or("no pipe from chromium")?);
        let mut browser = Self { program, stdin, said, session: None, number: 0, _profile: profile };
        let url = format!("file://{}", page.display());
        let target = browser.ask("Target.createTarget", &json!({ "url": url }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        let deadline = Instant::now() + PATIENCE;
        // The target is there before its page is.
        while browser.run("document.readyState === 'complete' && typeof story === 'function'")? != true {
            if Instant::now() > deadline {
                return Err("the page does not load".to_owned());
            }
            thread::sleep(A_MOMENT);
        }
        Ok(browser)
    }

    /// Has the page do it, and gives what comes of it.
    fn run(&mut self, expression: &str) -> Result<Value, String> {
        let with = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", &with)?;
        let trouble = &answer["exceptionDetails"];
        if trouble.is_null() {
            return Ok(answer["result"]["value"].clone());
        }
        Err(format!("{}: {trouble}", expression.chars().take(40).collect::<String>()))
    }

    fn ask(&mut self, method: &str, with: &Value) -> Result<Value, String> {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": with });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let line = [message.to_string().as_bytes(), &[0]].concat();
        self.stdin.write_all(&line).map_err(|why| format!("chromium hears nothing: {why}"))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let heard = self.said.recv_timeout(left).map_err(|why| format!("chromium, {method}: {why}"))?;
            if heard["id"] == self.number {
                let error = &heard["error"];
                return if error.is_null() {
                    Ok(heard["result"].clone())
                } else {
                    Err(format!("chromium, {method}: {error}"))
                };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.program.kill().ok();
        self.program.wait().ok();
    }
}

fn listen(pipe: impl std::io::Read + Send + 'static) -> Receiver<Value> {
    let (tell, said) = sync_channel(WAITING);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(0, &mut line).is_ok_and(|len| len > 0) {
            line.pop();
            let message = serde_json::from_slice(&line).unwrap_or_default();
            line.clear();
            if tell.send(message).is_err() {
                return;
            }
        }
    });
    said
}

fn direction(from: &Value, to: &Value, meter: &Meter) -> Result<Story, String> {
    let origin = to["connected"].as_f64().ok_or("a browser never connected")?;
    let list = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let volumes = |of: &Value, what: &str| {
        let volume =
            |look: &Value| Some(Volume { at_ms: look["at"].as_f64()? - origin, bytes: look[what].as_f64()? });
        list(of, "looks").iter().filter_map(volume).collect()
    };
    let last = list(to, "looks").last().cloned().unwrap_or_default();
    let ratio = |part: &str, of: &str| {
        let (part, of) = (last[part].as_f64()?, last[of].as_f64()?);
        (of > 0.0).then(|| part / of)
    };
    Ok(Story {
        seen: list(to, "seen").iter().filter_map(|picture| seen(picture, origin)).collect(),
        sent: volumes(from, "sent"),
        received: volumes(to, "received"),
        concealed_percent: ratio("concealed", "samples").map(|ratio| ratio * 100.0),
        sound_buffer_ms: ratio("waited_s", "emitted").map(|waited| waited * 1e3),
        mouth_to_ear_ms: mouth_to_ear(from, to).unwrap_or_default(),
        cores: meter.cores(),
    })
}

/// Both pages tell when they began, on this computer's one clock.
fn mouth_to_ear(from: &Value, to: &Value) -> Option<Vec<f64>> {
    let bytes = BASE64_STANDARD.decode(to["heard"].as_str()?).ok()?;
    let samples: Vec<f32> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|two| f32::from(i16::from_le_bytes(*two)) / f32::from(i16::MAX))
        .collect();
    Some(mouth_to_ear_ms(&samples, to["heard_from"].as_f64()?, from["said"].as_f64()?))
}

/// Expected on the display, handed over, captured, width.
fn seen(picture: &Value, origin_ms: f64) -> Option<Seen> {
    let captured = picture[2].as_f64();
    let (shown, handed) = (picture[0].as_f64()?, picture[1].as_f64()?);
    Some(Seen {
        at_ms: shown - origin_ms,
        delay_ms: captured.map(|captured| shown - captured),
        handed_ms: captured.map(|captured| handed - captured),
        width: u32::try_from(picture[3].as_u64()?).ok()?,
    })
}
