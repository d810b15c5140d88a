{# Inclusive prefix sums of blocks of 256 elements, and each block's sum where the stage has a second output (Hillis & Steele
   1986 in workgroup memory: element i adds the one 1, 2, 4, … before it). #}
{% set block = 256 %}
{% set n = inputs[0].len %}
{% set with_sums = outputs | length > 1 %}
{% set groups = fold(ceil_div(n, block)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% if not with_sums and n > block %}
{{ unsupported("one block sums up " ~ block ~ " blocks, which are " ~ block * block ~ " elements: n is too large") }}
{% endif %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<u32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> within: array<u32>;
{% if with_sums %}
@group(0) @binding({{ outputs[1].binding }}) var<storage, read_write> sums: array<u32>;
{% endif %}

var<workgroup> partial: array<u32, {{ block }}>;

@compute @workgroup_size({{ block }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let number = group.y * {{ groups[0] }}u + group.x;
    let i = number * {{ block }}u + lane;
    var sum = 0u;
    if (i < {{ n }}u) {
        sum = x[i];
    }
    for (var distance = 1u; distance < {{ block }}u; distance *= 2u) {
        partial[lane] = sum;
        workgroupBarrier();
        if (lane >= distance) {
            sum += partial[lane - distance];
        }
        workgroupBarrier();
    }
    if (i < {{ n }}u) {
        within[i] = sum;
    }
{% if with_sums %}
    if (lane == {{ block - 1 }}u && number < {{ outputs[1].len }}u) {
        sums[number] = sum;
    }
{% endif %}
}
