//! Shaders as people write them: types of elements, atomics, uniform buffers, entry points, constants, files of Windows; and
//! what does not fit is said before a browser opens.
//!
//! Those that run need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;

use crate::support::workshop::Workshop;

/// A stage over 256 floats; `MORE` is what a test adds to it.
const MODEL: &str = "family = 'vision'\n[params]\nn = 256\n[[input]]\nname = 'x'\nshape = ['n']\n\
                     [[stage]]\nop = 'OP'\nin = ['x']\nMORE\n";

const F32: &str = "out = { y = ['n'] }";
const TEXEL: &str = "out = { y = { shape = [4, 8], texture = 'rgba8unorm' } }";
const U32: &str = "out = { y = { shape = ['n'], type = 'u32' } }";

/// The shader of such a stage.
fn shader(types: (&str, &str), body: &str) -> String {
    let (input, output) = types;
    format!(
        "{{% set grid = [4, 1, 1] %}}\n\
         @group(0) @binding({{{{ inputs[0].binding }}}}) var<storage, read> x: array<{input}>;\n\
         @group(0) @binding({{{{ outputs[0].binding }}}}) var<storage, read_write> y: array<{output}>;\n\
         @compute @workgroup_size(64)\n\
         fn main(@builtin(global_invocation_id) id: vec3u) {{ let i = id.x; {body} }}\n"
    )
}

/// A folder with the model and the shader of each name.
fn shop(models: &[(&str, String, String)]) -> Workshop {
    let shop = Workshop::new();
    std::fs::create_dir(shop.path("shaders")).unwrap();
    for (name, more, shader) in models {
        shop.write(&format!("models/{name}.toml"), &MODEL.replace("OP", name).replace("MORE", more));
        std::fs::write(shop.path(&format!("shaders/{name}.wgsl")), shader).unwrap();
    }
    shop
}

fn manifest(browsers: &str, models: &[(&str, String, String)]) -> String {
    let names: Vec<String> = models.iter().map(|(name, _, _)| format!("'{name}'")).collect();
    format!(
        "name = 't'\nshaders = 'shaders'\n[matrix]\nbrowser = {browsers}\nmodel = [{}]\n\
         [measure]\nsamples = 3\nrounds = 1\nwarmup = 1\nfallback = []\nretries = 0\n",
        names.join(", ")
    )
}

pub(crate) fn words<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|value| bytes(*value)).collect()
}

/// As numpy writes them.
pub(crate) fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let padded = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &118_u16.to_le_bytes(), padded.as_bytes(), values].concat()
}

fn x() -> Vec<f32> {
    uniform("x", 256)
}

/// What the uniform fill makes of a tensor, as `src/reference/fill.rs` says.
pub(crate) fn uniform(name: &str, len: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let value = |index: u32| {
        let mut x = seed ^ index.wrapping_mul(0x9e37_79b9);
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        f64::from(x >> 8) / 8_388_608.0 - 1.0
    };
    #[expect(clippy::cast_possible_truncation, reason = "as the fill does")]
    (0..u32::try_from(len).unwrap()).map(|index| value(index) as f32).collect()
}

const HISTOGRAM: &str = "atomicAdd(&y[u32(clamp((x[i] + 1.0) * 8.0, 0.0, 15.0))], 1u);";

