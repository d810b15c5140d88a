{# The direct form of `attention.wgsl`: lanes lie along the queries, so all lanes of a line read the same key, which caches
   broadcast. #}
{# Several keys a step share one rescaling of the sums. Over few keys that saves less than its code costs to compile. #}
{% set unroll = 1 if s < 256 or causal else (4 if s % 4 == 0 else (2 if s % 2 == 0 else 1)) %}
@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
    let query = (tile % {{ query_groups }}u) * {{ X }}u + local.x;
    let head = (tile / {{ query_groups }}u % {{ head_groups }}u) * {{ lines }}u + local.z * {{ wg[1] }}u + local.y;
    let batch = tile / {{ query_groups * head_groups }}u;
    if (query >= {{ t }}u || head >= {{ heads }}u || batch >= {{ batches }}u) {
        return;
    }
    let at = (batch * {{ t }}u + query) * {{ apart // 4 }}u + head * {{ parts }}u;
    let keys = batch * {{ s * apart // 4 }}u + head * {{ parts }}u;
{% for i in range(parts) %}
    let q{{ i }} = q[at + {{ i }}u] * {{ (1 / width ** 0.5) | f32 }};
    var o{{ i }} = vec4f(0.0);
{% endfor %}
    var peak = -3.4e38;
    var total = 0.0;
    for (var j = 0u; j < {{ s // unroll }}u; j++) {
{% if causal %}
        if (j > query) {
            break;
        }
{% endif %}
{% for u in range(unroll) %}
        let a{{ u }} = keys + (j * {{ unroll }}u + {{ u }}u) * {{ apart // 4 }}u;
        var s{{ u }} = dot(q0, {{ k }}a{{ u }}]);
{% for i in range(1, parts) %}
        s{{ u }} += dot(q{{ i }}, {{ k }}a{{ u }} + {{ i }}u]);
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
        o{{ i }} = o{{ i }} * fade{% for u in range(unroll) %} + p{{ u }} * {{ v }}a{{ u }} + {{ i }}u]{% endfor %};
{% endfor %}
    }
    let to = {{ "(batch * " ~ t ~ "u + query) * " ~ d // 4 ~ "u + head * " ~ parts ~ "u" if packed else "at" }};
{% if compiler.private_index %}
    // Code once, which compiles faster.
    var sums = array<vec4f, {{ parts }}>({% for i in range(parts) %}o{{ i }}{{ ", " if not loop.last else "" }}{% endfor %});
    for (var i = 0u; i < {{ parts }}u; i++) {
        y[to + i] = sums[i] / total;
    }
{% else %}
{% for i in range(parts) %}
    y[to + {{ i }}u] = o{{ i }} / total;
{% endfor %}
{% endif %}
}
