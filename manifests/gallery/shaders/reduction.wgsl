{# Sums in two stages, each an entry point of its own; both fold 256 lanes in workgroup memory. #}
{% set lanes = 256 %}
{% set n = inputs[0].len %}
{% set grid = [outputs[0].len, 1, 1] %}
{% set workgroup_bytes = 4 * lanes %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<f32>;

// The stage's parameter of this name; 1 in a stage that has none.
override scale: f32 = 1.0;

var<workgroup> partial: array<f32, {{ lanes }}>;

// The sum of all lanes' values, in lane 0.
fn folded(lane: u32, value: f32) -> f32 {
    partial[lane] = value;
    for (var half = {{ lanes // 2 }}u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            partial[lane] += partial[lane + half];
        }
    }
    return partial[lane];
}

// Workgroups stride through x, so that neighbours among the lanes read neighbours in memory.
@compute @workgroup_size({{ lanes }})
fn sums_of_squares(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = group.x * {{ lanes }}u + lane; i < {{ n }}u; i += {{ grid[0] * lanes }}u) {
        sum += x[i] * x[i];
    }
    let all = folded(lane, sum);
    if (lane == 0u) {
        y[group.x] = all;
    }
}

@compute @workgroup_size({{ lanes }})
fn scaled_sum(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < {{ n }}u; i += {{ lanes }}u) {
        sum += x[i];
    }
    let all = folded(lane, sum);
    if (lane == 0u) {
        y[0] = scale * all;
    }
}
