//! How what was chosen becomes `settings.toml` and comes out of it.
//!
//! People write that file as well. So it is never made anew: what differs is changed where it stands, and comments, order and
//! keys that are not known stay.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

use crate::{
    app::CONTACTS,
    logic::desk::{Appearance, Choices, DataUse, Preferences},
    settings::Settings,
};

const MAY_EXAMINE: &str = "may_examine";

/// What a window needs of the settings.
pub(super) fn from_settings(settings: &Settings) -> Choices {
    let Settings { voice, devices, window, .. } = settings.clone();
    Choices {
        name: settings.name.clone(),
        server: settings.server.clone(),
        servers: settings.servers.clone(),
        devices: [devices.microphone, devices.speaker, devices.camera],
        begun: settings.set_up,
        preferences: Preferences {
            echo_cancelling: voice.echo,
            noise_suppression: voice.noise,
            gain_control: voice.gain,
            always_relay: settings.always_relay,
            data_use: settings.data_use,
            appearance: window.appearance,
            scale: if window.scale.is_finite() { window.scale.clamp(0.5, 3.0) } else { 1.0 },
            mirror: window.mirror,
            start_hidden: window.start_hidden,
            keep_running: window.keep_running,
            notifications: settings.notifications,
            ring: settings.ring,
            show_online: settings.show_online,
            contacts_may_examine: settings.may_examine.iter().any(|who| who == CONTACTS),
            downloads: settings.downloads.clone(),
            keep_reports: settings.keep_reports,
        },
    }
}

/// The file's text with what was chosen now in the place of what stood there.
pub(super) fn write_into(text: &str, choices: &Choices) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let usual = from_settings(&Settings::default());
    let (now, was) = (&choices.preferences, &usual.preferences);
    let root = document.as_table_mut();
    put(root, "name", choices.name.as_deref().map(Value::from));
    put(root, "server", choices.server.as_deref().map(Value::from));
    let servers: toml_edit::Array = choices.servers.iter().collect();
    put_unless(root, "servers", servers, choices.servers.is_empty());
    put_unless(root, "set_up", choices.begun, !choices.begun);
    put_unless(root, "always_relay", now.always_relay, now.always_relay == was.always_relay);
    let data_use = match now.data_use {
        DataUse::Full => "full",
        DataUse::Less => "less",
        DataUse::Least => "least",
    };
    put_unless(root, "data_use", data_use, now.data_use == was.data_use);
    let downloads = now.downloads.as_ref().and_then(|path| path.to_str());
    put(root, "downloads", downloads.map(Value::from));
    for (key, now, was) in [
        ("show_online", now.show_online, was.show_online),
        ("notifications", now.notifications, was.notifications),
        ("ring", now.ring, was.ring),
        ("keep_reports", now.keep_reports, was.keep_reports),
    ] {
        put_unless(root, key, now, now == was);
    }
    let_contacts(root, now.contacts_may_examine);
    section(root, "voice", |voice| {
        put_unless(voice, "echo", now.echo_cancelling, now.echo_cancelling == was.echo_cancelling);
        put_unless(voice, "noise", now.noise_suppression, now.noise_suppression == was.noise_suppression);
        put_unless(voice, "gain", now.gain_control, now.gain_control == was.gain_control);
    });
    section(root, "devices", |devices| {
        for (key, (now, was)) in
            ["microphone", "speaker", "camera"].into_iter().zip(choices.devices.iter().zip(&usual.devices))
        {
            put_unless(devices, key, now.to_string(), now == was);
        }
    });
    section(root, "window", |window| {
        let appearance = match now.appearance {
            Appearance::System => "system",
            Appearance::Light => "light",
            Appearance::Dark => "dark",
        };
        put_unless(window, "appearance", appearance, now.appearance == was.appearance);
        // As people write it: 1.1, not what lies next to it in single precision.
        let scale = (f64::from(now.scale) * 1000.0).round() / 1000.0;
        put_unless(window, "scale", scale, now.scale == was.scale);
        put_unless(window, "mirror", now.mirror, now.mirror == was.mirror);
        put_unless(window, "start_hidden", now.start_hidden, now.start_hidden == was.start_hidden);
        put_unless(window, "keep_running", now.keep_running, now.keep_running == was.keep_running);
    });
    Ok(document.to_string())
}

/// All contacts among those who may ask, or not. Whoever is named beside them stays.
fn let_contacts(root: &mut Table, may: bool) {
    if !may && !root.contains_key(MAY_EXAMINE) {
        return;
    }
    let named = root.entry(MAY_EXAMINE).or_insert_with(|| value(toml_edit::Array::new()));
    let Some(named) = named.as_array_mut() else { return };
    let is_contacts = |who: &Value| who.as_str() == Some(CONTACTS);
    let is_there = named.iter().any(is_contacts);
    match (may, is_there) {
        (true, false) => named.push(CONTACTS),
        (false, true) => named.retain(|who| !is_contacts(who)),
        (true, true) | (false, false) => {}
    }
}

