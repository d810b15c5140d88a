{# A step of the leapfrog method (kick, then drift): all workgroups read all bodies, a tile of them at a time through
   workgroup memory (Nyland, Harris & Prins 2007, *Fast N-Body Simulation with CUDA*). #}
{% set n = outputs[0].shape[0] %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set groups = fold(ceil_div(n, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 16 * threads %}
struct Body {
    place: vec3f,
    mass: f32,
    velocity: vec4f,
}

@group(0) @binding({{ inputs[0].binding }}) var<storage, read> old: array<Body>;
@group(0) @binding({{ outputs[0].binding }}) var<storage, read_write> bodies: array<Body>;

// Place and mass; none for lanes past the last body.
var<workgroup> tile: array<vec4f, {{ threads }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + lane;
    var body = old[min(i, {{ n - 1 }}u)];
    var pull = vec3f();
    for (var first = 0u; first < {{ n }}u; first += {{ threads }}u) {
        let other = old[min(first + lane, {{ n - 1 }}u)];
        tile[lane] = vec4f(other.place, select(0.0, abs(other.mass), first + lane < {{ n }}u));
        workgroupBarrier();
        for (var k = 0u; k < {{ threads }}u; k++) {
            let way = tile[k].xyz - body.place;
            let squared = dot(way, way) + {{ (params.softening * params.softening) | f32 }};
            pull += way * (tile[k].w / (squared * sqrt(squared)));
        }
        workgroupBarrier();
    }
    // Not before the last barrier, which all lanes must reach.
    if (i < {{ n }}u) {
        body.velocity += {{ (params.dt / n) | f32 }} * vec4f(pull, 0.0);
        body.place += {{ params.dt | f32 }} * body.velocity.xyz;
        bodies[i] = body;
    }
}
