from __future__ import annotations

import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest
import requests

from targetads_sandbox import Sandbox, World
from targetads_sandbox.server.packed import pack
from targetads_sandbox.world.lru import LruCache
from tests.sandbox.asking import PROJECT, REPORTS, TOKEN, ask, body

if TYPE_CHECKING:
    from collections.abc import Callable

WEEK_OF_BIG_DAYS = """
import resource, sys
import requests
from targetads_sandbox import Sandbox, World
from targetads_sandbox.world.rows import GENERATED

def peak():
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit

begin = peak()
days = {"DateFrom": "2024-01-15", "DateTo": "2024-01-21"}
with Sandbox(World(projects=[1], rows_per_day=100_000)) as sandbox:
    for kinds in (["PageView"], ["Click"], ["Impression"], []):
        offset, full = 0, True
        while full:
            page = {"ResponseType": "JSON", "Fields": list(GENERATED[:20]),
                    "InteractionFilter": {**days, "InteractionType": kinds},
                    "Offset": offset, "Limit": 100_000}
            answer = requests.post(
                sandbox.url + "/v1/reports/raw_reports", json=page, stream=True,
                params={"project_id": 1},
                headers={"Authorization": "Bearer sandbox-token-1"}, timeout=60)
            end = b""
            for piece in answer.iter_content(1 << 20):
                end = (end + piece)[-30:]
            full = end.endswith(b'"has_more":true}')
            offset += 100_000
print(offset, begin, peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it has no getrusage")
def test_a_week_of_big_days_fits_into_half_a_gigabyte() -> None:
    command = [sys.executable, "-c", WEEK_OF_BIG_DAYS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows, _, peak = map(int, done.stdout.split())
    assert rows >= 600_000
    assert peak < 500


def test_a_cache_forgets_what_was_not_used_for_the_longest_time() -> None:
    cache = LruCache[str](10, len)
    made: list[str] = []

    def maker(result: str) -> Callable[[], str]:
        def make() -> str:
            made.append(result)
            return result

        return make

    for key in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        assert cache.get(key, maker(key)) == key
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]


def test_a_result_that_is_too_big_is_kept_until_the_next_one() -> None:
    cache = LruCache[str](3, len)
    big = cache.get("big", lambda: "much too big")
    assert cache.get("big", lambda: "another") is big
    cache.get("small", lambda: "x")
    assert cache.get("big", lambda: "another") == "another"


@pytest.mark.parametrize("count", [0, 1, 1999, 2000, 2001, 4500])
def test_any_piece_of_packed_rows_is_what_was_packed(count: int) -> None:
    rows = [b"%d" % (number * number) for number in range(count)]
    packed = pack(rows)
    edges = sorted({0, 1, 2, 1999, 2000, 2001, 3999, 4000, 4001, count} - {-1})
    for start in edges:
        for stop in edges:
            if start <= stop <= count:
                found = b"".join(packed.pieces(start, stop))
                assert found == b",".join(rows[start:stop])
                assert packed.length(start, stop) == len(found)


def test_shuffled_rows_are_the_same_rows() -> None:
    rows = [b"%d" % number for number in range(4500)]
    shuffled = pack(rows).shuffled(Random(1))  # noqa: S311 - reproducible
    found = b"".join(shuffled.pieces(0, 4500)).split(b",")
    assert found != rows
    assert sorted(found) == sorted(rows)


def test_a_client_that_goes_away_in_the_middle_of_a_page_disturbs_nobody(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Sandbox(World(rows_per_day=20_000)) as sandbox:
        for _ in range(3):
            answer = requests.post(
                sandbox.url + REPORTS,
                json=body(),
                params={"project_id": PROJECT},
                headers={"Authorization": f"Bearer {TOKEN}"},
                stream=True,
                timeout=10,
            )
            assert next(answer.iter_content(10)) == b'{"data":[{'
            answer.close()
        assert ask(sandbox, json=body(Limit=1)).json()["count"] == 1
    assert capfd.readouterr() == ("", "")
