"""What the kernel's files say of the processors' clock and temperature."""

from __future__ import annotations

from greenbench.host.cpu_sensors import MOST_FILES, CpuSensors


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def test_the_highest_clock_and_the_hottest_sensor_of_a_processor(tmp_path):
    cpufreq, hwmon = tmp_path / "cpufreq", tmp_path / "hwmon"
    for number, khz in enumerate((800_000, 3_400_000, 1_200_000)):
        write(cpufreq / f"policy{number}" / "scaling_cur_freq", khz)
    for chip, name, readings in (
        ("hwmon0", "nvme", (95_000,)),
        ("hwmon1", "coretemp", (61_000, 67_500)),
        ("hwmon2", "coretemp", (60_000,)),
    ):
        write(hwmon / chip / "name", name)
        for number, value in enumerate(readings):
            write(hwmon / chip / f"temp{number + 1}_input", value)
    write(hwmon / "hwmon0" / "temp1_crit", 84_000)
    write(hwmon / "hwmon1" / "temp1_crit", 100_000)
    write(hwmon / "hwmon2" / "temp1_crit", 71_000)
    sensors = CpuSensors.find(cpufreq, hwmon)
    assert sensors.clock_mhz() == 3400.0
    assert sensors.temperature_c() == 67.5, "a disk's is none of a processor's"
    assert sensors.limit_c() == 71.0
    (cpufreq / "policy1" / "scaling_cur_freq").unlink()
    assert sensors.clock_mhz() == 1200.0, "a processor that was taken offline"


def test_a_host_that_tells_nothing_and_one_with_hundreds_of_processors(tmp_path):
    none = CpuSensors.find(tmp_path / "no", tmp_path / "no")
    assert (none.clock_mhz(), none.temperature_c()) == (None, None)
    assert none.limit_c() is None
    for number in range(256):
        write(tmp_path / f"policy{number}" / "scaling_cur_freq", 1_000_000)
    assert 0 < len(CpuSensors.find(tmp_path, tmp_path / "no").clocks) <= MOST_FILES
