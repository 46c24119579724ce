/* A simulated NVIDIA driver library: NVML's C interface over a control file of doubles.
 *
 * The file named by GBSIM_NVML_CONTROL is mapped and read on every call, so a test can change
 * anything while it runs. Its layout is in nvml.py. The energy of a device at time t of
 * CLOCK_MONOTONIC is in closed form: the same terms as curves.py.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef unsigned int nvmlReturn_t;
typedef void *nvmlDevice_t;
enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7,
       DRIVER_NOT_LOADED = 9 };

enum { DEVICE_DOUBLES = 128, MAX_PROCESSES = 8, MIG = 1000 };
/* Places in the header, then in each device's block. */
enum { H_DEVICES = 0, H_INIT_ERROR = 1, H_CALLS = 2, H_SIZE = 8 };
enum { D_CURVE = 0, D_UPDATE = 12, D_PHASE = 13, D_LATENCY = 14, D_ORIGIN = 15, D_LOST = 16,
       D_AVERAGE = 17, D_LIMIT_W = 18, D_MIG = 19, D_MIG_COUNT = 20, D_MIG_ENERGY = 21,
       D_UTIL = 22, D_TEMPERATURE = 23, D_CLOCK = 24, D_THROTTLE = 25, D_MEMORY = 26,
       D_POWER_UPDATE = 27, D_PROCESSES = 30, D_ERRORS = 80 };
/* Calls that can be told to fail; the numbers index D_ERRORS. */
enum { C_HANDLE = 0, C_UUID = 1, C_NAME = 2, C_ENERGY = 3, C_POWER = 4, C_CONSTRAINTS = 5,
       C_UTILIZATION = 6, C_TEMPERATURE = 7, C_CLOCK = 8, C_THROTTLE = 9, C_MEMORY = 10,
       C_PROCESSES = 11, C_PROCESS_UTILIZATION = 12, C_MIG = 13, C_FIELDS = 14, C_ENFORCED = 15 };

static double *control;
static size_t control_size;

