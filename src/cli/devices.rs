//! What can be heard with, spoken with and seen with: a list for people, or for programs.

use serde_json::json;

use crate::{
    adapters::sound_devices::CpalDevices,
    engine::ports::sound::SoundDevices as _,
    logic::devices::{Device, DeviceKind},
};

use super::{
    Exit,
    tell::{complain, say},
};

/// Lists all devices of this computer.
pub(super) fn run(as_json: bool) -> anyhow::Result<Exit> {
    let mut sound = CpalDevices::new();
    let mut devices = Vec::new();
    for kind in [DeviceKind::Microphone, DeviceKind::Speaker] {
        match sound.list(kind) {
            Ok(listed) => devices.extend(listed),
            Err(why) => complain(&format!("The {kind}s could not be listed: {why}.")),
        }
    }
    if as_json {
        say(&serde_json::to_string_pretty(&json!({ "devices": devices }))?);
    } else if devices.is_empty() {
        say(
            "There are no devices: no microphone, no speaker, no camera. Plug one in, or start a sound server.",
        );
    } else {
        devices.iter().for_each(|device| say(&line(device)));
    }
    Ok(Exit::Fine)
}

fn line(Device { kind, id, name, is_default }: &Device) -> String {
    let mark = if *is_default { "*" } else { " " };
    format!("{mark} {kind:<10} {name}  ({id})", kind = kind.to_string())
}
