# Three stages: fetch the pinned tools, build the environment, run. The base is an argument, so that any mirror can serve it.
# docs/container.md says how to build, verify and run it.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS tools
ARG TARGETARCH=amd64
ARG TERRAFORM_VERSION=1.11.4
ARG TERRAFORM_URL=https://releases.hashicorp.com/terraform/${TERRAFORM_VERSION}/terraform_${TERRAFORM_VERSION}_linux_${TARGETARCH}.zip
# Of the linux_amd64 archive; another version or architecture needs its own, from the release's SHA256SUMS.
ARG TERRAFORM_SHA256=1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc
ARG ATMOS_VERSION=1.226.1
ARG ATMOS_URL=https://github.com/cloudposse/atmos/releases/download/v${ATMOS_VERSION}/atmos_${ATMOS_VERSION}_linux_${TARGETARCH}
# No default: take it from atmos_${ATMOS_VERSION}_SHA256SUMS of the release you trust. Without it the build stops.
ARG ATMOS_SHA256=""
COPY docker/fetch.py /fetch.py
RUN python3 /fetch.py "${TERRAFORM_URL}" "${TERRAFORM_SHA256}" terraform /tools/terraform \
 && python3 /fetch.py "${ATMOS_URL}" "${ATMOS_SHA256}" atmos /tools/atmos

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /opt/barograph
COPY pyproject.toml README.md LICENSE ./
COPY alerts alerts
COPY checks checks
COPY daemon daemon
COPY dashboards dashboards
COPY docs/runbooks docs/runbooks
RUN /opt/barograph/bin/python -m pip install --no-cache-dir .

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
# git and ssh fetch Terraform modules; tini is process 1, passes signals on and reaps what plans leave behind. Their
# versions are those of the base image's release, which is what is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 10001 barograph \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/barograph --no-create-home --shell /usr/sbin/nologin barograph \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/barograph
COPY docker/health.py /usr/local/lib/barograph/health.py
COPY --from=tools /tools/ /usr/local/bin/
COPY --from=build /opt/barograph /opt/barograph
ENV PATH=/opt/barograph/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/barograph
# The root can be read-only: what is written goes to the volume (store, scratch) and to /tmp, which should be a tmpfs.
VOLUME ["/var/lib/barograph"]
# For people, and for Prometheus where web.metrics_listen says so.
EXPOSE 9877 9878
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "/usr/local/lib/barograph/health.py"]
ENTRYPOINT ["/usr/bin/tini", "--", "barograph"]
CMD ["run", "-c", "/etc/barograph/barograph.yml"]
# Last, so that a new commit or hour changes no layer.
ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
ARG CREATED=""
LABEL org.opencontainers.image.title="barograph" \
      org.opencontainers.image.description="Watches AWS infrastructure built with Atmos and Terraform" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}"
