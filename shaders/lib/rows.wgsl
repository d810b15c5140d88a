{# One row a line: lanes stride over the row and meet in workgroup memory. A child sets `x`, `d` (the row's length), the
   reads beside x, `before` (code that `value` needs, of `row`), and the block `body`; there `columns` elements of type T
   lie in a row from `base` on, `inside` says whether the row exists, the first `busy` lanes have any of it, and barriers
   are allowed at the top level.

   `over(code)` repeats code for each of a lane's elements: `c` is its column, VALUE what the child calls `value`. With the
   parameter `keep` a row is read once and kept in named registers; without, it is read again each time. With `turns`, a
   line takes so many rows one after the other, and the next is on its way while one is computed.

   `meet(name, value, operation)` is what the lanes of a line make of a value, "sum" or "max", known to each of them; a lane
   without elements has the operation's neutral value. With the parameter `subgroups` each subgroup meets by itself, and
   only their results go through workgroup memory; a subgroup must not hold parts of two lines then. #}
{% from "lib/macros.wgsl" import read, reduce, stored, widened, write %}
{% include "lib/dtype.wgsl" %}
{% set subgroups = tuning is defined and tuning.subgroups is defined and tuning.subgroups %}
{% if subgroups %}
{% if not compiler.subgroups %}{{ unsupported("it needs subgroups, which this browser's compiler does not have") }}{% endif %}
enable subgroups;
{% endif %}
{% set lines = wg[1] * wg[2] %}
{% set wide = 4 if d % 4 == 0 else 1 %}
{% set columns = d // wide %}
{% set steps = ceil_div(columns, wg[0]) %}
{% set kept = tuning is defined and tuning.keep is defined and tuning.keep %}
{% if kept and steps > 16 %}{{ unsupported("a row of " ~ d ~ " elements does not fit the registers of " ~ wg[0] ~ " lanes") }}{% endif %}
{% set busy = [wg[0], columns] | min %}
{% set rows = x.len // d %}
{% set turns = tuning.turns if kept else 1 %}
{% set groups = fold(ceil_div(rows, lines * turns)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set before = before if before is defined else "" %}
{% set partial = partial if partial is defined else "f32" %}
{% set workgroup_bytes = (8 if partial == "vec2f" else 4) * wg[0] * lines %}
alias T = {{ "vec4f" if wide == 4 else "f32" }};
{{ read(x, "x", stored(x, wide)) }}
{% for tensor, name in reads %}
{{ read(tensor, name, stored(tensor, wide)) }}
{% endfor %}
{{ write(outputs[0], "y", output_type) }}
var<workgroup> partial: array<array<{{ partial }}, {{ wg[0] }}>, {{ lines }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u
{%- if subgroups %}, @builtin(subgroup_id) subgroup: u32, @builtin(num_subgroups) subgroups: u32{% endif %}) {
    let lane = local.x;
    let line = local.z * {{ wg[1] }}u + local.y;
    let first = (group.y * {{ groups[0] }}u + group.x) * {{ lines * turns }}u + line;
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
{% macro meet(name, value, operation) %}
{% set combine = "max(A, B)" if operation == "max" else "A + B" %}
{% if subgroups %}
    let {{ name }}_part = {{ "subgroupMax" if operation == "max" else "subgroupAdd" }}({{ value }});
    if (subgroupElect()) {
        partial[0][subgroup] = {{ name }}_part;
    }
    workgroupBarrier();
    var {{ name }} = partial[0][0];
    // No subgroup is smaller than four; tint adds a guard where it can't see that a loop ends.
    for (var i = 1u; i < {{ ceil_div(wg[0], 4) }}u; i++) {
        if (i >= subgroups) { break; }
        {{ name }} = {{ combine | replace("A", name) | replace("B", "partial[0][i]") }};
    }
{% else %}
{{ reduce(name, value, busy, combine) -}}
{% endif %}
{% endmacro %}
{# A row's place; a line without a row computes the last one again and stores nothing: barriers must be met by all. #}
{% macro place(of) %}
        let row = {{ of }};
        let base = min(row, {{ rows - 1 }}u) * {{ columns }}u;
{{ before }}
{%- endmacro %}
{% macro fetch(of) %}
{{ place(of) }}
{% for i in range(steps) %}
{% if (i + 1) * wg[0] > columns %}
        if (lane < {{ columns - i * wg[0] }}u) {
{% else %}
        {
{% endif %}
            let c = {{ i * wg[0] }}u + lane;
            next{{ i }} = {{ value }};
        }
{% endfor %}
{% endmacro %}
{% if kept %}
{% for i in range(steps) %}
    var next{{ i }} = T();
{% endfor %}
    {
{{ fetch("first") }}
    }
{% endif %}
{% if turns > 1 %}
    for (var turn = 0u; turn < {{ turns }}u; turn++) {
{% else %}
    {
{% endif %}
{{ place("first + turn * " ~ lines ~ "u" if turns > 1 else "first") }}
        let inside = row < {{ rows }}u;
{% if kept %}
{% for i in range(steps) %}
        let v{{ i }} = next{{ i }};
{% endfor %}
{% if turns > 1 %}
        if (turn < {{ turns - 1 }}u) {
{{ fetch("first + (turn + 1u) * " ~ lines ~ "u") }}
        }
{% endif %}
{% endif %}
{% block body %}{% endblock %}
{% if turns > 1 %}
        workgroupBarrier();
{% endif %}
    }
}
