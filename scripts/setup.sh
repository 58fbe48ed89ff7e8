#!/usr/bin/env bash
# Make everything ready that `make demo` and `make test` need: system libraries, .venv, packages.
# Each step does nothing where its work is already done. PYTHON names the interpreter to use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What Qt and OpenGL need, and a virtual display where there is no real one. "a|b" is one library
# under two names (Debian 13 and Ubuntu 24.04 renamed some when time_t became 64 bits wide).
libraries=(
    "libglib2.0-0|libglib2.0-0t64" libgl1 libgl1-mesa-dri libegl1 libdbus-1-3 libfontconfig1
    libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxcb-xkb1
    libx11-xcb1
)
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then libraries+=(xvfb xauth); fi

say() { printf '%s\n' "$*"; }
stop() { say "setup: $*" >&2; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
has_venv() { is_new_enough .venv/bin/python && .venv/bin/python -c 'import pip' 2>/dev/null; }
is_installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
is_known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

find_python() {
    local name
    for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if is_new_enough "$name"; then say "$name"; return; fi
    done
}

any_installed() {
    local name
    for name in ${1//|/ }; do
        if is_installed "$name"; then return 0; fi
    done
    return 1
}

# Of the names of one library, the one that this release knows.
known_name() {
    local name
    for name in ${1//|/ }; do
        if is_known "$name"; then say "$name"; return; fi
    done
    say "${1%%|*}"
}

missing_packages() {
    local each python
    for each in "${libraries[@]}"; do
        any_installed "$each" || say "$each"
    done
    if has_venv; then return; fi
    python="$(find_python)"
    if [ -z "$python" ]; then
        if ! command -v python3 >/dev/null; then say python3; say python3-venv; fi
    elif ! can_make_venv "$python"; then
        say "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    fi
}

install_packages() {
    command -v apt-get >/dev/null || return 0
    local missing names=() each as_root=()
    missing="$(missing_packages)"
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if sudo -n true 2>/dev/null; then as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive); fi
    else
        as_root=(env DEBIAN_FRONTEND=noninteractive)
    fi
    if [ "${#as_root[@]}" -gt 0 ]; then
        "${as_root[@]}" apt-get update -qq ||
            say "setup: the package lists could not be refreshed; going on with the ones at hand" >&2
    fi
    for each in $missing; do names+=("$(known_name "$each")"); done
    [ "${#as_root[@]}" -gt 0 ] ||
        stop "system packages are missing; run: sudo apt-get install --no-install-recommends ${names[*]}"
    say "setup: installing ${names[*]}"
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${names[@]}" >/dev/null ||
        stop "apt-get failed; run: sudo apt-get install --no-install-recommends ${names[*]}"
}

make_venv() {
    if has_venv; then return; fi
    local python
    python="$(find_python)"
    [ -n "$python" ] || stop "Python 3.11 or newer is needed and none was found;" \
        "install one, or name it: make PYTHON=/path/to/python3.12 …"
    can_make_venv "$python" || stop "$python cannot make virtual environments; install its venv module"
    "$python" -m venv --clear .venv
}

# One digest of what decides what is installed: the stamp says which one .venv was made from.
wanted() { cat pyproject.toml constraints.txt | cksum; }

install_python_packages() {
    if [ "$(cat .venv/.ready 2>/dev/null)" = "$(wanted)" ]; then return; fi
    say "setup: installing napari-focusqc and what it needs into .venv (the first time takes minutes)"
    .venv/bin/python -m pip install -q --disable-pip-version-check \
        -c constraints.txt -e ".[all,testing]" || stop "pip failed, see above"
    wanted >.venv/.ready
}

install_packages
make_venv
install_python_packages
