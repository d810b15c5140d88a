{# The largest of each run of consecutive elements #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import widened %}
{% set x = inputs[0] %}
{% set d = x.len // outputs[0].len %}
{% set reads = [] %}
{% set output_type = "f32" %}
{% block body %}
    var high = T(-3.4e38);
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            high = max(high, {{ widened(x, "T", "x[base + c]") }});
        }
    }
{{ meet("peak", "max(max(high.x, high.y), max(high.z, high.w))" if wide == 4 else "high", "max") }}
    if (inside && lane == 0u) {
        y[row] = peak;
    }
{% endblock %}
