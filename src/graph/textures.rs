//! Tensors that lie in textures: their extents, their values as texels, and how exactly a texel holds a value.
//!
//! Values are what a shader reads and writes: of `rgba8unorm` numbers from 0 to 1.

use half::f16;

use super::{Channel, Element, Graph, Stage, Tensor, TextureFormat, Values, ops};

/// An output's values and those of an input that are not whole may be off by so much of a step when they are stored: half of
/// one is right, and WebGPU's backends round by rules that allow a tenth more (Direct3D 11.3 Functional Specification, 3.2.3.6).
const ROUNDING: f64 = 0.6;

/// WebGPU copies a texture's rows from and to buffers in steps of so many bytes.
const ROW_STEP: u64 = 256;

/// The extents of a tensor in a texture: those written, and the channels where they were left out. The error says what was
/// found and expected.
pub(super) fn extents(format: TextureFormat, mut shape: Vec<usize>) -> Result<Vec<usize>, String> {
    let channels = format.channels();
    match shape.len() {
        2 if channels > 1 => shape.push(channels),
        3 if shape[2] != channels => {
            let found = shape[2];
            return Err(format!("a texel of {format} has {channels} channels, and the third extent is {found}"));
        }
        _ => {}
    }
    Ok(shape)
}

/// A tensor of a stage whose op takes none like it: gpujobs' own take f32 in buffers.
pub(super) fn of_other_kind<'a>(stage: &Stage, tensors: &'a [Tensor]) -> Option<&'a Tensor> {
    ops::named(&stage.op)?;
    let bound = stage.inputs.iter().chain(&stage.outputs).map(|id| &tensors[*id]);
    bound.into_iter().find(|tensor| tensor.element != Element::F32 || tensor.texture.is_some())
}

impl Graph {
    /// The largest of the buffers that are bound and the tensor in it, in bytes: an output's texture is compared in one, and
    /// other textures lie in none.
    #[must_use]
    pub fn largest_bound(&self) -> Option<(&Tensor, u64)> {
        let tensors = self.tensors.iter().enumerate();
        let bound = tensors.filter(|(id, tensor)| tensor.texture.is_none() || self.outputs.contains(id));
        bound.map(|(_, tensor)| (tensor, tensor.bytes_in_buffer())).max_by_key(|(_, bytes)| *bytes)
    }
}

impl Tensor {
    /// Bytes that it takes in a buffer: of a texture all its rows, each a multiple of 256.
    fn bytes_in_buffer(&self) -> u64 {
        let Some(format) = self.texture else { return self.bytes() };
        let (width, height) = self.size();
        (width as u64 * format.texel_bytes()).next_multiple_of(ROW_STEP) * height as u64
    }

