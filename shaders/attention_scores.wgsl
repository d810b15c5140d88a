{# q kᵀ / sqrt(width), a head at a time: q [.., t, d], k [.., s, d], heads side by side in d -> [.., heads, t, s] #}
{% extends "lib/dots.wgsl" %}
{% set heads = params.heads %}
{% set d = inputs[0].shape[-1] %}
{% set t = inputs[0].shape[-2] %}
{% set s = inputs[1].shape[-2] %}
{% set depth = d // heads %}
{% set head = "i / " ~ t * s ~ "u % " ~ heads ~ "u * " ~ depth ~ "u" %}
{% set image = "i / " ~ t * s * heads ~ "u" %}
{% set a = "(" ~ image ~ " * " ~ t ~ "u + i / " ~ s ~ "u % " ~ t ~ "u) * " ~ d ~ "u + " ~ head %}
{% set b = "(" ~ image ~ " * " ~ s ~ "u + i % " ~ s ~ "u) * " ~ d ~ "u + " ~ head %}
{% set apart = 1 %}
{% set wide = 1 %}
{% set scale = 1 / depth ** 0.5 %}
