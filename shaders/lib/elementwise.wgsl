{# One thread an element, or four where the length allows. A child sets `x`, `value` (the result, from index i) and,
   for more inputs, `reads`: [tensor, name, type] each, and `reads_half` if it can
   read f16; the block `functions` holds what `value` calls. #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/dtype.wgsl" if reads_half is defined else "lib/only_fp32.wgsl" %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set count = outputs[0].len // wide %}
{% set size = [outputs[0].len] %}
{% set turns = tuning.turns %}
{% set groups = fold(ceil_div(count, threads * turns)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set type = "vec4f" if wide == 4 else "f32" %}
{% for tensor, name, element in reads %}
{{ read(tensor, name, element) }}
{% endfor %}
{{ write(outputs[0], "y", type) }}
{% block functions %}{% endblock %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
{% if turns == 1 %}
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + thread;
    if (i < {{ count }}u) {
        y[i] = {{ value }};
    }
{% else %}
    let first = (group.y * {{ groups[0] }}u + group.x) * {{ threads * turns }}u + thread;
{% for turn in range(turns) %}
    var y{{ turn }}: {{ type }};
    {
        let i = min(first + {{ turn * threads }}u, {{ count - 1 }}u);
        y{{ turn }} = {{ value }};
    }
{% endfor %}
{% for turn in range(turns) %}
    if (first + {{ turn * threads }}u < {{ count }}u) {
        y[first + {{ turn * threads }}u] = y{{ turn }};
    }
{% endfor %}
{% endif %}
}
