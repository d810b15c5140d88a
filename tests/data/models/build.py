#!/usr/bin/env python3
"""Writes the tiny models of this folder: true architectures, seeded weights, in the layout that transformers.js loads.

    python3 -m venv VENV && VENV/bin/pip install -r requirements.txt
    VENV/bin/python build.py [OUT]        # OUT: this folder

The bytes depend on nothing but these files and the versions in requirements.txt.
"""

import json
import string
import sys
from pathlib import Path

from onnx import TensorProto

import architectures
import narrower
import vocabularies
from graph import Graph, seeded

HERE = Path(__file__).parent
MAX_TEXT = 64
# A text that goes on is measured at several depths.
MAX_GENERATED = 512
MAX_CLIP_TEXT = 32

ENCODER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
IMAGE = {"image_size": 32, "patch_size": 8, "num_channels": 3}
IMAGE_PROCESSOR = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def labels(*names):
    return {"id2label": {str(i): name for i, name in enumerate(names)}, "label2id": {name: i for i, name in enumerate(names)}}


def build(out, name, config, networks, tokenizer=None, weights=seeded, narrower_too=False, **more):
    """Writes the folder `name`. `networks`: file stem to function; `more`: the stem of a JSON file to its content.

    With `narrower_too` its weights besides in 16-bit floats, and in integers of 8 and of 4 bits.
    """
    folder = out / name
    sizes = []
    for stem, network in networks.items():
        graph = Graph(weights)
        path = folder / "onnx" / f"{stem}.onnx"
        graph.save(path, *network(graph, config))
        sizes.append(f"{stem}.onnx {path.stat().st_size}")
        if narrower_too:
            half = Graph(weights, TensorProto.FLOAT16)
            half.save(folder / "onnx" / f"{stem}_fp16.onnx", *network(half, config))
            narrower.q8(path, folder / "onnx" / f"{stem}_quantized.onnx")
            narrower.q4(path, folder / "onnx" / f"{stem}_q4.onnx")
    files = {"config": config, **more}
    if tokenizer:
        _, files["tokenizer"], files["tokenizer_config"] = tokenizer
    for stem, content in files.items():
        # A vocabulary is long: one line. The rest is for reading.
        style = {"separators": (",", ":")} if stem == "tokenizer" else {"indent": 1}
        text = json.dumps(content, ensure_ascii=False, **style)
        (folder / f"{stem}.json").write_text(text + "\n", encoding="utf-8")
    print(name, ", ".join(sizes))


def text_models(out):
    tokenizer = vocabularies.wordpiece(MAX_TEXT)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": MAX_TEXT,
        "type_vocab_size": 2,
        "vocab_size": len(tokenizer[0]),
        "pad_token_id": 0,
        **ENCODER,
    }
    for name, architecture, network, more in (
        ("tiny-bert", "BertModel", architectures.bert, {}),
        ("tiny-bert-classifier", "BertForSequenceClassification", architectures.bert_classifier, labels("NEGATIVE", "NEUTRAL", "POSITIVE")),
        ("tiny-bert-masked", "BertForMaskedLM", architectures.bert_masked, {}),
    ):
        narrower_too = name == "tiny-bert"
        build(out, name, {**config, "architectures": [architecture], **more}, {"model": network}, tokenizer, narrower_too=narrower_too)


def generator(out):
    tokenizer = vocabularies.byte_pairs(MAX_GENERATED)
    tokens = tokenizer[0]
    end = {"bos_token_id": len(tokens) - 1, "eos_token_id": len(tokens) - 1}
    shown = [all(c in string.ascii_letters + "Ġ,.!?" for c in token) for token in tokens]

    def weights(name, shape):
        """Logits of 0 for bytes that are no letters and for the end of the text: it speaks, and in letters."""
        array = seeded(name, shape)
        if name == "lm_head.weight":
            array[[not letter for letter in shown]] = 0
        return array

    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "n_positions": MAX_GENERATED,
        "n_ctx": MAX_GENERATED,
        "n_embd": ENCODER["hidden_size"],
        "n_head": ENCODER["num_attention_heads"],
        "n_inner": ENCODER["intermediate_size"],
        "n_layer": ENCODER["num_hidden_layers"],
        "vocab_size": len(tokens),
        **end,
    }
    build(out, "tiny-gpt2", config, {"model": architectures.gpt2}, tokenizer, weights, generation_config=end)


def vision_models(out):
    config = {"model_type": "vit", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "qkv_bias": True, **IMAGE, **ENCODER}
    processor = {"image_processor_type": "ViTImageProcessor", "resample": 2, "size": {"height": 32, "width": 32}, **IMAGE_PROCESSOR}
    classes = labels(*(f"class_{i}" for i in range(10)))
    for name, architecture, network, more in (
        ("tiny-vit", "ViTForImageClassification", architectures.vit, classes),
        ("tiny-vit-features", "ViTModel", architectures.vit_features, {}),
    ):
        build(out, name, {**config, "architectures": [architecture], **more}, {"model": network}, narrower_too=name == "tiny-vit", preprocessor_config=processor)


