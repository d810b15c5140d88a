//! The modules of the page, and a job as it is rendered for them, hold to their `JSDoc` types: `tsc` checks both.
//!
//! Needs node and npm; a machine without them fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

use crate::support::workshop::Workshop;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The compiler, which `npm ci` brings as `package-lock.json` says.
fn compiler() -> PathBuf {
    static INSTALL: Once = Once::new();
    let compiler = root().join("node_modules/typescript/bin/tsc");
    INSTALL.call_once(|| {
        if !compiler.is_file() {
            let installed = Command::new("npm")
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(root())
                .output();
            let installed = installed.expect("npm, which comes with node");
            assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        }
    });
    compiler
}

/// Checks the harness and the shipped module of a user's together with these files of the workshop.
fn check(shop: &Workshop, files: &[&str]) -> Output {
    let templates = root().join("templates");
    let own = files.iter().map(|file| shop.path(file));
    let config = serde_json::json!({
        "extends": templates.join("tsconfig.json"),
        "include": own.chain([templates.join("harness/*.js"), root().join("manifests/engines/models/webgpu.js")]).collect::<Vec<_>>(),
    });
    let project = shop.write("tsconfig.json", &config.to_string());
    Command::new("node").arg(compiler()).arg("--project").arg(project).output().expect("node")
}

/// A job of each engine, rendered by hand and for the server; the path of the former's module.
fn rendered(shop: &Workshop) -> String {
    shop.write("m.toml", "name = 'js'\n[matrix]\nbrowser = 'chrome'\nmodel = 'layer-norm'\n");
    shop.gpujobs(&["render", "m.toml", "--out", "pages"]).expect(0);
    let folder = std::fs::read_dir(shop.path("pages")).unwrap().next().unwrap().unwrap();
    std::fs::read_to_string(folder.path().join("job.js")).unwrap()
}

/// The same job as a page of a run gets it.
fn served() -> String {
    use gpujobs::manifest::Manifest;
    use gpujobs::plan::Plan;
    use gpujobs::render::Templates;
    use gpujobs::render::page::{Page, PageRequest};

    let text = "[matrix]\nbrowser = 'chrome'\nmodel = 'layer-norm'\n".to_owned();
    let plan = Plan::of(Manifest::parse("manifests/js.toml".as_ref(), text, &[]).unwrap());
    let templates = Templates::new(None, None).unwrap();
    let job = &plan.jobs[0];
    Page::render(&templates, &PageRequest::new(&plan.manifest, job)).unwrap().module(&templates).unwrap()
}

#[test]
fn the_harness_and_a_rendered_job_hold_to_their_types() {
    let shop = Workshop::new();
    shop.write("by_hand.js", &rendered(&shop));
    shop.write("served.js", &served());
    let output = check(&shop, &["by_hand.js", "served.js"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_job_that_does_not_fit_its_type_is_seen() {
    let text = served();
    for (from, to) in [("\"workgroup\"", "\"workgroups\""), ("\"webgpu\"", "\"webgl\""), ("\"grid\":[", "\"grid\":[1,")]
    {
        let shop = Workshop::new();
        let compact = text.replace(": [", ":[").replace("\"grid\": ", "\"grid\":");
        assert!(compact.contains(from), "{from} is not in the job");
        shop.write("job.js", &compact.replace(from, to));
        let output = check(&shop, &["job.js"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains("job.js"), "{from} as {to}: {said}");
    }
}

#[test]
fn a_texture_is_held_to_the_limits_that_it_meets() {
    let script = "import { checkLimits } from './limits.js';\n\
        const limits = { maxTextureDimension2D: 8192, maxBufferSize: 2 ** 21, maxStorageBufferBindingSize: 2 ** 20 };\n\
        for (const [width, height, role, outputs] of [\n\
        [4096, 4096, 'input', []], [9000, 1, 'input', []], [1, 4096, 'computed', [0]], [1, 8192, 'computed', []],\n\
        [1, 4097, 'computed', [0]], [64, 8193, 'computed', []], [65, 8192, 'computed', []]]) {\n\
        const tensors = [{ name: 't', bytes: 4 * width * height, role, texture: 0 }];\n\
        const job = { stages: [], tensors, outputs, textures: [{ width, height, texelBytes: 4 }] };\n\
        try { checkLimits(job, { limits, features: new Set() }); console.log('fits'); }\n\
        catch (error) { console.log(error.message); }\n}\n";
    let expected = [
        "fits",
        "the texture t has 9000 x 1 texels, this adapter allows 8192 (maxTextureDimension2D)",
        "fits",
        "fits",
        "the texture t takes 1048832 bytes in a buffer, this adapter allows 1048576 (maxStorageBufferBindingSize)",
        "the texture t has 64 x 8193 texels, this adapter allows 8192 (maxTextureDimension2D)",
        "the texture t takes 4194304 bytes in a buffer, this adapter allows 2097152 (maxBufferSize)",
    ];
    assert_eq!(said(&["limits", "failures", "places", "gpu_memory", "texture_bytes"], script), expected);
}

#[test]
fn a_texture_has_the_bytes_of_its_levels_layers_and_samples() {
    let script = "import { textureBytes } from './texture_bytes.js';\n\
        for (const [format, width, height, layers, levels, samples, dimension] of [\n\
        ['rgba8unorm', 5, 3, 1, 1, 1, '2d'], ['bgra8unorm-srgb', 4, 4, 6, 3, 1, '2d'], ['rgba16float', 4, 2, 1, 1, 4, '2d'],\n\
        ['r32float', 8, 4, 4, 4, 1, '3d'], ['rg8snorm', 7, 1, 1, 1, 1, '1d'], ['rgb10a2unorm', 2, 2, 1, 1, 1, '2d'],\n\
        ['bc1-rgba-unorm', 9, 4, 1, 1, 1, '2d'], ['bc7-rgba-unorm', 9, 4, 1, 1, 1, '2d'], ['eac-rg11snorm', 4, 4, 1, 1, 1, '2d'],\n\
        ['etc2-rgb8a1unorm', 4, 4, 1, 1, 1, '2d'], ['astc-10x6-unorm', 11, 6, 1, 1, 1, '2d'], ['of-the-future', 4, 4, 1, 1, 1, '2d']]) {\n\
        console.log(textureBytes({ format, width, height, depthOrArrayLayers: layers, mipLevelCount: levels,\n\
        sampleCount: samples, dimension }));\n}\n";
    // Sixty bytes of 5 by 3 texels; 16, 4 and 1 texels in six layers; eight texels of four samples; 128, 16, 2 and 1 texels.
    let expected = ["60", "504", "256", "588", "14", "16", "24", "48", "16", "8", "32", "null"];
    assert_eq!(said(&["texture_bytes"], script), expected);
}

/// What a script prints that imports these modules.
fn said(modules: &[&str], script: &str) -> Vec<String> {
    let shop = Workshop::new();
    for name in modules {
        let text = std::fs::read_to_string(root().join(format!("templates/harness/{name}.js"))).unwrap();
        shop.write(&format!("{name}.js"), &text.replace("\"gpujobs/", "\"./"));
    }
    shop.write("package.json", "{ \"type\": \"module\" }");
    let script = shop.write("script.js", script);
    let output = Command::new("node").arg(script).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}
