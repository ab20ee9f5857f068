#!/usr/bin/env python3
"""How far scores are from those computed in f64 by transformers, conversation by conversation, two BOS as published.

    error_against_f64.py --model CHECKPOINT [--limit N] SCORES.csv...

Each file has the columns word and score, as `rewardscope score --bos published --format csv` and most scripts write them.
Prints, for each file, the root mean square and the largest difference over the first N words of the first file. Takes eight
bytes of memory a parameter.
"""
import argparse
import csv

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--prompt", default="What, in one word, is the greatest thing ever?")
parser.add_argument("--limit", type=int, default=40)
parser.add_argument("scores", nargs="+")
options = parser.parse_args()

columns = []
for path in options.scores:
    with open(path, newline="", encoding="utf-8") as file:
        columns.append({row["word"]: float(row["score"]) for row in csv.DictReader(file)})
words = list(columns[0])[: options.limit]

tokenizer = AutoTokenizer.from_pretrained(options.model)
load = AutoModelForSequenceClassification.from_pretrained
model = load(options.model, dtype=torch.float64, attn_implementation="eager").eval()
exact = []
with torch.inference_mode():
    for word in words:
        turns = [{"role": "user", "content": options.prompt}, {"role": "assistant", "content": word}]
        ids = tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), return_tensors="pt")
        exact.append(model(**ids).logits[0, 0].item())

for path, column in zip(options.scores, columns):
    off = torch.tensor([column[word] - score for word, score in zip(words, exact)], dtype=torch.float64)
    print(f"{path}: {len(words)} words, rms {off.square().mean().sqrt():.3g}, largest {off.abs().max():.3g}")
