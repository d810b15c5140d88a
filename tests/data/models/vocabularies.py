"""Tokenizers small enough to read: `tokenizer.json` and `tokenizer_config.json` of each family, as dictionaries."""

import string

LETTERS = string.ascii_lowercase
DIGITS = string.digits


def special(index, content):
    """An entry of `added_tokens`."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": content, **flags, "special": True}


def tokenizer_json(added, **parts):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        **parts,
    }


def wordpiece(max_length):
    """BERT's: single characters, their continuations and a few words."""
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = names + list(LETTERS + DIGITS + ".,!?-'") + [f"##{c}" for c in LETTERS + DIGITS]
    tokens += ["the", "##ing", "##er", "hello", "world", "##tion"]
    cls, sep = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("[CLS]", "[SEP]"))
    first, second = ({"Sequence": {"id": name, "type_id": i}} for i, name in enumerate("AB"))
    last = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
    tokenizer = tokenizer_json(
        [special(i, name) for i, name in enumerate(names)],
        normalizer={
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor={
            "type": "TemplateProcessing",
            "single": [cls, first, sep],
            "pair": [cls, first, sep, second, last],
            "special_tokens": {name: {"id": name, "ids": [i], "tokens": [name]} for i, name in ((2, "[CLS]"), (3, "[SEP]"))},
        },
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
        model={
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: i for i, token in enumerate(tokens)},
        },
    )
    config = {
        "tokenizer_class": "BertTokenizer",
        "model_max_length": max_length,
        "do_lower_case": True,
        **{f"{name[1:-1].lower()}_token": name for name in names},
    }
    return tokens, tokenizer, config


def byte_letters():
    """The printable letter that byte-level BPE writes for each byte, in the order of GPT-2's vocabulary."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(b) for b in shown] + [chr(256 + i) for i in range(256 - len(shown))]


def byte_pairs(max_length):
    """GPT-2's: every byte, a few merges, and the end of text."""
    merges = [("h", "e"), ("Ġ", "t"), ("Ġt", "he"), ("i", "n"), ("o", "r"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w")]
    tokens = byte_letters() + [a + b for a, b in merges] + ["<|endoftext|>"]
    end = len(tokens) - 1
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = tokenizer_json(
        [special(end, tokens[end])],
        pre_tokenizer=byte_level,
        post_processor={**byte_level, "trim_offsets": False},
        decoder={**byte_level, "add_prefix_space": True},
        model=bpe(tokens, merges, unk_token=None, end_of_word_suffix=""),
    )
    config = {
        "tokenizer_class": "GPT2Tokenizer",
        "model_max_length": max_length,
        "add_prefix_space": False,
        **{f"{role}_token": tokens[end] for role in ("bos", "eos", "unk")},
    }
    return tokens, tokenizer, config


def whisper_byte_pairs(max_length, timestamps):
    """Whisper's: GPT-2's letters, what a transcript begins with, and the times that it may hold, a fiftieth of a second each."""
    tokens, tokenizer, config = byte_pairs(max_length)
    end = len(tokens) - 1
    tokens = tokens[:end] + ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>"]
    tokens += ["<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    first_time = len(tokens)
    tokens += [f"<|{i * 0.02:.2f}|>" for i in range(timestamps)]
    # Times are decoded by their numbers; the others are special.
    tokenizer["added_tokens"] = [{**special(i, tokens[i]), "special": i < first_time} for i in range(end, len(tokens))]
    tokenizer["post_processor"] = None
    config = {**config, "tokenizer_class": "WhisperTokenizer", "pad_token": tokens[end]}
    return tokens, tokenizer, config


def clip_byte_pairs(max_length):
    """CLIP's: every byte within a word and at its end, a few merges, start and end of text."""
    end_of_word = "</w>"
    merges = [("p", "h"), ("o", "t"), ("ph", "ot"), ("phot", "o</w>"), ("o", "f</w>"), ("i", "s</w>"), ("t", "h"), ("th", "is</w>")]
    letters = byte_letters()
    tokens = letters + [c + end_of_word for c in letters] + [a + b for a, b in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    start, end = len(tokens) - 2, len(tokens) - 1
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = tokenizer_json(
        [special(i, tokens[i]) for i in (start, end)],
        normalizer={
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        pre_tokenizer={
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": True},
                byte_level,
            ],
        },
        post_processor={
            "type": "RobertaProcessing",
            "sep": [tokens[end], end],
            "cls": [tokens[start], start],
            "trim_offsets": False,
            "add_prefix_space": False,
        },
        decoder={**byte_level, "add_prefix_space": True},
        model=bpe(tokens, merges, unk_token=tokens[end], end_of_word_suffix=end_of_word),
    )
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": max_length,
        "do_lower_case": True,
        "bos_token": tokens[start],
        **{f"{role}_token": tokens[end] for role in ("eos", "pad", "unk")},
    }
    return tokens, tokenizer, config


def bpe(tokens, merges, unk_token, end_of_word_suffix):
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unk_token,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": end_of_word_suffix,
        "fuse_unk": False,
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": [" ".join(pair) for pair in merges],
    }


def characters(max_length):
    """wav2vec2's: the blank (which is the padding), and capital letters with `|` between words."""
    names = ["<pad>", "<s>", "</s>", "<unk>"]
    tokens = names + list("|" + LETTERS.upper() + "'")
    tokenizer = tokenizer_json(
        [special(i, name) for i, name in enumerate(names)],
        normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "|"},
        pre_tokenizer={"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": False},
        decoder={"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
        model={"vocab": {token: i for i, token in enumerate(tokens)}},  # without a type: a plain table
    )
    config = {
        "tokenizer_class": "Wav2Vec2CTCTokenizer",
        "model_max_length": max_length,
        "do_lower_case": False,
        "word_delimiter_token": "|",
        **dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), names)),
    }
    return tokens, tokenizer, config
