{# y = x #}
{% extends "lib/elementwise.wgsl" %}
{% set wide = 4 if outputs[0].len % 4 == 0 else 1 %}
{% set reads = [[inputs[0], "x", "vec4f" if wide == 4 else "f32"]] %}
{% set value = "x[i]" %}
