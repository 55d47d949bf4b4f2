import logging

import pytest

from vmfit_agent import cli


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "etc/vmfit/attributes.d").mkdir(parents=True)
    (root / "etc/hostname").write_text("alpha\n")
    (root / "etc/vmfit/attributes.d/rack.json").write_text('{"rack": 7}')
    (root / "proc").mkdir()
    (root / "proc/meminfo").write_text("MemTotal: 1 kB\n")
    return root


@pytest.fixture
def run(fake, root, monkeypatch, capsys):
    monkeypatch.setattr("vmfit_agent.commands.record.COLLECTORS", fake.collectors)

    def run(*arguments):
        status = cli.run(["record", "--root", str(root), *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    yield run
    logging.getLogger().handlers.clear()


def test_records_what_the_collectors_read(run, tmp_path):
    out = tmp_path / "out"
    status, said, _ = run(out)
    assert status == 0
    assert "3 files" in said
    assert (out / "etc/hostname").read_text() == "alpha\n"
    assert (out / "proc/meminfo").read_text() == "MemTotal: 1 kB\n"
    assert (out / "etc/vmfit/attributes.d/rack.json").read_text() == '{"rack": 7}'


def test_replaces_only_recordings(run, tmp_path):
    out = tmp_path / "out"
    run(out)
    (out / "etc/stale").write_text("x")
    status, _, err = run(out)
    assert (status, err) == (
        3,
        f"vmfit-agent: error: {out}: not empty; --overwrite replaces a recording\n",
    )
    assert run("--overwrite", out)[0] == 0
    assert not (out / "etc/stale").exists()
    other = tmp_path / "home"
    other.mkdir()
    (other / "thesis").write_text("x")
    status, _, err = run("--overwrite", other)
    assert (status, err) == (
        3,
        f"vmfit-agent: error: {other}: not a recording, so it is not overwritten\n",
    )
    assert (other / "thesis").exists()


def test_an_unwritable_place_is_one_line(run):
    status, _, err = run("/proc/here")
    assert status == 3
    assert err.startswith("vmfit-agent: error: /proc/here: ")
    assert len(err.splitlines()) == 1
