//! Folders of image files.

use crate::help::{Folder, says};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use nascent::prelude::*;
use std::io::Cursor;

/// A picture of one colour with a mark in its upper left corner.
fn picture(h: u32, w: u32, [r, g, b]: [u8; 3]) -> RgbImage {
    RgbImage::from_fn(w, h, |x, y| match x < w / 2 && y < h / 2 {
        true => Rgb([255, 255, 255]),
        false => Rgb([r, g, b]),
    })
}

fn bytes(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(vec![]);
    image.into().write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// Red and blue pictures, five of each.
fn colours(folder: &Folder, name: &str) -> std::path::PathBuf {
    for i in 0..5 {
        let shade = 150 + 10 * i as u8;
        folder.write(
            &format!("{name}/red/{i}.png"),
            bytes(picture(8, 8, [shade, 0, 0]), ImageFormat::Png),
        );
        folder.write(
            &format!("{name}/blue/{i}.png"),
            bytes(picture(8, 8, [0, 0, shade]), ImageFormat::Png),
        );
    }
    folder.0.join(name)
}

fn only(data: &Dataset) -> Vec<f32> {
    data.tensors(Split::Test).unwrap().0.flatten_all().unwrap().to_vec1().unwrap()
}

/// The numbers of one picture, as the only test sample of these data.
fn read(folder: &Folder, data: &Dataset, name: &str, file: Vec<u8>) -> Result<Vec<f32>> {
    let place = folder.0.join("one");
    let _ = std::fs::remove_dir_all(&place);
    folder.write(&format!("one/red/{name}"), file);
    data.with_test_image_folder(&place).map(|data| only(&data))
}

#[test]
fn a_folder_of_pictures_is_a_data_set() {
    let folder = Folder::new("images");
    let data = Dataset::image_folder(colours(&folder, "colours")).unwrap();
    assert_eq!((data.len(), data.shape().dims()), (10, vec![3, 8, 8]));
    assert_eq!(data.classes(), ["blue", "red"]);
    assert!(data.notes().is_empty(), "{:?}", data.notes());
    let (x, y) = data.tensors(Split::TrainValidation).unwrap();
    let (x, y) = (x.get(0).unwrap(), y.to_vec1::<u32>().unwrap()[0]);
    let last: Vec<f32> =
        (0..3).map(|c| x.get(c).unwrap().to_vec2::<f32>().unwrap()[7][7]).collect();
    let channel = if y == 0 { 2 } else { 0 };
    assert!(
        last[channel] >= 150.0 / 255.0 && last[1] == 0.0 && last[2 - channel] == 0.0,
        "{last:?}"
    );
    assert!(nascent::Draw::html(&data).contains("data:image/"), "its pictures are shown");
    // Grey files make grey images, and others can be made grey.
    for i in 0..3 {
        for class in ["a", "b"] {
            let grey = picture(8, 8, [9 * i, 9 * i, 9 * i]);
            folder.write(&format!("grey/{class}/{i}.gif"), bytes(grey, ImageFormat::Gif));
        }
    }
    let grey = Dataset::image_folder(folder.0.join("grey")).unwrap();
    assert_eq!(grey.shape().dims(), [1, 8, 8]);
    let images = Images::new().grey().size(4, 2);
    let small = Dataset::image_folder_with(folder.0.join("colours"), images).unwrap();
    assert_eq!(small.shape().dims(), [1, 4, 2]);
    assert!(
        small.notes()[0].contains("8x8 became 4x2 pixels, grey, cropped"),
        "{:?}",
        small.notes()
    );
}

#[test]
fn a_model_answers_for_a_file() {
    let folder = Folder::new("answers");
    let place = colours(&folder, "colours");
    let data = Dataset::image_folder(&place).unwrap().standardised().unwrap();
    let arch = Space::on(&data).then(flatten()).default_architecture().unwrap();
    let model = Train::on(&data).batch_size(2).retrain(&arch, 30, 1).unwrap().model();
    let files = [place.join("red/0.png"), place.join("blue/1.png")];
    assert_eq!(model.predict(&files).unwrap(), ["red", "blue"]);
    assert_eq!(model.predict(files[0].to_str().unwrap()).unwrap(), ["red"]);
    // Of another size and format: it is brought to that of the data.
    let large = folder.0.join("large.jpg");
    std::fs::write(&large, bytes(picture(90, 70, [0, 0, 170]), ImageFormat::Jpeg)).unwrap();
    assert_eq!(model.predict(&large).unwrap(), ["blue"]);
    // As after saving.
    let kept = folder.0.join("model.safetensors");
    model.save(&kept).unwrap();
    assert_eq!(Model::load(&kept, &Device::Cpu).unwrap().predict(&files).unwrap(), ["red", "blue"]);
    says(model.predict("no/such.png"), &["no/such.png", "no such file", "names of image files"]);
    let digits = Dataset::digits();
    let arch = Space::on(&digits).then(flatten()).default_architecture().unwrap();
    let other = Model::new(&arch, &Device::Cpu, 1).unwrap();
    says(other.predict("a.png"), &["the text \"a.png\"", "image_folder"]);
}

#[test]
fn every_kind_of_file_is_read_as_it_is_meant() {
    let folder = Folder::new("kinds");
    let data = Dataset::image_folder(colours(&folder, "colours")).unwrap();
    let image = picture(8, 8, [200, 0, 0]);
    let exact = read(&folder, &data, "a.png", bytes(image.clone(), ImageFormat::Png)).unwrap();
    assert_eq!((exact[0], exact[63], exact[127]), (1.0, 200.0 / 255.0, 0.0));
    for (name, format) in [("a.bmp", ImageFormat::Bmp), ("a.gif", ImageFormat::Gif)] {
        let found = read(&folder, &data, name, bytes(image.clone(), format)).unwrap();
        assert_eq!(found, exact, "{name}");
    }
    // Whatever its name ends in.
    let found = read(&folder, &data, "a.jpg", bytes(image.clone(), ImageFormat::Png)).unwrap();
    assert_eq!(found, exact);
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.12);
    let mut jpeg = vec![];
    JpegEncoder::new_with_quality(&mut jpeg, 95).encode_image(&image).unwrap();
    let found = read(&folder, &data, "a.jpg", jpeg.clone()).unwrap();
    assert!(near(&found, &exact), "{found:?}");
    // A camera that was held upside down says so: EXIF, orientation 3.
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
    let turned = [&jpeg[..2], &exif[..], &jpeg[2..]].concat();
    let found = read(&folder, &data, "turned.jpg", turned).unwrap();
    let plane = |x: &[f32], c: usize| x[64 * c..64 * (c + 1)].to_vec();
    let upright = (0..3).flat_map(|c| plane(&exact, c).into_iter().rev()).collect::<Vec<f32>>();
    assert!(near(&found, &upright), "{found:?}");
    // 16 bits, all of them.
    let deep = ImageBuffer::from_pixel(8, 8, Luma([300_u16]));
    let found = read(&folder, &data, "deep.png", bytes(deep, ImageFormat::Png)).unwrap();
    assert!(found.iter().all(|&v| (v - 300.0 / 65535.0).abs() < 1e-7), "{}", found[0]);
    // What is transparent lies on white.
    let clear = RgbaImage::from_pixel(8, 8, Rgba([255, 0, 0, 0]));
    let found = read(&folder, &data, "clear.png", bytes(clear, ImageFormat::Png)).unwrap();
    assert!(found.iter().all(|&v| v == 1.0), "{found:?}");
}

