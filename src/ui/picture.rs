//! A picture of theirs or ours on the glass.
//!
//! Its three planes go to the graphics card as they are, and a shader makes colours of them while it draws: 1.4 MB a picture
//! instead of the 3.7 MB of finished colours, and no arithmetic here. Where that cannot be (no shader, a card that takes
//! no texture so large) the processor does it instead, by itself; [`Painting::how`] says which, for whoever asks.

mod placing;
mod processor;
mod shader;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use eframe::egui_glow::{CallbackFn, ShaderVersion};
use egui::{PaintCallback, Painter, Rect, Vec2};

use crate::media::frame::Frame;

pub use placing::{Fit, Look, Turn};
use processor::Processor;
use shader::{Bin, Brush, Sheet};

/// How pictures are drawn in this window. Cloning shares it; every [`Picture`] of a window is made of one.
#[derive(Clone, Default)]
pub struct Painting {
    workshop: Arc<Mutex<Workshop>>,
    bin: Bin,
}

#[derive(Default)]
struct Workshop {
    how: How,
    brush: Option<Brush>,
    language: Option<ShaderVersion>,
}

/// Who makes colours of pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// Nothing was drawn yet.
    #[default]
    NotYet,
    /// The graphics card, or what stands in for one.
    GraphicsCard {
        /// As its driver calls it.
        renderer: String,
    },
    /// The processor.
    Processor {
        /// Why not the graphics card.
        why: String,
    },
}

/// Drivers that stand in for a graphics card, by a part of what they call themselves.
const STAND_INS: [&str; 6] = ["llvmpipe", "softpipe", "swrast", "swiftshader", "software", "gdi generic"];

impl How {
    /// What calls itself a graphics card is the processor in truth.
    pub fn is_stand_in(&self) -> bool {
        match self {
            Self::GraphicsCard { renderer } => {
                let renderer = renderer.to_lowercase();
                STAND_INS.iter().any(|name| renderer.contains(name))
            }
            Self::NotYet | Self::Processor { .. } => false,
        }
    }
}

impl Painting {
    /// By the graphics card where that works.
    pub fn new() -> Self {
        Self::default()
    }

    /// By the processor whatever the card can do.
    pub fn by_processor(why: &str) -> Self {
        let painting = Self::new();
        painting.lock().how = How::Processor { why: why.to_owned() };
        painting
    }

    /// By the graphics card, addressed in that language whatever its driver says of itself.
    pub fn in_language(language: ShaderVersion) -> Self {
        let painting = Self::new();
        painting.lock().language = Some(language);
        painting
    }

    /// Who does it, as far as is known.
    pub fn how(&self) -> How {
        self.lock().how.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Workshop> {
        self.workshop.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Painting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Painting").field(&self.how()).finish()
    }
}

/// One picture that changes: keeps the newest frame until there is another.
pub struct Picture {
    painting: Painting,
    newest: Option<Newest>,
    count: u64,
    sheet: Arc<Mutex<Sheet>>,
    processor: Mutex<Option<Processor>>,
}

/// A frame, and the how manieth it is.
#[derive(Clone)]
struct Newest {
    frame: Frame,
    number: u64,
}

impl Picture {
    /// One without anything to be seen.
    pub fn new(painting: &Painting) -> Self {
        Self {
            painting: painting.clone(),
            newest: None,
            count: 0,
            sheet: Arc::new(Mutex::new(Sheet::new(painting.bin.clone()))),
            processor: Mutex::default(),
        }
    }

    /// This is to be seen from now on.
    pub fn set(&mut self, frame: Frame) {
        self.count += 1;
        self.newest = Some(Newest { frame, number: self.count });
    }

    /// Nothing is to be seen.
    pub fn clear(&mut self) {
        self.newest = None;
        *self.processor() = None;
    }

    /// What is to be seen.
    pub fn frame(&self) -> Option<&Frame> {
        self.newest.as_ref().map(|newest| &newest.frame)
    }

    /// Who draws it, as far as is known.
    pub fn how(&self) -> How {
        self.painting.how()
    }

    /// The part of `area` that the picture fills when it is drawn there like that, on whole pixels; nothing without one.
    pub fn place(&self, area: Rect, look: &Look, pixels_per_point: f32) -> Option<Rect> {
        self.frame().map(|frame| look.place(sides(frame), area, pixels_per_point).rect)
    }

    /// Draws the picture into `area`; what it leaves free there stays as it is. Gives the part that it fills.
    pub fn paint(&self, painter: &Painter, area: Rect, look: &Look) -> Option<Rect> {
        let newest = self.newest.clone()?;
        let scale = painter.pixels_per_point();
        let placed = look.place(sides(&newest.frame), area, scale);
        if !placed.rect.is_positive() {
            return None;
        }
        if let How::Processor { why: _ } = self.painting.how() {
            self.processor().get_or_insert_default().paint(painter, &newest, &placed);
            return Some(placed.rect);
        }
        *self.processor() = None;
        let (painting, sheet, context) = (self.painting.clone(), self.sheet.clone(), painter.ctx().clone());
        let rect = placed.rect;
        let draw = CallbackFn::new(move |_, painter| {
            let mut workshop = painting.lock();
            let mut sheet = sheet.lock().unwrap_or_else(PoisonError::into_inner);
            let language = workshop.language;
            let done = shader::draw(
                painter.gl(),
                language,
                &mut workshop.brush,
                &mut sheet,
                &newest,
                &placed,
                scale,
            );
            workshop.note(done);
            if let How::Processor { why: _ } = workshop.how {
                context.request_repaint();
            }
        });
        painter.add(PaintCallback { rect, callback: Arc::new(draw) });
        Some(rect)
    }

    /// Drawing changes nothing that others could see.
    fn processor(&self) -> MutexGuard<'_, Option<Processor>> {
        self.processor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("frame", &self.frame()).finish_non_exhaustive()
    }
}

impl Workshop {
    fn note(&mut self, done: Result<(), String>) {
        match (done, &self.how) {
            (Ok(()), How::NotYet) => {
                let renderer = self.brush.as_ref().map_or_else(String::new, |brush| brush.renderer.clone());
                tracing::info!(renderer, "pictures are drawn by the graphics card");
                self.how = How::GraphicsCard { renderer };
            }
            (Ok(()), How::GraphicsCard { .. } | How::Processor { .. }) => {}
            (Err(why), _) => {
                tracing::warn!(why, "pictures are drawn by the processor");
                self.brush = None;
                self.how = How::Processor { why };
            }
        }
    }
}

fn sides(frame: &Frame) -> Vec2 {
    Vec2::new(frame.size().width() as f32, frame.size().height() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_stands_in_for_a_card_is_known_by_its_name() {
        let is_stand_in = |renderer: &str| How::GraphicsCard { renderer: renderer.to_owned() }.is_stand_in();
        assert!(is_stand_in("llvmpipe (LLVM 15.0.7, 256 bits)") && is_stand_in("Google SwiftShader"));
        assert!(!is_stand_in("Mesa Intel(R) UHD Graphics 620 (KBL GT2)") && !How::NotYet.is_stand_in());
    }
}
