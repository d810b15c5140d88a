//! Whether a variable of a shader can be the texture in which a tensor lies.

use naga::{ImageClass, ImageDimension, ScalarKind, StorageAccess, TypeInner};

use crate::graph::{Element, TextureFormat};

/// What is wrong with a variable, and what helps.
pub(super) struct Unfit {
    /// After the variable's name.
    pub(super) message: String,
    pub(super) help: String,
}

/// The texture as a stage has it.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) format: TextureFormat,
    pub(super) tensor: &'a str,
    pub(super) stage: &'a str,
    /// How the template names it, for instance `inputs[0]`.
    pub(super) template: &'a str,
    pub(super) is_output: bool,
}

/// Whether the variable is a storage texture.
pub(super) fn is_storage(inner: &TypeInner, bound: Bound<'_>) -> Result<bool, Unfit> {
    let Bound { format, tensor, stage, template, is_output } = bound;
    let sampled = format!("texture_2d<{}>", format.element());
    let written = format!("texture_storage_2d<{{{{ {template}.texture }}}}, write>");
    let fits = if is_output { &written } else { &sampled };
    let unfit = |message: String, help: String| Err(Unfit { message, help });
    let TypeInner::Image { dim, arrayed, class } = inner else {
        let message = format!("is not a texture, and `{tensor}` of the stage `{stage}` is one of {format}");
        let remedy = "or take `texture` out where it is made, so that it lies in a buffer";
        return unfit(message, format!("declare it `{fits}`, {remedy}"));
    };
    if *dim != ImageDimension::D2 || *arrayed {
        let message = format!("is not a texture of two dimensions, and `{tensor}` of the stage `{stage}` is");
        let help = "several images lie in one texture, one below the other";
        return unfit(message, format!("declare it `{fits}`: gpujobs binds no others, {help}"));
    }
    let (found, access) = match class {
        ImageClass::Sampled { multi: false, .. } if is_output => {
            let message = format!("can't be written, and the stage `{stage}` writes `{tensor}` there");
            return unfit(message, format!("declare it `{written}`"));
        }
        ImageClass::Sampled { kind, multi: false } if element(*kind) == Some(format.element()) => return Ok(false),
        ImageClass::Sampled { multi: false, .. } => {
            let message = format!("is of another type than `{tensor}` of the stage `{stage}`, which is {format}");
            return unfit(message, format!("declare it `{sampled}`"));
        }
        ImageClass::Storage { format, access } => (format!("{format:?}").to_lowercase(), *access),
        ImageClass::Sampled { .. } | ImageClass::Depth { .. } | ImageClass::External => {
            let message =
                format!("is multisampled, of depth or external, and `{tensor}` of the stage `{stage}` is {format}");
            return unfit(message, format!("declare it `{fits}`"));
        }
    };
    if found != format.to_string() {
        let message = format!("is of {found}, and `{tensor}` of the stage `{stage}` is {format}");
        let known = found.parse::<TextureFormat>().is_ok();
        let other = if known { format!(", or write `texture = \"{found}\"` where it is made") } else { String::new() };
        return unfit(message, format!("declare it `texture_storage_2d<{{{{ {template}.texture }}}}, …>`{other}"));
    }
    match (is_output, access.contains(StorageAccess::LOAD), access.contains(StorageAccess::STORE)) {
        (true, _, false) => {
            let message = format!("is read only, and the stage `{stage}` writes `{tensor}` there");
            unfit(message, format!("declare it `{written}`"))
        }
        (false, _, true) => {
            let message = format!("is written, and `{tensor}` is an input of the stage `{stage}`");
            let help = format!(
                "declare it `{sampled}`, and write an output: out = {{ y = {{ shape = […], texture = \"{format}\" }} }}"
            );
            unfit(message, help)
        }
        (true, true, true) if !format.is_read_write() => {
            let message = "is read and written, which WebGPU does with r32float, r32sint and r32uint only".to_owned();
            unfit(message, format!("declare it `{written}`, and read an input"))
        }
        _ => Ok(true),
    }
}

fn element(kind: ScalarKind) -> Option<Element> {
    match kind {
        ScalarKind::Float => Some(Element::F32),
        ScalarKind::Sint => Some(Element::I32),
        ScalarKind::Uint => Some(Element::U32),
        _ => None,
    }
}