#[test]
fn pictures_of_other_shapes_are_brought_to_one() {
    let folder = Folder::new("shapes");
    // White at the left and at the right, red in the middle: 8 by 16.
    let wide = RgbImage::from_fn(16, 8, |x, _| match x {
        4..12 => Rgb([255, 0, 0]),
        _ => Rgb([255, 255, 255]),
    });
    for class in ["a", "b"] {
        for i in 0..3 {
            folder.write(&format!("all/{class}/{i}.png"), bytes(wide.clone(), ImageFormat::Png));
        }
    }
    let green = |images: Images| -> Vec<Vec<f32>> {
        let data = Dataset::image_folder_with(folder.0.join("all"), images.size(8, 8)).unwrap();
        let x = data.tensors(Split::Test).unwrap().0;
        x.get(0).unwrap().get(1).unwrap().to_vec2().unwrap()
    };
    let cropped = green(Images::new().cropped());
    assert!(cropped.iter().flatten().all(|&v| v == 0.0), "{cropped:?}");
    let squeezed = green(Images::new().squeezed());
    assert!(squeezed.iter().all(|row| row[0] == 1.0 && row[4] == 0.0), "{squeezed:?}");
    let padded = green(Images::new().padded());
    assert!(padded[0].iter().chain(&padded[7]).all(|&v| v == 0.0), "{padded:?}");
    assert!(padded[3][0] == 1.0 && padded[3][4] == 0.0, "{padded:?}");
    says(
        Dataset::image_folder_with(folder.0.join("all"), Images::new().size(0, 8)),
        &["size(0, 8)", "1 to 4096"],
    );
    // Bilinear with a window as wide as a new pixel, as in Pillow: a ramp stays one.
    let ramp = RgbImage::from_fn(64, 64, |x, _| Rgb([4 * x as u8; 3]));
    for (class, i) in [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 2)] {
        folder.write(&format!("ramp/{class}/{i}.png"), bytes(ramp.clone(), ImageFormat::Png));
    }
    let data =
        Dataset::image_folder_with(folder.0.join("ramp"), Images::new().size(16, 16)).unwrap();
    let row: Vec<f32> = only(&data)[..16].to_vec();
    for (i, v) in row.iter().enumerate().skip(1).take(14) {
        assert!((v - (4.0 * (4.0 * i as f32 + 1.5)) / 255.0).abs() < 1e-3, "{i}: {v}");
    }
}

