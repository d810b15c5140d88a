{# |DFT|² of frames centred on each hop, ends reflected: audio [.., samples], tables [n_fft, bins] -> [.., frames, bins].
   A product of the frames and a table whose columns are cosine and sine of each bin in turn: a thread's neighbouring
   columns are one bin's, whose squares it adds. #}
{% extends "lib/stft_direct.wgsl" if tuning.form == "direct" else "lib/product.wgsl" %}
{% include "lib/only_fp32.wgsl" %}
{% set x = inputs[0] %}
{% set w = weights.dft_cos %}
{% set n_fft = w.shape[0] %}
{% set bins = w.shape[1] %}
{% set samples = x.shape[-1] %}
{% set frames = outputs[0].shape[-2] %}
{% set m = outputs[0].len // bins %}
{% set n = 2 * bins %}
{% set depth = n_fft %}
{% set taps = 1 %}
{% set conv = none %}
{% set spectrum = { "hop": params.hop } %}
{% set bias = none %}
{% set activation = "none" %}
{% set log10 = false %}
{% set extra = none %}
{% set accumulate = 32 %}
