//! What a job gives to a model that runs in onnxruntime-web, as data: seeded, the same on every machine, or from files.
//!
//! Made from `plan::given`; `render` puts it into the page.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::fill::{self, SAMPLE_RATE};
use super::onnx::{Dim, OnnxError, Port, Tensor};
use crate::arrays::Numbers;
use crate::graph::inputs::{Argument, FeedSpec, Feeds, seed};
use crate::graph::{Element, Fill, TensorRole};
use crate::memory::{self, TooLarge};
use crate::user_file;

/// Inputs that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MadeError {
    /// A file that can't be read, or holds something else.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// An input of an ONNX file that the manifest leaves open.
    #[error("input `{input}`: {message}")]
    Feed {
        /// Its name.
        input: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// An input that memory does not hold.
    #[error("`{input}`: {source}")]
    TooLarge {
        /// Which, in the manifest's words.
        input: String,
        /// How far it goes.
        source: TooLarge,
    },
    /// Values that are no tensor.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}

/// An argument of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum InputData {
    /// Texts.
    Texts(Vec<String>),
    /// Candidate labels.
    Labels(Vec<String>),
    /// Sounds, 16,000 samples a second.
    Sounds(Vec<Vec<f32>>),
    /// Images.
    Pictures(Vec<Picture>),
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Red, green, blue, row by row from the top left.
    pub rgb: Vec<u8>,
}

/// Common words, so that a tokenizer finds most of them in its vocabulary whole.
const WORDS: [&str; 64] = [
    "the", "of", "and", "to", "in", "a", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he",
    "his", "but", "at", "are", "this", "have", "from", "or", "had", "an", "they", "which", "one", "you", "were", "all",
    "her", "she", "there", "would", "their", "we", "him", "been", "has", "when", "who", "will", "no", "more", "if",
    "out", "so", "up", "said", "what", "its", "about", "than", "into", "them", "can", "only", "other", "time", "new",
];

/// An argument, `batch` times.
pub fn argument(argument: &Argument, batch: u32) -> Result<InputData, MadeError> {
    let indices = || (0..batch).map(|index| index as usize);
    room(argument, batch)?;
    Ok(match argument {
        Argument::Words(count) => InputData::Texts(indices().map(|index| words(*count, index)).collect()),
        Argument::Texts(texts) => InputData::Texts(texts.iter().cycle().take(batch as usize).cloned().collect()),
        Argument::Labels(labels) => InputData::Labels(labels.clone()),
        Argument::Speech(samples) => InputData::Sounds(indices().map(|index| speech(*samples, index)).collect()),
        Argument::Picture { width, height } => {
            InputData::Pictures(indices().map(|index| picture(*width, *height, index)).collect())
        }
        Argument::File(path) => repeated(from_file(path)?, batch as usize),
    })
}

/// Whether memory holds an argument `batch` times: as it is made, and as base64 in the job's module.
fn room(argument: &Argument, batch: u32) -> Result<(), MadeError> {
    const PIXEL: usize = 3 * (4 + 1 + 3);
    let (input, elements, each) = match argument {
        Argument::Words(count) => (format!("words = {count}"), memory::elements(&[*count]), 32),
        Argument::Speech(samples) => (format!("samples = {samples}"), memory::elements(&[*samples]), 16),
        Argument::Picture { width, height } => {
            (format!("a picture of {width}x{height}"), memory::elements(&[*width, *height]), PIXEL)
        }
        Argument::Texts(_) | Argument::Labels(_) | Argument::File(_) => return Ok(()),
    };
    let needed = elements.map(|elements| (elements * each) as u64 * u64::from(batch));
    needed.and_then(memory::check).map_err(|source| MadeError::TooLarge { input, source })
}

fn repeated(one: InputData, count: usize) -> InputData {
    match one {
        InputData::Texts(texts) => InputData::Texts(texts.into_iter().cycle().take(count).collect()),
        InputData::Sounds(sounds) => InputData::Sounds(sounds.into_iter().cycle().take(count).collect()),
        InputData::Pictures(pictures) => InputData::Pictures(pictures.into_iter().cycle().take(count).collect()),
        labels @ InputData::Labels(_) => labels,
    }
}

fn words(count: usize, text: usize) -> String {
    let words = fill::uniform(count, seed("words", None) ^ u32::try_from(text).unwrap_or(u32::MAX), 0.5, 0.5);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 64")]
    let word = |value: &f32| WORDS[((value * WORDS.len() as f32) as usize).min(WORDS.len() - 1)];
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn speech(samples: usize, voice: usize) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "computed in f64, stored in f32")]
    (0..samples).map(|sample| fill::speech(voice, sample) as f32).collect()
}

