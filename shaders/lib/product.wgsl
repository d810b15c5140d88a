{# Rows of x times w, with what follows fused at the store: y = finish(x · w).

   Three forms compute it, chosen by the parameter `form` (see kernels.toml): `direct` keeps all in registers and reads x and
   w through the caches, so any workgroup shape does well on any adapter; `tiled` stages blocks of both in workgroup
   memory, which is what a GPU needs to come near its limit; `matrix` has units for small matrices multiply f16.

   A child sets: m, n, depth, taps, x, w, and optionally bias, activation, extra with extra_rows (added after the
   activation, row modulo extra_rows), accumulate (bits of a sum, 32 or 16), log10 (of the sum clamped to 1e-10), conv (t_in, t_out, stride, padding),
   spectrum (hop: x is cut into overlapping frames; only the tiled form knows it). #}
{% from "lib/macros.wgsl" import read, stored, write %}
{% from "lib/activation.wgsl" import activation as activation_fn %}
{% set both_half = x.element == "f16" and w.element == "f16" %}
{% set half_sums = accumulate is defined and accumulate == 16 %}
{% if half_sums and not both_half %}{{ unsupported("sums in f16 (accumulate = 16) are of products in f16: both inputs must be, with the dtype fp16") }}{% endif %}
{% if half_sums and tuning.form == "direct" %}{{ unsupported("the direct form sums in f32: accumulate = 16 takes the form tiled") }}{% endif %}
{% include "lib/dtype.wgsl" %}
{% set size = [m, n, taps * depth] %}
{% set tiled = tuning.form == "tiled" %}
{% set total = taps * depth %}
{% set spectrum = spectrum if spectrum is defined else none %}
{% if spectrum and tuning.form == "matrix" %}{{ unsupported("spectra are of f32: the form matrix takes products in f16") }}{% endif %}
{% set exact_k4 = depth % 4 == 0 and not spectrum %}
{% if tiled %}
{# Lanes along x own columns, lanes along y own rows, and the z slices share the depth among them: a split of k within
   the workgroup, which pays where there are too few tiles to fill a GPU. #}
{% set X = wg[0] %}
{% set Y = wg[1] %}
{% set Z = wg[2] %}
{% set threads = X * Y * Z %}
{% set tm = tuning.tm %}
{% set tn = tuning.tn %}
{% set bk = tuning.bk %}
{% set bm = Y * tm %}
{% set bn = X * tn %}
{% set deep = bk * Z %}
{% set shared_bytes = 2 if both_half else 4 %}
{% set tile_m = ceil_div(m, bm) %}
{% set tile_n = ceil_div(n, bn) %}
{% set groups = fold(tile_m * tile_n) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = (bm + bn + 4 * tuning.pad) * deep * shared_bytes + (bm * bn * 4 if Z > 1 else 0) %}
{% include "lib/product_tiled.wgsl" %}
{% elif tuning.form == "matrix" %}
{% set threads = wg[0] * wg[1] * wg[2] %}
{% set bk = tuning.bk %}
{% set bm = wg[1] * tuning.sm %}
{% set bn = [wg[0] // 32, 1] | max * tuning.sn %}
{% set tile_m = ceil_div(m, bm) %}
{% set tile_n = ceil_div(n, bn) %}
{% set groups = fold(tile_m * tile_n) %}
{% set grid = [groups[0], groups[1], 1] %}
{% set workgroup_bytes = 2 * (bm * (bk + 8 * tuning.pad) + bk * (bn + 8 * tuning.pad)) %}
{% include "lib/product_matrix.wgsl" %}
{% else %}
{% set lines = wg[1] * wg[2] %}
{% set tn = 4 if n % 4 == 0 else (2 if n % 2 == 0 else 1) %}
{% set tk = 4 if exact_k4 else 1 %}
{# No more rows than leave every line some, and equal tiles: 50 rows are 5 tiles of 10, 22 are 3 of 8. The tile is as large
   as pays everywhere. On a CPU adapter a load costs as much as ten multiplications (each lane is tested and read by
   itself), so what counts is products a load: 10 rows by 8 columns do 4.4. Larger tiles run no faster there, compile in
   proportion to their size, and leave a GPU too few threads. #}
{% set tm = ceil_div(m, ceil_div(m, [tuning.thread_rows, ceil_div(m, lines)] | min)) %}
{% set columns = n // tn %}
{# A thread's columns are a panel apart, not side by side: lanes stay contiguous and the distance is a literal. Two panels
   only where 32 lanes still have a column each. #}
{% set panels = tuning.panels if tn == 4 and columns % tuning.panels == 0 and columns >= 32 * tuning.panels else 1 %}
{% set across = columns // panels %}
{% set column_groups = ceil_div(across, wg[0]) %}
{% set groups = fold(column_groups * ceil_div(m, lines * tm)) %}
{% set grid = [groups[0], groups[1], 1] %}
{% include "lib/product_direct.wgsl" %}
{% endif %}
