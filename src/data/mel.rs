//! Log-mel features: sound as a sequence of spectra, on a scale of pitch that suits the ear.
//!
//! The sound is cut into overlapping frames. Each is multiplied by a Hann window w and Fourier
//! transformed; triangular filters H_m, evenly spaced in mel, gather the power, and the logarithm
//! stands for loudness:
//!
//! ```text
//! S[t, m] = ln(1e-6 + sum_k H_m(k) |X_t(k)|^2 / sum_i w_i^2),   mel(f) = 2595 log10(1 + f / 700)
//! ```
//!
//! S. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic word
//! recognition in continuously spoken sentences", IEEE TASSP 28(4), 1980; the mel formula is that of
//! D. O'Shaughnessy, "Speech Communication", 1987, as in HTK. Frames begin at the first sample;
//! nothing is padded in front, and the filters are not scaled by their area.

use crate::count::Count;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How sound becomes a sequence `[frames, mels]`; see [`Dataset::wav_folder`](crate::Dataset).
///
/// The defaults: frames of 25 ms, one every 10 ms, 32 mel bands up to half the sampling rate, and
/// the first second of each recording. Shorter recordings are filled up with silence.
///
/// ```
/// use nascent::prelude::*;
/// let settings = LogMel::new().seconds(0.5).mels(24);
/// assert_eq!(settings.frames(8000)?, 48);
/// // A tone of 1000 Hz is loudest in the band round 1000 Hz.
/// let tone: Vec<f32> = (0..4000).map(|i| (i as f32 * 1000.0 * 6.2832 / 8000.0).sin()).collect();
/// let features = settings.features(&tone, 8000)?; // 48 rows of 24
/// let loudest = (0..24).max_by(|&a, &b| features[a].total_cmp(&features[b]));
/// assert_eq!(loudest, Some(11));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct LogMel {
    frame: f64,
    hop: f64,
    seconds: f64,
    mels: i64,
}

/// What keeps the logarithm of silence finite.
const FLOOR: f64 = 1e-6;

impl Default for LogMel {
    fn default() -> Self {
        LogMel { frame: 0.025, hop: 0.010, seconds: 1.0, mels: 32 }
    }
}

impl LogMel {
    /// The defaults.
    pub fn new() -> LogMel {
        LogMel::default()
    }

    /// The length of a frame in seconds.
    pub fn frame(&self, seconds: f64) -> LogMel {
        LogMel { frame: seconds, ..*self }
    }

    /// The time from one frame to the next in seconds.
    pub fn hop(&self, seconds: f64) -> LogMel {
        LogMel { hop: seconds, ..*self }
    }

    /// The length in seconds to which all recordings are cut or filled up.
    pub fn seconds(&self, seconds: f64) -> LogMel {
        LogMel { seconds, ..*self }
    }

    /// The number of mel bands.
    pub fn mels(&self, mels: impl Count) -> LogMel {
        LogMel { mels: mels.to_i64(), ..*self }
    }

    /// The number of frames at a sampling rate in Hz.
    ///
    /// # Errors
    /// When the settings do not fit together at this rate.
    pub fn frames(&self, rate: impl Count) -> Result<usize> {
        Ok(self.plan(rate.to_size())?.frames)
    }

    /// The features of a sound of one channel at a sampling rate in Hz: a row of `mels` values per
    /// frame, one after the other.
    ///
    /// # Errors
    /// When the settings do not fit together at this rate.
    pub fn features(&self, sound: &[f32], rate: impl Count) -> Result<Vec<f32>> {
        Ok(self.plan(rate.to_size())?.features(sound))
    }

    /// Everything that depends on the rate alone, computed once for many recordings.
    pub(super) fn plan(&self, rate: usize) -> Result<Plan> {
        let samples = |seconds: f64| (seconds * rate as f64).round();
        let (frame, hop, total) = (samples(self.frame), samples(self.hop), samples(self.seconds));
        let allowed = match () {
            _ if !(2.0..=65536.0).contains(&frame) => {
                format!("a frame must have 2 to 65536 samples, but this one has {frame}")
            }
            _ if hop.is_nan() || hop < 1.0 => {
                format!("a hop must be at least one sample, but this one is {hop}")
            }
            _ if total.is_nan() || total < frame => {
                format!("a frame has {frame} samples, but a recording only {total}")
            }
            _ if !(1..=4096).contains(&self.mels) => "1 to 4096 mel bands are allowed".into(),
            _ if ((total - frame) / hop).floor() * self.mels as f64 > 1e7 => {
                "a recording would have more than ten million values".into()
            }
            _ => match Plan::new(
                frame as usize,
                hop as usize,
                total as usize,
                rate,
                self.mels as usize,
            ) {
                Some(plan) => return Ok(plan),
                None => "a band would lie between two frequencies of the spectrum and stay empty; \
                         fewer mels or longer frames are needed"
                    .into(),
            },
        };
        Err(Error::invalid(format!("{self} at {rate} Hz"), allowed, "LogMel::new()"))
    }
}

impl fmt::Display for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "log-mel: {} bands, frames of {} s every {} s, of {} s",
            self.mels, self.frame, self.hop, self.seconds
        )
    }
}

/// The settings at one sampling rate.
pub(super) struct Plan {
    pub(super) frames: usize,
    hop: usize,
    total: usize,
    window: Vec<f64>,
    /// For each band its first bin of the spectrum, and the weights from that bin on.
    filters: Vec<(usize, Vec<f64>)>,
    fft: Fft,
    power: f64,
}

