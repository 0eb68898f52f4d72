//! Drawings made of a few kinds of marks, as SVG, PNG and PDF.
//!
//! All come from the same marks, so they show the same. An SVG inside a page takes its colours
//! from the page (and follows it into the dark); a file has its own, light or dark. PNG and PDF
//! bring their own letters: no font of the system is needed. Coordinates are pixels from the upper
//! left corner.

use std::fmt::Write;

use tiny_skia::{FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};
use ttf_parser::{Face, OutlineBuilder};

use crate::error::Error;
use crate::escape::xml;

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Letters, axes and whatever matters most.
    Text,
    /// Less important marks.
    Muted,
    /// Lines of a grid.
    Grid,
    /// The sheet itself.
    Paper,
    /// One of several series: the colours of Okabe and Ito (2008), which colour-blind readers can
    /// tell apart, the yellow darkened for white paper. Taken modulo their number.
    Series(usize),
    /// The colour of a series of which so many percent hide what is under it.
    Veil(usize, u8),
}

/// The paper that a file is drawn on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// White, for print.
    #[default]
    Light,
    /// Nearly black, for slides and screens.
    Dark,
}

/// The colours of [`Ink::Series`]; the last is the colour of letters.
const SERIES: [&str; 8] =
    ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#A68A00", "#1A1D21"];

impl Ink {
    fn hex(self, theme: Theme) -> &'static str {
        let [light, dark] = match self {
            Ink::Text => ["#1A1D21", "#E8EAED"],
            Ink::Muted => ["#5B6470", "#A3ABB6"],
            Ink::Grid => ["#DDE1E6", "#343A42"],
            Ink::Paper => ["#FFFFFF", "#16191D"],
            Ink::Series(at) | Ink::Veil(at, _) if at % SERIES.len() == SERIES.len() - 1 => {
                return Ink::Text.hex(theme);
            }
            Ink::Series(at) | Ink::Veil(at, _) => [SERIES[at % SERIES.len()]; 2],
        };
        match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }

    /// The colour within a page, which defines the four roles for light and dark.
    fn css(self) -> &'static str {
        match self {
            Ink::Text => "var(--ink)",
            Ink::Muted => "var(--muted)",
            Ink::Grid => "var(--grid)",
            Ink::Paper => "var(--paper)",
            Ink::Series(at) | Ink::Veil(at, _) if at % SERIES.len() == SERIES.len() - 1 => {
                "var(--ink)"
            }
            Ink::Series(at) | Ink::Veil(at, _) => SERIES[at % SERIES.len()],
        }
    }

    /// The opacity, from 0 to 1.
    pub(crate) fn opacity(self) -> f32 {
        match self {
            Ink::Veil(_, percent) => f32::from(percent.min(100)) / 100.0,
            _ => 1.0,
        }
    }

    /// Red, green and blue.
    pub(crate) fn rgb(self, theme: Theme) -> [u8; 3] {
        let rgb = u32::from_str_radix(&self.hex(theme)[1..], 16).expect("a colour");
        let [_, r, g, b] = rgb.to_be_bytes();
        [r, g, b]
    }
}

/// The outline of a point, so that series can be told apart without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A triangle that points up.
    Up,
    /// A triangle that points down.
    Down,
    /// A square on its corner.
    Diamond,
    /// An upright rectangle.
    Upright,
    /// A star of four points.
    Star,
    /// A hexagon.
    Hexagon,
}

impl Shape {
    /// The shape of the series `at`, modulo their number.
    pub fn series(at: usize) -> Shape {
        use Shape::{Circle, Diamond, Down, Hexagon, Square, Star, Up, Upright};
        [Circle, Square, Up, Diamond, Down, Upright, Star, Hexagon][at % 8]
    }

