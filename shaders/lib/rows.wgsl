{# One row a line: lanes stride over the row and meet in workgroup memory. A child sets `x`, `d` (the row's length), the
   reads beside x, and the block `body`; there `columns` elements of type T lie in a row from `base` on, `inside` says
   whether the row exists, the first `busy` lanes have any of it, and barriers are allowed at the top level. #}
{% from "lib/macros.wgsl" import read, write %}
{% include "lib/only_fp32.wgsl" %}
{% set lines = wg[1] * wg[2] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set columns = d // wide %}
{% set steps = ceil_div(columns, wg[0]) %}
{% set busy = [wg[0], columns] | min %}
{% set rows = x.len // d %}
{% set groups = fold(ceil_div(rows, lines)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 4 * wg[0] * lines %}
alias T = {{ "vec4f" if wide == 4 else "f32" }};
{{ read(x, "x", "T") }}
{% for tensor, name in reads %}
{{ read(tensor, name, "T") }}
{% endfor %}
{{ write(outputs[0], "y", output_type) }}
var<workgroup> partial: array<array<f32, {{ wg[0] }}>, {{ lines }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
    let lane = local.x;
    let line = local.z * {{ wg[1] }}u + local.y;
    let row = (group.y * {{ groups[0] }}u + group.x) * {{ lines }}u + line;
    let inside = row < {{ rows }}u;
    // A line without a row computes the last one again and stores nothing: barriers must be met by all.
    let base = min(row, {{ rows - 1 }}u) * {{ columns }}u;
{% block body %}{% endblock %}
}
