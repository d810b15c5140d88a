{# activation(conv(x) + bias), with x [.., h, w, c] and weight [rows, columns, c, n]; zeros beyond the edges #}
{% extends "lib/windows.wgsl" %}
{% set n = weights.weight.shape[3] %}
{% set size = [weights.weight.shape[0], weights.weight.shape[1]] %}
{% set out = [outputs[0].shape[-3], outputs[0].shape[-2]] %}
{% set stride = params.stride %}
{% set padding = params.padding %}
{% set kind = params.activation %}
{% set class = none %}
{% set position = none %}