    /// Its corners around 0, for a circle of radius 1.
    fn outline(self) -> Vec<(f64, f64)> {
        let ring = |n: usize, turn: f64, radius: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
            let angle = |k: usize| std::f64::consts::TAU * (k as f64 / n as f64) + turn;
            (0..n).map(|k| (radius(k) * angle(k).sin(), -radius(k) * angle(k).cos())).collect()
        };
        let half = std::f64::consts::PI;
        match self {
            Shape::Circle => ring(24, 0.0, &|_| 1.0),
            Shape::Square => ring(4, half / 4.0, &|_| 1.25),
            Shape::Up => ring(3, 0.0, &|_| 1.3),
            Shape::Down => ring(3, half, &|_| 1.3),
            Shape::Diamond => ring(4, 0.0, &|_| 1.3),
            Shape::Hexagon => ring(6, 0.0, &|_| 1.15),
            Shape::Upright => vec![(-0.55, -1.35), (0.55, -1.35), (0.55, 1.35), (-0.55, 1.35)],
            Shape::Star => ring(8, 0.0, &|k| if k % 2 == 0 { 1.6 } else { 0.6 }),
        }
    }
}

/// The point of a text that its coordinates mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// One thing drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    /// A line through points.
    Line {
        /// The points.
        points: Vec<(f64, f64)>,
        /// The colour.
        ink: Ink,
        /// The width.
        width: f64,
        /// `true` if it is dashed.
        dashed: bool,
    },
    /// A point of a series.
    Point {
        /// Where.
        at: (f64, f64),
        /// Its outline.
        shape: Shape,
        /// The colour.
        ink: Ink,
        /// Filled, or its outline only.
        filled: bool,
        /// The description that is shown when it is pointed at.
        title: String,
    },
    /// A filled rectangle.
    Bar {
        /// Its upper left corner.
        at: (f64, f64),
        /// Its width and height.
        size: (f64, f64),
        /// The colour.
        ink: Ink,
        /// The description that is shown when it is pointed at.
        title: String,
    },
    /// A filled outline.
    Area {
        /// Its corners.
        points: Vec<(f64, f64)>,
        /// The colour inside.
        fill: Ink,
        /// The colour of the outline.
        ink: Ink,
        /// The width of the outline.
        width: f64,
        /// The description that is shown when it is pointed at. Nothing is shown if it is empty.
        title: String,
    },
    /// A text.
    Text {
        /// The position of its base line.
        at: (f64, f64),
        /// The text.
        text: String,
        /// The height of its letters.
        size: f64,
        /// The point of the text that `at` means.
        anchor: Anchor,
        /// The colour.
        ink: Ink,
        /// `true` if it runs upwards.
        upwards: bool,
    },
}

/// The radius of points.
const RADIUS: f64 = 4.0;

/// The width of the outlines of points.
const OUTLINE: f64 = 1.4;

/// Marks on a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// The width of the sheet.
    pub width: f64,
    /// The height of the sheet.
    pub height: f64,
    /// A description of the drawing, for readers who cannot see it.
    pub title: String,
    /// The marks, the later over the earlier.
    pub marks: Vec<Mark>,
}

impl Drawing {
    /// This drawing above another, on one sheet.
    #[must_use]
    pub fn above(mut self, below: Drawing) -> Drawing {
        let down = |(x, y): (f64, f64)| (x, y + self.height);
        self.marks.extend(below.marks.into_iter().map(|mark| match mark {
            Mark::Line { points, ink, width, dashed } => {
                let points = points.into_iter().map(down).collect();
                Mark::Line { points, ink, width, dashed }
            }
            Mark::Point { at, shape, ink, filled, title } => {
                Mark::Point { at: down(at), shape, ink, filled, title }
            }
            Mark::Bar { at, size, ink, title } => Mark::Bar { at: down(at), size, ink, title },
            Mark::Area { points, fill, ink, width, title } => {
                let points = points.into_iter().map(down).collect();
                Mark::Area { points, fill, ink, width, title }
            }
            Mark::Text { at, text, size, anchor, ink, upwards } => {
                Mark::Text { at: down(at), text, size, anchor, ink, upwards }
            }
        }));
        self.width = self.width.max(below.width);
        self.height += below.height;
        self
    }

