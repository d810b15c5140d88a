{# A dot product an element: y[i] = Σ a[first + k] · b[first + k · apart], one thread an element, or four neighbours that
   share a. It is the plain form: neither operand is kept near, which caches make up for in part.

   A child sets `depth` (the number of terms), `a` and `b` (where the operands of element i begin, in elements), `apart`
   (the distance of b's terms), `wide` (4 where four neighbours lie side by side in b too, else 1) and `scale` or none. #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set count = outputs[0].len // wide %}
{% set groups = fold(ceil_div(count, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
{# Four terms a step: of a as one vector where its rows allow it, of b too where its terms are neighbours. #}
{% set step = 4 if depth % 4 == 0 else 1 %}
{% set along = wide == 1 and step == 4 and apart == 1 %}
{% set b_wide = 4 if wide == 4 or along else 1 %}
alias T = {{ "vec4f" if wide == 4 else "f32" }};
{{ read(inputs[0], "a", "vec4f" if step == 4 else "f32") }}
{{ read(inputs[1], "b", "vec4f" if b_wide == 4 else "f32") }}
{{ write(outputs[0], "y", "T") }}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let element = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + thread;
    if (element >= {{ count }}u) {
        return;
    }
    let i = element * {{ wide }}u;
    let first_a = ({{ a }}) / {{ step }}u;
    let first_b = ({{ b }}) / {{ b_wide }}u;
    var sum = T(0.0);
    for (var k = 0u; k < {{ depth // step }}u; k++) {
        let x = a[first_a + k];
{% if along %}
        sum += dot(x, b[first_b + k]);
{% else %}
        let at = first_b + k * {{ step * apart // b_wide }}u;
        sum = sum{% for j in range(step) %} + x{{ "." ~ "xyzw"[j] if step == 4 else "" }} * b[at + {{ j * apart // b_wide }}u]{% endfor %};
{% endif %}
    }
    y[element] = sum{{ " * " ~ (scale | f32) if scale is not none else "" }};
}
