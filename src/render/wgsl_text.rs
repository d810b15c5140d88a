//! WGSL as text: its directives, and where naga can't read a shader, what it declares.
//!
//! Used by `wgsl` for the features that a shader enables, and by `interface`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A text with its comments blanked, line for line. WGSL's block comments nest.
fn without_comments(code: &str) -> String {
    let mut text = String::with_capacity(code.len());
    let (mut depth, mut in_line) = (0_usize, false);
    let mut characters = code.chars().peekable();
    while let Some(character) = characters.next() {
        let pair = (character, characters.peek().copied());
        match pair {
            ('\n', _) => in_line = false,
            ('/', Some('/')) if depth == 0 => in_line = true,
            ('/', Some('*')) if !in_line => {
                characters.next();
                depth += 1;
            }
            ('*', Some('/')) if depth > 0 => {
                characters.next();
                depth -= 1;
                text.push(' ');
                continue;
            }
            _ => {}
        }
        if character == '\n' || (depth == 0 && !in_line) {
            text.push(character);
        }
    }
    text
}

static DIRECTIVE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(enable|requires)\s+([\w\s,]+);"));

/// The extensions that the `enable` directives of WGSL name.
pub(super) fn enabled(code: &str) -> Vec<String> {
    let code = without_comments(code);
    let names = DIRECTIVE.captures_iter(&code).filter(|found| &found[1] == "enable");
    names.flat_map(|found| names_of(&found[2]).map(ToOwned::to_owned).collect::<Vec<_>>()).collect()
}

/// The text without the extensions that naga does not know: it reads what they bring all the same, or not at all.
pub(super) fn readable(code: &str) -> String {
    let kept = |found: &Captures<'_>| {
        let f16 = &found[1] == "enable" && names_of(&found[2]).any(|name| name == "f16");
        if f16 { "enable f16;" } else { "" }.to_owned()
    };
    DIRECTIVE.replace_all(&without_comments(code), kept).into_owned()
}

fn names_of(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// A constant that a pipeline may override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) name: String,
    /// Of `@id`, by which WebGPU knows it then.
    pub(super) id: Option<u16>,
    /// Whether the pipeline has to give it a value.
    pub(super) wanted: bool,
}

/// What a shader declares, as far as a pipeline has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Declared {
    /// Its compute entry points.
    pub(super) entries: Vec<String>,
    pub(super) overrides: Vec<Override>,
    /// The bindings of uniform buffers.
    pub(super) uniforms: Vec<usize>,
    /// The bindings of storage textures.
    pub(super) storage_textures: Vec<usize>,
}

/// What can be seen of a shader that naga can't read: all declarations of these kinds, whichever entry point uses them.
pub(super) fn declared(code: &str) -> Declared {
    static ENTRY: LazyLock<Regex> = LazyLock::new(|| pattern(r"@compute\b[^;{}]*?\bfn\s+(\w+)"));
    static OVERRIDE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:@id\(\s*(\d+)[iu]?\s*\)\s*)?\boverride\s+(\w+)([^;]*);"));
    static UNIFORM: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"@binding\(\s*(\d+)[iu]?\s*\)(?:\s*@group\([^)]*\))?\s*var\s*<\s*uniform\b"));
    static TEXTURE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"@binding\(\s*(\d+)[iu]?\s*\)(?:\s*@group\([^)]*\))?\s*var\s+\w+\s*:\s*texture_storage_2d\b")
    });
    let code = without_comments(code);
    let bindings = |of: &Regex| of.captures_iter(&code).filter_map(|found| found[1].parse().ok()).collect();
    Declared {
        entries: ENTRY.captures_iter(&code).map(|found| found[1].to_owned()).collect(),
        overrides: OVERRIDE
            .captures_iter(&code)
            .map(|found| Override {
                name: found[2].to_owned(),
                id: found.get(1).and_then(|id| id.as_str().parse().ok()),
                // One that nothing names needs no value.
                wanted: !found[3].contains('=') && pattern(&format!(r"\b{}\b", &found[2])).find_iter(&code).count() > 1,
            })
            .collect(),
        uniforms: bindings(&UNIFORM),
        storage_textures: bindings(&TEXTURE),
    }
}

fn pattern(text: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "the patterns of this file are constants, which a test compiles")]
    Regex::new(text).expect("a pattern of this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shader_enables_is_found_wherever_it_stands() {
        let code = "enable f16; // halves\nenable subgroups, a_b;enable\n c ; // enable d;\n/* enable e; /* */ enable f; */\n\
                    requires packed; fn enabled() {}";
        assert_eq!(enabled(code), ["f16", "subgroups", "a_b", "c"]);
        assert_eq!(readable("enable f16, x;\nrequires y;\nenable z;fn f() {} // g"), "enable f16;\n\nfn f() {} ");
    }

    #[test]
    fn what_it_declares_is_found_without_a_parser() {
        let code = "@id(7) override gain: f32;\noverride bias = 1.0; // override none: f32;\noverride idle: u32;\n\
                    @group(0) @binding(2) var<uniform> p: vec4f;\n@binding(3) @group(0) var < uniform > q: vec4f;\n\
                    @group(0) @binding(0) var<storage> x: array<f32>;\n\
                    @group(0) @binding(4) var out: texture_storage_2d<rgba8unorm, write>;\n\
                    @group(0) @binding(5) var image: texture_2d<f32>;\n\
                    @compute @workgroup_size(64, 1)\nfn first() {}\n@workgroup_size(8) @compute fn second() {}\n\
                    fn helper() -> f32 { return gain; }";
        let one = |name: &str, id, wanted| Override { name: name.to_owned(), id, wanted };
        assert_eq!(
            declared(code),
            Declared {
                entries: vec!["first".to_owned(), "second".to_owned()],
                overrides: vec![one("gain", Some(7), true), one("bias", None, false), one("idle", None, false)],
                uniforms: vec![2, 3],
                storage_textures: vec![4],
            }
        );
    }
}
