{# out = a·x + b, with `a` a literal #}
{% extends "lib/elementwise.wgsl" %}
{% set wide = 4 if outputs[0].len % 4 == 0 else 1 %}
{% set element = "vec4f" if wide == 4 else "f32" %}
{% set reads = [[inputs[0], "x", element], [inputs[1], "b", element]] %}
{% set a = params.a %}
{% set value = (a | f32) ~ " * x[i] + b[i]" %}
