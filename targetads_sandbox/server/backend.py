"""What responses are made from: data, tokens, dialect, faults, jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from targetads_sandbox.dialect import DOCUMENTED, Dialect
from targetads_sandbox.server.chance import Faults
from targetads_sandbox.server.jobs import Jobs
from targetads_sandbox.server.pages import Pages
from targetads_sandbox.server.storage import Storage
from targetads_sandbox.server.tokens import default_token
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from targetads_sandbox.server.faults import Fault

_LOGGED_REQUESTS = 10_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What a client requested, and how the sandbox responded.

    Attributes:
        path: The path, without the query string.
        project_id: The project, if the request named one.
        body: The decoded body, if it was a JSON object.
        status: The HTTP status of the response.
        fault: The kind of the fault that the request met, if any.
        params: The query parameters.
        authorized: Whether it had an Authorization header, right or wrong.
    """

    method: str
    path: str
    project_id: int | None
    body: dict[str, Any] | None
    status: int
    fault: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    authorized: bool = False


class Backend(ABC):
    """What request handlers share.

    Dialect and faults may be changed while serving.

    Args:
        world: The data; by default two projects with some thousand rows a day.
        tokens: The token of each project; several projects may share one. Without one,
            project 12486 takes `sandbox-token-12486`, and in the live dialect a longer
            one, too.
        dialect: The form of the responses.
        faults: What goes wrong.
        seed: Seed of the faults' chances.
        gzip: Compress responses for clients that accept it.
        without_campaigns: Projects whose tokens may not see the campaigns.
        job_seconds: How long a v2 job takes at least.
        url_seconds: How long the URL of a job's file is valid, from when it was given
            or, in the live dialect, from when the job was made.
        today: The day that ends the history of v2 jobs; if None, they reach back for
            ever.

    Attributes:
        tokens: The token of each project.
        pages: The pages of the world.
        storage: Signs the URLs of files.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        world: World | None = None,
        *,
        tokens: Mapping[int, str | None] | None = None,
        dialect: Dialect = DOCUMENTED,
        faults: Iterable[Fault] = (),
        seed: int = 1,
        gzip: bool = False,
        without_campaigns: Collection[int] = (),
        job_seconds: float = 0.0,
        url_seconds: float = 3600.0,
        today: date | None = None,
    ) -> None:
        self.world = World() if world is None else world
        self.pages = Pages(self.world)
        chosen = dict.fromkeys(self.world.projects) if tokens is None else tokens
        self.tokens = {
            project: token or default_token(project, dialect.tokens)
            for project, token in chosen.items()
        }
        self._words = {
            project: default_token(project)
            for project, token in chosen.items()
            if not token
        }
        self.dialect = dialect
        self.faults = Faults(faults, seed)
        self.gzip = gzip
        self.today = today
        self._without_campaigns = frozenset(without_campaigns)
        self.storage = Storage(url_seconds)
        self._job_seconds = job_seconds
        self._url_seconds = url_seconds
        self._jobs: Jobs | None = None
        self._requests: deque[LoggedRequest] = deque(maxlen=_LOGGED_REQUESTS)

    def sees_campaigns(self, project_id: int) -> bool:
        """Whether the token of a project may see its campaigns."""
        return project_id not in self._without_campaigns

    def projects_of(self, token: str) -> set[int]:
        """The projects that a token opens."""
        pairs = (*self.tokens.items(), *self._words.items())
        return {project for project, its_token in pairs if its_token == token}

    @property
    def jobs(self) -> Jobs:
        """The v2 jobs since serving began; they and their files end with it."""
        if self._jobs is None:
            self._jobs = Jobs(self.world, self._job_seconds, self._url_seconds)
        return self._jobs

    @property
    @abstractmethod
    def url(self) -> str:
        """The base URL, without a trailing slash."""

    @property
    def storage_url(self) -> str:
        """The URL of the storage: the same server under another host name."""
        return self.url.replace("//127.0.0.1:", "//localhost:")

    @property
    def requests(self) -> list[LoggedRequest]:
        """The last requests, oldest first, except those to `/sandbox/`."""
        return list(self._requests)

    def log(self, request: LoggedRequest) -> None:
        """Record a request."""
        if not request.path.startswith("/sandbox/"):
            self._requests.append(request)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._requests.clear()

    def close(self) -> None:
        """Forget the jobs and their files."""
        if self._jobs is not None:
            self._jobs.close()
        self._jobs = None
