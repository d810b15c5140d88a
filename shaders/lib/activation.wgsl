{# `fn activate(x: TYPE) -> TYPE` for a kind of activation; nothing for "none". #}
{% macro activation(kind, type) %}
{% if kind == "gelu" %}
// x · Φ(x), with erf by Abramowitz & Stegun 7.1.26; the tail is used as it is, so nothing cancels below zero.
fn activate(x: {{ type }}) -> {{ type }} {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let tail = 0.5 * p * exp(-z * z);
    return x * select(1.0 - tail, tail, x < {{ type }}(0.0));
}
{% endif %}
{% endmacro %}