    /// How it is stored, for messages: its type, or the format of its texture.
    #[must_use]
    pub fn storage(&self) -> &'static str {
        self.texture.map_or_else(|| self.element.into(), Into::into)
    }

    /// Width and height of its texture.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let extent = |at: usize| self.shape.get(at).copied().unwrap_or(1);
        (extent(1), extent(0))
    }

    /// The little-endian bytes of values that it can hold, with zeros up to a multiple of 4.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range of the channel")]
    pub fn encode(&self, values: &Values) -> Vec<u8> {
        let Some(channel) = self.texture.map(TextureFormat::channel) else { return self.element.bytes(values) };
        match (values, channel) {
            (Values::Floats(values), Channel::Float16) => {
                values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
            }
            (Values::Floats(values), Channel::Unorm8 | Channel::Snorm8) => {
                let steps = channel.steps().unwrap_or(1.0);
                values.iter().map(|value| (f64::from(*value) * steps).round() as i64 as u8).collect()
            }
            (Values::Whole(values), Channel::Uint(1) | Channel::Sint(1)) => {
                values.iter().map(|value| *value as u8).collect()
            }
            (Values::Whole(values), Channel::Uint(2) | Channel::Sint(2)) => {
                values.iter().flat_map(|value| (*value as u16).to_le_bytes()).collect()
            }
            _ => self.element.bytes(values),
        }
    }

    /// The values of its bytes, little-endian.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> Values {
        let Some(channel) = self.texture.map(TextureFormat::channel) else {
            return Values::decode(self.element, bytes, self.len());
        };
        let bytes = &bytes[..bytes.len().min(self.len() * channel.size())];
        let signed = |bytes: &[u8]| -> Vec<i64> { bytes.iter().map(|byte| i64::from(byte.cast_signed())).collect() };
        let pairs = bytes.as_chunks::<2>().0.iter();
        #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what a shader reads")]
        let fraction = |value: i64, steps: f64| (value as f64 / steps).max(-1.0) as f32;
        match channel {
            Channel::Unorm8 => Values::Floats(bytes.iter().map(|byte| fraction(i64::from(*byte), 255.0)).collect()),
            Channel::Snorm8 => Values::Floats(signed(bytes).into_iter().map(|value| fraction(value, 127.0)).collect()),
            Channel::Uint(1) => Values::Whole(bytes.iter().map(|byte| i64::from(*byte)).collect()),
            Channel::Sint(1) => Values::Whole(signed(bytes)),
            Channel::Uint(2) => Values::Whole(pairs.map(|pair| i64::from(u16::from_le_bytes(*pair))).collect()),
            Channel::Sint(2) => Values::Whole(pairs.map(|pair| i64::from(i16::from_le_bytes(*pair))).collect()),
            Channel::Float16 => Values::Floats(pairs.map(|pair| f16::from_le_bytes(*pair).to_f32()).collect()),
            Channel::Float32 | Channel::Uint(_) | Channel::Sint(_) => Values::decode(self.element, bytes, self.len()),
        }
    }
}

impl TextureFormat {
    /// The value that is stored in place of `value`, which it can hold.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what a shader reads")]
    pub fn stored(self, value: f32) -> f32 {
        match (self.channel().steps(), self.channel()) {
            (Some(steps), _) => ((f64::from(value) * steps).round() / steps) as f32,
            (None, Channel::Float16) => Element::F16.stored(value),
            (None, _) => value,
        }
    }

    /// What a shader's value is held to when it is stored: infinity stays what it is where the format has it.
    #[must_use]
    pub fn held(self, value: f64) -> f64 {
        let (low, high) = self.channel().range();
        let holds = match self.channel() {
            Channel::Unorm8 | Channel::Snorm8 => !value.is_nan(),
            Channel::Float16 => value.is_finite(),
            _ => false,
        };
        if holds { value.clamp(low, high) } else { value }
    }

    /// Whether `got` is the infinity that a device may store for a finite value beyond halves: rounding to the nearest gives
    /// it, and rounding towards zero the largest half.
    #[must_use]
    pub fn overflows(self, value: f64, got: f32) -> bool {
        let (low, high) = self.channel().range();
        let beyond = if got > 0.0 { value > high } else { value < low };
        self.channel() == Channel::Float16 && got.is_infinite() && value.is_finite() && beyond
    }

