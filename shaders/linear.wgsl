{# activation(x · weight + bias) + residual, with x [.., k] and weight [k, n] #}
{% extends "lib/product.wgsl" %}
{% set x = inputs[0] %}
{% set w = weights.weight %}
{% set depth = w.shape[0] %}
{% set n = w.shape[1] %}
{% set m = x.len // depth %}
{% set taps = 1 %}
{% set conv = none %}
{% set bias = weights.bias if weights.bias is defined else none %}
{% set activation = params.activation %}
{% set log10 = false %}
{% set extra = inputs[1] if inputs | length > 1 else none %}
{% set extra_rows = m %}
{% set accumulate = 32 %}
