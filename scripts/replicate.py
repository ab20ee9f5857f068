#!/usr/bin/env python3
"""Sets the numbers of the study's figures and tables beside those of rewardscope, and prints the largest differences.

    python scripts/replicate.py REWARDSCOPE AUTHORS [PICTURES]        (needs numpy, pandas, pyarrow, scipy, statsmodels)

REWARDSCOPE is the program. AUTHORS is a copy of the authors' repository
(brchristian/reward_models_inherit_value_biases_from_pretraining). What is too large for it, the log-probabilities
(data/logprobs) and the scores at checkpoints (data/reward_model_training/*.parquet), is read where it lies there; where it
does not, random numbers take its place, in files of the same form: then the arithmetic is compared, and not the study's values.
PICTURES is a folder for the figures. The arithmetic below is that of the authors' scripts, written anew; nothing is changed in
AUTHORS.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy
import pandas
from scipy.stats import ttest_ind
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import fdrcorrection

ADJECTIVES, SUPERLATIVES = ["best", "greatest", "good", "worst", "bad", "terrible"], ["ever", "world", "time"]
PROMPTS = [f"{a}_{s}_{c}" for a in ADJECTIVES for s in SUPERLATIVES for c in ("one", "single", "please")]
PAIRS_A = ["meta-llama/Llama-3.2-1B-Instruct", "meta-llama/Llama-3.2-3B-Instruct", "meta-llama/Meta-Llama-3-8B-Instruct",
           "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Meta-Llama-3-70B-Instruct", "meta-llama/Llama-3.1-70B-Instruct",
           "meta-llama/Llama-3.3-70B-Instruct"]
PAIRS_B = ["google/gemma-2-2b-it", "google/gemma-2-9b-it", "google/gemma-2-27b-it"]
TRAININGS = {"rank_results_uf_13": (13, "uf", "BT"), "rank_results_uf_27": (27, "uf", "BT"), "rank_results_uf_54": (53, "uf", "BT"),
             "rank_results_uf_100": (106, "uf", "BT"), "rank_results_sky_80k": (77, "skywork", "BT"),
             "rank_results_grm_80k": (550, "uf+skywork", "GRM")}


class Study:
    """The program, the authors' data, and what was found."""

    def __init__(self, program, authors, pictures):
        self.program, self.authors, self.pictures = program, pathlib.Path(authors), pictures and pathlib.Path(pictures)
        self.folder = tempfile.TemporaryDirectory()
        self.made = pathlib.Path(self.folder.name)
        if self.pictures:
            self.pictures.mkdir(parents=True, exist_ok=True)

    def run(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"rewardscope {' '.join(map(str, arguments))}\n{done.stderr}")
        return json.loads(done.stdout)

    def figure(self, name, *more):
        return ["--figure", self.pictures / name, "--force", *more] if self.pictures else []

    def corpus(self, name):
        return self.authors / "data" / "corpora" / name

    def say(self, what, compared, difference, made=False):
        data = "a file of the same form" if made else "the authors' data"
        print(f"| {what} | {compared} | {data} | {difference:.2g} |", flush=True)


def difference(pairs):
    """The largest of the differences; missing on one side alone is infinitely far."""
    far = [0.0 if math.isnan(a) and math.isnan(b) else abs(a - b) for a, b in pairs]
    return max(math.inf if math.isnan(d) else d for d in far)


def framing(prompt):
    return "positive" if prompt.split("_")[0] in ADJECTIVES[:3] else "negative"


def nicknames(study):
    return {m["id"].replace("/", "_"): m["name"] for m in study.run("models", "--format", "json") if "id" in m}


def figure_1(study, what, folder, corpus, dictionary, options):
    """Median rank by model, prompt and category; Welch's test of the families' cells."""
    names, cells = nicknames(study), {}
    for path in sorted((study.authors / "data" / "reward_model_scores" / folder).glob("*.csv")):
        rows = pandas.read_csv(path, keep_default_na=False).drop_duplicates("response")
        rows = rows.merge(dictionary, left_on="response", right_on="token_decoded")
        stem = path.stem.removeprefix("big2_rewards_").removeprefix("MFD20_rewards_")
        for prompt in PROMPTS:
            ranks = (-rows[prompt].astype(float)).rank()
            for category, rank in ranks.groupby(rows["Category"]).median().items():
                cells[names[stem], prompt, category] = rank
    panels = sorted({(category, framing(prompt)) for _, prompt, category in cells})
    picture = study.figure(f"{what.split(',')[0].replace(' ', '-').lower()}.svg")
    source = study.authors / "data" / "reward_model_scores" / folder
    report = study.run("stats", source, "--corpus", corpus, "--replicates", 0, "--format", "json", *options, *picture)
    found = {(c["model"], c["prompt"], c["category"]): c["median_rank"] for c in report["cells"]}
    assert found.keys() == cells.keys(), f"{what}: other cells"
    study.say(what, f"{len(cells)} medians", difference((found[key], cells[key]) for key in cells))
    pairs = []
    for contrast in report["contrasts"]:
        of = contrast["category"], contrast["framing"]
        sides = [[rank for (model, prompt, category), rank in cells.items()
                  if (category, framing(prompt)) == of and ("Gem" in model) == gemma] for gemma in (False, True)]
        test = ttest_ind(*sides, equal_var=False)
        pairs += [(contrast["welch"]["t"], test.statistic), (contrast["welch"]["p"], test.pvalue)]
    assert len(pairs) == 2 * len(panels)
    study.say(what, "Welch's t and p of each panel", difference(pairs))


