{# (s - mean) / sqrt(variance + eps) · weight + bias over the last dimension, with s = x, or x + residual #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import widened %}
{% set x = inputs[0] %}
{% set d = x.shape[-1] %}
{% set size = [x.len // d, d] %}
{% set reads = ([[inputs[1], "residual"]] if inputs | length > 1 else []) + [[weights.weight, "weight"], [weights.bias, "bias"]] %}
{% set element = widened(x, "T", "x[base + c]") %}
{% set value = "(" ~ element ~ " + " ~ widened(inputs[1], "T", "residual[base + c]") ~ ")" if inputs | length > 1 else element %}
{% set scaled = " * " ~ widened(weights.weight, "T", "weight[c]") ~ " + " ~ widened(weights.bias, "T", "bias[c]") %}
{% set one_pass = tuning is defined and tuning.passes is defined and tuning.passes == 1 %}
{% if one_pass %}{% set partial = "vec2f" %}{% endif %}
{% set output_type = "T" %}
{% set eps = params.eps %}
{% block body %}
{% if one_pass %}
    // Both moments about one of the row's elements, which keeps them from cancelling (Chan, Golub & LeVeque, 1983).
    let origin = {{ value | replace("base + c", "base") }}{{ ".x" if wide == 4 else "" }};
    var sum = T(0.0);
    var squares = T(0.0);
{{ over("        let shifted = VALUE - origin;\n        sum += shifted;\n        squares = fma(shifted, shifted, squares);") }}
{{ meet("moments", "vec2f(dot(sum, T(1.0)), dot(squares, T(1.0)))" if wide == 4 else "vec2f(sum, squares)", "sum") }}
    let distance = moments.x * {{ (1 / d) | f32 }};
    let mean = origin + distance;
    let variance = max(moments.y * {{ (1 / d) | f32 }} - distance * distance, 0.0);
{% else %}
    var sum = T(0.0);
{{ over("        sum += VALUE;") }}
{{ meet("total", "dot(sum, T(1.0))" if wide == 4 else "sum", "sum") }}
    let mean = total * {{ (1 / d) | f32 }};
    workgroupBarrier();
    var squares = 0.0;
{{ over("        let centred = VALUE - mean;\n        squares += " ~ ("dot(centred, centred)" if wide == 4 else "centred * centred") ~ ";") }}
{{ meet("spread", "squares", "sum") }}
    let variance = spread * {{ (1 / d) | f32 }};
{% endif %}
    let scale = inverseSqrt(variance + {{ eps | f32 }});
{{ over("        if (inside) {\n            y[base + c] = (VALUE - mean) * scale" ~ scaled ~ ";\n        }") }}
{% endblock %}
