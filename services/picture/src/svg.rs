//! Writes SVG: a handful of shapes, titled for those who look and described for those who listen.

use std::fmt::Write;

use crate::{INK, MUTED};

/// Room above the drawing for its title and subtitle.
const HEAD: f64 = 64.0;
const MARGIN: f64 = 24.0;

/// Where a text stands with regard to its point.
#[derive(Debug, Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub size: f64,
    pub fill: &'static str,
    pub bold: bool,
    pub anchor: Anchor,
}

impl Style {
    pub const LABEL: Self = Self { size: 13.0, fill: INK, bold: false, anchor: Anchor::Start };
    pub const SMALL: Self = Self { size: 12.0, fill: MUTED, bold: false, anchor: Anchor::Start };

    #[must_use]
    pub const fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    #[must_use]
    pub const fn fill(self, fill: &'static str) -> Self {
        Self { fill, ..self }
    }

    #[must_use]
    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    #[must_use]
    pub const fn size(self, size: f64) -> Self {
        Self { size, ..self }
    }
}

/// A drawing; positions are in pixels below its head, from its left margin.
pub struct Svg {
    text: String,
}

impl Svg {
    /// `title` says the finding, `subtitle` what is drawn, `description` what those who cannot see it should know.
    pub fn new(name: &str, (width, height): (f64, f64), title: &str, subtitle: &str, description: &str) -> Self {
        let (width, height) = (width + 2.0 * MARGIN, height + HEAD + MARGIN);
        let mut svg = Self { text: String::with_capacity(16_384) };
        svg.raw(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-labelledby=\"{name}-t {name}-d\" \
             font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\">\n\
             <title id=\"{name}-t\">{}</title>\n<desc id=\"{name}-d\">{}</desc>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            escaped(title),
            escaped(description)
        ));
        svg.raw(&format!("<g transform=\"translate({MARGIN:.0} 0)\">\n"));
        svg.text(0.0, 30.0, Style::LABEL.size(18.0).bold(), title);
        svg.text(0.0, 50.0, Style::SMALL.size(13.0), subtitle);
        svg.raw(&format!("</g>\n<g transform=\"translate({MARGIN:.0} {HEAD:.0})\">\n"));
        svg
    }

    /// A drawing without a head, for a page that says around it what it shows: `described_by` is the id of those words.
    pub fn bare((width, height): (f64, f64), title: &str, described_by: &str) -> Self {
        let mut svg = Self { text: String::with_capacity(8_192) };
        svg.raw(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"{}\" aria-describedby=\"{described_by}\" \
             font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\">\n<g>\n",
            escaped(title)
        ));
        svg
    }

    pub fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str) {
        self.raw(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\n",
            width.max(0.0),
            height.max(0.0)
        ));
    }

    /// A rectangle whose value is read when pointed at.
    pub fn telling_rect(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, says: &str) {
        self.raw("<g>");
        self.raw(&format!("<title>{}</title>", escaped(says)));
        self.rect(at, size, fill);
        self.raw("</g>\n");
    }

    pub fn outline(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), stroke: &str) {
        self.raw(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\"/>\n"
        ));
    }

    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str, width: f64) {
        self.raw(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>\n"
        ));
    }

    pub fn dot(&mut self, (x, y): (f64, f64), radius: f64, fill: &str) {
        self.raw(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\"/>\n"));
    }

    /// A circle that lets through what lies under it.
    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, (fill, stroke): (&str, &str)) {
        self.raw(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\" fill-opacity=\"0.25\" stroke=\"{stroke}\" \
             stroke-width=\"1.5\"/>\n"
        ));
    }

    /// A line through points; `dash` as SVG writes it, empty for none.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: &str, width: f64, dash: &str) {
        let mut list = String::with_capacity(points.len() * 12);
        for (x, y) in points {
            write!(list, "{x:.1},{y:.1} ").expect("writing to a String cannot fail");
        }
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        self.raw(&format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>\n",
            list.trim_end()
        ));
    }

    /// Closed rings filled together: a ring within another is a hole.
    pub fn area(&mut self, rings: &[Vec<(f64, f64)>], fill: &str, says: &str) {
        let mut path = String::new();
        for ring in rings {
            for (index, (x, y)) in ring.iter().enumerate() {
                let letter = if index == 0 { 'M' } else { 'L' };
                write!(path, "{letter}{x:.1} {y:.1}").expect("writing to a String cannot fail");
            }
            path.push('Z');
        }
        self.raw(&format!(
            "<path d=\"{path}\" fill=\"{fill}\" fill-rule=\"evenodd\" stroke=\"#ffffff\" stroke-width=\"1.5\" \
             stroke-linejoin=\"round\"><title>{}</title></path>\n",
            escaped(says)
        ));
    }

    /// A text that stays readable over lines.
    pub fn halo(&mut self, at: (f64, f64), style: Style, text: &str) {
        self.raw("<g paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\">");
        self.text(at.0, at.1, style, text);
        self.raw("</g>\n");
    }

    pub fn text(&mut self, x: f64, y: f64, style: Style, text: &str) {
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.bold { " font-weight=\"700\"" } else { "" };
        self.raw(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{}\" fill=\"{}\" text-anchor=\"{anchor}\"{weight}>{}</text>\n",
            style.size,
            style.fill,
            escaped(text)
        ));
    }

    pub fn finish(mut self) -> String {
        self.raw("</g>\n</svg>\n");
        self.text
    }

    fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// `text` as content of an element.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `text` cut to `length` characters, the last an ellipsis.
pub fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length - 1).collect();
    format!("{}…", kept.trim_end())
}
