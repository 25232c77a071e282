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
    sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$1"
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

# install_modules FOLDER: npm ci, unless what is there is newer than the lock file. Fails with a message when there is
# no npm or no network.
install_modules() {
    local folder=$1
    if [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ]; then
        return
    fi
    if ! command -v npm >/dev/null; then
        say "npm is not installed (apt-get install npm, then repeat)"
        return 1
    fi
    say "installing the node modules of ${folder#"$root/"}"
    if ! npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
        say "npm failed (repeat when there is a network)"
        return 1
    fi
}

# What browsers ask for, and where the packages of package.json have it.
CLIENT_LIBRARIES=(
    "socket.io-2.5.0.js      socket.io-client/dist/socket.io.js"
    "socket.io-2.5.0.js.map  socket.io-client/dist/socket.io.js.map"
    "socket.io-4.js          socket.io-client-4/dist/socket.io.min.js"
    "iobroker-ws.js          @iobroker/ws/build/esm/socket.io.min.js"
)

# copy_if_different SOURCE TARGET: whoever reads the target sees the old one or the new one.
copy_if_different() {
    if ! cmp -s "$1" "$2"; then
        cp "$1" "$2.tmp" && mv "$2.tmp" "$2"
    fi
}

# fetch_client_libraries PRESET: puts them into the share folder of build/PRESET. Without npm or network
# iobus works all the same, only pages that load one do not.
fetch_client_libraries() {
    local share=$root/build/$1/share/lib work=$root/build/client-libraries entry target source
    mkdir -p "$work" "$share"
    copy_if_different "$root/deploy/package.json" "$work/package.json"
    copy_if_different "$root/deploy/package-lock.json" "$work/package-lock.json"
    if ! install_modules "$work"; then
        say "pages that load socket.io.js or another client library will not find it"
        return
    fi
    for entry in "${CLIENT_LIBRARIES[@]}"; do
        read -r target source <<<"$entry"
        copy_if_different "$work/node_modules/$source" "$share/$target"
    done
}
