{# |DFT|² of frames centred on each hop, ends reflected: audio [.., samples], tables [n_fft, bins] -> [.., frames, bins].
   As `lib/product.wgsl`, with two sums: lanes along the bins, `tm` frames a thread. #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set n_fft = weights.dft_cos.shape[0] %}
{% set bins = weights.dft_cos.shape[1] %}
{% set samples = inputs[0].shape[-1] %}
{% set frames = outputs[0].shape[-2] %}
{% set m = outputs[0].len // bins %}
{% set lines = wg[1] * wg[2] %}
{% set tm = [4, ceil_div(m, lines)] | min %}
{% set column_groups = ceil_div(bins, wg[0]) %}
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
    if (bin >= {{ bins }}u || row >= {{ m }}u) {
        return;
    }
{% for i in range(tm) %}
    let r{{ i }} = min(row + {{ i }}u, {{ m - 1 }}u);
    let base{{ i }} = r{{ i }} / {{ frames }}u * {{ samples }}u;
    let first{{ i }} = i32(r{{ i }} % {{ frames }}u) * {{ params.hop }} - {{ n_fft // 2 }};
    var re{{ i }} = 0.0;
    var im{{ i }} = 0.0;
{% endfor %}
    for (var k = 0u; k < {{ n_fft }}u; k++) {
        let c = dft_cos[k * {{ bins }}u + bin];
        let s = dft_sin[k * {{ bins }}u + bin];
{% for i in range(tm) %}
        // Mirrored about the first and the last sample: the smaller of p and its mirror image at the end.
        let p{{ i }} = u32(abs(first{{ i }} + i32(k)));
        let x{{ i }} = audio[base{{ i }} + min(p{{ i }}, {{ 2 * (samples - 1) }}u - p{{ i }})];
        re{{ i }} += x{{ i }} * c;
        im{{ i }} += x{{ i }} * s;
{% endfor %}
    }
{% for i in range(tm) %}
    if (row + {{ i }}u < {{ m }}u) {
        y[r{{ i }} * {{ bins }}u + bin] = re{{ i }} * re{{ i }} + im{{ i }} * im{{ i }};
    }
{% endfor %}
}
