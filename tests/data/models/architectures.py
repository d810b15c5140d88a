"""The networks, with the inputs, outputs and weight names that transformers.js and PyTorch's checkpoints give them.

Each function takes a Graph and the model's `config.json`, and returns the graph's inputs and outputs.
"""

import numpy as np
from onnx import TensorProto

INT64, FLOAT = TensorProto.INT64, TensorProto.FLOAT


def bert(g, c):
    """BertModel: `last_hidden_state`."""
    x = bert_encoder(g, c)
    g.output(x, "last_hidden_state")
    return BERT_INPUTS, [("last_hidden_state", FLOAT, ["batch_size", "sequence_length", c["hidden_size"]])]


def bert_classifier(g, c):
    """BertForSequenceClassification: `logits` of the pooled first token."""
    d, labels = c["hidden_size"], len(c["id2label"])
    x = g.op("Gather", bert_encoder(g, c), g.index(0), axis=1)
    x = g.op("Tanh", g.linear(x, "bert.pooler.dense", d, d))
    g.output(g.linear(x, "classifier", d, labels), "logits")
    return BERT_INPUTS, [("logits", FLOAT, ["batch_size", labels])]


def bert_masked(g, c):
    """BertForMaskedLM: `logits` over the vocabulary at every position; the decoder is the embedding's transpose."""
    d = c["hidden_size"]
    x = g.gelu(g.linear(bert_encoder(g, c), "cls.predictions.transform.dense", d, d))
    x = g.layer_norm(x, "cls.predictions.transform.LayerNorm", d, c["layer_norm_eps"])
    x = g.op("MatMul", x, g.op("Transpose", "embeddings.word_embeddings.weight", perm=[1, 0]))
    g.output(g.op("Add", x, g.weight("cls.predictions.bias", (c["vocab_size"],))), "logits")
    return BERT_INPUTS, [("logits", FLOAT, ["batch_size", "sequence_length", c["vocab_size"]])]


BERT_INPUTS = [
    (name, INT64, ["batch_size", "sequence_length"]) for name in ("input_ids", "attention_mask", "token_type_ids")
]


def bert_encoder(g, c):
    d, eps, e = c["hidden_size"], c["layer_norm_eps"], "embeddings."
    words = g.op("Gather", g.weight(e + "word_embeddings.weight", (c["vocab_size"], d)), "input_ids")
    types = g.op("Gather", g.weight(e + "token_type_embeddings.weight", (c["type_vocab_size"], d)), "token_type_ids")
    length = g.op("Shape", "input_ids", start=1, end=2)
    positions = g.weight(e + "position_embeddings.weight", (c["max_position_embeddings"], d))
    positions = g.op("Slice", positions, g.ints(0), length, g.ints(0))
    x = g.layer_norm(g.op("Add", g.op("Add", words, types), positions), e + "LayerNorm", d, eps)
    mask = g.padding_mask("attention_mask")
    for layer in range(c["num_hidden_layers"]):
        p = f"encoder.layer.{layer}."
        names = [f"{p}attention.self.{part}" for part in ("query", "key", "value")] + [p + "attention.output.dense"]
        y = g.self_attention(x, names, d, c["num_attention_heads"], mask)
        x = g.layer_norm(g.op("Add", x, y), p + "attention.output.LayerNorm", d, eps)
        y = g.gelu(g.linear(x, p + "intermediate.dense", d, c["intermediate_size"]))
        y = g.linear(y, p + "output.dense", c["intermediate_size"], d)
        x = g.layer_norm(g.op("Add", x, y), p + "output.LayerNorm", d, eps)
    return x


