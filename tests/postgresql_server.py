"""A PostgreSQL server that ends with the tests."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
import uuid

import pytest
from free_port import free_port


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """URL of a PostgreSQL server that ends with the tests."""
    driver = next((d for d in ("psycopg2", "psycopg", "pg8000") if _has(d)), None)
    if driver is None:
        pytest.skip("needs a driver of PostgreSQL, such as psycopg2")
    if not (shutil.which("initdb") and shutil.which("postgres")):
        pytest.skip("needs the programs of PostgreSQL: initdb and postgres")
    place = tmp_path_factory.mktemp("postgresql")
    options = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root.
        options = {"user": "nobody", "group": "nogroup", "cwd": "/"}
        place = os.path.join("/tmp", f"postgresql-{uuid.uuid4().hex}")
        os.mkdir(place)
        shutil.chown(place, "nobody")
    data, port = f"{place}/data", free_port()
    make = ["initdb", "-D", data, "-U", "test", "-A", "trust"]
    made = subprocess.run(make, capture_output=True, text=True, **options)
    if made.returncode:
        pytest.skip(f"initdb has failed: {made.stderr[-200:]}")
    server = subprocess.Popen(
        ["postgres", "-D", data, "-p", str(port), "-k", str(place), "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )
    url = f"postgresql+{driver}://test@127.0.0.1:{port}/postgres"
    try:
        _await_server(url)
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # Without waiting for its clients.
        server.wait(60)
        shutil.rmtree(place, ignore_errors=True)


def _has(module):
    return importlib.util.find_spec(module) is not None


def _await_server(url):
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    limit = time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
            break
        except sqlalchemy.exc.DBAPIError:
            assert time.monotonic() < limit
            time.sleep(0.2)
    engine.dispose()


def new_database(url, name):
    """Create a database on a server, and return its URL."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{url.rpartition('/')[0]}/{name}"
