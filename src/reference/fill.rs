//! Making the values of inputs and weights: seeded, the same on every machine.
//!
//! The uniform fill can be made in a page too, bit for bit: 32-bit integer arithmetic, then one f64 multiplication, one
//! f64 addition and one rounding to f32. In JS, for element `i`:
//!
//! ```js
//! let x = (seed ^ Math.imul(i, 0x9E3779B9)) >>> 0;
//! x ^= x >>> 16; x = Math.imul(x, 0x7feb352d); x ^= x >>> 15; x = Math.imul(x, 0x846ca68b); x ^= x >>> 16;
//! const u = ((x >>> 8) / 8388608) - 1;              // [-1, 1), exact
//! out[i] = mean + spread * u;                        // f64; the Float32Array rounds
//! ```
//!
//! (`Math.imul(i, …)` takes the low 32 bits of `i`; `mean` and `spread` are f32 values widened.)

use std::f64::consts::{PI, TAU};

use rayon::prelude::*;

use super::stored::{self, StoredError};
use crate::arrays::Numbers;
use crate::graph::{ArrayFile, Element, Fill, Tensor, TensorRole, Values};
use crate::memory::{self, TooLarge};

/// Values that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// A file of weights that does not hold it.
    #[error("tensor `{tensor}` {shape:?} can't be read from a file of weights: {source}")]
    Stored {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Why.
        source: StoredError,
    },
    /// The tensor is written by a stage.
    #[error("tensor `{tensor}` is computed, not filled")]
    Computed {
        /// Its name.
        tensor: String,
    },
    /// A named fill that does not exist or can't have this shape.
    #[error("tensor `{tensor}` {shape:?} can't be filled with `{fill}`: {message}")]
    Named {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// The fill.
        fill: String,
        /// What it needs.
        message: String,
    },
    /// A file of numbers that can't be read, or that has changed.
    #[error("tensor `{tensor}` can't be read from {}: {message}", file.display())]
    File {
        /// Its name.
        tensor: String,
        /// The file.
        file: std::path::PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A number beyond the range of its type or its texture's format.
    #[error("tensor `{tensor}` holds {value} at [{at}], beyond {format}")]
    Beyond {
        /// Its name.
        tensor: String,
        /// The first such value.
        value: f64,
        /// Its index, row-major.
        at: usize,
        /// The type or the format.
        format: String,
    },
    /// More than this machine's memory holds.
    #[error("tensor `{tensor}` {shape:?}: {source}")]
    TooLarge {
        /// Its name.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How far it goes.
        source: TooLarge,
    },
    /// A value beyond the range of f16.
    #[error("tensor `{tensor}` holds {value} at [{at}], and f16 ends at 65504: run it with dtype = \"fp32\"")]
    BeyondHalf {
        /// Its name.
        tensor: String,
        /// The first such value.
        value: f32,
        /// Its index, row-major.
        at: usize,
    },
}

/// Whisper's sample rate, in hertz: that of the `speech` signal and of the mel filters.
pub(super) const SAMPLE_RATE: f64 = 16_000.0;

/// The values of an input or a weight as it is stored, row-major.
pub fn fill(tensor: &Tensor) -> Result<Values, FillError> {
    let each = if tensor.element.is_whole() { size_of::<i64>() } else { size_of::<f32>() };
    memory::elements(&tensor.shape)
        .and_then(|len| memory::check((len * each) as u64))
        .map_err(|source| FillError::TooLarge { tensor: tensor.name.clone(), shape: tensor.shape.clone(), source })?;
    if tensor.element.is_whole() {
        return whole(tensor).map(Values::Whole);
    }
    let mut values = exact(tensor)?;
    if let Some(format) = tensor.texture {
        let (low, high) = format.channel().range();
        let holds = |value: &f32| format.channel().steps().is_none() || (low..=high).contains(&f64::from(*value));
        let finite = |value: &f32| !value.is_finite() || format.stored(*value).is_finite();
        if let Some(at) = values.par_iter().position_first(|value| !holds(value) || !finite(value)) {
            let (value, format) = (f64::from(values[at]), format.to_string());
            return Err(FillError::Beyond { tensor: tensor.name.clone(), value, at, format });
        }
        values.par_iter_mut().for_each(|value| *value = format.stored(*value));
        return Ok(Values::Floats(values));
    }
    if tensor.element == Element::F32 {
        return Ok(Values::Floats(values));
    }
    let stored = |value: &f32| tensor.element.stored(*value);
    if let Some(at) = values.par_iter().position_first(|value| !stored(value).is_finite()) {
        return Err(FillError::BeyondHalf { tensor: tensor.name.clone(), value: values[at], at });
    }
    values.par_iter_mut().for_each(|value| *value = stored(value));
    Ok(Values::Floats(values))
}

