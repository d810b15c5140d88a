{# activation(conv(x) + bias), with x [.., h, w, c] and weight [rows, columns, c, n]; zeros beyond the edges #}
{% extends "lib/windows.wgsl" %}
{% set n = weights.weight.shape[3] %}
{% set size = [weights.weight.shape[0], weights.weight.shape[1]] %}
{% set out = [outputs[0].shape[-3], outputs[0].shape[-2]] %}
{% set stride = params.stride if params.stride is defined else 1 %}
{% set padding = params.padding if params.padding is defined else 0 %}
{% set kind = params.activation if params.activation is defined else "none" %}
{% set class = none %}
{% set position = none %}
