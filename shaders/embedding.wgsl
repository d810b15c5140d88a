{# weight[id] + position[place] + segment[0], with ids [.., t] and the others [.., d] #}
{% extends "lib/elementwise.wgsl" %}
{% set d = weights.weight.shape[1] %}
{% set t = inputs[0].shape[-1] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set element = "vec4f" if wide == 4 else "f32" %}
{% set columns = d // wide %}
{% set has_position = weights.position is defined %}
{% set has_segment = weights.segment is defined %}
{% set reads = [[inputs[0], "ids", "f32"], [weights.weight, "weight", element]]
   + ([[weights.position, "position", element]] if has_position else [])
   + ([[weights.segment, "segment", element]] if has_segment else []) %}
{% set row = "i / " ~ columns ~ "u" %}
{% set column = " + i % " ~ columns ~ "u" %}
{% set value = "weight[u32(ids[" ~ row ~ "]) * " ~ columns ~ "u" ~ column ~ "]"
   ~ (" + position[" ~ row ~ " % " ~ t ~ "u * " ~ columns ~ "u" ~ column ~ "]" if has_position else "")
   ~ (" + segment[i % " ~ columns ~ "u]" if has_segment else "") %}
