"""How responses differ between the documentation and the live API."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

CampaignFields: TypeAlias = Literal["documented", "live", "both"]


@dataclass(frozen=True)
class Dialect:
    """One switch for each point on which the API reference has two versions.

    The defaults are what the vendor documents.

    Attributes:
        shape: `data`: `{"data": [{…}], "count": …, "has_more": …}`; `rows_objects` and
            `rows_arrays`: `{"Columns": […], "CountRows": …, "Rows": […]}` with rows
            that are objects, or arrays in the order of the columns.
        column_names: Whether columns have the names of the request, or `PartOfGivt`
            for one of them.
        columns: Whether a column is its name, or an object with a `Name`.
        has_more: Whether responses say that more rows follow.
        count: Whether the count is that of the page, or of all rows of the query.
        errors_key: Where a validation error lists what is wrong.
        numbers: Whether numbers are numbers, or strings with the same digits.
        nulls: Whether a missing value is null, or an empty string. Names in aggregates
            stay as they are.
        omit_empty: Omit fields without a value from rows that are objects.
        tokens: Whether tokens that nobody has chosen are words, or look like JWTs.
        token_body: Whether `token_validate` responds with a body, or with nothing.
        campaigns_key: The key under which `campaigns` lists its rows.
        campaign_fields: Whether source and marketing campaign have their documented
            names, their live names, or both.
        job_body: Whether the body of a v2 job has filter objects, as in v1, or dates
            and a single type at the top level.
        expiry: Whether the address of a file expires some time after it was given, or
            the job and all its addresses, some time after it was made.
        csv_bom: Whether v2 files begin with a byte order mark.
        csv_gzip: Whether they are compressed.
        csv_columns: Whether their columns are in the order of the request.
        pretty: Indent the JSON.
    """

    shape: Literal["data", "rows_objects", "rows_arrays"] = "data"
    columns: Literal["strings", "objects"] = "strings"
    column_names: Literal["asked", "seen"] = "asked"
    has_more: bool = True
    count: Literal["page", "total"] = "page"
    errors_key: Literal["Errors", "ErrorsField"] = "Errors"
    numbers: Literal["numbers", "strings"] = "numbers"
    nulls: Literal["null", "empty"] = "null"
    omit_empty: bool = False
    tokens: Literal["words", "jwt"] = "words"
    token_body: bool = True
    campaigns_key: Literal["campaigns", "meta"] = "campaigns"
    campaign_fields: CampaignFields = "documented"
    job_body: Literal["nested", "flat"] = "nested"
    expiry: Literal["address", "job"] = "address"
    csv_bom: bool = False
    csv_gzip: bool = True
    csv_columns: Literal["asked", "other"] = "asked"
    pretty: bool = False

    @classmethod
    def named(cls, name: str) -> Dialect:
        """Find a dialect by its name.

        Raises:
            ValueError: If there is no such dialect.
        """
        try:
            return DIALECTS[name]
        except KeyError:
            message = f"There is no dialect {name!r}; there are {', '.join(DIALECTS)}."
            raise ValueError(message) from None


DOCUMENTED = Dialect()
"""What the vendor's documentation says."""

LIVE = Dialect(
    shape="rows_arrays",
    columns="objects",
    column_names="seen",
    has_more=False,
    errors_key="ErrorsField",
    numbers="strings",
    nulls="empty",
    tokens="jwt",
    token_body=False,
    campaigns_key="meta",
    job_body="flat",
    expiry="job",
    csv_bom=True,
    csv_columns="other",
)
"""What has been seen of the live API; where nothing was, what programs reckon with.

Its data are those of a world that is `live`.
"""

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {"documented": DOCUMENTED, "live": LIVE}
)
