//! A dtype is the number format of a model's weights; by the custom of transformers.js the name of an `.onnx` file ends
//! with it.
//!
//! Made from a job's `dtype` or `--dtype`; used by `fetch` to choose files and by `gpujobs doctor` to say what is there.

use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr, VariantNames};

/// A number format, as on a manifest's `dtype` axis.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// 16-bit floats.
    Fp16,
    /// 8-bit integers, as the exporter chose them.
    Q8,
    /// Signed 8-bit integers.
    Int8,
    /// Unsigned 8-bit integers.
    Uint8,
    /// Blocks of 4-bit integers.
    Q4,
    /// 4-bit floats of bitsandbytes.
    Bnb4,
    /// Blocks of 4-bit integers with 16-bit floats between them.
    Q4f16,
}

impl Dtype {
    /// What the name of a file ends with, before `.onnx`.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Fp32 => "",
            Self::Fp16 => "_fp16",
            Self::Q8 => "_quantized",
            Self::Int8 => "_int8",
            Self::Uint8 => "_uint8",
            Self::Q4 => "_q4",
            Self::Bnb4 => "_bnb4",
            Self::Q4f16 => "_q4f16",
        }
    }

    /// The dtype of an `.onnx` file or of its `.onnx_data`; `None` for any other file, and for variants that
    /// transformers.js never asks for (`model_O2.onnx`, `model_qint8_avx512.onnx`).
    #[must_use]
    pub fn of_file(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, rest) = name.split_once(".onnx")?;
        if !(rest.is_empty() || rest.starts_with("_data") || rest.starts_with(".data")) {
            return None;
        }
        let last = stem.rsplit('_').next().unwrap_or(stem);
        let optimised = last.strip_prefix('O').is_some_and(|level| level.parse::<u8>().is_ok());
        if optimised || stem.contains("_qint8") || stem.contains("_quint8") {
            return None;
        }
        let suffixed = Self::iter().find(|dtype| *dtype != Self::Fp32 && stem.ends_with(dtype.suffix()));
        Some(suffixed.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::axes::DTYPES;

    #[test]
    fn they_are_those_of_the_manifest() {
        assert_eq!(Dtype::VARIANTS, DTYPES);
        assert_eq!(DTYPES[0].parse(), Ok(Dtype::default()));
    }

    #[test]
    fn a_file_says_its_dtype() {
        for (path, dtype) in [
            ("onnx/model.onnx", Some(Dtype::Fp32)),
            ("onnx/decoder_model_merged_q4f16.onnx", Some(Dtype::Q4f16)),
            ("model_quantized.onnx", Some(Dtype::Q8)),
            ("model_uint8.onnx", Some(Dtype::Uint8)),
            ("model_int8.onnx", Some(Dtype::Int8)),
            ("onnx/model_q4.onnx_data_1", Some(Dtype::Q4)),
            ("model.onnx.data", Some(Dtype::Fp32)),
            ("onnx/model_O4.onnx", None),
            ("onnx/model_qint8_avx512_vnni.onnx", None),
            ("model.onnx.md5", None),
            ("config.json", None),
        ] {
            assert_eq!(Dtype::of_file(path), dtype, "{path}");
        }
    }
}
