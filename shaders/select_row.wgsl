{# One row of each [t, d]: x [.., t, d] -> [.., d] #}
{% extends "lib/elementwise.wgsl" %}
{% set d = inputs[0].shape[-1] %}
{% set t = inputs[0].shape[-2] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set reads = [[inputs[0], "x", "vec4f" if wide == 4 else "f32"]] %}
{% set columns = d // wide %}
{% set row = params.row if params.row >= 0 else t + params.row %}
{% set value = "x[i / " ~ columns ~ "u * " ~ t * columns ~ "u + " ~ row * columns ~ "u + i % " ~ columns ~ "u]" %}
