{# x · Φ(x), or the function that `activation` names #}
{% extends "lib/elementwise.wgsl" %}
{% from "lib/activation.wgsl" import activation %}
{% set wide = 4 if outputs[0].len % 4 == 0 else 1 %}
{% set element = "vec4f" if wide == 4 else "f32" %}
{% set reads = [[inputs[0], "x", element]] %}
{% set value = "activate(x[i])" %}
{% block functions %}
{{ activation(params.activation, element) }}
{% endblock %}
