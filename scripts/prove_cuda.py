#!/usr/bin/env python3
"""Proves the CUDA build on a machine with an NVIDIA GPU, in a few minutes:

    scripts/prove_cuda.py BINARY [--tokenizer FOLDER] [--shapes 1b,8b,27b] [--part parity,bits,sanitizer,speed]

- parity: every reward model and language model of tests/fixtures, in f32, bf16 and f16, against the CPU's f32;
- bits: `check` on the bundled pair and the fixtures, which demands that a word has the same bits in any company;
- sanitizer: compute-sanitizer (where it is installed) over one run;
- speed: checkpoints of real shapes with random weights, made on the card with transformers: words a second beside PyTorch
  with the prompt's keys and values reused, on the same token ids, and the share of the card's own bf16 product.

Needs python3 with torch and transformers for `speed`, nothing for the rest. Ends with 1 where something was missed, and
names it. The tokenizer of the bundled pair stands in for a real one where --tokenizer names none.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
WORDS = ["love", "freedom", "a", "friendship", "power", "self-made", "what a day", "Ω"]
# Largest difference from the CPU's f32, as a share of the spread of the scores and of 1.
TOLERANCE = {"f32": 2e-4, "f16": 2e-2, "bf16": 2e-1}
# Words a second as a multiple of PyTorch's, by shape.
TARGETS = {"1b": 3.0, "8b": 3.0, "27b": 2.0}
LLAMA3 = dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192)
SHAPES = {
    "1b": ("Llama", dict(vocab_size=128256, hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
                         head_dim=64, intermediate_size=8192, rope_parameters=LLAMA3, tie_word_embeddings=True)),
    "8b": ("Llama", dict(vocab_size=128256, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
                         head_dim=128, intermediate_size=14336, rope_parameters=LLAMA3, tie_word_embeddings=False)),
    "27b": ("Gemma2", dict(vocab_size=256000, hidden_size=4608, num_hidden_layers=46, num_attention_heads=32,
                           num_key_value_heads=16, head_dim=128, intermediate_size=36864, query_pre_attn_scalar=144)),
}
# Tests of `check` that a word passes with the same bits in any company.
SAME = ["batch = single", "prefix = whole", "company"]
missed = []


def say(*words):
    print(*words, flush=True)


def run(binary, *arguments, okay=(0,), seconds=240):
    environment = dict(os.environ, NO_COLOR="1", HF_HUB_OFFLINE="1", REWARDSCOPE_STORE=os.path.join(tempfile.gettempdir(), "prove.sqlite"))
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, env=environment, timeout=seconds)
    if done.returncode not in okay:
        raise RuntimeError(f"{' '.join(arguments)}: {done.returncode}: {done.stderr.strip()[-600:]}")
    return done


def scores(binary, model, device, dtype, *more):
    words = [argument for word in WORDS for argument in ("--word", word)]
    done = run(binary, "score", model, "--device", device, "--dtype", dtype, "--no-store", "--format", "jsonl", *words, *more)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["prompt"], row["word"]): row["score"] for row in rows if row.get("score") is not None}


def fixtures():
    return sorted(name for name in os.listdir(FIXTURES) if os.path.exists(os.path.join(FIXTURES, name, "config.json")))


def parity(binary, _):
    for name in fixtures():
        folder, line = os.path.join(FIXTURES, name), []
        try:
            expected = scores(binary, folder, "cpu", "f32")
            spread = max(1.0, statistics.pstdev(expected.values()))
            for dtype, tolerance in TOLERANCE.items():
                found = scores(binary, folder, "cuda", dtype)
                off = max(abs(found[key] - expected[key]) for key in expected) / spread
                line.append(f"{dtype} {off:.1e}")
                if set(found) != set(expected) or not off <= tolerance:
                    missed.append(f"parity of {name} in {dtype}: {off:.1e}, {tolerance:.0e} allowed")
        except (RuntimeError, ValueError, KeyError) as error:
            missed.append(f"parity of {name}: {error}")
            line.append(str(error))
        say(f"parity {name:14} {'  '.join(line)}")


def bits(binary, _):
    models = ["demo-llama", "demo-gemma"] + [os.path.join(FIXTURES, name) for name in fixtures()]
    for model in models:
        for dtype in ("f32", "bf16"):
            name = f"{os.path.basename(model)} in {dtype}"
            try:
                done = run(binary, "check", model, "--device", "cuda", "--dtype", dtype, "--format", "json", okay=(0, 1))
                report = json.loads(done.stdout)
                tests = {row["test"]: row for row in report["tests"]}
                line = [f"{test}: {tests[test]['figure'].split(',')[0].removeprefix('largest difference ')}" for test in SAME]
                say(f"bits   {name:24} rc {done.returncode}; {'; '.join(line)}")
                if done.returncode or any(not part.endswith(" 0.0e0") for part in line):
                    missed.append(f"check of {name}: {'; '.join(line)}")
            except (RuntimeError, ValueError, KeyError) as error:
                missed.append(f"check of {name}: {error}")


def sanitizer(binary, _):
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.path.exists(tool):
        say("sanitizer: compute-sanitizer is not installed: not run")
        return
    for kind in ("memcheck", "racecheck"):
        for model in ("demo-gemma", os.path.join(FIXTURES, "qwen3")):
            arguments = [tool, "--tool", kind, "--error-exitcode", "9", binary, "score", model, "--device", "cuda", "--dtype", "bf16",
                         "--no-store", "--word", "love", "--word", "friendship"]
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
            say(f"sanitizer {kind} {os.path.basename(model)}: rc {done.returncode}", *done.stdout.splitlines()[-1:])
            if done.returncode != 0:
                missed.append(f"sanitizer {kind} on {model}")
                say(done.stdout[-1500:], done.stderr[-500:])


def make(name, tokenizer, folder):
    import torch
    import transformers
    family, keys = SHAPES[name]
    os.makedirs(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(tokenizer, file), folder)
    config = getattr(transformers, f"{family}Config")(**keys, num_labels=1, pad_token_id=0)
    with torch.device("meta"):
        model = getattr(transformers, f"{family}ForSequenceClassification")(config)
    model = model.to(torch.bfloat16).to_empty(device="cuda")
    generator = torch.Generator("cuda").manual_seed(0)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            norm = key.endswith("norm.weight")
            flat = weight.view(-1)
            for first in range(0, flat.numel(), 1 << 26):
                piece = flat[first:first + (1 << 26)]
                centre = 1.0 if norm and family == "Llama" else 0.0
                piece.copy_(torch.empty(piece.shape, device="cuda").normal_(centre, 0.05 if norm else 0.02, generator=generator))
    model.tie_weights()
    model.save_pretrained(folder)
    del model
    torch.cuda.empty_cache()


def peer(folder, conversations, repeat=5):
    """Words a second with the shared front run once, and the rewards: eager or scaled-dot-product attention, one batch."""
    import torch
    import transformers
    load = transformers.AutoModelForSequenceClassification.from_pretrained
    begun = time.perf_counter()
    model = load(folder, dtype=torch.bfloat16, device_map="cuda").eval()
    loaded = time.perf_counter() - begun
    front = 0
    while all(len(ids) > front + 1 and ids[front] == conversations[0][front] for ids in conversations):
        front += 1
    rests = [ids[front:] for ids in conversations]
    width = max(map(len, rests))
    batch = 128 if model.config.hidden_size == 4608 else len(rests)

    def once():
        rewards = []
        cache = transformers.DynamicCache(config=model.config)
        cache = model.model(input_ids=torch.tensor([conversations[0][:front]], device="cuda"), use_cache=True, past_key_values=cache).past_key_values
        kept = [(layer.keys, layer.values) for layer in cache.layers]
        for first in range(0, len(rests), batch):
            part = rests[first:first + batch]
            ids = torch.tensor([rest + [0] * (width - len(rest)) for rest in part], device="cuda")
            mask = torch.tensor([[1] * (front + len(rest)) + [0] * (width - len(rest)) for rest in part], device="cuda")
            behind = transformers.DynamicCache(config=model.config)
            for index, (keys, values) in enumerate(kept):
                behind.update(keys.expand(len(part), -1, -1, -1), values.expand(len(part), -1, -1, -1), index)
            hidden = model.model(input_ids=ids, attention_mask=mask, past_key_values=behind, use_cache=True).last_hidden_state
            last = torch.tensor([len(rest) - 1 for rest in part], device="cuda")
            rewards += model.score(hidden[torch.arange(len(part), device="cuda"), last])[:, 0].float().tolist()
        torch.cuda.synchronize()
        return rewards

    with torch.inference_mode():
        once()
        times = []
        for _ in range(repeat):
            begun = time.perf_counter()
            rewards = once()
            times.append(time.perf_counter() - begun)
    del model
    torch.cuda.empty_cache()
    return len(rests) / statistics.median(times), rewards, loaded


def card_rate():
    """TFLOP/s of the card's own bf16 product of 8192³."""
    import torch
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(10):
        a @ b
    torch.cuda.synchronize()
    return 10 * 2 * 8192 ** 3 / (time.perf_counter() - begun) / 1e12


