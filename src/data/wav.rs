//! WAV files: a rate, and the samples of all channels mixed to one.
//!
//! A WAV file is a RIFF container (Microsoft and IBM, 1991): chunks, each a name, a length and bytes,
//! padded to even lengths, of which `fmt ` says how `data` is to be read. We read PCM of 1 to 64
//! bits and floats of 32 and 64 bits, with any number of channels, which are mixed by their mean.
//! How many bytes a sample takes follows from the block align, not from the bits: 24 bits may be stored
//! in 4 bytes, at the upper end. A streamed recording does not state its true length, and is read to the
//! end of the file.

/// The rate in Hz, and the samples from -1 to 1.
pub(super) type Sound = (usize, Vec<f32>);

/// What to do with a file that is not read.
const CONVERT: &str =
    "Convert it: ffmpeg -i in.wav -c:a pcm_s16le out.wav, or sox in.wav -e signed -b 16 out.wav.";

/// Reads a whole file.
pub(super) fn parse(bytes: &[u8]) -> Result<Sound, String> {
    let Some((head, mut rest)) = bytes.split_at_checked(12) else {
        return Err(format!("not a WAV file: {} bytes are too few. Drop the file.", bytes.len()));
    };
    let wide = matches!(&head[..4], b"RF64" | b"BW64");
    if !(wide || &head[..4] == b"RIFF") || &head[8..] != b"WAVE" {
        let what = "not a WAV file: it does not begin with RIFF and WAVE.";
        return Err(format!("{what} {CONVERT}"));
    }
    // The length that the file states; a stream could not know it.
    let told = (four(&head[4..]) as usize).saturating_add(8);
    let closed = told.abs_diff(bytes.len()) <= 1;
    let (mut format, mut wide_length) = (None, None);
    while let Some((head, after)) = rest.split_at_checked(8) {
        let (name, mut length) = (&head[..4], four(&head[4..]) as usize);
        if name == b"data" {
            let format = format.ok_or("the data come before their format. Export it again.")?;
            let streamed = match length {
                0 => !closed && after.len() > 1,
                _ => length > after.len() && UNKNOWN.iter().any(|r| r.contains(&length)),
            };
            if let Some(known) = wide_length.filter(|_| length == u32::MAX as usize) {
                length = known;
            } else if streamed {
                length = after.len();
            }
            let data = after.get(..length).ok_or_else(|| short(name, length, after))?;
            return decode(format, data);
        }
        let Some((chunk, next)) = after.split_at_checked(length) else {
            return Err(short(name, length, after));
        };
        match name {
            b"fmt " => format = Some(chunk),
            b"ds64" => {
                let size = chunk.get(8..16).and_then(|b| b.try_into().ok());
                wide_length = size.and_then(|b| usize::try_from(u64::from_le_bytes(b)).ok());
            }
            _ => {}
        }
        // Chunks have even lengths, but some programs forget the byte that fills up an odd one. It
        // is zero, which no name begins with.
        let filled = length % 2 == 1 && next.first() == Some(&0);
        rest = &next[usize::from(filled)..];
    }
    Err("there is no data chunk in the file. Get it again.".into())
}

/// The lengths that programs write for data whose end they do not know: the most that the field can
/// hold, or a round number below the most of a signed one.
const UNKNOWN: [std::ops::RangeInclusive<usize>; 2] =
    [0xffff_f000..=0xffff_ffff, 0x7fff_0000..=0x7fff_ffff];

