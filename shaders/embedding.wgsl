{# weight[id] + position[place] + segment[0], with ids [.., t] and the others [.., d] #}
{% extends "lib/elementwise.wgsl" %}
{% from "lib/macros.wgsl" import stored, widened %}
{% set reads_half = true %}
{% set d = weights.weight.shape[1] %}
{% set t = inputs[0].shape[-1] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set element = "vec4f" if wide == 4 else "f32" %}
{% set columns = d // wide %}
{% set has_position = weights.position is defined %}
{% set has_segment = weights.segment is defined %}
{% set reads = [[inputs[0], "ids", "f32"], [weights.weight, "weight", stored(weights.weight, wide)]]
   + ([[weights.position, "position", stored(weights.position, wide)]] if has_position else [])
   + ([[weights.segment, "segment", stored(weights.segment, wide)]] if has_segment else []) %}
{% set row = "i / " ~ columns ~ "u" %}
{% set column = " + i % " ~ columns ~ "u" %}
{% set value = widened(weights.weight, element, "weight[u32(ids[" ~ row ~ "]) * " ~ columns ~ "u" ~ column ~ "]")
   ~ (" + " ~ widened(weights.position, element, "position[" ~ row ~ " % " ~ t ~ "u * " ~ columns ~ "u" ~ column ~ "]") if has_position else "")
   ~ (" + " ~ widened(weights.segment, element, "segment[i % " ~ columns ~ "u]") if has_segment else "") %}
