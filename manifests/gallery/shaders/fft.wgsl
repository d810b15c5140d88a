{# A pass of Stockham's FFT: a butterfly of the elements i and i + n/2, whose results go where the next pass finds them in
   order. Passes have the spans 1, 2, 4, … n/2. #}
{% set half = outputs[0].shape[0] // 2 %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(half, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
@group(0) @binding({{ inputs[0].binding }}) var<storage, read> x: array<vec2f>;
@group(0) @binding({{ inputs[1].binding }}) var<storage, read> twiddles: array<vec2f>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> y: array<vec2f>;

// The stage's parameter of this name.
override span: u32;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    if (i >= {{ half }}u) {
        return;
    }
    let k = i % span;
    let w = twiddles[k * ({{ half }}u / span)];
    let a = x[i];
    let b = x[i + {{ half }}u];
    let turned = vec2f(w.x * b.x - w.y * b.y, w.x * b.y + w.y * b.x);
    let to = i / span * 2u * span + k;
    y[to] = a + turned;
    y[to + span] = a - turned;
}