def audio_models(out):
    config = {
        "model_type": "audio-spectrogram-transformer",
        "architectures": ["ASTForAudioClassification"],
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "patch_size": 16,
        "frequency_stride": 10,
        "time_stride": 10,
        "max_length": 128,
        "num_mel_bins": 64,
        "qkv_bias": True,
        **labels("hum", "click", "hiss", "tone", "speech", "music"),
        **ENCODER,
    }
    audio = {"sampling_rate": 16000, "do_normalize": True, "feature_size": 1, "padding_value": 0.0, "return_attention_mask": False}
    processor = {
        "feature_extractor_type": "ASTFeatureExtractor",
        "num_mel_bins": config["num_mel_bins"],
        "max_length": config["max_length"],
        "mean": -4.27,
        "std": 4.57,
        **audio,
    }
    build(out, "tiny-ast", config, {"model": architectures.ast}, preprocessor_config=processor)

    tokenizer = vocabularies.characters(MAX_TEXT)
    config = {
        "model_type": "wav2vec2",
        "architectures": ["Wav2Vec2ForCTC"],
        "hidden_act": "gelu",
        "feat_extract_activation": "gelu",
        "feat_extract_norm": "group",
        "conv_bias": False,
        "conv_dim": [32] * 5,
        "conv_kernel": [10, 3, 3, 3, 2],
        "conv_stride": [5, 4, 4, 2, 2],  # 320 samples a frame, as the real one
        "num_feat_extract_layers": 5,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "layer_norm_eps": 1e-5,
        "do_stable_layer_norm": False,
        "vocab_size": len(tokenizer[0]),
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **ENCODER,
    }
    processor = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "padding_side": "right", **audio}
    network = {"model": architectures.wav2vec2}
    build(out, "tiny-wav2vec2", config, network, tokenizer, narrower_too=True, preprocessor_config=processor)


SOUND_SECONDS = 2


def transcriber(out):
    """Whisper, whose sounds are 2 s long instead of 30."""
    positions = SOUND_SECONDS * 50
    tokenizer = vocabularies.whisper_byte_pairs(MAX_TEXT, positions + 1)
    tokens = tokenizer[0]
    number = {token: i for i, token in enumerate(tokens)}
    end = {"bos_token_id": number["<|endoftext|>"], "eos_token_id": number["<|endoftext|>"], "pad_token_id": number["<|endoftext|>"]}
    start = {"decoder_start_token_id": number["<|startoftranscript|>"], **end}
    config = {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "is_encoder_decoder": True,
        "activation_function": "gelu",
        "num_mel_bins": 16,
        "max_source_positions": positions,
        "max_target_positions": MAX_TEXT,
        "d_model": ENCODER["hidden_size"],
        "vocab_size": len(tokens),
        **{f"{part}_layers": ENCODER["num_hidden_layers"] for part in ("encoder", "decoder")},
        **{f"{part}_attention_heads": ENCODER["num_attention_heads"] for part in ("encoder", "decoder")},
        **{f"{part}_ffn_dim": ENCODER["intermediate_size"] for part in ("encoder", "decoder")},
        "num_hidden_layers": ENCODER["num_hidden_layers"],
        **start,
    }
    generation = {
        "max_length": MAX_TEXT,
        "is_multilingual": True,
        "no_timestamps_token_id": number["<|notimestamps|>"],
        "lang_to_id": {name: number[name] for name in ("<|en|>", "<|de|>")},
        "task_to_id": {name: number[f"<|{name}|>"] for name in ("transcribe", "translate")},
        "begin_suppress_tokens": [number["<|endoftext|>"]],
        "return_timestamps": False,
        **start,
    }
    processor = {
        "feature_extractor_type": "WhisperFeatureExtractor",
        "processor_class": "WhisperProcessor",
        "sampling_rate": 16000,
        "feature_size": config["num_mel_bins"],
        "n_fft": 400,
        "hop_length": 160,
        "chunk_length": SOUND_SECONDS,
        "n_samples": SOUND_SECONDS * 16000,
        "nb_max_frames": 2 * positions,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }

    shown = [all(c in string.ascii_letters + "Ġ,.!?" for c in token) for token in tokens]

    def weights(name, shape):
        """Tokens that are no letters have no direction, and so a logit of 0."""
        array = seeded(name, shape)
        if name == "model.decoder.embed_tokens.weight":
            array[[not letter for letter in shown]] = 0
        return array

    networks = {"encoder_model": architectures.whisper_encoder, "decoder_model_merged": architectures.whisper_decoder}
    build(out, "tiny-whisper", config, networks, tokenizer, weights, preprocessor_config=processor, generation_config=generation)


def image_text_model(out):
    tokenizer = vocabularies.clip_byte_pairs(MAX_CLIP_TEXT)
    end = len(tokenizer[0]) - 1
    part = {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "projection_dim": 32, **ENCODER}
    config = {
        "model_type": "clip",
        "architectures": ["CLIPModel"],
        "projection_dim": 32,
        "logit_scale_init_value": 2.6592,
        "text_config": {
            "model_type": "clip_text_model",
            "max_position_embeddings": MAX_CLIP_TEXT,
            "vocab_size": end + 1,
            "bos_token_id": end - 1,
            "eos_token_id": end,
            "pad_token_id": end,
            **part,
        },
        "vision_config": {"model_type": "clip_vision_model", **IMAGE, **part},
    }
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "feature_extractor_type": "CLIPFeatureExtractor",
        "resample": 3,
        "size": {"shortest_edge": 32},
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
        **IMAGE_PROCESSOR,
    }
    networks = {"model": architectures.clip, "text_model": architectures.clip_text, "vision_model": architectures.clip_vision}
    build(out, "tiny-clip", config, networks, tokenizer, preprocessor_config=processor)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for family in (text_models, generator, vision_models, audio_models, transcriber, image_text_model):
        family(out)


if __name__ == "__main__":
    main()
