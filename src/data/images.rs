//! Image files as numbers: which size, which colours, and what of a picture is kept.

use super::file::{read, wrong};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::words::plural;
use image::imageops::{FilterType, crop_imm, overlay, resize};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, Rgb32FImage,
    RgbImage,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Cursor;
use std::path::Path;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

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
    let (mut image, orientation) = match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Bmp | ImageFormat::Gif) => {
            // A file of a few bytes may claim to be huge.
            reader.no_limits();
            let mut decoder = reader.into_decoder().map_err(damaged)?;
            let (w, h) = decoder.dimensions();
            allowed(w, h)?;
            decoder.set_limits(limits()).map_err(damaged)?;
            // What an unreadable note says of the camera is not worth a picture.
            let orientation = decoder.orientation().ok();
            (DynamicImage::from_decoder(decoder).map_err(damaged)?, orientation)
        }
        Some(ImageFormat::Jpeg) => jpeg(bytes)?,
        other => {
            let kind = other.map_or("no image that is known".into(), |f| format!("{f:?}"));
            return Err(format!(
                "this is {kind}; PNG, JPEG, BMP and GIF are read. Save it as one of these."
            ));
        }
    };
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

/// The largest pictures: half a gigabyte while one is read.
const MOST_PIXELS: u64 = 1 << 26;

fn allowed(w: u32, h: u32) -> Result<(), String> {
    if u64::from(w) * u64::from(h) <= MOST_PIXELS {
        return Ok(());
    }
    Err(format!("it has {h}x{w} pixels; at most {MOST_PIXELS} in all are read. Make it smaller."))
}

/// What a decoder may allocate for a picture of that size, and what is beside it.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 16);
    limits
}

fn damaged(e: impl fmt::Display) -> String {
    let said = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "the picture is damaged, cut short, or of a rare kind ({said}). Get it again, save it anew, or leave it out."
    )
}

/// A JPEG, every part of which has to be there: what is missing would be grey.
fn jpeg(bytes: &[u8]) -> Result<(DynamicImage, Option<Orientation>), String> {
    let side = 1 << 16;
    let options = DecoderOptions::default().set_strict_mode(true);
    let options = options.set_max_width(side).set_max_height(side);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (w, h) = decoder.dimensions().unwrap_or_default();
    let (w, h) = (w as u32, h as u32);
    allowed(w, h)?;
    let grey = match decoder.input_colorspace() {
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => {
            return Err("this is a JPEG for printing, in CMYK. Save it in RGB, as by \
                        magick in.jpg -colorspace sRGB out.jpg."
                .into());
        }
        space => space == Some(ColorSpace::Luma),
    };
    if !ends(bytes) {
        return Err(damaged("its end is missing"));
    }
    let space = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(damaged)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let image = match grey {
        true => GrayImage::from_raw(w, h, pixels).map(DynamicImage::ImageLuma8),
        false => RgbImage::from_raw(w, h, pixels).map(DynamicImage::ImageRgb8),
    };
    Ok((image.ok_or_else(|| damaged("it has too few pixels"))?, orientation))
}

/// Whether the mark of the end follows the begin of a JPEG's pixels, in which every other `0xff` is marked as one.
fn ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[mark, kind, high, low]) = bytes.get(at..at + 4) {
        match (mark, kind) {
            (0xff, 0xda) => return bytes[at..].windows(2).any(|two| two == [0xff, 0xd9]),
            (0xff, 0xff) => at += 1,
            (0xff, _) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            // What stands between two parts.
            _ => at += 1,
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