#[test]
fn bad_files_are_named_and_skipped_when_asked() {
    let folder = Folder::new("bad");
    let place = colours(&folder, "colours");
    let data = Dataset::image_folder(&place).unwrap();
    let png = bytes(picture(8, 8, [200, 0, 0]), ImageFormat::Png);
    let mut jpeg = bytes(picture(8, 8, [200, 0, 0]), ImageFormat::Jpeg);
    // A frame of four components: SOF0, its length, the bits, height, width, how many, and three bytes for each.
    let at = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    (jpeg[at + 3], jpeg[at + 9]) = (20, 4);
    jpeg.splice(at + 19..at + 19, [4, 0x11, 0]);
    let noisy =
        RgbImage::from_fn(
            64,
            64,
            |x, y| Rgb([37 * x + 91 * y, 53 * x * y, x ^ y].map(|v| v as u8)),
        );
    let whole = bytes(noisy, ImageFormat::Jpeg);
    let pixels = whole.windows(2).position(|w| w == [0xff, 0xda]).unwrap() + 14;
    // 32768x8192 pixels in 35 bytes.
    let mut huge = b"GIF89a\x00\x80\x00\x20\x80\x00\x00\0\0\0\xff\xff\xff".to_vec();
    huge.extend(b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b");
    let bad: [(&str, Vec<u8>, &[&str]); 8] = [
        ("half.jpg", whole[..whole.len() / 2].to_vec(), &["half.jpg", "end is missing"]),
        ("none.jpg", whole[..pixels].to_vec(), &["none.jpg", "end is missing"]),
        ("huge.gif", huge, &["huge.gif", "8192x32768 pixels", "Make it smaller"]),
        ("empty.png", vec![], &["empty.png", "is empty"]),
        ("cut.png", png[..png.len() / 2].to_vec(), &["cut.png", "damaged, cut short"]),
        ("inks.jpg", jpeg, &["inks.jpg", "CMYK", "sRGB"]),
        ("text.png", b"not a picture".to_vec(), &["text.png", "PNG, JPEG, BMP and GIF"]),
        ("web.gif", b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), &["web.gif", "WebP"]),
    ];
    for (name, file, parts) in &bad {
        says(read(&folder, &data, name, file.clone()), parts);
    }
    // All at once, and left out when asked.
    for (name, file, _) in &bad {
        folder.write(&format!("colours/red/{name}"), file);
    }
    says(
        Dataset::image_folder(&place),
        &["cut.png", "empty.png", "half.jpg", "huge.gif", "3 more", "skip_broken()"],
    );
    let kept = Dataset::image_folder_with(&place, Images::new().skip_broken()).unwrap();
    assert_eq!(kept.fingerprint(), data.fingerprint());
    assert!(
        kept.notes()[0].contains("left out: 8 broken files (red/cut.png"),
        "{:?}",
        kept.notes()
    );
    // Links to what is read anyway.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.join("red"), place.join("alias")).unwrap();
        std::os::unix::fs::symlink(&place, place.join("blue/loop")).unwrap();
        let linked = Dataset::image_folder_with(&place, Images::new().skip_broken()).unwrap();
        assert_eq!((linked.fingerprint(), linked.classes()), (data.fingerprint(), data.classes()));
        let notes = linked.notes().join("; ");
        assert!(
            notes.contains("2 links to folders (blue/loop, alias)")
                || notes.contains("2 links to folders (alias, blue/loop)"),
            "{notes}"
        );
    }
    // Folders that are no data.
    for i in 0..6 {
        folder.write(&format!("same/red/{i}.png"), &png);
        folder.write(&format!("rare/red/{i}.png"), &png);
    }
    folder.write("rare/blue/0.png", &png);
    says(Dataset::image_folder(folder.0.join("same")), &["one class, \"red\"", "image_folder("]);
    says(Dataset::image_folder(folder.0.join("rare")), &["1 class (blue) has a single file"]);
    says(Dataset::image_folder(folder.0.join("none")), &["no such folder", "flowers/daisy"]);
    for class in ["a", "b"] {
        (0..3).for_each(|i| drop(folder.write(&format!("all/{class}/{i}.png"), b"none")));
    }
    let all = Dataset::image_folder_with(folder.0.join("all"), Images::new().skip_broken());
    says(all, &["all/a/0.png", "None is left"]);
    // Known before the first file is opened.
    for i in 0..22 {
        folder.write(&format!("many/{}/{i}.png", i % 2), b"none");
    }
    let large = Images::new().size(4096, 4096).colour();
    says(
        Dataset::image_folder_with(folder.0.join("many"), large),
        &["22 pictures of 50331648 numbers are more than", "smaller size"],
    );
    says(Dataset::image_folder(place.join("red/0.png")), &["this is a file"]);
    let small = data.shrunk(2).unwrap();
    says(small.with_test_image_folder(&place), &["before shrunk"]);
    let scaled = data.standardised().unwrap();
    says(scaled.with_test_image_folder(&place), &["was standardised", "what has been joined"]);
    // Splits that are classes, and classes that are splits.
    for (class, i) in ["test", "dev"].into_iter().flat_map(|c| (0..3).map(move |i| (c, i))) {
        folder.write(&format!("words/{class}/{i}.png"), &png);
        folder.write(&format!("split/{class}/a/{i}.png"), &png);
    }
    assert_eq!(Dataset::image_folder(folder.0.join("words")).unwrap().classes(), ["dev", "test"]);
    says(Dataset::image_folder(folder.0.join("split")), &["like splits"]);
    folder.write("names/_0.png", &png);
    says(Dataset::image_folder(folder.0.join("names")), &["does not tell the class"]);
    std::fs::create_dir_all(folder.0.join("void/a")).unwrap();
    says(
        Dataset::image_folder(folder.0.join("void")),
        &["no image files", "a folder without an image file (a)"],
    );
    // A test folder may have few files.
    folder.write("few/red/0.png", &png);
    let joined = data.with_test_image_folder(folder.0.join("few")).unwrap();
    assert_eq!(joined.sizes(), (8, 2, 1));
    folder.write("few/green/0.png", &png);
    says(
        data.with_test_image_folder(folder.0.join("few")),
        &["\"green\" is not a class of colours"],
    );
    says(Dataset::digits().with_test_image_folder(&place), &["not of image files"]);
}