static int map_control(void) {
    if (control) return 1;
    const char *path = getenv("GBSIM_NVML_CONTROL");
    struct stat info;
    int descriptor = path ? open(path, O_RDWR) : -1;
    if (descriptor < 0 || fstat(descriptor, &info)) return 0;
    void *mapped = mmap(NULL, info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) return 0;
    control = mapped;
    control_size = info.st_size;
    return 1;
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

static int index_of(nvmlDevice_t device) { return (int)((long)device % MIG) - 1; }
static int is_mig(nvmlDevice_t device) { return (long)device >= MIG; }

static double *block(nvmlDevice_t device) {
    return control + H_SIZE + (long)index_of(device) * DEVICE_DOUBLES;
}

static double pulse_energy(const double *p, double t) {
    double x = (t - p[3]) / p[1], whole = floor(x), part = x - whole;
    return p[0] * p[1] * (whole * p[2] + (part < p[2] ? part : p[2]));
}

static double pulse_power(const double *p, double t) {
    double x = (t - p[3]) / p[1];
    return x - floor(x) < p[2] ? p[0] : 0.0;
}

static double ramp_along(const double *c, double t) {
    double end = t < c[2] ? c[2] : t;
    return (end > c[3] ? c[3] : end) - c[2];
}

static double energy_j(const double *c, double t) {
    double along = ramp_along(c, t), held = t > c[3] ? t - c[3] : 0.0;
    return c[0] * t + c[1] * along * (along / 2 + held) + pulse_energy(c + 4, t) +
           pulse_energy(c + 8, t);
}

static double power_w(const double *c, double t) {
    return c[0] + c[1] * ramp_along(c, t) + pulse_power(c + 4, t) + pulse_power(c + 8, t);
}

static double updated_s(double period, double phase, double t) {
    return period > 0 ? floor((t - phase) / period) * period + phase : t;
}

/* Initialised, latency spent, device present, call not told to fail. */
static nvmlReturn_t check(nvmlDevice_t device, int call) {
    if (!control) return UNINITIALIZED;
    if (index_of(device) < 0 || index_of(device) >= (int)control[H_DEVICES]) return INVALID;
    double *d = block(device);
    control[H_CALLS] += 1;
    if (d[D_LATENCY] > 0) {
        struct timespec pause = {0, (long)(d[D_LATENCY] * 1e9)};
        nanosleep(&pause, NULL);
    }
    if (d[D_LOST] > 0) return 15;
    return (nvmlReturn_t)d[D_ERRORS + call];
}

#define CHECKED(call)                          \
    nvmlReturn_t refusal = check(device, call); \
    if (refusal) return refusal;               \
    double *d = block(device)

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    if (!map_control()) return DRIVER_NOT_LOADED;
    return (nvmlReturn_t)control[H_INIT_ERROR];
}
nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
nvmlReturn_t nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(nvmlReturn_t result) {
    switch (result) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case TOO_SMALL: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    case 18: return "RM has detected an NVML/RM version mismatch.";
    default: return "Unknown Error";
    }
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned int size) {
    snprintf(text, size, "999.00");
    return SUCCESS;
}
nvmlReturn_t nvmlSystemGetNVMLVersion(char *text, unsigned int size) {
    snprintf(text, size, "12.999.00");
    return SUCCESS;
}
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = 12040;
    return SUCCESS;
}
nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    if (!control) return UNINITIALIZED;
    *count = (unsigned int)control[H_DEVICES];
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device_out) {
    nvmlDevice_t device = (nvmlDevice_t)(long)(index + 1);
    nvmlReturn_t refusal = check(device, C_HANDLE);
    if (!refusal) *device_out = device;
    return refusal;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *text, unsigned int size) {
    CHECKED(C_UUID);
    (void)d;
    if (is_mig(device))
        snprintf(text, size, "MIG-51300000-0000-0000-%04d-%012ld", index_of(device), (long)device / MIG);
    else
        snprintf(text, size, "GPU-51300000-0000-0000-0000-%012d", index_of(device));
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device_out) {
    if (!control) return UNINITIALIZED;
    for (int i = 0; i < (int)control[H_DEVICES]; i++) {
        char own[96];
        nvmlDevice_t device = (nvmlDevice_t)(long)(i + 1);
        if (nvmlDeviceGetUUID(device, own, sizeof own) == SUCCESS && !strcmp(own, uuid)) {
            *device_out = device;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index) {
    *index = (unsigned int)index_of(device);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *text, unsigned int size) {
    CHECKED(C_NAME);
    (void)d;
    snprintf(text, size, "Simulated A100-SXM4-40GB");
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t device, unsigned int *architecture) {
    (void)device;
    *architecture = 7;
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    (void)device;
    *major = 8;
    *minor = 0;
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *mj) {
    CHECKED(C_ENERGY);
    if (is_mig(device) && d[D_MIG_ENERGY] <= 0) return NOT_SUPPORTED;
    double at = updated_s(d[D_UPDATE], d[D_PHASE], now_s());
    double part = is_mig(device) ? d[D_MIG_ENERGY] : 1.0;
    *mj = (unsigned long long)(part * 1e3 * (energy_j(d, at) - energy_j(d, d[D_ORIGIN])));
    return SUCCESS;
}

/* The mean over the last D_AVERAGE seconds before the reading's last update. */
static double reading_w(const double *d) {
    double at = updated_s(d[D_POWER_UPDATE], d[D_PHASE], now_s());
    if (d[D_AVERAGE] <= 0) return power_w(d, at);
    return (energy_j(d, at) - energy_j(d, at - d[D_AVERAGE])) / d[D_AVERAGE];
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *mw) {
    CHECKED(C_POWER);
    if (is_mig(device)) return NOT_SUPPORTED;
    *mw = (unsigned int)lround(1e3 * reading_w(d));
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *low,
                                                          unsigned int *high) {
    CHECKED(C_CONSTRAINTS);
    *low = 100000;
    *high = (unsigned int)(1e3 * d[D_LIMIT_W]);
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *mw) {
    CHECKED(C_ENFORCED);
    *mw = (unsigned int)(1e3 * d[D_LIMIT_W]);
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned int *mw) {
    return nvmlDeviceGetEnforcedPowerLimit(device, mw);
}

typedef struct { unsigned int gpu, memory; } Utilization;
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, Utilization *rates) {
    CHECKED(C_UTILIZATION);
    rates->gpu = (unsigned int)d[D_UTIL];
    rates->memory = (unsigned int)(d[D_UTIL] / 2);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int *c) {
    CHECKED(C_TEMPERATURE);
    (void)sensor;
    *c = (unsigned int)d[D_TEMPERATURE];
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned int kind, unsigned int *mhz) {
    CHECKED(C_CLOCK);
    (void)kind;
    *mhz = (unsigned int)d[D_CLOCK];
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
                                                       unsigned long long *reasons) {
    CHECKED(C_THROTTLE);
    *reasons = (unsigned long long)d[D_THROTTLE];
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device,
                                                    unsigned long long *reasons) {
    return nvmlDeviceGetCurrentClocksThrottleReasons(device, reasons);
}

typedef struct { unsigned long long total, free, used; } Memory;
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, Memory *memory) {
    CHECKED(C_MEMORY);
    memory->total = 40ULL << 30;
    memory->used = (unsigned long long)d[D_MEMORY];
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

/* Processes: (pid, SM %, memory %, bytes) each. */
typedef struct { unsigned int pid; unsigned long long bytes; unsigned int gi, ci; } ProcessInfo;
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                     ProcessInfo *infos) {
    CHECKED(C_PROCESSES);
    unsigned int found = 0, room = *count;
    for (int i = 0; i < MAX_PROCESSES; i++) {
        const double *p = d + D_PROCESSES + 4 * i;
        if (p[0] <= 0) continue;
        if (infos && found < room) infos[found] = (ProcessInfo){(unsigned int)p[0], (unsigned long long)p[3], -1, -1};
        found++;
    }
    *count = found;
    return found > room ? TOO_SMALL : SUCCESS;
}
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned int *count,
                                                      ProcessInfo *infos) {
    CHECKED(C_PROCESSES);
    (void)d;
    (void)infos;
    *count = 0;
    return SUCCESS;
}

