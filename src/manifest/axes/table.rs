//! The entries.

use std::str::FromStr;

use strum::VariantNames;

use super::{BuiltInAxis, Cache, DTYPES, InId, Kind, POWER_PREFERENCES, WEBNN_DEVICES, Workgroup};
use crate::manifest::{AxisValue, Backend};

/// The built-in axes, in the order in which they are listed to users.
pub const AXES: &[BuiltInAxis] = &[
    BuiltInAxis {
        name: "browser",
        kind: Kind::Name,
        get: |axes| Some(text(&axes.browser)),
        set: |axes, value| set_text(&mut axes.browser, value),
        id: (0, InId::Value),
        columns: &["browser"],
        doc: "Browsers: products such as chrome and firefox, or names of a `[browser.NAME]` with a `kind`.",
    },
    BuiltInAxis {
        name: "model",
        kind: Kind::Name,
        get: |axes| Some(text(&axes.model)),
        set: |axes, value| set_text(&mut axes.model, value),
        id: (1, InId::Value),
        columns: &["model"],
        doc: "Models: the name of a file `models/NAME.toml`, of a built-in model, or of a `[model.NAME]`.",
    },
    BuiltInAxis {
        name: "backend",
        kind: Kind::Word(Backend::VARIANTS),
        get: |axes| Some(text(axes.backend.into())),
        set: |axes, value| set_word(&mut axes.backend, value),
        id: (2, InId::Value),
        columns: &["backend"],
        doc: "What computes: webgpu (default), webnn or wasm.",
    },
    BuiltInAxis {
        name: "dtype",
        kind: Kind::Word(&DTYPES),
        get: |axes| Some(text(&axes.dtype)),
        set: |axes, value| set_text(&mut axes.dtype, value),
        id: (5, InId::Named),
        columns: &["dtype"],
        doc: "Number format of weights and activations; default fp32.",
    },
    BuiltInAxis {
        name: "batch",
        kind: Kind::Count,
        get: |axes| Some(AxisValue::Int(axes.batch.into())),
        set: |axes, value| axes.batch = count(value).unwrap_or(axes.batch),
        id: (6, InId::Named),
        columns: &["batch"],
        doc: "Inputs computed together; default 1.",
    },
    BuiltInAxis {
        name: "shader_precompilation",
        kind: Kind::Switch,
        get: |axes| Some(AxisValue::Bool(axes.shader_precompilation)),
        set: |axes, value| axes.shader_precompilation = *value == AxisValue::Bool(true),
        id: (4, InId::Words("precompiled", "lazy")),
        columns: &["shader_precompilation"],
        doc: "true (default): all pipelines are made before the first inference; false: each at its first use.",
    },
    BuiltInAxis {
        name: "parallel_loading",
        kind: Kind::Switch,
        get: |axes| Some(AxisValue::Bool(axes.parallel_loading)),
        set: |axes, value| axes.parallel_loading = *value == AxisValue::Bool(true),
        id: (9, InId::Named),
        columns: &["parallel_loading"],
        doc: "true (default): the parts of a model are fetched at the same time; false: one after the other.",
    },
    BuiltInAxis {
        name: "cache",
        kind: Kind::Word(Cache::VARIANTS),
        get: |axes| Some(text(axes.cache.into())),
        set: |axes, value| set_word(&mut axes.cache, value),
        id: (10, InId::Named),
        columns: &["cache"],
        doc: "cold: each job starts in a fresh profile with the shader caches off; warm (default): the session is reused.",
    },
    BuiltInAxis {
        name: "threads",
        kind: Kind::Count,
        get: |axes| axes.threads.map(|threads| AxisValue::Int(threads.into())),
        set: |axes, value| axes.threads = count(value),
        id: (7, InId::Named),
        // `threads` says how many there really were.
        columns: &["threads_asked"],
        doc: "Threads of the wasm backend; by default the engine chooses.",
    },
    BuiltInAxis {
        name: "webnn_device",
        kind: Kind::Word(&WEBNN_DEVICES),
        get: |axes| Some(text(&axes.webnn_device)),
        set: |axes, value| set_text(&mut axes.webnn_device, value),
        id: (8, InId::Named),
        columns: &["webnn_device"],
        doc: "Which device a `WebNN` context is asked for: gpu (default), cpu or npu.",
    },
    BuiltInAxis {
        name: "power_preference",
        kind: Kind::Word(&POWER_PREFERENCES),
        get: |axes| axes.power_preference.as_deref().map(text),
        set: |axes, value| set_text(axes.power_preference.get_or_insert_default(), value),
        id: (11, InId::Named),
        columns: &["power_preference"],
        doc: "Which of several GPUs is asked for: high-performance or low-power; by default the browser chooses.",
    },
    BuiltInAxis {
        name: "session",
        kind: Kind::Table,
        get: |axes| Some(text(&axes.session)),
        set: |axes, value| set_text(&mut axes.session, value),
        id: (12, InId::Named),
        columns: &["session"],
        doc: "Options of onnxruntime-web's sessions: names of `[session.NAME]`, or default.",
    },
    BuiltInAxis {
        name: "runtime",
        kind: Kind::Table,
        get: |axes| Some(text(&axes.runtime)),
        set: |axes, value| set_text(&mut axes.runtime, value),
        id: (13, InId::Named),
        // `runtime` says which versions there really were.
        columns: &["runtime_asked"],
        doc: "Versions of the libraries that run models of ONNX: names of `[runtime.NAME]`, or default.",
    },
    BuiltInAxis {
        name: "prompt_tokens",
        kind: Kind::Count,
        get: |axes| axes.prompt_tokens.map(|tokens| AxisValue::Int(tokens.into())),
        set: |axes, value| axes.prompt_tokens = count(value),
        id: (14, InId::Named),
        columns: &["prompt_tokens"],
        doc: "Text generation: tokens of the prompt, made of the model's text; by default that text as it is.",
    },
    BuiltInAxis {
        name: "new_tokens",
        kind: Kind::Count,
        get: |axes| axes.new_tokens.map(|tokens| AxisValue::Int(tokens.into())),
        set: |axes, value| axes.new_tokens = count(value),
        id: (15, InId::Named),
        columns: &["new_tokens"],
        doc: "Text generation: tokens that are made, whether or not the text ends; by default what the model's options say.",
    },
    BuiltInAxis {
        name: "workgroup_size",
        kind: Kind::Shape,
        get: |axes| Some(axes.workgroup_size.into()),
        set: |axes, value| {
            axes.workgroup_size =
                if let AxisValue::Shape(shape) = value { Workgroup::Shape(*shape) } else { Workgroup::Tuned };
        },
        id: (3, InId::Value),
        columns: &["workgroup_x", "workgroup_y", "workgroup_z"],
        doc: "Workgroup shapes [x, y, z], or \"tuned\": each kernel its best; default [64, 1, 1].",
    },
];

fn text(text: &str) -> AxisValue {
    AxisValue::Text(text.to_owned())
}

fn set_text(target: &mut String, value: &AxisValue) {
    if let AxisValue::Text(text) = value {
        target.clone_from(text);
    }
}

/// Sets an axis whose words are the names of an enum; any other word leaves it as it is.
fn set_word<E: FromStr>(target: &mut E, value: &AxisValue) {
    if let AxisValue::Text(text) = value
        && let Ok(word) = text.parse()
    {
        *target = word;
    }
}

fn count(value: &AxisValue) -> Option<u32> {
    let AxisValue::Int(count) = value else { return None };
    u32::try_from(*count).ok()
}
