#!/usr/bin/env python3
"""What transformers says of GGUF files, once dequantized: the log-probability of words after a text.

    python scripts/reference_gguf.py FILE.gguf ...      (needs torch, transformers and gguf; no network)

Writes FILE.reference.json beside each: contexts with their token ids, and for each word its ids and the sum of the
log-probabilities of its tokens, each given the ones before, in f32. An instruct model is asked through its chat template
with the generation prompt, another one through the bare text. tests/real_models.rs compares.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers

CONTEXTS = [
    "What, in one word, is the greatest thing ever?",
    "What is the worst thing in the world? Please answer in one word only.",
]
# Without a chat template, something to go on with.
BARE = ["In one word, the greatest thing ever is", "The worst thing in the world, as everybody knows, is"]
WORDS = """love freedom family life death war peace music food kindness hate cruelty betrayal loyalty honesty courage
friendship happiness money power time nature art science god truth beauty hope fear pain joy laughter coffee chocolate
sleep democracy tyranny self-determination greed loneliness 42""".split()


def main(path):
    path = pathlib.Path(path)
    place = dict(pretrained_model_name_or_path=str(path.parent), gguf_file=path.name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    model = transformers.AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, attn_implementation="eager").eval()
    chat = tokenizer.chat_template is not None
    contexts = []
    for text in CONTEXTS if chat else BARE:
        if chat:
            ids = tokenizer.apply_chat_template([{"role": "user", "content": text}], add_generation_prompt=True)
            ids = list(ids["input_ids"] if hasattr(ids, "keys") else ids)
        else:
            ids = [tokenizer.bos_token_id] + tokenizer(text, add_special_tokens=False)["input_ids"]
        words = []
        for word in WORDS:
            text_of_word = word if chat else f" {word}"
            own = tokenizer(text_of_word, add_special_tokens=False)["input_ids"]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([ids + own])).logits[0].log_softmax(-1)
            log_prob = sum(logits[len(ids) + i - 1, token].item() for i, token in enumerate(own))
            words.append({"word": text_of_word, "ids": own, "log_prob": log_prob})
        contexts.append({"text": text, "ids": ids, "words": words})
    # What was taken where the file says nothing.
    config = {key: getattr(model.config, key, None) for key in ("rope_parameters", "layer_types", "query_pre_attn_scalar")}
    out = path.with_suffix(".reference.json")
    out.write_text(json.dumps({"transformers": transformers.__version__, "config": config, "contexts": contexts}, indent=1))
    print(out)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        main(file)
