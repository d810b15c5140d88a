{# Rows of x times w, with what follows fused at the store: y = finish(x · w).

   Each thread holds `tm` rows by `tn` neighbouring columns in named registers; lanes lie along the columns, so reads of
   w and writes of y are contiguous, and all lanes read one element of x at a time, which caches broadcast. Nothing is
   shared and no barrier is needed, so any workgroup shape works. Only the loop over the depth is left to the compiler.

   A child sets: m, n, depth, taps, x, w, and optionally bias, gelu, extra with extra_rows (added after the activation,
   row modulo extra_rows), log10 (of the sum clamped to 1e-10), conv (t_in, t_out, stride, padding). #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set lines = wg[1] * wg[2] %}
{% set tn = 4 if n % 4 == 0 else (2 if n % 2 == 0 else 1) %}
{% set tk = 4 if depth % 4 == 0 else 1 %}
{% set tm = [8, ceil_div(m, lines)] | min %}
{% set column_groups = ceil_div(n, wg[0] * tn) %}
{% set groups = fold(column_groups * ceil_div(m, lines * tm)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set columns = n // tn %}
{% set type = {1: "f32", 2: "vec2f", 4: "vec4f"}[tn] %}
{% set row_type = "vec4f" if tk == 4 else "f32" %}
alias T = {{ type }};
{{ read(x, "x", row_type) }}
{{ read(w, "w", "T") }}
{% if bias %}
{{ read(bias, "bias", "T") }}
{% endif %}
{% if extra %}
{{ read(extra, "extra", "T") }}
{% endif %}
{{ write(outputs[0], "y", "T") }}
{% if gelu %}

// x · Φ(x), with erf by Abramowitz & Stegun 7.1.26; the tail is used as it is, so nothing cancels below zero.
fn gelu(x: T) -> T {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let tail = 0.5 * p * exp(-z * z);
    return x * select(1.0 - tail, tail, x < T(0.0));
}
{% endif %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
    let column = (tile % {{ column_groups }}u) * {{ wg[0] }}u + local.x;
    let row = ((tile / {{ column_groups }}u) * {{ lines }}u + local.z * {{ wg[1] }}u + local.y) * {{ tm }}u;
    if (column >= {{ columns }}u || row >= {{ m }}u) {
        return;
    }
{% for i in range(tm) %}
    let r{{ i }} = min(row + {{ i }}u, {{ m - 1 }}u);
    var c{{ i }} = T(0.0);
{% endfor %}
{% for tap in range(taps) %}
    {
{% for i in range(tm) %}
{% if conv %}
        let t{{ i }} = i32(r{{ i }} % {{ conv.t_out }}u) * {{ conv.stride }} + {{ tap - conv.padding }};
        let f{{ i }} = select(0.0, 1.0, t{{ i }} >= 0 && t{{ i }} < {{ conv.t_in }});
        let a{{ i }} = (r{{ i }} / {{ conv.t_out }}u * {{ conv.t_in }}u + u32(clamp(t{{ i }}, 0, {{ conv.t_in - 1 }}))) * {{ depth // tk }}u;
{% else %}
        let a{{ i }} = r{{ i }} * {{ depth // tk }}u;
{% endif %}
{% endfor %}
        for (var k = 0u; k < {{ depth // tk }}u; k++) {
            let b = k * {{ tk * columns }}u + {{ tap * depth * columns }}u + column;
{% for j in range(tk) %}
            let w{{ j }} = w[b{{ " + " ~ j * columns ~ "u" if j else "" }}];
{% endfor %}
{% for i in range(tm) %}
            let x{{ i }} = x[a{{ i }} + k]{{ " * f" ~ i if conv else "" }};
{% endfor %}
{% for j in range(tk) %}
{% for i in range(tm) %}
            c{{ i }} += x{{ i }}{{ "." ~ "xyzw"[j] if tk == 4 else "" }} * w{{ j }};
{% endfor %}
{% endfor %}
        }
    }
{% endfor %}
{% for i in range(tm) %}
    if (row + {{ i }}u < {{ m }}u) {
        var v = c{{ i }};
{% if bias %}
        v += bias[column];
{% endif %}
{% if gelu %}
        v = gelu(v);
{% endif %}
{% if log10 %}
        v = log2(max(v, T(1e-10))) * 0.30102999566398;
{% endif %}
{% if extra %}
        v += extra[{{ "r" ~ i if extra_rows == m else "(r" ~ i ~ " % " ~ extra_rows ~ "u)" }} * {{ columns }}u + column];
{% endif %}
        y[r{{ i }} * {{ columns }}u + column] = v;
    }
{% endfor %}
}
