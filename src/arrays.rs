//! An array file holds numbers that were made elsewhere: raw values, whose ending names their type (`.f32`, `.f16`, `.i32`,
//! `.u32`), and numpy's `.npy` and `.npz`.
//!
//! An image (`.png`, `.jpg`) is an array of bytes: height, width, and four channels.
//!
//! Named by whatever a model takes from a file: an input's values, an expected output. Only the header is read when a
//! manifest is checked; the values follow when a job needs them.
//!
//! The header of `.npy` is a dictionary in Python's notation of which numpy writes one form since 2007 (NEP 1, *A Simple
//! File Format for `NumPy` Arrays*): it is read here, since a crate that can read any such literal brings a dozen others.

mod numbers;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use half::f16;
use image::ImageDecoder;

use crate::memory;
use crate::user_file;

pub use numbers::Numbers;

/// The longest header of a `.npy` that is read: those of numpy have a few hundred bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// How the numbers of a file are stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberType {
    /// IEEE 754 binary16.
    F16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// A signed whole number of so many bytes.
    Signed(u8),
    /// A whole number of so many bytes.
    Unsigned(u8),
    /// A byte, 0 or 1.
    Bool,
}

impl NumberType {
    /// Whether it holds numbers with a fraction.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    /// For messages, in numpy's words.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::F16 => "float16".to_owned(),
            Self::F32 => "float32".to_owned(),
            Self::F64 => "float64".to_owned(),
            Self::Signed(bytes) => format!("int{}", 8 * u32::from(bytes)),
            Self::Unsigned(bytes) => format!("uint{}", 8 * u32::from(bytes)),
            Self::Bool => "bool".to_owned(),
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Signed(bytes) | Self::Unsigned(bytes) => u64::from(bytes),
            Self::Bool => 1,
        }
    }

    /// By the ending of a raw file.
    fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "f16" => Some(Self::F16),
            "f32" => Some(Self::F32),
            "i32" => Some(Self::Signed(4)),
            "u32" => Some(Self::Unsigned(4)),
            _ => None,
        }
    }

    /// By numpy's description of a type, such as `<f4`.
    fn of_numpy(text: &str) -> Option<Self> {
        match text.strip_prefix(['<', '|', '='])? {
            "f2" => Some(Self::F16),
            "f4" => Some(Self::F32),
            "f8" => Some(Self::F64),
            "i1" => Some(Self::Signed(1)),
            "i2" => Some(Self::Signed(2)),
            "i4" => Some(Self::Signed(4)),
            "i8" => Some(Self::Signed(8)),
            "u1" => Some(Self::Unsigned(1)),
            "u2" => Some(Self::Unsigned(2)),
            "u4" => Some(Self::Unsigned(4)),
            "u8" => Some(Self::Unsigned(8)),
            "b1" => Some(Self::Bool),
            _ => None,
        }
    }
}

/// What a file says of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How they are stored.
    pub stored: NumberType,
    /// Extents, outermost first; `None` for a raw file.
    pub shape: Option<Vec<usize>>,
    /// How many there are.
    pub len: usize,
}

impl Header {
    /// Whether it can stand for a tensor of this shape: the same extents, those of 1 aside, or one extent for all.
    #[must_use]
    pub fn fits(&self, shape: &[usize]) -> bool {
        let long = |shape: &[usize]| shape.iter().copied().filter(|extent| *extent != 1).collect::<Vec<_>>();
        let same = self.shape.as_ref().is_none_or(|own| long(own).len() <= 1 || long(own) == long(shape));
        same && memory::elements(shape) == Ok(self.len)
    }

    /// For messages, for instance `256 of float32`.
    #[must_use]
    pub fn says(&self) -> String {
        match &self.shape {
            Some(shape) => format!("{shape:?} of {}", self.stored.name()),
            None => format!("{} of {}", self.len, self.stored.name()),
        }
    }
}