/// Smooth colours with a few edges and a little noise: an encoder of images has something to look at.
fn picture(width: usize, height: usize, index: usize) -> Picture {
    let noise = fill::uniform(width * height * 3, seed("picture", None) ^ u32::try_from(index).unwrap_or(0), 0.0, 12.0);
    let colour = |at: usize| {
        let (pixel, channel) = (at / 3, at % 3);
        let (x, y) = ((pixel % width) as f32 / width as f32, (pixel / width) as f32 / height as f32);
        let wave = (6.3 * (x * (1.0 + channel as f32) + y + 0.37 * index as f32)).sin();
        let disc = if (x - 0.5).hypot(y - 0.4) < 0.25 { 60.0 } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
        ((110.0 + 70.0 * wave + disc + noise[at]).clamp(0.0, 255.0) as u8)
    };
    Picture { width, height, rgb: (0..width * height * 3).map(colour).collect() }
}

/// What the ending of a file's name says that it holds.
fn from_file(path: &Path) -> Result<InputData, MadeError> {
    let fail = |message: String| MadeError::File { path: path.to_owned(), message };
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "txt" => {
            let text = user_file::read_to_string(path).map_err(|error| fail(error.to_string()))?;
            Ok(InputData::Texts(vec![text.trim_end().to_owned()]))
        }
        "wav" => sound(path).map(|sound| InputData::Sounds(vec![sound])).map_err(fail),
        "png" | "jpg" | "jpeg" => {
            let image = picture_of(path).map_err(fail)?.into_rgb8();
            let (width, height) = (image.width() as usize, image.height() as usize);
            Ok(InputData::Pictures(vec![Picture { width, height, rgb: image.into_raw() }]))
        }
        _ => Err(fail("gpujobs reads .txt, .wav, .png and .jpg as inputs".to_owned())),
    }
}

/// An image, by what is in the file; the crate's own limits keep it from taking all memory.
fn picture_of(path: &Path) -> Result<image::DynamicImage, String> {
    let file = user_file::open(path).map_err(|error| error.to_string())?;
    let reader = image::ImageReader::new(BufReader::new(file)).with_guessed_format();
    reader.map_err(|error| error.to_string())?.decode().map_err(|error| error.to_string())
}

/// The mean of a WAV's channels.
fn sound(path: &Path) -> Result<Vec<f32>, String> {
    let file = user_file::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    // Samples of a byte become four, twice.
    memory::check(8 * length).map_err(|error| error.to_string())?;
    let mut reader = hound::WavReader::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if f64::from(spec.sample_rate) != SAMPLE_RATE {
        return Err(format!(
            "it has {} samples a second, and models of speech take {SAMPLE_RATE}: resample it, for instance with \
             `ffmpeg -i in.wav -ar 16000 out.wav`",
            spec.sample_rate
        ));
    }
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>(),
        hound::SampleFormat::Int => {
            let full = (1_i64 << (spec.bits_per_sample - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full)).collect()
        }
    }
    .map_err(|error| error.to_string())?;
    let channels = usize::from(spec.channels.max(1));
    Ok(samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect())
}

/// The inputs that an ONNX file declares, each as the manifest says or, where it is silent, by its type: floats uniform
/// in -1 to 1, whole numbers and truth values 1, which is a valid index and an open mask.
pub fn feeds(ports: &[Port], feeds: &Feeds) -> Result<Vec<Tensor>, MadeError> {
    for feed in &feeds.feeds {
        if !ports.iter().any(|port| port.name == feed.name) {
            let known: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
            let message = format!("the file has no such input; it has {}", known.join(", "));
            return Err(MadeError::Feed { input: feed.name.clone(), message });
        }
    }
    ports.iter().map(|port| feed(port, feeds)).collect()
}

