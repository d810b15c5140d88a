{# What the kernels share. A kernel's threads are named by `lane` (along x, the contiguous dimension) and `line` (y and
   z together, along rows). #}
{% macro read(tensor, name, type) -%}
@group(0) @binding({{ tensor.binding }}) var<storage, read> {{ name }}: array<{{ type }}>;
{%- endmacro %}
{# The type of `wide` neighbours of a tensor (1, 2 or 4) as they are stored. #}
{% macro stored(tensor, wide) -%}
{{ tensor.element if wide == 1 else "vec" ~ wide ~ ("f" if tensor.element == "f32" else "<f16>") }}
{%- endmacro %}
{# `code`, which reads a tensor, as the type of f32 that the kernel computes in. #}
{% macro widened(tensor, type, code) -%}
{{ code if tensor.element == "f32" else type ~ "(" ~ code ~ ")" }}
{%- endmacro %}
{% macro write(tensor, name, type) -%}
@group(0) @binding({{ tensor.binding }}) var<storage, read_write> {{ name }}: array<{{ type }}>;
{%- endmacro %}
{# `name` = what `combine` (of A and B) makes of `value` over a line's first `lanes` lanes, in every lane of the line. In two
   steps over partial[line][..], for any number of lanes and in uniform control flow: some √lanes lanes fold a column
   each, then every lane folds their results. Halving would need a barrier for each power of two, and a barrier is dear
   on a CPU adapter. A caller puts one more barrier between two reductions. #}
{% macro reduce(name, value, lanes, combine) %}
{% set folders = lanes if lanes <= 8 else (lanes ** 0.5) | round | int %}
    partial[line][lane] = {{ value }};
    workgroupBarrier();
{% if folders < lanes %}
    if (lane < {{ folders }}u) {
        var fold = partial[line][lane];
{% for i in range(1, ceil_div(lanes, folders)) %}
{% set B = "partial[line][lane + " ~ i * folders ~ "u]" %}
{% set folded = combine | replace("A", "fold") | replace("B", B) %}
{% if (i + 1) * folders <= lanes %}
        fold = {{ folded }};
{% else %}
        if (lane < {{ lanes - i * folders }}u) {
            fold = {{ folded }};
        }
{% endif %}
{% endfor %}
        partial[line][lane] = fold;
    }
    workgroupBarrier();
{% endif %}
    var {{ name }} = partial[line][0];
{% for i in range(1, folders) %}
    {{ name }} = {{ combine | replace("A", name) | replace("B", "partial[line][" ~ i ~ "]") }};
{% endfor %}
{% endmacro %}
