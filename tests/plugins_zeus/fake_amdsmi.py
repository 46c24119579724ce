"""AMD SMI with GPUs that a test describes: the calls that Zeus makes, in its units."""

from dataclasses import dataclass, field
from types import SimpleNamespace


class LibraryError(Exception):
    def __init__(self, code, info):
        super().__init__(info)
        self.get_error_code = lambda: code
        self.get_error_info = lambda: info


NO_PERMISSION = LibraryError(10, "AMDSMI_STATUS_NO_PERM - Permission Denied")


@dataclass
class Gpu:
    """`counter_w` is the power that its energy counter shows, `average_w` and `current_w` what the
    readings say ("N/A" as AMD SMI does)."""

    hip: int = 0
    name: str = "AMD Instinct MI300X"
    counter_w: float = 400.0
    average_w: object = "N/A"
    current_w: object = 400
    uuid: str = "4bff74a1-0000-1000-80e9-df867a4f1d3b"
    fails: dict = field(default_factory=dict)

    def check(self, call):
        if call in self.fails:
            raise self.fails[call]


def amdsmi(clock, gpus):
    """A stand-in for the module; `clock` returns seconds. Counters count 15.3 µJ, as the MI300's."""

    def of(call, answer):
        def run(gpu, *arguments):
            gpu.check(call)
            return answer(gpu)

        return run

    return SimpleNamespace(
        AmdSmiInitFlags=SimpleNamespace(INIT_AMD_GPUS=2),
        AmdSmiLibraryException=LibraryError,
        AmdSmiException=LibraryError,
        amdsmi_init=lambda flags: None,
        amdsmi_shut_down=lambda: None,
        amdsmi_get_processor_handles=lambda: gpus,
        amdsmi_get_gpu_enumeration_info=of("enumeration", lambda g: {"hip_id": g.hip}),
        amdsmi_get_gpu_asic_info=of("asic", lambda g: {"market_name": g.name}),
        amdsmi_get_gpu_device_uuid=of("uuid", lambda g: g.uuid),
        amdsmi_get_power_cap_info=of(
            "cap", lambda g: {"min_power_cap": 0, "max_power_cap": 750_000_000}
        ),
        amdsmi_get_power_info=of(
            "power",
            lambda g: {"average_socket_power": g.average_w, "current_socket_power": g.current_w},
        ),
        amdsmi_get_energy_count=of(
            "energy",
            lambda g: {
                "energy_accumulator": int(g.counter_w * clock() / 15.3e-6),
                "counter_resolution": 15.3,
            },
        ),
    )
