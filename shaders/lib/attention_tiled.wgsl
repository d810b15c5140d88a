{# The tiled form of `attention.wgsl`.

   A workgroup computes X · `queries` queries of one head. Each step, each of the Z slices copies its `keys` next keys and
   values into workgroup memory, where all lanes of a slice read the same ones: one read for `queries` · 4 products. In the
   end the slices' sums are merged: with few queries, that is what keeps a GPU busy. Only the loop over the keys is left to
   the compiler; see `product_tiled.wgsl` for why. #}
{% set steps = ceil_div(s, bk * Z) %}
{% set ragged = s % (bk * Z) != 0 %}
{% set copies = bk * parts %}
{% set loads = ceil_div(copies, X) %}
{% set masked = ragged or causal %}
var<workgroup> ks: array<array<array<vec4f, {{ Z }}>, {{ parts }}>, {{ bk }}>;
var<workgroup> vs: array<array<array<vec4f, {{ Z }}>, {{ parts }}>, {{ bk }}>;
{% if Z > 1 %}
var<workgroup> merged: array<array<vec4f, {{ X }}>, {{ parts + 1 }}>;
{% endif %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
{% if groups[1] > 1 %}
    if (tile >= {{ query_groups * head_groups * batches }}u) {
        return;
    }
{% endif %}
    let lane = local.x;
    let slice = {{ "local.z" if Z > 1 else "0u" }};
    let query = (tile % {{ query_groups }}u) * {{ X * rows }}u + lane;
    let head = tile / {{ query_groups }}u % {{ heads }}u;
    let batch = tile / {{ query_groups * heads }}u;
    let origin = batch * {{ t * apart // 4 }}u + head * {{ parts }}u;
    let keys = batch * {{ s * apart // 4 }}u + head * {{ parts }}u;
{% for r in range(rows) %}
    let at{{ r }} = origin + min(query + {{ r * X }}u, {{ t - 1 }}u) * {{ apart // 4 }}u;
{% for i in range(parts) %}
    let q{{ r }}_{{ i }} = q[at{{ r }} + {{ i }}u] * {{ (1 / width ** 0.5) | f32 }};
    var o{{ r }}_{{ i }} = vec4f(0.0);
{% endfor %}
    var peak{{ r }} = -3.4e38;
    var total{{ r }} = 0.0;
{% endfor %}
    for (var step = 0u; step < {{ steps }}u; step++) {
        let first = (step * {{ Z }}u + slice) * {{ bk }}u;
{% for l in range(loads) %}
{% set this = "(lane + " ~ l * X ~ "u)" if l else "lane" %}
{% if (l + 1) * X > copies %}
        if (lane < {{ copies - l * X }}u) {
{% else %}
        {
{% endif %}
            let key = {{ this }} / {{ parts }}u;
            let part = {{ this }} % {{ parts }}u;
            let at = keys + {{ "min(first + key, " ~ (s - 1) ~ "u)" if ragged else "(first + key)" }} * {{ apart // 4 }}u + part;
            ks[key][part][slice] = {{ k }}at];
            vs[key][part][slice] = {{ v }}at];
        }
{% endfor %}
        workgroupBarrier();
{% for r in range(rows) %}
{% for j in range(bk) %}
        var s{{ r }}_{{ j }} = 0.0;
{% endfor %}
{% endfor %}
{% for j in range(bk) %}
{% for i in range(parts) %}
        {
            let k4 = ks[{{ j }}][{{ i }}][slice];
{% for r in range(rows) %}
            s{{ r }}_{{ j }} = fma(q{{ r }}_{{ i }}.x, k4.x, fma(q{{ r }}_{{ i }}.y, k4.y, fma(q{{ r }}_{{ i }}.z, k4.z, fma(q{{ r }}_{{ i }}.w, k4.w, s{{ r }}_{{ j }}))));
{% endfor %}
        }
{% endfor %}
{% endfor %}
{% for r in range(rows) %}
{% if masked %}
{% for j in range(bk) %}
        let seen{{ r }}_{{ j }} = {{ "first + " ~ j ~ "u < " ~ s ~ "u" if ragged else "true" }}{{ " && first + " ~ j ~ "u <= query + " ~ r * X ~ "u" if causal else "" }};
        s{{ r }}_{{ j }} = select(-3.4e38, s{{ r }}_{{ j }}, seen{{ r }}_{{ j }});
{% endfor %}
{% endif %}
        let high{{ r }} = {% for j in range(bk) %}max(s{{ r }}_{{ j }}, {% endfor %}peak{{ r }}{% for j in range(bk) %}){% endfor %};
        let fade{{ r }} = exp(peak{{ r }} - high{{ r }});
        peak{{ r }} = high{{ r }};
{% for j in range(bk) %}
        let p{{ r }}_{{ j }} = {{ "select(0.0, exp(s" ~ r ~ "_" ~ j ~ " - high" ~ r ~ "), seen" ~ r ~ "_" ~ j ~ ")" if masked else "exp(s" ~ r ~ "_" ~ j ~ " - high" ~ r ~ ")" }};
{% endfor %}
        total{{ r }} = total{{ r }} * fade{{ r }}{% for j in range(bk) %} + p{{ r }}_{{ j }}{% endfor %};
{% for i in range(parts) %}
        o{{ r }}_{{ i }} *= fade{{ r }};
{% endfor %}
{% endfor %}
{% for j in range(bk) %}
{% for i in range(parts) %}
        {
            let v4 = vs[{{ j }}][{{ i }}][slice];
{% for r in range(rows) %}
            o{{ r }}_{{ i }} = fma(vec4f(p{{ r }}_{{ j }}), v4, o{{ r }}_{{ i }});
{% endfor %}
        }
{% endfor %}
{% endfor %}
        workgroupBarrier();
    }
{% if Z > 1 %}
    // The slices' sums meet one after the other, each pair under the higher of their peaks.
{% for z in range(1, Z) %}
{% for r in range(rows) %}
    if (slice == {{ z }}u) {
{% for i in range(parts) %}
        merged[{{ i }}][lane] = o{{ r }}_{{ i }};
{% endfor %}
        merged[{{ parts }}][lane] = vec4f(peak{{ r }}, total{{ r }}, 0.0, 0.0);
    }
    workgroupBarrier();
    if (slice == 0u) {
        let other = merged[{{ parts }}][lane];
        let high = max(peak{{ r }}, other.x);
        let mine = exp(peak{{ r }} - high);
        let theirs = exp(other.x - high);
        peak{{ r }} = high;
        total{{ r }} = total{{ r }} * mine + other.y * theirs;
{% for i in range(parts) %}
        o{{ r }}_{{ i }} = o{{ r }}_{{ i }} * mine + merged[{{ i }}][lane] * theirs;
{% endfor %}
    }
    workgroupBarrier();
{% endfor %}
{% endfor %}
    if (slice != 0u) {
        return;
    }
{% endif %}
{% for r in range(rows) %}
    if (query + {{ r * X }}u < {{ t }}u) {
        let to = (batch * {{ t }}u + query + {{ r * X }}u) * {{ d // 4 }}u + head * {{ parts }}u;
        let scale{{ r }} = 1.0 / total{{ r }};
{% for i in range(parts) %}
        y[to + {{ i }}u] = o{{ r }}_{{ i }} * scale{{ r }};
{% endfor %}
    }
{% endfor %}
}
