{# Every tenth job does something wrong, each kind in its turn. #}
{% set fault = (job // 10) % 7 if job % 10 == 0 else none %}
{% set grid = [16, 1, 1] %}
{% if fault == 0 %}{{ unsupported("it is planted") }}{% endif %}
{% if fault == 1 %}{% set workgroup_bytes = 1073741824 %}{% endif %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i >= 1000u) {
        return;
    }
    {% if fault == 2 %}
    y[i] = f32(i) + 1.0 + x[i] * 0.0;
    {% elif fault == 3 %}
    if (i != 999u) { y[i] = f32(i) + x[i] * 0.0; }
    {% elif fault == 4 %}
    y[i] = log(x[i] * 0.0 - 1.0);
    {% elif fault == 5 %}
    y[i] = f32(i) + x[i] * 0.0;
    if (i < 16u) { y[1000u + i] = 1.0; }
    {% elif fault == 6 %}
    // Inputs are below 1, so it never ends.
    var sum = 0.0;
    loop {
        if (x[i] > 1.0) { break; }
        sum += x[i];
    }
    y[i] = sum;
    {% else %}
    y[i] = f32(i) + x[i] * 0.0;
    {% endif %}
}
