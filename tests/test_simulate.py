"""The simulated bank: the same seed gives the same bytes, the records give back the truth they were drawn from."""

import csv
import inspect
import io
import json
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest

from evalkit import cli
from evalkit.errors import ParameterError
from evalkit.periods import parse_period
from evalkit.simulate import SEED, bank, simulate
from evalkit.simulate.records import FAULTS, SOURCES, Cells, Feedback, Incidents, Process, Survey
from evalkit.simulate.world import LARGE, World, columns_of
from evalkit.study import load

DATA = Path(__file__).resolve().parents[1] / "data"
BIG_SOURCES = ("survey_responses", "process_records", "feedback_tickets")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows_of(path: Path) -> list[dict[str, str]]:
    encoding = "gb18030" if path.stem == "feedback_tickets" else "utf-8"
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding), newline="")))


def by_branch(world: World, columns: dict[str, np.ndarray]) -> np.ndarray:
    return np.array([(columns["branch"] == branch).sum() for branch in world.branches])


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A bank just large enough for Parquet, with its truth."""
    folder = tmp_path_factory.mktemp("big")
    return folder, simulate(folder, records=LARGE + 1, seed=11)


@pytest.fixture(scope="module")
def shipped() -> dict:
    return json.loads((DATA / "truth.json").read_text(encoding="utf-8"))


# the same seed, the same bytes


def test_same_seed_same_bytes_and_another_seed_other_records(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(tmp_path / name, records=3000, seed=seed)
    first, again, other = (files_of(tmp_path / name) for name in "abc")
    assert first == again
    assert len(first) == 14
    assert first["study.yaml"] == other["study.yaml"]
    same = [name for name in first if name != "study.yaml" and first[name] == other[name]]
    assert same == []


def test_shipped_data_regenerate_byte_for_byte(tmp_path):
    simulate(tmp_path, seed=SEED)
    shipped = {name: data for name, data in files_of(DATA).items() if name.startswith(("records", "study", "truth"))}
    made = files_of(tmp_path)
    assert made.keys() == shipped.keys()
    assert [name for name in made if made[name] != shipped[name]] == []


def test_readme_names_the_command_that_made_the_data():
    assert f"evalkit simulate --out data --seed {SEED}" in (DATA / "README.md").read_text(encoding="utf-8")
    assert inspect.signature(cli.simulate).parameters["seed"].default == SEED


def test_large_parquet_bank_is_the_same_twice(tmp_path, big):
    folder, truth = big
    assert simulate(tmp_path, records=LARGE + 1, seed=11) == truth
    assert files_of(tmp_path) == files_of(folder)


# sizes


@pytest.mark.parametrize("records", [1, 40, 2500])
def test_any_number_of_records(tmp_path, records):
    truth = simulate(tmp_path, records=records, seed=1)
    assert truth["records"] == records
    assert len(rows_of(tmp_path / "records/process_records.csv")) == records
    assert len(rows_of(tmp_path / "records/survey_responses.csv")) == round(records * bank.PER_RECORD["survey"])
    assert len(rows_of(tmp_path / "records/feedback_tickets.csv")) == round(records * bank.PER_RECORD["feedback"])


def test_large_bank_is_parquet_and_its_study_says_so(big):
    folder, _ = big
    study = load(folder / "study.yaml")
    for name in ("survey", "process", "feedback", "incidents"):
        path = folder / study.source(name).path
        assert path.suffix == ".parquet"
        assert study.source(name).encoding == "utf-8"
        found = duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
        assert {field.header for field in study.source(name).fields} <= {column[0] for column in found}
    count = duckdb.sql(f"SELECT count(*) FROM '{folder}/records/process_records.parquet'").fetchone()
    assert count == (LARGE + 1,)
    assert not (folder / "records/process_records.csv").exists()


def test_exposure_and_incidents_grow_with_the_records():
    small, large = (Incidents(World(1, records)).cells.count.sum() for records in (3000, 300_000))
    assert large / small == pytest.approx(100, rel=1e-3)


# the records give back the truth


@pytest.mark.parametrize("label", ["baseline", "2025-Q3", "2026-Q2"])
def test_records_give_back_the_true_values(big, label):
    folder, truth = big
    window = parse_period("2023-01-01/2024-12-31" if label == "baseline" else label).window
    months = len(list(window.months()))

    def within(column):
        return f"{column} >= '{window.start}' AND {column} < DATE '{window.end}' + 1"

    def true(goal, key="value"):
        described = truth["goals"][goal]
        return described["baseline"][key] if label == "baseline" else described["periods"][label]["period"][key]

    def found(query):
        return duckdb.sql(query).fetchone()

    records = folder / "records"
    score, count = found(
        f"SELECT sum(score * weight) / sum(weight), count(*) FROM '{records}/survey_responses.parquet' "
        f"WHERE {within('responded_at')} AND weight > 0"
    )
    error = np.hypot(2.2 / np.sqrt(count), bank.MONTH_SD["survey"] / np.sqrt(months))
    assert score == pytest.approx(true("satisfaction"), abs=4 * error)

    minutes, sd, count = found(
        "SELECT avg(m), stddev(m), count(*) FROM (SELECT epoch(finished_at - started_at) / 60 AS m "
        f"FROM '{records}/process_records.parquet' WHERE {within('started_at')} AND finished_at >= started_at)"
    )
    error = np.hypot(sd / np.sqrt(count), minutes * bank.MONTH_SD["process"] / np.sqrt(months))
    assert minutes == pytest.approx(true("handling_time", "crude_value"), abs=4 * error)

    share, count = found(
        "SELECT avg(CASE WHEN 答复时间 <= 受理时间 + INTERVAL 7 DAY THEN 1.0 ELSE 0.0 END), count(*) "
        f"FROM '{records}/feedback_tickets.parquet' WHERE {within('受理时间')}"
    )
    spread = share * (1 - share)
    error = np.hypot(np.sqrt(spread / count), spread * bank.MONTH_SD["feedback"] / np.sqrt(months))
    assert share == pytest.approx(true("response_rate"), abs=4 * error)

    number = found(f"SELECT count(*) FROM '{records}/security_incidents.parquet' WHERE {within('occurred_at')}")[0]
    millions = found(
        f"SELECT sum(transactions_millions) FROM '{records}/transactions.csv' WHERE {within('make_date(year, month, 1)')}"
    )[0]
    error = np.hypot(np.sqrt(bank.INCIDENT_DISPERSION / number), bank.MONTH_SD["incidents"] / np.sqrt(months))
    assert number / millions == pytest.approx(true("incidents"), rel=4 * error)


def test_standardised_change_is_what_records_of_like_business_show(big):
    folder, truth = big
    path = folder / "records/process_records.parquet"
    shares_means = duckdb.sql(
        "SELECT business_type, year(started_at) >= 2026 AS after, count(*) AS n, "
        f"avg(epoch(finished_at - started_at)) / 60 AS m FROM '{path}' WHERE finished_at >= started_at "
        "AND business_type <> 'test' AND quarter(started_at) = 2 AND year(started_at) <> 2025 GROUP BY ALL"
    ).fetchall()
    before = {kind: (n, m) for kind, after, n, m in shares_means if not after}
    after = {kind: m for kind, late, n, m in shares_means if late}
    old = sum(n * m for n, m in before.values())
    new = sum(n * after[kind] for kind, (n, _) in before.items())
    change = truth["goals"]["handling_time"]["periods"]["2026-Q2"]["period"]["change"]
    assert new / old == pytest.approx(change, abs=0.03)


def test_incidents_have_the_stated_dispersion():
    world = World(5, 3_000_000)
    incidents = Incidents(world)
    mean = (incidents.cells.count * incidents.cells.value)[:, :, 0]
    quiet = np.exp(world.shocks["incidents"] - bank.MONTH_SD["incidents"] ** 2 / 2)
    mean = mean * quiet[:, None]
    counts = np.array([by_branch(world, incidents.month(m, 0)) for m in range(len(world.months))])
    assert ((counts - mean) ** 2 / mean).mean() == pytest.approx(bank.INCIDENT_DISPERSION, abs=0.2)


def test_every_branch_and_month_has_the_share_it_should():
    world = World(5, 100_000)
    survey = Survey(world)
    shares = by_branch(world, survey.month(7, 200_000)) / 200_000
    expected = survey.cells.count[7]
    assert shares == pytest.approx(expected.sum(axis=1) / expected.sum(), abs=0.003)
    assert world.shares.sum() == pytest.approx(1)
    assert world.shares.max() / world.shares.min() > 5


# realistic trouble


def test_measures_follow_their_actual_timetable():
    world = World(1, 100)
    study = load(DATA / "study.yaml")
    for measure in study.measures:
        reached = world.measure(measure.id)
        starts = np.array([month.start for month in world.months])
        assert (reached[starts < measure.actual.start.replace(day=1)] == 0).all()
        assert (np.diff(reached) >= 0).all()
        assert reached[-1] == 1
        if measure.actual.end:
            assert (reached[starts > measure.actual.end] == 1).all()
            assert measure.actual.end > measure.planned.end  # every measure with an end was late


def test_business_moves_to_quick_types_only_after_the_start():
    mix = Process(World(1, 100)).cells.count.sum(axis=1)
    mix = mix / mix.sum(axis=1, keepdims=True)
    before, after, minutes, *_ = columns_of(bank.BUSINESS_TYPES)
    assert mix[23] == pytest.approx(before)
    assert mix[-1] == pytest.approx(after)
    assert mix[-1] @ minutes < 0.9 * before @ minutes


def test_handling_times_are_skewed_and_some_items_stay_open():
    world = World(1, 100)
    drawn = Process(world).month(44, 20_000)
    open_items = np.isnat(drawn["finished_at"])
    assert 0.002 < open_items.mean() < 0.02
    minutes = (drawn["finished_at"] - drawn["started_at"])[~open_items].astype(np.float64) / 60
    assert minutes.mean() > 1.5 * np.median(minutes)
    assert drawn["finished_at"][~open_items].max() < world.end
    assert (np.diff(drawn["started_at"].astype(np.int64)) >= 0).all()


def test_tickets_are_answered_in_time_late_or_never():
    drawn = Feedback(World(1, 100)).month(3, 20_000)
    days = (drawn["answered_at"] - drawn["received_at"]).astype(np.float64) / 86400
    never = np.isnat(drawn["answered_at"])
    late = ~never & (days > 7)
    in_time = (~never & ~late).mean()
    assert in_time == pytest.approx(0.80, abs=0.05)
    assert late.mean() == pytest.approx(bank.LATE_SHARE * (1 - in_time), abs=0.01)
    assert days[~never].min() > 0


def test_fewer_records_fall_on_weekends_and_in_the_festival_week():
    world = World(1, 100)
    days = Process(world).month(13, 29_000)["started_at"].astype("datetime64[D]")  # 2024-02, festival on the 10th
    counts = np.bincount((days - np.datetime64("2024-02-01")).astype(int), minlength=29)
    assert counts[9:16].max() < counts[:2].min() / 2
    assert counts[23:25].max() < counts[25:28].min() / 2
    assert world.festival[12:14] == pytest.approx([(31 - 26) / 31, 16 / 29])  # 2024-01-27 to 2024-02-16


def test_planted_faults_are_few_and_nothing_else_is_wrong(tmp_path):
    for name, source in SOURCES.items():
        drawn = source(World(2, 100))
        for index in range(len(drawn.world.months)):
            clean, faulty = (drawn.month(index, 400) for _ in range(2))
            drawn.plant(faulty, index)
            changed = {row for name in clean for row in np.flatnonzero(~_same(clean[name], faulty[name])).tolist()}
            assert changed == ({200} if index in FAULTS[name] else set())
    simulate(tmp_path, records=400)
    ids = [row["record_id"] for row in rows_of(tmp_path / "records/process_records.csv")]
    assert len(set(ids)) == 400  # too small a bank for faults


def _same(first, second):
    if first.dtype.kind == "M":
        return (first == second) | (np.isnat(first) & np.isnat(second))
    return first == second


# the truth file


def test_handling_time_looks_reached_but_is_not(shipped):
    quarters = [q["period"] for q in shipped["goals"]["handling_time"]["periods"].values() if q["period"]]
    assert not any(quarter["met"] for quarter in quarters)
    assert sum(quarter["crude_met"] for quarter in quarters) >= 4
    assert all(0.85 < quarter["change"] < 0.90 for quarter in quarters)


def test_truth_changes_over_the_quarters_as_the_measures_take_hold(shipped):
    satisfaction = [q["period"] for q in shipped["goals"]["satisfaction"]["periods"].values()]
    assert satisfaction[0] is None  # wholly inside the phase-in
    assert [quarter["met"] for quarter in satisfaction[1:]] == [False, True, True, True, True, True]
    incident = [q["period"] for q in shipped["goals"]["incidents"]["periods"].values()]
    assert incident[:2] == [None, None]
    assert all(quarter["met"] for quarter in incident[2:])
    response = [q["period"]["met"] for q in shipped["goals"]["response_rate"]["periods"].values()]
    assert response == [False, False, True, True, True, True, True]
    last = shipped["goals"]["satisfaction"]["periods"]["2026-Q3"]
    assert last["to_date"]["change"] < last["period"]["change"]


def test_like_months_give_each_month_its_share_of_days():
    flat = Cells(count=np.full((4, 1, 1), 10.0), weight=np.ones((4, 1, 1)), value=np.arange(4.0).reshape(4, 1, 1))
    calendar, days = np.array([1, 2, 1, 2]), np.array([31.0, 28.0, 31.0, 28.0])
    before, after = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    factors = flat.like_months(before, after, calendar, days)
    assert flat.mean(factors) == pytest.approx(28 / 59)


def test_standardised_mean_uses_the_reference_shares():
    count = np.array([[[30.0, 10.0]], [[10.0, 30.0]]])
    cells = Cells(count=count, weight=np.ones_like(count), value=np.array([[[10.0, 50.0]], [[8.0, 40.0]]]))
    before, after = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert cells.mean(before) == 20
    assert cells.mean(after) == 32
    assert cells.standardised(after, before) == 16


# the study file and the dictionary


def test_shipped_study_has_what_was_promised():
    study = load(DATA / "study.yaml")
    assert (len(study.weaknesses), len(study.commitments), len(study.measures), len(study.goals)) == (4, 4, 8, 4)
    assert {indicator.measure for indicator in study.indicators} == {measure.id for measure in study.measures}
    assert all(measure.owners for measure in study.measures)
    titled = (study, *study.weaknesses, *study.commitments, *study.measures, *study.goals, *study.indicators)
    assert all(part.title.en and part.title.zh and part.title.en != part.title.zh for part in titled)


def test_dictionary_describes_every_file_and_column():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for path in sorted((DATA / "records").iterdir()):
        rows = rows_of(path)
        assert f"`records/{path.name}` ({len(rows):,} rows" in text
        assert [column for column in rows[0] if f"`{column}`" not in text] == []


def test_no_personal_data_in_what_customers_write():
    known = {text for texts in bank.MESSAGES.values() for text in texts.split("/")}
    assert not any(re.search(r"\d|@|先生|女士|Mr|Mrs", text) for text in known)
    assert {row["内容"] for row in rows_of(DATA / "records/feedback_tickets.csv")} == known
    for path in (DATA / "records").iterdir():
        for column, value in rows_of(path)[0].items():
            assert not re.search(r"name|phone|mail|address|birth|姓名|电话|身份证", column), (path.name, column)
            assert len(value) < 60


# bad parameters


def test_bad_parameters_are_told(tmp_path):
    with pytest.raises(ParameterError, match="records is 0; expected 1 or more"):
        simulate(tmp_path, records=0)
    with pytest.raises(ParameterError, match="seed is -1; expected zero or more"):
        simulate(tmp_path, records=10, seed=-1)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ParameterError, match="cannot be written"):
        simulate(tmp_path / "file" / "bank", records=10)


def test_somebodys_own_study_is_not_overwritten(tmp_path):
    (tmp_path / "study.yaml").write_text("schema: 1\n")
    with pytest.raises(ParameterError, match="not simulated"):
        simulate(tmp_path, records=10)
    assert (tmp_path / "study.yaml").read_text() == "schema: 1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


def test_simulating_again_into_the_same_folder_replaces_it(tmp_path):
    simulate(tmp_path, records=200, seed=1)
    simulate(tmp_path, records=100, seed=1)
    assert len(rows_of(tmp_path / "records/process_records.csv")) == 100