    /// An SVG to stand inside a page, which defines the colours `--ink`, `--muted`, `--grid` and
    /// `--paper`. With a place for names, the title of each point is written there as well, in an
    /// element of the class `name` within one of the class `point`, which the page hides until the
    /// point is pointed at or touched.
    pub fn inline_svg(&self, names_at: Option<(f64, f64)>) -> String {
        self.svg(Ink::css, names_at)
    }

    /// An SVG file.
    pub fn svg_file(&self, theme: Theme) -> String {
        let svg = self.svg(|ink| ink.hex(theme), None);
        let end = svg.find('>').expect("an element") + 1;
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}<rect width=\"100%\" height=\"100%\" \
             fill=\"{}\"/>{}\n",
            &svg[..end],
            Ink::Paper.hex(theme),
            &svg[end..]
        )
    }

    fn svg(&self, color: impl Fn(Ink) -> &'static str, names_at: Option<(f64, f64)>) -> String {
        let Drawing { width, height, title, marks } = self;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" \
             height=\"{height}\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', sans-serif\">\
             <title>{}</title>",
            xml(title)
        );
        let fainter = |of: &str, ink: Ink| match ink.opacity() {
            1.0 => String::new(),
            opacity => format!(" {of}-opacity=\"{opacity:.2}\""),
        };
        for mark in marks {
            let _ = match mark {
                Mark::Line { points, ink, width, dashed } => {
                    let dash = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
                    let points: Vec<String> =
                        points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                    write!(
                        svg,
                        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" \
                         stroke-width=\"{width}\"{dash}{}/>",
                        points.join(" "),
                        color(*ink),
                        fainter("stroke", *ink)
                    )
                }
                Mark::Point { at, shape, ink, filled, title } => {
                    let mut path = String::new();
                    for (k, (x, y)) in shape.outline().into_iter().enumerate() {
                        let (x, y) = (at.0 + RADIUS * x, at.1 + RADIUS * y);
                        let _ = write!(path, "{}{x:.1} {y:.1}", if k == 0 { 'M' } else { 'L' });
                    }
                    path.push('Z');
                    let (fill, title) = (if *filled { color(*ink) } else { "none" }, xml(title));
                    let path = format!(
                        "<path d=\"{path}\" fill=\"{fill}\" fill-opacity=\"0.75\" stroke=\"{}\" \
                         stroke-width=\"{OUTLINE}\"><title>{title}</title></path>",
                        color(*ink)
                    );
                    match names_at {
                        None => write!(svg, "{path}"),
                        // Also the inside of an outline can be pointed at. What is said is not read
                        // out a second time.
                        Some((x, y)) => write!(
                            svg,
                            "<g class=\"point\" pointer-events=\"all\">{path}<text class=\"name\" \
                             x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"12\" fill=\"{}\" \
                             pointer-events=\"none\" aria-hidden=\"true\">{title}</text></g>",
                            color(Ink::Text)
                        ),
                    }
                }
                Mark::Bar { at, size, ink, title } => write!(
                    svg,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"{}>\
                     <title>{}</title></rect>",
                    at.0,
                    at.1,
                    size.0,
                    size.1,
                    color(*ink),
                    fainter("fill", *ink),
                    xml(title)
                ),
                Mark::Area { points, fill, ink, width, title } => {
                    let points: Vec<String> =
                        points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                    let title = match title.as_str() {
                        "" => String::new(),
                        title => format!("<title>{}</title>", xml(title)),
                    };
                    write!(
                        svg,
                        "<polygon points=\"{}\" fill=\"{}\"{} stroke=\"{}\"{} \
                         stroke-width=\"{width}\">{title}</polygon>",
                        points.join(" "),
                        color(*fill),
                        fainter("fill", *fill),
                        color(*ink),
                        fainter("stroke", *ink)
                    )
                }
                Mark::Text { at: (x, y), text, size, anchor, ink, upwards } => {
                    let anchor = match anchor {
                        Anchor::Start => "start",
                        Anchor::Middle => "middle",
                        Anchor::End => "end",
                    };
                    let turn = if *upwards {
                        format!(" transform=\"rotate(-90 {x:.1} {y:.1})\"")
                    } else {
                        String::new()
                    };
                    write!(
                        svg,
                        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" \
                         text-anchor=\"{anchor}\" \
                         fill=\"{}\"{turn}>{}</text>",
                        color(*ink),
                        xml(text)
                    )
                }
            };
        }
        svg.push_str("</svg>");
        svg
    }

    /// The most pixels of a PNG. They take four bytes each while it is drawn.
    pub const MAX_PIXELS: u64 = 100_000_000;

    /// A PNG, `scale` pixels for each of the drawing, or one where there would be too many.
    ///
    /// # Errors
    /// [`Error::Settings`] if there are more than [`MAX_PIXELS`](Drawing::MAX_PIXELS) even so.
    pub fn png(&self, scale: f32, theme: Theme) -> Result<Vec<u8>, Error> {
        let failed = |why: String| Error::Internal(format!("cannot draw {:?}: {why}", self.title));
        let size = |length: f64, scale: f32| (length * f64::from(scale)).ceil();
        let n_pixels = |scale| size(self.width, scale) * size(self.height, scale);
        let most = Drawing::MAX_PIXELS as f64;
        let scale = if n_pixels(scale) <= most { scale } else { 1.0 };
        let (width, height) = (size(self.width, scale), size(self.height, scale));
        // What is no number is not less either.
        let fits = width * height <= most;
        if !fits {
            return Err(Error::Settings(format!(
                "PNG of {width} x {height} pixels: expected at most {} in all; an SVG has no such \
                 limit",
                Drawing::MAX_PIXELS
            )));
        }
        let mut pixmap = Pixmap::new(width as u32, height as u32)
            .ok_or_else(|| failed("it has no size".to_owned()))?;
        let [r, g, b] = Ink::Paper.rgb(theme);
        pixmap.fill(tiny_skia::Color::from_rgba8(r, g, b, 255));
        let view = Transform::from_scale(scale, scale);
        let mut canvas = Canvas { pixmap, view, theme };
        let letters = Letters::new();
        self.marks.iter().for_each(|mark| canvas.draw(mark, &letters));
        encode(&canvas.pixmap).map_err(|error| failed(error.to_string()))
    }
}

