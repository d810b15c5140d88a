//! Textures and samplers in shaders of one's own: every format, images from files, what lies between texels and beyond edges,
//! and what is wrong by a step or left unwritten.
//!
//! These need Chromium and Firefox with their drivers (`gpujobs setup`); a missing one fails its test.

use std::fmt::Write as _;

use crate::support::workshop::Workshop;

/// Rows of 5 texels fill no step of 256 bytes.
const WIDTH: u32 = 5;
const HEIGHT: u32 = 3;

/// A channel's byte of the image.
fn byte(x: u32, y: u32, channel: u32) -> u8 {
    ((x * 50 + y * 7 + channel * 31) % 256).try_into().unwrap()
}

/// The bytes of the image, in their order.
fn bytes() -> Vec<u8> {
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| (0..4).map(move |channel| (x, y, channel))));
    places.map(|(x, y, channel)| byte(x, y, channel)).collect()
}

fn write_image(shop: &Workshop) {
    let image = image::RgbaImage::from_raw(WIDTH, HEIGHT, bytes()).unwrap();
    image.save(shop.path("models/image.png")).unwrap();
}

/// A format, the channels of it, what a shader writes of the byte that it read as `v`, and what is expected.
type Case = (&'static str, usize, &'static str, fn(f64) -> f64);

/// Of each kind of channel the ends of its range are met, or nearly so.
const CASES: [Case; 16] = [
    ("rgba8unorm", 4, "vec4f(v) / 200.0", |v| v / 200.0),
    ("rgba8snorm", 4, "vec4f(v) / 100.0 - 1.0", |v| v / 100.0 - 1.0),
    ("rgba8uint", 4, "vec4u(255 - v)", |v| 255.0 - v),
    ("rgba8sint", 4, "v - 128", |v| v - 128.0),
    ("rgba16uint", 4, "vec4u(v) * 257u", |v| v * 257.0),
    ("rgba16sint", 4, "v * 257 - 32768", |v| v * 257.0 - 32768.0),
    ("rgba16float", 4, "vec4f(v) / 3.0 - 40.0", |v| v / 3.0 - 40.0),
    ("r32uint", 1, "vec4u(v) * 16843009u", |v| v * 16_843_009.0),
    ("r32sint", 1, "v * 16843009 - 2147483647", |v| v * 16_843_009.0 - 2_147_483_647.0),
    ("r32float", 1, "vec4f(v) / 3.0", |v| v / 3.0),
    ("rg32uint", 2, "vec4u(v) + 7u", |v| v + 7.0),
    ("rg32sint", 2, "7 - v", |v| 7.0 - v),
    ("rg32float", 2, "vec4f(v) * 1e9", |v| v * 1e9),
    ("rgba32uint", 4, "vec4u(v)", |v| v),
    ("rgba32sint", 4, "-v", |v| -v),
    ("rgba32float", 4, "vec4f(v) * -0.125", |v| v * -0.125),
];

/// A value as numpy would save it: floats in f32, whole numbers in 32 bits.
fn saved(format: &str, value: f64) -> [u8; 4] {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each is within its type's range")]
    match format {
        _ if format.ends_with("uint") => (value as u32).to_le_bytes(),
        _ if format.ends_with("sint") => (value as i32).to_le_bytes(),
        _ => (value as f32).to_le_bytes(),
    }
}

