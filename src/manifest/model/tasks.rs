//! A task is what transformers.js can be asked to do with a model: what it takes and what loads it. A new one is an
//! entry of [`TASKS`], and nothing else.

use InputKind::{Image, Labels, Sound, Text};

/// A task.
#[derive(Debug, PartialEq, Eq)]
pub struct Task {
    /// As in `task = "…"`; a pipeline's own name where transformers.js has one.
    pub name: &'static str,
    /// What it takes, in the order of its arguments.
    pub inputs: &'static [InputKind],
    /// What loads it.
    pub loader: Loader,
}

/// What a task takes; as text, what messages call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::IntoStaticStr)]
pub enum InputKind {
    /// Texts.
    #[strum(serialize = "a text")]
    Text,
    /// Candidate labels.
    #[strum(serialize = "labels")]
    Labels,
    /// Images.
    #[strum(serialize = "an image")]
    Image,
    /// Sound, 16,000 samples a second.
    #[strum(serialize = "a sound")]
    Sound,
}

impl InputKind {
    /// The keys of an `[[input]]` that make one.
    #[must_use]
    pub fn keys(self) -> &'static [&'static str] {
        match self {
            Text => &["text", "words", "file"],
            Labels => &["labels"],
            Image => &["width", "height", "file"],
            Sound => &["samples", "file"],
        }
    }
}

/// What loads a task's model.
#[derive(Debug, PartialEq, Eq)]
pub enum Loader {
    /// `pipeline(task, id)`; the names of the ONNX files that it loads, without dtype and ending: those of the first of these
    /// lists that the model has, by its architecture.
    Pipeline(&'static [&'static [&'static str]]),
    /// Models that are loaded by themselves, each with what prepares its input.
    Parts(&'static [Part]),
}

/// A model of several that belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name in `parts.csv`.
    pub name: &'static str,
    /// The class of transformers.js that loads it.
    pub model: &'static str,
    /// The class that prepares its input.
    pub processor: &'static str,
    /// The position of its input among the task's.
    pub input: usize,
    /// The name of its ONNX file, without dtype and ending.
    pub file: &'static str,
}

const CLIP_TEXT: Part = Part {
    name: "text",
    model: "CLIPTextModelWithProjection",
    processor: "AutoTokenizer",
    input: 0,
    file: "text_model",
};
const CLIP_VISION: Part = Part {
    name: "vision",
    model: "CLIPVisionModelWithProjection",
    processor: "AutoProcessor",
    input: 0,
    file: "vision_model",
};

const fn pipeline(name: &'static str, inputs: &'static [InputKind]) -> Task {
    Task { name, inputs, loader: Loader::Pipeline(&[&["model"]]) }
}

/// A task whose calls depend on each other: each takes the token that the one before gave.
const TEXT_GENERATION: &str = "text-generation";

/// Whisper and the like have an encoder and a decoder, wav2vec2 and the like one model.
const TRANSCRIBERS: &[&[&str]] = &[&["model"], &["encoder_model", "decoder_model_merged"]];

/// Every task, in the order in which they are listed to users.
pub const TASKS: &[Task] = &[
    pipeline("feature-extraction", &[Text]),
    pipeline("text-classification", &[Text]),
    pipeline("fill-mask", &[Text]),
    pipeline("token-classification", &[Text]),
    pipeline(TEXT_GENERATION, &[Text]),
    pipeline("image-classification", &[Image]),
    pipeline("image-feature-extraction", &[Image]),
    pipeline("audio-classification", &[Sound]),
    Task { name: "automatic-speech-recognition", inputs: &[Sound], loader: Loader::Pipeline(TRANSCRIBERS) },
    pipeline("zero-shot-image-classification", &[Image, Labels]),
    Task { name: "clip-text-embedding", inputs: &[Text], loader: Loader::Parts(&[CLIP_TEXT]) },
    Task { name: "clip-image-embedding", inputs: &[Image], loader: Loader::Parts(&[CLIP_VISION]) },
    Task {
        name: "clip-embeddings",
        inputs: &[Text, Image],
        loader: Loader::Parts(&[CLIP_TEXT, Part { input: 1, ..CLIP_VISION }]),
    },
];

impl Task {
    /// Whether it makes a text token by token.
    #[must_use]
    pub fn generates(&self) -> bool {
        self.name == TEXT_GENERATION
    }
}

/// The names of ONNX files that tasks load, without dtype and ending; some more than once.
pub fn part_names() -> impl Iterator<Item = &'static str> {
    TASKS.iter().flat_map(|task| match task.loader {
        Loader::Pipeline(choices) => choices.concat(),
        Loader::Parts(parts) => parts.iter().map(|part| part.file).collect(),
    })
}

/// The task of a name.
#[must_use]
pub fn task(name: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.name == name)
}