def log_probabilities(study, model):
    """The path of a model's log-probabilities, and whether they are random."""
    path = study.authors / "data" / "logprobs" / (model.replace("/", "--") + ".csv")
    if path.exists():
        return path, False
    path = study.made / path.name
    if not path.exists():
        random = numpy.random.default_rng(sum(map(ord, model)))
        words = pandas.read_csv(study.corpus("dict_big2_nouns.csv"))["token_decoded"]
        forms = [form for word in words for form in (word, " " + word, word.capitalize(), " " + word.capitalize(), word.upper())]
        tokens = list(dict.fromkeys(forms + ["\n", "爱", "NA", "null", "<s>", "a,b", '"', "$x$"])) + ["love", "Freedom"]
        tokens = [token for token in tokens if random.random() < 0.9 or token.strip() in ("love", "Freedom")]
        columns = {prompt: -random.gamma(9, 1, len(tokens)) for prompt in PROMPTS}
        frame = pandas.DataFrame({"token_id": range(len(tokens)), "token_name": tokens, "token_decoded": tokens, **columns})
        frame.to_csv(path, index=False)
    return path, True


def column(path, prompt):
    """Log-probabilities by token; of tokens that decode alike the most probable."""
    frame = pandas.read_csv(path, usecols=["token_decoded", prompt]).dropna(subset=["token_decoded"])
    return frame.sort_values(prompt, ascending=False).drop_duplicates("token_decoded").set_index("token_decoded")[prompt]


def mwlr(a, b):
    return 0.5 * (numpy.exp(a) + numpy.exp(b)) * (a - b)


def figure_2(study):
    """Two language models by the log-probabilities of the Big Two."""
    models = ["google/gemma-2-2b-it", "meta-llama/Llama-3.2-3B-Instruct"]
    paths = [log_probabilities(study, model) for model in models]
    frames = [pandas.read_csv(path).drop_duplicates("token_decoded") for path, _ in paths]
    words = pandas.read_csv(study.corpus("dict_big2_nouns.csv"))
    words = words[words.token_decoded.isin(frames[0].token_decoded) & words.token_decoded.isin(frames[1].token_decoded)]
    rows = []
    for model, frame in zip(models, frames):
        joined = words.merge(frame, on="token_decoded")
        for prompt in PROMPTS:
            medians = joined[prompt].rank(ascending=False).groupby(joined["Category"]).median()
            rows += [{"model": model, "valence": framing(prompt), "Category": c, "rank": r} for c, r in medians.items()]
    medians = pandas.DataFrame(rows)
    table = anova_lm(ols("rank ~ C(Category) * C(valence) * C(model)", data=medians).fit(), typ=2)
    folder = study.made / "figure-2"
    folder.mkdir(exist_ok=True)
    for path, _ in paths:
        (folder / path.name).unlink(missing_ok=True)
        (folder / path.name).symlink_to(path)
    report = study.run("stats", folder, "--corpus", study.corpus("dict_big2_nouns.csv"), "--replicates", 0, "--format", "json",
                       *study.figure("figure-2.svg"))
    key = lambda term: frozenset(term.replace("C(", "").replace(")", "").lower().replace("valence", "framing").split(":"))
    f = {key(term): row["F"] for term, row in table.iterrows()}
    pairs = [(term["f"], f[key(term["term"])]) for term in report["anova"]["terms"]]
    study.say("Figure 2", "F of the analysis of variance, type II", difference(pairs), paths[0][1])
    tests, cells = [], sorted({(row["Category"], row["valence"]) for row in rows})
    for category, valence in cells:
        of = medians[(medians.Category == category) & (medians.valence == valence)]
        tests.append(ttest_ind(*(of[of.model == model]["rank"] for model in reversed(models)), equal_var=False).pvalue)
    p = dict(zip(cells, fdrcorrection(tests)[1]))
    pairs = [(c["welch"]["p_fdr"], p[c["category"], c["framing"]]) for c in report["model_contrasts"]]
    assert len(pairs) == len(cells)
    study.say("Figure 2", "p by Welch and Benjamini–Hochberg", difference(pairs), paths[0][1])


