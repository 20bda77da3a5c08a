"""An API of pages without a server, and what the tap reads from it."""

from __future__ import annotations

import json
import logging
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from requests_mock import Mocker

from tap_targetads.api.client import Client
from tap_targetads.api.retries import Retries, retry_waits
from tap_targetads.api.transport import Transport
from tap_targetads.output.records import RecordEncoder
from tap_targetads.reading.page_reader import PageReader
from tap_targetads.reading.reader import Source
from tap_targetads.reports.days import Window
from tap_targetads.reports.fields import extra_field, fields_of
from tap_targetads.reports.filters import Filters
from tap_targetads.reports.kinds import RawReport
from tap_targetads.rows.values import converters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Row = dict[str, Any]
Answer = dict[str, Any]

DAY = Window(date(2024, 1, 15), date(2024, 1, 15))
WEEK = Window(date(2024, 1, 15), date(2024, 1, 21))
LOGGER = "tap-targetads.clicks"
NAMES = ["InteractionTime", "InteractionDeviceID", "InteractionEcomAmount"]


def row(number: int, **values: Any) -> Row:
    return {
        "InteractionTime": f"2024-01-15 10:00:{number % 60:02d}",
        "InteractionDeviceID": f"device-{number}",
        "InteractionEcomAmount": number + 0.5,
        **values,
    }


def record(number: int, **values: Any) -> Row:
    time = f"2024-01-15T07:00:{number % 60:02d}+00:00"
    return {**row(number), "InteractionTime": time, **values}


def no_waits() -> Generator[float, Exception, None]:
    waits = retry_waits()
    failure = yield next(waits)
    while True:
        waits.send(failure)
        failure = yield 0


def data_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del total
    return {"data": rows, "count": len(rows), "has_more": more}


def total_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    return {"data": rows, "count": total, "has_more": more}


def without_has_more(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    return {"data": rows, "count": total}


def objects_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    return {"Rows": rows, "Columns": NAMES, "CountRows": total}


def arrays_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    order = list(reversed(NAMES))
    return {
        "Rows": [[r.get(name) for name in order] for r in rows],
        "Columns": [{"Name": name} for name in order],
        "CountRows": total,
    }


SHAPES = [data_shape, total_shape, without_has_more, objects_shape, arrays_shape]


class Server:
    """A server with a list of rows, and the habits that a test gives it."""

    def __init__(
        self, rows: list[Row], shape: Callable[..., Answer] = data_shape
    ) -> None:
        self.rows = rows
        self.shape = shape
        self.cap = 100_000
        self.text: str | None = None
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: Any, context: Any) -> str:
        del context
        body = request.json()
        self.requests.append(body)
        if self.text is not None:
            return self.text
        offset = body["Offset"]
        rows = self.rows[offset : offset + min(body["Limit"], self.cap)]
        more = offset + len(rows) < len(self.rows)
        return json.dumps(self.shape(rows, len(self.rows), more=more))


def read(
    server: Server,
    *,
    page_size: int = 100,
    window: Window = DAY,
    days_in_one_page: bool = False,
    null_bad_values: bool = False,
    fields: list[str] = NAMES,
) -> list[Row]:
    """The rows of a window as records, without keys."""
    exchange = Transport("https://api.example.test", {1: "token"}, 1)
    client = Client(exchange, Retries(2, waits=no_waits))
    known = fields_of("raw", [*extra_field("Color"), *extra_field("Weird-Name 1")])
    source = Source(
        client=client,
        report=RawReport(
            name="clicks",
            fields=known,
            filters=Filters(interaction_types=["Click"]),
            window_days=7,
            lookback_days=0,
        ),
        fields=[known[name] for name in fields],
        conversions=converters(ZoneInfo("Europe/Moscow")),
        null_bad_values=null_bad_values,
        last_complete_day=date(2024, 2, 1),
        logger=logging.getLogger(LOGGER),
    )
    reader = PageReader(
        source, page_size=page_size, days_in_one_page=days_in_one_page, has_keys=True
    )
    with Mocker() as mocker:
        mocker.post(
            "https://api.example.test/v1/reports/raw_reports?project_id=1", text=server
        )
        encoder = RecordEncoder("clicks", {})
        records: list[dict[str, Any]] = []
        for reading in reader.read(1, [window]):
            for chunk in reading.chunks:
                records += encoder.records(chunk.rows, None)
    reader.converter.report_losses(reader.logger)
    return records
