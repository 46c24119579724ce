"""The example of docs/hooks/energy.md: it is what the page shows, it installs, it measures."""

import inspect
import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import pytest

from greenbench import hookspecs
from greenbench.api import Channel

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "fixtures" / "plugin-meter"
PAGE = (ROOT / "docs" / "hooks" / "energy.md").read_text(encoding="utf-8")

AS_INSTALLED = """
import json
from greenbench.energy import open_channels
from greenbench.errors import EnergyError
from greenbench.plugins import load_plugins

energy = load_plugins().energy
offered = list(energy.offered.values())
found = {"distribution": energy["wall"].distribution}
try:
    with open_channels(offered, ["wall"]) as opened:
        found["channels"] = [c.name for c in opened.channels]
        found["units_w"] = [r.read() * r.channel.unit_w for r in opened.readers]
        found["max_power_w"] = opened.channels[0].max_power_w
        found["averaging_s"] = opened.channels[0].averaging_s
except EnergyError as error:
    found["error"] = str(error)
found["auto"] = list(open_channels(offered).backends)
print(json.dumps(found))
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_page_shows_the_files_verbatim():
    assert (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8") in blocks("toml")
    assert (EXAMPLE / "greenbench_meter.py").read_text(encoding="utf-8") in blocks("python")


def test_the_signature_is_the_hooks():
    signature = inspect.signature(hookspecs.greenbench_energy_backends)
    assert f"def greenbench_energy_backends{signature}".replace("'", "") in blocks("python")[0]


def test_the_page_explains_every_field_of_a_channel():
    for field in fields(Channel):
        assert f"`{field.name}`" in PAGE, field.name


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The example built as a wheel and unpacked as pip would."""
    dist, site = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)]
    subprocess.run(build, cwd=EXAMPLE, check=True, capture_output=True)
    (wheel,) = dist.glob("greenbench_meter-*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    return site


@pytest.fixture
def hwmon(tmp_path):
    """Two hwmon devices: a fan controller and, second, a mainboard's power meter at 312.5 W."""
    for number, files in enumerate(
        [
            {"name": "nct6775", "fan1_input": "1200"},
            {
                "name": "power_meter",
                "power1_average": "312500000",
                "power1_average_interval": "1000",
                "power1_max": "2000000000",
            },
        ]
    ):
        folder = tmp_path / f"hwmon{number}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(f"{content}\n")
    return tmp_path


def run(code: str, site: Path, hwmon: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(site), "GREENBENCH_METER_ROOT": str(hwmon)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_it_is_found_and_read_on_request_alone(site, hwmon):
    found = json.loads(run(AS_INSTALLED, site, hwmon))
    assert found["distribution"] == "greenbench-meter"
    assert found["channels"] == ["wall/0"]
    assert found["units_w"] == pytest.approx([312.5])
    assert found["max_power_w"] == pytest.approx(2000)
    assert found["averaging_s"] == 1
    assert "wall" not in found["auto"]


def test_without_a_meter_it_says_what_to_do(site, tmp_path):
    found = json.loads(run(AS_INSTALLED, site, tmp_path))
    assert "there is no power meter" in found["error"]
    assert "modprobe acpi_power_meter" in found["error"]


def test_the_meter_integrates_it_as_the_page_shows(site, hwmon):
    energy_j = float(run(blocks("python")[2], site, hwmon).split()[0])
    assert energy_j == pytest.approx(3125, rel=1e-6)


def test_a_meter_that_is_not_read_as_a_number_is_an_error(site, hwmon):
    (hwmon / "hwmon1" / "power1_average").write_text("\n")
    code = "from greenbench_meter import WallBackend\nWallBackend().open()[0][0].read()"
    env = {**os.environ, "PYTHONPATH": str(site), "GREENBENCH_METER_ROOT": str(hwmon)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=False, capture_output=True, text=True
    )
    assert "OSError: wall/0: the meter reads" in done.stderr
