"""Named connections: the engines that hold tables of records, opened to read, their tables, and what can go wrong.

The URL of a connection is one of

- `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` (what libpq understands; also `postgres://`). All queries of one
  opened study see one state of the database, in a transaction that can only read and lasts while the study is open.
- `duckdb:////ABSOLUTE/PATH.db` (three slashes do too), or `duckdb://PATH.db` relative to the study file's folder:
  opened to read, so nobody writes it meanwhile.
- `spark://HOST:PORT` for a cluster, `spark+yarn://` for YARN's, `spark+local://2` for two cores of this machine;
  Spark's settings may follow, as in `spark://HOST:PORT?spark.executor.memory=8g`. A table is one of its catalog's, or
  files, as in `table: parquet./data/records`. Spark keeps no state between queries: records that change during an
  evaluation are seen changed, and `check` says so.

URLs hold passwords: they, and what drivers say of them, are never told.
"""

from __future__ import annotations

import re
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from evalkit.errors import ConnectionLostError, RecordsError, StudyError
from evalkit.records import ingest
from evalkit.study.paths import URLS, connection_url

if TYPE_CHECKING:
    from evalkit.study import Study

SCHEMES = ("postgresql", "duckdb", "spark")
_SECONDS = 10  # to wait for a server's answer
_DOWN = {
    "refused": "nothing listens there (connection refused)",
    "timeout": f"it did not answer within {_SECONDS} seconds",
    "translate host name": "its host's name is not known",
    "No such file": "there is no such server on this machine",
    "SSL": "they did not agree on encryption (SSL)",
    "too many": "it has too many connections",
    "starting up": "it is starting up",
}
_OR_URL = ", or its URL is not written as it should be"
_REFUSED = {
    "28P01": "the user's password is wrong",
    "28000": "the user may not come in, or the password is wrong",
    "3D000": "there is no such database",
    "42501": "the user may not use this database",
}


