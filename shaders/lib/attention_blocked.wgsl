{# The blocked form of `attention.wgsl`.

   A workgroup computes Y · `queries` queries of one head. Each step, each of the Z slices takes its next 4 X keys: a thread
   holds the scores of `queries` queries by 4 keys and then, of the same queries, the sums of each X-th column, so that a
   vector that is read from workgroup memory serves 4 · `queries` products where `tiled` has 4. Between the two the lanes
   of a query meet twice: for its highest score, and to hand on the weights.

   Keys and values of a step lie in the same shared array one after the other, and what comes next is on its way to
   registers meanwhile. Rows of shared arrays are one vector longer than needed: lanes along either index are then in
   different banks. Only the loop over the keys is left to the compiler; see `product_tiled.wgsl` for why. #}
{% set bk = 4 * X %}
{% set bq = Y * rows %}
{% set steps = ceil_div(s, bk * Z) %}
{% set ragged = s % (bk * Z) != 0 %}
{% set masked = ragged or causal %}
{% set threads = X * Y %}
{% set copies = bk * parts %}
{% set loads = ceil_div(copies, threads) %}
{% set V = ceil_div(parts, X) %}
{% set xyzw = ["x", "y", "z", "w"] %}
{% set own = "[slice]" if Z > 1 else "" %}
{# `type`, once for each slice. #}
{% macro sliced(type) -%}
{{ "array<" ~ type ~ ", " ~ Z ~ ">" if Z > 1 else type }}
{%- endmacro %}
var<workgroup> qs: array<array<vec4f, {{ bq + 1 }}>, {{ parts }}>;
var<workgroup> kv: {{ sliced("array<array<vec4f, " ~ (bk + 1) ~ ">, " ~ parts ~ ">") }};
var<workgroup> peaks: {{ sliced("array<array<f32, " ~ (bq + 1) ~ ">, " ~ X ~ ">") }};
var<workgroup> ps: {{ sliced("array<array<vec4f, " ~ (bq + 1) ~ ">, " ~ X ~ ">") }};
{% if Z > 1 %}
var<workgroup> merged: array<array<vec4f, {{ threads }}>, {{ rows * V }}>;
{% endif %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
{% if groups[1] > 1 %}
    if (tile >= {{ query_groups * head_groups * batches }}u) {
        return;
    }
{% endif %}
    let tx = local.x;
    let ty = local.y;
    let slice = {{ "local.z" if Z > 1 else "0u" }};
    let thread = ty * {{ X }}u + tx;
    let query0 = (tile % {{ query_groups }}u) * {{ bq }}u;
    let head = tile / {{ query_groups }}u % {{ heads }}u;
    let batch = tile / {{ query_groups * heads }}u;
    let origin = batch * {{ t * apart // 4 }}u + head * {{ parts }}u;
    let keys = batch * {{ s * apart // 4 }}u + head * {{ parts }}u;
{% set q_copies = bq * parts %}
{% set all = threads * Z %}
{% for l in range(ceil_div(q_copies, all)) %}
    {
        let i = {{ "slice * " ~ threads ~ "u + " if Z > 1 else "" }}thread{{ " + " ~ l * all ~ "u" if l else "" }};
{% if (l + 1) * all > q_copies %}
        if (i < {{ q_copies }}u) {
{% else %}
        {
{% endif %}
            qs[i % {{ parts }}u][i / {{ parts }}u] = q[origin + min(query0 + i / {{ parts }}u, {{ t - 1 }}u) * {{ apart // 4 }}u + i % {{ parts }}u] * {{ (1 / width ** 0.5) | f32 }};
        }
    }
{% endfor %}
{% for r in range(rows) %}
    var peak{{ r }} = -3.4e38;
    var total{{ r }} = 0.0;
{% for c in range(V) %}
    var o{{ r }}_{{ c }} = vec4f(0.0);
{% endfor %}
{% endfor %}
{# What a thread copies: part `part` of key `key` of a step, of the keys or of the values. #}
{% for l in range(loads) %}
{% set this = "(thread + " ~ l * threads ~ "u)" if l else "thread" %}
    let key{{ l }} = {{ this }} / {{ parts }}u;
    let part{{ l }} = {{ this }} % {{ parts }}u;
    var next{{ l }} = vec4f(0.0);
{% endfor %}
{% macro load(of, step) %}
{% for l in range(loads) %}
{% if (l + 1) * threads > copies %}
        if (thread < {{ copies - l * threads }}u) {
{% else %}
        {
{% endif %}
            let key = ({{ step }}{{ " * " ~ Z ~ "u + slice" if Z > 1 else "" }}) * {{ bk }}u + key{{ l }};
            next{{ l }} = {{ of }}keys + {{ "min(key, " ~ (s - 1) ~ "u)" if ragged else "key" }} * {{ apart // 4 }}u + part{{ l }}];
        }
{% endfor %}
{% endmacro %}
{% macro keep() %}
{% for l in range(loads) %}
{% if (l + 1) * threads > copies %}
        if (thread < {{ copies - l * threads }}u) {
{% else %}
        {
{% endif %}
            kv{{ own }}[part{{ l }}][key{{ l }}] = next{{ l }};
        }
{% endfor %}
{% endmacro %}
    {
{{ load(k, "0u") }}
    }
    for (var step = 0u; step < {{ steps }}u; step++) {
        let first = {{ "(step * " ~ Z ~ "u + slice)" if Z > 1 else "step" }} * {{ bk }}u + tx;
{{ keep() }}
        workgroupBarrier();
{{ load(v, "step") }}
{% for r in range(rows) %}
        var s{{ r }} = vec4f(0.0);
{% endfor %}
{% for i in range(parts) %}
        {
{% for j in range(4) %}
            let k{{ j }} = kv{{ own }}[{{ i }}][tx{{ " + " ~ j * X ~ "u" if j else "" }}];
{% endfor %}
{% for r in range(rows) %}
            let q{{ r }} = qs[{{ i }}][ty{{ " + " ~ r * Y ~ "u" if r else "" }}];
{% for c in xyzw %}
            s{{ r }} = fma(vec4f(q{{ r }}.{{ c }}), vec4f(k0.{{ c }}, k1.{{ c }}, k2.{{ c }}, k3.{{ c }}), s{{ r }});
{% endfor %}
{% endfor %}
        }
{% endfor %}
{% if masked %}
        let its_keys = vec4u(first, first + {{ X }}u, first + {{ 2 * X }}u, first + {{ 3 * X }}u);
{% endif %}
{% for r in range(rows) %}
{% if masked %}
        let seen{{ r }} = {{ "(its_keys < vec4u(" ~ s ~ "u))" if ragged else "" }}{{ " & " if ragged and causal else "" }}{{ "(its_keys <= vec4u(query0 + ty + " ~ r * Y ~ "u))" if causal else "" }};
        s{{ r }} = select(vec4f(-3.4e38), s{{ r }}, seen{{ r }});
{% endif %}
        peaks{{ own }}[tx][ty{{ " + " ~ r * Y ~ "u" if r else "" }}] = max(max(s{{ r }}.x, s{{ r }}.y), max(s{{ r }}.z, s{{ r }}.w));
{% endfor %}
        workgroupBarrier();
{{ keep() }}
{% for r in range(rows) %}
        {
            var high = peak{{ r }};
{% for x in range(X) %}
            high = max(high, peaks{{ own }}[{{ x }}][ty{{ " + " ~ r * Y ~ "u" if r else "" }}]);
{% endfor %}
            let fade = exp(peak{{ r }} - high);
            peak{{ r }} = high;
            let p = {{ "select(vec4f(0.0), exp(s" ~ r ~ " - high), seen" ~ r ~ ")" if masked else "exp(s" ~ r ~ " - high)" }};
            total{{ r }} = total{{ r }} * fade + dot(p, vec4f(1.0));
            ps{{ own }}[tx][ty{{ " + " ~ r * Y ~ "u" if r else "" }}] = p;
{% for c in range(V) %}
            o{{ r }}_{{ c }} *= fade;
{% endfor %}
        }
{% endfor %}
        workgroupBarrier();
{{ load(k, "min(step + 1u, " ~ (steps - 1) ~ "u)") }}
{% for x in range(X) %}
        {
{% for r in range(rows) %}
            let p{{ r }} = ps{{ own }}[{{ x }}][ty{{ " + " ~ r * Y ~ "u" if r else "" }}];
{% endfor %}
{% for c in range(V) %}
{% set column = "tx + " ~ c * X ~ "u" if c else "tx" %}
{% for j in range(4) %}
            let v{{ j }}_{{ c }} = kv{{ own }}[{{ "min(" ~ column ~ ", " ~ (parts - 1) ~ "u)" if (c + 1) * X > parts else column }}][{{ x + j * X }}];
{% for r in range(rows) %}
            o{{ r }}_{{ c }} = fma(vec4f(p{{ r }}.{{ xyzw[j] }}), v{{ j }}_{{ c }}, o{{ r }}_{{ c }});
{% endfor %}
{% endfor %}
{% endfor %}
        }
{% endfor %}
        workgroupBarrier();
    }
    // Each lane has summed the weights of its own keys.
{% for r in range(rows) %}
    peaks{{ own }}[tx][ty{{ " + " ~ r * Y ~ "u" if r else "" }}] = total{{ r }};
{% endfor %}
    workgroupBarrier();
{% for r in range(rows) %}
    total{{ r }} = 0.0;
{% for x in range(X) %}
    total{{ r }} += peaks{{ own }}[{{ x }}][ty{{ " + " ~ r * Y ~ "u" if r else "" }}];
{% endfor %}
{% endfor %}
{% if Z > 1 %}
    // The slices' sums meet one after the other, each pair under the higher of their peaks.
{% for z in range(1, Z) %}
    workgroupBarrier();
    if (slice == {{ z }}u) {
{% for r in range(rows) %}
{% for c in range(V) %}
        merged[{{ r * V + c }}][thread] = o{{ r }}_{{ c }};
{% endfor %}
        ps[0][tx][ty{{ " + " ~ r * Y ~ "u" if r else "" }}] = vec4f(peak{{ r }}, total{{ r }}, 0.0, 0.0);
{% endfor %}
    }
    workgroupBarrier();
    if (slice == 0u) {
{% for r in range(rows) %}
        {
            let other = ps[0][tx][ty{{ " + " ~ r * Y ~ "u" if r else "" }}];
            let high = max(peak{{ r }}, other.x);
            let mine = exp(peak{{ r }} - high);
            let theirs = exp(other.x - high);
            peak{{ r }} = high;
            total{{ r }} = total{{ r }} * mine + other.y * theirs;
{% for c in range(V) %}
            o{{ r }}_{{ c }} = o{{ r }}_{{ c }} * mine + merged[{{ r * V + c }}][thread] * theirs;
{% endfor %}
        }
{% endfor %}
    }
{% endfor %}
    if (slice != 0u) {
        return;
    }
{% endif %}
{% for r in range(rows) %}
    {
        let query = query0 + ty + {{ r * Y }}u;
{% for c in range(V) %}
{% set column = "tx + " ~ c * X ~ "u" if c else "tx" %}
        if (query < {{ t }}u{{ " && " ~ column ~ " < " ~ parts ~ "u" if (c + 1) * X > parts else "" }}) {
            y[(batch * {{ t }}u + query) * {{ d // 4 }}u + head * {{ parts }}u + {{ column }}] = o{{ r }}_{{ c }} / total{{ r }};
        }
{% endfor %}
    }
{% endfor %}
}
