{# The tiled form of `product.wgsl`.

   A workgroup computes `bm` rows by `bn` columns: each step it copies a block of x (transposed, so that a thread reads
   its rows as vectors) and a block of w into workgroup memory, and each thread adds `bk` outer products of `tm` rows by
   `tn` columns to sums that live in named registers. Everything but the loop over the depth is unrolled, shared arrays
   are nested with the constant index outermost: naga (Firefox) tests every loop's counter and clamps every index that is
   not a constant, and an array of sums that a loop variable indexes would live in memory.

   `lanes` arranges the threads: 0 row by row; 4 or 8, each run of 32 threads as a block of so many columns, which reads
   less of the shared tile at a time. `prefetch` loads the next block into registers while the present one is used.
   `across` has neighbouring threads copy neighbouring rows of x, which writes the shared tile without conflicts but reads
   x in pieces; `pad` spreads the tile's rows over the banks instead.
   `swizzle` visits tiles in bands of so many rows, for the second-level cache. #}
{% set V = tn // 4 %}
{% set R = tm // 4 %}
{% set n4 = ceil_div(n, 4) %}
{% set exact_n4 = n % 4 == 0 and not spectrum %}
{% set k4 = ceil_div(depth, 4) %}
{% set slots = deep // 4 %}
{% set rows4 = bm // 4 %}
{% set cols4 = bn // 4 %}
{% set steps = ceil_div(total, deep) %}
{% set ragged_k = total % deep != 0 %}
{% set ST = "vec4<f16>" if both_half else "vec4f" %}
{% set AT = "vec4<f16>" if half_sums else "vec4f" %}
{% set a_count = rows4 * slots %}
{% set b_count = deep * cols4 %}
{% set a_loads = ceil_div(a_count, threads) %}
{% set b_loads = ceil_div(b_count, threads) %}
{% set xyzw = ["x", "y", "z", "w"] %}
{% set x_wide = exact_k4 %}
{{ read(x, "x", stored(x, 4 if x_wide else 1)) }}
{{ read(w, "w", stored(w, 4 if exact_n4 else 1)) }}
{% if spectrum %}
{{ read(weights.dft_sin, "w_sin", "f32") }}
{% endif %}
{% if bias %}
{{ read(bias, "bias", stored(bias, 4 if exact_n4 else 1)) }}
{% endif %}
{% if extra %}
{{ read(extra, "extra", stored(extra, 4 if exact_n4 else 1)) }}
{% endif %}
{{ write(outputs[0], "y", "vec4f" if exact_n4 else "f32") }}
var<workgroup> xs: array<array<{{ ST }}, {{ rows4 + tuning.pad }}>, {{ deep }}>;
var<workgroup> ws: array<array<{{ ST }}, {{ cols4 }}>, {{ deep }}>;
{% if Z > 1 %}
var<workgroup> sums: array<array<vec4f, {{ X * Y }}>, {{ tm * V }}>;
{% endif %}
{{ activation_fn(activation, "vec4f") }}
{% if spectrum %}
// Mirrored about the first and the last sample: the smaller of p and its mirror image at the end.
fn mirrored(i: i32) -> u32 {
    let p = u32(abs(i));
    return min(p, {{ 2 * (samples - 1) }}u - p);
}
{% endif %}

@compute @workgroup_size({{ wg | join(", ") }})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
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
    let tile_column = inside / tall;
{% else %}
    let row0 = tile / {{ tile_n }}u * {{ bm }}u;
    let tile_column = tile % {{ tile_n }}u;
{% endif %}
    let column0 = tile_column * {{ cols4 }}u;
{% if Z > 1 %}
    let lane = thread % {{ X * Y }}u;
    let slice = thread / {{ X * Y }}u * {{ bk }}u;
{% else %}
    let lane = thread;
{% endif %}
{% if tuning.lanes and X % tuning.lanes == 0 and Y % (32 // tuning.lanes) == 0 %}
{% set L = tuning.lanes %}
    let warp = lane / 32u;
    let tx = warp % {{ X // L }}u * {{ L }}u + lane % {{ L }}u;
    let ty = warp / {{ X // L }}u * {{ 32 // L }}u + lane % 32u / {{ L }}u;
{% else %}
    let tx = lane % {{ X }}u;
    let ty = lane / {{ X }}u;
{% endif %}
    let tr = ty * {{ R }}u;
{% for i in range(tm) %}
{% for j in range(V) %}
    var c{{ i }}_{{ j }} = {{ AT }}();
{% endfor %}
{% endfor %}
{# What each thread copies: vectors `a` of four rows by four of the depth, vectors `b` of four columns. #}
{% for q in range(a_loads) %}
{% set this = "(thread + " ~ q * threads ~ "u)" if q else "thread" %}
    let ai{{ q }} = {{ this }} {{ "% " ~ rows4 if tuning.across else "/ " ~ slots }}u;
    let aj{{ q }} = {{ this }} {{ "/ " ~ rows4 if tuning.across else "% " ~ slots }}u;
{% for e in range(4) %}
    let ar{{ q }}_{{ e }} = min(row0 + ai{{ q }} * 4u + {{ e }}u, {{ m - 1 }}u);
{% if conv %}
    // A window of taps is one run of x. It may begin before its batch: offsets wrap, and those past the end read zero.
    let ab{{ q }}_{{ e }} = ar{{ q }}_{{ e }} / {{ conv.t_out }}u * {{ conv.t_in * (k4 if x_wide else depth) }}u;
    let as{{ q }}_{{ e }} = (ar{{ q }}_{{ e }} % {{ conv.t_out }}u * {{ conv.stride }}u - {{ conv.padding }}u) * {{ k4 if x_wide else depth }}u;
{% elif spectrum %}
    let ab{{ q }}_{{ e }} = ar{{ q }}_{{ e }} / {{ frames }}u * {{ samples }}u;
    let as{{ q }}_{{ e }} = i32(ar{{ q }}_{{ e }} % {{ frames }}u) * {{ spectrum.hop }} - {{ n_fft // 2 }};
{% else %}
    let ab{{ q }}_{{ e }} = ar{{ q }}_{{ e }} * {{ k4 if x_wide else depth }}u;
{% endif %}
    var ra{{ q }}_{{ e }} = {{ ST }}();
{% endfor %}
{% endfor %}
{% for q in range(b_loads) %}
    let bi{{ q }} = {{ "(thread + " ~ q * threads ~ "u)" if q else "thread" }} / {{ cols4 }}u;
    let bj{{ q }} = {{ "min(column0 + " if tile_n * bn > n else "column0 + " }}{{ "(thread + " ~ q * threads ~ "u)" if q else "thread" }} % {{ cols4 }}u{{ ", " ~ (n4 - 1) ~ "u)" if tile_n * bn > n else "" }};
    var rb{{ q }} = {{ ST }}();
{% endfor %}
{# One element of x for a row's offset `k`, zero where there is none. #}
{% macro x_scalar(q, e, k) -%}
{% if conv -%}
select({{ "f16" if both_half else "f32" }}(0.0), {{ "f16" if both_half else "f32" }}(x[ab{{ q }}_{{ e }} + min(as{{ q }}_{{ e }} + {{ k }}, {{ conv.t_in * depth - 1 }}u)]), as{{ q }}_{{ e }} + {{ k }} < {{ conv.t_in * depth }}u && {{ k }} < {{ total }}u)
{%- elif spectrum -%}
{% if ragged_k %}select(0.0, x[ab{{ q }}_{{ e }} + mirrored(as{{ q }}_{{ e }} + i32(min({{ k }}, {{ depth - 1 }}u)))], {{ k }} < {{ depth }}u){% else %}x[ab{{ q }}_{{ e }} + mirrored(as{{ q }}_{{ e }} + i32({{ k }}))]{% endif %}
{%- else -%}
select({{ "f16" if both_half else "f32" }}(0.0), {{ "f16" if both_half else "f32" }}(x[ab{{ q }}_{{ e }} + min({{ k }}, {{ depth - 1 }}u)]), {{ k }} < {{ depth }}u)
{%- endif %}
{%- endmacro %}
{% macro load(step) %}
{% for q in range(a_loads) %}
{% if (q + 1) * threads > a_count %}
        if (thread < {{ a_count - q * threads }}u) {
{% else %}
        {
{% endif %}
            let k = ({{ step }}) * {{ slots }}u + aj{{ q }};
{% for e in range(4) %}
{% if not x_wide %}
            ra{{ q }}_{{ e }} = {{ ST }}({% for c in range(4) %}{{ x_scalar(q, e, "(k * 4u + " ~ c ~ "u)") }}{{ ", " if not loop.last else "" }}{% endfor %});
{% elif conv %}
            ra{{ q }}_{{ e }} = select({{ ST }}(), {{ ST }}(x[ab{{ q }}_{{ e }} + min(as{{ q }}_{{ e }} + k, {{ conv.t_in * k4 - 1 }}u)]), as{{ q }}_{{ e }} + k < {{ conv.t_in * k4 }}u{{ " && k < " ~ taps * k4 ~ "u" if ragged_k else "" }});
{% elif ragged_k %}
            ra{{ q }}_{{ e }} = select({{ ST }}(), {{ ST }}(x[ab{{ q }}_{{ e }} + min(k, {{ k4 - 1 }}u)]), k < {{ k4 }}u);
{% else %}
            ra{{ q }}_{{ e }} = {{ ST }}(x[ab{{ q }}_{{ e }} + k]);
{% endif %}
{% endfor %}
        }
{% endfor %}
{% for q in range(b_loads) %}
{% if (q + 1) * threads > b_count %}
        if (thread < {{ b_count - q * threads }}u) {
{% else %}
        {
{% endif %}
            let k = {{ "min(" if ragged_k else "" }}({{ step }}) * {{ deep }}u + bi{{ q }}{{ ", " ~ (total - 1) ~ "u)" if ragged_k else "" }};
{% if exact_n4 %}
            rb{{ q }} = {{ ST }}(w[k * {{ n4 }}u + bj{{ q }}]);
{% elif spectrum %}
            let bin = k * {{ bins }}u + bj{{ q }} * 2u;
            let next = k * {{ bins }}u + min(bj{{ q }} * 2u + 1u, {{ bins - 1 }}u);
            rb{{ q }} = vec4f(w[bin], w_sin[bin], w[next], w_sin[next]);
{% else %}
            rb{{ q }} = {{ ST }}({% for c in range(4) %}{{ "f16" if both_half else "f32" }}(w[k * {{ n }}u + min(bj{{ q }} * 4u + {{ c }}u, {{ n - 1 }}u)]){{ ", " if not loop.last else "" }}{% endfor %});
{% endif %}
        }
{% endfor %}
{% endmacro %}
{% macro keep() %}
{% for q in range(a_loads) %}
{% if (q + 1) * threads > a_count %}
        if (thread < {{ a_count - q * threads }}u) {
{% else %}
        {
{% endif %}
{% for c in range(4) %}
            xs[aj{{ q }} * 4u + {{ c }}u][ai{{ q }}] = {{ ST }}(ra{{ q }}_0.{{ xyzw[c] }}, ra{{ q }}_1.{{ xyzw[c] }}, ra{{ q }}_2.{{ xyzw[c] }}, ra{{ q }}_3.{{ xyzw[c] }});
{% endfor %}
        }
{% endfor %}
{% for q in range(b_loads) %}
{% if (q + 1) * threads > b_count %}
        if (thread < {{ b_count - q * threads }}u) {
{% else %}
        {
{% endif %}
            ws[bi{{ q }}][{{ "(thread + " ~ q * threads ~ "u)" if q else "thread" }} % {{ cols4 }}u] = rb{{ q }};
        }
{% endfor %}
{% endmacro %}
{% if tuning.prefetch %}
    {
{{ load("0u") }}
    }
{% endif %}
    for (var step = 0u; step < {{ steps }}u; step++) {
{% if not tuning.prefetch %}
{{ load("step") }}
{% endif %}
{{ keep() }}
        workgroupBarrier();
{% if tuning.prefetch %}
{{ load("min(step + 1u, " ~ (steps - 1) ~ "u)") }}
{% endif %}
{% for k in range(bk) %}
        {
{% set at = "slice + " ~ k ~ "u" if Z > 1 else k %}
{% for j in range(V) %}
            let b{{ j }} = {{ ST }}(ws[{{ at }}][{{ "tx + " ~ j * X ~ "u" if j else "tx" }}]);
{% endfor %}
{% for r in range(R) %}
            let a{{ r }} = {{ ST }}(xs[{{ at }}][{{ "tr + " ~ r ~ "u" if r else "tr" }}]);
{% for c in range(4) %}
{% for j in range(V) %}
            c{{ r * 4 + c }}_{{ j }} = fma({{ AT }}({{ "a" ~ r ~ "." ~ xyzw[c] if AT == ST else "f32(a" ~ r ~ "." ~ xyzw[c] ~ ")" }}), {{ "b" ~ j if AT == ST else AT ~ "(b" ~ j ~ ")" }}, c{{ r * 4 + c }}_{{ j }});
{% endfor %}
{% endfor %}
{% endfor %}
        }
{% endfor %}
        workgroupBarrier();
    }
{% if Z > 1 %}
    // The slices' sums meet one after the other; those of the first are stored.
{% for s in range(1, Z) %}
    if (slice == {{ s * bk }}u) {
{% for i in range(tm) %}
{% for j in range(V) %}
        sums[{{ i * V + j }}][lane] = vec4f(c{{ i }}_{{ j }});
{% endfor %}
{% endfor %}
    }
    workgroupBarrier();
    if (slice == 0u) {
{% for i in range(tm) %}
{% for j in range(V) %}
        c{{ i }}_{{ j }} += {{ AT }}(sums[{{ i * V + j }}][lane]);
{% endfor %}
{% endfor %}
    }
{% if not loop.last %}
    workgroupBarrier();
{% endif %}
{% endfor %}
    if (slice != 0u) {
        return;
    }
{% endif %}
{% for j in range(V) %}
    let n{{ j }} = column0 + {{ "tx + " ~ j * X ~ "u" if j else "tx" }};
{% if bias %}
{% if exact_n4 %}
    let bias{{ j }} = vec4f(bias[{{ "min(n" ~ j ~ ", " ~ (n4 - 1) ~ "u)" if tile_n * bn > n else "n" ~ j }}]);
{% else %}
    let bias{{ j }} = vec4f({% for c in range(4) %}f32(bias[min(n{{ j }} * 4u + {{ c }}u, {{ n - 1 }}u)]){{ ", " if not loop.last else "" }}{% endfor %});
{% endif %}
{% endif %}
{% endfor %}
{% for i in range(tm) %}
    {
        let row = row0 + ty * {{ tm }}u + {{ i }}u;
{% if tile_m * bm > m %}
        if (row < {{ m }}u) {
{% endif %}
{% if extra %}
        let beside = {{ "row" if extra_rows == m else "row % " ~ extra_rows ~ "u" }} * {{ n4 if exact_n4 else n }}u;
{% endif %}
{% for j in range(V) %}
{% if tile_n * bn > n %}
        if (n{{ j }} < {{ n4 }}u) {
{% else %}
        {
{% endif %}
            let sum = {{ "vec4f(c" ~ i ~ "_" ~ j ~ ")" if AT != "vec4f" else "c" ~ i ~ "_" ~ j }}{{ " + bias" ~ j if bias else "" }};
            let value = {{ "activate(sum)" if activation != "none" else ("log2(max(sum, vec4f(1e-10))) * 0.30102999566398" if log10 else "sum") }};
{% if exact_n4 %}
            y[row * {{ n4 }}u + n{{ j }}] = value{{ " + vec4f(extra[beside + n" ~ j ~ "])" if extra else "" }};
{% elif spectrum %}
            let power = value * value;
            y[row * {{ bins }}u + n{{ j }} * 2u] = power.x + power.y;
            if (n{{ j }} * 2u + 1u < {{ bins }}u) {
                y[row * {{ bins }}u + n{{ j }} * 2u + 1u] = power.z + power.w;
            }
{% else %}
{% for c in range(4) %}
            if (n{{ j }} * 4u + {{ c }}u < {{ n }}u) {
                y[row * {{ n }}u + n{{ j }} * 4u + {{ c }}u] = value.{{ xyzw[c] }}{{ " + f32(extra[beside + n" ~ j ~ " * 4u + " ~ c ~ "u])" if extra else "" }};
            }
{% endfor %}
{% endif %}
        }
{% endfor %}
{% if tile_m * bm > m %}
        }
{% endif %}
    }
{% endfor %}
}
