# Shared by scripts/test and scripts/quickstart, which source it: Python, the project, an engine
# and its images. Everything is kept in the checkout: .venv (or $VENV) and .cache.
# shellcheck shell=sh

ROOT=$(cd "$(dirname "$0")/.." && pwd)
CACHE=$ROOT/.cache
VENV=${VENV:-$ROOT/.venv}
GREENBENCH_TORCH_INDEX=${GREENBENCH_TORCH_INDEX-https://download.pytorch.org/whl/cpu}
OWN_BASE=greenbench-base:bookworm
IMAGE_PYTHON=3.11
DOCKERD=

say() { printf '\n== %s\n' "$*" >&2; }

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# What makes a command root's; a word of its own, so that `$SUDO command &` leaves the pid in $!.
SUDO=
[ "$(id -u)" -eq 0 ] || SUDO=sudo

as_root() {
    [ -z "$SUDO" ] || have "$SUDO" || fail "This needs root, and there is no sudo: $*"
    $SUDO "$@"
}

# --- Python ---------------------------------------------------------------------------------

# Whether $1 is a Python that can make the environment; with $2, of exactly that version.
suits() {
    "$1" -c '
import sys, venv, ensurepip
found = sys.version_info[:2]
wanted = tuple(map(int, sys.argv[1].split("."))) if sys.argv[1] else found
sys.exit(not (found == wanted and (3, 11) <= found <= (3, 13)))' "${2:-}" >/dev/null 2>&1
}

# Prints a suitable Python; the frameworks have wheels for 3.11 to 3.13.
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.12 python3.11 python3.13 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[123]*/bin/python3; do
        if [ -n "$candidate" ] && suits "$candidate" "${1:-}"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

make_environment() {
    "$VENV/bin/python" -c '' 2>/dev/null && return 0
    python=$(find_python "${1:-}") || fail "No Python 3.11, 3.12 or 3.13 with its venv module.
On Debian and Ubuntu: sudo apt-get install python3 python3-venv. Or name one: PYTHON=/path/to/python3."
    say "environment $VENV with $("$python" --version)"
    "$python" -m venv --clear "$VENV"
}

# The framework's pins, as its image has them: the Dockerfiles are their only place.
pins() {
    sed -n 's/^ARG \(CPU_\)\{0,1\}REQUIREMENT="\(.*\)"/\2/p' "$ROOT/dockerfiles/$1.Dockerfile"
}

# PyTorch's own index has builds for the CPU, a tenth of the size; used if it answers quickly.
torch_index() {
    if [ -n "$GREENBENCH_TORCH_INDEX" ] && [ "$(uname -s)" = Linux ] &&
        "$VENV/bin/python" - "$GREENBENCH_TORCH_INDEX" <<'PYTHON'
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=5).close()
except (OSError, ValueError):
    sys.exit(1)
PYTHON
    then
        printf '%s\n' "--extra-index-url $GREENBENCH_TORCH_INDEX"
    fi
}

