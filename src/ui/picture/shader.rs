//! The three planes as three textures, and the shader that makes colours of them while it draws.
//!
//! Written in the common part of GLSL 1.20, 1.40, ES 1.00 and ES 3.00: everything that egui's own painter runs on. Mip maps
//! against shimmer were thought of and left: they are made anew for each picture, of all of it, and what is drawn small is
//! a few pixels; these look at more of the picture instead. How often they look is written into the shader, and there is one
//! for each number: with the numbers handed over, a processor that stands in for a graphics card took nine times as long for
//! pictures that are looked at once (84 ms instead of 9).
#![expect(unsafe_code, reason = "OpenGL is a foreign interface, and there is no other way to it")]

use std::sync::{Arc, Mutex, PoisonError};

use eframe::{
    egui_glow::ShaderVersion,
    glow::{self, Context, HasContext as _, PixelUnpackData},
};

use super::{Newest, placing::Placed, sides};
use crate::media::frame::{Frame, Matrix, Size};

/// Looks at a picture for each pixel and direction; sixteen of the picture's pixels on one of the screen's and more shimmer.
const MOST_LOOKS: u32 = 4;
/// What one look sees without leaving anything out: two pixels, of which it takes the middle.
const PIXELS_A_LOOK: f32 = 2.0;

/// OpenGL keeps one error of each kind.
const MOST_ERRORS: u32 = 8;

const VERTEX: &str = "
IN vec2 a_corner;
OUT vec2 v_corner;
void main() {
    v_corner = a_corner;
    gl_Position = vec4(a_corner.x * 2.0 - 1.0, 1.0 - a_corner.y * 2.0, 0.0, 1.0);
}
";

/// A plane, looked at so often. A loop needs a number that is written there.
const LOOK: &str = "
float NAME(sampler2D plane, vec2 at, vec2 right, vec2 below) {
    float sum = 0.0;
    for (int i = 0; i < LOOKS; i++) {
        for (int j = 0; j < LOOKS; j++) {
            vec2 away = (vec2(float(i), float(j)) + 0.5) / float(LOOKS) - 0.5;
            sum += SAMPLE(plane, at + away.x * right + away.y * below).r;
        }
    }
    return sum / float(LOOKS * LOOKS);
}
";

const FRAGMENT: &str = "
IN vec2 v_corner;
uniform sampler2D u_y;
uniform sampler2D u_u;
uniform sampler2D u_v;
uniform vec2 u_origin;
uniform vec2 u_across;
uniform vec2 u_down;
uniform vec2 u_pixels;
uniform float u_round;
uniform vec4 u_colour;

void main() {
    vec2 at = u_origin + v_corner.x * u_across + v_corner.y * u_down;
    vec2 right = u_across / u_pixels.x;
    vec2 below = u_down / u_pixels.y;
    float y = (luma(u_y, at, right, below) - 16.0 / 255.0) * (255.0 / 219.0);
    float u = chroma(u_u, at, right, below) - 128.0 / 255.0;
    float v = chroma(u_v, at, right, below) - 128.0 / 255.0;
    vec3 colour = vec3(y + u_colour.x * v, y - u_colour.y * u - u_colour.z * v, y + u_colour.w * u);
    vec2 outside = max(abs(v_corner - 0.5) * u_pixels - u_pixels * 0.5 + u_round, 0.0);
    float alpha = u_round > 0.0 ? clamp(0.5 - length(outside) + u_round, 0.0, 1.0) : 1.0;
    COLOUR = vec4(clamp(colour, 0.0, 1.0) * alpha, alpha);
}
";

/// The shader and what it is drawn with, in one context of OpenGL.
pub(super) struct Brush {
    /// As the driver calls itself.
    pub(super) renderer: String,
    context: usize,
    version: ShaderVersion,
    /// Made when they are wanted first.
    programs: Vec<Program>,
    corners: glow::Buffer,
    arrays: Option<glow::VertexArray>,
    format: Format,
    longest: usize,
}

/// How often a picture is looked at for each pixel and direction.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Looks {
    luma: u32,
    chroma: u32,
}

impl Looks {
    /// So many of the picture's pixels lie on one of the screen's.
    fn at(crowding: f32) -> Self {
        let looks = |crowding: f32| ((crowding / PIXELS_A_LOOK).ceil() as u32).clamp(1, MOST_LOOKS);
        Self { luma: looks(crowding), chroma: looks(crowding / 2.0) }
    }
}

struct Program {
    looks: Looks,
    name: glow::Program,
    places: Places,
}

