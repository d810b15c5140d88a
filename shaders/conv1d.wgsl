{# activation(conv(x) + bias) + position, with x [.., t, c] and weight [taps, c, n]; zeros beyond the ends #}
{% extends "lib/product.wgsl" %}
{% set x = inputs[0] %}
{% set w = weights.weight %}
{% set taps = w.shape[0] %}
{% set depth = w.shape[1] %}
{% set n = w.shape[2] %}
{% set m = outputs[0].len // n %}
{% set conv = {
    "t_in": x.shape[-2],
    "t_out": outputs[0].shape[-2],
    "stride": params.stride,
    "padding": params.padding,
} %}
{% set bias = weights.bias if weights.bias is defined else none %}
{% set activation = params.activation %}
{% set log10 = false %}
{% set extra = weights.position if weights.position is defined else none %}
{% set extra_rows = conv.t_out %}
{% set accumulate = 32 %}
