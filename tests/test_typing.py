"""What a user installs: the wheel holds the package alone, and a type checker knows its types."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from support import SUPPORT

import replaychart as rc

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network: the build's own requirements must be installed."""
    pytest.importorskip(
        "hatchling", reason="building the wheel needs hatchling: pip install -e '.[test]'"
    )
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def interpreter(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in whose environment the wheel is installed, beside all that this one has."""
    environment = tmp_path_factory.mktemp("user") / "environment"
    venv.create(environment)
    places = {"base": str(environment), "platbase": str(environment)}
    installed = Path(sysconfig.get_path("purelib", "venv", places))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    # As a line in here, a folder's own .pth files do not count: they may lead to this checkout.
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (installed / "dependencies.pth").write_text("\n".join(sorted(here)))
    return Path(sysconfig.get_path("scripts", "venv", places)) / Path(sys.executable).name


def _mypy(interpreter: Path, script: Path) -> subprocess.CompletedProcess[str]:
    """Check a script outside of this checkout, with strict settings and none of its own."""
    cache = interpreter.parent / "cache"
    options = ["--strict", "--config-file=", f"--cache-dir={cache}"]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, f"--python-executable={interpreter}", str(script)],
        cwd=interpreter.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "replaychart",
        f"replaychart-{rc.__version__}.dist-info",
    }
    assert "replaychart/py.typed" in names
    assert "replaychart/recordings/parabola.h5" in names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "replaychart").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_types_of_a_users_script(interpreter: Path) -> None:
    checked = _mypy(interpreter, SUPPORT / "user_script.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_type_checker_sees_every_public_name(interpreter: Path, tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    lines = ["import replaychart as rc", *(f"rc.{name}" for name in rc.__all__)]
    script.write_text("\n".join([*lines, "rc.no_such_name"]))
    checked = _mypy(interpreter, script)
    problems = [line for line in checked.stdout.splitlines() if ": error:" in line]
    assert len(problems) == 1, checked.stdout + checked.stderr
    assert problems[0].startswith(f"{script}:{len(lines) + 1}: error: ")


def test_type_checker_sees_a_wrong_argument(interpreter: Path, tmp_path: Path) -> None:
    script = tmp_path / "wrong.py"
    script.write_text("import replaychart as rc\nrc.feature_space('runs.h5')\n")
    checked = _mypy(interpreter, script)
    assert 'incompatible type "str"; expected "Run"' in checked.stdout, checked.stdout


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        ("feature_space(run, projection='pac')", "projection"),
        ("feature_space(run, projection=7)", "projection"),
        ("feature_space(run, positions='meen')", "positions"),
        ("feature_space(run, surface='hidden')", "surface"),
        ("feature_space(run, scale='log')", "scale"),
        ("feature_space(run, title=7)", "title"),
        ("feature_space(run, width='wide')", "width"),
        ("decision_boundary(run, at='middle')", "at"),
        ("loss_and_metric(run, source='logs')", "source"),
        ("loss_and_metric(run, loss_scale='sqrt')", "loss_scale"),
        ("probability_histogram(run, count_axis='own')", "count_axis"),
        ("weights(run, variable='kernels')", "variable"),
        ("spread(run, kind='gradient')", "kind"),
        ("spread(run, scale='fixed')", "scale"),
    ],
)
def test_type_checker_sees_a_misspelled_value(
    call: str, argument: str, interpreter: Path, tmp_path: Path
) -> None:
    script = tmp_path / "misspelled.py"
    script.write_text(f"import replaychart as rc\nrun = rc.open_run('a.h5')\nrc.{call}\n")
    checked = _mypy(interpreter, script)
    assert f'Argument "{argument}" to "{call.partition("(")[0]}" has' in checked.stdout
