//! How everything looks: the tokens of `assets/theme.toml`, and what egui makes of them.
//!
//! No other file names a colour. Sizes have names by what they are for, so that a change of one is a change everywhere.

use std::sync::LazyLock;

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle,
    Theme as Shade, Ui, Vec2, Visuals, style::WidgetVisuals,
};
use serde::Deserialize;

use super::fonts;

static THEME: LazyLock<Theme> = LazyLock::new(|| {
    toml::from_str(include_str!("../../assets/theme.toml")).expect("a test reads the theme that is built in")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Theme {
    size: Sizes,
    light: Palette,
    dark: Palette,
    stage: Stage,
}

/// Every size, in points.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each is said in assets/theme.toml")]
pub struct Sizes {
    pub title: f32,
    pub heading: f32,
    pub body: f32,
    pub small: f32,
    pub code: f32,
    pub figures: f32,
    pub figure_large: f32,
    pub hair: f32,
    pub tight: f32,
    pub close: f32,
    pub near: f32,
    pub far: f32,
    pub wide: f32,
    pub control: f32,
    pub control_large: f32,
    pub icon: f32,
    pub corner: f32,
    pub corner_large: f32,
    pub column: f32,
    pub narrow: f32,
}

/// Every colour of one shade.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "they are named by what they are for")]
pub struct Palette {
    pub ground: Colour,
    pub surface: Colour,
    pub raised: Colour,
    pub sunken: Colour,
    pub hover: Colour,
    pub pressed: Colour,
    pub line: Colour,
    pub strong_line: Colour,
    pub text: Colour,
    pub quiet: Colour,
    pub accent: Colour,
    pub accent_hover: Colour,
    pub on_accent: Colour,
    pub accent_soft: Colour,
    pub on_accent_soft: Colour,
    pub good: Colour,
    pub good_soft: Colour,
    pub fair: Colour,
    pub fair_soft: Colour,
    pub poor: Colour,
    pub poor_soft: Colour,
    pub answer: Colour,
    pub answer_hover: Colour,
    pub on_answer: Colour,
    pub danger: Colour,
    pub danger_hover: Colour,
    pub on_danger: Colour,
    pub focus: Colour,
    pub ours: Colour,
    pub theirs: Colour,
    pub shadow: Colour,
}

/// The colours over pictures: the same by day and by night.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "they are named by what they are for")]
pub struct Stage {
    pub ground: Colour,
    pub panel: Colour,
    pub control: Colour,
    pub control_hover: Colour,
    pub control_off: Colour,
    pub on_control_off: Colour,
    pub text: Colour,
    pub quiet: Colour,
    pub line: Colour,
    pub shade: Colour,
    pub speaking: Colour,
}

/// A colour as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Colour(Color32);

impl Colour {
    /// As egui has it.
    pub const fn get(self) -> Color32 {
        self.0
    }
}

impl From<Colour> for Color32 {
    fn from(colour: Colour) -> Self {
        colour.0
    }
}

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| matches!(digits.len(), 6 | 8));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok().zip(Some(digits.len())));
        let (number, len) =
            number.ok_or_else(|| format!("{text} is no colour; write #RRGGBB or #RRGGBBAA"))?;
        let [r, g, b, a] = if len == 6 { number << 8 | 0xFF } else { number }.to_be_bytes();
        Ok(Self(Color32::from_rgba_unmultiplied(r, g, b, a)))
    }
}

/// Every size.
pub fn size() -> &'static Sizes {
    &THEME.size
}

/// The colours that hold where `ui` is.
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &THEME.dark } else { &THEME.light }
}

/// The colours over pictures.
pub fn stage() -> &'static Stage {
    &THEME.stage
}

/// A pattern that cameras read, and the paper it is on: the same by day and by night, as readers expect dark on light.
pub const PATTERN_AND_PAPER: [Color32; 2] = [Color32::BLACK, Color32::WHITE];

/// The large line at the top of a page.
pub fn title() -> FontId {
    FontId::new(size().title, fonts::semibold())
}

/// The line over a part of a page.
pub fn heading() -> FontId {
    FontId::new(size().heading, fonts::semibold())
}

/// How high a line at the foot of a page is.
pub fn foot() -> f32 {
    size().control + 2.0 * size().tight
}

/// What is read.
pub fn body() -> FontId {
    FontId::new(size().body, FontFamily::Proportional)
}

/// What is read, where it names something.
pub fn strong() -> FontId {
    FontId::new(size().body, fonts::medium())
}

/// What is said beside.
pub fn small() -> FontId {
    FontId::new(size().small, FontFamily::Proportional)
}

/// Addresses and keys.
pub fn code() -> FontId {
    FontId::new(size().code, FontFamily::Monospace)
}

/// Figures that stand below each other.
pub fn figures() -> FontId {
    FontId::new(size().figures, FontFamily::Monospace)
}

/// A figure that is read at a glance.
pub fn figure_large() -> FontId {
    FontId::new(size().figure_large, FontFamily::Monospace)
}

/// A corner as egui takes it.
pub fn corner(points: f32) -> CornerRadius {
    CornerRadius::from(points)
}

/// The same space on every side.
pub fn margin(points: f32) -> Margin {
    Margin::from(points)
}

