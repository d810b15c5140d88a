{# log10(max(power · filters, 1e-10)), with power [.., bins] and filters [bins, mels] #}
{% extends "lib/product.wgsl" %}
{% set x = inputs[0] %}
{% set w = weights.filters %}
{% set depth = w.shape[0] %}
{% set n = w.shape[1] %}
{% set m = x.len // depth %}
{% set taps = 1 %}
{% set conv = none %}
{% set bias = none %}
{% set activation = "none" %}
{% set log10 = true %}
{% set extra = none %}
{% set accumulate = 32 %}