/// Models whose files say what they give, each with what stands in its stage and with its shader.
fn typed() -> Vec<(&'static str, String, String)> {
    let expect = |out: &str, file: &str| format!("{out}\nexpect = {{ file = '{file}' }}");
    let squares = || shader(("f32", "u32"), "y[i] = i * i + u32(x[i] * 0.0);");
    let edge = "let zero = u32(x[i] * 0.0); let bits = array<u32, 4>(0x7fc00000u, 0x7f800000u, 0xff800000u, 0x3fc00000u); \
                y[i] = bitcast<f32>(bits[i % 4u] + zero);";
    let scaled = "{% set grid = [4, 1, 1] %}\n@group(0) @binding(0) var<storage, read> x: array<f32>;\n\
                  @group(0) @binding(1) var<uniform> p: vec4f;\n\
                  @group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\
                  override gain: f32;\n@compute @workgroup_size(1) fn unused() { y[0] = 0.0; }\n\
                  @compute @workgroup_size(64)\n\
                  fn computeMain(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x] * gain + p.y; }\n";
    let copied = "{% set grid = [4, 1, 1] %}\n@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n\
                  @compute @workgroup_size(64)\n\
                  fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] += 1.0; }\n";
    vec![
        ("squares", expect(U32, "squares.u32"), squares()),
        ("not_squares", expect(U32, "others.npy"), squares()),
        (
            "negative",
            expect("out = { y = { shape = ['n'], type = 'i32' } }", "negative.npy"),
            shader(("f32", "i32"), "y[i] = 3 - i32(i) * 16777259 + i32(x[i] * 0.0);"),
        ),
        (
            "histogram",
            expect("out = { y = { shape = [16], type = 'u32', start = 'zeros' } }", "bins.npy"),
            shader(("f32", "atomic<u32>"), HISTOGRAM),
        ),
        ("tiny", expect(F32, "tiny.f32"), shader(("f32", "f32"), "y[i] = f32(i) * 1e-9 + x[i] * 0.0;")),
        ("edges", expect("out = { y = [16, 16] }", "edges.npy"), shader(("f32", "f32"), edge)),
        ("unknown", F32.to_owned(), shader(("f32", "f32"), "y[i] = x[i] * 2.0;")),
        (
            "lengths",
            expect(U32, "squares.u32"),
            // Lanes beyond the end, which the shader asks for.
            shader(("f32", "u32"), "if (i < arrayLength(&y)) { y[i] = i * i + u32(x[i] * 0.0); }")
                .replace("[4,", "[5,"),
        ),
        ("windows", expect(U32, "squares.u32"), format!("\u{feff}{}", squares().replace('\n', "\r\n"))),
        (
            "scaled",
            expect(&format!("{F32}\nentry = 'computeMain'\nparams = {{ gain = 2.5 }}"), "scaled.f32"),
            scaled.to_owned(),
        ),
        ("copied", expect("out = { y = { shape = ['n'], start = 'x' } }", "plus_one.npy"), copied.to_owned()),
    ]
}

/// Their files.
fn files() -> [(&'static str, Vec<u8>); 8] {
    let whole = |each: fn(u32) -> u32| words(&(0..256).map(each).collect::<Vec<_>>(), u32::to_le_bytes);
    let floats = |each: &dyn Fn(usize) -> f32| words(&(0..256).map(each).collect::<Vec<_>>(), f32::to_le_bytes);
    let negative = (0..256_i32).map(|i| 3_i32.wrapping_sub(i.wrapping_mul(16_777_259))).collect::<Vec<_>>();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 15")]
    let bins = x().iter().fold(vec![0_u32; 16], |mut bins, value| {
        bins[((value + 1.0) * 8.0).clamp(0.0, 15.0) as usize] += 1;
        bins
    });
    let edges = |i: usize| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.5][i % 4];
    [
        ("squares.u32", whole(|i| i * i)),
        ("others.npy", npy("<u4", "(256,)", &whole(|i| 7 * i + 1))),
        ("negative.npy", npy("<i4", "(256,)", &words(&negative, i32::to_le_bytes))),
        ("bins.npy", npy("<u4", "(16,)", &words(&bins, u32::to_le_bytes))),
        ("tiny.f32", floats(&|i| 2e-9 * i as f32)),
        ("edges.npy", npy("<f4", "(16, 16)", &floats(&edges))),
        ("scaled.f32", floats(&|i| x()[i] * 2.5 + 0.25)),
        ("plus_one.npy", npy("<f4", "(256,)", &floats(&|i| x()[i] + 1.0))),
    ]
}

#[test]
fn shaders_of_every_type_and_start_are_right_or_wrong_as_their_files_say() {
    let models = typed();
    let shop = shop(&models);
    let change = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(shop.path(&format!("models/{name}.toml"))).unwrap();
        assert!(text.contains(from), "{text}");
        shop.write(&format!("models/{name}.toml"), &text.replacen(from, to, 1));
    };
    change("scaled", "[[stage]]", "[[input]]\nname = 'p'\nshape = [4]\nvalues = [9, 0.25, 9, 9]\n[[stage]]");
    change("scaled", "in = ['x']", "in = ['x', 'p']");
    change("copied", "in = ['x']\n", "");
    for (file, bytes) in files() {
        std::fs::write(shop.path(&format!("models/{file}")), bytes).unwrap();
    }
    shop.run(&manifest("['chrome', 'firefox']", &models), &["--save-outputs"]).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2 * models.len());
    for job in &jobs {
        let error = job["max_abs_error"].as_str();
        let (row, said) = match job["model"].as_str() {
            "not_squares" | "tiny" => {
                assert!(!error.is_empty() && job["wall_median_ms"].is_empty(), "{job:?}");
                (("incorrect", "false", "file", error), "differs from its reference")
            }
            "unknown" => (("ok", "", "", ""), "the stage `unknown` has neither a reference"),
            "edges" => (("ok", "true", "file", "0"), "192 elements of the output are NaN or infinite"),
            "scaled" => (("ok", "true", "file", error), ""),
            _ => (("ok", "true", "file", "0"), ""),
        };
        let found: (&str, &str, &str, &str) = (&job["status"], &job["verified"], &job["reference"], error);
        assert_eq!(found, row, "{job:?}");
        assert!(job["reason"].contains(said) || job["warnings"].contains(said), "{said}: {job:?}");
    }
    let saved = shop.run_folder().join("outputs").join(&jobs[0]["job_id"]).join("y.u32");
    assert_eq!(std::fs::read(saved).unwrap(), files()[0].1);
}

