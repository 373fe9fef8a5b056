"""A small study with two goals, hostile titles among them, that every publishing test can afford to run."""

from __future__ import annotations

import random
from pathlib import Path

STUDY = """\
schema: 1
id: small-study
title: {en: "Small <script>alert(1)</script> study", zh: 小型研究}
calendar:
  baseline: {start: 2024-01-01, end: 2024-12-31}
weaknesses: [{id: slow, title: "Slow & <b>tired</b>", commitment: quick}]
commitments: [{id: quick, title: Quick service}]
measures:
  - {id: hurry, title: Hurry up, commitment: quick, owners: [all], planned: {start: 2025-01-01, months: 2}}
sources:
  survey:
    path: survey.csv
    time: day
    fields:
      - {name: day, type: date, constraints: {required: true}}
      - {name: score, type: number, constraints: {required: true, minimum: 1, maximum: 10}}
      - {name: branch, type: string}
goals:
  - id: score
    title: {en: "Score <img src=x onerror=alert(1)> +10 %", zh: 评分提高10%}
    commitment: quick
    source: survey
    metric: {kind: mean, value: score}
    better: higher
    target: {relative_change: 0.10}
    cluster: branch
"""


def write_records(folder: Path, after: float) -> None:
    """Write ten branches' scores: about 7.0 before 2025, about `after` from then on."""
    draw = random.Random(7)
    lines = ["day,score,branch"]
    for year, mean in ((2024, 7.0), (2025, after)):
        for month in range(1, 13):
            for branch in range(10):
                for day in (3, 17, 24):
                    score = min(10.0, max(1.0, draw.gauss(mean, 0.3)))
                    lines.append(f"{year}-{month:02d}-{day:02d},{score:.2f},b{branch}")
    (folder / "survey.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
