//! The type: Inter in three weights, a typeface of fixed width for addresses, and the system's fonts for what both lack.

use std::sync::Arc;

use egui::{Context, FontData, FontDefinitions, FontFamily};

const REGULAR: &str = "Inter";
const MEDIUM: &str = "Inter Medium";
const SEMIBOLD: &str = "Inter SemiBold";
const CODE: &str = "JetBrains Mono";

/// For what names something.
pub fn medium() -> FontFamily {
    FontFamily::Name(MEDIUM.into())
}

/// For what stands over something.
pub fn semibold() -> FontFamily {
    FontFamily::Name(SEMIBOLD.into())
}

/// Gives egui our typefaces. Without any it would show nothing at all.
pub fn install(context: &Context) {
    context.set_fonts(definitions());
}

fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [
        (REGULAR, &include_bytes!("../../assets/fonts/Inter-Regular.otf")[..]),
        (MEDIUM, include_bytes!("../../assets/fonts/Inter-Medium.otf")),
        (SEMIBOLD, include_bytes!("../../assets/fonts/Inter-SemiBold.otf")),
        (CODE, include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf")),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    for (family, names) in [
        (FontFamily::Proportional, &[REGULAR, CODE][..]),
        (medium(), &[MEDIUM, REGULAR]),
        (semibold(), &[SEMIBOLD, REGULAR]),
        (FontFamily::Monospace, &[CODE, REGULAR]),
    ] {
        fonts.families.insert(family, names.iter().map(ToString::to_string).collect());
    }
    fonts
}