/// Whole numbers, exactly.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within the type's range")]
fn whole(tensor: &Tensor) -> Result<Vec<i64>, FillError> {
    let (TensorRole::Input(fill) | TensorRole::Weight(fill)) = &tensor.role else {
        return Err(FillError::Computed { tensor: tensor.name.clone() });
    };
    let numbers = match fill {
        Fill::Given(Numbers::Whole(values)) => values.iter().copied().cycle().take(tensor.len()).collect(),
        Fill::Given(Numbers::Floats(values)) => {
            values.iter().map(|value| *value as i64).cycle().take(tensor.len()).collect()
        }
        Fill::File(numbers) => match from_file(tensor, numbers)? {
            Numbers::Whole(values) => values,
            Numbers::Floats(values) => values.into_iter().map(|value| value as i64).collect(),
        },
        _ => exact(tensor)?.into_iter().map(|value| value as i64).collect(),
    };
    let (low, high) = tensor.texture.map_or((f64::MIN, f64::MAX), |format| format.channel().range());
    let takes = |value: f64| tensor.element.takes(value) && (low..=high).contains(&value);
    if let Some(at) = numbers.iter().position(|value| !takes(*value as f64)) {
        let (format, value) = (tensor.storage().to_owned(), numbers[at] as f64);
        return Err(FillError::Beyond { tensor: tensor.name.clone(), value, at, format });
    }
    Ok(numbers)
}

/// The numbers of a file.
fn from_file(tensor: &Tensor, file: &ArrayFile) -> Result<Numbers, FillError> {
    let fail = |message: String| FillError::File { tensor: tensor.name.clone(), file: file.path.clone(), message };
    file.read().map_err(fail)
}

/// The values before they are stored.
fn exact(tensor: &Tensor) -> Result<Vec<f32>, FillError> {
    let (TensorRole::Input(fill) | TensorRole::Weight(fill)) = &tensor.role else {
        return Err(FillError::Computed { tensor: tensor.name.clone() });
    };
    match fill {
        Fill::Uniform { seed, mean, spread } => Ok(uniform(tensor.len(), *seed, *mean, *spread)),
        Fill::Tokens { seed, below } => Ok(tokens(tensor.len(), *seed, *below)),
        #[expect(clippy::cast_possible_truncation, reason = "a tensor of floats keeps f32")]
        Fill::Given(values) => Ok(values.floats().map(|value| value as f32).cycle().take(tensor.len()).collect()),
        #[expect(clippy::cast_possible_truncation, reason = "a tensor of floats keeps f32")]
        Fill::File(numbers) => Ok(match from_file(tensor, numbers)? {
            Numbers::Floats(values) => values.into_iter().map(|value| value as f32).collect(),
            Numbers::Whole(values) => {
                // Whole numbers are what the bytes of a fraction of 1 hold.
                let steps = tensor.texture.and_then(|format| format.channel().steps()).unwrap_or(1.0);
                values.into_iter().map(|value| (value as f64 / steps) as f32).collect()
            }
        }),
        Fill::Stored(place) => stored::read(place, &tensor.shape).map_err(|source| FillError::Stored {
            tensor: tensor.name.clone(),
            shape: tensor.shape.clone(),
            source,
        }),
        Fill::Named(name) => named(name, &tensor.shape).map_err(|message| FillError::Named {
            tensor: tensor.name.clone(),
            shape: tensor.shape.clone(),
            fill: name.clone(),
            message,
        }),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the index wraps at 2^32, and values are rounded to f32, by design"
)]
pub(super) fn uniform(len: usize, seed: u32, mean: f32, spread: f32) -> Vec<f32> {
    let (mean, spread) = (f64::from(mean), f64::from(spread));
    let value = |index: usize| (mean + spread * signed_unit(seed, index as u32)) as f32;
    (0..len).into_par_iter().with_min_len(4096).map(value).collect()
}