/// A PNG of opaque pixels. Its compression is light: for two thirds more bytes it takes a fifth of
/// the time of the usual one, which would be most of the time of a report.
fn encode(pixmap: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixmap.width(), pixmap.height());
    // What is opaque is the same with its colours multiplied by that.
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_filter(png::Filter::Up);
    encoder.set_deflate_compression(png::DeflateCompression::Level(1));
    encoder.write_header()?.write_image_data(pixmap.data())?;
    Ok(bytes)
}

/// Distance between two points.
///
/// Not [`f64::hypot`]: that is a function of the system's library, in glibc a new one since 2.35,
/// and a program that calls it does not start where the library is older.
pub fn distance((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> f64 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    (dx * dx + dy * dy).sqrt()
}

/// A surface on which marks are drawn, and which only knows paths.
pub(crate) trait Surface {
    /// A line through points.
    fn stroke(&mut self, path: &Path, ink: Ink, width: f64, dashed: bool);

    /// Fills the area that a path encloses. The marks under it shine through unless the opacity is
    /// 1.
    fn fill(&mut self, path: &Path, ink: Ink, opacity: f32);

    /// A mark.
    fn draw(&mut self, mark: &Mark, letters: &Letters) {
        match mark {
            Mark::Line { points, ink, width, dashed } => {
                if let Some(line) = path(points, false) {
                    self.stroke(&line, *ink, *width, *dashed);
                }
            }
            Mark::Point { at, shape, ink, filled, .. } => {
                let corners = shape.outline().into_iter();
                let corners: Vec<(f64, f64)> =
                    corners.map(|(x, y)| (at.0 + RADIUS * x, at.1 + RADIUS * y)).collect();
                let Some(outline) = path(&corners, true) else { return };
                if *filled {
                    self.fill(&outline, *ink, 0.75);
                }
                self.stroke(&outline, *ink, OUTLINE, false);
            }
            Mark::Bar { at: (x, y), size: (w, h), ink, .. } => {
                let corners = [(*x, *y), (x + w, *y), (x + w, y + h), (*x, y + h)];
                if let Some(bar) = path(&corners, true) {
                    self.fill(&bar, *ink, 1.0);
                }
            }
            Mark::Area { points, fill, ink, width, .. } => {
                let Some(area) = path(points, true) else { return };
                self.fill(&area, *fill, 1.0);
                if *width > 0.0 {
                    self.stroke(&area, *ink, *width, false);
                }
            }
            Mark::Text { at, text, size, anchor, ink, upwards } => {
                if let Some(text) = letters.outlines(*at, text, *size, *anchor, *upwards) {
                    self.fill(&text, *ink, 1.0);
                }
            }
        }
    }
}

/// The dashes of a dashed line and the gaps between them.
pub(crate) const DASHES: [f32; 2] = [5.0, 4.0];

/// The surface of a PNG.
struct Canvas {
    pixmap: Pixmap,
    view: Transform,
    theme: Theme,
}

impl Surface for Canvas {
    fn stroke(&mut self, path: &Path, ink: Ink, width: f64, dashed: bool) {
        let dash = if dashed { StrokeDash::new(DASHES.to_vec(), 0.0) } else { None };
        let stroke = Stroke { width: width as f32, dash, ..Stroke::default() };
        self.pixmap.stroke_path(path, &self.paint(ink, 1.0), &stroke, self.view, None);
    }

    fn fill(&mut self, path: &Path, ink: Ink, opacity: f32) {
        let paint = self.paint(ink, opacity);
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.view, None);
    }
}

