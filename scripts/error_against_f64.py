#!/usr/bin/env python3
"""How far scores are from those computed in f64 by transformers, conversation by conversation, two BOS as published.

    error_against_f64.py --model CHECKPOINT [--limit N] SCORES.csv...

Each file has the columns word and score, as `rewardscope score --bos published --format csv` and most scripts write them.
Prints, for each file, the root mean square and the largest difference over the first N words of the first file. Takes eight
bytes of memory a parameter.

transformers computes norms, rotary angles and soft-max in f32 whatever the model is in; here they are put into f64 as well,
for Llama and Gemma 2.
"""
import argparse
import csv
import math

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--prompt", default="What, in one word, is the greatest thing ever?")
parser.add_argument("--limit", type=int, default=40)
parser.add_argument("scores", nargs="+")
options = parser.parse_args()


def frequencies(config):
    """Radians a position, from the definition; Llama 3 stretches the long waves."""
    rope = config.rope_parameters
    dim = config.head_dim
    found = rope["rope_theta"] ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    if rope["rope_type"] == "default":
        return found
    if rope["rope_type"] != "llama3":
        raise SystemExit(f"rope_type {rope['rope_type']} is not known here")
    waves = rope["original_max_position_embeddings"] * found / (2 * math.pi)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = ((waves - low) / (high - low)).clamp(0, 1)
    return found * (smooth + (1 - smooth) / rope["factor"])


def in_f64(model):
    found = frequencies(model.config)

    def rotary(x, position_ids, *_):
        angles = position_ids[:, :, None].double() * found
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos(), angles.sin()

    def norm(module):
        weight = module.weight + 1 if "Gemma" in type(module).__name__ else module.weight
        epsilon = module.eps if hasattr(module, "eps") else module.variance_epsilon
        return lambda x: x * torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon) * weight

    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = norm(module)
        if type(module).__name__.endswith("RotaryEmbedding"):
            module.forward = rotary
    softmax = torch.nn.functional.softmax
    torch.nn.functional.softmax = lambda x, dim=None, dtype=None, **_: softmax(x, dim=dim)
    return model


columns = []
for path in options.scores:
    with open(path, newline="", encoding="utf-8") as file:
        columns.append({row["word"]: float(row["score"]) for row in csv.DictReader(file)})
words = list(columns[0])[: options.limit]

tokenizer = AutoTokenizer.from_pretrained(options.model)
load = AutoModelForSequenceClassification.from_pretrained
model = in_f64(load(options.model, dtype=torch.float64, attn_implementation="eager").eval())
exact = []
with torch.inference_mode():
    for word in words:
        turns = [{"role": "user", "content": options.prompt}, {"role": "assistant", "content": word}]
        ids = tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), return_tensors="pt")
        exact.append(model(**ids).logits[0, 0].item())

for path, column in zip(options.scores, columns):
    off = torch.tensor([column[word] - score for word, score in zip(words, exact)], dtype=torch.float64)
    print(f"{path}: {len(words)} words, rms {off.square().mean().sqrt():.3g}, largest {off.abs().max():.3g}")