    /// How far a value may be off when it is stored, rightly rounded.
    #[must_use]
    pub fn step(self, value: f64) -> f64 {
        match (self.channel().steps(), self.channel()) {
            (Some(steps), _) => ROUNDING / steps,
            // A unit in the last place, since a device may round towards zero; what is no normal f16 may become zero.
            (None, Channel::Float16) if value.abs() < 2_f64.powi(-14) => value.abs().max(2_f64.powi(-24)),
            (None, Channel::Float16) => value.abs() * 2_f64.powi(-10),
            (None, _) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::TensorRole;

    fn tensor(format: TextureFormat, width: usize) -> Tensor {
        let shape = extents(format, vec![1, width]).unwrap();
        Tensor {
            name: "t".to_owned(),
            shape,
            role: TensorRole::Computed,
            element: format.element(),
            texture: Some(format),
        }
    }

    #[test]
    fn every_format_holds_the_ends_of_its_range() {
        use strum::VariantNames;
        for name in TextureFormat::VARIANTS {
            let format: TextureFormat = name.parse().unwrap();
            let (low, high) = format.channel().range();
            let four = [low, high, 0.0, if low < 0.0 { -1.0 } else { 1.0 }];
            let tensor = tensor(format, 4 / format.channels());
            #[expect(clippy::cast_possible_truncation, reason = "within range")]
            let values = if format.element().is_whole() {
                Values::Whole(four.map(|value| value as i64).to_vec())
            } else {
                Values::Floats(four.map(|value| value as f32).to_vec())
            };
            let bytes = tensor.encode(&values);
            assert_eq!(bytes.len() as u64, format.texel_bytes() * 4 / format.channels() as u64, "{name}");
            assert_eq!(tensor.bytes(), bytes.len() as u64, "{name}");
            assert_eq!(tensor.decode(&bytes), values, "{name}");
        }
    }

    #[test]
    fn only_what_lies_in_a_buffer_is_as_large_as_one() {
        let text = "family = 'vision'\n[[input]]\nname = 'x'\ntexture = 'rgba32float'\nshape = [8192, 8192]\n\
                    [[stage]]\nop = 'own'\nin = ['x']\nout = { y = { shape = [100, 100], texture = 'rgba32float' } }\n\
                    [[stage]]\nop = 'other'\nin = ['y']\nout = { z = { shape = [8192, 1], texture = 'r32float' } }\n";
        let model = crate::manifest::Model::parse("m", std::path::Path::new("m.toml"), text).unwrap();
        let graph = Graph::of(&model, &crate::graph::JobVars::default()).unwrap();
        let (tensor, bytes) = graph.largest_bound().unwrap();
        // Rows of four bytes lie 256 apart.
        assert_eq!((tensor.name.as_str(), bytes), ("z", 8192 * 256));
    }

    #[test]
    fn bytes_are_fractions_of_one() {
        let tensor = tensor(TextureFormat::Rgba8Unorm, 1);
        let values =
            Values::Floats([0.0, 0.5, 0.501, 1.0].map(|value| TextureFormat::Rgba8Unorm.stored(value)).to_vec());
        assert_eq!(tensor.encode(&values), [0, 128, 128, 255]);
        assert_eq!(tensor.decode(&[0, 128, 128, 255]), values);
        let signed = self::tensor(TextureFormat::Rgba8Snorm, 1);
        assert_eq!(signed.decode(&[0x80, 0x81, 0, 127]), Values::Floats(vec![-1.0, -1.0, 0.0, 1.0]));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the ends of a range are exact")]
    fn what_a_format_cant_hold_is_held_to_its_range() {
        use TextureFormat::{R32Float, Rgba8Snorm, Rgba8Unorm, Rgba16Float};
        let held = |format: TextureFormat| [-1e6, 1e6, f64::INFINITY].map(|value| format.held(value));
        assert_eq!(held(Rgba8Unorm), [0.0, 1.0, 1.0]);
        assert_eq!(held(Rgba8Snorm), [-1.0, 1.0, 1.0]);
        assert_eq!(held(Rgba16Float), [-65_504.0, 65_504.0, f64::INFINITY]);
        assert_eq!(held(R32Float), [-1e6, 1e6, f64::INFINITY]);
        assert!(Rgba16Float.overflows(7e4, f32::INFINITY) && Rgba16Float.overflows(-7e4, f32::NEG_INFINITY));
        assert!(!Rgba16Float.overflows(7e4, f32::NEG_INFINITY) && !Rgba16Float.overflows(6e4, f32::INFINITY));
        assert!(!Rgba16Float.overflows(7e4, 6e4) && !R32Float.overflows(7e4, f32::INFINITY));
    }

    #[test]
    fn extents_are_height_width_and_channels() {
        assert_eq!(extents(TextureFormat::Rgba8Unorm, vec![2, 3]).unwrap(), [2, 3, 4]);
        assert_eq!(extents(TextureFormat::R32Float, vec![2, 3]).unwrap(), [2, 3]);
        assert_eq!(extents(TextureFormat::R32Float, vec![2, 3, 1]).unwrap(), [2, 3, 1]);
        let wrong = extents(TextureFormat::Rg32Float, vec![2, 3, 4]).unwrap_err();
        assert_eq!(wrong, "a texel of rg32float has 2 channels, and the third extent is 4");
    }
}