impl Canvas {
    fn paint(&self, ink: Ink, opacity: f32) -> Paint<'static> {
        let [r, g, b] = ink.rgb(self.theme);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color_rgba8(r, g, b, (opacity * ink.opacity() * 255.0) as u8);
        paint
    }
}

/// The letters that PNG and PDF bring.
pub(crate) struct Letters {
    face: Face<'static>,
}

impl Letters {
    pub(crate) fn new() -> Letters {
        Letters { face: Face::parse(dejavu::sans::regular(), 0).expect("a font") }
    }

    /// The outlines of the letters of a text, with y downwards.
    pub(crate) fn outlines(
        &self,
        (x, y): (f64, f64),
        text: &str,
        size: f64,
        anchor: Anchor,
        upwards: bool,
    ) -> Option<Path> {
        let scale = size as f32 / f32::from(self.face.units_per_em());
        // A letter that the font lacks is drawn as its box, the glyph 0.
        let glyphs: Vec<_> =
            text.chars().map(|it| self.face.glyph_index(it).unwrap_or_default()).collect();
        let advance = |glyph| f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0));
        let width: f32 = glyphs.iter().map(|glyph| advance(*glyph)).sum();
        let mut pen = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let mut outline = Outline { builder: PathBuilder::new(), pen };
        for glyph in glyphs {
            outline.pen = pen;
            self.face.outline_glyph(glyph, &mut outline);
            pen += advance(glyph);
        }
        let turn = if upwards { -90.0 } else { 0.0 };
        let place =
            Transform::from_translate(x as f32, y as f32).pre_rotate(turn).pre_scale(scale, -scale);
        outline.builder.finish().and_then(|it| it.transform(place))
    }
}

