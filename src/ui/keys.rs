//! What the keyboard does. One table: the keys work by it, tooltips show it and the help page lists it.

use egui::{Context, Key, KeyboardShortcut, Modifiers};

use super::copy;

/// Something that a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hotkey {
    /// The microphone on or off.
    Microphone,
    /// The camera on or off.
    Camera,
    /// End the call.
    HangUp,
    /// Take the call that rings, with what it offers.
    Answer,
    /// Not take it; away from what is open.
    Away,
    /// The chat.
    Chat,
    /// How the call travels.
    Panel,
    /// The whole screen.
    FullScreen,
    /// Copy my link.
    CopyLink,
    /// The settings.
    Settings,
    /// The list of keys.
    Help,
    /// End the app.
    Quit,
}

impl Hotkey {
    /// All of them, in the order of the help page.
    pub const ALL: [Self; 12] = [
        Self::Answer,
        Self::Away,
        Self::Microphone,
        Self::Camera,
        Self::HangUp,
        Self::Chat,
        Self::Panel,
        Self::FullScreen,
        Self::CopyLink,
        Self::Settings,
        Self::Help,
        Self::Quit,
    ];

    /// Which keys.
    pub const fn shortcut(self) -> KeyboardShortcut {
        let (modifiers, key) = match self {
            Self::Microphone => (Modifiers::COMMAND, Key::D),
            Self::Camera => (Modifiers::COMMAND, Key::E),
            Self::HangUp => (Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::H),
            Self::Answer => (Modifiers::NONE, Key::Enter),
            Self::Away => (Modifiers::NONE, Key::Escape),
            Self::Chat => (Modifiers::COMMAND, Key::T),
            Self::Panel => (Modifiers::NONE, Key::F12),
            Self::FullScreen => (Modifiers::NONE, Key::F11),
            Self::CopyLink => (Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::C),
            Self::Settings => (Modifiers::COMMAND, Key::Comma),
            Self::Help => (Modifiers::NONE, Key::F1),
            Self::Quit => (Modifiers::COMMAND, Key::Q),
        };
        KeyboardShortcut::new(modifiers, key)
    }

    /// Whether it was pressed just now. A press counts once.
    ///
    /// Enter and Escape belong first to whatever has the focus: a field, a button, a menu.
    pub fn pressed(self, context: &Context) -> bool {
        let is_plain = matches!(self, Self::Answer | Self::Away);
        if is_plain && context.memory(|memory| memory.focused().is_some()) {
            return false;
        }
        context.input_mut(|input| input.consume_shortcut(&self.shortcut()))
    }

    /// The keys as people read them.
    pub fn keys(self, context: &Context) -> String {
        context.format_shortcut(&self.shortcut())
    }

    /// What it does, in words.
    pub const fn does(self) -> &'static str {
        copy::hotkey(self)
    }
}
