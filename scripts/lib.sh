# shellcheck shell=bash
# What scripts/run and scripts/test share: finding what is missing and installing it. Sourced, never run.

# Tools the project installs for itself. CI points it outside the clone, so that they are built once per machine.
TOOLS=${TEILHABE_TOOLS:-$PWD/.tools}
export PATH="$TOOLS/bin:$PATH"

say() { printf '\n== %s\n' "$*"; }

stop() {
    printf 'teilhabe: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        stop "this needs root, and there is no sudo: run as root: $*"
    fi
}

install_debian() {
    command -v apt-get >/dev/null || stop "please install these with your system's package manager, then start again: $*"
    say "Installing Debian packages: $*"
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# need_debian COMMAND:PACKAGE … installs the packages whose command is missing.
need_debian() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    [ ${#missing[@]} -eq 0 ] || install_debian "${missing[@]}"
}

# SQLite and the TLS library bring C code.
need_c_compiler() {
    if ! command -v cc >/dev/null || ! [ -e /usr/include/stdlib.h ]; then install_debian gcc libc6-dev; fi
}

need_rust() {
    command -v cargo >/dev/null || stop "Rust is missing: install it from https://rustup.rs (version $(wanted_rust) or newer), then start again"
    local have
    have=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$(wanted_rust)" "$have" | sort -V | head -n1)" = "$(wanted_rust)" ] ||
        stop "Rust $have is too old, $(wanted_rust) or newer is needed: run 'rustup update stable', then start again"
}

wanted_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }

# need_cargo_tool NAME VERSION builds a cargo subcommand from crates.io into $TOOLS when there is none.
need_cargo_tool() {
    command -v "$1" >/dev/null && return 0
    say "Building $1 $2 into $TOOLS (once, some minutes)"
    cargo install --quiet --locked --root "$TOOLS" --target-dir "$TOOLS/build" "$1" --version "$2"
    rm -rf "$TOOLS/build"
}

# need_python FILE [NAME] makes $TOOLS/NAME (py) hold exactly the Python packages of a requirements file.
need_python() {
    local place="$TOOLS/${2:-py}"
    local mark="$place/requirements.txt"
    cmp -s "$1" "$mark" && return 0
    python3 -c 'import ensurepip' 2>/dev/null || install_debian python3-venv
    say "Installing Python packages of $1 into $place"
    python3 -m venv --clear "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check -r "$1"
    cp "$1" "$mark"
}

# need_axe puts axe-core, which looks for what keeps people out of a page, at $TEILHABE_AXE: from npm, this version, these bytes.
need_axe() {
    local version=4.14.1 sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745 folder
    export TEILHABE_AXE=$TOOLS/axe-core-$version.min.js
    [ -s "$TEILHABE_AXE" ] && return 0
    need_debian npm:npm
    say "Fetching axe-core $version"
    folder=$(mktemp -d)
    (cd "$folder" && npm pack --silent "axe-core@$version" >/dev/null) || stop "npm could not fetch axe-core $version: is the registry reachable?"
    printf '%s  %s\n' "$sum" "$folder/axe-core-$version.tgz" | sha256sum --check --quiet || stop "axe-core $version is not what it was: its bytes have changed"
    tar -xzf "$folder/axe-core-$version.tgz" -C "$folder"
    mkdir -p "$TOOLS"
    mv "$folder/package/axe.min.js" "$TEILHABE_AXE"
    rm -rf "$folder"
}

# debian_root SUITE PACKAGES [OPTION …] makes a Debian with these packages, once per machine, at $DEBIAN_ROOT. Whoever uses it lays something over
# it. The options are mmdebstrap's.
debian_root() {
    local suite=$1 packages=$2 draft
    shift 2
    DEBIAN_ROOT=$TOOLS/roots/$suite-$(printf '%s' "$packages" | sha256sum | cut -c1-8)
    [ ! -d "$DEBIAN_ROOT" ] || return 0
    need_debian mmdebstrap:mmdebstrap
    say "Making a Debian ($suite) at $DEBIAN_ROOT, once"
    draft=$DEBIAN_ROOT.draft
    as_root rm -rf --one-file-system "$draft"
    mkdir -p "$(dirname "$draft")"
    # In a mount name space of its own: what an interrupted run has mounted goes with it.
    as_root unshare --mount mmdebstrap --quiet --variant=minbase --include="$packages" "$@" "$suite" "$draft" http://deb.debian.org/debian
    as_root mv "$draft" "$DEBIAN_ROOT"
}

# measured_here HOW says when, where and at which commit figures were measured.
measured_here() {
    printf 'Measured on %s, %s, %s cores, Linux %s, load %s, by %s. Commit %s.\n\n' \
        "$(date -u +%F)" "$(sed -n 's/^model name\s*: //p;T;q' /proc/cpuinfo | head -n1)" "$(nproc)" "$(uname -r)" \
        "$(cut -d' ' -f1-3 /proc/loadavg)" "$1" "$(git rev-parse --short HEAD)"
}

# put_section NAME FROM INTO replaces what stands between <!-- NAME --> and <!-- end of NAME --> by the file FROM.
put_section() {
    grep -q "^<!-- $1 -->$" "$3" || stop "$3 has no section $1"
    sed -i -e "/^<!-- $1 -->$/,/^<!-- end of $1 -->$/ { /^<!--/!d }" -e "/^<!-- $1 -->$/r $2" "$3"
}
