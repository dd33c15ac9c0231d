//! Chromium without a window, spoken to by its debugging protocol over two pipes: no port, no driver, no library.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Child,
};

use serde_json::{Value, json};

use super::{foreign_end::ForeignEnd, network::start_beside};

/// The protocol wants its pipes as the third and fourth file.
pub(crate) const START: &str = "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

pub(crate) const FLAGS: &[&str] = &[
    "--headless=new",
    // It refuses to run as root otherwise, and a namespace is made by root alone.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-pipe",
];

/// A page with our script in it, at the foreign end of the cable.
pub(super) fn start() -> ForeignEnd {
    let folder = tempfile::tempdir().unwrap();
    let profile = format!("--user-data-dir={}", folder.path().display());
    let mut program = start_beside(&[&["sh", "-c", START, "sh", &profile], FLAGS, &["about:blank"]].concat());
    let page = open_page(&mut program);
    let mut number = 100;
    let put = move |message: &Value| {
        number += 1;
        let run = json!({ "expression": format!("hear({message})") });
        json!({ "id": number, "method": "Runtime.evaluate", "params": run, "sessionId": page })
    };
    ForeignEnd::new(program, 0, put, |message| said_by_page(&message), Some(folder))
}

/// What the page itself said, and what went wrong in it.
fn said_by_page(message: &Value) -> Option<Value> {
    match message["method"].as_str() {
        Some("Runtime.bindingCalled") => serde_json::from_str(message["params"]["payload"].as_str()?).ok(),
        Some("Runtime.exceptionThrown") => Some(json!({ "trouble": message })),
        _ if !message["result"]["exceptionDetails"].is_null() || !message["error"].is_null() => {
            Some(json!({ "trouble": message }))
        }
        _ => None,
    }
}

fn open_page(program: &mut Child) -> String {
    let mut number = 0;
    let mut ask = |method: &str, params: Value, session: Option<&str>| -> Value {
        number += 1;
        let mut message = json!({ "id": number, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let line = [message.to_string().as_bytes(), &[0]].concat();
        program.stdin.as_mut().unwrap().write_all(&line).unwrap();
        // One byte a read: what follows the answer is not for us.
        let mut stdout = BufReader::with_capacity(1, program.stdout.as_mut().unwrap());
        loop {
            let mut line = Vec::new();
            assert!(stdout.read_until(0, &mut line).unwrap() > 0, "Chromium ended");
            line.pop();
            let heard: Value = serde_json::from_slice(&line).unwrap();
            if heard["id"] == number {
                assert!(heard["error"].is_null() && heard["result"]["exceptionDetails"].is_null(), "{heard}");
                return heard["result"].clone();
            }
        }
    };
    let target = ask("Target.createTarget", json!({ "url": "about:blank" }), None);
    let attach = json!({ "targetId": target["targetId"], "flatten": true });
    let attached = ask("Target.attachToTarget", attach, None);
    let page = attached["sessionId"].as_str().unwrap().to_owned();
    ask("Runtime.enable", json!({}), Some(&page));
    ask("Runtime.addBinding", json!({ "name": "tell" }), Some(&page));
    ask("Runtime.evaluate", json!({ "expression": include_str!("page.js") }), Some(&page));
    page
}
