{# What a kernel that reads no f16 begins with. In a model its inputs are computed, and those are f32 in any dtype. #}
{% include "lib/dtype.wgsl" %}
{% if half %}{{ unsupported("this kernel reads f32 only, and with the dtype fp16 an input or weight of it is f16") }}{% endif %}
