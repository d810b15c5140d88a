{# What the kernels share. A kernel's threads are named by `lane` (along x, the contiguous dimension) and `line` (y and
   z together, along rows). #}
{% macro read(tensor, name, type) -%}
@group(0) @binding({{ tensor.binding }}) var<storage, read> {{ name }}: array<{{ type }}>;
{%- endmacro %}
{% macro write(tensor, name, type) -%}
@group(0) @binding({{ tensor.binding }}) var<storage, read_write> {{ name }}: array<{{ type }}>;
{%- endmacro %}
{# Folds partial[line][0..lanes] into partial[line][0] by unrolled halving; any number of lanes, in uniform control flow.
   `combine` holds A and B for its operands. #}
{% macro reduce(lanes, combine) %}
    workgroupBarrier();
{% set left = namespace(n=lanes) %}
{% for _ in range(12) %}
{% if left.n > 1 %}
{% set half = ceil_div(left.n, 2) %}
    if (lane < {{ left.n - half }}u) {
        partial[line][lane] = {{ combine | replace("A", "partial[line][lane]") | replace("B", "partial[line][lane + " ~ half ~ "u]") }};
    }
    workgroupBarrier();
{% set left.n = half %}
{% endif %}
{% endfor %}
{% endmacro %}
