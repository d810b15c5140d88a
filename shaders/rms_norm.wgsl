{# s / sqrt(mean(s²) + eps) · weight over the last dimension, with s = x, or x + residual #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import widened %}
{% set x = inputs[0] %}
{% set d = x.shape[-1] %}
{% set size = [x.len // d, d] %}
{% set reads = ([[inputs[1], "residual"]] if inputs | length > 1 else []) + [[weights.weight, "weight"]] %}
{% set element = widened(x, "T", "x[base + c]") %}
{% set value = "(" ~ element ~ " + " ~ widened(inputs[1], "T", "residual[base + c]") ~ ")" if inputs | length > 1 else element %}
{% set output_type = "T" %}
{% block body %}
    var squares = 0.0;
{{ over("        let element = VALUE;\n        squares += " ~ ("dot(element, element)" if wide == 4 else "element * element") ~ ";") }}
{{ meet("total", "squares", "sum") }}
    let scale = inverseSqrt(total * {{ (1 / d) | f32 }} + {{ params.eps | f32 }});
{{ over("        if (inside) {\n            y[base + c] = VALUE * scale * " ~ widened(weights.weight, "T", "weight[c]") ~ ";\n        }") }}
{% endblock %}
