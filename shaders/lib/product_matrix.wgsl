{# The matrix form of `product.wgsl`: f16 times f16 on the units that multiply small matrices, summed in f32. Chromium alone
   has it, behind a flag, and the sizes must be multiples of the blocks.

   A workgroup computes blocks of `sm` rows by `sn` columns, one a subgroup: wg[1] of them below each other, a run of 32
   threads along x each beside the other. Each step it stages `bk` columns of x and rows of w in workgroup memory, where
   `pad` leaves eight elements after each row, so that the rows of a fragment lie in different banks; straight out of
   storage the loads would be clamped one by one. `fragment` is what the hardware multiplies at once: rows, columns and
   depth. `prefetch` reads the next step's blocks into registers while this one's are used. #}
{% set fragment = tuning.fragment | split("x") | map("int") | list %}
{% set M = fragment[0] %}
{% set N = fragment[1] %}
{% set K = fragment[2] %}
{% set sm = tuning.sm %}
{% set sn = tuning.sn %}
{% set rows_a = sm // M %}
{% set columns_b = sn // N %}
{% set bk4 = bk // 4 %}
{% set bn4 = bn // 4 %}
{% set a_stride = bk + 8 * tuning.pad %}
{% set b_stride = bn + 8 * tuning.pad %}
{% set a_loads = bm * bk4 // threads %}
{% set b_loads = bk * bn4 // threads %}
{% set steps = depth // bk %}
{% macro refuse(is, reason) -%}
{% if is %}{{ unsupported("the matrix form " ~ reason) }}{% endif %}
{%- endmacro %}
{{ refuse(not both_half, "multiplies f16 by f16: it takes a matmul of two inputs and the dtype fp16") }}
{{ refuse(half_sums, "sums in f32: accumulate = 32") }}
{{ refuse(conv or bias or extra or activation != "none" or log10, "fuses nothing with the product") }}
{{ refuse(wg[0] % 32 != 0 or wg[2] != 1, "takes workgroups of [32 a subgroup, subgroups, 1], not " ~ wg) }}
{{ refuse(sm % M != 0 or sn % N != 0 or bk % K != 0, "can't cut " ~ sm ~ "x" ~ sn ~ "x" ~ bk ~ " into fragments of " ~ tuning.fragment) }}
{{ refuse(m % bm != 0 or n % bn != 0 or depth % bk != 0, "takes multiples of " ~ bm ~ "x" ~ bn ~ "x" ~ bk ~ ", not " ~ m ~ "x" ~ n ~ "x" ~ depth) }}
{{ refuse(a_loads * threads != bm * bk4 or b_loads * threads != bk * bn4, "has more threads than vectors of a block, or they share them unevenly") }}
diagnostic(off, chromium.subgroup_matrix_uniformity);
enable subgroups;
enable chromium_experimental_subgroup_matrix;
alias Left = subgroup_matrix_left<f16, {{ K }}, {{ M }}>;
alias Right = subgroup_matrix_right<f16, {{ N }}, {{ K }}>;
alias Sums = subgroup_matrix_result<f32, {{ N }}, {{ M }}>;
{{ read(x, "x", stored(x, 4)) }}
{{ read(w, "w", stored(w, 4)) }}
{{ write(outputs[0], "y", "f32") }}
var<workgroup> xs: array<f16, {{ bm * a_stride }}>;
var<workgroup> ws: array<f16, {{ bk * b_stride }}>;

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32) {
    let tile = group.y * {{ groups[0] }}u + group.x;
{% if groups[1] > 1 %}
    if (tile >= {{ tile_m * tile_n }}u) {
        return;
    }
{% endif %}
{% if tuning.swizzle > 1 %}
    let band = tile / {{ tuning.swizzle * tile_n }}u;
    let tall = min({{ tuning.swizzle }}u, {{ tile_m }}u - band * {{ tuning.swizzle }}u);
    let inside = tile - band * {{ tuning.swizzle * tile_n }}u;
    let row0 = (band * {{ tuning.swizzle }}u + inside % tall) * {{ bm }}u;
    let column0 = inside / tall * {{ bn }}u;
{% else %}
    let row0 = tile / {{ tile_n }}u * {{ bm }}u;
    let column0 = tile % {{ tile_n }}u * {{ bn }}u;
{% endif %}
    let below = subgroup / {{ wg[0] // 32 }}u * {{ sm }}u;
    let beside = subgroup % {{ wg[0] // 32 }}u * {{ sn }}u;
{% for i in range(rows_a) %}
{% for j in range(columns_b) %}
    var c{{ i }}_{{ j }}: Sums;
{% endfor %}
{% endfor %}
{% macro load(step) %}
{% for q in range(a_loads) %}
{% set this = "(thread + " ~ q * threads ~ "u)" if q else "thread" %}
        ra{{ q }} = x[(row0 + {{ this }} / {{ bk4 }}u) * {{ depth // 4 }}u + ({{ step }}) * {{ bk4 }}u + {{ this }} % {{ bk4 }}u];
{% endfor %}
{% for q in range(b_loads) %}
{% set this = "(thread + " ~ q * threads ~ "u)" if q else "thread" %}
        rb{{ q }} = w[(({{ step }}) * {{ bk }}u + {{ this }} / {{ bn4 }}u) * {{ n // 4 }}u + column0 / 4u + {{ this }} % {{ bn4 }}u];
{% endfor %}
{% endmacro %}
{% for q in range(a_loads) %}
    var ra{{ q }} = vec4<f16>();
{% endfor %}
{% for q in range(b_loads) %}
    var rb{{ q }} = vec4<f16>();
{% endfor %}
{% if tuning.prefetch %}
{{ load("0u") }}
{% endif %}
    for (var step = 0u; step < {{ steps }}u; step++) {
{% if not tuning.prefetch %}
{{ load("step") }}
{% endif %}
{% for q in range(a_loads) %}
{% set this = "(thread + " ~ q * threads ~ "u)" if q else "thread" %}
        let xa{{ q }} = {{ this }} / {{ bk4 }}u * {{ a_stride }}u + {{ this }} % {{ bk4 }}u * 4u;
{% for e in range(4) %}
        xs[xa{{ q }} + {{ e }}u] = ra{{ q }}.{{ "xyzw"[e] }};
{% endfor %}
{% endfor %}
{% for q in range(b_loads) %}
{% set this = "(thread + " ~ q * threads ~ "u)" if q else "thread" %}
        let wb{{ q }} = {{ this }} / {{ bn4 }}u * {{ b_stride }}u + {{ this }} % {{ bn4 }}u * 4u;
{% for e in range(4) %}
        ws[wb{{ q }} + {{ e }}u] = rb{{ q }}.{{ "xyzw"[e] }};
{% endfor %}
{% endfor %}
        workgroupBarrier();
{% if tuning.prefetch %}
{{ load("min(step + 1u, " ~ (steps - 1) ~ "u)") }}
{% endif %}
{% for k in range(bk // K) %}
        {
{% for i in range(rows_a) %}
            let a{{ i }} = subgroupMatrixLoad<Left, row_major>(&xs, (below + {{ i * M }}u) * {{ a_stride }}u + {{ k * K }}u, {{ a_stride }}u);
{% endfor %}
{% for j in range(columns_b) %}
            let b{{ j }} = subgroupMatrixLoad<Right, row_major>(&ws, {{ k * K * b_stride }}u + beside + {{ j * N }}u, {{ b_stride }}u);
{% for i in range(rows_a) %}
            c{{ i }}_{{ j }} = subgroupMatrixMultiplyAccumulate(a{{ i }}, b{{ j }}, c{{ i }}_{{ j }});
{% endfor %}
{% endfor %}
        }
{% endfor %}
        workgroupBarrier();
    }
{% for i in range(rows_a) %}
{% for j in range(columns_b) %}
    subgroupMatrixStore<row_major>(&y, (row0 + below + {{ i * M }}u) * {{ n }}u + column0 + beside + {{ j * N }}u, c{{ i }}_{{ j }}, {{ n }}u);
{% endfor %}
{% endfor %}
}
