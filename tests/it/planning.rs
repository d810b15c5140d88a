//! `gpujobs plan` makes the pages as a run does: what is wrong with a template is said before a browser opens, what can't run
//! is listed with its reason.

use crate::support::workshop::Workshop;

const MODEL: &str = "family = 'vision'\n[[input]]\nname = 'x'\nshape = [64]\n[[stage]]\nop = 'double'\nin = ['x']\n\
                     out = { y = [64] }\n";
const SHADER: &str = "{% set grid = [1, 1, 1] %}\n{% if wg[0] > 64 %}{{ unsupported('more threads than elements') }}{% endif %}\n\
                      @group(0) @binding(0) var<storage, read> x: array<f32>;\n\
                      @group(0) @binding(1) var<storage, read_write> y: array<f32>;\n\
                      @compute @workgroup_size({{ wg | join(', ') }})\n\
                      fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = 2.0 * x[id.x]; }\n";

#[test]
fn faults_of_templates_are_shown_and_what_can_not_run_is_listed() {
    let shop = Workshop::new();
    shop.write("models/double.toml", MODEL);
    shop.write(
        "models/hub.toml",
        "family = 'text'\nengine = 'transformers'\ntask = 'feature-extraction'\nid = 'no/such'\n[[input]]\nwords = 3\n",
    );
    shop.write("shaders/double.wgsl", SHADER);
    let manifest = "shaders = 'shaders'\n[matrix]\nbrowser = 'chrome'\nmodel = ['double', 'hub']\nworkgroup_size = [[64, 1, 1], [128, 1, 1]]\n\
                    [[matrix.exclude]]\nmodel = 'hub'\nworkgroup_size = [128, 1, 1]\n";
    shop.write("m.toml", manifest);
    let told = shop.gpujobs(&["plan", "m.toml"]).expect(0).stdout;
    for said in ["more threads than elements", "`no/such` is not in the model store", "1 job, and 2 that can't run"] {
        assert!(told.contains(said), "{said}: {told}");
    }

    shop.write("shaders/double.wgsl", &SHADER.replace("grid = [1", "gird = [1"));
    let told = shop.gpujobs(&["plan", "m.toml"]).expect(2).stderr;
    assert!(told.contains("double.wgsl") && told.contains("grid"), "{told}");
    // Another folder of shaders may be meant.
    shop.write("right/double.wgsl", SHADER);
    shop.gpujobs(&["plan", "m.toml", "--shaders", "right"]).expect(0);

    shop.write("right/kernels.toml", "[kernel.product]\ntemplates = 3\n");
    let told = shop.gpujobs(&["plan", "m.toml", "--shaders", "right"]).expect(2).stderr;
    assert!(told.contains("kernels.toml"), "{told}");
}
