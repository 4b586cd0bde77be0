"""Make a tiny random Cohere2 model in Tiny Aya's format, so that real engines can be tested without real weights.

    python scripts/make_tiny_cohere2.py FOLDER [--hidden 64] [--layers 4] [--seed 0]

It has Tiny Aya's special tokens (ids 0 to 6 as there; END_RESPONSE is the last id, as there), its chat format, its four
layer pattern (three sliding, one full), a config that claims 500,000 positions, and a generation_config that stops only on
EOS. The same arguments give the same bytes. Needs numpy, safetensors and tokenizers, but neither torch nor transformers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST = (
    "<PAD>",
    "<UNK>",
    "<BOS_TOKEN>",
    "<EOS_TOKEN>",
    "<|SYSTEM_TOKEN|>",
    "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|USER_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
)
LAST = ("<|START_RESPONSE|>", "<|END_RESPONSE|>")
VOCABULARY = 1024
"""At most; so few lines yield fewer merges."""

LINES = (
    "The lake is calm this morning. How many boats can you count?",
    "Der See ist heute Morgen ruhig. Wie viele Boote siehst du?",
    "Le lac est calme ce matin. Combien de bateaux vois-tu ?",
    "Ziwa limetulia asubuhi hii. Unaona mashua ngapi?",
    "البحيرة هادئة هذا الصباح. كم قاربا ترى؟",
    "झील आज सुबह शांत है। आप कितनी नावें देखते हैं?",
    "আজ সকালে হ্রদ শান্ত। তুমি কয়টি নৌকা দেখছ?",
    "今朝の湖は静かです。船は何隻見えますか。",
    "今天早上湖面很平静。你看到几条船？",
    "오늘 아침 호수는 잔잔합니다. 배가 몇 척 보이나요?",
    "ทะเลสาบสงบในเช้านี้ คุณเห็นเรือกี่ลำ",
    "ຕອນເຊົ້ານີ້ ທະເລສາບສະຫງົບ ເຈົ້າເຫັນເຮືອຈັກລຳ",
    "Question: What is 2 + 3?\nA. 4\nB. 5\nC. 6\nD. 7\nAnswer: B",
)

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|START_OF_TURN_TOKEN|>"
    "{% if message['role'] == 'user' %}<|USER_TOKEN|>{{ message['content'] }}"
    "{% elif message['role'] == 'system' %}<|SYSTEM_TOKEN|>{{ message['content'] }}"
    "{% else %}<|CHATBOT_TOKEN|><|START_RESPONSE|>{{ message['content'] }}<|END_RESPONSE|>{% endif %}"
    "<|END_OF_TURN_TOKEN|>{% endfor %}"
    "{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>{% endif %}"
)


def main() -> None:
    """Write the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hidden", type=int, default=64, help="hidden size, a multiple of 32")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    make(given.folder, given.hidden, given.layers, given.seed)


def make(folder: Path, hidden: int = 64, layers: int = 4, seed: int = 0) -> None:
    """Write config, tokenizer and weights of a tiny model into `folder`."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    ids, size = write_tokenizer(folder)
    config = model_config(hidden, layers, ids, size)
    _write(folder / "config.json", config)
    stops = {"bos_token_id": ids["<BOS_TOKEN>"], "eos_token_id": ids["<EOS_TOKEN>"], "pad_token_id": ids["<PAD>"]}
    _write(folder / "generation_config.json", stops)
    tensors = weights(config, np.random.default_rng(seed))
    # A longer row makes END_RESPONSE likelier, so that answers end at different lengths.
    tensors["model.embed_tokens.weight"][ids["<|END_RESPONSE|>"]] *= 2
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    print(f"{folder}: {sum(t.size for t in tensors.values()):,} parameters, {size} tokens")


def write_tokenizer(folder: Path) -> tuple[dict[str, int], int]:
    """Train a byte-level BPE on the lines above and write its files; the special tokens' ids, and the size."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(LAST),
        special_tokens=[AddedToken(t, special=True, normalized=False) for t in FIRST],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 20, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in LAST])
    bos = tokenizer.token_to_id("<BOS_TOKEN>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<BOS_TOKEN> $A", pair="<BOS_TOKEN> $A $B", special_tokens=[("<BOS_TOKEN>", bos)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<BOS_TOKEN>",
            "eos_token": "<EOS_TOKEN>",
            "pad_token": "<PAD>",
            "unk_token": "<UNK>",
            "clean_up_tokenization_spaces": False,
            "model_max_length": 500_000,
            "chat_template": CHAT_TEMPLATE,
        },
    )
    return {token: tokenizer.token_to_id(token) for token in FIRST + LAST}, tokenizer.get_vocab_size()


def model_config(hidden: int, layers: int, ids: dict[str, int], size: int) -> dict[str, Any]:
    """The config.json of a Cohere2 model with heads of 32 and half as many key-value heads."""
    heads = max(2, hidden // 32)
    return {
        "architectures": ["Cohere2ForCausalLM"],
        "model_type": "cohere2",
        "vocab_size": size,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // 2,
        "head_dim": 32,
        "max_position_embeddings": 500_000,
        "sliding_window": 256,
        "layer_types": ["full_attention" if i % 4 == 3 else "sliding_attention" for i in range(layers)],
        "rope_theta": 50_000,
        "hidden_act": "silu",
        "layer_norm_eps": 1e-5,
        "logit_scale": 1.0,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": True,
        "use_cache": True,
        "torch_dtype": "float32",
        "pad_token_id": ids["<PAD>"],
        "bos_token_id": ids["<BOS_TOKEN>"],
        "eos_token_id": ids["<EOS_TOKEN>"],
    }


def weights(config: dict[str, Any], random: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Random float32 tensors under the names that Cohere2 expects; norms are one."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    shapes = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    tensors = {"model.embed_tokens.weight": _random(random, (config["vocab_size"], hidden))}
    for layer in range(config["num_hidden_layers"]):
        for name, shape in shapes.items():
            tensors[f"model.layers.{layer}.{name}.weight"] = _random(random, shape)
        tensors[f"model.layers.{layer}.input_layernorm.weight"] = np.ones(hidden, np.float32)
    tensors["model.norm.weight"] = np.ones(hidden, np.float32)
    return tensors


def _random(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return (0.2 * random.standard_normal(shape)).astype(np.float32)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