fn four(bytes: &[u8]) -> u32 {
    bytes.get(..4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn short(name: &[u8], length: usize, after: &[u8]) -> String {
    format!(
        "cut short: the chunk {:?} should have {length} bytes, {} are left. Get it again, or keep \
         what is left: ffmpeg -i in.wav -c:a pcm_s16le out.wav.",
        String::from_utf8_lossy(name),
        after.len()
    )
}

/// The end of an extensible format's identifier, after the number of the kind.
const GUID: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// The most common kinds among those that are not read.
fn kind_name(kind: u16) -> &'static str {
    match kind {
        1 => "PCM",
        2 => "Microsoft ADPCM",
        3 => "float",
        6 => "A-law",
        7 => "mu-law",
        17 => "IMA ADPCM",
        49 => "GSM 6.10",
        80 | 85 => "MPEG",
        _ => "a compressed or unknown kind",
    }
}

fn decode(format: &[u8], data: &[u8]) -> Result<Sound, String> {
    let two = |at: usize| {
        let bytes = format.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
        bytes.ok_or("the format chunk is too short. Get it again.")
    };
    let (mut kind, channels) = (two(0)?, usize::from(two(2)?));
    let (rate, block, mut bits) =
        (four(format.get(4..).unwrap_or_default()) as usize, usize::from(two(12)?), two(14)?);
    if kind == 0xfffe {
        // The extensible format states its true kind and the bits in use further back.
        kind = two(24)?;
        if format.get(26..40) != Some(&GUID[..]) {
            return Err(format!("an extensible format of an unknown kind is not read. {CONVERT}"));
        }
        bits = Some(two(18)?).filter(|&v| kind == 1 && v > 0 && v < bits).unwrap_or(bits);
    }
    if channels == 0 || rate == 0 {
        return Err(format!("{channels} channels at {rate} Hz cannot be right. Get it again."));
    }
    let width = block / channels;
    let fits = width * channels == block && (1..=8).contains(&width);
    let known = match kind {
        1 => fits && bits > 0 && usize::from(bits) <= 8 * width,
        3 => fits && matches!(bits, 32 | 64) && usize::from(bits) == 8 * width,
        _ => false,
    };
    if !known {
        return Err(format!(
            "the format {kind} ({}) with {bits} bits in blocks of {block} bytes for {channels} \
             channels is not read. {CONVERT}",
            kind_name(kind)
        ));
    }
    let sample: fn(&[u8]) -> f64 = match (kind, width) {
        // Up to 8 bits are unsigned, more are signed.
        (1, 1) => |b| (f64::from(b[0]) - 128.0) / 128.0,
        (1, _) => |b| whole(b) as f64 / 2f64.powi(63),
        (_, 4) => |b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        _ => |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
    };
    if kind == 1 && at_the_lower_end(data, width, usize::from(bits)) {
        return Err(format!(
            "{bits} bits in {width} bytes each should be at the upper end of them, but these \
             stand at the lower. {CONVERT}"
        ));
    }
    let mix = |all: &[u8]| all.chunks_exact(width).map(sample).sum::<f64>() / channels as f64;
    let sound: Vec<f32> = data.chunks_exact(block).map(|all| mix(all) as f32).collect();
    match sound.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(format!("sample {i} is not a finite number. Export it again.")),
        None if sound.is_empty() => Err("there is not one sample in it. Drop the file.".into()),
        None => Ok((rate, sound)),
    }
}

/// A signed number of 1 to 8 bytes, moved to the upper end of 64 bits.
fn whole(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[8 - bytes.len()..].copy_from_slice(bytes);
    i64::from_le_bytes(wide)
}