/// What a file says of its numbers; `array` names one of an `.npz` with several. The error says what is wrong with it and
/// what helps.
pub fn header(path: &Path, array: Option<&str>) -> Result<Header, String> {
    read_by(path, array, |_, header| Ok(header))
}

/// The numbers of a file, row-major.
pub fn read(path: &Path, array: Option<&str>) -> Result<(Header, Numbers), String> {
    read_by(path, array, |bytes, header| {
        let bytes = bytes(&header)?;
        let numbers = numbers(&bytes, header.stored)?;
        Ok((header, numbers))
    })
}

/// Reads the bytes of the values that follow a header.
type Values<'a> = Box<dyn FnOnce(&Header) -> Result<Vec<u8>, String> + 'a>;

fn read_by<T>(
    path: &Path,
    array: Option<&str>,
    then: impl FnOnce(Values<'_>, Header) -> Result<T, String>,
) -> Result<T, String> {
    let mut file = user_file::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if array.is_some() && ending != "npz" {
        return Err("`array` names one of a .npz, and this is none: leave it out".to_owned());
    }
    match ending.as_str() {
        "png" | "jpg" | "jpeg" => {
            let reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format();
            let decoder =
                reader.map_err(|error| error.to_string())?.into_decoder().map_err(|error| error.to_string())?;
            let header = image_header(&decoder)?;
            then(Box::new(move |header| pixels(decoder, header)), header)
        }
        "npy" => {
            let header = numpy_header(&mut file)?;
            let from = file.stream_position().map_err(|error| error.to_string())?;
            let found = length.saturating_sub(from);
            if Some(found) != expected_bytes(&header) {
                return Err(format!("it holds {found} bytes after its header, which says {}", header.says()));
            }
            then(Box::new(move |header| bytes(&mut file, header)), header)
        }
        "npz" => {
            let mut archive = zip::ZipArchive::new(file).map_err(|error| format!("it is no .npz: {error}"))?;
            let name = entry(&archive, array)?;
            let mut entry = archive.by_name(&name).map_err(|error| error.to_string())?;
            let header = numpy_header(&mut entry)?;
            then(Box::new(|header| bytes(&mut entry, header)), header)
        }
        ending => {
            let Some(stored) = NumberType::of_ending(ending) else {
                return Err(
                    "its ending says nothing of its numbers: gpujobs reads .npy, .npz, raw values in .f32, .f16, \
                            .i32 and .u32, and images in .png and .jpg"
                        .to_owned(),
                );
            };
            let len = usize::try_from(length / stored.size()).map_err(|error| error.to_string())?;
            if length % stored.size() != 0 {
                let name = stored.name();
                return Err(format!("it has {length} bytes, which is no whole number of {name} values"));
            }
            then(Box::new(move |header| bytes(&mut file, header)), Header { stored, shape: None, len })
        }
    }
}

/// What an image says of itself before any of its pixels is decoded.
fn image_header(decoder: &impl ImageDecoder) -> Result<Header, String> {
    let colour = decoder.color_type();
    if colour.bytes_per_pixel() > colour.channel_count() {
        return Err("its channels have 16 bits: save it with 8, or its numbers as .npy".to_owned());
    }
    // The crate's own limit, which its decoder asks for pixels only.
    image::Limits::default().reserve(decoder.total_bytes()).map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    let shape = vec![height as usize, width as usize, 4];
    let len = shape.iter().product();
    Ok(Header { stored: NumberType::Unsigned(1), shape: Some(shape), len })
}

/// An image's bytes.
fn pixels(decoder: impl ImageDecoder, header: &Header) -> Result<Vec<u8>, String> {
    let len = header.len as u64;
    // First there are the pixels as they are stored and of four channels, then the latter and each as a number of eight.
    let needed = len.saturating_add(decoder.total_bytes().max(8 * len));
    memory::check(needed).map_err(|error| error.to_string())?;
    let image = image::DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    Ok(image.into_rgba8().into_raw())
}

/// The entry of an archive that holds the array.
fn entry(archive: &zip::ZipArchive<File>, array: Option<&str>) -> Result<String, String> {
    let names = archive.file_names().filter_map(|name| name.ok()?.strip_suffix(".npy").map(str::to_owned));
    let names: Vec<String> = names.collect();
    let listed = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (array, names.as_slice()) {
        (Some(array), names) if names.iter().any(|name| name == array) => Ok(format!("{array}.npy")),
        (Some(array), _) => Err(format!("it has no array `{array}`; it has {}", listed())),
        (None, [one]) => Ok(format!("{one}.npy")),
        (None, []) => Err("it holds no array".to_owned()),
        (None, [first, ..]) => {
            Err(format!("it has several arrays: name one, `array = \"{first}\"`; it has {}", listed()))
        }
    }
}

/// Reads the header of a `.npy`, up to where its values begin.
fn numpy_header(input: &mut dyn Read) -> Result<Header, String> {
    let bad = |what: &str| format!("it is no .npy that gpujobs reads: {what}");
    let mut start = [0; 8];
    input.read_exact(&mut start).map_err(|error| bad(&error.to_string()))?;
    if start[..6] != *b"\x93NUMPY" {
        return Err(bad("it does not begin with \\x93NUMPY"));
    }
    let mut count = [0; 4];
    let wide = if start[6] == 1 { 2 } else { 4 };
    input.read_exact(&mut count[..wide]).map_err(|error| bad(&error.to_string()))?;
    let count = u32::from_le_bytes(count) as usize;
    if count > LONGEST_HEADER {
        return Err(bad(&format!("its header would have {count} bytes")));
    }
    let mut text = vec![0; count];
    input.read_exact(&mut text).map_err(|error| bad(&error.to_string()))?;
    let text = String::from_utf8_lossy(&text);
    let value = |key: &str| {
        let (_, rest) = text.split_once(&format!("'{key}':"))?;
        Some(rest.trim_start().to_owned())
    };
    let (Some(descr), Some(order), Some(shape)) = (value("descr"), value("fortran_order"), value("shape")) else {
        return Err(bad(&format!("its header is {:?}", text.trim())));
    };
    let descr = descr.trim_start_matches(['\'', '"']).split(['\'', '"']).next().unwrap_or_default();
    let stored = NumberType::of_numpy(descr).ok_or_else(|| {
        format!("it holds values of type {descr:?}: save it as float32, float16, int32 or uint32, little-endian")
    })?;
    if order.starts_with("True") {
        return Err("its values lie in Fortran's order: save np.ascontiguousarray(x)".to_owned());
    }
    let inside = shape.trim_start_matches('(').split(')').next().unwrap_or_default();
    let extents = inside.split(',').map(str::trim).filter(|extent| !extent.is_empty());
    let shape: Vec<usize> = extents
        .map(|extent| extent.parse().map_err(|_| bad(&format!("its shape is ({inside})"))))
        .collect::<Result<_, _>>()?;
    let len = shape.iter().try_fold(1_usize, |len, extent| len.checked_mul(*extent));
    let len = len.ok_or_else(|| bad(&format!("its shape is {shape:?}")))?;
    Ok(Header { stored, shape: Some(shape), len })
}

fn expected_bytes(header: &Header) -> Option<u64> {
    (header.len as u64).checked_mul(header.stored.size())
}

/// The values' bytes; memory grows with what there is, not with what the header claims.
fn bytes(input: &mut dyn Read, header: &Header) -> Result<Vec<u8>, String> {
    let expected = expected_bytes(header).ok_or("its header claims more than there can be")?;
    // The bytes, and each as a number of eight.
    memory::check(expected.saturating_add((header.len as u64).saturating_mul(8))).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    input.take(expected).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 != expected {
        return Err(format!("it holds {} bytes of values, and its header says {}", bytes.len(), header.says()));
    }
    Ok(bytes)
}

fn numbers(bytes: &[u8], stored: NumberType) -> Result<Numbers, String> {
    fn each<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| convert(*chunk)).collect()
    }
    Ok(match stored {
        NumberType::F16 => Numbers::Floats(each(bytes, |chunk| f16::from_le_bytes(chunk).to_f64())),
        NumberType::F32 => Numbers::Floats(each(bytes, |chunk| f64::from(f32::from_le_bytes(chunk)))),
        NumberType::F64 => Numbers::Floats(each(bytes, f64::from_le_bytes)),
        NumberType::Signed(1) => Numbers::Whole(each(bytes, |chunk| i64::from(i8::from_le_bytes(chunk)))),
        NumberType::Signed(2) => Numbers::Whole(each(bytes, |chunk| i64::from(i16::from_le_bytes(chunk)))),
        NumberType::Signed(4) => Numbers::Whole(each(bytes, |chunk| i64::from(i32::from_le_bytes(chunk)))),
        NumberType::Signed(_) => Numbers::Whole(each(bytes, i64::from_le_bytes)),
        NumberType::Unsigned(1) => Numbers::Whole(each(bytes, |chunk| i64::from(u8::from_le_bytes(chunk)))),
        NumberType::Unsigned(2) => Numbers::Whole(each(bytes, |chunk| i64::from(u16::from_le_bytes(chunk)))),
        NumberType::Unsigned(4) => Numbers::Whole(each(bytes, |chunk| i64::from(u32::from_le_bytes(chunk)))),
        NumberType::Unsigned(_) => {
            let values = each(bytes, |chunk| i64::try_from(u64::from_le_bytes(chunk)));
            let fail = |_| "it holds numbers of 2^63 and more".to_owned();
            Numbers::Whole(values.into_iter().collect::<Result<_, _>>().map_err(fail)?)
        }
        NumberType::Bool => Numbers::Whole(each(bytes, |[byte]: [u8; 1]| i64::from(byte != 0))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_beyond_all_memory_fits_no_file() {
        let header = Header { stored: NumberType::F32, shape: None, len: 0 };
        assert!(!header.fits(&[1 << 62, 8]));
        assert!(header.fits(&[0, usize::MAX, 2]));
    }

    /// An `.npz` is compressed: what its array claims is not held against the file's length before it is read.
    #[test]
    fn an_archive_whose_array_claims_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let text = "{'descr': '|i1', 'fortran_order': False, 'shape': (2305843009213693952,), }\n";
        let count = u16::try_from(text.len()).unwrap().to_le_bytes();
        let array = [&b"\x93NUMPY\x01\x00"[..], &count, text.as_bytes()].concat();
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &array).unwrap();
        archive.finish().unwrap();
        assert!(header(&path, None).is_ok());
        let error = read(&path, None).unwrap_err();
        assert!(error.contains("of this machine's memory are needed"), "{error}");
    }

    #[test]
    fn the_header_of_an_image_is_read_without_its_pixels() {
        let folder = tempfile::tempdir().unwrap();
        for (ending, kept) in [("png", 60), ("jpg", 700)] {
            let path = folder.path().join(format!("image.{ending}"));
            let byte = |value: u32| u8::try_from(value % 256).unwrap();
            let pixel = |x, y| image::Rgb([byte(x * y), byte(x), byte(y)]);
            image::RgbImage::from_fn(60, 40, pixel).save(&path).unwrap();
            let (whole, numbers) = read(&path, None).unwrap();
            assert_eq!((whole.shape.as_deref(), whole.len), (Some(&[40, 60, 4][..]), 9600), "{ending}");
            assert!(matches!(numbers, Numbers::Whole(values) if values.len() == 9600), "{ending}");
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.len() > kept, "{ending}: {}", bytes.len());
            std::fs::write(&path, &bytes[..kept]).unwrap();
            assert_eq!(header(&path, None).unwrap(), whole, "{ending}");
            if ending == "png" {
                read(&path, None).unwrap_err();
            }
        }
        let path = folder.path().join("deep.png");
        image::ImageBuffer::<image::Luma<u16>, _>::new(2, 2).save(&path).unwrap();
        assert!(header(&path, None).unwrap_err().starts_with("its channels have 16 bits"));
    }
}
