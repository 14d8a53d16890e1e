//! Pictures of figures, as SVG that stands alone or in a page under a policy without inline style.
//!
//! One hue from light to dark, so that they read in grey and by people who confuse colours; one accent for what the
//! title speaks of. Labels stand on what they name, there are no legends to decode.

pub mod columns;
pub mod number;
pub mod pictogram;
pub mod place_map;
pub mod sector_map;
pub mod svg;

/// Text.
pub const INK: &str = "#16202c";
/// Secondary text.
pub const MUTED: &str = "#4a5767";
/// Axes and outlines.
pub const LINE: &str = "#c3cbd6";
/// The one thing to look at.
pub const ACCENT: &str = "#b4490a";
/// From nothing to most; each is darker than the one before.
pub const BLUES: [&str; 7] = ["#f0f4f8", "#d6e3ef", "#adc8e0", "#7ba8cd", "#4680b3", "#0b4f8a", "#06305a"];

/// The shade of `part` of the most, 0 to 1.
pub fn shade(part: f64) -> &'static str {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the table")]
    let index = (part.clamp(0.0, 1.0) * 6.0).round() as usize;
    BLUES[index.min(BLUES.len() - 1)]
}

/// White on the dark shades, ink on the light ones.
pub fn ink_on(part: f64) -> &'static str {
    if part >= 0.55 { "#ffffff" } else { INK }
}

/// `number` as a length.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn float(number: u64) -> f64 {
    number as f64
}

/// `place` as a length on the page.
#[expect(clippy::cast_precision_loss, reason = "a few dozen")]
pub fn nth(place: usize) -> f64 {
    place as f64
}
