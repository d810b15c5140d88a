{# p v, a head at a time: p [.., heads, t, s], v [.., s, d] -> [.., t, d], heads side by side in d #}
{% extends "lib/dots.wgsl" %}
{% set heads = params.heads %}
{% set d = inputs[1].shape[-1] %}
{% set t = inputs[0].shape[-2] %}
{% set depth = inputs[0].shape[-1] %}
{% set width = d // heads %}
{% set wide = 4 if width % 4 == 0 else 1 %}
{% set image = "i / " ~ t * d ~ "u" %}
{% set head = "i % " ~ d ~ "u / " ~ width ~ "u" %}
{% set a = "((" ~ image ~ " * " ~ heads ~ "u + " ~ head ~ ") * " ~ t ~ "u + i / " ~ d ~ "u % " ~ t ~ "u) * " ~ depth ~ "u" %}
{% set b = image ~ " * " ~ depth * d ~ "u + i % " ~ d ~ "u" %}
{% set apart = d %}
{% set scale = none %}