class Engines:
    """The engines one opened study reads with, each opened when first needed: one for files, one a connection."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._named: dict[str, Any] = {}

    @cached_property
    def files(self) -> Any:
        """The embedded engine, which reads files."""
        return ingest.connect(self._study.timezone)

    def named(self, name: str) -> Any:
        """Return the engine behind a named connection. Raises RecordsError where it cannot be reached."""
        if name not in self._named:
            url = connection_url(name)
            scheme = url.partition("://")[0].partition("+")[0] if "://" in url else ""
            known: dict[str, Callable[..., Any]] = {
                "postgresql": _postgres,
                "postgres": _postgres,
                "duckdb": _duckdb,
                "spark": _spark,
            }
            if scheme not in known:
                told = f"its scheme is '{scheme}'" if re.fullmatch("[a-z]{1,20}", scheme) else "it has no scheme"
                raise RecordsError(
                    f"The connection '{name}' has a URL that is not understood: {told}; expected one that begins with "
                    f"{', '.join(one + '://' for one in SCHEMES)}, {URLS}."
                )
            engine = known[scheme](name, url, self._study)
            engine.connection_name = name
            self._named[name] = engine
        return self._named[name]


def _not_opened(name: str, why: str) -> str:
    return f"The connection '{name}' cannot be opened: {why}."


def _cannot(name: str, why: str) -> RecordsError:
    return RecordsError(_not_opened(name, why))


def _postgres(name: str, url: str, study: Study) -> Any:
    try:
        import psycopg
        from ibis.backends.postgres import Backend
    except ImportError:
        raise _cannot(name, "its driver is not installed; run: pip install 'evalkit[postgres]'") from None
    given = dict(parse_qsl(url.partition("?")[2]))
    options: dict[str, Any] = {"connect_timeout": _SECONDS, "application_name": "evalkit"}
    try:
        connection = psycopg.connect(url, **{key: value for key, value in options.items() if key not in given})
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    except psycopg.Error as error:
        told = str(error)
        why = _REFUSED.get(error.sqlstate or "") or next((why for mark, why in _REFUSED_WORDS if mark in told), None)
        down = next((why for mark, why in _DOWN.items() if mark in told), None)
        if why is None and down is not None:
            raise ConnectionLostError(_not_opened(name, down + _OR_URL), begun=False) from None
        why = why or "the server does not let us in"
        raise _cannot(name, why + _OR_URL) from None
    backend = Backend()  # as Backend.from_connection, without what imports pandas and commits
    backend.con = connection
    weakref.finalize(backend, connection.close)
    try:
        connection.execute(
            "SELECT set_config('TimeZone', %s, false), set_config('DateStyle', 'ISO', false)", [study.timezone]
        )
    except psycopg.Error:
        raise StudyError(f"The timezone '{study.timezone}' is not known to the connection '{name}'.") from None
    return backend


_REFUSED_WORDS = (
    ("password authentication failed", _REFUSED["28P01"]),
    ("no password supplied", "it asks for a password, and the URL has none"),
    ("does not exist", "there is no such database or user"),
)


def _duckdb(name: str, url: str, study: Study) -> Any:
    import duckdb

    given = unquote(url.partition("://")[2].partition("?")[0])
    path = study.folder / re.sub("^/+", "/", given)
    if not given or path.is_dir():
        raise _cannot(name, f"{path} is a folder; name the DuckDB file in it")
    if not path.is_file():
        mend = (
            f": {given} is relative to the study's folder; an absolute path is written duckdb:////abs/path/{path.name}"
        )
        raise _cannot(name, f"there is no file {path}{'' if given.startswith('/') else mend}")
    try:
        return ingest.connect(study.timezone, path)
    except duckdb.Error as error:
        locked = "lock" in str(error)
        raise _cannot(
            name, f"{path} is being written by another process" if locked else f"{path} is no DuckDB database"
        ) from None


def _spark(name: str, url: str, _study: Study) -> Any:
    try:
        import ibis
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise _cannot(name, "its driver is not installed; run: pip install 'evalkit[spark]'") from None
    parts = urlsplit(url)
    where = parts.netloc
    master = {"spark": f"spark://{where}", "spark+local": f"local[{where or '*'}]", "spark+yarn": "yarn"}.get(
        parts.scheme
    )
    if master is None:
        raise _cannot(name, "a Spark URL begins with spark://, spark+local:// or spark+yarn://")
    if parts.scheme == "spark" and SparkSession.getActiveSession() is None:
        _reach(name, parts.hostname or "", parts.port if _port(where) else None)
    quiet = {"spark.log.level": "OFF", "spark.ui.showConsoleProgress": "false", "spark.ui.enabled": "false"}
    builder = SparkSession.builder.appName("evalkit").config(map=quiet).master(master)
    try:
        session = builder.config(map=dict(parse_qsl(parts.query))).getOrCreate().newSession()
    except (PySparkException, OSError) as error:
        java = "Java" in str(error) or "JAVA" in str(error)
        raise _cannot(
            name, "Spark needs Java 17 (JAVA_HOME)" if java else "Spark does not start with its URL"
        ) from None
    if (running := session.sparkContext.master) != master:
        raise _cannot(name, f"this process already runs Spark on {running}, and one process has one Spark")
    backend = ibis.pyspark.connect(session)  # the session is in UTC: see dialects
    session.conf.set("spark.sql.caseSensitive", "true")
    # what follows from what is known of columns grows with every rule on them until its optimiser does not end
    session.conf.set("spark.sql.constraintPropagation.enabled", "false")
    session.conf.set("spark.sql.ansi.enabled", "true")  # a sum that overflows is an error, not another number
    return backend


def _port(where: str) -> bool:
    return re.search(r":\d+$", where) is not None


def _reach(name: str, host: str, port: int | None) -> None:
    """Raise where nothing listens; Spark itself would try for minutes."""
    try:
        socket.create_connection((host, port or 7077), timeout=_SECONDS).close()
    except OSError:
        raise _cannot(name, "no Spark master answers there") from None


def rows(engine: Any, query: str, schema: Any) -> list[dict[str, Any]]:
    """Return the rows of a query as Python values of the schema's types. Raises RecordsError where it breaks off."""
    with _told(engine):
        if engine.name == "postgres":
            with engine.con.cursor() as cursor:
                found = cursor.execute(query).fetchall()
        else:
            table = engine.raw_sql(query).toArrow()
            found = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    plain = [_PLAIN.get(type(kind).__name__, lambda value: value) for kind in schema.types]
    names = schema.names
    return [
        {name: None if value is None else mend(value) for name, mend, value in zip(names, plain, row, strict=True)}
        for row in found
    ]


# engines give sums of integers as decimals, months as moments, and local times with the zone of the session
_PLAIN: dict[str, Callable[[Any], Any]] = {
    "Float64": float,
    "Int64": int,
    "Date": lambda value: value.date() if hasattr(value, "date") else value,
    "Timestamp": lambda value: value.replace(tzinfo=None),
}


@contextmanager
def _told(engine: Any) -> Iterator[None]:
    """Tell a server's fault without its message, which may quote a record; other faults are evalkit's own."""
    told = f"The connection '{engine.connection_name}'"
    if engine.name == "postgres":
        import psycopg

        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise RecordsError(f"{told}: {error.diag.message_primary}; ask for the right to read it.") from None
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
            raise RecordsError(f"{told}: a table changed its form meanwhile; open the study again.") from None
        except (psycopg.errors.DataError, psycopg.NotSupportedError) as error:
            raise RecordsError(f"{told}: a value cannot be computed with (SQLSTATE {error.sqlstate}).") from None
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
            raise ConnectionLostError(f"{told} broke off{state}; open the study again.") from None
        return
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        raise RecordsError(f"{told}: Spark does not understand a query ({error.getCondition()}).") from None
    except (PySparkException, OSError) as error:
        state = error.getCondition() or "no reason" if isinstance(error, PySparkException) else "its process ended"
        raise ConnectionLostError(f"{told} broke off ({state}).") from None