struct Places {
    corner: u32,
    origin: Option<glow::UniformLocation>,
    across: Option<glow::UniformLocation>,
    down: Option<glow::UniformLocation>,
    pixels: Option<glow::UniformLocation>,
    round: Option<glow::UniformLocation>,
    colour: Option<glow::UniformLocation>,
}

/// How a texture of one byte a pixel is called here.
#[derive(Clone, Copy)]
struct Format {
    inside: u32,
    outside: u32,
}

/// Textures that nobody draws any more: only where OpenGL listens can they be let go.
pub(super) type Bin = Arc<Mutex<Vec<Textures>>>;

/// The textures of one picture.
pub(super) struct Sheet {
    textures: Option<Textures>,
    bin: Bin,
}

pub(super) struct Textures {
    context: usize,
    planes: [glow::Texture; 3],
    size: Size,
    /// Which frame is in them.
    number: Option<u64>,
}

impl Sheet {
    pub(super) const fn new(bin: Bin) -> Self {
        Self { textures: None, bin }
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        let bin = self.bin.lock();
        bin.unwrap_or_else(PoisonError::into_inner).extend(self.textures.take());
    }
}

/// Draws what is newest into the viewport that is set. What it needs is made when it is not there, or was of another context.
pub(super) fn draw(
    gl: &Arc<Context>,
    language: Option<ShaderVersion>,
    brush: &mut Option<Brush>,
    sheet: &mut Sheet,
    newest: &Newest,
    placed: &Placed,
    pixels_per_point: f32,
) -> Result<(), String> {
    let context = Arc::as_ptr(gl) as usize;
    if brush.as_ref().is_none_or(|brush| brush.context != context) {
        *brush = Some(Brush::new(gl, context, language.unwrap_or_else(|| ShaderVersion::get(gl)))?);
    }
    let Some(brush) = brush else { return Ok(()) };
    empty(gl, context, &sheet.bin);
    brush.upload(gl, sheet, newest)?;
    let Some(textures) = &sheet.textures else { return Ok(()) };
    brush.paint(gl, textures, &newest.frame, placed, pixels_per_point)
}

fn empty(gl: &Context, context: usize, bin: &Bin) {
    let thrown: Vec<_> = bin.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
    for textures in thrown.iter().filter(|textures| textures.context == context) {
        for plane in textures.planes {
            // SAFETY: the textures are of this context, which is current while egui paints.
            unsafe { gl.delete_texture(plane) };
        }
    }
}

impl Brush {
    fn new(gl: &Context, context: usize, version: ShaderVersion) -> Result<Self, String> {
        let programs = vec![Program::new(gl, version, Looks::at(1.0))?];
        let (corners, arrays) = corners(gl, version)?;
        // SAFETY: egui calls this while its context is current.
        unsafe {
            let format = if version.is_new_shader_interface() {
                Format { inside: glow::R8, outside: glow::RED }
            } else {
                Format { inside: glow::LUMINANCE, outside: glow::LUMINANCE }
            };
            let longest = usize::try_from(gl.get_parameter_i32(glow::MAX_TEXTURE_SIZE)).unwrap_or_default();
            let renderer = gl.get_parameter_string(glow::RENDERER);
            Ok(Self { renderer, context, version, programs, corners, arrays, format, longest })
        }
    }

