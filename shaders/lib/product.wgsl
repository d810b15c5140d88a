{# Rows of x times w, with what follows fused at the store: y = finish(x · w).

   Each thread holds `tm` rows by `panels` columns of `tn` in named registers; lanes lie along the columns, so reads of w
   and writes of y are contiguous, and all lanes read one element of x at a time, which caches broadcast. Nothing is
   shared and no barrier is needed, so any workgroup shape works. Only the loop over the depth is left to the compiler.

   The tile is as large as pays everywhere. On a CPU adapter a load costs as much as ten multiplications (each lane is
   tested and read by itself), so what counts is products a load: 10 rows by 8 columns do 4.4. Larger tiles run no
   faster there, compile in proportion to their size, and leave a GPU too few threads.

   A child sets: m, n, depth, taps, x, w, and optionally bias, gelu, extra with extra_rows (added after the activation,
   row modulo extra_rows), log10 (of the sum clamped to 1e-10), conv (t_in, t_out, stride, padding). #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set lines = wg[1] * wg[2] %}
{% set tn = 4 if n % 4 == 0 else (2 if n % 2 == 0 else 1) %}
{% set tk = 4 if depth % 4 == 0 else 1 %}
{# No more rows than leave every line some, and equal tiles: 50 rows are 5 tiles of 10, 22 are 3 of 8. #}
{% set tm = ceil_div(m, ceil_div(m, [10, ceil_div(m, lines)] | min)) %}
{% set exact = m % tm == 0 %}
{% set columns = n // tn %}
{# A thread's columns are a panel apart, not side by side: lanes stay contiguous and the distance is a literal. Two panels
   only where 32 lanes still have a column each. #}
{% set panels = 2 if tn == 4 and columns % 2 == 0 and columns >= 64 else 1 %}
{% set across = columns // panels %}
{% set column_groups = ceil_div(across, wg[0]) %}
{% set groups = fold(column_groups * ceil_div(m, lines * tm)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set type = {1: "f32", 2: "vec2f", 4: "vec4f"}[tn] %}
{% set row_type = "vec4f" if tk == 4 else "f32" %}
{% set parts = depth // tk %}
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
    if (column >= {{ across }}u || row >= {{ m }}u) {
        return;
    }
{% for p in range(panels) %}
    let b{{ p }} = {{ "bias[column + " ~ p * across ~ "u]" if bias else "T(0.0)" }};
{% endfor %}
{% for i in range(tm) %}
    let r{{ i }} = {{ "row + " ~ i ~ "u" if exact else "min(row + " ~ i ~ "u, " ~ (m - 1) ~ "u)" }};
{% if conv %}
    // A window of taps is one run of x. It may begin before its batch: offsets wrap, and those past the end read zero.
    let a{{ i }} = r{{ i }} / {{ conv.t_out }}u * {{ conv.t_in * parts }}u;
    let s{{ i }} = (r{{ i }} % {{ conv.t_out }}u * {{ conv.stride }}u - {{ conv.padding }}u) * {{ parts }}u;
{% else %}
    let a{{ i }} = r{{ i }} * {{ parts }}u;
{% endif %}
{% for p in range(panels) %}
    var c{{ i }}_{{ p }} = b{{ p }};
{% endfor %}
{% endfor %}
    for (var k = 0u; k < {{ taps * parts }}u; k++) {
        let at = k * {{ tk * columns }}u + column;
{% for i in range(tm) %}
{% if conv %}
        let k{{ i }} = s{{ i }} + k;
        let x{{ i }} = select({{ row_type }}(0.0), x[a{{ i }} + min(k{{ i }}, {{ conv.t_in * parts - 1 }}u)], k{{ i }} < {{ conv.t_in * parts }}u);
{% else %}
        let x{{ i }} = x[a{{ i }} + k];
{% endif %}
{% endfor %}
{% for p in range(panels) %}
{% for j in range(tk) %}
        let w{{ p }}_{{ j }} = w[at + {{ p * across + j * columns }}u];
{% endfor %}
{# Summed from the left, so that each product can become a fused multiply-add, and stored once. #}
{% for i in range(tm) %}
        c{{ i }}_{{ p }} = c{{ i }}_{{ p }}{% for j in range(tk) %} + x{{ i }}{{ "." ~ "xyzw"[j] if tk == 4 else "" }} * w{{ p }}_{{ j }}{% endfor %};
{% endfor %}
{% endfor %}
    }
    // What follows is code once, not once a row: on a CPU adapter it would take longer to compile than the product.
{% for p in range(panels) %}
    var sums{{ p }} = array<T, {{ tm }}>({% for i in range(tm) %}c{{ i }}_{{ p }}{{ ", " if not loop.last else "" }}{% endfor %});
{% endfor %}
    for (var i = 0u; i < {{ tm }}u; i++) {
        let r = row + i;
{% if not exact %}
        if (r >= {{ m }}u) {
            return;
        }
{% endif %}
        let at = r * {{ columns }}u + column;
{% if extra %}
        let beside = {{ "at" if extra_rows == m else "r % " ~ extra_rows ~ "u * " ~ columns ~ "u + column" }};
{% endif %}
{% for p in range(panels) %}
{% set sum = "sums" ~ p ~ "[i]" %}
{% set value = "gelu(" ~ sum ~ ")" if gelu else ("log2(max(" ~ sum ~ ", T(1e-10))) * 0.30102999566398" if log10 else sum) %}
        y[at + {{ p * across }}u] = {{ value }}{{ " + extra[beside + " ~ p * across ~ "u]" if extra else "" }};
{% endfor %}
    }
}