#[test]
fn what_does_not_fit_its_stage_is_said_before_a_browser_opens() {
    let plain = || shader(("f32", "f32"), "y[i] = x[i];");
    let two = plain() + "@compute @workgroup_size(1) fn other() {}\n";
    let two = two.replace("fn main", "fn first");
    let textured = "{% set grid = [4, 1, 1] %}\n@group(0) @binding(0) var image: texture_2d<f32>;\n\
                    @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\
                    @compute @workgroup_size(64)\n\
                    fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = textureLoad(image, id.xy, 0).x; }\n";
    let storing = |access: &str| {
        shader(("f32", "f32"), "textureStore(y, vec2u(i % 8u, i / 8u), vec4f(x[i]));")
            .replace("var<storage, read_write> y: array<f32>", &format!("var y: texture_storage_2d<{access}>"))
    };
    let sampled = plain()
        .replace("var<storage, read_write> y: array<f32>", "var y: texture_2d<f32>")
        .replace("y[i] = x[i];", "_ = textureLoad(y, vec2u(i), 0) * x[i];");
    let inplace = plain()
        .replace("var<storage, read> x", "var<storage, read_write> x")
        .replace("y[i] = x[i];", "x[i] *= 2.0; y[i] = x[i];");
    let gained = plain().replace("@compute", "override gain: f32;\n@compute").replace("= x[i]", "= gain * x[i]");
    let cases: Vec<(&str, String, String)> = vec![
        ("missing", format!("{F32}\nexpect = {{ file = 'none.f32' }}"), plain()),
        ("short", format!("{F32}\nexpect = {{ file = 'short.f32' }}"), plain()),
        ("fractions", format!("{U32}\nexpect = {{ file = 'short.f32' }}"), plain()),
        ("folder", format!("{F32}\nexpect = {{ file = '../shaders' }}"), plain()),
        ("type", "out = { y = { shape = ['n'], type = 'bool' } }".to_owned(), plain()),
        ("start", "out = { y = { shape = ['n'], start = 'z' } }".to_owned(), plain()),
        ("mismatch", F32.to_owned(), shader(("f32", "u32"), "y[i] = u32(x[i]);")),
        ("inplace", F32.to_owned(), inplace),
        ("ignored", F32.to_owned(), shader(("f32", "f32"), "y[i] = f32(i);")),
        ("texture", F32.to_owned(), textured.to_owned()),
        ("sampled", TEXEL.to_owned(), sampled),
        ("format", TEXEL.to_owned(), storing("rgba16float, write")),
        ("access", TEXEL.to_owned(), storing("rgba8unorm, read_write")),
        ("buffer", TEXEL.to_owned(), plain()),
        ("unused", format!("{TEXEL}\nsamplers = {{ s = {{}} }}"), storing("rgba8unorm, write")),
        ("filter", format!("{TEXEL}\nsamplers = {{ s = {{ filter = 'bilinear', address = ['repeat'] }} }}"), plain()),
        ("channels", TEXEL.replace("[4, 8]", "[4, 8, 3]"), plain()),
        ("twice", TEXEL.replace("texture =", "type = 'f32', texture ="), plain()),
        (
            "known",
            "shader = 'known.wgsl'\nout = { y = { shape = [4, 8], texture = 'rgba8unorn' } }".to_owned(),
            plain(),
        ),
        ("entries", F32.to_owned(), two),
        ("entry", format!("{F32}\nentry = 'mian'"), plain()),
        ("constant", F32.to_owned(), gained),
        ("beyond", F32.to_owned(), plain().replace("{{ outputs[0].binding }}", "7")),
    ];
    let mut shown = String::new();
    for (name, more, shader) in &cases {
        let models = [(*name, more.clone(), shader.clone())];
        let shop = shop(&models);
        std::fs::write(shop.path("models/short.f32"), words(&[1.0; 250], f32::to_le_bytes)).unwrap();
        let ended = shop.run(&manifest("'chrome'", &models), &[]).expect(2);
        assert!(!shop.path("out").exists(), "{name}: a run began");
        let folder = shop.path("").display().to_string();
        writeln!(shown, "== {name}\n{}", ended.stderr.replace(&folder, "")).unwrap();
    }
    insta::assert_snapshot!(shown);
}