/// Gives egui both shades, and our type.
pub fn install(context: &Context) {
    fonts::install(context);
    for (shade, palette) in [(Shade::Light, &THEME.light), (Shade::Dark, &THEME.dark)] {
        context.style_mut_of(shade, |style| dress(style, shade, palette));
    }
}

fn dress(style: &mut Style, shade: Shade, palette: &Palette) {
    let size = size();
    style.visuals = visuals(shade, palette);
    style.text_styles = [
        (TextStyle::Heading, heading()),
        (TextStyle::Body, body()),
        (TextStyle::Button, strong()),
        (TextStyle::Small, small()),
        (TextStyle::Monospace, code()),
    ]
    .into();
    style.spacing.item_spacing = Vec2::new(size.close, size.close);
    style.spacing.button_padding = Vec2::new(size.near, size.close);
    style.spacing.interact_size = Vec2::new(size.control, size.control);
    style.spacing.menu_margin = margin(size.tight + size.hair);
    style.spacing.window_margin = margin(size.far);
    style.spacing.tooltip_width = size.column * 0.6;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.animation_time = 0.12;
}

fn visuals(shade: Shade, palette: &Palette) -> Visuals {
    let size = size();
    let mut visuals = shade.default_visuals();
    visuals.override_text_color = Some(palette.text.get());
    visuals.weak_text_color = Some(palette.quiet.get());
    visuals.hyperlink_color = palette.accent.get();
    visuals.panel_fill = palette.ground.get();
    visuals.window_fill = palette.raised.get();
    visuals.window_stroke = Stroke::new(1.0, palette.line.get());
    visuals.window_corner_radius = corner(size.corner_large);
    visuals.menu_corner_radius = corner(size.corner);
    visuals.window_shadow = shadow(palette, 24);
    visuals.popup_shadow = shadow(palette, 16);
    visuals.faint_bg_color = palette.sunken.get();
    visuals.extreme_bg_color = palette.sunken.get();
    visuals.text_edit_bg_color = Some(palette.surface.get());
    visuals.code_bg_color = palette.sunken.get();
    visuals.warn_fg_color = palette.fair.get();
    visuals.error_fg_color = palette.poor.get();
    visuals.selection.bg_fill = palette.accent_soft.get();
    visuals.selection.stroke = Stroke::new(1.5, palette.focus.get());
    let widget = |fill: Colour, line: Colour, text: Colour| WidgetVisuals {
        bg_fill: fill.get(),
        weak_bg_fill: fill.get(),
        bg_stroke: Stroke::new(1.0, line.get()),
        fg_stroke: Stroke::new(1.5, text.get()),
        corner_radius: corner(size.corner),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(palette.surface, palette.line, palette.text);
    visuals.widgets.inactive = widget(palette.surface, palette.line, palette.text);
    visuals.widgets.hovered = widget(palette.hover, palette.strong_line, palette.text);
    visuals.widgets.active = widget(palette.pressed, palette.focus, palette.text);
    visuals.widgets.open = widget(palette.hover, palette.strong_line, palette.text);
    visuals
}

fn shadow(palette: &Palette, blur: u8) -> Shadow {
    Shadow { offset: [0, 4], blur, spread: 0, color: palette.shadow.get() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as the accessibility guidelines count it.
    fn luminance(colour: Colour) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let colour = colour.get();
        0.2126 * channel(colour.r()) + 0.7152 * channel(colour.g()) + 0.0722 * channel(colour.b())
    }

    fn contrast(one: Colour, other: Colour) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_wherever_it_stands() {
        for palette in [&THEME.light, &THEME.dark] {
            let grounds = [palette.ground, palette.surface, palette.raised, palette.sunken, palette.hover];
            for ground in grounds {
                for text in [palette.text, palette.quiet] {
                    assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}");
                }
            }
            for ground in [palette.ground, palette.surface, palette.raised] {
                for text in
                    [palette.accent, palette.good, palette.fair, palette.poor, palette.ours, palette.theirs]
                {
                    assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}");
                }
                for line in [palette.strong_line, palette.focus] {
                    assert!(contrast(line, ground) >= 2.9, "{line:?} on {ground:?}");
                }
            }
            for (text, ground) in [
                (palette.on_accent, palette.accent),
                (palette.on_accent, palette.accent_hover),
                (palette.on_accent_soft, palette.accent_soft),
                (palette.good, palette.good_soft),
                (palette.fair, palette.fair_soft),
                (palette.poor, palette.poor_soft),
                (palette.on_answer, palette.answer),
                (palette.on_danger, palette.danger),
            ] {
                assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}: {}", contrast(text, ground));
            }
        }
        let stage = &THEME.stage;
        assert!(contrast(stage.quiet, stage.ground) >= 4.5);
        assert!(contrast(stage.on_control_off, stage.control_off) >= 4.5);
    }

    #[test]
    fn what_is_no_colour_is_refused_with_a_sentence() {
        for text in ["", "#12345", "123456", "#12345G", "#123456789"] {
            assert!(Colour::try_from(text.to_owned()).unwrap_err().contains("#RRGGBB"), "{text}");
        }
        assert_eq!(Colour::try_from("#010203".to_owned()).unwrap().get(), Color32::from_rgb(1, 2, 3));
    }
}
