{# The direct form of `product.wgsl`.

   Each thread holds `tm` rows by `panels` columns of `tn` in named registers; lanes lie along the columns, so reads of w
   and writes of y are contiguous, and all lanes read one element of x at a time, which caches broadcast. Nothing is
   shared and no barrier is needed. Only the loop over the depth is left to the compiler. #}
{% set exact = m % tm == 0 %}
{% set suffix = {1: "", 2: "2", 4: "4"}[tn] %}
{% set type = {1: "f32", 2: "vec2f", 4: "vec4f"}[tn] %}
{% set row_type = "vec4f" if tk == 4 else "f32" %}
{% set parts = depth // tk %}
{% set unroll = tuning.unroll if (taps * parts) % tuning.unroll == 0 else 1 %}
alias T = {{ type }};
{{ read(x, "x", stored(x, tk)) }}
{{ read(w, "w", stored(w, tn)) }}
{% if bias %}
{{ read(bias, "bias", stored(bias, tn)) }}
{% endif %}
{% if extra %}
{{ read(extra, "extra", stored(extra, tn)) }}
{% endif %}
{{ write(outputs[0], "y", "T") }}
{% set steps = (taps * parts) // unroll %}
{{ activation_fn(activation, "T") }}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
    let column = (tile % {{ column_groups }}u) * {{ wg[0] }}u + local.x;
    let row = ((tile / {{ column_groups }}u) * {{ lines }}u + local.z * {{ wg[1] }}u + local.y) * {{ tm }}u;
    if (column >= {{ across }}u || row >= {{ m }}u) {
        return;
    }
{% for p in range(panels) %}
    let b{{ p }} = {{ "T(bias[column + " ~ p * across ~ "u])" if bias else "T(0.0)" }};
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
    for (var step = 0u; step < {{ steps }}u; step++) {
{% for u in range(unroll) %}
        {
        let k = {{ "step" if unroll == 1 else "step * " ~ unroll ~ "u + " ~ u ~ "u" }};
        let at = k * {{ tk * columns }}u + column;
{% for i in range(tm) %}
{% if conv %}
        let k{{ i }} = s{{ i }} + k;
        let x{{ i }} = select({{ row_type }}(0.0), {{ row_type }}(x[a{{ i }} + min(k{{ i }}, {{ conv.t_in * parts - 1 }}u)]), k{{ i }} < {{ conv.t_in * parts }}u);
{% else %}
        let x{{ i }} = {{ row_type }}(x[a{{ i }} + k]);
{% endif %}
{% endfor %}
{% for p in range(panels) %}
{% for j in range(tk) %}
        let w{{ p }}_{{ j }} = T(w[at + {{ p * across + j * columns }}u]);
{% endfor %}
{# Summed from the left, so that each product can become a fused multiply-add, and stored once. #}
{% for i in range(tm) %}
        c{{ i }}_{{ p }} = c{{ i }}_{{ p }}{% for j in range(tk) %} + x{{ i }}{{ "." ~ "xyzw"[j] if tk == 4 else "" }} * w{{ p }}_{{ j }}{% endfor %};
{% endfor %}
{% endfor %}
        }
{% endfor %}
    }
{% macro finished(sum, at, beside, p) -%}
{% set value = "activate(" ~ sum ~ ")" if activation != "none" else ("log2(max(" ~ sum ~ ", T(1e-10))) * 0.30102999566398" if log10 else sum) -%}
y[{{ at }} + {{ p * across }}u] = {{ value }}{{ " + T(extra[" ~ beside ~ " + " ~ p * across ~ "u])" if extra else "" }};
{%- endmacro %}
{% if compiler.private_index %}
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
        {{ finished("sums" ~ p ~ "[i]", "at", "beside", p) }}
{% endfor %}
    }
{% else %}
{% for i in range(tm) %}
    {
{% if not exact %}
        if (row + {{ i }}u >= {{ m }}u) {
            return;
        }
{% endif %}
        let at = r{{ i }} * {{ columns }}u + column;
{% if extra %}
        let beside = {{ "at" if extra_rows == m else "r" ~ i ~ " % " ~ extra_rows ~ "u * " ~ columns ~ "u + column" }};
{% endif %}
{% for p in range(panels) %}
        {{ finished("c" ~ i ~ "_" ~ p, "at", "beside", p) }}
{% endfor %}
    }
{% endfor %}
{% endif %}
}