impl Plan {
    fn new(frame: usize, hop: usize, total: usize, rate: usize, mels: usize) -> Option<Plan> {
        use std::f64::consts::PI;
        let window: Vec<f64> =
            (0..frame).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / frame as f64).cos()).collect();
        let fft = Fft::new(frame.next_power_of_two());
        let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
        let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
        let top = mel(rate as f64 / 2.0);
        let edge = |m: usize| hz(top * m as f64 / (mels + 1) as f64);
        let filter = |m: usize| {
            let (low, mid, high) = (edge(m), edge(m + 1), edge(m + 2));
            let weight = |bin: usize| {
                let f = bin as f64 * rate as f64 / fft.size as f64;
                ((f - low) / (mid - low)).min((high - f) / (high - mid)).max(0.0)
            };
            let bins = 0..=fft.size / 2;
            let first = bins.clone().find(|&b| weight(b) > 0.0)?;
            Some((first, bins.skip(first).map(weight).take_while(|&w| w > 0.0).collect()))
        };
        let filters = (0..mels).map(filter).collect::<Option<Vec<_>>>()?;
        let power = window.iter().map(|w| w * w).sum();
        Some(Plan { frames: 1 + (total - frame) / hop, hop, total, window, filters, fft, power })
    }

    /// The values of one recording.
    pub(super) fn values(&self) -> usize {
        self.frames * self.filters.len()
    }

    /// The features of one recording.
    pub(super) fn features(&self, sound: &[f32]) -> Vec<f32> {
        let sound = &sound[..sound.len().min(self.total)];
        let mut out = Vec::with_capacity(self.frames * self.filters.len());
        let (mut re, mut im) = (vec![0.0; self.fft.size], vec![0.0; self.fft.size]);
        for t in 0..self.frames {
            let here = sound.get(t * self.hop..).unwrap_or_default();
            if here.is_empty() {
                // Silence after the end needs no transform.
                out.resize(out.len() + self.filters.len(), FLOOR.ln() as f32);
                continue;
            }
            re.fill(0.0);
            im.fill(0.0);
            for (v, (s, w)) in re.iter_mut().zip(here.iter().zip(&self.window)) {
                *v = f64::from(*s) * w;
            }
            self.fft.transform(&mut re, &mut im);
            out.extend(self.filters.iter().map(|(first, weights)| {
                let bins = re[*first..].iter().zip(&im[*first..]).zip(weights);
                let energy: f64 = bins.map(|((a, b), w)| w * (a * a + b * b)).sum();
                (FLOOR + energy / self.power).ln() as f32
            }));
        }
        out
    }
}

/// The fast Fourier transform for powers of two (Cooley and Tukey, 1965), in place: numbers are put
/// into bit-reversed order, then sums of 2, 4, 8, ... are formed from halves.
struct Fft {
    size: usize,
    /// exp(-2 pi i k / size) for the first half.
    turns: Vec<(f64, f64)>,
}

impl Fft {
    fn new(size: usize) -> Fft {
        let angle = |k: usize| -2.0 * std::f64::consts::PI * k as f64 / size as f64;
        Fft { size, turns: (0..size / 2).map(|k| (angle(k).cos(), angle(k).sin())).collect() }
    }

    fn transform(&self, re: &mut [f64], im: &mut [f64]) {
        let n = self.size;
        let mut j = 0;
        for i in 1..n {
            let mut bit = n >> 1;
            while j & bit != 0 {
                j ^= bit;
                bit >>= 1;
            }
            j |= bit;
            if i < j {
                re.swap(i, j);
                im.swap(i, j);
            }
        }
        let mut half = 1;
        while half < n {
            let stride = n / (2 * half);
            for start in (0..n).step_by(2 * half) {
                for k in 0..half {
                    let (c, s) = self.turns[k * stride];
                    let (a, b) = (start + k, start + k + half);
                    let (x, y) = (re[b] * c - im[b] * s, re[b] * s + im[b] * c);
                    (re[b], im[b]) = (re[a] - x, im[a] - y);
                    (re[a], im[a]) = (re[a] + x, im[a] + y);
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_that_of_the_definition() {
        let n = 32;
        let value = |i: usize| ((i * i % 7) as f64 - 3.0, (i * 5 % 11) as f64);
        let (mut re, mut im): (Vec<f64>, Vec<f64>) = (0..n).map(value).unzip();
        Fft::new(n).transform(&mut re, &mut im);
        for k in 0..n {
            let (mut a, mut b) = (0.0, 0.0);
            for i in 0..n {
                let angle = -2.0 * std::f64::consts::PI * (i * k % n) as f64 / n as f64;
                let (x, y) = value(i);
                a += x * angle.cos() - y * angle.sin();
                b += x * angle.sin() + y * angle.cos();
            }
            assert!((a - re[k]).abs() < 1e-9 && (b - im[k]).abs() < 1e-9, "{k}");
        }
    }

    #[test]
    fn settings_that_do_not_go_together() {
        let of = |s: LogMel| s.frames(8000).unwrap_err().to_string();
        assert!(of(LogMel::new().frame(0.0)).contains("2 to 65536 samples"));
        assert!(of(LogMel::new().frame(f64::NAN)).contains("2 to 65536 samples"));
        assert!(of(LogMel::new().hop(0.0)).contains("hop"));
        assert!(of(LogMel::new().hop(-1.0)).contains("hop"));
        assert!(of(LogMel::new().seconds(0.01)).contains("only 80"));
        assert!(of(LogMel::new().seconds(1e12)).contains("ten million"));
        assert!(of(LogMel::new().mels(0)).contains("1 to 4096"));
        assert!(of(LogMel::new().mels(200)).contains("fewer mels"));
        assert!(LogMel::new().frames(0).is_err());
        assert_eq!(LogMel::new().frames(16_000).unwrap(), 98);
    }
}