    /// Puts the frame into the textures, unless it is there already.
    fn upload(&self, gl: &Context, sheet: &mut Sheet, newest: &Newest) -> Result<(), String> {
        let size = newest.frame.size();
        if size.width().max(size.height()) > self.longest {
            return Err(format!(
                "the graphics card takes no picture of {size}, but {} at most",
                self.longest
            ));
        }
        let fits = |textures: &Textures| textures.context == self.context && textures.size == size;
        if !sheet.textures.as_ref().is_some_and(fits) {
            let old = sheet.textures.replace(self.textures(gl, size)?);
            sheet.bin.lock().unwrap_or_else(PoisonError::into_inner).extend(old);
        }
        let Some(textures) = &mut sheet.textures else { return Ok(()) };
        if textures.number.replace(newest.number) == Some(newest.number) {
            return Ok(());
        }
        let planes = newest.frame.planes();
        for ((texture, plane), (width, height)) in
            textures.planes.iter().zip([planes.y, planes.u, planes.v]).zip(plane_sides(size))
        {
            // SAFETY: the texture is of this context and of this size, and the plane is as long as its sides say.
            unsafe {
                gl.bind_texture(glow::TEXTURE_2D, Some(*texture));
                gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 1);
                gl.tex_sub_image_2d(
                    glow::TEXTURE_2D,
                    0,
                    0,
                    0,
                    width,
                    height,
                    self.format.outside,
                    glow::UNSIGNED_BYTE,
                    PixelUnpackData::Slice(Some(plane)),
                );
            }
        }
        Ok(())
    }

    fn textures(&self, gl: &Context, size: Size) -> Result<Textures, String> {
        forget_errors(gl);
        let mut planes = Vec::new();
        for (width, height) in plane_sides(size) {
            // SAFETY: egui's context is current; nothing is read from memory of ours.
            unsafe {
                let texture = gl.create_texture()?;
                gl.bind_texture(glow::TEXTURE_2D, Some(texture));
                for (what, how) in [
                    (glow::TEXTURE_MIN_FILTER, glow::LINEAR),
                    (glow::TEXTURE_MAG_FILTER, glow::LINEAR),
                    (glow::TEXTURE_WRAP_S, glow::CLAMP_TO_EDGE),
                    (glow::TEXTURE_WRAP_T, glow::CLAMP_TO_EDGE),
                ] {
                    gl.tex_parameter_i32(glow::TEXTURE_2D, what, how.cast_signed());
                }
                gl.tex_image_2d(
                    glow::TEXTURE_2D,
                    0,
                    self.format.inside.cast_signed(),
                    width,
                    height,
                    0,
                    self.format.outside,
                    glow::UNSIGNED_BYTE,
                    PixelUnpackData::Slice(None),
                );
                planes.push(texture);
            }
        }
        // SAFETY: the context is current.
        let error = unsafe { gl.get_error() };
        if error != glow::NO_ERROR {
            return Err(format!(
                "the graphics driver gives no texture for a picture of {size} (error {error:#x})"
            ));
        }
        let planes = planes.try_into().map_err(|_| "a picture has three planes")?;
        Ok(Textures { context: self.context, planes, size, number: None })
    }

    fn paint(
        &mut self,
        gl: &Context,
        textures: &Textures,
        frame: &Frame,
        placed: &Placed,
        scale: f32,
    ) -> Result<(), String> {
        let looks = Looks::at(placed.crowding(sides(frame), scale));
        let known = self.programs.iter().position(|program| program.looks == looks);
        let index = match known {
            Some(index) => index,
            None => {
                self.programs.push(Program::new(gl, self.version, looks)?);
                self.programs.len() - 1
            }
        };
        let Some(Program { name, places, .. }) = self.programs.get(index) else { return Ok(()) };
        let [red, green_u, green_v, blue] = colours(frame.matrix());
        let pixels = placed.rect.size() * scale;
        // SAFETY: all names are of this context, which is current; what egui needs of its state it sets again itself.
        unsafe {
            gl.use_program(Some(*name));
            for (unit, plane) in (glow::TEXTURE0..).zip(textures.planes) {
                gl.active_texture(unit);
                gl.bind_texture(glow::TEXTURE_2D, Some(plane));
            }
            for (place, value) in [
                (&places.origin, placed.origin),
                (&places.across, placed.across),
                (&places.down, placed.down),
                (&places.pixels, pixels),
            ] {
                gl.uniform_2_f32(place.as_ref(), value.x, value.y);
            }
            gl.uniform_1_f32(places.round.as_ref(), placed.corner * scale);
            gl.uniform_4_f32(places.colour.as_ref(), red, green_u, green_v, blue);
            gl.bind_buffer(glow::ARRAY_BUFFER, Some(self.corners));
            if let Some(arrays) = self.arrays {
                gl.bind_vertex_array(Some(arrays));
            }
            gl.enable_vertex_attrib_array(places.corner);
            gl.vertex_attrib_pointer_f32(places.corner, 2, glow::FLOAT, false, 0, 0);
            gl.draw_arrays(glow::TRIANGLE_STRIP, 0, 4);
            if self.arrays.is_some() {
                gl.bind_vertex_array(None);
            } else {
                gl.disable_vertex_attrib_array(places.corner);
            }
            gl.bind_buffer(glow::ARRAY_BUFFER, None);
            for unit in [glow::TEXTURE2, glow::TEXTURE1, glow::TEXTURE0] {
                gl.active_texture(unit);
                gl.bind_texture(glow::TEXTURE_2D, None);
            }
        }
        Ok(())
    }
}

impl Program {
    fn new(gl: &Context, version: ShaderVersion, looks: Looks) -> Result<Self, String> {
        let name = program(gl, version, looks)?;
        // SAFETY: egui calls this while its context is current; the program is of it.
        unsafe {
            let place = |uniform| gl.get_uniform_location(name, uniform);
            let places = Places {
                corner: gl.get_attrib_location(name, "a_corner").ok_or("the shader lost its corners")?,
                origin: place("u_origin"),
                across: place("u_across"),
                down: place("u_down"),
                pixels: place("u_pixels"),
                round: place("u_round"),
                colour: place("u_colour"),
            };
            gl.use_program(Some(name));
            for (unit, plane) in [(0, "u_y"), (1, "u_u"), (2, "u_v")] {
                gl.uniform_1_i32(place(plane).as_ref(), unit);
            }
            Ok(Self { looks, name, places })
        }
    }
}

