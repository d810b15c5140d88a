{# Patches as tokens: image [.., h, w, c] and weight [patch·patch·c, n] -> [.., tokens, n], after `class`, plus `position` #}
{% extends "lib/windows.wgsl" %}
{% set n = weights.weight.shape[1] %}
{% set stride = params.patch %}
{% set size = [stride, stride] %}
{% set out = [inputs[0].shape[-3] // stride, inputs[0].shape[-2] // stride] %}
{% set padding = 0 %}
{% set kind = "none" %}
{% set class = weights.class if weights.class is defined else none %}
{% set position = weights.position if weights.position is defined else none %}
