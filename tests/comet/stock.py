"""What the packages themselves score, for comparison; runs inside the COMET environment, without a line of ours.

Reads {name: {model, segments, inputs, half?, family?}} and prints {name: {scores, metadata}} as its last line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch


def predict(question):
    import comet

    model = comet.load_from_checkpoint(str(Path(question["model"]) / "checkpoints" / "model.ckpt"))
    if question.get("half"):
        model.half()
    keys = ["mt", *question["inputs"]]
    samples = [{key: segment[key] for key in keys} for segment in question["segments"]]
    found = model.predict(samples, batch_size=question.get("batch_size", 8), gpus=0, progress_bar=False)
    metadata = found["metadata"] if "metadata" in found else {}  # noqa: SIM401 - a Prediction has no get
    return {"scores": found["scores"], "metadata": {name: metadata[name] for name in metadata}}


def predict_metricx(question):
    """MetricX-24's formula, segment by segment, from the encoder and decoder stacks (no padding, no generation head)."""
    from transformers import AutoTokenizer, MT5ForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(question["model"])
    model = MT5ForConditionalGeneration.from_pretrained(question["model"]).eval()
    row = model.lm_head.weight[250089]
    scores = []
    for segment in question["segments"]:
        text = "source: " + segment["src"] + " candidate: " + segment["mt"]
        if "ref" in question["inputs"]:
            text += " reference: " + segment["ref"]
        ids = tokenizer(text, truncation=True, max_length=1536, return_tensors="pt").input_ids[:, :-1]
        with torch.no_grad():
            encoded = model.encoder(input_ids=ids).last_hidden_state
            state = model.decoder(input_ids=torch.tensor([[0]]), encoder_hidden_states=encoded).last_hidden_state
            scores.append(min(25.0, max(0.0, float(state[0, 0] @ row))))
    return {"scores": scores, "metadata": {}}


if __name__ == "__main__":
    questions = json.loads(Path(sys.argv[1]).read_text())
    answers = {
        name: predict_metricx(question) if question.get("family") == "metricx" else predict(question)
        for name, question in questions.items()
    }
    print(json.dumps(answers, default=lambda value: value.tolist()))
