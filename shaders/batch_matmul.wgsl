{# A matrix at a time: a [.., m, k] × b [.., k, n], or b [.., n, k] transposed -> [.., m, n] #}
{% extends "lib/dots.wgsl" %}
{% set m = inputs[0].shape[-2] %}
{% set depth = inputs[0].shape[-1] %}
{% set n = outputs[0].shape[-1] %}
{% set transposed = params.transpose_b %}
{% set wide = 4 if n % 4 == 0 and not transposed else 1 %}
{% set a = "i / " ~ n ~ "u * " ~ depth ~ "u" %}
{% set b = "i / " ~ m * n ~ "u * " ~ depth * n ~ "u + i % " ~ n ~ "u" ~ (" * " ~ depth ~ "u" if transposed else "") %}
{% set apart = 1 if transposed else n %}
{% set scale = none %}
