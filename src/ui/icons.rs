//! Our icons: one set, drawn on a grid of 24 with a stroke of 1.75 and round ends.
//!
//! Each is a short list of marks (`drawings.rs`), not a picture: it is sharp at every size and scale. How much of a pixel an
//! icon covers is worked out here, from its distance to the marks, once for each size; the result is kept as a small
//! texture and tinted when it is drawn.
//!
//! egui's own strokes would not do: their ends are blunt and their joints pointed. A symbol font would be larger, and
//! somebody else's hand.

mod coverage;
mod drawings;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use egui::{
    Color32, ColorImage, Context, Id, Painter, Pos2, Rect, TextureHandle, TextureOptions, pos2, vec2,
};

use coverage::coverage;

/// Textures of icons that are kept. When there are more all are let go, and made again as they are drawn: it takes a
/// window that is scaled for a long time to come that far.
const KEPT: usize = 512;
/// An icon is not made larger than this; where it is drawn larger it is stretched.
const LARGEST_PX: usize = 256;

macro_rules! icons {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A picture for a control.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Icon {
            $($(#[doc = $doc])* $name,)*
        }

        impl Icon {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

icons! {
    /// We can be heard.
    Microphone,
    /// We cannot be heard.
    MicrophoneOff,
    /// We can be seen.
    Camera,
    /// We cannot be seen.
    CameraOff,
    /// Show the screen.
    Screen,
    /// Their sound.
    Speaker,
    /// No sound of theirs.
    SpeakerOff,
    /// Choose among devices.
    Devices,
    /// Something opens below.
    ChevronDown,
    /// Something opens above.
    ChevronUp,
    /// Back a little.
    ChevronLeft,
    /// On a little.
    ChevronRight,
    /// What is written.
    Chat,
    /// The path of the call: two ends and a line.
    Panel,
    /// Fill the screen.
    FullScreen,
    /// Be a window again.
    LeaveFullScreen,
    /// End the call.
    HangUp,
    /// Take or begin a call.
    Answer,
    /// The first page.
    Home,
    /// What can be chosen.
    Settings,
    /// How it works.
    Help,
    /// Put into the clipboard.
    Copy,
    /// A link to be called by.
    Link,
    /// A link as a pattern for a telephone's camera.
    Qr,
    /// One more.
    Plus,
    /// Throw away.
    Trash,
    /// Take back.
    Undo,
    /// Again.
    Refresh,
    /// Put away.
    Close,
    /// Done; sent.
    Check,
    /// Has arrived.
    DoubleCheck,
    /// Waits; how long.
    Clock,
    /// Something is wrong.
    Warning,
    /// Something to know.
    Info,
    /// Somebody.
    Person,
    /// Several.
    People,
    /// Find.
    Search,
    /// A call that came.
    Incoming,
    /// A call that was made.
    Outgoing,
    /// A call that nobody took.
    Missed,
    /// Go on.
    Play,
    /// Hold.
    Pause,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Bring here.
    Download,
    /// Give.
    Upload,
    /// A computer that helps calls along.
    Server,
    /// The network.
    Network,
    /// Is seen.
    Eye,
    /// Is hidden.
    EyeOff,
    /// Left becomes right.
    Mirror,
    /// The small picture goes to another corner.
    SwapCorner,
    /// Off it goes.
    Send,
    /// Dear.
    Star,
    /// Between two people alone.
    Lock,
    /// What somebody is known by.
    Key,
    /// What else there is.
    More,
    /// One page back.
    Back,
    /// Change the words.
    Edit,
    /// What is told aloud.
    Bell,
}

impl Icon {
    /// Draws it as large as fits into `rect`, in its middle, in one colour.
    pub fn paint(self, painter: &Painter, rect: Rect, colour: Color32) {
        let side = rect.width().min(rect.height());
        if side <= 0.0 || !painter.is_visible() {
            return;
        }
        let scale = painter.pixels_per_point();
        let pixels = ((side * scale).round() as usize).clamp(1, LARGEST_PX);
        let side = if pixels < LARGEST_PX { pixels as f32 / scale } else { side };
        // On whole pixels: a texture that lies between them is soft.
        let corner = rect.center() - vec2(side, side) / 2.0;
        let corner = (corner.to_vec2() * scale).round() / scale;
        let texture = self.texture(painter.ctx(), pixels);
        let whole = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
        painter.image(texture.id(), Rect::from_min_size(corner.to_pos2(), vec2(side, side)), whole, colour);
    }

    fn texture(self, ctx: &Context, pixels: usize) -> TextureHandle {
        let kept: Kept = ctx.data_mut(|data| data.get_temp_mut_or_default::<Kept>(Id::NULL).clone());
        let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(texture) = kept.get(&(self, pixels)) {
            return texture.clone();
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let image = self.image(pixels);
        let texture = ctx.load_texture(format!("{self:?} at {pixels}"), image, TextureOptions::LINEAR);
        kept.insert((self, pixels), texture.clone());
        texture
    }

    /// It in white on nothing, so many pixels wide and high.
    fn image(self, pixels: usize) -> ColorImage {
        let white = |alpha: f32| {
            let alpha = (alpha * 255.0).round() as u8;
            Color32::from_rgba_premultiplied(alpha, alpha, alpha, alpha)
        };
        let pixels_of_it = coverage(self.marks(), pixels).into_iter().map(white).collect();
        ColorImage::new([pixels, pixels], pixels_of_it)
    }
}

/// What was made already, in the memory of the window.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<HashMap<(Icon, usize), TextureHandle>>>);

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(icon: Icon, pixels: usize) -> Vec<f32> {
        coverage(icon.marks(), pixels)
    }

    #[test]
    fn every_icon_has_ink_and_room_around_it() {
        for &icon in Icon::ALL {
            let pixels = 48;
            let ink = covered(icon, pixels);
            let share = ink.iter().sum::<f32>() / ink.len() as f32;
            assert!((0.03..0.45).contains(&share), "{icon:?} covers {share}");
            let at_the_edge = (0..pixels).any(|at| {
                let edges = [at, (pixels - 1) * pixels + at, at * pixels, at * pixels + pixels - 1];
                edges.iter().any(|&pixel| ink[pixel] > 0.0)
            });
            assert!(!at_the_edge, "{icon:?} touches the edge");
        }
    }

    #[test]
    fn no_two_icons_look_the_same_even_when_small() {
        for (index, &one) in Icon::ALL.iter().enumerate() {
            for &other in &Icon::ALL[..index] {
                let (a, b) = (covered(one, 16), covered(other, 16));
                let differs: f32 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
                assert!(differs > 6.0, "{one:?} and {other:?} differ by {differs} pixels");
            }
        }
    }

    #[test]
    fn an_icon_weighs_the_same_at_every_size() {
        for &icon in Icon::ALL {
            let share = |pixels| covered(icon, pixels).iter().sum::<f32>() / (pixels * pixels) as f32;
            let (small, large) = (share(16), share(96));
            assert!((small - large).abs() < 0.02, "{icon:?}: {small} at 16, {large} at 96");
        }
    }

    #[test]
    fn an_icon_is_made_once_for_a_size() {
        let ctx = Context::default();
        let first = Icon::Home.texture(&ctx, 24);
        assert_eq!(Icon::Home.texture(&ctx, 24).id(), first.id());
        assert_ne!(Icon::Home.texture(&ctx, 25).id(), first.id());
        assert_ne!(Icon::Help.texture(&ctx, 24).id(), first.id());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let ctx = Context::default();
        let made = (1..=10).flat_map(|pixels| Icon::ALL.iter().map(move |icon| (icon, pixels)));
        assert!(made.clone().count() > KEPT, "the test makes too few");
        for (icon, pixels) in made {
            assert_eq!(icon.texture(&ctx, pixels).size(), [pixels, pixels]);
        }
        let kept: Kept = ctx.data_mut(|data| data.get_temp_mut_or_default::<Kept>(Id::NULL).clone());
        assert!(kept.0.lock().unwrap().len() <= KEPT);
    }
}