def figure_3(study):
    """Freedom and love between every Llama and every Gemma."""
    prompt, words = "greatest_ever_one", ["freedom", "love"]
    paths = {model: log_probabilities(study, model) for model in PAIRS_A + PAIRS_B}
    columns = {model: column(path, prompt) for model, (path, _) in paths.items()}
    common = sorted(set.intersection(*(set(values.index) for values in columns.values())))
    folded = pandas.Series(common).str.strip().str.lower()
    expected = {}
    for a in PAIRS_A:
        for b in PAIRS_B:
            values = mwlr(columns[a].loc[common].to_numpy(), columns[b].loc[common].to_numpy())
            expected.update({(a, b, word): values[folded == word].mean() for word in words})
    report = study.run("implicit", "--a", *(paths[a][0] for a in PAIRS_A), "--b", *(paths[b][0] for b in PAIRS_B), "--prompt", prompt,
                       "--show", words[0], "--show", words[1], "--format", "json", *study.figure("figure-3.svg"))
    models = [(a, b) for a in PAIRS_A for b in PAIRS_B]
    assert len(report["pairs"]) == len(models)
    pairs = [(value, expected[(*pair, row["word"].strip().lower())])
             for row in report["prompts"][0]["words"] for pair, value in zip(models, row["each"])]
    assert len(pairs) == len(expected)
    study.say("Figure 3", f"{len(pairs)} values, of {len(models)} pairs", difference(pairs), paths[PAIRS_A[0]][1])


def table_1(study):
    """Every token that two models share."""
    prompt, a = "greatest_ever_one", "meta-llama/Llama-3.2-3B-Instruct"
    for b in PAIRS_B:
        (path_a, made), (path_b, _) = log_probabilities(study, a), log_probabilities(study, b)
        joined = pandas.concat([column(path_a, prompt), column(path_b, prompt)], axis=1, join="inner")
        expected = mwlr(joined.iloc[:, 0], joined.iloc[:, 1])
        report = study.run("implicit", path_a, path_b, "--prompt", prompt, "--variants", "keep", "--format", "json")
        found = {row["word"]: row["mwlr"] for row in report["prompts"][0]["words"]}
        more = sorted(found.keys() - set(expected.index))
        study.say(f"Table 1, {b.split('/')[1]}", f"{len(expected)} tokens ({len(more)} more that pandas reads as missing: {' '.join(more)})",
                  difference((found[token], value) for token, value in expected.items()), made)


def figure_4b(study):
    """Median rank at the last checkpoint, by quantity of data."""
    expected, folder = {}, study.authors / "data" / "reward_model_training"
    for name, (size, source, method) in TRAININGS.items():
        frame = pandas.read_csv(folder / f"{name}.csv")
        if method == "GRM":
            frame["checkpoint"] = 1
        for _, row in frame[frame.checkpoint == frame.checkpoint.max()].iterrows():
            expected[name, row["model_id"], row["Category"]] = row["sum_value"]
    data = [part for name, values in TRAININGS.items() for part in ("--data", f"{name}.csv={','.join(map(str, values))}")]
    files = [folder / f"{name}.csv" for name in TRAININGS]
    report = study.run("ablation", *files, *data, "--format", "json", *study.figure("figure-4b.svg", "--draw", "quantities"))
    found = {(pathlib.Path(f["file"]).stem, f["model"], f["category"]): f["median_rank"] for f in report["final"]}
    missing = expected.keys() - found.keys()
    assert not missing, missing
    study.say("Figures 4b, A5b", f"{len(expected)} medians", difference((found[key], value) for key, value in expected.items()))


def trainings(study, family, random=numpy.random.default_rng(7)):
    """The scores of one training at its checkpoints, and whether they are random."""
    path = study.authors / "data" / "reward_model_training" / f"greatest_ever_one_across_checkpoints_{family}.parquet"
    if path.exists():
        return path, False
    words = [*pandas.read_csv(study.corpus("dict_big2_expanded.csv"))["DicTerm"], *pandas.read_csv(study.corpus("dict_big2_nouns.csv"))["token_decoded"]]
    forms = [form for word in map(str, words) for form in (word, " " + word, word.capitalize(), " " + word.capitalize(), word.upper())]
    tokens = [token for token in dict.fromkeys(forms) if random.random() < 0.8]
    frame = pandas.DataFrame({"token_id": range(len(tokens)), "token_decoded": tokens})
    for step in range(1000, 10001, 1000):
        frame[f"step-{step}"] = random.normal(size=len(tokens))
    path = study.made / path.name
    frame.to_parquet(path)
    return path, True


