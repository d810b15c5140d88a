{# Counts in workgroup memory first: one atomic of the output for each bin and workgroup, instead of one for each element. #}
{% set n = inputs[0].len %}
{% set bins = outputs[0].len %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(n, threads * params.per_thread)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 4 * bins %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<f32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> counts: array<atomic<u32>>;

// Zeros at first, as all workgroup memory.
var<workgroup> local: array<atomic<u32>, {{ bins }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * {{ groups[0] }}u + group.x) * {{ threads * params.per_thread }}u;
    for (var k = 0u; k < {{ params.per_thread }}u; k++) {
        let i = first + k * {{ threads }}u + lane;
        if (i < {{ n }}u) {
            let bin = u32((x[i] + 1.0) * {{ (bins / 2) | f32 }});
            atomicAdd(&local[min(bin, {{ bins - 1 }}u)], 1u);
        }
    }
    workgroupBarrier();
    for (var bin = lane; bin < {{ bins }}u; bin += {{ threads }}u) {
        atomicAdd(&counts[bin], atomicLoad(&local[bin]));
    }
}
