{# [.., m, k] × [k, n] #}
{% extends "lib/product.wgsl" %}
{% set x = inputs[0] %}
{% set w = inputs[1] %}
{% set depth = w.shape[0] %}
{% set n = w.shape[1] %}
{% set m = x.len // depth %}
{% set taps = 1 %}
{% set conv = none %}
{% set bias = none %}
{% set activation = "none" %}
{% set log10 = false %}
{% set extra = none %}
{% set accumulate = params.accumulate %}
