{# The sum of each run of consecutive elements #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import widened %}
{% set x = inputs[0] %}
{% set d = x.len // outputs[0].len %}
{% set reads = [] %}
{% set output_type = "f32" %}
{% block body %}
    var sum = T(0.0);
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            sum += {{ widened(x, "T", "x[base + c]") }};
        }
    }
{{ meet("total", "dot(sum, T(1.0))" if wide == 4 else "sum", "sum") }}
    if (inside && lane == 0u) {
        y[row] = total;
    }
{% endblock %}