/// Letters become a path, in the units of the font.
struct Outline {
    builder: PathBuilder,
    pen: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(self.pen + x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(self.pen + x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.builder.quad_to(self.pen + x1, y1, self.pen + x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let pen = self.pen;
        self.builder.cubic_to(pen + x1, y1, pen + x2, y2, pen + x, y);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

fn path(line: &[(f64, f64)], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (k, (x, y)) in line.iter().enumerate() {
        match k {
            0 => builder.move_to(*x as f32, *y as f32),
            _ => builder.line_to(*x as f32, *y as f32),
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(marks: Vec<Mark>) -> Drawing {
        Drawing { width: 40.0, height: 20.0, title: "a < b".to_owned(), marks }
    }

    fn letters(text: &str) -> Mark {
        Mark::Text {
            at: (20.0, 15.0),
            text: text.to_owned(),
            size: 12.0,
            anchor: Anchor::Middle,
            ink: Ink::Text,
            upwards: false,
        }
    }

    /// The share of the pixels that are not white.
    fn inked(drawing: &Drawing) -> f64 {
        let pixmap = Pixmap::decode_png(&drawing.png(2.0, Theme::Light).unwrap()).unwrap();
        assert_eq!((pixmap.width(), pixmap.height()), (80, 40));
        let white = |it: &&tiny_skia::PremultipliedColorU8| (it.red(), it.green()) == (255, 255);
        let n_white = pixmap.pixels().iter().filter(white).count();
        1.0 - n_white as f64 / pixmap.pixels().len() as f64
    }

    #[test]
    fn a_png_has_its_letters_without_a_font_of_the_system() {
        assert_eq!(inked(&sheet(vec![])), 0.0);
        let some = inked(&sheet(vec![letters("Φρ²")]));
        assert!(some > 0.03 && some < 0.5, "{some}");
        // Every letter of the reports is in the font: none is drawn as the box that stands for a
        // missing one.
        let face = Face::parse(dejavu::sans::regular(), 0).unwrap();
        for letter in "AZaz09ΦφΣρ²Δ−–·×→≤√≈∅…%|(){}".chars() {
            assert!(face.glyph_index(letter).is_some(), "{letter}");
        }
    }

    #[test]
    fn shapes_differ_in_black_and_white() {
        let drawn = |at: usize, filled: bool| {
            let point = Mark::Point {
                at: (20.0, 10.0),
                shape: Shape::series(at),
                ink: Ink::Text,
                filled,
                title: String::new(),
            };
            sheet(vec![point]).png(2.0, Theme::Light).unwrap()
        };
        for a in 0..8 {
            assert_ne!(drawn(a, true), drawn(a, false), "{a}, filled or not");
            for b in 0..a {
                assert_ne!(drawn(a, true), drawn(b, true), "{a} and {b}");
                assert_ne!(drawn(a, false), drawn(b, false), "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_png_has_a_bearable_size() {
        let of = |width: f64, height: f64| Drawing { width, height, ..sheet(vec![]) };
        let size = |drawing: Drawing| {
            let pixmap = Pixmap::decode_png(&drawing.png(2.0, Theme::Light).unwrap()).unwrap();
            (pixmap.width(), pixmap.height())
        };
        assert_eq!(size(of(40.0, 20.5)), (80, 41));
        // Twice the size would be too large.
        assert_eq!(size(of(60_000.0, 500.0)), (60_000, 500));
        for (width, height) in [(20_000.0, 6_000.0), (1e9, 1.0), (1e300, 1e300), (f64::NAN, 1.0)] {
            let error = of(width, height).png(2.0, Theme::Light).unwrap_err();
            assert!(error.to_string().starts_with("PNG of "), "{error}");
            assert!(error.to_string().contains("expected at most 100000000"), "{error}");
            assert_eq!(error.exit(), crate::exit::Exit::BadInput);
        }
    }

    #[test]
    fn an_svg_is_escaped_and_takes_colours_from_its_place() {
        let hostile =
            sheet(vec![letters("\u{0}\u{1b}[2J\u{fffe}\u{202e}]]>")]).svg_file(Theme::Light);
        assert!(
            !hostile.contains(|it: char| crate::escape::is_hidden(it) && it != '\n'),
            "{hostile}"
        );
        let drawing = sheet(vec![letters("R² < \"1\" & more")]);
        let file = drawing.svg_file(Theme::Light);
        assert!(file.contains("R² &lt; &quot;1&quot; &amp; more") && file.contains("a &lt; b"));
        assert!(file.contains("#1A1D21") && !file.contains("var("));
        let inline = drawing.inline_svg(None);
        assert!(inline.starts_with("<svg ") && inline.contains("fill=\"var(--ink)\""));
        assert!(!inline.contains("#FFFFFF"));
    }
}
