{# softmax(q kᵀ / sqrt(width)) v, a head at a time: q [.., t, d], k and v [.., s, d], heads side by side in d.

   A thread holds one query's head: the query, the running sum and the running maximum live in named registers, and keys
   stream by a few at a time (the online softmax of Milakov & Gimelshein, 2018). Lanes lie along the queries, so all
   lanes of a line read the same key, which caches broadcast. Any number of keys fits: no score is stored. #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set heads = params.heads %}
{% set d = inputs[0].shape[-1] %}
{% set t = inputs[0].shape[-2] %}
{% set s = inputs[1].shape[-2] %}
{% set width = d // heads %}
{% if width % 4 %}{{ unsupported("heads of " ~ width ~ " channels: a multiple of 4 is needed") }}{% endif %}
{% set parts = width // 4 %}
{% set lines = wg[1] * wg[2] %}
{% set query_groups = ceil_div(t, wg[0]) %}
{% set head_groups = ceil_div(heads, lines) %}
{% set batches = inputs[0].len // (t * d) %}
{% set groups = fold(query_groups * head_groups * batches) %}
{% set grid = [groups[0], groups[1], 1] %}
{# Several keys a step share one rescaling of the sums. Over few keys that saves less than its code costs to compile. #}
{% set unroll = 1 if s < 256 else (4 if s % 4 == 0 else (2 if s % 2 == 0 else 1)) %}
{{ read(inputs[0], "q", "vec4f") }}
{{ read(inputs[1], "k", "vec4f") }}
{{ read(inputs[2], "v", "vec4f") }}
{{ write(outputs[0], "y", "vec4f") }}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
    let query = (tile % {{ query_groups }}u) * {{ wg[0] }}u + local.x;
    let head = (tile / {{ query_groups }}u % {{ head_groups }}u) * {{ lines }}u + local.z * {{ wg[1] }}u + local.y;
    let batch = tile / {{ query_groups * head_groups }}u;
    if (query >= {{ t }}u || head >= {{ heads }}u || batch >= {{ batches }}u) {
        return;
    }
    let at = (batch * {{ t }}u + query) * {{ d // 4 }}u + head * {{ parts }}u;
    let keys = batch * {{ s * d // 4 }}u + head * {{ parts }}u;
{% for i in range(parts) %}
    let q{{ i }} = q[at + {{ i }}u] * {{ (1 / width ** 0.5) | f32 }};
    var o{{ i }} = vec4f(0.0);
{% endfor %}
    var peak = -3.4e38;
    var total = 0.0;
    for (var j = 0u; j < {{ s // unroll }}u; j++) {
{% for u in range(unroll) %}
        let a{{ u }} = keys + (j * {{ unroll }}u + {{ u }}u) * {{ d // 4 }}u;
        var s{{ u }} = dot(q0, k[a{{ u }}]);
{% for i in range(1, parts) %}
        s{{ u }} += dot(q{{ i }}, k[a{{ u }} + {{ i }}u]);
{% endfor %}
{% endfor %}
        var high = max(peak, s0);
{% for u in range(1, unroll) %}
        high = max(high, s{{ u }});
{% endfor %}
        let fade = exp(peak - high);
        peak = high;
{% for u in range(unroll) %}
        let p{{ u }} = exp(s{{ u }} - high);
{% endfor %}
        total = total * fade{% for u in range(unroll) %} + p{{ u }}{% endfor %};
{% for i in range(parts) %}
        o{{ i }} = o{{ i }} * fade{% for u in range(unroll) %} + p{{ u }} * v[a{{ u }} + {{ i }}u]{% endfor %};
{% endfor %}
    }
    // Code once, which compiles faster.
    var sums = array<vec4f, {{ parts }}>({% for i in range(parts) %}o{{ i }}{{ ", " if not loop.last else "" }}{% endfor %});
    for (var i = 0u; i < {{ parts }}u; i++) {
        y[at + i] = sums[i] / total;
    }
}