/// What went wrong before is somebody else's. Bounded: a context that is lost has errors without end.
fn forget_errors(gl: &Context) {
    for _ in 0..MOST_ERRORS {
        // SAFETY: the context is current.
        if unsafe { gl.get_error() } == glow::NO_ERROR {
            return;
        }
    }
}

fn program(gl: &Context, version: ShaderVersion, looks: Looks) -> Result<glow::Program, String> {
    let is_new = version.is_new_shader_interface();
    let head = |(r#in, out): (&str, &str)| {
        let precision = if version.is_embedded() {
            "#ifdef GL_FRAGMENT_PRECISION_HIGH\nprecision highp float;\n#else\nprecision mediump float;\n#endif\n"
        } else {
            ""
        };
        let (sample, colour, declared) = if is_new {
            ("texture", "o_colour", "out vec4 o_colour;\n")
        } else {
            ("texture2D", "gl_FragColor", "")
        };
        let declared = if out.is_empty() { declared } else { "" };
        format!(
            "{}{precision}#define IN {in}\n#define OUT {out}\n#define SAMPLE {sample}\n#define COLOUR {colour}\n{declared}",
            version.version_declaration()
        )
    };
    let (vertex, fragment) =
        if is_new { (("in", "out"), ("in", "")) } else { (("attribute", "varying"), ("varying", "")) };
    let look = |name: &str, looks: u32| LOOK.replace("NAME", name).replace("LOOKS", &looks.to_string());
    let looks = look("luma", looks.luma) + &look("chroma", looks.chroma);
    let shaders = [
        (glow::VERTEX_SHADER, head(vertex) + VERTEX),
        (glow::FRAGMENT_SHADER, head(fragment) + &looks + FRAGMENT),
    ];
    // SAFETY: egui's context is current; the sources are text.
    unsafe {
        let program = gl.create_program()?;
        let mut compiled = Vec::new();
        let mut wrong = None;
        for (kind, source) in shaders {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(shader, &source);
            gl.compile_shader(shader);
            if !gl.get_shader_compile_status(shader) {
                wrong.get_or_insert_with(|| gl.get_shader_info_log(shader));
            }
            gl.attach_shader(program, shader);
            compiled.push(shader);
        }
        if wrong.is_none() {
            gl.link_program(program);
            if !gl.get_program_link_status(program) {
                wrong = Some(gl.get_program_info_log(program));
            }
        }
        for shader in compiled {
            gl.detach_shader(program, shader);
            gl.delete_shader(shader);
        }
        if let Some(wrong) = wrong {
            gl.delete_program(program);
            return Err(format!("the graphics driver does not take the shader: {}", wrong.trim()));
        }
        Ok(program)
    }
}

fn corners(
    gl: &Context,
    version: ShaderVersion,
) -> Result<(glow::Buffer, Option<glow::VertexArray>), String> {
    let corners = [0.0_f32, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let bytes: Vec<u8> = corners.iter().flat_map(|corner| corner.to_ne_bytes()).collect();
    // SAFETY: egui's context is current; the bytes outlive the call, which copies them.
    unsafe {
        let buffer = gl.create_buffer()?;
        gl.bind_buffer(glow::ARRAY_BUFFER, Some(buffer));
        gl.buffer_data_u8_slice(glow::ARRAY_BUFFER, &bytes, glow::STATIC_DRAW);
        let arrays = version.is_new_shader_interface().then(|| gl.create_vertex_array()).transpose()?;
        Ok((buffer, arrays))
    }
}

/// How much of V is red, of U and V is not green, and of U is blue, where luma counts from black to white as one.
fn colours(matrix: Matrix) -> [f32; 4] {
    let (red, blue) = match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    };
    let green: f32 = 1.0 - red - blue;
    // Chroma of limited range counts 224 where luma counts 219.
    let range = 255.0 / 224.0;
    let (from_v, from_u) = (2.0 * (1.0 - red) * range, 2.0 * (1.0 - blue) * range);
    [from_v, from_u * blue / green, from_v * red / green, from_u]
}

/// Width and height of the three planes.
fn plane_sides(size: Size) -> [(i32, i32); 3] {
    let [width, height] = [size.width(), size.height()].map(|side| i32::try_from(side).unwrap_or(i32::MAX));
    [(width, height), (width / 2, height / 2), (width / 2, height / 2)]
}
