//! Samples of photographs beside each other, as one picture.

use super::Dataset;
use crate::live::base64;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgba, RgbaImage};

/// As many pixels are drawn at most, of at most so many samples.
const PIXELS: usize = 1 << 16;
const MOST: usize = 12;

/// The width of a sample on the page.
const SHOWN: usize = 64;

impl Dataset {
    /// The first samples of the training split, for images of three channels and for image files. The darkest value of all is
    /// black where there are negative ones, as after standardisation; otherwise 0 is.
    pub(super) fn photographs_svg(&self) -> Option<String> {
        let [c, h, w] = self.0.shape.as_slice()[..] else { return None };
        let images = self.first_samples((PIXELS / (h * w).max(1)).clamp(1, MOST))?;
        let values = || images.iter().flatten().copied();
        let (lo, hi) =
            values().fold((0.0_f32, f32::MIN_POSITIVE), |(a, b), v| (a.min(v), b.max(v)));
        let byte = |v: f32| (255.0 * (v - lo) / (hi - lo)).round() as u8;
        let gap = (w / 16).max(1);
        let wide = images.len() * (w + gap) - gap;
        // Between the samples the page is seen, light or dark.
        let mut strip = RgbaImage::new(wide as u32, h as u32);
        for (n, image) in images.iter().enumerate() {
            for (i, at) in (0..h * w).map(|i| (i, (n * (w + gap) + i % w, i / w))) {
                let [r, g, b] =
                    [0, 1, 2].map(|k| byte(image[if c == 1 { 0 } else { k } * h * w + i]));
                strip.put_pixel(at.0 as u32, at.1 as u32, Rgba([r, g, b, 255]));
            }
        }
        let mut png = vec![];
        let (width, height) = strip.dimensions();
        PngEncoder::new(&mut png)
            .write_image(strip.as_raw(), width, height, ExtendedColorType::Rgba8)
            .ok()?;
        let data = base64(&png);
        let shown = (images.len() * SHOWN).min(800);
        Some(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"samples\" \
             viewBox=\"0 0 {wide} {h}\" width=\"{shown}\" style=\"max-width:100%;height:auto\">\
             <image width=\"{wide}\" height=\"{h}\" href=\"data:image/png;base64,{data}\" \
             style=\"image-rendering:pixelated\"/></svg>"
        ))
    }
}
