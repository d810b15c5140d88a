{# One pass of Batcher's bitonic sort (1968): pairs `distance` apart within runs of `run`, ascending in every other run. Passes
   are counted from 0: run 2 has one, of distance 1; run 4 has two, of 2 and 1; … #}
{% set at = namespace(run=2, distance=1) %}
{% for _ in range(params.pass) %}
{% if at.distance == 1 %}
{% set at.distance = at.run %}
{% set at.run = 2 * at.run %}
{% else %}
{% set at.distance = at.distance // 2 %}
{% endif %}
{% endfor %}
{% set pairs = outputs[0].len // 2 %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(pairs, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> keys: array<u32>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let pair = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    if (pair >= {{ pairs }}u) {
        return;
    }
    let low = pair / {{ at.distance }}u * {{ 2 * at.distance }}u + pair % {{ at.distance }}u;
    let high = low + {{ at.distance }}u;
    let a = keys[low];
    let b = keys[high];
    let ascending = (low & {{ at.run }}u) == 0u;
    if ((a > b) == ascending) {
        keys[low] = b;
        keys[high] = a;
    }
}
