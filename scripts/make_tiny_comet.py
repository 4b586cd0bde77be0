"""Makes tiny checkpoints with random weights in the real formats of COMET and MetricX-24, without any download.

    OUT/regression      like wmt22-comet-da: source, translation and reference encoded apart
    OUT/referenceless   like AfriCOMET-QE: source and translation encoded apart
    OUT/unified         like CometKiwi: source and translation as one sequence
    OUT/xcomet          like XCOMET: three sequences, error spans
    OUT/metricx         like MetricX-24: mT5 whose first step predicts an error score (with --metricx: 20 MB)

Scores mean nothing; every code path is real. Heads are scaled so that scores differ plainly from segment to segment,
else a test for order or equality could not fail. Runs in the COMET environment: `python make_tiny_comet.py OUT`.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SENTENCES = (
    "Rain is expected in the northern valleys tomorrow morning.",
    "Morgen früh wird in den nördlichen Tälern Regen erwartet.",
    "De la pluie est attendue demain matin dans les vallées du nord.",
    "Mvua inatarajiwa kesho asubuhi katika mabonde ya kaskazini.",
    "明日の朝、北の谷では雨が降る見込みです。",
    "कल सुबह उत्तरी घाटियों में बारिश की संभावना है।",
    "من المتوقع هطول الأمطار صباح الغد في الوديان الشمالية.",
    "Завтра утром в северных долинах ожидается дождь.",
)
SCORE_TOKEN = 250089


def train_tokenizer(vocabulary: int = 500) -> Any:
    """A tokenizer with XLM-R's recipe and special ids (<s> 0, <pad> 1, </s> 2, <unk> 3, <mask> last)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import XLMRobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 20, trainer)
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    return XLMRobertaTokenizerFast(
        tokenizer_object=tokenizer, **names, unk_token="<unk>", pad_token="<pad>", mask_token="<mask>"
    )


def make_encoder(folder: Path, *, xl: bool, hidden: int, layers: int) -> str:
    """A random XLM-R (or XLM-R-XL, which XCOMET uses) with its tokenizer; the folder's absolute path."""
    import torch
    import transformers

    tokenizer = train_tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    settings = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": max(2, hidden // 64),
        "intermediate_size": 4 * hidden,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "pad_token_id": 1,
        "initializer_range": 0.2 if hidden < 128 else 0.02,
    }
    kind = "XLMRobertaXL" if xl else "XLMRoberta"
    config = getattr(transformers, kind + "Config")(**settings)
    getattr(transformers, kind + "Model")(config, add_pooling_layer=False).save_pretrained(folder)
    return str(folder.resolve())


def make_models(out: Path, *, hidden: int = 32, layers: int = 3, only: str = "") -> list[Path]:
    """The COMET checkpoints, or only the one of that name; their folders."""
    from comet.models import ReferencelessRegression, RegressionMetric, UnifiedMetric, XCOMETMetric

    common = {
        "hidden_sizes": [64, 32],
        "activations": "Tanh",
        "local_files_only": True,
        "layer_transformation": "sparsemax",
        "pretrained_model": make_encoder(out / "encoder", xl=False, hidden=hidden, layers=layers),
    }
    apart = {**common, "pool": "avg", "layer": "mix", "layer_norm": False}
    made = {
        "regression": lambda: RegressionMetric(**apart),
        "referenceless": lambda: ReferencelessRegression(**apart),
        "unified": lambda: UnifiedMetric(
            **common, sent_layer="mix", layer_norm=True, word_layer=layers, input_segments=["mt", "src"]
        ),
        "xcomet": lambda: XCOMETMetric(
            **{**common, "pretrained_model": make_encoder(out / "encoder-xl", xl=True, hidden=hidden, layers=layers)},
            encoder_model="XLM-RoBERTa-XL",
            sent_layer="mix",
            layer_norm=False,
            word_layer=layers,
        ),
    }
    return [save(build(), out / name) for name, build in made.items() if only in ("", name)]


def save(model: Any, folder: Path) -> Path:
    """Write hparams.yaml and checkpoints/model.ckpt as COMET reads them."""
    import pytorch_lightning
    import torch
    import yaml

    spread(model)
    identifiers = {
        "RegressionMetric": "regression_metric",
        "ReferencelessRegression": "referenceless_regression_metric",
        "UnifiedMetric": "unified_metric",
        "XCOMETMetric": "xcomet_metric",
    }
    settings = {**dict(model.hparams), "class_identifier": identifiers[type(model).__name__]}
    checkpoint = folder / "checkpoints" / "model.ckpt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    (folder / "hparams.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    state = {
        "pytorch-lightning_version": pytorch_lightning.__version__,
        "epoch": 0,
        "global_step": 0,
        "state_dict": model.state_dict(),
        "hparams_name": "kwargs",
        "hyper_parameters": settings,
    }
    torch.save(state, checkpoint)
    return folder


def spread(model: Any) -> None:
    """Draw the head's weights large, so that scores of different segments lie plainly apart."""
    import torch

    generator = torch.Generator().manual_seed(2)
    layers = [layer for layer in model.estimator.ff if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.normal_(0.0, 2.0 / layer.in_features**0.5, generator=generator)
        if hasattr(model, "hidden2tag"):
            model.hidden2tag.weight.normal_(0.0, 0.5, generator=generator)


def make_metricx(folder: Path) -> Path:
    """A random mT5 with the vocabulary that MetricX's score token needs, and a tokenizer beside it."""
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration

    torch.manual_seed(3)
    config = MT5Config(
        vocab_size=SCORE_TOKEN + 23, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    model = MT5ForConditionalGeneration(config).eval()
    tokenizer = train_tokenizer()
    model.lm_head.weight.data[SCORE_TOKEN] = score_weights(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def score_weights(model: Any, tokenizer: Any) -> Any:
    """Weights (d_model,) by which prompts of the sentences above score about 12.5 with a standard deviation of 6."""
    import torch

    start = torch.zeros((1, 1), dtype=torch.long)
    with torch.inference_mode():
        states = [
            model(
                **tokenizer(f"source: {source} candidate: {text}", return_tensors="pt"),
                decoder_input_ids=start,
                output_hidden_states=True,
            )
            for source in SENTENCES
            for text in SENTENCES
        ]
        rows = torch.stack([state.decoder_hidden_states[-1][0, 0] for state in states])
        mean = rows.mean(0)
        direction = torch.linalg.svd(rows - mean).Vh[0]
        along = direction * 6.0 / (rows @ direction).std()
        return along + mean * (12.5 - along @ mean) / (mean @ mean)


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hidden", type=int, default=32, help="width of the encoders")
    parser.add_argument("--layers", type=int, default=3, help="layers of the encoders")
    parser.add_argument("--only", default="", help="only this one: regression, referenceless, unified, xcomet")
    parser.add_argument("--metricx", action="store_true", help="a tiny MetricX-24 too")
    options = parser.parse_args()
    for folder in make_models(options.out, hidden=options.hidden, layers=options.layers, only=options.only):
        print(folder)
    if options.metricx:
        print(make_metricx(options.out / "metricx"))


if __name__ == "__main__":
    main()