/// Whole numbers from 0 up to `below`, exclusive.
fn tokens(len: usize, seed: u32, below: usize) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "a token is below 2^24, or it would be no f32")]
    let token = |index: usize| ((signed_unit(seed, index as u32) * 0.5 + 0.5) * below as f64).floor() as f32;
    (0..len).map(token).collect()
}

/// Uniform in [-1, 1): `lowbias32` (Wellons, *Prospecting for Hash Functions*, 2018) of seed and index.
fn signed_unit(seed: u32, index: u32) -> f64 {
    let mut x = seed ^ index.wrapping_mul(0x9E37_79B9);
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^= x >> 16;
    f64::from(x >> 8) / 8_388_608.0 - 1.0
}

fn named(name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    match (name, shape) {
        ("speech", [.., samples]) => Ok(table(shape, |index| speech(index / samples, index % samples))),
        ("dft_cos", &[n_fft, bins]) => Ok(table(shape, |index| dft(index / bins, index % bins, n_fft).0)),
        ("dft_sin", &[n_fft, bins]) => Ok(table(shape, |index| dft(index / bins, index % bins, n_fft).1)),
        ("mel_filters", &[bins, mels]) if bins > 1 => Ok(mel_filters(bins, mels)),
        ("sinusoids", &[_, channels]) if channels % 2 == 0 && channels > 2 => {
            Ok(table(shape, |index| sinusoid(index / channels, index % channels, channels)))
        }
        ("dft_cos" | "dft_sin", _) => Err("it is [window length, bins]".to_owned()),
        ("mel_filters", _) => Err("it is [bins, mels] with at least 2 bins".to_owned()),
        ("sinusoids", _) => Err("it is [length, channels] with an even number of channels above 2".to_owned()),
        _ => Err("there is no such fill".to_owned()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "computed in f64, stored in f32")]
fn table(shape: &[usize], value: impl Fn(usize) -> f64 + Sync) -> Vec<f32> {
    let len = shape.iter().product();
    (0..len).into_par_iter().with_min_len(1024).map(|index| value(index) as f32).collect()
}

/// A voice-like sound: eight harmonics of a gliding pitch in syllables of a quarter second, over faint noise.
pub(super) fn speech(voice: usize, sample: usize) -> f64 {
    let t = sample as f64 / SAMPLE_RATE;
    let pitch = 110.0 + 15.0 * voice as f64;
    // The integral of a pitch that swings by 20 Hz twice a second.
    let phase = TAU * pitch * t + 10.0 * (1.0 - (TAU * 2.0 * t).cos());
    let harmonics: f64 = (1..=8_i32).map(|h| (phase * f64::from(h)).sin() / f64::from(h)).sum();
    let syllable = (PI * 4.0 * t).sin().powi(2);
    #[expect(clippy::cast_possible_truncation, reason = "the noise may repeat after 2^32 samples")]
    let noise = signed_unit(0x5EED ^ voice as u32, sample as u32);
    0.25 * syllable * harmonics + 0.005 * noise
}

/// Windowed cosine and negative sine of the DFT: the window is the periodic Hann window.
fn dft(sample: usize, bin: usize, n_fft: usize) -> (f64, f64) {
    let window = 0.5 - 0.5 * (TAU * sample as f64 / n_fft as f64).cos();
    // The angle is reduced as an integer, so that it is exact for any product.
    let angle = TAU * (sample * bin % n_fft) as f64 / n_fft as f64;
    (window * angle.cos(), -window * angle.sin())
}

/// Slaney's mel filter bank with area normalisation, as `librosa.filters.mel` makes it and Whisper ships it.
fn mel_filters(bins: usize, mels: usize) -> Vec<f32> {
    let nyquist = SAMPLE_RATE / 2.0;
    let top = hz_to_mel(nyquist);
    let edges: Vec<f64> = (0..mels + 2).map(|i| mel_to_hz(top * i as f64 / (mels + 1) as f64)).collect();
    table(&[bins, mels], |index| {
        let (bin, mel) = (index / mels, index % mels);
        let hz = nyquist * bin as f64 / (bins - 1) as f64;
        let (low, mid, high) = (edges[mel], edges[mel + 1], edges[mel + 2]);
        let triangle = ((hz - low) / (mid - low)).min((high - hz) / (high - mid)).max(0.0);
        triangle * 2.0 / (high - low)
    })
}

/// Linear below 1 kHz (15 mels), logarithmic above: 27 mels a factor of 6.4.
fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + (hz / 1000.0).ln() * 27.0 / 6.4_f64.ln() }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

