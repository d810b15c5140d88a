{# (x - mean) / sqrt(variance + eps) · weight + bias over the last dimension #}
{% extends "lib/rows.wgsl" %}
{% from "lib/macros.wgsl" import reduce %}
{% set x = inputs[0] %}
{% set d = x.shape[-1] %}
{% set reads = [[weights.weight, "weight"], [weights.bias, "bias"]] %}
{% set output_type = "T" %}
{% set eps = params.eps if params.eps is defined else 0.00001 %}
{% block body %}
    var sum = T(0.0);
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            sum += x[base + c];
        }
    }
{{ reduce("total", "dot(sum, T(1.0))" if wide == 4 else "sum", busy, "A + B") }}
    let mean = total * {{ (1 / d) | f32 }};
    workgroupBarrier();
    var squares = 0.0;
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
            let centred = x[base + c] - mean;
            squares += {{ "dot(centred, centred)" if wide == 4 else "centred * centred" }};
        }
    }
{{ reduce("spread", "squares", busy, "A + B") }}
    let scale = inverseSqrt(spread * {{ (1 / d) | f32 }} + {{ eps | f32 }});
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (inside && c < {{ columns }}u) {
            y[base + c] = (x[base + c] - mean) * scale * weight[c] + bias[c];
        }
    }
{% endblock %}
