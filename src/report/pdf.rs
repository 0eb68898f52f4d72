//! Drawings as PDF: one page, with the letters as outlines.

use std::collections::BTreeSet;

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, TextStr};
use tiny_skia::{Path, PathSegment};

use crate::report::drawing::{DASHES, Drawing, Ink, Letters, Surface, Theme};

/// Points of a PDF for each pixel of a drawing: 96 pixels are an inch, which has 72 points.
const POINTS: f32 = 0.75;

impl Drawing {
    /// A PDF of one page, as large as the drawing.
    pub fn pdf(&self, theme: Theme) -> Vec<u8> {
        let (width, height) = (self.width as f32, self.height as f32);
        let mut page = Page { content: Content::new(), theme, opacities: BTreeSet::new() };
        page.content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, POINTS * height]);
        page.set_fill(Ink::Paper, 1.0);
        page.content.rect(0.0, 0.0, width, height).fill_nonzero();
        let letters = Letters::new();
        self.marks.iter().for_each(|mark| page.draw(mark, &letters));

        let [catalog, pages, sheet, marks, about] = [1, 2, 3, 4, 5].map(Ref::new);
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.pages(pages).kids([sheet]).count(1);
        let mut it = pdf.page(sheet);
        it.media_box(Rect::new(0.0, 0.0, POINTS * width, POINTS * height));
        it.parent(pages).contents(marks);
        let mut resources = it.resources();
        let mut states = resources.ext_g_states();
        for percent in &page.opacities {
            let opacity = f32::from(*percent) / 100.0;
            let name = opacity_name(*percent);
            states
                .insert(Name(name.as_bytes()))
                .start::<pdf_writer::writers::ExtGraphicsState>()
                .non_stroking_alpha(opacity)
                .stroking_alpha(opacity);
        }
        states.finish();
        resources.finish();
        it.finish();
        pdf.stream(marks, &page.content.finish());
        pdf.document_info(about).title(TextStr(&self.title));
        pdf.finish()
    }
}

fn opacity_name(percent: u8) -> String {
    format!("A{percent}")
}

/// The surface of a PDF.
struct Page {
    content: Content,
    theme: Theme,
    /// The opacities used, in percent.
    opacities: BTreeSet<u8>,
}

impl Page {
    fn rgb(&mut self, ink: Ink, opacity: f32) -> [f32; 3] {
        let percent = (100.0 * opacity * ink.opacity()).round() as u8;
        self.opacities.insert(percent);
        self.content.set_parameters(Name(opacity_name(percent).as_bytes()));
        ink.rgb(self.theme).map(|it| f32::from(it) / 255.0)
    }

    fn set_fill(&mut self, ink: Ink, opacity: f32) {
        let [r, g, b] = self.rgb(ink, opacity);
        self.content.set_fill_rgb(r, g, b);
    }

    fn outline(&mut self, path: &Path) {
        let mut pen = (0.0, 0.0);
        for segment in path.segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    self.content.move_to(to.x, to.y);
                    pen = (to.x, to.y);
                }
                PathSegment::LineTo(to) => {
                    self.content.line_to(to.x, to.y);
                    pen = (to.x, to.y);
                }
                PathSegment::QuadTo(by, to) => {
                    let two_thirds = |from: f32, by: f32| from + 2.0 / 3.0 * (by - from);
                    let (x1, y1) = (two_thirds(pen.0, by.x), two_thirds(pen.1, by.y));
                    let (x2, y2) = (two_thirds(to.x, by.x), two_thirds(to.y, by.y));
                    self.content.cubic_to(x1, y1, x2, y2, to.x, to.y);
                    pen = (to.x, to.y);
                }
                PathSegment::CubicTo(a, b, to) => {
                    self.content.cubic_to(a.x, a.y, b.x, b.y, to.x, to.y);
                    pen = (to.x, to.y);
                }
                PathSegment::Close => {
                    self.content.close_path();
                }
            }
        }
    }
}

impl Surface for Page {
    fn stroke(&mut self, path: &Path, ink: Ink, width: f64, dashed: bool) {
        let [r, g, b] = self.rgb(ink, 1.0);
        self.content.set_stroke_rgb(r, g, b);
        self.content.set_line_width(width as f32);
        self.content.set_dash_pattern(if dashed { DASHES.to_vec() } else { Vec::new() }, 0.0);
        self.outline(path);
        self.content.stroke();
    }

    fn fill(&mut self, path: &Path, ink: Ink, opacity: f32) {
        self.set_fill(ink, opacity);
        self.outline(path);
        self.content.fill_nonzero();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::drawing::{Anchor, Mark};

    #[test]
    fn a_pdf_has_a_page_of_the_size_of_the_drawing_and_says_its_title() {
        let area = Mark::Area {
            points: vec![(1.0, 1.0), (9.0, 1.0), (9.0, 9.0)],
            fill: Ink::Veil(1, 30),
            ink: Ink::Text,
            width: 1.0,
            title: String::new(),
        };
        let letters = Mark::Text {
            at: (20.0, 10.0),
            text: "Φ".to_owned(),
            size: 9.0,
            anchor: Anchor::Middle,
            ink: Ink::Text,
            upwards: false,
        };
        let marks = vec![area, letters];
        let drawing = Drawing { width: 40.0, height: 20.0, title: "one (1)".to_owned(), marks };
        let pdf = drawing.pdf(Theme::Light);
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"), "{pdf:?}");
        let text = String::from_utf8_lossy(&pdf);
        for part in ["/MediaBox [0 0 30 15]", "/ca 0.3", "/Title (one (1))", "/A30 gs"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The sheet, the area and the letter are filled.
        assert_eq!(text.lines().filter(|it| *it == "f").count(), 3, "{text}");
    }
}
