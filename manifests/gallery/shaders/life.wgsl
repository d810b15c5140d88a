{# A generation of Conway's game of life; the edges meet. #}
{% set height = outputs[0].shape[0] %}
{% set width = outputs[0].shape[1] %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(height * width, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> cells: array<u32>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> next: array<u32>;

fn cell(row: u32, column: u32) -> u32 {
    return cells[row % {{ height }}u * {{ width }}u + column % {{ width }}u];
}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    if (i >= {{ height * width }}u) {
        return;
    }
    // A whole turn further: a u32 can't go below 0.
    let row = i / {{ width }}u + {{ height }}u;
    let column = i % {{ width }}u + {{ width }}u;
    var neighbours = 0u;
{% for down in [-1, 0, 1] %}
{% for right in [-1, 0, 1] %}
{% if down != 0 or right != 0 %}
    neighbours += cell(row {{ "- 1u" if down < 0 else "+ " ~ down ~ "u" }}, column {{ "- 1u" if right < 0 else "+ " ~ right ~ "u" }});
{% endif %}
{% endfor %}
{% endfor %}
    next[i] = u32(neighbours == 3u || (neighbours == 2u && cells[i] == 1u));
}
