# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Functions that deploy/run and deploy/test share; sourced by them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

NODE_MIN=18 # the version of Debian 12

say() {
    printf '== %s\n' "$*" >&2
}

# Names in a list file, without comments.
package_names() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Installs those of the given packages that are missing; does nothing, not even an update of the
# package lists, when none is.
install_packages() {
    local missing=() name
    for name in "$@"; do
        is_installed "$name" || missing+=("$name")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Whether node is there in a version that the tests and the client library can use.
have_node() {
    command -v npm >/dev/null && command -v node >/dev/null &&
        [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$NODE_MIN" ]
}

# configure_and_build PRESET: builds into build/PRESET. A compiler cache is used where there is one.
# Ninja configures again by itself when a CMake file has changed; doing it every time would build
# everything again, because CMake orders the flags of pkg-config differently the second time.
configure_and_build() {
    local preset=$1 launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    say "building build/$preset"
    if [ ! -f "$root/build/$preset/build.ninja" ]; then
        (cd "$root" && cmake --preset "$preset" --log-level=WARNING "${launcher[@]}") >&2 || return
    fi
    cmake --build "$root/build/$preset" -j "$(nproc)" >&2
}

# fetch_client_library PRESET: puts the socket.io client that browsers ask for into the share folder of
# build/PRESET. Without npm or network iobus works all the same, only pages that load it do not.
fetch_client_library() {
    local share=$root/build/$1/share/lib work=$root/build/client-library
    local library=$work/node_modules/socket.io-client/dist/socket.io.js
    local target=$share/socket.io-2.5.0.js
    if [ -s "$target" ]; then
        return
    fi
    if [ ! -s "$library" ]; then
        if ! command -v npm >/dev/null; then
            say "npm is not installed: pages will not find /socket.io/socket.io.js (apt-get install npm, then repeat)"
            return
        fi
        say "fetching the socket.io client for browsers"
        mkdir -p "$work"
        cp "$root/deploy/package.json" "$root/deploy/package-lock.json" "$work/"
        if ! npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
            say "npm failed: pages will not find /socket.io/socket.io.js (repeat when there is a network)"
            return
        fi
    fi
    mkdir -p "$share"
    cp "$library" "$target.tmp"
    mv "$target.tmp" "$target"
}
