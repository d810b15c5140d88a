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

/// Checks the harness together with these files of the workshop.
fn check(shop: &Workshop, files: &[&str]) -> Output {
    let templates = root().join("templates");
    let own = files.iter().map(|file| shop.path(file));
    let config = serde_json::json!({
        "extends": templates.join("tsconfig.json"),
        "include": own.chain([templates.join("harness/*.js")]).collect::<Vec<_>>(),
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