fn feed(port: &Port, feeds: &Feeds) -> Result<Tensor, MadeError> {
    let spec = feeds.feeds.iter().find(|feed| feed.name == port.name);
    let shape = shape(port, spec, feeds)?;
    let length = memory::elements(&shape).and_then(|length| {
        // As f32, as f64, as what the input is of, and as base64 in the job's module.
        let each = 4 + 8 + 3 * port.kind.size().unwrap_or(8);
        memory::check((length * each) as u64).map(|()| length)
    });
    let length = length.map_err(|source| MadeError::TooLarge { input: format!("{} {shape:?}", port.name), source })?;
    let fail = |message: String| MadeError::Feed { input: port.name.clone(), message };
    let seed = seed(&port.name, None);
    let default = if port.kind.is_float() {
        Fill::Uniform { seed, mean: 0.0, spread: 1.0 }
    } else {
        Fill::Uniform { seed, mean: 1.0, spread: 0.0 }
    };
    let fill = spec.and_then(|spec| spec.fill.clone()).unwrap_or(default);
    let numbers = match fill {
        Fill::Tokens { .. } if port.kind.is_float() => {
            return Err(fail("`below` is for whole numbers, and this input is of floats".to_owned()));
        }
        Fill::Given(values) if !values.is_empty() && length.is_multiple_of(values.len()) => values.repeated(length),
        Fill::Given(values) => {
            let count = values.len();
            return Err(fail(format!("{count} values can't fill {shape:?}, again and again")));
        }
        Fill::File(array) => {
            let path = array.path.display();
            if !array.header.fits(&shape) {
                let says = array.header.says();
                return Err(fail(format!("{path} holds {says}, and the input is {shape:?}")));
            }
            array.read().map_err(|message| fail(format!("{path} can't be read: {message}")))?
        }
        Fill::Uniform { mean, spread, .. } if !port.kind.is_float() && (spread != 0.0 || mean.fract() != 0.0) => {
            let kind = &port.kind;
            return Err(fail(format!(
                "this fill makes fractions, which the type {kind} can't hold: write `below = 256` for numbers from 0 up to \
                 that, `values`, `fill = \"zeros\"` or a `file`"
            )));
        }
        fill => {
            let role = TensorRole::Input(fill);
            let (name, shape) = (port.name.clone(), shape.clone());
            let tensor = crate::graph::Tensor { name, shape, role, element: Element::F32, texture: None };
            let values = fill::fill(&tensor).map_err(|error| fail(error.to_string()))?;
            Numbers::Floats(values.numbers().collect())
        }
    };
    Tensor::of_numbers(port.name.clone(), port.kind.clone(), shape, &numbers).map_err(|error| match error {
        OnnxError::BadTensor { message, .. } => fail(message),
        error => error.into(),
    })
}

/// The extents of an input: those of the file, then of `[dims]`, the job's batch, or the manifest's own for this input.
fn shape(port: &Port, spec: Option<&FeedSpec>, feeds: &Feeds) -> Result<Vec<usize>, MadeError> {
    let fail = |message: String| MadeError::Feed { input: port.name.clone(), message };
    if let Some(shape) = spec.and_then(|spec| spec.shape.clone()) {
        return Ok(shape);
    }
    let Some(dims) = &port.dims else {
        return Err(fail(
            "the file does not declare its shape: write `shape` in an `[[input]]` of this name".to_owned(),
        ));
    };
    let extent = |dim: &Dim| match dim {
        Dim::Fixed(extent) => Ok(*extent),
        Dim::Named(name) => match feeds.dims.get(name) {
            Some(extent) => Ok(*extent),
            None if is_batch(name) => Ok(feeds.batch as usize),
            None => {
                Err(fail(format!("the file leaves the extent `{name}` open: write `{name} = 128`, say, under [dims]")))
            }
        },
        Dim::Unknown => Err(fail(
            "the file leaves an extent open without a name: write `shape` in an `[[input]]` of this name".to_owned(),
        )),
    };
    dims.iter().map(extent).collect()
}

/// What exporters call the number of inputs that are computed together.
#[must_use]
pub fn is_batch(name: &str) -> bool {
    ["batch", "batch_size", "N", "n", "bs"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::inputs::FeedSpec;
    use crate::reference::onnx::ElementType;

    /// What an input of a type is given where the manifest writes these values.
    fn given(kind: ElementType, values: Numbers) -> Result<Tensor, String> {
        let port = Port { name: "x".to_owned(), kind, dims: Some(vec![Dim::Fixed(4)]) };
        let spec = FeedSpec { name: "x".to_owned(), shape: None, fill: Some(Fill::Given(values)) };
        let all = Feeds { dims: indexmap::IndexMap::new(), feeds: vec![spec], batch: 1 };
        feeds(&[port], &all).map(|mut tensors| tensors.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_beyond_what_f64_holds_are_given_as_written() {
        let large = vec![(1 << 53) + 1, i64::MAX];
        let expected = [&large[..], &large[..]].concat();
        let tensor = given(ElementType::I64, Numbers::Whole(large)).unwrap();
        assert_eq!(tensor, Tensor::from_i64("x", vec![4], &expected).unwrap());
        let tensor = given(ElementType::F32, Numbers::Whole(vec![3])).unwrap();
        assert_eq!(tensor, Tensor::from_f32("x", vec![4], &[3.0; 4]).unwrap());
        assert!(given(ElementType::I32, Numbers::Whole(vec![1 << 31])).unwrap_err().contains("no value of the type"));
        assert!(given(ElementType::I64, Numbers::Floats(vec![0.5])).unwrap_err().contains("0.5 is no value"));
    }
}
