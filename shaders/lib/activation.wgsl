{# `activate(x)`, what a layer applies to its sums, for a type of f32 or a vector of it. A caller that has no activation
   may leave the macro out: that of "none" gives back what it is given. #}
{% macro activation(kind, type) -%}
{% if kind == "gelu" %}
// x · Φ(x), with erf by Abramowitz & Stegun 7.1.26; the tail is used as it is, so nothing cancels below zero.
fn activate(x: {{ type }}) -> {{ type }} {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let tail = 0.5 * p * exp(-z * z);
    return x * select(1.0 - tail, tail, x < {{ type }}(0.0));
}
{% elif kind == "quick_gelu" %}
// x · sigmoid(1.702 x); the exponent is never positive, so nothing overflows.
fn activate(x: {{ type }}) -> {{ type }} {
    let e = exp(-1.702 * abs(x));
    return x * (select({{ type }}(1.0), e, x < {{ type }}(0.0)) / (1.0 + e));
}
{% elif kind == "tanh" %}
// WGSL lets its own tanh be off by 1e-5; this one is as good as its exp.
fn activate(x: {{ type }}) -> {{ type }} {
    let e = exp(-2.0 * abs(x));
    return sign(x) * ((1.0 - e) / (1.0 + e));
}
{% elif kind == "relu" %}
fn activate(x: {{ type }}) -> {{ type }} {
    return max(x, {{ type }}(0.0));
}
{% else %}
fn activate(x: {{ type }}) -> {{ type }} {
    return x;
}
{% endif %}
{%- endmacro %}
