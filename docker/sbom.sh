#!/usr/bin/env bash
# docker/sbom.sh IMAGE SYFT: print a bill of materials of IMAGE as CycloneDX JSON, made by the program SYFT.
# IMAGE is where podman, buildah or docker keep their images; nothing is fetched and nothing is told to anybody.
set -euo pipefail
if [ $# -ne 2 ]; then
  echo "usage: docker/sbom.sh IMAGE SYFT" >&2
  exit 2
fi
image=$1 syft=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v buildah >/dev/null && buildah inspect --type image "$image" >/dev/null 2>&1; then
  buildah push --quiet "$image" "oci-archive:$work/image.tar" >&2
  from=oci-archive
elif command -v podman >/dev/null && podman image exists "$image"; then
  podman save --quiet --format oci-archive --output "$work/image.tar" "$image" >&2
  from=oci-archive
elif command -v docker >/dev/null && docker image inspect "$image" >/dev/null 2>&1; then
  docker save --output "$work/image.tar" "$image" >&2
  from=docker-archive
else
  echo "docker/sbom.sh: no image $image here; make image builds it" >&2
  exit 1
fi
SYFT_CHECK_FOR_APP_UPDATE=false "$syft" scan --quiet --output cyclonedx-json --source-name barograph "$from:$work/image.tar"
