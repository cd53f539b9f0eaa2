#!/usr/bin/env bash
# docker/build.sh IMAGE [OPTION...]: build the image with buildah, podman or docker, with labels that say what is in it.
# OPTIONs go to the builder, such as --build-arg ATMOS_SHA256=…
#   BAROGRAPH_BUILDER     buildah | podman | docker; the first that is there, if not given
#   BAROGRAPH_BUILD_CERTS a folder of root certificates that the build trusts in place of the base image's, where a
#                         proxy intercepts TLS (buildah and podman; the base image must have ca-certificates)
#   BAROGRAPH_SOURCE      where the source is; the git remote, if not given
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 1 ]; then
  echo "usage: docker/build.sh IMAGE [OPTION...]" >&2
  exit 2
fi
image=$1
shift

builder=${BAROGRAPH_BUILDER:-}
for each in buildah podman docker; do
  if [ -z "$builder" ] && command -v "$each" >/dev/null; then builder=$each; fi
done
if [ -z "$builder" ]; then
  echo "docker/build.sh: neither buildah nor podman nor docker is here" >&2
  exit 1
fi

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || true)
if [ -n "$revision" ] && [ -n "$(git status --porcelain 2>/dev/null)" ]; then revision="$revision-changed"; fi
# A remote's address may carry a token; labels are for everybody.
source=${BAROGRAPH_SOURCE:-$(git config --get remote.origin.url 2>/dev/null | sed 's,//[^/@]*@,//,' || true)}
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)

options=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "SOURCE=$source"
  --build-arg "CREATED=$created")
# OCI's own format has no health check: without this it would be lost.
if [ "$builder" != docker ]; then options+=(--format docker); fi
if [ -n "${BAROGRAPH_BUILD_CERTS:-}" ] && [ "$builder" = docker ]; then
  echo "docker/build.sh: docker cannot mount BAROGRAPH_BUILD_CERTS while it builds; put the certificates into PYTHON_IMAGE" >&2
  exit 1
fi
if [ -n "${BAROGRAPH_BUILD_CERTS:-}" ]; then options+=(--volume "$BAROGRAPH_BUILD_CERTS:/etc/ssl/certs:ro"); fi
exec "$builder" build "${options[@]}" --tag "$image" "$@" .
