{# The mean of the rows of each [t, d], divided by its length where that is asked for: x [.., t, d] -> [.., d]

   Without the division every column stands alone: a thread each. With it a line of lanes holds one result, and strides
   over its columns; it reads back the means that it wrote itself. One loop goes over the rows of all its columns: naga
   does badly with loops inside loops. #}
{% from "lib/macros.wgsl" import read, write, reduce %}
{% include "lib/only_fp32.wgsl" %}
{% set d = inputs[0].shape[-1] %}
{% set t = inputs[0].shape[-2] %}
{% set normalize = params.normalize %}
{% set lines = wg[1] * wg[2] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set columns = d // wide %}
{% set results = inputs[0].len // (t * d) %}
{% set threads = wg[0] * lines %}
{% set groups = fold(ceil_div(results, lines) if normalize else ceil_div(results * columns, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 4 * threads if normalize else 0 %}
{% set steps = ceil_div(columns, wg[0]) %}
{# Rows that are loaded at a time, so that one load need not wait for another. #}
{% set together = 8 if t % 8 == 0 else (4 if t % 4 == 0 else 1) %}
alias T = {{ "vec4f" if wide == 4 else "f32" }};
{{ read(inputs[0], "x", "T") }}
{{ write(outputs[0], "y", "T") }}
{% set strides = t // together %}
{% macro some_rows() -%}
{% for i in range(together) %}{{ " + " if i else "" }}x[at + {{ i * columns }}u]{% endfor %}
{%- endmacro %}
{% if normalize %}

var<workgroup> partial: array<array<f32, {{ wg[0] }}>, {{ lines }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let lane = local.x;
    let line = local.z * {{ wg[1] }}u + local.y;
    let result = (group.y * {{ groups[0] }}u + group.x) * {{ lines }}u + line;
    let inside = result < {{ results }}u;
    var squares = 0.0;
    var sum = T(0.0);
    for (var i = 0u; i < {{ steps * strides }}u; i++) {
        let c = i / {{ strides }}u * {{ wg[0] }}u + lane;
        let row = i % {{ strides }}u;
        if (inside && c < {{ columns }}u) {
            let at = (result * {{ t }}u + row * {{ together }}u) * {{ columns }}u + c;
            sum += {{ some_rows() }};
            if (row == {{ strides - 1 }}u) {
                let mean = sum * {{ (1 / t) | f32 }};
                y[result * {{ columns }}u + c] = mean;
                squares += {{ "dot(mean, mean)" if wide == 4 else "mean * mean" }};
                sum = T(0.0);
            }
        }
    }
{{ reduce("total", "squares", [wg[0], columns] | min, "A + B") }}
    let scale = inverseSqrt(max(total, 1e-24));
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (inside && c < {{ columns }}u) {
            y[result * {{ columns }}u + c] *= scale;
        }
    }
}
{% else %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + thread;
    if (i < {{ results * columns }}u) {
        let base = i / {{ columns }}u * {{ t * columns }}u + i % {{ columns }}u;
        var sum = T(0.0);
        for (var row = 0u; row < {{ strides }}u; row++) {
            let at = base + row * {{ together * columns }}u;
            sum += {{ some_rows() }};
        }
        y[i] = sum * {{ (1 / t) | f32 }};
    }
}
{% endif %}