/// A model with a stage for each format, all of which read the same image.
fn every_format(shop: &Workshop) {
    let mut model = format!(
        "family = 'vision'\noutput = [{}]\n[params]\nw = {WIDTH}\nh = {HEIGHT}\n\
         [[input]]\nname = 'image'\ntexture = 'rgba8uint'\nshape = ['h', 'w']\nfile = 'image.png'\n",
        CASES.map(|(format, ..)| format!("'{format}'")).join(", ")
    );
    for (format, channels, _, expected) in CASES {
        let ending = match format {
            _ if format.ends_with("uint") => "u32",
            _ if format.ends_with("sint") => "i32",
            _ => "f32",
        };
        writeln!(
            model,
            "[[stage]]\nname = '{format}'\nop = 'convert'\nin = ['image']\nparams = {{ format = '{format}' }}\n\
             out = {{ {format} = {{ shape = ['h', 'w'], texture = '{format}' }} }}\n\
             expect = {{ file = '{format}.{ending}' }}"
        )
        .unwrap();
        let all = bytes();
        let kept = all.chunks(4).flat_map(|texel| &texel[..channels]);
        let values: Vec<u8> = kept.flat_map(|byte| saved(format, expected(f64::from(*byte)))).collect();
        std::fs::write(shop.path(&format!("models/{format}.{ending}")), values).unwrap();
    }
    shop.write("models/formats.toml", &model);
    let writes =
        CASES.map(|(format, _, value, _)| format!("{{% if params.format == '{format}' %}}{value}{{% endif %}}"));
    let shader = format!(
        "{{% set grid = [1, 1, 1] %}}\n\
         @group(0) @binding({{{{ inputs[0].binding }}}}) var image: texture_2d<u32>;\n\
         @group(0) @binding({{{{ outputs[0].binding }}}}) var out: texture_storage_2d<{{{{ outputs[0].texture }}}}, write>;\n\
         @compute @workgroup_size(8, 8)\nfn main(@builtin(global_invocation_id) id: vec3u) {{\n\
         \x20   let v = vec4i(textureLoad(image, id.xy, 0));\n\
         \x20   textureStore(out, id.xy, {});\n}}\n",
        writes.join("")
    );
    shop.write("shaders/convert.wgsl", &shader);
}

/// A stage of floats from a texture to another, with the value that is written and what stands in the stage.
fn one(shop: &Workshop, name: &str, more: &str, value: &str) {
    shop.write(
        &format!("models/{name}.toml"),
        &format!(
            "family = 'vision'\n[params]\nw = {WIDTH}\nh = {HEIGHT}\n\
             [[input]]\nname = 'image'\ntexture = 'rgba8unorm'\nshape = ['h', 'w', 4]\nfile = 'image.png'\n\
             [[stage]]\nop = '{name}'\nin = ['image']\n{more}\n"
        ),
    );
    shop.write(
        &format!("shaders/{name}.wgsl"),
        &format!(
            "{{% set grid = [1, 1, 1] %}}\n@group(0) @binding(0) var image: texture_2d<f32>;\n\
             @group(0) @binding(1) var out: texture_storage_2d<{{{{ outputs[0].texture }}}}, write>;\n\
             {{% if samplers %}}@group(0) @binding({{{{ samplers.s.binding }}}}) var s: sampler;\n{{% endif %}}\
             @compute @workgroup_size(8, 8)\nfn main(@builtin(global_invocation_id) id: vec3u) {{\n\
             \x20   let place = vec2f(id.xy) / 8.0 - 0.25;\n\
             \x20   {value}\n}}\n"
        ),
    );
}

/// The texel that a sampler sees, by WebGPU's words for what lies beyond an edge.
fn texel(address: [&str; 2], (x, y): (i64, i64), channel: u32) -> f64 {
    let within = |address: &str, at: i64, size: u32| {
        let size = i64::from(size);
        let place = match address {
            "repeat" => at.rem_euclid(size),
            "mirror-repeat" => at.rem_euclid(2 * size).min(2 * size - 1 - at.rem_euclid(2 * size)),
            _ => at.clamp(0, size - 1),
        };
        u32::try_from(place).unwrap()
    };
    f64::from(byte(within(address[0], x, WIDTH), within(address[1], y, HEIGHT), channel)) / 255.0
}