def gpt2(g, c):
    """GPT2LMHeadModel with its cache: `logits`, and `present.N.{key,value}` to be given back as `past_key_values.N.…`."""
    d, heads, eps = c["n_embd"], c["n_head"], c["layer_norm_epsilon"]
    tokens = g.weight("transformer.wte.weight", (c["vocab_size"], d))
    positions = g.weight("transformer.wpe.weight", (c["n_positions"], d))
    x = g.op("Add", g.op("Gather", tokens, "input_ids"), g.op("Gather", positions, "position_ids"))

    # A query at position past + i sees the keys 0 ..= past + i that the attention mask allows.
    length = g.op("Shape", "input_ids", start=1, end=2)
    total = g.op("Shape", "attention_mask", start=1, end=2)
    scalar = lambda vector: g.op("Squeeze", vector, g.ints(0))
    keys = g.op("Range", g.index(0), scalar(total), g.index(1))
    queries = g.op("Range", scalar(g.op("Sub", total, length)), scalar(total), g.index(1))
    causal = g.op("LessOrEqual", g.op("Unsqueeze", keys, g.ints(0)), g.op("Unsqueeze", queries, g.ints(1)))
    allowed = g.op("Cast", g.op("Unsqueeze", "attention_mask", g.ints(1, 2)), to=TensorProto.BOOL)
    mask = g.op("Where", g.op("And", allowed, causal), g.floats(0), g.floats(g.lowest()))

    cache, present = [], []
    for layer in range(c["n_layer"]):
        p = f"transformer.h.{layer}."
        y = g.linear(g.layer_norm(x, p + "ln_1", d, eps), p + "attn.c_attn", d, 3 * d)
        parts = g.op("Split", y, g.ints(d, d, d), outputs=3, axis=-1)
        query, *key_value = (g.split_heads(part, heads, d // heads) for part in parts)
        for kind, tensor in zip(("key", "value"), key_value):
            g.op("Concat", f"past_key_values.{layer}.{kind}", tensor, out=f"present.{layer}.{kind}", axis=2)
            shape = lambda length: (g.float_type, ["batch_size", heads, length, d // heads])
            cache.append((f"past_key_values.{layer}.{kind}", *shape("past_sequence_length")))
            present.append((f"present.{layer}.{kind}", *shape("total_sequence_length")))
        y = g.attend(query, f"present.{layer}.key", f"present.{layer}.value", d, heads, mask)
        x = g.op("Add", x, g.linear(y, p + "attn.c_proj", d, d))
        y = g.gelu_tanh(g.linear(g.layer_norm(x, p + "ln_2", d, eps), p + "mlp.c_fc", d, c["n_inner"]))
        x = g.op("Add", x, g.linear(y, p + "mlp.c_proj", c["n_inner"], d))
    x = g.layer_norm(x, "transformer.ln_f", d, eps)
    g.output(g.linear(x, "lm_head", d, c["vocab_size"], bias=False), "logits")

    inputs = [
        ("input_ids", INT64, ["batch_size", "sequence_length"]),
        *cache,
        ("attention_mask", INT64, ["batch_size", "total_sequence_length"]),
        ("position_ids", INT64, ["batch_size", "sequence_length"]),
    ]
    return inputs, [("logits", FLOAT, ["batch_size", "sequence_length", c["vocab_size"]]), *present]


VIT_NAMES = dict(
    norms=("layernorm_before", "layernorm_after"),
    attention=[f"attention.attention.{part}" for part in ("query", "key", "value")] + ["attention.output.dense"],
    feed_forward=("intermediate.dense", "output.dense"),
)
CLIP_NAMES = dict(
    norms=("layer_norm1", "layer_norm2"),
    attention=[f"self_attn.{part}_proj" for part in ("q", "k", "v", "out")],
    feed_forward=("mlp.fc1", "mlp.fc2"),
)


def pre_norm_layers(g, x, prefix, c, names, activation, mask=None):
    """The layers of ViT, AST and CLIP: both halves normalise their input."""
    d, eps = c["hidden_size"], c["layer_norm_eps"]
    for layer in range(c["num_hidden_layers"]):
        p = f"{prefix}.{layer}."
        y = g.layer_norm(x, p + names["norms"][0], d, eps)
        y = g.self_attention(y, [p + name for name in names["attention"]], d, c["num_attention_heads"], mask)
        x = g.op("Add", x, y)
        y = g.layer_norm(x, p + names["norms"][1], d, eps)
        y = activation(g.linear(y, p + names["feed_forward"][0], d, c["intermediate_size"]))
        x = g.op("Add", x, g.linear(y, p + names["feed_forward"][1], c["intermediate_size"], d))
    return x


def patches(g, x, name, channels, size, strides, d, bias=True):
    """Patches of an image as tokens: [batch, patches, d]."""
    parameters = [g.weight(name + ".weight", (d, channels, size, size))]
    if bias:
        parameters.append(g.weight(name + ".bias", (d,)))
    y = g.op("Conv", x, *parameters, kernel_shape=[size, size], strides=strides)
    return g.op("Transpose", g.op("Reshape", y, g.ints(0, d, -1)), perm=[0, 2, 1])


def with_leading_tokens(g, tokens, count, y, batch_of, d):
    """Puts the learned tokens [1, count, d] before every sequence of the batch."""
    batch = g.op("Shape", batch_of, start=0, end=1)
    return g.op("Concat", g.op("Expand", tokens, g.op("Concat", batch, g.ints(count, d), axis=0)), y, axis=1)


def vit_encoder(g, c):
    d, size = c["hidden_size"], c["patch_size"]
    count = (c["image_size"] // size) ** 2 + 1
    y = patches(g, g.given("pixel_values"), "vit.embeddings.patch_embeddings.projection", 3, size, [size, size], d)
    x = with_leading_tokens(g, g.weight("vit.embeddings.cls_token", (1, 1, d)), 1, y, "pixel_values", d)
    x = g.op("Add", x, g.weight("vit.embeddings.position_embeddings", (1, count, d)))
    x = pre_norm_layers(g, x, "vit.encoder.layer", c, VIT_NAMES, g.gelu)
    return g.layer_norm(x, "vit.layernorm", d, c["layer_norm_eps"]), count


def pixels(c, batch="batch_size"):
    return [("pixel_values", FLOAT, [batch, c["num_channels"], c["image_size"], c["image_size"]])]


def vit(g, c):
    """ViTForImageClassification: `logits`."""
    x, _ = vit_encoder(g, c)
    labels = len(c["id2label"])
    x = g.op("Gather", x, g.index(0), axis=1)
    g.output(g.linear(x, "classifier", c["hidden_size"], labels), "logits")
    return pixels(c), [("logits", FLOAT, ["batch_size", labels])]


def vit_features(g, c):
    """ViTModel: `last_hidden_state` and `pooler_output`."""
    d = c["hidden_size"]
    x, count = vit_encoder(g, c)
    g.output(x, "last_hidden_state")
    first = g.op("Gather", x, g.index(0), axis=1)
    g.output(g.op("Tanh", g.linear(first, "vit.pooler.dense", d, d)), "pooler_output")
    return pixels(c), [
        ("last_hidden_state", FLOAT, ["batch_size", count, d]),
        ("pooler_output", FLOAT, ["batch_size", d]),
    ]


def ast(g, c):
    """ASTForAudioClassification: `logits` of a mel spectrogram [batch, frames, bins]."""
    d, size, eps, labels = c["hidden_size"], c["patch_size"], c["layer_norm_eps"], len(c["id2label"])
    steps = lambda extent, stride: (extent - size) // stride + 1
    strides = [c["frequency_stride"], c["time_stride"]]
    count = steps(c["num_mel_bins"], strides[0]) * steps(c["max_length"], strides[1]) + 2
    r = "audio_spectrogram_transformer."
    e = r + "embeddings."
    x = g.op("Transpose", g.op("Unsqueeze", "input_values", g.ints(1)), perm=[0, 1, 3, 2])
    y = patches(g, x, e + "patch_embeddings.projection", 1, size, strides, d)
    tokens = [g.weight(e + name, (1, 1, d)) for name in ("cls_token", "distillation_token")]
    x = with_leading_tokens(g, g.op("Concat", *tokens, axis=1), 2, y, "input_values", d)
    x = g.op("Add", x, g.weight(e + "position_embeddings", (1, count, d)))
    x = g.layer_norm(pre_norm_layers(g, x, r + "encoder.layer", c, VIT_NAMES, g.gelu), r + "layernorm", d, eps)
    both = [g.op("Gather", x, g.index(i), axis=1) for i in range(2)]
    x = g.layer_norm(g.op("Div", g.op("Add", *both), g.floats(2)), "classifier.layernorm", d, eps)
    g.output(g.linear(x, "classifier.dense", d, labels), "logits")
    return [("input_values", FLOAT, ["batch_size", c["max_length"], c["num_mel_bins"]])], [
        ("logits", FLOAT, ["batch_size", labels])
    ]


def wav2vec2(g, c):
    """Wav2Vec2ForCTC: `logits` over the characters at every frame. The positional convolution's weight norm is folded."""
    d, eps, w = c["hidden_size"], c["layer_norm_eps"], "wav2vec2."
    channels, x = 1, g.op("Unsqueeze", g.given("input_values"), g.ints(1))
    for i, (out, kernel, stride) in enumerate(zip(c["conv_dim"], c["conv_kernel"], c["conv_stride"])):
        p = f"{w}feature_extractor.conv_layers.{i}."
        x = g.op("Conv", x, g.weight(p + "conv.weight", (out, channels, kernel)), kernel_shape=[kernel], strides=[stride])
        if i == 0:  # feat_extract_norm = "group": one group a channel
            gain, bias = g.weight(p + "layer_norm.weight", (out,)), g.weight(p + "layer_norm.bias", (out,))
            x = g.op("InstanceNormalization", x, gain, bias, epsilon=1e-5)
        x, channels = g.gelu(x), out
    x = g.layer_norm(g.op("Transpose", x, perm=[0, 2, 1]), w + "feature_projection.layer_norm", channels, eps)
    x = g.linear(x, w + "feature_projection.projection", channels, d)

    kernel, groups, p = c["num_conv_pos_embeddings"], c["num_conv_pos_embedding_groups"], w + "encoder.pos_conv_embed.conv"
    weight, bias = g.weight(p + ".weight", (d, d // groups, kernel)), g.weight(p + ".bias", (d,))
    y = g.op("Transpose", x, perm=[0, 2, 1])
    y = g.op("Conv", y, weight, bias, kernel_shape=[kernel], pads=[kernel // 2, kernel // 2], group=groups)
    y = g.op("Slice", y, g.ints(0), g.ints(-1), g.ints(2))  # an even kernel gives one frame too many
    x = g.layer_norm(g.op("Add", x, g.op("Transpose", g.gelu(y), perm=[0, 2, 1])), w + "encoder.layer_norm", d, eps)

    for layer in range(c["num_hidden_layers"]):
        p = f"{w}encoder.layers.{layer}."
        names = [f"{p}attention.{part}_proj" for part in ("q", "k", "v", "out")]
        x = g.op("Add", x, g.self_attention(x, names, d, c["num_attention_heads"]))
        x = g.layer_norm(x, p + "layer_norm", d, eps)
        y = g.gelu(g.linear(x, p + "feed_forward.intermediate_dense", d, c["intermediate_size"]))
        y = g.linear(y, p + "feed_forward.output_dense", c["intermediate_size"], d)
        x = g.layer_norm(g.op("Add", x, y), p + "final_layer_norm", d, eps)
    g.output(g.linear(x, "lm_head", d, c["vocab_size"]), "logits")
    return [("input_values", FLOAT, ["batch_size", "num_samples"])], [
        ("logits", FLOAT, ["batch_size", "num_frames", c["vocab_size"]])
    ]


def clip_text_embeds(g, c, projection):
    d, p, longest = c["hidden_size"], "text_model.", c["max_position_embeddings"]
    length = g.op("Shape", "input_ids", start=1, end=2)
    tokens = g.op("Gather", g.weight(p + "embeddings.token_embedding.weight", (c["vocab_size"], d)), "input_ids")
    positions = g.weight(p + "embeddings.position_embedding.weight", (longest, d))
    x = g.op("Add", tokens, g.op("Slice", positions, g.ints(0), length, g.ints(0)))
    causal = g.constant(np.triu(np.full((1, 1, longest, longest), g.lowest(), np.float32), 1))
    causal = g.op("Slice", causal, g.ints(0, 0), g.op("Concat", length, length, axis=0), g.ints(2, 3))
    # Both masks at once would reach minus infinity.
    mask = g.op("Max", g.op("Add", causal, g.padding_mask("attention_mask")), g.floats(g.lowest()))
    x = pre_norm_layers(g, x, p + "encoder.layers", c, CLIP_NAMES, g.quick_gelu, mask)
    x = g.layer_norm(x, p + "final_layer_norm", d, c["layer_norm_eps"])
    # The text's embedding is its end token's, whose id is the vocabulary's highest.
    end = g.op("ArgMax", g.op("Cast", "input_ids", to=TensorProto.INT32), axis=1, keepdims=1)
    end = g.op("Expand", g.op("Unsqueeze", end, g.ints(2)), g.ints(1, 1, d))
    x = g.op("Squeeze", g.op("GatherElements", x, end, axis=1), g.ints(1))
    return g.linear(x, "text_projection", d, projection, bias=False)


def clip_image_embeds(g, c, projection):
    d, size, p = c["hidden_size"], c["patch_size"], "vision_model."
    count = (c["image_size"] // size) ** 2 + 1
    y = patches(g, "pixel_values", p + "embeddings.patch_embedding", 3, size, [size, size], d, bias=False)
    token = g.op("Reshape", g.weight(p + "embeddings.class_embedding", (d,)), g.ints(1, 1, d))
    x = with_leading_tokens(g, token, 1, y, "pixel_values", d)
    x = g.op("Add", x, g.weight(p + "embeddings.position_embedding.weight", (count, d)))
    x = g.layer_norm(x, p + "pre_layrnorm", d, c["layer_norm_eps"])  # the checkpoints' own spelling
    x = pre_norm_layers(g, x, p + "encoder.layers", c, CLIP_NAMES, g.quick_gelu)
    x = g.layer_norm(g.op("Gather", x, g.index(0), axis=1), p + "post_layernorm", d, c["layer_norm_eps"])
    return g.linear(x, "visual_projection", d, projection, bias=False)


CLIP_TEXT_INPUTS = [
    (name, INT64, ["text_batch_size", "sequence_length"]) for name in ("input_ids", "attention_mask")
]


def clip_text(g, c):
    """CLIPTextModelWithProjection: `text_embeds`."""
    g.output(clip_text_embeds(g, c["text_config"], c["projection_dim"]), "text_embeds")
    return CLIP_TEXT_INPUTS, [("text_embeds", FLOAT, ["text_batch_size", c["projection_dim"]])]


def clip_vision(g, c):
    """CLIPVisionModelWithProjection: `image_embeds`."""
    g.output(clip_image_embeds(g, c["vision_config"], c["projection_dim"]), "image_embeds")
    return pixels(c["vision_config"], "image_batch_size"), [
        ("image_embeds", FLOAT, ["image_batch_size", c["projection_dim"]])
    ]


def clip(g, c):
    """CLIPModel: the logits of every image with every text, and both embeddings at unit length."""
    size = c["projection_dim"]
    unit = lambda x, out: g.op("Div", x, g.op("ReduceL2", x, axes=[-1], keepdims=1), out=out)
    unit(clip_text_embeds(g, c["text_config"], size), "text_embeds")
    unit(clip_image_embeds(g, c["vision_config"], size), "image_embeds")
    logits = g.op("MatMul", "image_embeds", g.op("Transpose", "text_embeds", perm=[1, 0]))
    scale = g.floats(float(np.exp(c["logit_scale_init_value"])))
    g.op("Mul", logits, scale, out="logits_per_image")
    g.op("Transpose", "logits_per_image", perm=[1, 0], out="logits_per_text")
    texts, images = "text_batch_size", "image_batch_size"
    return CLIP_TEXT_INPUTS + pixels(c["vision_config"], images), [
        ("logits_per_image", FLOAT, [images, texts]),
        ("logits_per_text", FLOAT, [texts, images]),
        ("text_embeds", FLOAT, [texts, size]),
        ("image_embeds", FLOAT, [images, size]),
    ]


def whisper_encoder(g, c):
    """Whisper's encoder: `last_hidden_state` of a log-mel spectrogram [batch, bins, 2 * positions]."""
    d, bins, positions = c["d_model"], c["num_mel_bins"], c["max_source_positions"]
    x, channels, p = "input_features", bins, "model.encoder."
    for name, stride in (("conv1", 1), ("conv2", 2)):
        weight, bias = g.weight(f"{p}{name}.weight", (d, channels, 3)), g.weight(f"{p}{name}.bias", (d,))
        x, channels = g.gelu(g.op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])), d
    x = g.op("Add", g.op("Transpose", x, perm=[0, 2, 1]), g.weight(p + "embed_positions.embedding", (positions, d)))
    for layer in range(c["encoder_layers"]):
        q = f"{p}layers.{layer}."
        y = g.layer_norm(x, q + "self_attn_layer_norm", d, EPSILON)
        x = g.op("Add", x, g.self_attention(y, whisper_projections(q + "self_attn"), d, c["encoder_attention_heads"]))
        x = whisper_feed_forward(g, x, q, d, c["encoder_ffn_dim"])
    g.output(g.layer_norm(x, p + "layer_norm", d, EPSILON), "last_hidden_state")
    return [("input_features", FLOAT, ["batch_size", bins, 2 * positions])], [
        ("last_hidden_state", FLOAT, ["batch_size", positions, d])
    ]


EPSILON = 1e-5


def whisper_projections(prefix):
    return [f"{prefix}.{part}_proj" for part in ("q", "k", "v", "out")]


def whisper_feed_forward(g, x, prefix, d, inner):
    y = g.layer_norm(x, prefix + "final_layer_norm", d, EPSILON)
    return g.op("Add", x, g.linear(g.gelu(g.linear(y, prefix + "fc1", d, inner)), prefix + "fc2", inner, d))


def whisper_decoder(g, c):
    """Whisper's decoder in the merged form: one `If` between the first step, which makes the cache of the encoder's keys and
    values, and the later ones, which are given it. Both branches are whole decoders over the same weights.
    """
    d, heads, source = c["d_model"], c["decoder_attention_heads"], c["max_source_positions"]
    kinds = [(layer, part, kind) for layer in range(c["decoder_layers"]) for part in ("decoder", "encoder") for kind in ("key", "value")]

    def shape(part, length):
        return (g.float_type, ["batch_size", heads, {"decoder": length, "encoder": source}[part], d // heads])

    def decoder(inner, cached):
        length = inner.op("Shape", "input_ids", start=1, end=2)
        past = inner.op("Shape", "past_key_values.0.decoder.key", start=2, end=3)
        total = inner.op("Add", past, length) if cached else length
        first = past if cached else inner.ints(0)
        tokens = inner.weight("model.decoder.embed_tokens.weight", (c["vocab_size"], d))
        positions = inner.weight("model.decoder.embed_positions.embedding", (c["max_target_positions"], d))
        x = inner.op("Add", inner.op("Gather", tokens, "input_ids"), inner.op("Slice", positions, first, total, inner.ints(0)))
        scalar = lambda vector: inner.op("Squeeze", vector, inner.ints(0))
        keys = inner.op("Range", inner.index(0), scalar(total), inner.index(1))
        queries = inner.op("Range", scalar(first), scalar(total), inner.index(1))
        causal = inner.op("LessOrEqual", inner.op("Unsqueeze", keys, inner.ints(0)), inner.op("Unsqueeze", queries, inner.ints(1)))
        mask = inner.op("Where", causal, inner.floats(0), inner.floats(inner.lowest()))
        present = {}
        for layer in range(c["decoder_layers"]):
            p, given = f"model.decoder.layers.{layer}.", f"past_key_values.{layer}."
            y = inner.layer_norm(x, p + "self_attn_layer_norm", d, EPSILON)
            query, key, value, out = whisper_projections(p + "self_attn")
            split = lambda x, name, bias=True: inner.split_heads(inner.linear(x, name, d, d, bias), heads, d // heads)
            made = {"key": split(y, key, bias=False), "value": split(y, value)}
            for kind, tensor in made.items():
                if cached:
                    tensor = inner.op("Concat", f"{given}decoder.{kind}", tensor, axis=2)
                present[layer, "decoder", kind] = tensor
            own = (present[layer, "decoder", kind] for kind in ("key", "value"))
            x = inner.op("Add", x, inner.linear(inner.attend(split(y, query), *own, d, heads, mask), out, d, d))

            y = inner.layer_norm(x, p + "encoder_attn_layer_norm", d, EPSILON)
            query, key, value, out = whisper_projections(p + "encoder_attn")
            for kind, name in (("key", key), ("value", value)):
                if cached:
                    tensor = inner.op("Identity", f"{given}encoder.{kind}")
                else:
                    tensor = split("encoder_hidden_states", name, bias=kind == "value")
                present[layer, "encoder", kind] = tensor
            others = (present[layer, "encoder", kind] for kind in ("key", "value"))
            x = inner.op("Add", x, inner.linear(inner.attend(split(y, query), *others, d, heads), out, d, d))
            x = whisper_feed_forward(inner, x, p, d, c["decoder_ffn_dim"])
        x = inner.layer_norm(x, "model.decoder.layer_norm", d, EPSILON)
        logits = inner.op("MatMul", x, inner.op("Transpose", tokens, perm=[1, 0]))
        return inner, [logits, *(present[kind] for kind in kinds)]

    outputs = [("logits", FLOAT, ["batch_size", "decoder_sequence_length", c["vocab_size"]])]
    outputs += [(f"present.{layer}.{part}.{kind}", *shape(part, "total_sequence_length")) for layer, part, kind in kinds]
    g.choose("use_cache_branch", outputs, decoder(g.branch("cached"), True), decoder(g.branch("first"), False))
    cache = [(f"past_key_values.{layer}.{part}.{kind}", *shape(part, "past_sequence_length")) for layer, part, kind in kinds]
    # Without a cache the encoder's is empty too.
    cache = [(name, kind, [batch, heads, "encoder_sequence_length" if ".encoder." in name else length, size]) for name, kind, (batch, heads, length, size) in cache]
    inputs = [
        ("input_ids", INT64, ["batch_size", "decoder_sequence_length"]),
        ("encoder_hidden_states", FLOAT, ["batch_size", source, d]),
        *cache,
        ("use_cache_branch", TensorProto.BOOL, [1]),
    ]
    return inputs, outputs
