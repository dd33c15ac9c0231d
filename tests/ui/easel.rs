//! The window drawn without a window: by the very painter that ships, in an OpenGL context that no screen belongs to.
//!
//! What is drawn goes through `egui_glow` and our own shaders, on Mesa's software renderer where there is one: it is the same
//! everywhere, as near as that goes. Without EGL a test says that it skipped.
#![expect(unsafe_code, reason = "EGL and OpenGL are foreign interfaces, and there is no other way to them")]

use std::{ffi::CStr, sync::Arc};

use eframe::{
    egui_glow::Painter,
    glow::{self, HasContext as _},
};
use egui::{Context, FullOutput, TexturesDelta};
use egui_kittest::TestRenderer;
use glutin::{
    api::egl::{context::PossiblyCurrentContext, device::Device, display::Display},
    config::{Api, ConfigSurfaceTypes, ConfigTemplateBuilder},
    context::{ContextApi, ContextAttributesBuilder, GlProfile, Version},
    display::GlDisplay as _,
};
use image::RgbaImage;

use crate::support::skipping;

/// Which OpenGL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// That of large computers.
    Desktop,
    /// That of small ones.
    Embedded,
}

/// A place to draw on.
pub(super) struct Easel {
    painter: Painter,
    gl: Arc<glow::Context>,
    context: PossiblyCurrentContext,
    target: Option<Target>,
}

struct Target {
    frame: glow::Framebuffer,
    colours: glow::Renderbuffer,
    size: [u32; 2],
}

impl Easel {
    /// One of that kind; nothing where there is no EGL, which is said aloud.
    pub(super) fn new(kind: Kind) -> Option<Self> {
        Self::try_new(kind)
            .inspect_err(|why| {
                skipping::not_allowed("to draw without a screen (Debian: libegl1, libgl1-mesa-dri)", why);
            })
            .ok()
    }

    fn try_new(kind: Kind) -> Result<Self, String> {
        let words = |error: glutin::error::Error| error.to_string();
        let devices: Vec<_> = Device::query_devices().map_err(words)?.collect();
        let is_software = |device: &&Device| device.extensions().contains("EGL_MESA_device_software");
        let device = devices.iter().find(is_software).or(devices.first()).ok_or("EGL knows no device")?;
        let (api, wanted) = match kind {
            Kind::Desktop => (Api::OPENGL, ContextApi::OpenGl(None)),
            Kind::Embedded => (Api::GLES3, ContextApi::Gles(Some(Version::new(3, 0)))),
        };
        let template =
            ConfigTemplateBuilder::new().with_api(api).with_surface_type(ConfigSurfaceTypes::empty());
        // With all that was ever part of OpenGL, so that its older languages can be spoken too.
        let profile = GlProfile::Compatibility;
        let attributes =
            ContextAttributesBuilder::new().with_context_api(wanted).with_profile(profile).build(None);
        // SAFETY: the device is EGL's own and the display is made of it; configuration and context are of that display.
        let (display, context) = unsafe {
            let display = Display::with_device(device, None).map_err(words)?;
            let config = display
                .find_configs(template.build())
                .map_err(words)?
                .next()
                .ok_or("EGL has no configuration")?;
            let context = display.create_context(&config, &attributes).map_err(words)?;
            (display, context.make_current_surfaceless().map_err(words)?)
        };
        let load = |name: &CStr| display.get_proc_address(name);
        // SAFETY: the context is current on this thread, and what is loaded belongs to it.
        let gl = Arc::new(unsafe { glow::Context::from_loader_function_cstr(load) });
        // Without the noise against bands: pictures are compared, and kept small.
        let painter = Painter::new(gl.clone(), "", None, false).map_err(|error| error.to_string())?;
        Ok(Self { painter, gl, context, target: None })
    }

    fn be_current(&self) -> Result<(), String> {
        self.context.make_current_surfaceless().map_err(|error| error.to_string())
    }

    /// Somewhere to draw that is of this size.
    fn aim(&mut self, size: [u32; 2]) -> Result<(), String> {
        if self.target.as_ref().is_some_and(|target| target.size == size) {
            return Ok(());
        }
        self.let_go();
        let [width, height] = size.map(u32::cast_signed);
        // SAFETY: the context is current.
        unsafe {
            let (frame, colours) = (self.gl.create_framebuffer()?, self.gl.create_renderbuffer()?);
            self.gl.bind_renderbuffer(glow::RENDERBUFFER, Some(colours));
            self.gl.renderbuffer_storage(glow::RENDERBUFFER, glow::RGBA8, width, height);
            self.gl.bind_framebuffer(glow::FRAMEBUFFER, Some(frame));
            self.gl.framebuffer_renderbuffer(
                glow::FRAMEBUFFER,
                glow::COLOR_ATTACHMENT0,
                glow::RENDERBUFFER,
                Some(colours),
            );
            if self.gl.check_framebuffer_status(glow::FRAMEBUFFER) != glow::FRAMEBUFFER_COMPLETE {
                return Err("OpenGL gives nothing to draw on".to_owned());
            }
            self.target = Some(Target { frame, colours, size });
        }
        Ok(())
    }

    fn let_go(&mut self) {
        let Some(target) = self.target.take() else { return };
        // SAFETY: both are of this context, which is current.
        unsafe {
            self.gl.delete_framebuffer(target.frame);
            self.gl.delete_renderbuffer(target.colours);
        }
    }
}

impl TestRenderer for Easel {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        self.be_current().unwrap();
        for (id, images) in delta.set.drain() {
            for image in images {
                self.painter.set_texture(id, &image);
            }
        }
        for id in delta.free.drain() {
            self.painter.free_texture(id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        self.be_current()?;
        let scale = output.pixels_per_point;
        let size = ctx.content_rect().size() * scale;
        let size = [size.x, size.y].map(|side| (side.round() as u32).max(1));
        self.aim(size)?;
        let primitives = ctx.tessellate(output.shapes.clone(), scale);
        self.painter.clear(size, [0.0, 0.0, 0.0, 1.0]);
        self.painter.paint_primitives(size, scale, &primitives);
        let drawn = self.painter.read_screen_rgba(size);
        let bytes = drawn.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b(), 255]).collect();
        RgbaImage::from_raw(size[0], size[1], bytes).ok_or_else(|| "not all of it could be read".to_owned())
    }
}

impl Drop for Easel {
    fn drop(&mut self) {
        if self.be_current().is_ok() {
            self.let_go();
            self.painter.destroy();
        }
    }
}