/// What a linear sampler gives at the places of the shader of [`one`].
fn sampled(address: [&str; 2]) -> Vec<u8> {
    let place = |at: u32, size: u32| (f64::from(at) / 8.0 - 0.25) * f64::from(size) - 0.5;
    let value = |x: u32, y: u32, channel: u32| {
        let (u, v) = (place(x, WIDTH), place(y, HEIGHT));
        let around = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)].map(|(right, down)| {
            let (i, j) = (u.floor() + right, v.floor() + down);
            #[expect(clippy::cast_possible_truncation, reason = "some texels")]
            let texel = texel(address, (i as i64, j as i64), channel);
            (1.0 - (u - i).abs()) * (1.0 - (v - j).abs()) * texel
        });
        around.iter().sum::<f64>()
    };
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| (0..4).map(move |channel| (x, y, channel))));
    places.flat_map(|(x, y, channel)| saved("f32", value(x, y, channel))).collect()
}

/// Models of one stage each, with what is expected of them.
fn written_and_sampled(shop: &Workshop) {
    let out = |format: &str| format!("out = {{ out = {{ shape = ['h', 'w'], texture = '{format}' }} }}");
    let expect = |file: &str| format!("{}\nexpect = {{ file = '{file}' }}", out("rgba8unorm"));
    let store = |value: &str| format!("textureStore(out, id.xy, {value});");
    let read = "textureLoad(image, id.xy, 0)";
    // The image itself is expected: its bytes may be off by one, or where they are said with fractions by a half.
    let plain: Vec<u8> = bytes().iter().flat_map(|byte| saved("f32", f64::from(*byte) / 255.0)).collect();
    std::fs::write(shop.path("models/image.f32"), plain).unwrap();
    one(shop, "copied", &expect("image.png"), &store(read));
    one(shop, "nearly", &expect("image.f32"), &store(&format!("{read} + 0.45 / 255.0")));
    one(shop, "a_step", &expect("image.f32"), &store(&format!("{read} - 0.9 / 255.0")));
    one(shop, "two_steps", &expect("image.png"), &store(&format!("min({read}, vec4f(0.9)) + 2.0 / 255.0")));
    // Texels that are written nowhere, and such as are cleared or copied before.
    one(shop, "missing", &expect("image.png"), &format!("if (id.x < 4u) {{ {} }}", store(read)));
    one(
        shop,
        "cleared",
        &expect("cleared.f32").replace("'rgba8unorm'", "'rgba8unorm', start = 'zeros'"),
        &format!("if (id.x < 4u) {{ {} }}", store(read)),
    );
    let cleared = bytes().into_iter().zip(0..).map(|(byte, at)| if at / 4 % WIDTH < 4 { byte } else { 0 });
    let cleared: Vec<u8> = cleared.flat_map(|byte| saved("f32", f64::from(byte) / 255.0)).collect();
    std::fs::write(shop.path("models/cleared.f32"), cleared).unwrap();
    let kept = expect("image.png").replace("'rgba8unorm'", "'rgba8unorm', start = 'image'");
    one(shop, "kept", &kept, &format!("if (id.x < 4u) {{ {} }}", store(read)));
    let sample = store("textureSampleLevel(image, s, place, 0.0)");
    for (name, address) in [("clamped", ["clamp-to-edge"; 2]), ("around", ["repeat", "mirror-repeat"])] {
        std::fs::write(shop.path(&format!("models/{name}.f32")), sampled(address)).unwrap();
        let sampler = format!("samplers = {{ s = {{ filter = 'linear', address = {address:?} }} }}");
        let expect = format!("{}\nexpect = {{ file = '{name}.f32', absolute = 0.01 }}", out("rgba16float"));
        one(shop, name, &format!("{sampler}\n{expect}"), &sample);
    }
    // Wider than any adapter takes.
    one(shop, "wide", &out("rgba8unorm"), &store(read));
    let wide = std::fs::read_to_string(shop.path("models/wide.toml")).unwrap();
    shop.write("models/wide.toml", &wide.replace("w = 5", "w = 100000").replace("file = 'image.png'\n", ""));
}

