{% if dtype != "fp32" %}{{ unsupported("this kernel computes in fp32 only, not in " ~ dtype) }}{% endif %}