def speed(binary, options):
    import torch
    rate = card_rate()
    say(f"card   {torch.cuda.get_device_name()}, {rate:.0f} TFLOP/s in bf16")
    for name in options.shapes.split(","):
        scratch = tempfile.mkdtemp(dir="/dev/shm")
        folder = os.path.join(scratch, name)
        try:
            make(name, options.tokenizer, folder)
            fixed = (folder, "--device", "cuda", "--dtype", "bf16")
            begun = time.perf_counter()
            done = run(binary, "score", *fixed, "--no-store", "--corpus", "big-two", "--prompt", "greatest_ever_one", "--format", "jsonl", "--tokens")
            first = time.perf_counter() - begun
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            bench = json.loads(run(binary, "bench", *fixed, "--corpus", "big-two", "--repeat", "5", "--sweep", "none", "--format", "json").stdout)
            theirs, rewards, loaded = peer(folder, [row["token_ids"] for row in rows])
            mine = [row["score"] for row in rows]
            off = statistics.fmean((a - b) ** 2 for a, b in zip(mine, rewards)) ** 0.5
            ratio = bench["words_per_s"] / theirs
            floor = sum(bench["operations_floor"].values())
            reached = floor / bench["seconds"] / 1e12
            say(f"speed  {name}: {bench['words_per_s']:.0f} words/s, PyTorch {theirs:.0f}, ratio {ratio:.2f}; {reached:.0f} TFLOP/s "
                f"({reached / rate:.0%} of the card); tokens {bench['tokens_run']}; load and first list {first:.1f} s (PyTorch loads in {loaded:.1f}); "
                f"rewards differ by rms {off:.3f} of sd {statistics.pstdev(rewards):.3f}")
            if ratio < TARGETS[name]:
                missed.append(f"speed of {name}: {ratio:.2f} times PyTorch, {TARGETS[name]} wanted")
            if not off <= 0.2 * statistics.pstdev(rewards):
                missed.append(f"rewards of {name}")
            if name == "8b":
                for what, more in [("vocabulary", ["--vocabulary=30000"])]:
                    many = json.loads(run(binary, "bench", *fixed, *more, "--repeat", "1", "--sweep", "none", "--format", "json").stdout)
                    share = sum(many["operations_floor"].values()) / many["seconds"] / 1e12 / rate
                    say(f"speed  {name}, {what}: {many['words_per_s']:.0f} words/s, {share:.0%} of the card")
                    if share < 0.5:
                        missed.append(f"{what} on {name}: {share:.0%} of the card, 50% wanted")
                begun = time.perf_counter()
                run(binary, "score", *fixed, "--no-store", "--corpus", "big-two", "--prompt", "all", "--format", "csv", "-o", os.path.join(scratch, "all.csv"))
                say(f"speed  {name}, all prompts: {time.perf_counter() - begun:.1f} s with loading")
                done = run(binary, "check", *fixed, okay=(0, 1))
                say(f"bits   {name}: check rc {done.returncode}")
                if done.returncode:
                    missed.append(f"check of {name}")
                    say(done.stdout[-2500:])
        except (RuntimeError, ValueError, KeyError, OSError, subprocess.TimeoutExpired) as error:
            missed.append(f"speed of {name}: {error}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--tokenizer", default=os.path.join(ROOT, "models", "demo-llama"))
    parser.add_argument("--shapes", default="1b,8b,27b")
    parser.add_argument("--part", default="parity,bits,sanitizer,speed")
    options = parser.parse_args()
    parts = dict(parity=parity, bits=bits, sanitizer=sanitizer, speed=speed)
    for part in options.part.split(","):
        begun = time.perf_counter()
        parts[part](os.path.abspath(options.binary), options)
        say(f"===    {part} took {time.perf_counter() - begun:.0f} s")
    for line in missed:
        say("MISSED", line)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
