//! An element type is how the values of a tensor are stored on the GPU.
//!
//! Written as `type` of an input or of an output; `graph` gives it to each tensor.

/// How the values of a tensor are stored, by its name in WGSL.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Element {
    /// IEEE 754 binary32.
    #[default]
    F32,
    /// IEEE 754 binary16.
    F16,
    /// A whole number of 32 bits, in two's complement.
    I32,
    /// A whole number of 32 bits from 0.
    U32,
}

impl Element {
    /// Bytes of one value.
    #[must_use]
    pub fn size(self) -> u64 {
        match self {
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 => 2,
        }
    }

    /// Whether it holds whole numbers.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::I32 | Self::U32)
    }

    /// Whether it can hold a number exactly as far as its kind goes: a whole one within its range, or any float.
    #[must_use]
    pub fn takes(self, value: f64) -> bool {
        let within = |low: f64, high: f64| value.fract() == 0.0 && (low..=high).contains(&value);
        match self {
            Self::F32 | Self::F16 => value.is_finite(),
            Self::I32 => within(f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::U32 => within(0.0, f64::from(u32::MAX)),
        }
    }
}