/// A part of the file; made when something is to stand in it.
fn section(root: &mut Table, name: &str, fill: impl FnOnce(&mut dyn TableLike)) {
    if let Some(there) = root.get_mut(name).and_then(Item::as_table_like_mut) {
        fill(there);
        return;
    }
    let mut new = Table::new();
    fill(&mut new);
    if !new.is_empty() {
        root.insert(name, Item::Table(new));
    }
}

/// What is as usual is not written where nothing stood.
fn put_unless(table: &mut dyn TableLike, key: &str, now: impl Into<Value>, is_usual: bool) {
    if !is_usual || table.contains_key(key) {
        put(table, key, Some(now.into()));
    }
}

/// What is the same already stays as somebody wrote it, and a comment beside it in any case.
fn put(table: &mut dyn TableLike, key: &str, now: Option<Value>) {
    let Some(mut now) = now else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(was) if is_same(was, &now) => {}
        Some(was) => {
            *now.decor_mut() = was.decor().clone();
            *was = now;
        }
        None => {
            table.insert(key, value(now));
        }
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Integer(one), Value::Float(other)) => (*one.value() as f64 - other.value()).abs() < 1e-9,
        (Value::Float(one), Value::Float(other)) => (one.value() - other.value()).abs() < 1e-9,
        (Value::Boolean(one), Value::Boolean(other)) => one.value() == other.value(),
        (Value::String(one), Value::String(other)) => one.value() == other.value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::devices::{Choice, DeviceId};

    fn read(text: &str) -> Choices {
        from_settings(&toml::from_str(text).unwrap())
    }

    #[test]
    fn what_was_chosen_is_read_as_it_was_written() {
        let mut choices = from_settings(&Settings::default());
        assert_eq!(write_into("", &choices).unwrap(), "", "nothing but what is usual");
        choices.name = Some("Ada \"L\"".to_owned());
        choices.server = Some("https://a.example/".to_owned());
        choices.servers = vec!["https://a.example/".to_owned(), "https://b.example/".to_owned()];
        choices.begun = true;
        choices.devices[2] = Choice::Id(DeviceId::new("usb-1/Desk"));
        choices.preferences = Preferences {
            echo_cancelling: false,
            noise_suppression: false,
            gain_control: false,
            always_relay: true,
            data_use: DataUse::Least,
            appearance: Appearance::Dark,
            scale: 1.1,
            mirror: false,
            start_hidden: true,
            keep_running: false,
            notifications: false,
            ring: false,
            show_online: false,
            contacts_may_examine: true,
            downloads: Some("/tmp/a b".into()),
            keep_reports: false,
        };
        let text = write_into("", &choices).unwrap();
        assert_eq!(read(&text), choices, "{text}");
        let usual = from_settings(&Settings::default());
        assert_eq!(read(&write_into(&text, &usual).unwrap()), usual);
    }

    #[test]
    fn what_somebody_wrote_by_hand_stays() {
        let text = "# mine\nname = 'Ada' # that is me\nmay_examine = [\"contacts\"]\nfuture = { a = 1 }\n\n# sound\n[voice]\nnoise = false # too much\nsparkle = 3\n\n[window]\nscale = 1\n";
        let same = write_into(text, &read(text)).unwrap();
        assert_eq!(same, text, "nothing changed, so nothing changes");
        let mut choices = read(text);
        choices.name = Some("Blaise".to_owned());
        choices.preferences.noise_suppression = true;
        choices.preferences.mirror = false;
        let changed = write_into(text, &choices).unwrap();
        for kept in [
            "# mine",
            "# that is me",
            "may_examine = [\"contacts\"]",
            "future = { a = 1 }",
            "# sound",
            "noise = true # too much",
            "sparkle = 3",
            "scale = 1\n",
        ] {
            assert!(changed.contains(kept), "{kept} in {changed}");
        }
        assert_eq!(read(&changed), choices, "{changed}");
    }

    #[test]
    fn contacts_come_and_go_among_those_who_may_ask_and_others_stay() {
        let text = "may_examine = [\"https://a.example/#k\"] # a friend\n";
        let mut choices = read(text);
        assert!(!choices.preferences.contacts_may_examine);
        choices.preferences.contacts_may_examine = true;
        let with = write_into(text, &choices).unwrap();
        assert!(
            with.contains("a.example") && with.contains("\"contacts\"") && with.contains("# a friend"),
            "{with}"
        );
        assert!(read(&with).preferences.contacts_may_examine);
        choices.preferences.contacts_may_examine = false;
        assert_eq!(write_into(&with, &choices).unwrap(), text);
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        assert!(write_into("[voice", &from_settings(&Settings::default())).is_err());
    }
}
