{# Adds to each block of 256 elements what all blocks before it sum up to. #}
{% set n = outputs[0].len %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(n, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> within: array<u32>;
@group(0) @binding({{ inputs[1].binding }}) var<storage, read> before: array<u32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<u32>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    if (i >= {{ n }}u) {
        return;
    }
    let block = i / 256u;
    var sum = within[i];
    if (block > 0u) {
        sum += before[block - 1u];
    }
    y[i] = sum;
}
