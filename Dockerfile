# syntax=docker/dockerfile:1
# The one image of all processes: docker build --build-arg SERVICE=auth --tag tsunagu/auth .
# SERVICE is a service, `gateway` or `mail` (the mail sink of a demo). It holds that one's code and libraries alone.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm


FROM ${PYTHON_IMAGE} AS libraries
# Where packages come from is the machine's business: an index for pip and uv, if its own settings do not say it.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX=${PIP_INDEX_URL}
ENV UV_CACHE_DIR=/cache/uv UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1
WORKDIR /build
COPY requirements-image.lock ./
RUN --mount=type=cache,target=/cache/pip \
    python -m venv /opt/uv \
    && /opt/uv/bin/python -m pip install --quiet --disable-pip-version-check --cache-dir /cache/pip \
        --require-hashes --requirement requirements-image.lock
COPY pyproject.toml requirements.lock ./
ARG SERVICE
# The group says which libraries; versions and hashes are those of requirements.lock, and none that it has not.
RUN --mount=type=cache,target=/cache/uv \
    /opt/uv/bin/uv pip compile --quiet --no-header --no-annotate --group "${SERVICE:?}" \
        --constraints requirements.lock --output-file wanted.txt \
    && awk 'NR == FNR { wanted[$1]; count++; next } \
            /^[^ #]/ { taken = $1 in wanted; found += taken } \
            taken { print } \
            END { exit found != count }' wanted.txt requirements.lock > service.lock \
    && /opt/uv/bin/uv venv --quiet /opt/venv \
    && /opt/uv/bin/uv pip install --quiet --python /opt/venv --compile-bytecode \
        --no-deps --require-hashes --requirements service.lock


FROM ${PYTHON_IMAGE} AS program
ARG SERVICE
COPY . /source
WORKDIR /source
RUN case "${SERVICE:?}" in \
        gateway) set -- chassis contracts gateway ;; \
        mail) set -- devstack ;; \
        *) set -- chassis contracts services/__init__.py "services/$SERVICE" ;; \
    esac \
    && mkdir /app && cp -r --parents "$@" /app && chmod -R u=rwX,go=rX /app \
    && python -m compileall -q --invalidation-mode unchecked-hash /app
COPY --chmod=755 <<"SCRIPT" /app/start
#!/bin/sh
# What the container does: `web` when nothing is said; worker, aside, prepare, keys and the other commands of a service.
set -eu
case "$SERVICE:${1:-web}" in
mail:web) exec python -m devstack.mailsink /mails 1025 8000 0.0.0.0 ;;
gateway:web) app=gateway.bootstrap ;;
*:web) app=services.$SERVICE.bootstrap ;;
*:keys) exec python -m chassis.keyfiles /keys/signing/key.pem /keys/public/jwks.json /keys/pepper/pepper ;;
*) exec python -m chassis "$SERVICE" "$@" ;;
esac
export PROMETHEUS_MULTIPROC_DIR="${PROMETHEUS_MULTIPROC_DIR:-/tmp/metrics}"
exec gunicorn -c chassis/gunicorn_conf.py "$app:create_app()"
SCRIPT
COPY --chmod=755 <<"SCRIPT" /app/ready
#!/bin/bash
# Whether the process behind a port (8000: web, 9000: worker) is ready. Asked every few seconds, so it starts no program.
exec 3<>"/dev/tcp/127.0.0.1/${1:-8000}" || exit 1
printf 'GET /health/ready HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 4 _ status _ <&3 && [ "$status" = 200 ]
SCRIPT


FROM ${PYTHON_IMAGE}
ARG SERVICE
LABEL org.opencontainers.image.title="tsunagu-${SERVICE}"
# Volumes that are empty take the owner of these folders; whoever runs the image elsewhere mounts what it needs there.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tsunagu \
    && install -d -o tsunagu -g tsunagu -m 750 /keys/signing /keys/pepper /mails /spool \
    && install -d -o tsunagu -g tsunagu -m 755 /keys/public
COPY --from=libraries /opt/venv /opt/venv
COPY --from=program /app /app
ENV SERVICE=${SERVICE} \
    PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    BIND=0.0.0.0:8000 \
    METRICS_BIND=0.0.0.0:9000
WORKDIR /app
USER 10001:10001
EXPOSE 8000 9000
ENTRYPOINT ["/app/start"]
CMD ["web"]
