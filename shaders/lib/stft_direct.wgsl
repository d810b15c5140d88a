{# The direct form of `stft_power.wgsl`: lanes along the bins, each thread holding `tm` frames by up to three panels of
   bins. #}
{% from "lib/macros.wgsl" import read, write %}
{% set size = [m, n, depth] %}
{% set lines = wg[1] * wg[2] %}
{% set tm = ceil_div(m, ceil_div(m, [10, ceil_div(m, lines)] | min)) %}
{% set exact = m % tm == 0 %}
{% set panels = 3 if bins >= 96 else 1 %}
{% set across = ceil_div(bins, panels) %}
{% set column_groups = ceil_div(across, wg[0]) %}
{% set groups = fold(column_groups * ceil_div(m, lines * tm)) %}
{% set grid = [groups[0], groups[1], 1] %}
{{ read(inputs[0], "audio", "f32") }}
{{ read(weights.dft_cos, "dft_cos", "f32") }}
{{ read(weights.dft_sin, "dft_sin", "f32") }}
{{ write(outputs[0], "y", "f32") }}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let tile = group.y * {{ groups[0] }}u + group.x;
    let bin = (tile % {{ column_groups }}u) * {{ wg[0] }}u + local.x;
    let row = ((tile / {{ column_groups }}u) * {{ lines }}u + local.z * {{ wg[1] }}u + local.y) * {{ tm }}u;
    if (bin >= {{ across }}u || row >= {{ m }}u) {
        return;
    }
{% for p in range(panels) %}
    let bin{{ p }} = {{ "bin + " ~ p * across ~ "u" if (p + 1) * across <= bins else "min(bin + " ~ p * across ~ "u, " ~ (bins - 1) ~ "u)" }};
{% endfor %}
{% for i in range(tm) %}
    let r{{ i }} = {{ "row + " ~ i ~ "u" if exact else "min(row + " ~ i ~ "u, " ~ (m - 1) ~ "u)" }};
    let base{{ i }} = r{{ i }} / {{ frames }}u * {{ samples }}u;
    let first{{ i }} = i32(r{{ i }} % {{ frames }}u) * {{ params.hop }} - {{ n_fft // 2 }};
{% for p in range(panels) %}
    var re{{ i }}_{{ p }} = 0.0;
    var im{{ i }}_{{ p }} = 0.0;
{% endfor %}
{% endfor %}
    for (var k = 0u; k < {{ n_fft }}u; k++) {
{% for p in range(panels) %}
        let c{{ p }} = dft_cos[k * {{ bins }}u + bin{{ p }}];
        let s{{ p }} = dft_sin[k * {{ bins }}u + bin{{ p }}];
{% endfor %}
        // Mirrored about the first and the last sample: the smaller of p and its mirror image at the end.
{% for i in range(tm) %}
        let p{{ i }} = u32(abs(first{{ i }} + i32(k)));
        let x{{ i }} = audio[base{{ i }} + min(p{{ i }}, {{ 2 * (samples - 1) }}u - p{{ i }})];
{% for p in range(panels) %}
        re{{ i }}_{{ p }} += x{{ i }} * c{{ p }};
        im{{ i }}_{{ p }} += x{{ i }} * s{{ p }};
{% endfor %}
{% endfor %}
    }
{# The power of frame i in panel p. #}
{% macro power(i, p) -%}
re{{ i }}_{{ p }} * re{{ i }}_{{ p }} + im{{ i }}_{{ p }} * im{{ i }}_{{ p }}
{%- endmacro %}
{% if compiler.private_index %}
    // Code once, not once a frame, which would take longer to compile than the sums.
{% for p in range(panels) %}
    var power{{ p }} = array<f32, {{ tm }}>({% for i in range(tm) %}{{ power(i, p) }}{{ ", " if not loop.last else "" }}{% endfor %});
{% endfor %}
    for (var i = 0u; i < {{ tm }}u; i++) {
        let r = row + i;
{% if not exact %}
        if (r >= {{ m }}u) {
            return;
        }
{% endif %}
{% for p in range(panels) %}
{% if (p + 1) * across > bins %}
        if (bin + {{ p * across }}u < {{ bins }}u) {
{% else %}
        {
{% endif %}
            y[r * {{ bins }}u + bin{{ p }}] = power{{ p }}[i];
        }
{% endfor %}
    }
{% else %}
{% for i in range(tm) %}
{% if not exact %}
    if (row + {{ i }}u >= {{ m }}u) {
        return;
    }
{% endif %}
{% for p in range(panels) %}
{% if (p + 1) * across > bins %}
    if (bin + {{ p * across }}u < {{ bins }}u) {
{% else %}
    {
{% endif %}
        y[(row + {{ i }}u) * {{ bins }}u + bin{{ p }}] = {{ power(i, p) }};
    }
{% endfor %}
{% endfor %}
{% endif %}
}
