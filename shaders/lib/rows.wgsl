{# One row a line: lanes stride over the row and meet in workgroup memory. A child sets `x`, `d` (the row's length), the
   reads beside x, what `value` needs in the block `before`, and the block `body`; there `columns` elements of type T lie
   in a row from `base` on, `inside` says whether the row exists, the first `busy` lanes have any of it, and barriers are
   allowed at the top level.

   `over(code)` repeats code for each of a lane's elements: `c` is its column, VALUE what the child calls `value`. With the
   parameter `keep` a row is read once and kept in named registers; without, it is read again each time. #}
{% from "lib/macros.wgsl" import read, stored, widened, write %}
{% include "lib/dtype.wgsl" %}
{% set lines = wg[1] * wg[2] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set columns = d // wide %}
{% set steps = ceil_div(columns, wg[0]) %}
{% set kept = tuning is defined and tuning.keep is defined and tuning.keep %}
{% if kept and steps > 16 %}{{ unsupported("a row of " ~ d ~ " elements does not fit the registers of " ~ wg[0] ~ " lanes") }}{% endif %}
{% set busy = [wg[0], columns] | min %}
{% set rows = x.len // d %}
{% set groups = fold(ceil_div(rows, lines)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 4 * wg[0] * lines %}
alias T = {{ "vec4f" if wide == 4 else "f32" }};
{{ read(x, "x", stored(x, wide)) }}
{% for tensor, name in reads %}
{{ read(tensor, name, stored(tensor, wide)) }}
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
{% block before %}{% endblock %}
{% macro over(code) %}
{% if kept %}
{% for i in range(steps) %}
{% if (i + 1) * wg[0] > columns %}
    if (lane < {{ columns - i * wg[0] }}u) {
{% else %}
    {
{% endif %}
        let c = {{ i * wg[0] }}u + lane;
{{ code | replace("VALUE", "v" ~ i) }}
    }
{% endfor %}
{% else %}
    for (var i = 0u; i < {{ steps }}u; i++) {
        let c = i * {{ wg[0] }}u + lane;
        if (c < {{ columns }}u) {
{{ code | replace("VALUE", value) }}
        }
    }
{% endif %}
{% endmacro %}
{% if kept %}
{% for i in range(steps) %}
    var v{{ i }} = T();
{% if (i + 1) * wg[0] > columns %}
    if (lane < {{ columns - i * wg[0] }}u) {
{% else %}
    {
{% endif %}
        let c = {{ i * wg[0] }}u + lane;
        v{{ i }} = {{ value }};
    }
{% endfor %}
{% endif %}
{% block body %}{% endblock %}
}
