"""What Alembic runs happens on the given connection, inside the transaction of whoever gave it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from mcpgw.store import migrations


def test_nothing_is_committed_behind_the_callers_back(tmp_path: Path) -> None:
    here = Path(migrations.__file__).parent
    config = Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(here / "journal/versions"))
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    wanted = "SELECT count(*) FROM sqlite_master"
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert connection.exec_driver_sql(wanted).scalar_one() > 2
        connection.rollback()
        assert connection.exec_driver_sql(wanted).scalar_one() == 0
    engine.dispose()
