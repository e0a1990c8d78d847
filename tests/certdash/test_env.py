"""Settings come from the environment, from files that it names, or from a default; others stop the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from certdash import env


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("X", "X_FILE", "Y", "CERTDASH_ENV_FILE"):
        monkeypatch.setenv(name, "")  # so that what a test loads is undone, too
        monkeypatch.delenv(name)


def test_text_comes_from_the_environment_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.text("X", "default") == "default"
    monkeypatch.setenv("X", "set")
    assert env.text("X", "default") == "set"


def test_a_named_file_wins_and_loses_its_line_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    monkeypatch.setenv("X", "from the environment")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))
    assert env.text("X") == "from a file"


def test_a_named_file_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("X_FILE", str(tmp_path / "absent"))
    with pytest.raises(env.SettingError, match=r"X_FILE names .*absent"):
        env.text("X", "default")


@pytest.mark.parametrize(
    ("value", "expected"), [("yes", True), ("1", True), ("TRUE", True), ("off", False), ("", False)]
)
def test_flags_are_read_in_words(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:  # noqa: FBT001
    monkeypatch.setenv("X", value)
    assert env.flag("X", default=not expected) is expected


def test_a_flag_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "ture")
    with pytest.raises(env.SettingError, match="write true or false"):
        env.flag("X", default=False)


@pytest.mark.parametrize(("value", "reason"), [("many", "whole number"), ("1", "least allowed is 2")])
def test_a_number_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, value: str, reason: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.SettingError, match=reason):
        env.number("X", 3, least=2)


def test_words_are_parted_by_commas_and_empty_ones_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", " a, b,,c ")
    assert env.words("X") == ["a", "b", "c"]


def test_a_postgres_address_keeps_special_characters_of_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "postgres://user:p%40ss%2F@db.example.org:6432/certdash")
    database = env.database("X", "")
    assert database["PASSWORD"] == "p@ss/"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example.org", "6432", "certdash")


def test_sqlite_takes_the_write_lock_first_and_tests_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    database = env.database("X", "sqlite:////srv/some/certdash.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert database["TEST"]["NAME"] == Path("/srv/some/test.sqlite3")


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="says what SQLite was told")
def test_sqlite_is_told_to_survive_a_kill_and_how_much_to_keep_at_hand() -> None:
    told = {}
    with connection.cursor() as cursor:
        for pragma in ("journal_mode", "synchronous", "cache_size", "wal_autocheckpoint"):
            cursor.execute(f"PRAGMA {pragma}")
            told[pragma] = cursor.fetchone()[0]
    assert told == {"journal_mode": "wal", "synchronous": 1, "cache_size": -65536, "wal_autocheckpoint": 8192}


def test_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "mysql://somewhere/certdash")
    with pytest.raises(env.SettingError, match="sqlite:/// or postgres://"):
        env.database("X", "")


@pytest.mark.parametrize("value", ["postgres://user:p/ss@db/certdash", "postgres://user:pass@[::1/certdash"])
def test_a_database_address_that_cannot_be_split_is_not_repeated(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.SettingError, match="X cannot be read as an address") as told:
        env.database("X", "")
    assert "user" not in str(told.value)


def test_a_word_is_chosen_in_any_case_and_another_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "debug")
    assert env.choice("X", "INFO", ["DEBUG", "INFO"]) == "DEBUG"
    monkeypatch.setenv("X", "loud")
    with pytest.raises(env.SettingError, match="X is 'LOUD'; write one of DEBUG, INFO"):
        env.choice("X", "INFO", ["DEBUG", "INFO"])


def test_a_secret_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret"
    made = env.kept_secret("X", path)
    assert env.kept_secret("X", path) == made
    assert len(made) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_kill_while_the_secret_is_made_leaves_no_empty_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def killed(length: int) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("secrets.token_urlsafe", killed)
        with pytest.raises(KeyboardInterrupt):
            env.kept_secret("X", tmp_path / "secret")
    assert len(env.kept_secret("X", tmp_path / "secret")) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_secret_that_another_process_made_meanwhile_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def overtaken(length: int) -> str:
        path.write_text("theirs", encoding="ascii")
        return "ours"

    monkeypatch.setattr("secrets.token_urlsafe", overtaken)
    assert env.kept_secret("X", path) == "theirs"


@pytest.mark.parametrize("content", [b"", b"\n", "schlüssel".encode()])
def test_a_kept_secret_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(env.SettingError, match=f"^{tmp_path / 'secret'}, which keeps X, "):
        env.kept_secret("X", tmp_path / "secret")


@pytest.mark.parametrize("path", ["folder", "file/secret"])
def test_a_place_that_can_keep_no_secret_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(env.SettingError, match=f"^{tmp_path / path}, which keeps X, cannot be made or read"):
        env.kept_secret("X", tmp_path / path)


def test_a_file_of_settings_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\n\nX=from the file\nexport Y='quoted # value'\n", encoding="utf-8")
    monkeypatch.setenv("X", "from the environment")
    env.load(file)
    assert (env.text("X"), env.text("Y")) == ("from the environment", "quoted # value")


def test_without_a_file_of_settings_nothing_happens(tmp_path: Path) -> None:
    env.load(tmp_path / ".env")
    assert env.text("X", "default") == "default"


def test_a_file_of_settings_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CERTDASH_ENV_FILE", str(tmp_path / "absent"))
    with pytest.raises(env.SettingError, match="CERTDASH_ENV_FILE names"):
        env.load(tmp_path / ".env")


def test_a_file_of_settings_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"X=\xff\n")
    with pytest.raises(env.SettingError, match=f"^{tmp_path / '.env'}, a file of settings, cannot be read"):
        env.load(tmp_path / ".env")


def test_an_empty_name_reads_no_file_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("X=from the file\n", encoding="utf-8")
    monkeypatch.setenv("CERTDASH_ENV_FILE", "")
    env.load(tmp_path / ".env")
    assert env.text("X", "default") == "default"


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("X=1\nCERTDASH_BIND 127.0.0.1\n", encoding="utf-8")
    with pytest.raises(env.SettingError, match="line 2 is not NAME=value"):
        env.load(tmp_path / ".env")
