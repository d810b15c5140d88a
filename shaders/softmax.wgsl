{# exp(x - max) / Σ exp(x - max) over the last dimension; with `causal`, row i of [.., t, t] has zeros after element i #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import widened %}
{% set x = inputs[0] %}
{% set d = x.shape[-1] %}
{% set size = [x.len // d, d] %}
{% set reads = [] %}
{% set output_type = "T" %}
{% set causal = params.causal %}
{% set seen = "c * 4u + vec4u(0u, 1u, 2u, 3u) <= vec4u(last)" if d % 4 == 0 else "c <= last" %}
{% set element = widened(x, "T", "x[base + c]") %}
{% set value = "select(T(-3.4e38), " ~ element ~ ", " ~ seen ~ ")" if causal else element %}
{# Of the row that is computed, which need not be `row`. #}
{% set before = "        let last = min(row, " ~ (x.len // d - 1) ~ "u) % " ~ x.shape[-2] ~ "u;" if causal else "" %}
{% block body %}
    var high = T(-3.4e38);
{{ over("        high = max(high, VALUE);") }}
{{ meet("peak", "max(max(high.x, high.y), max(high.z, high.w))" if wide == 4 else "high", "max") }}
    workgroupBarrier();
    var sum = T(0.0);
{{ over("        sum += exp(VALUE - peak);") }}
{{ meet("total", "dot(sum, T(1.0))" if wide == 4 else "sum", "sum") }}
{{ over("        if (inside) {\n            y[base + c] = exp(VALUE - peak) / total;\n        }") }}
{% endblock %}