#[test]
fn textures_hold_what_shaders_write_and_samplers_read_between_and_beyond_them() {
    let shop = Workshop::new();
    std::fs::create_dir_all(shop.path("models")).unwrap();
    write_image(&shop);
    every_format(&shop);
    written_and_sampled(&shop);
    let models = [
        "wide",
        "formats",
        "copied",
        "nearly",
        "a_step",
        "two_steps",
        "missing",
        "cleared",
        "kept",
        "clamped",
        "around",
    ];
    let manifest = format!(
        "name = 't'\nshaders = 'shaders'\n[matrix]\nbrowser = ['chrome', 'firefox']\nmodel = {models:?}\n\
         [measure]\nsamples = 2\nrounds = 1\nwarmup = 1\nfallback = []\nretries = 0\n"
    );
    shop.run(&manifest, &[]).expect(1);
    let jobs = shop.jobs();
    assert_eq!(jobs.len(), 2 * models.len());
    for job in jobs {
        let (status, said) = match job["model"].as_str() {
            "a_step" | "two_steps" => ("incorrect", "`out` differs from its reference"),
            "missing" => ("incorrect", "`out` has 12 elements that were never written"),
            "wide" => ("unsupported", "the texture image has 100000 x 3 texels, this adapter allows "),
            _ => ("ok", ""),
        };
        let verified = match status {
            "ok" => "true",
            "incorrect" => "false",
            _ => "",
        };
        assert_eq!((job["status"].as_str(), job["verified"].as_str()), (status, verified), "{job:?}");
        assert!(job["reason"].contains(said), "{said}: {job:?}");
    }
}

#[test]
fn what_does_not_fit_a_texture_is_said_before_a_browser_opens() {
    let shop = Workshop::new();
    std::fs::create_dir_all(shop.path("models")).unwrap();
    write_image(&shop);
    let out = "out = { out = { shape = ['h', 'w'], texture = 'rgba8unorm' } }";
    let store = |value: &str| format!("textureStore(out, id.xy, {value});");
    let read = store("textureLoad(image, id.xy, 0)");
    let cases = [
        ("lacks", out, "{% if samplers %}", "", store("textureSampleLevel(image, s, place, 0.0)")),
        ("whole", out, "texture_2d<f32>", "texture_2d<u32>", store("vec4f(textureLoad(image, id.xy, 0))")),
        ("deep", out, "texture_2d<f32>", "texture_3d<f32>", store("textureLoad(image, id, 0)")),
        (
            "inplace",
            out,
            "texture_2d<f32>",
            "texture_storage_2d<rgba8unorm, write>",
            "textureStore(image, id.xy, vec4f());".to_owned() + &store("vec4f()"),
        ),
        ("plain", "out = { out = ['h', 'w'] }", "{{ outputs[0].texture }}", "r32float", read.clone()),
        (
            "large",
            "out = { out = { shape = ['h', 'w'], texture = 'rgba8unorm', start = 'image' } }\n[[stage]]\nop = 'copy'\nin = ['out']\nout = { y = ['h', 'w', 4] }",
            "",
            "",
            read.clone(),
        ),
    ];
    let mut shown = String::new();
    for (name, more, from, to, value) in &cases {
        one(&shop, name, more, value);
        let path = format!("shaders/{name}.wgsl");
        let text = std::fs::read_to_string(shop.path(&path)).unwrap();
        assert!(text.contains(from), "{text}");
        let text = text.replacen(from, to, 1);
        let text = if *name == "lacks" {
            text.replace("{{ samplers.s.binding }}", "2").replace("{% endif %}", "")
        } else {
            text
        };
        shop.write(&path, &text);
        let manifest = format!(
            "name = 't'\nshaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = '{name}'\n[measure]\nfallback = []\n"
        );
        let ended = shop.run(&manifest, &[]).expect(2);
        assert!(!shop.path("out").exists(), "{name}: a run began");
        let folder = shop.path("").display().to_string();
        writeln!(shown, "== {name}\n{}", ended.stderr.replace(&folder, "")).unwrap();
    }
    insta::assert_snapshot!(shown);
}
