//! The log-mel spectrogram's ops.

use super::view::{Checked, Complaint, View, count, divides, ending};

/// |DFT|² of windowed frames: audio [.., samples], tables [`n_fft`, bins] -> [.., samples / hop, bins].
pub(super) fn stft_power(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["dft_cos", "dft_sin"], &[])?;
    v.params(&["hop"])?;
    let hop = v.int("hop", None, 1)?;
    let audio = v.rank(0, 1)?;
    let table = v.weight_rank("dft_cos", 2)?;
    v.weight_is("dft_sin", table)?;
    let (n_fft, bins) = (table[0], table[1]);
    let samples = audio[audio.len() - 1];
    if samples <= n_fft / 2 || samples < hop {
        let message = format!("{samples} samples are too few for frames of {n_fft} with reflected ends");
        return Err(Complaint::Other(message));
    }
    let out = ending(audio, 1, &[samples / hop, bins]);
    v.output_is(&out)?;
    Ok(count(&out) * (4 * n_fft as u64 + 3))
}

/// log10(max(power · filters, 1e-10)): power [.., bins], filters [bins, mels].
pub(super) fn mel_log(v: &View<'_>) -> Checked {
    v.counts(1..=1, &["filters"], &[])?;
    v.params(&[])?;
    let power = v.rank(0, 1)?;
    let mels = v.weight_rank("filters", 2)?[1];
    v.weight_is("filters", &[power[power.len() - 1], mels])?;
    v.output_is(&ending(power, 1, &[mels]))?;
    Ok(2 * count(power) * mels as u64)
}

/// (max(x, peak - 8) + 4) / 4, with one peak for each run of consecutive elements.
pub(super) fn log_mel_scale(v: &View<'_>) -> Checked {
    v.counts(2..=2, &[], &[])?;
    v.params(&[])?;
    v.output_is(v.input(0))?;
    divides(v, v.stage.inputs[1])?;
    Ok(4 * count(v.input(0)))
}
