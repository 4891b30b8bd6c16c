#!/usr/bin/env bash
# Installs commands that are missing, with apt, as root or through sudo. Usage: need.sh COMMAND…
# On a machine without apt it names what to install and fails.
set -euo pipefail

package_of() {
    case $1 in
        cc) echo build-essential ;;
        g++) echo build-essential ;;
        node | npm) echo "nodejs npm" ;;
        nginx) echo nginx-light ;;
        setpriv) echo util-linux ;;
        ip) echo iproute2 ;;
        *) echo "$1" ;;
    esac
}

present() {
    case $1 in
        python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        *) PATH=$PATH:/usr/sbin command -v "$1" >/dev/null ;;
    esac
}

missing=()
for name in "$@"; do
    present "$name" || read -ra packages <<<"$(package_of "$name")"
    present "$name" || missing+=("${packages[@]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "please install: ${missing[*]}" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
