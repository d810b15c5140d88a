{# softmax(q kᵀ / sqrt(width)) v, a head at a time: q [.., t, d], k and v [.., s, d], heads side by side in d; or
   one input [.., t, 3·d] with q, k and v side by side. With `causal`, query i sees keys 0 to i.

   A thread holds one query's head (or a few): the query, the running sum and the running maximum live in named registers,
   and keys stream by a few at a time (the online softmax of Milakov & Gimelshein, 2018), so any number of keys fits: no
   score is stored. The parameter `form` says whether keys come through the caches (`direct`, for any workgroup) or by way
   of workgroup memory (`tiled`), or whether the lanes of a workgroup share its queries too (`blocked`). #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set heads = params.heads %}
{% set packed = inputs | length == 1 %}
{% set d = outputs[0].shape[-1] %}
{# How far apart rows lie, and where k and v begin in them, in elements. #}
{% set apart = 3 * d if packed else d %}
{% set causal = params.causal %}
{% set t = inputs[0].shape[-2] %}
{% set s = t if packed else inputs[1].shape[-2] %}
{% set width = d // heads %}
{% if width % 4 %}{{ unsupported("heads of " ~ width ~ " channels: a multiple of 4 is needed") }}{% endif %}
{% set parts = width // 4 %}
{% set batches = outputs[0].len // (t * d) %}
{% set size = [batches * heads, t, s, width] %}
{% set X = wg[0] %}
{% set Y = wg[1] %}
{% set Z = wg[2] %}
{% set lines = wg[1] * wg[2] %}
{% set tiled = tuning.form == "tiled" %}
{% set rows = tuning.queries %}
{% set blocked = tuning.form == "blocked" %}
{% set query_groups = ceil_div(t, Y * rows if blocked else (X * rows if tiled else X)) %}
{% set head_groups = ceil_div(heads, lines) if tuning.form == "direct" else heads %}
{% set groups = fold(query_groups * head_groups * batches) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set bk = tuning.keys %}
{% if tiled %}
{% set workgroup_bytes = Z * bk * parts * 32 + (X * (parts + 1) * 16 if Z > 1 else 0) %}
{% elif blocked %}
{% set workgroup_bytes = (Y * rows + 1) * (parts * 16 + Z * X * 20) + Z * parts * (4 * X + 1) * 16 + (X * Y * rows * ceil_div(parts, X) * 16 if Z > 1 else 0) %}
{% endif %}
{{ read(inputs[0], "q", "vec4f") }}
{% if not packed %}
{{ read(inputs[1], "k", "vec4f") }}
{{ read(inputs[2], "v", "vec4f") }}
{% endif %}
{% set k = "q[" ~ d // 4 ~ "u + " if packed else "k[" %}
{% set v = "q[" ~ d // 2 ~ "u + " if packed else "v[" %}
{{ write(outputs[0], "y", "vec4f") }}

{% if tiled %}
{% include "lib/attention_tiled.wgsl" %}
{% elif blocked %}
{% include "lib/attention_blocked.wgsl" %}
{% else %}
{% include "lib/attention_direct.wgsl" %}
{% endif %}
