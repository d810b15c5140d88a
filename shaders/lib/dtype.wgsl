{# What a kernel that can read f16 begins with: `half` says whether a tensor of its stage is. #}
{% if dtype != "fp32" and dtype != "fp16" %}{{ unsupported("the kernels know the dtypes fp32 and fp16, not " ~ dtype) }}{% endif %}
{% if half %}
enable f16;
{% endif %}
