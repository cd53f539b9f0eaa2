#!/bin/bash
# get_debs.sh SUITE DEST PACKAGE...
# Unpack Debian packages of SUITE (trixie, sid, …) under DEST without installing them: nothing starts, nothing of the
# system changes. The mirror is the one this machine's own apt uses.
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: get_debs.sh SUITE DEST PACKAGE..." >&2
  exit 2
fi
suite=$1 dest=$2
shift 2
mirror=${BAROGRAPH_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Created-By: Packages' |
  awk '$2 == "Debian" { print $1; exit }')}
mirror=${mirror:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work"/lists/partial "$work"/cache/archives/partial "$work"/debs "$dest"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$work/sources.list"
apt=(-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -qq)
apt-get "${apt[@]}" update
(cd "$work/debs" && apt-get "${apt[@]}" download "$@")
for deb in "$work"/debs/*.deb; do
  dpkg-deb -x "$deb" "$dest"
done