# Installs what is named, unless the same was installed from the same project files before.
install_project() {
    stamp=$(cd "$ROOT" && printf '%s\n' "$*" | cat - pyproject.toml plugins/*/pyproject.toml | cksum)
    if [ "$(cat "$VENV/greenbench-installed" 2>/dev/null)" != "$stamp" ]; then
        say "installing into $VENV"
        (cd "$ROOT" && "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@")
        printf '%s\n' "$stamp" >"$VENV/greenbench-installed"
    fi
}

# --- the engine -----------------------------------------------------------------------------

engine_answers() { have docker && docker info >/dev/null 2>&1; }

# Installs what is missing for an engine, a base image and the tests. Only ever on request.
install_system() {
    packages=
    have dockerd && have docker || packages="$packages docker.io"
    have iptables || [ -x /usr/sbin/iptables ] || packages="$packages iptables"
    have debootstrap || [ -x /usr/sbin/debootstrap ] ||
        packages="$packages debootstrap debian-archive-keyring"
    have gcc || packages="$packages gcc libc6-dev"
    if [ "${1:-}" = browser ]; then
        have chromium || have google-chrome || packages="$packages chromium"
        have chromedriver || packages="$packages chromium-driver"
    fi
    if [ -n "$packages" ]; then
        have apt-get || fail "Install by hand here:$packages
Docker Engine: https://docs.docker.com/engine/install/"
        say "installing$packages"
        as_root apt-get update -qq
        # shellcheck disable=SC2086 # a list of words
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends $packages </dev/null >/dev/null
    fi
}

# Starts an engine if none answers; the one started here ends with the script.
start_engine() {
    engine_answers && return 0
    if [ -d /run/systemd/system ]; then
        say "starting the engine with systemctl"
        as_root systemctl start docker
        engine_answers && return 0
        fail "The engine runs, but not for you. Run: sudo usermod -aG docker $(id -un); log in again."
    fi
    mkdir -p "$CACHE"
    # Without bridge and iptables an engine still does all that greenbench asks of it.
    for options in "" "--bridge=none --iptables=false"; do
        say "starting dockerd $options"
        # shellcheck disable=SC2086 # a list of words
        $SUDO dockerd $options </dev/null >"$CACHE/dockerd.log" 2>&1 &
        DOCKERD=$!
        trap stop_engine EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        waited_s=0
        while $SUDO kill -0 "$DOCKERD" 2>/dev/null && [ "$waited_s" -lt 60 ]; do
            engine_answers && return 0
            sleep 1
            waited_s=$((waited_s + 1))
        done
        stop_engine
    done
    tail -n 20 "$CACHE/dockerd.log" >&2
    fail "dockerd does not start; its last lines are above, all of them in $CACHE/dockerd.log."
}

stop_engine() {
    if [ -n "$DOCKERD" ]; then
        as_root kill "$DOCKERD" 2>/dev/null || true
        wait "$DOCKERD" 2>/dev/null || true
        DOCKERD=
    fi
}

# --- images ---------------------------------------------------------------------------------

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# Sets BASE: empty for the Dockerfiles' own, else an image made here. Fails if there is neither.
find_base() {
    official=$(sed -n 's/^ARG BASE=//p' "$ROOT/dockerfiles/plain.Dockerfile")
    BASE=
    has_image "$official" && return 0
    BASE=$OWN_BASE
    has_image "$BASE" && return 0
    say "pulling $official"
    if docker pull --quiet "$official" >/dev/null; then
        BASE=
        return 0
    fi
    make_base
}

# A base image without a registry: a minimal Debian, whose Python is the one of the official base.
make_base() {
    debootstrap=$(PATH=$PATH:/usr/sbin command -v debootstrap) || return 1
    say "making $BASE with debootstrap"
    mkdir -p "$CACHE"
    rootfs=$CACHE/rootfs
    as_root rm -rf "$rootfs"
    as_root "$debootstrap" --variant=minbase \
        --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$rootfs" \
        >"$CACHE/debootstrap.log" 2>&1 || {
        tail -n 20 "$CACHE/debootstrap.log" >&2
        return 1
    }
    as_root rm -rf "$rootfs/var/cache/apt" "$rootfs/var/lib/apt/lists" "$rootfs/usr/share/doc"
    as_root tar -C "$rootfs" -c . | docker import - "$BASE" >/dev/null
    as_root rm -rf "$rootfs"
}

# Wheels for the image's Python, from the pins of the Dockerfiles.
fill_wheelhouse() {
    wheelhouse=$CACHE/wheelhouse
    wanted="$(pins torch) $(pins tensorflow)"
    [ "$(cat "$wheelhouse/complete" 2>/dev/null)" = "$wanted" ] && return 0
    say "downloading wheels for $wanted"
    rm -rf "$wheelhouse"
    mkdir -p "$wheelhouse"
    # shellcheck disable=SC2046,SC2086 # lists of words; no pathname has a pin's form
    (cd "$wheelhouse" && "$VENV/bin/python" -m pip download --quiet --disable-pip-version-check \
        --python-version "$IMAGE_PYTHON" --only-binary=:all: --dest . $(torch_index) $wanted)
    printf '%s\n' "$wanted" >"$wheelhouse/complete"
}

# Builds what is missing of all images; without a registry from BASE and wheels downloaded here.
build_images() {
    set --
    if [ -n "$BASE" ]; then
        fill_wheelhouse
        set -- --base "$BASE" --wheelhouse "$CACHE/wheelhouse"
    fi
    say "images"
    "$VENV/bin/greenbench" images build "$@"
    "$VENV/bin/greenbench" images build --framework plain "$@"
}