/// Whether samples that leave bits of their bytes unused have them at the wrong end: the lower ones
/// are in use, and the upper ones only repeat the sign.
fn at_the_lower_end(data: &[u8], width: usize, bits: usize) -> bool {
    let unused = 8 * width - bits;
    if unused == 0 || width == 1 {
        return false;
    }
    let mut used = false;
    for one in data.chunks_exact(width) {
        let value = whole(one) >> (64 - 8 * width);
        used |= value as u64 & ((1 << unused) - 1) != 0;
        if value.unsigned_abs() > 1 << (bits - 1) {
            // Louder than these bits can be: the upper end is in use.
            return false;
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of a format chunk and data, with an odd chunk between them.
    fn file(format: &[u8], data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        out.extend((format.len() as u32).to_le_bytes());
        out.extend(format);
        out.extend(b"LIST\x03\0\0\0abc\0data");
        out.extend((data.len() as u32).to_le_bytes());
        out.extend(data);
        let length = out.len() as u32 - 8;
        out[4..8].copy_from_slice(&length.to_le_bytes());
        out
    }

    fn format(kind: u16, bits: u16, channels: u16, block: u16) -> Vec<u8> {
        [kind, channels, 8000, 0, 0, 0, block, bits].iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn wav(kind: u16, bits: u16, channels: u16, data: &[u8]) -> Vec<u8> {
        file(&format(kind, bits, channels, channels * bits.div_ceil(8)), data)
    }

    fn extensible(kind: u16, container: u16, valid: u16, data: &[u8]) -> Vec<u8> {
        let mut head = format(0xfffe, container, 1, container / 8);
        head.extend([22, 0]);
        head.extend(valid.to_le_bytes());
        head.extend([4, 0, 0, 0]);
        head.extend(kind.to_le_bytes());
        head.extend(GUID);
        file(&head, data)
    }

    /// 0.5 and -0.25 in this many bytes.
    fn two(width: usize) -> Vec<u8> {
        [0x40u8, 0xe0].iter().flat_map(|&top| [vec![0; width - 1], vec![top]].concat()).collect()
    }

    #[test]
    fn every_kind_of_sample_is_read() {
        for bits in [16, 24, 32, 48, 64] {
            let data = two(usize::from(bits / 8));
            assert_eq!(parse(&wav(1, bits, 1, &data)).unwrap(), (8000, vec![0.5, -0.25]));
            assert_eq!(parse(&wav(1, bits, 2, &data)).unwrap().1, [0.125], "the mean of two");
        }
        assert_eq!(parse(&wav(1, 8, 1, &[192, 64])).unwrap().1, [0.5, -0.5]);
        let float: Vec<u8> = [0.25f32, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(parse(&wav(3, 32, 1, &float)).unwrap().1, [0.25, -1.0]);
        assert_eq!(parse(&extensible(3, 32, 32, &float)).unwrap().1, [0.25, -1.0]);
        let double: Vec<u8> = 0.75f64.to_le_bytes().to_vec();
        assert_eq!(parse(&wav(3, 64, 1, &double)).unwrap().1, [0.75]);
    }

    #[test]
    fn a_sample_takes_as_many_bytes_as_the_header_says() {
        // Bits in use, and the bytes that they stand in.
        for (bits, width) in [(24, 4), (20, 3), (20, 4), (12, 2), (18, 3), (14, 2), (24, 8)] {
            let (data, valid) = (two(width), vec![0.5, -0.25]);
            let block = width as u16;
            let plain = file(&format(1, bits, 1, block), &data);
            assert_eq!(parse(&plain).unwrap().1, valid, "{bits} bits in {width} bytes");
            let stereo = file(&format(1, bits, 2, 2 * block), &data);
            assert_eq!(parse(&stereo).unwrap().1, [0.125], "{bits} bits in {width} bytes, twice");
            let wide = extensible(1, 8 * block, bits, &data);
            assert_eq!(parse(&wide).unwrap().1, valid, "{bits} valid bits in {width} bytes");
        }
        // 4 bits, in the upper half of an unsigned byte.
        assert_eq!(parse(&file(&format(1, 4, 1, 1), &[0xc0, 0x40])).unwrap().1, [0.5, -0.5]);
        // At the wrong end nothing says how loud it is meant to be.
        let low = [[0x56, 0x34, 0x12, 0], [0xaa, 0xcb, 0xed, 0xff]].concat();
        let e = parse(&file(&format(1, 24, 1, 4), &low)).unwrap_err();
        assert!(e.contains("upper end") && e.contains("ffmpeg"), "{e}");
        assert!(parse(&file(&format(1, 24, 1, 4), &[0; 8])).is_ok(), "silence has no end");
        for (kind, bits, channels, block) in [
            (1, 24, 1, 2),
            (1, 16, 2, 3),
            (1, 16, 1, 0),
            (1, 0, 1, 2),
            (3, 32, 1, 8),
            (1, 64, 1, 9),
        ] {
            let e = parse(&file(&format(kind, bits, channels, block), &[0; 72])).unwrap_err();
            assert!(e.contains("not read") && e.contains("ffmpeg"), "{e}");
        }
    }

    #[test]
    fn what_was_streamed_is_read_to_its_end() {
        let good = wav(1, 16, 1, &two(2));
        let at = good.len() - 8;
        let with = |riff: u32, data: u32| {
            let mut bytes = good.clone();
            bytes[4..8].copy_from_slice(&riff.to_le_bytes());
            bytes[at..at + 4].copy_from_slice(&data.to_le_bytes());
            parse(&bytes)
        };
        for unknown in [u32::MAX, 0, 0x7fff_f000, 0x7fff_ffff, u32::MAX - 36] {
            for riff in [u32::MAX, 0, 0x7fff_f024] {
                assert_eq!(with(riff, unknown).unwrap().1, [0.5, -0.25], "{riff:x} {unknown:x}");
            }
        }
        let e = with(0, 5).unwrap_err();
        assert!(e.contains("cut short") && e.contains("4 are left"), "{e}");
        // Data that are known to be empty, and a chunk behind them, are not sound.
        let mut empty = wav(1, 16, 1, &[]);
        empty.extend(b"LIST\x02\0\0\0ab");
        let length = empty.len() as u32 - 8;
        empty[4..8].copy_from_slice(&length.to_le_bytes());
        assert!(parse(&empty).unwrap_err().contains("not one sample"));
        // Beyond 4 GB the length stands in a chunk of its own.
        let mut wide = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
        wide.extend([0u64, 4, 2].iter().flat_map(|v| v.to_le_bytes()));
        wide.extend([0; 4]);
        wide.extend(&good[12..]);
        wide.extend(b"LIST\x02\0\0\0ab");
        let at = wide.len() - 10 - 8;
        wide[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(parse(&wide).unwrap().1, [0.5, -0.25]);
    }

    #[test]
    fn an_odd_chunk_is_passed_with_and_without_its_filling() {
        let good = wav(1, 16, 1, &two(2));
        let at = good.windows(4).position(|w| w == b"data").unwrap() - 1;
        let bare = [&good[..at], &good[at + 1..]].concat();
        assert_eq!(parse(&bare).unwrap(), parse(&good).unwrap());
    }

    #[test]
    fn damaged_files_are_refused_and_never_panic() {
        let good = wav(1, 16, 1, &two(2));
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
        }
        for good in [good, extensible(1, 32, 24, &two(4))] {
            for at in 0..good.len() {
                for bit in 0..8 {
                    let mut bad = good.clone();
                    bad[at] ^= 1 << bit;
                    let _ = parse(&bad);
                }
            }
        }
        let mut ambisonic = extensible(1, 16, 16, &two(2));
        ambisonic[12 + 8 + 39] ^= 1;
        let cases = [
            (wav(1, 16, 1, &[]), "not one sample"),
            (wav(1, 16, 0, &[0, 0]), "0 channels"),
            (wav(6, 8, 1, &[0, 0]), "format 6 (A-law)"),
            (wav(7, 8, 1, &[0, 0]), "format 7 (mu-law)"),
            (wav(17, 4, 1, &[0, 0]), "IMA ADPCM"),
            (wav(2, 4, 1, &[0, 0]), "Microsoft ADPCM"),
            (wav(3, 16, 1, &[0, 0]), "16 bits"),
            (ambisonic, "unknown kind"),
            (wav(3, 32, 1, &f32::NAN.to_le_bytes()), "sample 0"),
            (b"RIFF\0\0\0\0AVI LIST".to_vec(), "not a WAV file"),
            (b"RIFX\0\0\0\0WAVEfmt ".to_vec(), "ffmpeg"),
            (vec![], "0 bytes"),
        ];
        for (bytes, part) in cases {
            let e = parse(&bytes).unwrap_err();
            assert!(e.contains(part), "{part}: {e}");
        }
    }
}
