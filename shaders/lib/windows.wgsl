{# Windows of an image times a weight, four windows and as many columns as a vector has at a time: each weight that is
   loaded serves four sums. A line of a window is one run of x, since channels are its last dimension.

   A child sets: n, size [rows, columns] of the window, out [rows, columns] of windows, stride, padding, kind (an activation),
   and class (a row before the windows' own) and position (a row each), or none. #}
{% from "lib/macros.wgsl" import read, stored, widened, write %}
{% from "lib/activation.wgsl" import activation %}
{% include "lib/dtype.wgsl" %}
{% set x = inputs[0] %}
{% set h = x.shape[-3] %}
{% set w = x.shape[-2] %}
{% set c = x.shape[-1] %}
{% set bias = weights.bias if weights.bias is defined else none %}
{% set images = x.len // (h * w * c) %}
{% set windows = out[0] * out[1] %}
{% set rows = images * windows %}
{% set tm = [4, rows] | min %}
{% set tn = 4 if n % 4 == 0 else 1 %}
{% set columns = n // tn %}
{# Four elements of a line at a time, where every line of every window begins at a multiple of four. #}
{% set even = c % 4 == 0 or (padding == 0 and size[1] * c % 4 == 0 and w * c % 4 == 0 and stride * c % 4 == 0) %}
{% set tk = 4 if even else 1 %}
{% set run = size[1] * c // tk %}
{% set line = w * c // tk %}
{% set hop = stride * c // tk %}
{% set edge = padding * c // tk %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set first = 1 if class is not none else 0 %}
{% set tiles = ceil_div(rows, tm) %}
{# The rows of the class come after the windows. #}
{% set count = (tiles + images * first) * columns %}
{% set groups = fold(ceil_div(count, threads)) %}
{% set grid = [groups[0], groups[1], 1] %}
alias T = {{ "vec4f" if tn == 4 else "f32" }};
alias X = {{ "vec4f" if tk == 4 else "f32" }};
{{ read(x, "x", stored(x, tk)) }}
{{ read(weights.weight, "w", stored(weights.weight, tn)) }}
{% if bias is not none %}
{{ read(bias, "bias", stored(bias, tn)) }}
{% endif %}
{% if class is not none %}
{{ read(class, "class_row", stored(class, tn)) }}
{% endif %}
{% if position is not none %}
{{ read(position, "position", stored(position, tn)) }}
{% endif %}
{{ write(outputs[0], "y", "T") }}
{% if kind != "none" %}

{{ activation(kind, "T") }}
{% endif %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let i = (group.y * {{ groups[0] }}u + group.x) * {{ threads }}u + thread;
    if (i >= {{ count }}u) {
        return;
    }
    let column = i % {{ columns }}u;
    let tile = i / {{ columns }}u;
{% if first %}
    if (tile >= {{ tiles }}u) {
        y[(tile - {{ tiles }}u) * {{ (windows + 1) * columns }}u + column] = {{ widened(class, "T", "class_row[column]") }}{{ " + " ~ widened(position, "T", "position[column]") if position is not none else "" }};
        return;
    }
{% endif %}
{% for r in range(tm) %}
    let row{{ r }} = min(tile * {{ tm }}u + {{ r }}u, {{ rows - 1 }}u);
    let image{{ r }} = row{{ r }} / {{ windows }}u;
    // A window may begin before its image: offsets wrap, and those past an end read zero.
    let top{{ r }} = row{{ r }} % {{ windows }}u / {{ out[1] }}u * {{ stride }}u{{ " - " ~ padding ~ "u" if padding else "" }};
    let left{{ r }} = row{{ r }} % {{ out[1] }}u * {{ hop }}u{{ " - " ~ edge ~ "u" if padding else "" }};
    var sum{{ r }} = {{ widened(bias, "T", "bias[column]") if bias is not none else "T(0.0)" }};
{% endfor %}
    for (var k = 0u; k < {{ size[0] * run }}u; k++) {
        let down = k / {{ run }}u;
        let right = k % {{ run }}u;
{% for r in range(tm) %}
{% if padding %}
        let inside{{ r }} = top{{ r }} + down < {{ h }}u && left{{ r }} + right < {{ line }}u;
        let x{{ r }} = select(X(0.0), {{ widened(x, "X", "x[(image" ~ r ~ " * " ~ h ~ "u + min(top" ~ r ~ " + down, " ~ (h - 1) ~ "u)) * " ~ line ~ "u + min(left" ~ r ~ " + right, " ~ (line - 1) ~ "u)]") }}, inside{{ r }});
{% else %}
        let x{{ r }} = {{ widened(x, "X", "x[(image" ~ r ~ " * " ~ h ~ "u + top" ~ r ~ " + down) * " ~ line ~ "u + left" ~ r ~ " + right]") }};
{% endif %}
{% endfor %}
        let at = k * {{ tk * columns }}u + column;
{% for j in range(tk) %}
        let w{{ j }} = {{ widened(weights.weight, "T", "w[at + " ~ j * columns ~ "u]") }};
{% endfor %}
{% for r in range(tm) %}
        sum{{ r }} = sum{{ r }}{% for j in range(tk) %} + x{{ r }}{{ "." ~ "xyzw"[j] if tk == 4 else "" }} * w{{ j }}{% endfor %};
{% endfor %}
    }
{% for r in range(tm) %}
{% set value = "activate(sum" ~ r ~ ")" if kind != "none" else "sum" ~ r %}
{% set token = "row" ~ r ~ (" + image" ~ r ~ " + 1u" if first else "") %}
    y[({{ token }}) * {{ columns }}u + column] = {{ value }}{{ " + " ~ widened(position, "T", "position[(row" ~ r ~ " % " ~ windows ~ "u + " ~ first ~ "u) * " ~ columns ~ "u + column]") if position is not none else "" }};
{% endfor %}
}
