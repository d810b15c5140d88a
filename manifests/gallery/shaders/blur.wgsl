{# Seven taps of a blur, `across` rows or `down` columns; beyond an edge the sampler gives the texel at it. #}
{% set height = outputs[0].shape[0] %}
{% set width = outputs[0].shape[1] %}
{% set grid = [ceil_div(width, 8), ceil_div(height, 8), 1] %}
{% set step = "1.0, 0.0" if params.axis == "across" else "0.0, 1.0" %}
@group(0) @binding({{ inputs[0].binding }}) var image: texture_2d<f32>;
// An array in a uniform buffer has elements of 16 bytes.
@group(0) @binding({{ inputs[1].binding }}) var<uniform> taps: array<vec4f, 2>;
@group(0) @binding({{ outputs[0].binding }}) var blurred: texture_storage_2d<{{ outputs[0].texture }}, write>;
@group(0) @binding({{ samplers.edge.binding }}) var edge: sampler;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let size = vec2f(textureDimensions(image));
    if (id.x >= {{ width }}u || id.y >= {{ height }}u) {
        return;
    }
    // The middle of a texel, where it is given as it is.
    let here = vec2f(id.xy) + 0.5;
    var sum = vec4f();
{% for tap in range(7) %}
    sum += taps[{{ tap // 4 }}].{{ "xyzw"[tap % 4] }} * textureSampleLevel(image, edge, (here + {{ (tap - 3) | f32 }} * vec2f({{ step }})) / size, 0.0);
{% endfor %}
    textureStore(blurred, id.xy, sum);
}
