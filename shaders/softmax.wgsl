{# exp(x - max) / Σ exp(x - max) over the last dimension #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import reduce %}
{% set x = inputs[0] %}
{% set d = x.shape[-1] %}
{% set reads = [] %}
{% set output_type = "T" %}
{% block body %}
    var high = T(-3.4e38);
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            high = max(high, x[base + c]);
        }
    }
{{ reduce("peak", "max(max(high.x, high.y), max(high.z, high.w))" if wide == 4 else "high", busy, "max(A, B)") }}
    workgroupBarrier();
    var sum = T(0.0);
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            sum += exp(x[base + c] - peak);
        }
    }
{{ reduce("total", "dot(sum, T(1.0))" if wide == 4 else "sum", busy, "A + B") }}
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (inside && c < {{ columns }}u) {
            y[base + c] = exp(x[base + c] - peak) / total;
        }
    }
{% endblock %}