typedef struct {
    unsigned int pid;
    unsigned long long stamp_us;
    unsigned int sm, memory, encoder, decoder;
} ProcessUtilization;
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, ProcessUtilization *samples,
                                             unsigned int *count, unsigned long long since_us) {
    CHECKED(C_PROCESS_UTILIZATION);
    if (d[D_MIG] > 0) return NOT_SUPPORTED;
    if (!samples) {
        *count = MAX_PROCESSES;
        return TOO_SMALL;
    }
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    unsigned long long stamp = wall.tv_sec * 1000000ULL + wall.tv_nsec / 1000;
    unsigned int found = 0;
    for (int i = 0; i < MAX_PROCESSES; i++) {
        const double *p = d + D_PROCESSES + 4 * i;
        if (p[0] <= 0 || stamp <= since_us) continue;
        samples[found++] = (ProcessUtilization){(unsigned int)p[0], stamp, (unsigned int)p[1], (unsigned int)p[2], 0, 0};
    }
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *later) {
    CHECKED(C_MIG);
    *current = *later = d[D_MIG] > 0;
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count) {
    CHECKED(C_MIG);
    (void)d;
    *count = 7;
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index,
                                                 nvmlDevice_t *mig) {
    CHECKED(C_MIG);
    if (d[D_MIG] <= 0 || index >= d[D_MIG_COUNT]) return NOT_FOUND;
    *mig = (nvmlDevice_t)((long)device + MIG * (long)(index + 1));
    return SUCCESS;
}
nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *answer) {
    *answer = is_mig(device);
    return SUCCESS;
}

/* NVML_FI_DEV_POWER_AVERAGE (185) and _INSTANT (186). */
typedef struct {
    unsigned int field, scope;
    long long stamp_us, latency_us;
    unsigned int kind;
    nvmlReturn_t result;
    union { double d; unsigned int ui; unsigned long long ull; } value;
} FieldValue;
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, FieldValue *values) {
    CHECKED(C_FIELDS);
    for (int i = 0; i < count; i++) {
        values[i].result = NOT_SUPPORTED;
        if (values[i].field != 185 && values[i].field != 186) continue;
        values[i].result = SUCCESS;
        values[i].kind = 1;
        double watts = values[i].field == 185 ? reading_w(d)
                                              : power_w(d, updated_s(d[D_POWER_UPDATE], d[D_PHASE], now_s()));
        values[i].value.ui = (unsigned int)lround(1e3 * watts);
    }
    return SUCCESS;
}
