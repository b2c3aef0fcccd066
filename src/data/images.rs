//! Image files as numbers: which size, which colours, and what of a picture is kept.

use super::file::{read, wrong};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::words::plural;
use image::imageops::{FilterType, crop_imm, overlay, resize};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, Rgb32FImage};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Cursor;
use std::path::Path;

/// How image files become inputs `[C, H, W]` of numbers from 0 to 1; for [`Dataset::image_folder_with`](crate::Dataset).
///
/// PNG, JPEG, BMP and the first frame of GIF are read, whatever their names end in; what a camera noted of how it
/// was held (EXIF) is followed, and what is transparent lies on white. A picture is brought to size by triangles as wide as a new
/// pixel, so that nothing is skipped (what Pillow calls `BILINEAR`).
///
/// | of a picture of another shape | |
/// |---|---|
/// | [`cropped`](Images::cropped), the default | the largest part in its middle that has the shape |
/// | [`squeezed`](Images::squeezed) | all of it, distorted |
/// | [`padded`](Images::padded) | all of it, with black beside or above and below it |
///
/// ```
/// use nascent::prelude::*;
/// let images = Images::new().size(48, 64).grey().padded();
/// assert_eq!(images.to_string(), "48x64 pixels, grey, padded");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Images {
    size: Option<(i64, i64)>,
    grey: Option<bool>,
    fit: Fit,
    #[serde(skip)]
    skip: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Fit {
    #[default]
    Cropped,
    Squeezed,
    Padded,
}

/// Pictures that are all of one size of at most so many pixels across are taken as they are.
const SMALL: u32 = 64;

/// The size of others, where none is given.
const USUAL: i64 = 32;

/// The largest inputs.
const LARGEST: i64 = 4096;

impl Images {
    /// The size of the files where all have the same of at most 64x64 pixels, otherwise 32x32; grey where all are, otherwise in
    /// colour; cropped.
    pub fn new() -> Images {
        Images::default()
    }

    /// The size of the inputs, in pixels.
    pub fn size(&self, height: impl Count, width: impl Count) -> Images {
        Images { size: Some((height.to_i64(), width.to_i64())), ..*self }
    }

    /// One channel: of colours 0.2126 of red, 0.7152 of green and 0.0722 of blue (ITU-R BT.709).
    #[doc(alias = "gray")]
    pub fn grey(&self) -> Images {
        Images { grey: Some(true), ..*self }
    }

    /// Three channels: red, green and blue.
    #[doc(alias = "color")]
    pub fn colour(&self) -> Images {
        Images { grey: Some(false), ..*self }
    }

    /// Keeps the largest part in the middle of a picture that has the shape of the inputs.
    pub fn cropped(&self) -> Images {
        Images { fit: Fit::Cropped, ..*self }
    }

    /// Keeps all of a picture, distorted to the shape of the inputs.
    pub fn squeezed(&self) -> Images {
        Images { fit: Fit::Squeezed, ..*self }
    }

    /// Keeps all of a picture, with black where the inputs have another shape.
    pub fn padded(&self) -> Images {
        Images { fit: Fit::Padded, ..*self }
    }

    /// Leaves out files that cannot be read, and says which; without it they are an error.
    pub fn skip_broken(&self) -> Images {
        Images { skip: true, ..*self }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.size.is_some() && self.grey.is_some()
    }

    /// Whether the same file becomes the same input.
    pub(super) fn as_read(&self, other: &Images) -> bool {
        Images { skip: other.skip, ..*self } == *other
    }

    pub(super) fn skips(&self) -> bool {
        self.skip
    }

    /// # Errors
    /// When the size is not one.
    pub(super) fn check(&self) -> Result<()> {
        match self.size {
            Some((h, w)) if !(1..=LARGEST).contains(&h) || !(1..=LARGEST).contains(&w) => {
                Err(Error::invalid(
                    format!("size({h}, {w})"),
                    format!("a height and a width of 1 to {LARGEST} pixels are allowed"),
                    "Images::new().size(32, 32)",
                ))
            }
            _ => Ok(()),
        }
    }

    /// With size and channels decided: by the sizes of the files, and whether all are grey.
    pub(super) fn settled(&self, first: Option<(u32, u32)>, alike: bool, grey: bool) -> Images {
        let own = first.filter(|&(h, w)| alike && h <= SMALL && w <= SMALL);
        let usual = own.map_or((USUAL, USUAL), |(h, w)| (h.into(), w.into()));
        Images {
            size: Some(self.size.unwrap_or(usual)),
            grey: Some(self.grey.unwrap_or(grey)),
            ..*self
        }
    }

    /// `[C, H, W]`, of settled ones.
    pub(crate) fn shape(&self) -> [usize; 3] {
        let (h, w) = self.size.unwrap_or((USUAL, USUAL));
        [if self.grey == Some(true) { 1 } else { 3 }, h.to_size(), w.to_size()]
    }

    /// A file as an input `[C, H, W]`, by settled settings.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of_file(&self, path: &Path, hint: &str) -> Result<Vec<f32>> {
        let bytes = read(path, hint)?;
        Ok(self.values(&decoded(&bytes).map_err(|what| wrong(path, what))?))
    }

    /// The numbers of a picture, plane after plane.
    pub(super) fn values(&self, picture: &Picture) -> Vec<f32> {
        let [channels, h, w] = self.shape();
        let image = fitted(&picture.image, self.fit, (w as u32, h as u32));
        match channels {
            1 => image.pixels().map(|Rgb([r, g, b])| luma(*r, *g, *b)).collect(),
            _ => (0..3).flat_map(|c| image.pixels().map(move |p| p.0[c])).collect(),
        }
    }
}

impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Some((h, w)) => write!(f, "{h}x{w} pixels")?,
            None => f.write_str("pixels as they are")?,
        }
        match self.grey {
            Some(true) => f.write_str(", grey")?,
            Some(false) => f.write_str(", colour")?,
            None => {}
        }
        f.write_str(match self.fit {
            Fit::Cropped => ", cropped",
            Fit::Squeezed => ", squeezed",
            Fit::Padded => ", padded",
        })
    }
}

/// A picture that was read.
pub(super) struct Picture {
    image: Rgb32FImage,
    /// Whether red, green and blue are the same everywhere.
    pub grey: bool,
    /// Whether something of it was transparent.
    pub clear: bool,
}

impl Picture {
    /// Height and width.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.image.height(), self.image.width())
    }
}

fn luma(r: f32, g: f32, b: f32) -> f32 {
    // What is grey stays exactly as it is.
    if r == g && g == b { r } else { 0.2126 * r + 0.7152 * g + 0.0722 * b }
}

/// The picture in these bytes, upright, or what is wrong with them.
pub(super) fn decoded(bytes: &[u8]) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err("the file is empty. Get it again, or leave it out.".into());
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| format!("cannot be read: {e}."))?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Bmp | ImageFormat::Gif) => {}
        Some(ImageFormat::Jpeg) if of_four_inks(bytes) => {
            return Err("this is a JPEG for printing, in CMYK. Save it in RGB, as by \
                        magick in.jpg -colorspace sRGB out.jpg."
                .into());
        }
        Some(ImageFormat::Jpeg) => {}
        other => {
            let kind = other.map_or("no image that is known".into(), |f| format!("{f:?}"));
            return Err(format!(
                "this is {kind}; PNG, JPEG, BMP and GIF are read. Save it as one of these."
            ));
        }
    }
    // A file of a few bytes may claim to be huge.
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(1 << 15), Some(1 << 15));
    limits.max_alloc = Some(1 << 30);
    reader.limits(limits);
    let failed = |e: image::ImageError| {
        format!("the picture is damaged or cut short ({e}). Get it again, or leave it out.")
    };
    let mut decoder = reader.into_decoder().map_err(failed)?;
    // What an unreadable note says of the camera is not worth a picture.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    orientation.into_iter().for_each(|o| image.apply_orientation(o));
    let (image, clear) = match image.color().has_alpha() {
        false => (image.into_rgb32f(), false),
        true => on_white(image),
    };
    let grey = image.pixels().all(|Rgb([r, g, b])| r == g && g == b);
    Ok(Picture { image, grey, clear })
}

/// What is transparent on white, and whether anything was.
fn on_white(image: DynamicImage) -> (Rgb32FImage, bool) {
    let image = image.into_rgba32f();
    let clear = image.pixels().any(|p| p.0[3] < 1.0);
    let over = |p: &image::Rgba<f32>| {
        let [r, g, b, a] = p.0;
        Rgb([r, g, b].map(|v| v * a + (1.0 - a)))
    };
    let flat =
        Rgb32FImage::from_fn(image.width(), image.height(), |x, y| over(image.get_pixel(x, y)));
    (flat, clear)
}

/// Whether the frame of a JPEG has four components: its header is found by going from marker to marker.
fn of_four_inks(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        match marker {
            0xff => at += 1,
            // A start of a frame, but for the tables that share its range of numbers.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                return bytes.get(at + 9) == Some(&4);
            }
            0xda | 0xd9 => return false,
            _ => at += 2 + length,
        }
    }
    false
}

/// The picture in another size.
fn fitted(image: &Rgb32FImage, fit: Fit, (w, h): (u32, u32)) -> Rgb32FImage {
    let (own_w, own_h) = image.dimensions();
    if (own_w, own_h) == (w, h) {
        return image.clone();
    }
    // Widths and heights as they would be in each other's proportion, in whole pixels.
    let wide = |height: u32| share(height, w, h);
    let high = |width: u32| share(width, h, w);
    match fit {
        Fit::Squeezed => resize(image, w, h, FilterType::Triangle),
        Fit::Cropped => {
            let (part_w, part_h) =
                match u64::from(own_w) * u64::from(h) > u64::from(own_h) * u64::from(w) {
                    true => (wide(own_h).min(own_w), own_h),
                    false => (own_w, high(own_w).min(own_h)),
                };
            let (x, y) = ((own_w - part_w) / 2, (own_h - part_h) / 2);
            let part = crop_imm(image, x, y, part_w, part_h).to_image();
            resize(&part, w, h, FilterType::Triangle)
        }
        Fit::Padded => {
            let (part_w, part_h) =
                match u64::from(own_w) * u64::from(h) > u64::from(own_h) * u64::from(w) {
                    true => (w, share(w, own_h, own_w).min(h)),
                    false => (share(h, own_w, own_h).min(w), h),
                };
            let part = resize(image, part_w, part_h, FilterType::Triangle);
            let mut whole = Rgb32FImage::new(w, h);
            let (x, y) = ((w - part_w) / 2, (h - part_h) / 2);
            overlay(&mut whole, &part, x.into(), y.into());
            whole
        }
    }
}

/// `length * a / b`, rounded, and at least 1.
fn share(length: u32, a: u32, b: u32) -> u32 {
    (f64::from(length) * f64::from(a) / f64::from(b.max(1))).round().max(1.0) as u32
}

/// "3 broken files (a.png, b.png, c.png)".
pub(super) fn broken(names: &[String]) -> String {
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 5 { ", ..." } else { "" };
    format!("left out: {} ({shown}{more})", plural(names.len(), "broken file"))
}
