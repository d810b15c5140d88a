{# Seven taps of a blur, `across` rows or `down` columns; beyond an edge the image goes on as it is there. #}
{% set height = outputs[0].shape[0] %}
{% set width = outputs[0].shape[1] %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(height * width, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> image: array<f32>;
// An array in a uniform buffer has elements of 16 bytes.
@group(0) @binding({{ inputs[1].binding }}) var<uniform> taps: array<vec4f, 2>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> blurred: array<f32>;

fn pixel(row: i32, column: i32) -> f32 {
    return image[clamp(row, 0, {{ height - 1 }}) * {{ width }} + clamp(column, 0, {{ width - 1 }})];
}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    if (i >= {{ height * width }}u) {
        return;
    }
    let row = i32(i / {{ width }}u);
    let column = i32(i % {{ width }}u);
    var sum = 0.0;
{% for tap in range(7) %}
    sum += taps[{{ tap // 4 }}].{{ "xyzw"[tap % 4] }} * pixel({{ "row, column + " if params.axis == "across" else "row + " }}{{ tap - 3 }}{{ "" if params.axis == "across" else ", column" }});
{% endfor %}
    blurred[i] = sum;
}