/// Whisper's positions: sines in the first half of the channels, cosines in the second, wavelengths up to 10000·2π.
fn sinusoid(position: usize, channel: usize, channels: usize) -> f64 {
    let half = channels / 2;
    let step = 10_000.0_f64.ln() / (half - 1) as f64;
    let angle = position as f64 * (-step * (channel % half) as f64).exp();
    if channel < half { angle.sin() } else { angle.cos() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "what was stored once is stored again as it is")]
    fn a_tensor_in_f16_holds_what_f16_can() {
        let tensor = |mean: f32, element| {
            let role = TensorRole::Weight(Fill::Uniform { seed: 7, mean, spread: 1.0 });
            Tensor { name: "w".to_owned(), shape: vec![1000], role, element, texture: None }
        };
        let floats = |element| match fill(&tensor(0.0, element)).unwrap() {
            Values::Floats(values) => values,
            Values::Whole(values) => panic!("{values:?}"),
        };
        let (exact, stored) = (floats(Element::F32), floats(Element::F16));
        let error = |(exact, stored): (&f32, &f32)| (exact - stored).abs();
        let worst = exact.iter().zip(&stored).map(error).fold(0.0, f32::max);
        assert!(worst > 0.0 && worst <= 1.0 / 4096.0, "{worst}");
        assert!(stored.iter().all(|value| Element::F16.stored(*value) == *value));
        let error = fill(&tensor(65_520.0, Element::F16)).unwrap_err().to_string();
        assert!(error.starts_with("tensor `w` holds 655"), "{error}");
        assert!(error.contains("f16 ends at 65504"), "{error}");
    }

    #[test]
    fn uniform_is_fixed_forever() {
        // What the JS in the module's docs yields.
        let values = uniform(4, 7, 0.0, 1.0);
        assert_eq!(values.len(), 4);
        assert!(values.iter().all(|value| (-1.0..1.0).contains(value)));
        let again = uniform(100_000, 7, 0.0, 1.0);
        assert_eq!(&again[..4], &values[..]);
        let mean: f64 = again.iter().map(|value| f64::from(*value)).sum::<f64>() / 1e5;
        let square: f64 = again.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.01 && (square - 1.0 / 3.0).abs() < 0.01, "{mean} {square}");
    }

    #[test]
    fn a_named_fill_says_what_it_needs() {
        let role = TensorRole::Weight(Fill::Named("sinusoids".to_owned()));
        let tensor = Tensor { name: "p".to_owned(), shape: vec![4, 3], role, element: Element::F32, texture: None };
        let error = fill(&tensor).unwrap_err();
        assert!(error.to_string().contains("even number"), "{error}");
    }
}
