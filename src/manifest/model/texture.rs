//! A texture format is how the texels of a tensor are stored on the GPU that lies in a texture.
//!
//! Written as `texture` of an input or of an output; `graph` gives it to each tensor. A sampler is how shaders read between
//! texels.

use super::Element;

/// The formats that any device of WebGPU can sample and a shader can write, by their names in WGSL.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
#[expect(missing_docs, reason = "each is what its name in WebGPU says")]
pub enum TextureFormat {
    Rgba8Unorm,
    Rgba8Snorm,
    Rgba8Uint,
    Rgba8Sint,
    Rgba16Uint,
    Rgba16Sint,
    Rgba16Float,
    R32Uint,
    R32Sint,
    R32Float,
    Rg32Uint,
    Rg32Sint,
    Rg32Float,
    Rgba32Uint,
    Rgba32Sint,
    Rgba32Float,
}

/// How a channel of a texel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// n of a byte is n / 255.
    Unorm8,
    /// n of a signed byte is n / 127, and at least -1.
    Snorm8,
    /// A whole number from 0 of so many bytes.
    Uint(u8),
    /// A whole number of so many bytes.
    Sint(u8),
    /// IEEE 754 binary16.
    Float16,
    /// IEEE 754 binary32.
    Float32,
}

impl TextureFormat {
    /// Numbers in a texel.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::R32Uint | Self::R32Sint | Self::R32Float => 1,
            Self::Rg32Uint | Self::Rg32Sint | Self::Rg32Float => 2,
            _ => 4,
        }
    }

    /// How each of them is stored.
    #[must_use]
    pub fn channel(self) -> Channel {
        match self {
            Self::Rgba8Unorm => Channel::Unorm8,
            Self::Rgba8Snorm => Channel::Snorm8,
            Self::Rgba8Uint => Channel::Uint(1),
            Self::Rgba8Sint => Channel::Sint(1),
            Self::Rgba16Uint => Channel::Uint(2),
            Self::Rgba16Sint => Channel::Sint(2),
            Self::Rgba16Float => Channel::Float16,
            Self::R32Uint | Self::Rg32Uint | Self::Rgba32Uint => Channel::Uint(4),
            Self::R32Sint | Self::Rg32Sint | Self::Rgba32Sint => Channel::Sint(4),
            Self::R32Float | Self::Rg32Float | Self::Rgba32Float => Channel::Float32,
        }
    }

    /// Bytes of a texel, a multiple of 4.
    #[must_use]
    pub fn texel_bytes(self) -> u64 {
        (self.channels() * self.channel().size()) as u64
    }

    /// The type that shaders read and write.
    #[must_use]
    pub fn element(self) -> Element {
        match self.channel() {
            Channel::Uint(_) => Element::U32,
            Channel::Sint(_) => Element::I32,
            Channel::Unorm8 | Channel::Snorm8 | Channel::Float16 | Channel::Float32 => Element::F32,
        }
    }

    /// Whether a shader may read and write it in one binding.
    #[must_use]
    pub fn is_read_write(self) -> bool {
        matches!(self, Self::R32Uint | Self::R32Sint | Self::R32Float)
    }
}

impl Channel {
    /// Bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Unorm8 | Self::Snorm8 => 1,
            Self::Uint(bytes) | Self::Sint(bytes) => usize::from(bytes),
            Self::Float16 => 2,
            Self::Float32 => 4,
        }
    }

    /// The smallest and the largest number that it can hold.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        let power = |bits: u8| 2_f64.powi(i32::from(bits));
        match self {
            Self::Unorm8 => (0.0, 1.0),
            Self::Snorm8 => (-1.0, 1.0),
            Self::Uint(bytes) => (0.0, power(8 * bytes) - 1.0),
            Self::Sint(bytes) => (-power(8 * bytes - 1), power(8 * bytes - 1) - 1.0),
            Self::Float16 => (-65_504.0, 65_504.0),
            Self::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        }
    }

    /// For a fraction of 1: the whole number that stands for 1.
    #[must_use]
    pub fn steps(self) -> Option<f64> {
        match self {
            Self::Unorm8 => Some(255.0),
            Self::Snorm8 => Some(127.0),
            _ => None,
        }
    }
}

/// How a shader reads a texture between and beyond its texels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sampler {
    /// Between them.
    pub filter: Filter,
    /// Beyond the edges, across and down.
    pub address: [Address; 2],
}

/// What a sampler gives between texels.
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
#[strum(serialize_all = "kebab-case")]
pub enum Filter {
    /// The nearest one.
    #[default]
    Nearest,
    /// A mean of the four around, by their nearness.
    Linear,
}

/// What a sampler gives beyond an edge.
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
#[strum(serialize_all = "kebab-case")]
pub enum Address {
    /// The texel at the edge.
    #[default]
    ClampToEdge,
    /// The image once more.
    Repeat,
    /// Its mirror image.
    MirrorRepeat,
}
