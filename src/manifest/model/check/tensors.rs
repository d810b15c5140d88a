//! The tensors of a stage and of the model's inputs: their types, where their values come from, what must come out.

use std::ops::Range;
use std::str::FromStr;

use indexmap::IndexMap;
use serde::Deserialize;
use strum::VariantNames;
use toml::{Spanned, Value};

use super::Checker;
use crate::arrays;
use crate::manifest::model::Expr;
use crate::manifest::model::element::Element;
use crate::manifest::model::number::numbers;
use crate::manifest::model::schema::{ExpectEntry, InputEntry, OutputEntry, SamplerEntry};
use crate::manifest::model::stages::{ArrayFile, ExpectSpec, FillKind, Input, InputValues, OutputSpec, StartSpec};
use crate::manifest::model::texture::{Address, Filter, Sampler, TextureFormat};

/// The tolerance of an expected output of floats where none is written.
const TOLERANCE: f64 = 1e-5;

/// How a tensor is stored: its type, and the format of the texture in which it lies, if it does.
type Storage = (Element, Option<TextureFormat>);

/// A word of the file, and where it stands.
type Written<'a> = (&'a str, Range<usize>);

impl Checker<'_> {
    pub(super) fn input(&mut self, entry: &Spanned<InputEntry>) -> Option<Input> {
        let (span, entry) = (entry.span(), entry.get_ref());
        if entry.name.is_none() {
            self.at(span.clone(), "an input needs a `name`", "without a name");
        }
        let written = entry.element.as_ref().map(|name| (name.get_ref().as_str(), name.span()));
        let texture = entry.texture.as_ref().map(|name| (name.get_ref().as_str(), name.span()));
        let storage = self.storage(written, texture);
        let Some(shape) = &entry.shape else {
            self.help(span, "an input needs a `shape`", "without a shape", "for instance `shape = [\"rows\", 384]`");
            return None;
        };
        let values = self.input_values(entry, storage, &span);
        let shape = self.tensor_shape(shape.get_ref(), &shape.span(), storage.1)?;
        let (element, texture) = storage;
        Some(Input { name: entry.name.as_ref()?.get_ref().clone(), shape, element, texture, values: values? })
    }

    fn input_values(&mut self, entry: &InputEntry, storage: Storage, span: &Range<usize>) -> Option<InputValues> {
        let (element, texture) = storage;
        let fill = entry.fill.as_ref().map(|fill| fill.get_ref().as_str());
        let span = entry.fill.as_ref().map_or(span.clone(), Spanned::span);
        if let Some(values) = &entry.values {
            if fill.is_some() || entry.file.is_some() || values.get_ref().is_empty() {
                let help = "at least one number, and neither `fill` nor `file` beside them";
                self.help(values.span(), "these `values` can't be an input's", "here", help);
            }
            let takes = |value: f64| {
                let (low, high) = texture.map_or((f64::MIN, f64::MAX), |format| format.channel().range());
                element.takes(value) && (low..=high).contains(&value)
            };
            let numbers = numbers(values.get_ref());
            if let Some(value) = numbers.floats().find(|value| !takes(*value)) {
                let help = "finite numbers within the type's range, as a shader reads them: of rgba8unorm from 0 to 1; whole \
                            ones of i32, u32 and textures of them";
                let type_name = texture.map_or_else(|| element.to_string(), |format| format.to_string());
                let message = format!("{value} is no value of the type {type_name}");
                self.help(values.span(), message, "here", help);
            }
            return Some(InputValues::Given(numbers));
        }
        if let Some(file) = &entry.file {
            if fill.is_some() {
                self.at(span, "an input is filled, or read from its `file`", "both");
            }
            return self.numbers(file, entry.array.as_ref(), Some(element)).map(InputValues::File);
        }
        if fill == Some("tokens") || (fill.is_none() && entry.below.is_some() && element.is_whole()) {
            let Some(below) = &entry.below else {
                let help = "for instance `below = 30522`: one more than the largest token";
                self.help(span, "tokens need `below`", "up to where?", help);
                return None;
            };
            let below = self.expr(below.get_ref(), &below.span())?;
            return Some(InputValues::Tokens { below, seed: entry.seed });
        }
        if let Some(below) = &entry.below {
            self.help(below.span(), "`below` belongs to tokens", "of another fill", "write `fill = \"tokens\"`");
        }
        let filled = self.fill(fill, entry.seed, (entry.mean, entry.spread), &span);
        if element.is_whole() && !is_constant(&filled.kind) {
            let message = format!("this fill makes fractions, which the type {element} can't hold");
            let help = "write `below = 256` for numbers from 0 up to that, `values`, `fill = \"zeros\"` or a `file`";
            self.help(span, message, "of whole numbers", help);
        }
        Some(InputValues::Filled(filled))
    }

    /// How a tensor is stored, by its `type` or its `texture`.
    fn storage(&mut self, element: Option<Written<'_>>, texture: Option<Written<'_>>) -> Storage {
        let Some((name, span)) = texture else {
            return (element.map_or_else(Element::default, |(name, span)| self.element(name, &span)), None);
        };
        if let Some((_, span)) = element {
            let help =
                "leave `type` out: `rgba8unorm` and `r32float` are f32 in a shader, `r32uint` u32, `r32sint` i32";
            self.help(span, "the format of a texture says the type of its values", "said twice", help);
        }
        let known = name.parse::<TextureFormat>().ok();
        if known.is_none() {
            self.one_of("texture", &Spanned::new(span, name.to_owned()), TextureFormat::VARIANTS);
        }
        (known.map(TextureFormat::element).unwrap_or_default(), known)
    }

    /// A shape; of a texture with two extents, or the number of channels as the third.
    fn tensor_shape(
        &mut self,
        value: &Value,
        span: &Range<usize>,
        texture: Option<TextureFormat>,
    ) -> Option<Vec<Expr>> {
        let shape = self.shape(value, span)?;
        if let Some(format) = texture
            && !matches!(shape.len(), 2 | 3)
        {
            let channels = format.channels();
            let message = format!("a texture has 2 extents, or {channels} channels as the third, not {}", shape.len());
            let help = "write `shape = [\"height\", \"width\"]`; several images lie in a texture one below the other";
            self.help(span.clone(), message, "wrong rank", help);
            return None;
        }
        Some(shape)
    }

    /// The samplers of a stage.
    pub(super) fn samplers(
        &mut self,
        entries: &IndexMap<Spanned<String>, Spanned<SamplerEntry>>,
    ) -> IndexMap<String, Sampler> {
        let sampler = |(key, entry): (&Spanned<String>, &Spanned<SamplerEntry>)| {
            self.name(key, "a sampler");
            let SamplerEntry { filter, address } = entry.get_ref();
            let filter = filter.as_ref().map(|name| self.choice("filter", name, Filter::VARIANTS));
            let address = address.as_ref().map(|address| self.address(address));
            let sampler = Sampler { filter: filter.unwrap_or_default(), address: address.unwrap_or_default() };
            (key.get_ref().clone(), sampler)
        };
        entries.iter().map(sampler).collect()
    }

    fn address(&mut self, address: &Spanned<Value>) -> [Address; 2] {
        let written = match address.get_ref() {
            Value::Array(each) => each.iter().map(Value::as_str).collect(),
            both => vec![both.as_str(); 2],
        };
        let [Some(across), Some(down)] = written[..] else {
            let help = "a text for both ways, or two of them, for across and down";
            self.help(address.span(), "`address` must be a text or a list of two", "neither", help);
            return [Address::default(); 2];
        };
        [across, down]
            .map(|way| self.choice("address", &Spanned::new(address.span(), way.to_owned()), Address::VARIANTS))
    }

    fn choice<T: FromStr + Default>(&mut self, what: &str, name: &Spanned<String>, known: &[&str]) -> T {
        name.get_ref().parse().unwrap_or_else(|_| {
            self.one_of(what, name, known);
            T::default()
        })
    }

    pub(super) fn element(&mut self, name: &str, span: &Range<usize>) -> Element {
        if let Ok(known) = name.parse() {
            return known;
        }
        if name == "bool" {
            let help = "WGSL keeps no bool in a buffer: write `type = \"u32\"`, of which 1 is true";
            self.help(span.clone(), "a tensor can't be of type `bool`", "not a type of buffers", help);
        } else {
            self.one_of("type", &Spanned::new(span.clone(), name.to_owned()), Element::VARIANTS);
        }
        Element::default()
    }

    pub(super) fn output_spec(&mut self, value: &Spanned<Value>) -> Option<OutputSpec> {
        let span = value.span();
        let Value::Table(_) = value.get_ref() else {
            let shape = self.shape(value.get_ref(), &span)?;
            return Some(OutputSpec { shape, element: Element::default(), texture: None, start: StartSpec::default() });
        };
        let entry = match OutputEntry::deserialize(value.get_ref().clone()) {
            Ok(entry) => entry,
            Err(error) => {
                let help = "an output is a shape, or a table with `shape`, `type` or `texture`, and `start`";
                self.help(span, error.message().to_owned(), "not an output", help);
                return None;
            }
        };
        let element = entry.element.as_deref().map(|name| (name, span.clone()));
        let texture = entry.texture.as_deref().map(|name| (name, span.clone()));
        let (element, texture) = self.storage(element, texture);
        let start = match entry.start.as_deref() {
            None => StartSpec::Sentinel,
            Some("zeros") => StartSpec::Zeros,
            Some(tensor) => StartSpec::Copy(tensor.to_owned()),
        };
        let Some(shape) = &entry.shape else {
            self.at(span, "an output needs a `shape`", "without a shape");
            return None;
        };
        Some(OutputSpec { shape: self.tensor_shape(shape, &span, texture)?, element, texture, start })
    }

    /// A file of numbers, whose header is read; its values are when a job needs them. Without an `element` the tensor's type is
    /// not known yet.
    pub(super) fn numbers(
        &mut self,
        file: &Spanned<String>,
        array: Option<&String>,
        element: Option<Element>,
    ) -> Option<ArrayFile> {
        let path = self.folder.join(file.get_ref());
        match arrays::header(&path, array.map(String::as_str)) {
            Ok(header) => match element.filter(|element| header.stored.is_float() && element.is_whole()) {
                None => Some(ArrayFile { path, array: array.cloned(), header }),
                Some(element) => {
                    let message =
                        format!("{} holds {}, and the tensor's type is {element}", path.display(), header.says());
                    let help = if header.shape.is_some() {
                        "save it as whole numbers: np.save(\"y.npy\", y.astype(np.uint32))".to_owned()
                    } else {
                        format!("whole numbers lie in a .{element}, or in a .npy")
                    };
                    self.help(file.span(), message, "of another type", help);
                    None
                }
            },
            Err(reason) => {
                let message = format!("{} can't be read: {reason}", path.display());
                let help = "numbers in .npy, .npz, .f32, .f16, .i32 or .u32, or an image in .png or .jpg; its path is relative \
                            to the model's file";
                self.help(file.span(), message, "no file of numbers", help);
                None
            }
        }
    }

    /// What the first output of a stage must hold.
    pub(super) fn expect(&mut self, entry: &Spanned<ExpectEntry>, element: Element) -> Option<ExpectSpec> {
        let file = self.expected(entry, Some(element))?;
        let (tolerance, absolute) = (entry.get_ref().tolerance, entry.get_ref().absolute);
        Some(ExpectSpec { file, tolerance: tolerance.unwrap_or(TOLERANCE), absolute: absolute.unwrap_or(0.0) })
    }

    /// Whether the tolerances of an `expect` are any.
    pub(super) fn tolerances(&mut self, entry: &Spanned<ExpectEntry>, element: Option<Element>) {
        let (span, entry) = (entry.span(), entry.get_ref());
        for (key, value) in [("tolerance", entry.tolerance), ("absolute", entry.absolute)] {
            if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
                self.at(span.clone(), format!("`{key}` must be a finite number of at least 0"), "here");
            }
            if value.is_some_and(|value| value != 0.0) && element.is_some_and(Element::is_whole) {
                self.at(span.clone(), format!("whole numbers must be equal: leave `{key}` out"), "here");
            }
        }
    }

    /// The file of an `expect`, and whether its tolerances are any.
    pub(super) fn expected(&mut self, entry: &Spanned<ExpectEntry>, element: Option<Element>) -> Option<ArrayFile> {
        self.tolerances(entry, element);
        let (span, entry) = (entry.span(), entry.get_ref());
        for (key, place) in [
            ("model", entry.model.as_ref().map(Spanned::span)),
            ("output", entry.output.as_ref().map(|_| span.clone())),
        ] {
            if let Some(place) = place {
                let help = "write a `file`; only a module is compared with another model";
                self.help(place, format!("`{key}` is no key of this `expect`"), "of another engine", help);
            }
        }
        let Some(file) = &entry.file else {
            let help = "its values as .npy, .npz, or raw ones in .f32, .f16, .i32 or .u32";
            self.help(span, "`expect` needs a `file`", "without a file", help);
            return None;
        };
        self.numbers(file, entry.array.as_ref(), element)
    }
}

/// Whether all values are the same whole number, as zeros are.
fn is_constant(fill: &FillKind) -> bool {
    let whole = |value: &Option<f32>| value.is_some_and(|value| value.fract() == 0.0);
    matches!(fill, FillKind::Uniform { mean, spread: Some(0.0) } if whole(mean))
}
