//! The log-mel spectrogram of openai/whisper (`whisper/audio.py`, `log_mel_spectrogram`), in four ops.
//!
//! Layout is [frames, bins] and [frames, mels], time outermost; Whisper's own is the transpose.

use rayon::prelude::*;

use super::Op;
use super::complaint::{About, Checked, Complaint};
use super::dot::product;
use super::operands::{Expected, Operands};
use super::parameters::{Kind, Parameter};
use super::shapes::{StageShapes, count, divides, ending};
use super::tolerance::{self, LAMBDA, U};

/// The ops of the family.
pub(super) const OPS: &[Op] = &[
    Op {
        name: "log_mel_scale",
        doc: "(max(x, peak - 8) + 4) / 4, with one peak (the second input) for each run of consecutive elements.",
        parameters: &[],
        shape: log_mel_scale_shape,
        reference: log_mel_scale,
    },
    Op {
        name: "mel_log",
        doc: "log10(max(power · filters, 1e-10)): power [.., bins], filters [bins, mels] -> [.., mels].",
        parameters: &[],
        shape: mel_log_shape,
        reference: mel_log,
    },
    Op {
        name: "stft_power",
        doc: "|DFT|² of windowed frames centred on each hop, ends reflected: audio [.., samples], dft_cos and dft_sin [n_fft, bins] -> [.., samples / hop, bins].",
        parameters: &[Parameter::new("hop", Kind::Whole { least: 1, default: None })],
        shape: stft_power_shape,
        reference: stft_power,
    },
];

/// |DFT|² of windowed frames: audio [.., samples], tables [`n_fft`, bins] -> [.., samples / hop, bins].
fn stft_power_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["dft_cos", "dft_sin"], &[])?;
    let hop = v.whole("hop");
    let audio = v.rank(0, 1)?;
    let table = v.weight_rank("dft_cos", 2)?;
    v.weight_is("dft_sin", table)?;
    let (n_fft, bins) = (table[0], table[1]);
    let samples = audio[audio.len() - 1];
    if samples <= n_fft / 2 || samples < hop {
        let message = format!("{samples} samples are too few for frames of {n_fft} with reflected ends");
        return Err(Complaint::new(About::Input(0), message, "too few samples"));
    }
    let out = ending(audio, 1, &[samples / hop, bins]);
    v.output_is(&out)?;
    Ok(count(&out) * (4 * n_fft as u64 + 3))
}

/// log10(max(power · filters, 1e-10)): power [.., bins], filters [bins, mels].
fn mel_log_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(1..=1, &["filters"], &[])?;
    let power = v.rank(0, 1)?;
    let mels = v.weight_rank("filters", 2)?[1];
    v.weight_is("filters", &[power[power.len() - 1], mels])?;
    v.output_is(&ending(power, 1, &[mels]))?;
    Ok(2 * count(power) * mels as u64)
}

/// (max(x, peak - 8) + 4) / 4, with one peak for each run of consecutive elements.
fn log_mel_scale_shape(v: &StageShapes<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.output_is(v.input(0))?;
    divides(v, About::Input(1), v.stage.inputs[1])?;
    Ok(4 * count(v.input(0)))
}

/// |DFT|² of windowed frames centred on each hop, ends reflected; the window is part of the tables.
fn stft_power(args: &Operands<'_>) -> Expected {
    let audio = args.inputs[0];
    let (cos, sin) = (args.needed("dft_cos"), args.needed("dft_sin"));
    let (n_fft, bins) = (cos.extent(2), cos.extent(1));
    let samples = audio.extent(1);
    let (frames, hop) = (samples / args.whole("hop"), args.whole("hop"));
    let fetch = |row: usize, buffer: &mut [f32]| {
        let (signal, frame) = (&audio.values[row / frames * samples..][..samples], row % frames);
        for (offset, slot) in buffer.iter_mut().enumerate() {
            *slot = signal[reflect(frame * hop + offset, n_fft / 2, samples)];
        }
    };
    let size = (args.output_len() / bins, n_fft, bins);
    let re = product(size, cos.values, fetch, |_, _, _| {});
    let im = product(size, sin.values, fetch, |_, _, _| {});
    let parts = re.value.par_iter().zip(&re.tolerance).zip(im.value.par_iter().zip(&im.tolerance));
    Expected::from_elements(parts.map(|((re, re_tolerance), (im, im_tolerance))| {
        let power = re * re + im * im;
        let squared = |part: f64, tolerance: f64| 2.0 * part.abs() * tolerance + tolerance * tolerance;
        (power, squared(*re, *re_tolerance) + squared(*im, *im_tolerance) + LAMBDA * U * power)
    }))
}

/// The sample at `position` of a signal with `pad` samples mirrored before and after it, the ends not repeated.
fn reflect(position: usize, pad: usize, samples: usize) -> usize {
    match position.checked_sub(pad) {
        None => pad - position,
        Some(inside) if inside < samples => inside,
        Some(beyond) => 2 * (samples - 1) - beyond,
    }
}

/// log10(max(power · filters, 1e-10)).
fn mel_log(args: &Operands<'_>) -> Expected {
    let (power, filters) = (args.inputs[0], args.needed("filters"));
    let (bins, mels) = (filters.extent(2), filters.extent(1));
    let fetch = |row: usize, buffer: &mut [f32]| buffer.copy_from_slice(&power.values[row * bins..][..bins]);
    product((power.values.len() / bins, bins, mels), filters.values, fetch, |_, values, tolerances| {
        for (value, tolerance) in values.iter_mut().zip(tolerances) {
            let clamped = value.max(1e-10);
            // All terms are positive, so Σ|xᵢwᵢ| is the sum itself: a far tighter bound than the norms'.
            let relative = LAMBDA * U * ((bins as f64).sqrt() + 1.0);
            *value = clamped.log10();
            *tolerance = relative * std::f64::consts::LOG10_E + tolerance::log10(*value);
        }
    })
}

/// (max(x, peak - 8) + 4) / 4.
fn log_mel_scale(args: &Operands<'_>) -> Expected {
    let (x, peaks) = (args.inputs[0].values, args.inputs[1].values);
    let run = x.len() / peaks.len();
    Expected::from_elements(x.par_iter().enumerate().map(|(index, x)| {
        let peak = f64::from(peaks[index / run]);
        let value = (f64::from(*x).max(peak - 8.0) + 4.0) / 4.0;
        (value, LAMBDA * U * (peak.abs() + 8.0 + value.abs()) / 4.0)
    }))
}
