{# (max(x, peak - 8) + 4) / 4, with one peak for each run of consecutive elements #}
{% extends "lib/elementwise.wgsl" %}
{% set run = inputs[0].len // inputs[1].len %}
{% set wide = 4 if run % 4 == 0 else 1 %}
{% set element = "vec4f" if wide == 4 else "f32" %}
{% set reads = [[inputs[0], "x", element], [inputs[1], "peak", "f32"]] %}
{% set value = "(max(x[i], " ~ element ~ "(peak[i / " ~ (run // wide) ~ "u] - 8.0)) + 4.0) * 0.25" %}