def scores_of(path):
    """Scores at checkpoints, with the text that spellings of a word have in common."""
    frame = pandas.read_parquet(path).dropna(subset=["token_decoded"])
    plain = frame["token_decoded"].str.encode("ascii", errors="ignore").str.decode("ascii")
    frame["token_norm"] = plain.str.strip().str.lower()
    steps = sorted((c for c in frame.columns if c.startswith("step-")), key=lambda c: int(c.split("-")[1]))
    return frame[frame["token_norm"].str.len() > 0], steps


def figure_4a(study):
    """Median rank of the expanded dictionary at each checkpoint, every spelling with a rank of its own."""
    only, corpus = study.corpus("token_intersection.csv"), study.corpus("dict_big2_expanded.csv")
    shared = set(pandas.read_csv(only, keep_default_na=False)["token_decoded"])
    # The dictionary repeats some of its rows; the authors' script ranks these words twice.
    repeated = pandas.read_csv(corpus).melt("DicTerm", var_name="Category").query("value == 'X'")
    found, pairs, as_published = {}, [], []
    for family in ("llama", "gemma", "qwen"):
        path, made = trainings(study, family)
        frame, steps = scores_of(path)
        frame = frame[frame["token_decoded"].isin(shared)]
        report = study.run("ablation", path, "--corpus", corpus, "--only-words", only, "--variants", "keep", "--format", "json",
                           *study.figure(f"figure-4a-{family}.svg"))
        found = {(s["category"], p["checkpoint"]): p["median_rank"] for s in report["runs"][0]["series"] for p in s["points"]}
        for words, of in ((repeated.drop_duplicates(), pairs), (repeated, as_published)):
            joined = frame.merge(words, left_on="token_norm", right_on="DicTerm")
            for step in steps:
                medians = joined[step].rank(ascending=False).groupby(joined["Category"]).median()
                of += [(found[category, int(step.split("-")[1])], rank) for category, rank in medians.items()]
    study.say("Figures 4a, A5a", f"{len(pairs)} medians, each row of the dictionary once", difference(pairs), made)
    study.say("Figures 4a, A5a", f"{len(pairs)} medians, its repeated rows twice, as in the authors' script", difference(as_published), made)


def figure_5(study):
    """How far each word of the Big Two moved, its spellings averaged."""
    words = pandas.read_csv(study.corpus("dict_big2_nouns.csv"))
    for family in ("llama", "gemma", "qwen"):
        path, made = trainings(study, family)
        frame, steps = scores_of(path)
        joined = frame[frame["token_norm"].isin(words["token_decoded"])]
        ranks = joined.groupby("token_norm")[steps].mean().rank(ascending=False)
        change = ranks[steps[-1]] - ranks[steps[0]]
        report = study.run("ablation", path, "--corpus", study.corpus("dict_big2_nouns.csv"), "--moved", len(words), "--format", "json")
        found = {m["word"].strip().lower(): m["change"] for m in report["runs"][0]["moved"]}
        assert found.keys() == set(change.index), found.keys() ^ set(change.index)
        study.say(f"Figures 5, A6, {family}", f"{len(change)} changes of rank", difference((found[w], c) for w, c in change.items()), made)
        if study.pictures:
            study.run("ablation", path, "--corpus", study.corpus("dict_big2_nouns.csv"), "--format", "json",
                      *study.figure(f"figure-5-{family}.svg", "--draw", "moved"))


def main():
    study = Study(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
    print("| of the study | compared | on | largest difference |\n| --- | --- | --- | ---: |")
    big_two = study.corpus("dict_big2_nouns.csv")
    figure_1(study, "Figure 1a, A1a", "dict_big2_nouns", big_two, pandas.read_csv(big_two), [])
    foundations = study.corpus("moral-foundations-dictionary-20.dicx")
    words = pandas.read_csv(foundations, keep_default_na=False).melt("DicTerm", var_name="Category")
    words = words[words["value"] == "X"].rename(columns={"DicTerm": "token_decoded"})
    words["Category"] = words["Category"].str.replace("_.*", "", regex=True)
    figure_1(study, "Figure 1b, A1b", "dict_MFD_20", foundations, words, ["--category-prefix"])
    figure_2(study)
    figure_3(study)
    table_1(study)
    figure_4a(study)
    figure_4b(study)
    figure_5(study)


if __name__ == "__main__":
    main()
