# Three stages: fetch the pinned tools, build the environment, run. The base is an argument, so that any mirror can serve it.
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
RUN /opt/barograph/bin/python -m pip install --no-cache-dir .

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="barograph" \
      org.opencontainers.image.description="Watches AWS infrastructure built with Atmos and Terraform" \
      org.opencontainers.image.licenses="Apache-2.0"
# git and ssh fetch Terraform modules. Their versions are those of the base image's release, which is what is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 barograph \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/barograph --create-home --shell /usr/sbin/nologin barograph
COPY --from=tools /tools/ /usr/local/bin/
COPY --from=build /opt/barograph /opt/barograph
ENV PATH=/opt/barograph/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/barograph
# The root can be read-only: what is written goes to the volume (store, scratch) and to /tmp.
VOLUME ["/var/lib/barograph", "/tmp"]
EXPOSE 9877
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9877/healthz', timeout=4)"]
ENTRYPOINT ["barograph"]
CMD ["run", "-c", "/etc/barograph/barograph.yml"]
